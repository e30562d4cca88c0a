//! Passwords that whoever tries comes to first: the user's own name, a plain word, a word for a password in other letters.

use super::candidate::{Candidate, Join, is_comment};
use super::verdict::of_settings;
use super::vocabulary::{NO_DEFAULT, STOP};
use super::{Sort, name, words};
use crate::secrets::shape;
use crate::secrets::text::{Syntax, Text};

/// How far before a name and behind a value the lines beside them are read.
const BEFORE: usize = 160;
const BEHIND: usize = 100;

/// `POSTGRES_PASSWORD=postgres`, `amqp://guest:guest@mq`: what a service is set up with, and no more than a word. It is no secret, though
/// whoever reaches the service is let in by it. Where settings are written, the reason.
pub(super) fn default_word(text: &Text<'_>, candidate: &Candidate) -> Option<&'static str> {
    let value = &text.bytes[candidate.value.clone()];
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let word = &value[..value.len() - digits];
    if !(4..=16).contains(&value.len())
        || !word.iter().all(u8::is_ascii_lowercase)
        || !of_settings(text)
        || text.syntax == Syntax::Json
        || std::str::from_utf8(word).is_ok_and(|word| NO_DEFAULT.has(word))
        || shape::is_placeholder(value)
        || shape::is_sequence(value)
        || is_comment(text.bytes, candidate.name.start)
    {
        return None;
    }
    match candidate.sort {
        Sort::Password if matches!(candidate.join, Join::Bare | Join::Quoted) => {
            let name = &text.bytes[candidate.name.clone()];
            let own = is_own_name(text, candidate);
            let known = words::is_wordy(word) || std::str::from_utf8(word).is_ok_and(|word| STOP.has(word));
            let ends = candidate.join == Join::Quoted || ends_line(&text.bytes[candidate.value.end..]);
            (ends && (own || is_variable(name) && known)).then_some("a plain word that a service is set up with")
        }
        Sort::UrlPassword => {
            let url = &text.bytes[candidate.name.clone()];
            let user = text.bytes[..candidate.value.start - 1].rsplit(|byte| b"/".contains(byte)).next();
            let host = &text.bytes[candidate.value.end..candidate.name.end.max(candidate.value.end)];
            let example = memchr::memmem::find(host, b"example").is_some();
            (user == Some(value) && !url.starts_with(b"http") && !example)
                .then_some("the user's name again, in the URL of a service")
        }
        _ => None,
    }
}

/// Nothing follows but a comment.
fn ends_line(rest: &[u8]) -> bool {
    let blank = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    matches!(rest.get(blank), None | Some(b'\n' | b'\r' | b'"' | b'\'')) || blank > 0 && rest[blank] == b'#'
}

/// `POSTGRES_PASSWORD`: the name of a variable that is handed to a program.
fn is_variable(name: &[u8]) -> bool {
    name::words(name).len() >= 2
        && name.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_')
}

/// The same word is the user, the login or the database on the lines beside it, also with digits for letters.
pub(super) fn is_own_name(text: &Text<'_>, candidate: &Candidate) -> bool {
    let (bytes, value) = (text.bytes, &text.bytes[candidate.value.clone()]);
    let value = plain(&value.to_ascii_lowercase());
    let before = &bytes[candidate.name.start.saturating_sub(BEFORE)..candidate.name.start];
    let behind = &bytes[candidate.value.end..bytes.len().min(candidate.value.end + BEHIND)];
    let names = |line: &[u8]| {
        let Some(sign) = memchr::memchr2(b'=', b':', line) else { return false };
        let (name, other) = (bare(&line[..sign]).to_ascii_lowercase(), bare(&line[sign + 1..]));
        let named = [&b"user"[..], b"login", b"name", b"db", b"database"].iter().any(|end| name.ends_with(end));
        let other = match memchr::memmem::find(other, b":-") {
            Some(at) if other.starts_with(b"${") && other.ends_with(b"}") => &other[at + 2..other.len() - 1],
            _ => other,
        };
        named && plain(&other.to_ascii_lowercase()) == value
    };
    before.split(|byte| *byte == b'\n').chain(behind.split(|byte| *byte == b'\n')).any(names)
}

/// Without blanks, quotes and commas around it.
fn bare(part: &[u8]) -> &[u8] {
    let around = |byte: &u8| b" \t\r\"',".contains(byte);
    let start = part.iter().take_while(|byte| around(byte)).count();
    let part = &part[start..];
    &part[..part.len() - part.iter().rev().take_while(|byte| around(byte)).count()]
}

/// Letters for the digits and signs that people write instead of them.
pub(super) fn plain(lower: &[u8]) -> Vec<u8> {
    lower
        .iter()
        .map(|byte| match byte {
            b'0' => b'o',
            b'1' | b'!' => b'i',
            b'3' => b'e',
            b'4' | b'@' => b'a',
            b'5' | b'$' => b's',
            other => *other,
        })
        .collect()
}

/// `S3cret`, `P@ssw0rd!`, `ThisIsASecretPassword1`: people who write an example, or do not care, write so.
pub(super) fn spells_password(lower: &[u8]) -> bool {
    let names = |value: &[u8]| {
        [&b"password"[..], b"passwort", b"passwd", b"secret", b"sekret"]
            .iter()
            .any(|word| memchr::memmem::find(value, word).is_some())
    };
    // where it is written plainly and short, other weights have counted it, unless signs alone are beside it
    names(&plain(lower)) && (lower.len() >= 16 || !names(lower) || !lower.iter().any(u8::is_ascii_digit))
}
