//! Secrets that no provider's form names: passwords, tokens and keys, by where they stand and how they look.
//!
//! `candidate` reads the syntax of the place, `name` what the name promises, `verdict` weighs both. Weights are set by hand against the
//! labelled cases in `tests/secrets/truth.txt`, and every weight that counted is told in the hit's evidence.

mod candidate;
mod chain;
mod expression;
mod harmless;
mod hashed;
mod name;
mod verdict;
mod vocabulary;
mod weak;
mod words;

pub(crate) use words::common_words_with;

use crate::secrets::hit::Hit;
use crate::secrets::rule::{RuleIndex, RuleSet};
use crate::secrets::text::Text;

/// Where a candidate may stand: parts of names, and marks of URLs and command lines.
pub(crate) const CUES: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "auth",
    "cred",
    "bearer",
    "://",
    " -p",
    "\"-p",
    "'-p",
    " -u",
    " -a",
    " -w",
    " -k",
    "-user",
    "sqlplus ",
    "password-stdin",
    "chpasswd",
    "htpasswd -",
    "vault login ",
    "net use ",
    "createuser ",
    ": psk ",
    "send \"",
    "send -- \"",
    "sudo -s",
    "jwt.sign(",
    "jwt.encode(",
    "signwith(",
    "fernet(",
    "thin:",
    "@tcp(",
    "@unix(",
    "-securestring ",
    "identified by",
    "login(",
    "connect(",
    "connection(",
    "pdo(",
    "sqli(",
    "pw=",
    "psk=",
    "rootpw",
    "pat=",
    "pat:",
    "pat\"",
    "pat'",
    "pat =",
    "pw is ",
    "hmac.new(",
    "createhmac(",
    "timedserializer(",
    "totp(",
    "hmac256(",
    "hmac512(",
    "secretkeyspec(",
    "createcipheriv(",
    "passwd --stdin",
    "wpa_passphrase ",
    " add_user ",
    "bind_s(",
    "mot de passe",
    "login: ",
    "pw:",
    "pw =",
    "pw\"",
    "pw'",
    "psw",
    "contrase",
    "senha",
    "kennwort",
    "wachtwoord",
    "haslo",
    "hasło",
    "heslo",
    "parola",
    "salasana",
    "motdepasse",
    "пароль",
    "Пароль",
    "密码",
    "密碼",
    "口令",
    "パスワード",
];

/// What stands at a cue is judged by no more than so many bytes before the cue (its name, and the line up to that) and behind it (the rest of the
/// name, and the value).
pub(crate) const BEFORE_CUE: usize = 352;
pub(crate) const AFTER_CUE: usize = 640;

/// The kinds of generic secrets; each is a rule of the family `generic`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Password,
    Secret,
    Key,
    UrlPassword,
    UrlToken,
    Authorization,
    ConnectionString,
    CommandLine,
}

const SORTS: [(Sort, &str); 8] = [
    (Sort::Password, "generic-password"),
    (Sort::Secret, "generic-secret"),
    (Sort::Key, "generic-key"),
    (Sort::UrlPassword, "url-password"),
    (Sort::UrlToken, "url-token"),
    (Sort::Authorization, "authorization-header"),
    (Sort::ConnectionString, "connection-string-password"),
    (Sort::CommandLine, "command-line-password"),
];

/// Letters and digits that make no words: what a machine made.
pub(crate) fn is_random(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    let hex = value.iter().all(u8::is_ascii_hexdigit);
    digits >= 2 && letters >= 4 && (hex || !words::is_wordy(value))
}

/// Words in one and no digit: `CensysCertificateFingerprintSource`, `_REQUEST_TIMEOUT_SECONDS`, `make_cache_key.of_query`, `use-a-refresh-token`.
pub(crate) fn is_name_of_code(value: &[u8]) -> bool {
    let both = value.iter().any(u8::is_ascii_lowercase) && value.iter().any(u8::is_ascii_uppercase);
    let joined = value.iter().any(|byte| b"_.-".contains(byte));
    value.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.-".contains(byte))
        && (both || joined)
        && words::is_wordy(value)
}

/// Judges what stands at a cue. A sort whose rule the set lacks is not reported.
pub(crate) struct Classifier {
    rules: [Option<RuleIndex>; 8],
}

impl Classifier {
    pub(crate) fn new(set: &RuleSet) -> Self {
        Self { rules: SORTS.map(|(_, id)| set.by_id(id).map(|(index, _)| index)) }
    }

    /// What stands at a cue. It depends on nothing that was judged before; `last` only spares judging one name for each of its cues.
    pub(crate) fn judge(&self, text: &Text<'_>, start: usize, end: usize, last: &mut Last) -> Option<Hit> {
        let hit = match candidate::at(text, start, end) {
            candidate::Cue::Mark(found) => self.weigh(text, found),
            candidate::Cue::Name(name) => match last {
                Last(Some((known, hit))) if *known == name => hit.clone(),
                _ => {
                    let hit = self.weigh(text, candidate::named(text, &name));
                    *last = Last(Some((name, hit.clone())));
                    hit
                }
            },
        };
        hit.map(|hit| Hit { anchor: start, ..hit })
    }

    fn weigh(&self, text: &Text<'_>, candidate: Option<candidate::Candidate>) -> Option<Hit> {
        let candidate = candidate?;
        let rule =
            SORTS.iter().position(|(sort, _)| *sort == candidate.sort).and_then(|position| self.rules[position])?;
        let (confidence, evidence) = verdict::judge(text, &candidate)?;
        let anchor = candidate.name.start;
        Some(Hit { rule, secret: candidate.value, anchor, confidence, evidence })
    }
}

/// The last name that was judged in a text.
#[derive(Default)]
pub(crate) struct Last(Option<(candidate::Name, Option<Hit>)>);
