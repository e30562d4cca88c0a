//! Addresses and coins on block chains: `token` is their word for a coin, and an address is public.

/// Whether a value is an address, or the name of a coin: Ethereum's `0x` and 20 bytes, bech32 (`inj1…`, BIP 173), Cosmos' `ibc/…` and
/// `factory/…`; under the name of a token also base58 of 32 bytes (Solana's mints) and of an XRP Ledger's or Tron's account.
pub(super) fn is_public(value: &[u8], name: &[u8]) -> bool {
    is_ethereum(value)
        || is_denomination(value)
        || is_bech32(value)
        || is_coin(name) && (is_base58(value) || is_issued(value))
}

/// `USD.r…`: the currency of an account of the XRP Ledger.
fn is_issued(value: &[u8]) -> bool {
    let Some(dot) = memchr::memchr(b'.', value) else { return false };
    let (coin, account) = (&value[..dot], &value[dot + 1..]);
    (coin.len() == 3 || coin.len() == 40) && account.starts_with(b"r") && is_base58(account)
}

fn is_ethereum(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").or_else(|| value.strip_prefix(b"peggy0x"));
    digits.is_some_and(|digits| digits.len() == 40 && digits.iter().all(u8::is_ascii_hexdigit))
}

fn is_denomination(value: &[u8]) -> bool {
    let hash = value.strip_prefix(b"ibc/");
    hash.is_some_and(|hash| hash.len() == 64 && hash.iter().all(u8::is_ascii_hexdigit))
        || value
            .strip_prefix(b"factory/")
            .is_some_and(|rest| rest.split(|byte| *byte == b'/').next().is_some_and(is_bech32))
}

/// A word, `1`, and 38 or more of its alphabet. Nostr's private keys are written so, too.
fn is_bech32(value: &[u8]) -> bool {
    let Some(one) = memchr::memrchr(b'1', value) else { return false };
    let (word, data) = (&value[..one], &value[one + 1..]);
    (2..=12).contains(&word.len())
        && word.iter().all(u8::is_ascii_lowercase)
        && word != b"nsec"
        && matches!(data.len(), 38..=62)
        && data.iter().all(|byte| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(byte))
}

/// `base_token`, `tokenAddress`, `WSOL_TOKEN`: a token of whom nobody says that it opens something.
fn is_coin(name: &[u8]) -> bool {
    let words = super::name::words(name);
    let opens = ["auth", "access", "api", "bearer", "refresh", "session", "bot", "secret", "user", "jwt", "key"];
    words.iter().any(|word| matches!(word.as_str(), "token" | "mint" | "address"))
        && !words.iter().any(|word| opens.contains(&word.as_str()))
}

fn is_base58(value: &[u8]) -> bool {
    let account = matches!(value.first(), Some(b'r' | b'T')) && matches!(value.len(), 33 | 34);
    let mint = matches!(value.len(), 43 | 44);
    (account || mint)
        && value.iter().all(|byte| byte.is_ascii_alphanumeric() && !b"0OIl".contains(byte))
        && value.iter().any(u8::is_ascii_digit)
        && value.iter().any(u8::is_ascii_uppercase)
        && value.iter().any(u8::is_ascii_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_coins() {
        let hex = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b".to_owned();
        // in two parts, so that no scanner takes it for what it is shown not to be
        let account = ["Kz7QmV4nPxbW9sYd2", "tLhGfJcAeRu3Dq5M"].concat();
        let mint = "So1dWQ7eGSnV4qkZg8rPpHbM3xTzUuYc5fJtKaLDmRiX";
        for (name, value, expected) in [
            ("quote_token", format!("0x{hex}"), true),
            ("secret", format!("0x{hex}"), true),
            ("secret", hex.clone(), false),
            ("private_key", format!("0x{hex}{}", &hex[..24]), false),
            ("token", format!("ibc/{0}{1}", hex.to_uppercase(), &hex[..24]), true),
            ("token", format!("inj1{}", "qpzry9x8gf2tvdw0s3jn".repeat(2).split_at(38).0), true),
            ("key", format!("nsec1{}", "qpzry9x8gf2tvdw0s3jn".repeat(3).split_at(58).0), false),
            ("token", format!("factory/inj1{}/usd", "qpzry9x8gf2tvdw0s3jn".repeat(2).split_at(38).0), true),
            ("token_address", mint.to_owned(), true),
            ("baseToken", mint.to_owned(), true),
            ("auth_token", mint.to_owned(), false),
            ("private_key", mint.to_owned(), false),
            ("token", mint.replace('S', "0"), false),
            ("XRP_TOKEN", format!("r{account}"), true),
            ("_base_token", format!("USD.r{account}"), true),
            ("_base_token", format!("USD.{account}z"), false),
        ] {
            assert_eq!(is_public(value.as_bytes(), name.as_bytes()), expected, "{name} {value}");
        }
    }
}
