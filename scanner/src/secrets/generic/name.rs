//! What a name promises: `db_password` a password, `password_field` none.

use super::Sort;
use super::vocabulary::{
    BEFORE_KEY, KEYED, NEUTRAL, NOT_KEY, NOT_PASS, OTHER, PASSWORDS, SECRETS, SPOILING, SPOILING_TOKENS,
};

/// What kind of secret the name announces, if any.
pub(super) fn promise(name: &[u8]) -> Option<Sort> {
    let words = words(name);
    let last = words.iter().rposition(|word| !NEUTRAL.has(word) && !word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let found =
        words.iter().enumerate().rev().find_map(|(position, word)| Some((position, sort_of(&words, position, word)?)));
    let (position, sort) = found.or_else(|| {
        // TOKEN_PROD, PASSWORD_VALUE: the promise stands in a word that is neutral elsewhere
        words.get(last).and_then(|word| Some((last, sort_of(&words, last, word)?)))
    })?;
    let after = words[position + 1..].iter().any(|word| OTHER.has(word));
    // `CREDENTIALS_MYSQL_USER`: a service that has this name, and something of it
    let plural = matches!(words[position].as_str(), "credential" | "credentials");
    let after = after || plural && position < last && words[last] != "json";
    let before =
        words[..position].iter().any(|word| SPOILING.has(word) || sort != Sort::Password && SPOILING_TOKENS.has(word));
    // what a browser keeps under that name, what tells people from programs, what every page of a project has
    let before = before
        || words.windows(2).any(|pair| matches!(pair[0].as_str(), "local" | "session") && pair[1] == "storage")
        || words[position] == "token"
            && words[..position].iter().any(|word| word.contains("captcha") || word == "mixpanel");
    // `X-Amz-Credential`: who signed a URL, for which day and service
    let before = before
        || words[position] == "credential"
            && words[..position].iter().any(|word| matches!(word.as_str(), "amz" | "goog"));
    // the public key of whoever sends Web Push messages
    let before = before || words[..=position].ends_with(&["application", "server", "key"].map(str::to_owned));
    // such a key is in every page that asks whether a person reads it
    let before = before
        || sort == Sort::Key && words[..position].iter().any(|word| word.contains("captcha") || word == "solvemedia");
    let of_data = sort == Sort::Key && words[..position].iter().any(|word| KEYED.has(word));
    (!after && !before && !of_data).then_some(sort)
}

fn sort_of(words: &[String], position: usize, word: &str) -> Option<Sort> {
    let ends = |known: &[&str]| {
        known
            .iter()
            .any(|known| word == *known || known.len() >= 5 && word.len() > known.len() && word.ends_with(known))
    };
    let pass = matches!(word, "pass" | "pw" | "psw" | "pswd")
        || word.len() <= 14
            && (word.ends_with("pass") || word.ends_with("auth") && word.starts_with("master"))
            && !NOT_PASS.has(word);
    // sudoers: who need not tell one
    if word == "nopasswd" {
        return None;
    }
    if ends(PASSWORDS) || pass && pass_alone(words, position) {
        return Some(Sort::Password);
    }
    if word.contains("csrf") || word.contains("xsrf") || word == "requestverificationtoken" {
        return None;
    }
    if word == "auth" && words.len() == 1 {
        return Some(Sort::Key);
    }
    if word == "tokens" || word == "secrets" || word == "secretary" {
        return None;
    }
    if ends(SECRETS) || matches!(word, "auth" | "authorization") {
        return Some(if word.starts_with("authorization") { Sort::Authorization } else { Sort::Secret });
    }
    let before = position.checked_sub(1).and_then(|before| words.get(before));
    if word == "key" || word.ends_with("key") && word.len() > 5 && word.len() < 16 && !NOT_KEY.has(word) {
        let strong = before.is_some_and(|before| BEFORE_KEY.has(before));
        return Some(if strong { Sort::Secret } else { Sort::Key });
    }
    None
}

/// Words of which a name is made that says nothing but that it is a secret.
pub(super) fn is_promise_word(word: &str) -> bool {
    PASSWORDS.contains(&word)
        || SECRETS.contains(&word)
        || matches!(word, "pass" | "pw" | "api" | "key" | "access" | "client" | "auth" | "db" | "user")
}

/// `pass` is also a verb: it counts as a name's last word.
fn pass_alone(words: &[String], position: usize) -> bool {
    words[position + 1..].iter().all(|word| NEUTRAL.has(word) || word.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Lower-case words of an identifier: `dbPassword2`, `DB_PASSWORD_2` and `db-password.2` are all `db password 2`.
pub(super) fn words(name: &[u8]) -> Vec<String> {
    let mut words: Vec<Vec<u8>> = Vec::new();
    let mut last = b' ';
    for (position, byte) in name.iter().enumerate() {
        let next_lower = name.get(position + 1).is_some_and(u8::is_ascii_lowercase);
        let letter = |byte: u8| byte.is_ascii_alphabetic() || byte >= 0x80;
        let starts = last.is_ascii_lowercase() && byte.is_ascii_uppercase()
            || last.is_ascii_uppercase() && byte.is_ascii_uppercase() && next_lower
            || letter(last) != letter(*byte)
            || !(last.is_ascii_alphanumeric() || last >= 0x80);
        if byte.is_ascii_alphanumeric() || *byte >= 0x80 {
            if starts {
                words.push(Vec::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(*byte);
            }
        }
        last = *byte;
    }
    words.iter().map(|word| String::from_utf8_lossy(word).to_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn promises() {
        let cases = [
            ("password", Some(Sort::Password)),
            ("DB_PASSWORD", Some(Sort::Password)),
            ("dbPassword2", Some(Sort::Password)),
            ("dbpassword", Some(Sort::Password)),
            ("spring.datasource.password", Some(Sort::Password)),
            ("apiKey", Some(Sort::Secret)),
            ("APIKEY", Some(Sort::Secret)),
            ("clientSecret", Some(Sort::Secret)),
            ("SECRET_KEY", Some(Sort::Secret)),
            ("auth_token", Some(Sort::Secret)),
            ("MAPS_KEY", Some(Sort::Key)),
            ("password_field", None),
            ("NOPASSWD", None),
            ("hintPassword", None),
            ("rule_key", None),
            ("REDIS_CACHE_PASSWORD", Some(Sort::Password)),
            ("CACHE_TOKEN", None),
            ("X-Amz-Credential", None),
            ("CREDENTIALS_MYSQL_USER", None),
            ("credentials_json", Some(Sort::Secret)),
            ("LDAP_CREDENTIALS", Some(Sort::Secret)),
            ("smtp_sasl_password_maps", None),
            ("LDAP_ROOTPW_COMMAND", None),
            ("AMZ_ACCESS_TOKEN", Some(Sort::Secret)),
            ("MIXPANEL_TOKEN", None),
            ("MIXPANEL_SECRET", Some(Sort::Secret)),
            ("quote_token", None),
            ("rbd_secret_uuid", None),
            ("PASSWORD_PROMPTS", None),
            ("password_encryption", None),
            ("PasswordValidityPeriodInDays", None),
            ("SECRET_ENCRYPTION_KEY", Some(Sort::Secret)),
            ("websiteToken", None),
            ("issueKey", None),
            ("project_secret_key", Some(Sort::Secret)),
            ("localStorageKey", None),
            ("storageKey", Some(Sort::Secret)),
            ("captchaToken", None),
            ("recaptcha_secret", Some(Sort::Secret)),
            ("RECAPTCHA_PRIVATE_KEY", Some(Sort::Secret)),
            ("RECAPTCHA_KEY", None),
            ("applicationServerKey", None),
            ("serverKey", Some(Sort::Secret)),
            ("passwordHash", None),
            ("PASSWORD_RESET_TIMEOUT", None),
            ("tokenizer", None),
            ("secretary", None),
            ("author", None),
            ("keyboard", None),
            ("monkey", None),
            ("primary_key", None),
            ("public_key", None),
            ("key_id", None),
            ("compass", None),
            ("bypass", None),
            ("max_tokens", None),
            ("next_page_token", None),
            ("csrf_token", None),
            ("SYNCHRONIZER_TOKEN", None),
            ("token_type", None),
        ];
        for (name, expected) in cases {
            assert_eq!(promise(name.as_bytes()), expected, "{name}");
        }
    }
}
