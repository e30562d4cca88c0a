//! Examples of rules are templates, filled when they are needed: no text that looks like a secret stands in a rule file.
//!
//! `{hex:32}` `{HEX:32}` `{alnum:36}` `{lower:8}` `{upper:8}` `{digit:10}` `{lowernum:32}` `{uppernum:20}` `{base32:16}` `{base58:52}` `{b64:40}` `{b64url:40}`
//! `{uuid}` are random text of that alphabet and length; `{github:ghp_}` and `{npm}` carry a true checksum; `{age}`, `{jwt}` and `{pem:RSA PRIVATE KEY}` are well
//! formed; `{b64of:…}` is the base64 of a template without braces; `{n}` is a line break. Any other braces stay as they are.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::secrets::proof::{checksum, structure};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGIT: &str = "0123456789";

/// Fills a template. The same seed gives the same text.
#[must_use]
pub fn fill(template: &str, seed: &str) -> String {
    let mut random = Random(blake3::Hasher::new().update(seed.as_bytes()).update(template.as_bytes()).finalize_xof());
    let mut out = String::with_capacity(template.len() + 64);
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let part = rest.find('}').and_then(|close| Some((part(&rest[1..close], &mut random)?, close)));
        match part {
            Some((text, close)) => {
                out.push_str(&text);
                rest = &rest[close + 1..];
            }
            None => {
                out.push('{');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn part(inner: &str, random: &mut Random) -> Option<String> {
    let (kind, argument) = inner.split_once(':').unwrap_or((inner, ""));
    if let Some(alphabet) = alphabet(kind) {
        let length: usize = argument.parse().ok().filter(|length| *length <= 4096)?;
        return Some(random.text(&alphabet, length));
    }
    match (kind, argument) {
        ("n", "") => Some("\n".to_owned()),
        ("uuid", "") => Some([8, 4, 4, 4, 12].map(|length| random.text("0123456789abcdef", length)).join("-")),
        ("npm", "") => Some(checksum::with_crc("npm_", &random.text(&alphanumeric(), 30))),
        ("age", "") => {
            let values: Vec<u32> = random.bytes(52).iter().map(|byte| u32::from(byte & 31)).collect();
            Some(structure::with_bech32("age-secret-key-", &values).to_ascii_uppercase())
        }
        ("jwt", "") => Some(jwt(random)),
        ("github", prefix) => Some(checksum::with_crc(prefix, &random.text(&alphanumeric(), 30))),
        ("b64of", text) => Some(STANDARD.encode(text)),
        ("pem", label) => {
            // a DER sequence of the right length, which is all that the proof asks for
            let body = [&[0x30, 0x82, 0x02, 0x5c, 0x02, 0x01, 0x00][..], &random.bytes(601)].concat();
            let lines: Vec<String> = STANDARD
                .encode(body)
                .as_bytes()
                .chunks(64)
                .map(|line| String::from_utf8_lossy(line).into_owned())
                .collect();
            Some(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----", lines.join("\n")))
        }
        _ => None,
    }
}

fn jwt(random: &mut Random) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"sub":"{}","iat":1700000000}}"#, random.text(DIGIT, 10)));
    format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(random.bytes(32)))
}

fn alphanumeric() -> String {
    [DIGIT, UPPER, LOWER].concat()
}

fn alphabet(kind: &str) -> Option<String> {
    Some(match kind {
        "hex" => "0123456789abcdef".to_owned(),
        "HEX" => "0123456789ABCDEF".to_owned(),
        "alnum" => alphanumeric(),
        "lower" => LOWER.to_owned(),
        "upper" => UPPER.to_owned(),
        "digit" => DIGIT.to_owned(),
        "lowernum" => [LOWER, DIGIT].concat(),
        "uppernum" => [UPPER, DIGIT].concat(),
        "base32" => [UPPER, "234567"].concat(),
        "base58" => alphanumeric().chars().filter(|sign| !"0OIl".contains(*sign)).collect(),
        "b64" => [&alphanumeric(), "+/"].concat(),
        "b64url" => [&alphanumeric(), "-_"].concat(),
        _ => return None,
    })
}

struct Random(blake3::OutputReader);

impl Random {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.0.fill(&mut bytes);
        bytes
    }

    fn text(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = alphabet.as_bytes();
        self.bytes(length).iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_filled() {
        let cases = [
            ("a{hex:4}b", 6),
            ("{uuid}", 36),
            ("{unknown:3}", 11),
            ("{\"a\": {}}", 9),
            ("{github:ghp_}", 40),
            ("{npm}", 40),
            ("{", 1),
        ];
        for (template, length) in cases {
            assert_eq!(fill(template, "seed").len(), length, "{template}");
        }
        assert_eq!(fill("{hex:32}", "a"), fill("{hex:32}", "a"));
        assert_ne!(fill("{hex:32}", "a"), fill("{hex:32}", "b"));
    }
}
