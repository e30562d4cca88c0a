//! Credentials whose parts can be told apart.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Verdict;

/// `xoxb-<team>-<id>-<secret>`: the numbers are Slack's ids. <https://api.slack.com/concepts/token-types>
pub(super) fn slack(token: &str) -> Verdict {
    let numbers = token
        .split('-')
        .skip(1)
        .filter(|part| part.len() >= 9 && part.bytes().all(|byte| byte.is_ascii_digit()))
        .count();
    if numbers >= 1 { Verdict::confirmed("its numeric parts are of the length of Slack's ids") } else { Verdict::Open }
}

/// `<bot id>:<35 characters>`. <https://core.telegram.org/bots/api#authorizing-your-bot>
pub(super) fn telegram_bot(token: &str) -> Verdict {
    match token.split_once(':') {
        Some((_, hash)) if hash.starts_with("AA") => {
            Verdict::confirmed("a bot id and a hash that begins as Telegram's do")
        }
        _ => Verdict::Open,
    }
}

/// The first part is the bot's numeric id in base64. <https://discord.com/developers/docs/reference#snowflakes>
pub(super) fn discord_bot(token: &str) -> Verdict {
    let id = token.split('.').next().and_then(|part| STANDARD_NO_PAD.decode(part).ok());
    match id {
        Some(id) if id.len() >= 17 && id.iter().all(u8::is_ascii_digit) => {
            Verdict::confirmed("its first part decodes to a Discord id")
        }
        _ => Verdict::refuted("its first part does not decode to a Discord id"),
    }
}

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// BIP 173's checksum, over the whole of age's identity. <https://github.com/FiloSottile/age>
pub(super) fn bech32(text: &str) -> Verdict {
    let lower = text.to_ascii_lowercase();
    let Some((prefix, data)) = lower.rsplit_once('1') else { return Verdict::refuted("no separator") };
    let digit =
        |byte: u8| CHARSET.iter().position(|known| *known == byte).and_then(|position| u32::try_from(position).ok());
    let Some(values) = data.bytes().map(digit).collect::<Option<Vec<u32>>>() else {
        return Verdict::refuted("not bech32");
    };
    match polymod(prefix, &values) {
        1 => Verdict::confirmed("its bech32 checksum is right"),
        _ => Verdict::refuted("its bech32 checksum is wrong"),
    }
}

/// A bech32 text with its true checksum, of values under 32.
pub(crate) fn with_bech32(prefix: &str, values: &[u32]) -> String {
    let mut values = values.to_vec();
    values.extend([0; 6]);
    let sum = polymod(prefix, &values) ^ 1;
    let length = values.len();
    for (position, value) in values[length - 6..].iter_mut().enumerate() {
        *value = (sum >> (5 * (5 - position))) & 31;
    }
    let digits: String = values.iter().map(|value| char::from(CHARSET[(*value & 31) as usize])).collect();
    format!("{prefix}1{digits}")
}

fn polymod(prefix: &str, values: &[u32]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let high = prefix.bytes().map(|byte| u32::from(byte >> 5));
    let low = prefix.bytes().map(|byte| u32::from(byte & 31));
    let mut sum: u32 = 1;
    for value in high.chain([0]).chain(low).chain(values.iter().copied()) {
        let top = sum >> 25;
        sum = ((sum & 0x01ff_ffff) << 5) ^ value;
        for (bit, generator) in GENERATOR.iter().enumerate() {
            sum ^= if (top >> bit) & 1 == 1 { *generator } else { 0 };
        }
    }
    sum
}

/// A webhook or DSN that parses as a URL with a host.
pub(super) fn url_password(text: &str) -> Verdict {
    match url::Url::parse(text) {
        Ok(url) if url.password().is_some() => Verdict::confirmed("a URL with a password"),
        _ => Verdict::Open,
    }
}
