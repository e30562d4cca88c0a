//! Kubernetes Secrets: a value of their `data` is base64 of the secret, which may stand elsewhere as it is and is the same one there.
//!
//! It is asked of what was found, as what a place shows is.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secrets::{Hit, Secret, place};

/// No further than the surroundings that a spot of a history keeps.
const REACH: usize = 2000;

/// What a hit is base64 of. The letters that base64 makes of a word are not the word's: such a one is less sure.
pub(super) fn secret(bytes: &[u8], hit: &mut Hit) -> Option<Secret> {
    let plain = plain(bytes, &hit.secret)?;
    hit.evidence.push("is base64 in a Kubernetes Secret".to_owned());
    if plain.iter().all(u8::is_ascii_alphabetic) {
        hit.confidence = place::lower(hit.confidence);
    }
    Some(Secret::new(&plain))
}

/// What the value is base64 of, where it stands in the `data` of a Secret.
fn plain(bytes: &[u8], value: &Range<usize>) -> Option<Zeroizing<Vec<u8>>> {
    let line = memchr::memrchr(b'\n', &bytes[..value.start])? + 1;
    let head = &bytes[line.saturating_sub(REACH)..line];
    if !is_in_data(head, indentation(&bytes[line..value.start])) || !is_of_secret(head, &bytes[value.end..]) {
        return None;
    }
    let mut plain = Zeroizing::new(STANDARD.decode(&bytes[value.clone()]).ok()?);
    let length = plain.trim_ascii_end().len();
    plain.truncate(length);
    let text = std::str::from_utf8(&plain).ok()?;
    (!text.is_empty() && !text.chars().any(char::is_control)).then_some(plain)
}

/// The first line above that is less indented is `data:`.
fn is_in_data(head: &[u8], indent: usize) -> bool {
    let mut above = head.split(|byte| *byte == b'\n').rev().filter(|line| !line.trim_ascii().is_empty());
    above.find(|line| indentation(line) < indent).is_some_and(|line| line.trim_ascii() == b"data:")
}

/// The document, which a line of hyphens ends, is of the kind.
fn is_of_secret(head: &[u8], tail: &[u8]) -> bool {
    const PARTS: &[u8] = b"\n---";
    let head = &head[memchr::memmem::rfind(head, PARTS).unwrap_or(0)..];
    let tail = &tail[..tail.len().min(REACH)];
    let tail = &tail[..memchr::memmem::find(tail, PARTS).unwrap_or(tail.len())];
    let kind = |line: &[u8]| line.trim_ascii_end() == b"kind: Secret";
    [head, tail].iter().any(|part| part.split(|byte| *byte == b'\n').any(kind))
}

fn indentation(line: &[u8]) -> usize {
    line.iter().take_while(|byte| **byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets() {
        let value = STANDARD.encode("kw7-Zq.x\n");
        let shown = |text: &str| {
            let start = text.find(&value).unwrap();
            plain(text.as_bytes(), &(start..start + value.len())).map(|plain| plain.to_vec())
        };
        for (text, expected) in [
            (format!("apiVersion: v1\nkind: Secret\ndata:\n  password: {value}\n"), true),
            (format!("apiVersion: v1\ndata:\n  user: eA==\n\n  password: {value}\nkind: Secret\n"), true),
            (format!("kind: Secret\n---\nkind: ConfigMap\ndata:\n  password: {value}\n"), false),
            (format!("kind: ConfigMap\ndata:\n  password: {value}\n---\nkind: Secret\n"), false),
            (format!("kind: Secret\nstringData:\n  password: {value}\n"), false),
            (format!("password: {value}\n"), false),
        ] {
            assert_eq!(shown(&text), expected.then(|| b"kw7-Zq.x".to_vec()), "{text}");
        }
    }
}
