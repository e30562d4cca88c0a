//! What a name promises: `db_password` a password, `password_field` none.

use super::Sort;

/// Words that make the name one of something else.
const OTHER: &[&str] = &[
    "file",
    "filename",
    "path",
    "dir",
    "directory",
    "url",
    "uri",
    "id",
    "ids",
    "name",
    "names",
    "type",
    "types",
    "len",
    "length",
    "field",
    "fields",
    "label",
    "prefix",
    "suffix",
    "hash",
    "hashed",
    "hasher",
    "hashes",
    "expire",
    "expires",
    "expiry",
    "expiration",
    "policy",
    "reset",
    "format",
    "regex",
    "pattern",
    "header",
    "headers",
    "count",
    "index",
    "placeholder",
    "hint",
    "title",
    "message",
    "msg",
    "error",
    "errors",
    "class",
    "param",
    "params",
    "arg",
    "min",
    "max",
    "size",
    "date",
    "time",
    "at",
    "by",
    "scope",
    "scopes",
    "endpoint",
    "public",
    "pub",
    "board",
    "word",
    "words",
    "primary",
    "foreign",
    "sort",
    "cache",
    "partition",
    "hidden",
    "validator",
    "validators",
    "validation",
    "strength",
    "salt",
    "nonce",
    "iv",
    "checksum",
    "digest",
    "sha",
    "sha1",
    "sha256",
    "md5",
    "commit",
    "fingerprint",
    "thumbprint",
    "algorithm",
    "alg",
    "encoding",
    "generator",
    "provider",
    "manager",
    "mgr",
    "help",
    "description",
    "tooltip",
    "button",
    "form",
    "input",
    "page",
    "view",
    "route",
    "link",
    "template",
    "icon",
    "selector",
    "css",
    "xpath",
    "locator",
    "event",
    "column",
    "table",
    "ttl",
    "timeout",
    "mode",
    "status",
    "state",
    "enabled",
    "required",
    "change",
    "changed",
    "confirm",
    "confirmation",
    "forgot",
    "forgotten",
    "recovery",
    "version",
    "method",
    "context",
    "backend",
    "backends",
    "handler",
    "middleware",
    "object",
    "group",
    "sequence",
    "lookup",
    "idempotency",
    "i18n",
    "translation",
    "locale",
    "arn",
    "vault",
    "ref",
    "reference",
    "usage",
    "limit",
    "limits",
    "uses",
    "unit",
    "kind",
    "claim",
    "claims",
    "audience",
    "issuer",
    "model",
    "models",
    "schema",
    "module",
    "import",
    "package",
    "plugin",
    "test",
    "cookie",
    "tokenizer",
    "csrf",
    "xsrf",
    "author",
    "authors",
    "hostkey",
    "known",
    "ssh-rsa",
    "site",
    "sitekey",
    "trackid",
    "namespace",
    "color",
    "env",
    "var",
    "variable",
];

/// Words behind which the promise still holds.
const NEUTRAL: &[&str] = &[
    "value",
    "val",
    "string",
    "str",
    "default",
    "prod",
    "production",
    "dev",
    "staging",
    "live",
    "local",
    "new",
    "old",
    "raw",
    "plain",
    "text",
    "plaintext",
    "base64",
    "b64",
    "hex",
    "master",
    "root",
    "admin",
    "user",
    "current",
    "data",
    "1",
    "2",
    "3",
];

const PASSWORDS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "pwd",
    "passwort",
    "motdepasse",
    "contrasena",
    "contraseña",
    "contrasenya",
    "senha",
    "userpass",
    "dbpass",
    "mypass",
    "rootpass",
    "adminpass",
    "passw",
    "kennwort",
    "wachtwoord",
    "haslo",
    "hasło",
    "heslo",
    "parola",
    "salasana",
    "пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
];
const SECRETS: &[&str] = &[
    "secret",
    "token",
    "apikey",
    "secretkey",
    "accesskey",
    "authkey",
    "privatekey",
    "apitoken",
    "accesstoken",
    "authtoken",
    "clientsecret",
    "credential",
    "credentials",
    "bearer",
    "pat",
    "authcode",
];
const BEFORE_KEY: &[&str] = &[
    "api",
    "secret",
    "access",
    "private",
    "auth",
    "encryption",
    "encrypt",
    "signing",
    "sign",
    "license",
    "licence",
    "master",
    "service",
    "app",
    "account",
    "shared",
    "storage",
    "subscription",
    "crypt",
    "crypto",
    "cipher",
    "aes",
    "hmac",
    "jwt",
    "session",
    "client",
    "consumer",
    "integration",
    "admin",
    "deploy",
    "write",
    "read",
    "server",
];

/// What has keys that are names: `rule_key`, `issueKey`.
const KEYED: &str = "rule issue project row entry item record metric event field property label lang translation message map dict json node tag";

/// Words that end in `pass` and are about no password.
const NOT_PASS: &[&str] = &[
    "bypass",
    "compass",
    "encompass",
    "trespass",
    "surpass",
    "underpass",
    "overpass",
    "lowpass",
    "highpass",
    "bandpass",
    "multipass",
    "onepass",
    "twopass",
];

/// What kind of secret the name announces, if any.
pub(super) fn promise(name: &[u8]) -> Option<Sort> {
    let words = words(name);
    let last = words
        .iter()
        .rposition(|word| !NEUTRAL.contains(&word.as_str()) && !word.bytes().all(|byte| byte.is_ascii_digit()))?;
    let found =
        words.iter().enumerate().rev().find_map(|(position, word)| Some((position, sort_of(&words, position, word)?)));
    let (position, sort) = found.or_else(|| {
        // TOKEN_PROD, PASSWORD_VALUE: the promise stands in a word that is neutral elsewhere
        words.get(last).and_then(|word| Some((last, sort_of(&words, last, word)?)))
    })?;
    let spoiled = |word: &String| OTHER.contains(&word.as_str());
    let after = words[position + 1..].iter().any(spoiled);
    let before = words[..position].iter().any(|word| {
        matches!(
            word.as_str(),
            "hash"
                | "hashed"
                | "encrypted"
                | "reset"
                | "forgot"
                | "no"
                | "is"
                | "has"
                | "public"
                | "csrf"
                | "xsrf"
                | "salt"
                | "nonce"
                | "cache"
                | "primary"
                | "foreign"
                | "sort"
                | "next"
                | "page"
                | "pagination"
                | "continuation"
                | "num"
                | "max"
                | "min"
                | "total"
                | "invalid"
                | "wrong"
                | "fake"
                | "sealed"
                | "unk"
                | "eos"
                | "bos"
                | "pad"
                | "special"
                | "mask"
                | "sha256"
                | "md5"
                | "sha1"
                | "fingerprint"
                | "site"
                | "authenticity"
                | "verification"
                | "unique"
                | "hint"
                // OWASP's name for what keeps a form from being forged
                | "synchronizer"
                | "antiforgery"
                | "spreadsheet"
                | "sheet"
                | "document"
        )
    });
    let of_data = sort == Sort::Key && words[..position].iter().any(|word| KEYED.split(' ').any(|known| known == word));
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
            && !NOT_PASS.contains(&word);
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
    if word == "key"
        || word.ends_with("key")
            && word.len() > 5
            && word.len() < 16
            && !matches!(
                word,
                "monkey"
                    | "turkey"
                    | "jockey"
                    | "whiskey"
                    | "hockey"
                    | "hotkey"
                    | "passkey"
                    | "keykey"
                    | "mickey"
                    | "smokey"
                    | "donkey"
                    | "pubkey"
                    | "publickey"
                    | "pubkeys"
                    | "uniquekey"
            )
    {
        let strong = before.is_some_and(|before| BEFORE_KEY.contains(&before.as_str()));
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
    words[position + 1..]
        .iter()
        .all(|word| NEUTRAL.contains(&word.as_str()) || word.bytes().all(|byte| byte.is_ascii_digit()))
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
            ("issueKey", None),
            ("project_secret_key", Some(Sort::Secret)),
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
