//! Credentials that are an encoding of something that can be looked into.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Verdict;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A web token of the role `anon`: every page of a project hands it out, and what it opens the rules of the tables say (Supabase).
pub(crate) fn is_of_public_client(token: &[u8]) -> bool {
    if !token.starts_with(b"eyJ") {
        return false;
    }
    let claims = token.split(|byte| *byte == b'.').nth(1).and_then(|claims| URL_SAFE.decode(claims).ok());
    let claims = claims.and_then(|claims| serde_json::from_slice::<serde_json::Value>(&claims).ok());
    claims.is_some_and(|claims| claims.get("role").and_then(|role| role.as_str()) == Some("anon"))
}

/// A JWT's header and claims are JSON objects. The token of the specification's and the well-known debugger's samples is no secret.
pub(super) fn jwt(token: &str) -> Verdict {
    let mut parts = token.split('.');
    let mut json = || -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&URL_SAFE.decode(parts.next()?).ok()?).ok()
    };
    let Some(header) = json() else { return Verdict::refuted("its header is not JSON") };
    let Some(algorithm) = header.get("alg").and_then(|value| value.as_str()) else {
        return Verdict::refuted("its header names no algorithm");
    };
    if algorithm.eq_ignore_ascii_case("none") {
        return Verdict::refuted("it is unsigned (algorithm none)");
    }
    if header.contains_key("enc") {
        return Verdict::confirmed("an encrypted token (JWE) with a well-formed header");
    }
    let Some(claims) = json() else { return Verdict::refuted("its claims are not JSON") };
    let text = |key: &str| claims.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    if text("name") == "John Doe" || text("iss") == "joe" {
        return Verdict::Harmless;
    }
    if is_of_public_client(token.as_bytes()) {
        return Verdict::refuted("it is a key of public clients: its role is anon");
    }
    let mut reason = format!("header and claims are JSON, algorithm {}", printable(algorithm));
    if claims.contains_key("exp") {
        reason.push_str(", it has an expiry");
    }
    Verdict::confirmed(reason)
}

fn printable(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).take(12).collect()
}

/// PEM: the body is base64; unless it is encrypted or legacy armour it decodes to a DER sequence or an OpenSSH key.
pub(super) fn pem(block: &str) -> Verdict {
    let normal = block.replace("\\r", "").replace("\\n", "\n");
    let Some((_, after)) = normal.split_once("-----BEGIN ").and_then(|(_, rest)| rest.split_once("-----")) else {
        return Verdict::refuted("no PEM header");
    };
    let body = after.split_once("-----END").map_or(after, |(body, _)| body);
    let encrypted = body.contains("ENCRYPTED") || normal.contains("BEGIN ENCRYPTED");
    let lines = body.lines().map(str::trim).filter(|line| !is_armour_header(line));
    let kept: String = lines
        .flat_map(str::chars)
        .filter(|character| !(character.is_whitespace() || "\"',+\\=-".contains(*character)))
        .collect();
    // text between a frame that some program looks for, not a key
    if !kept.chars().all(|character| character.is_ascii_alphanumeric() || character == '/') {
        return Verdict::Harmless;
    }
    let base64: String = body
        .lines()
        .filter(|line| !is_armour_header(line.trim()))
        .map(|line| {
            line.trim_matches(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '+' | '/')))
        })
        .flat_map(str::chars)
        .filter(|character| character.is_ascii_alphanumeric() || matches!(character, '+' | '/'))
        .collect();
    if base64.len() < 40 || crate::secrets::shape::is_sequence(base64.as_bytes()) {
        return Verdict::Harmless;
    }
    let decoded = STANDARD.decode(base64);
    // the name of the cipher stands behind the magic and its length: `none` where there is no passphrase
    let encrypted = encrypted
        || decoded.as_ref().is_ok_and(|bytes| {
            bytes.strip_prefix(b"openssh-key-v1\0").is_some_and(|rest| rest.get(4..8) != Some(b"none"))
        });
    let lock = if encrypted { ", encrypted with a passphrase" } else { "" };
    match decoded {
        Ok(bytes) if bytes.starts_with(b"openssh-key-v1\0") => {
            Verdict::confirmed(format!("decodes to an OpenSSH private key{lock}"))
        }
        Ok(bytes) if bytes.first() == Some(&0x30) => Verdict::confirmed(format!("decodes to a DER sequence{lock}")),
        Ok(_) => Verdict::confirmed(format!("the armour holds base64{lock}")),
        Err(_) => Verdict::Open,
    }
}

/// `Proc-Type: 4,ENCRYPTED`, `Comment: "x"`, and PGP's own `=checksum`.
fn is_armour_header(line: &str) -> bool {
    let name = line.split(':').next().unwrap_or_default();
    let named = line.contains(':')
        && name.len() < 24
        && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '-');
    named || line.starts_with('=') && line.len() == 5
}

/// Base64 of whole bytes, of a given number where the format fixes it.
pub(super) fn base64_of(text: &str, length: Option<usize>) -> Verdict {
    let Ok(bytes) = STANDARD.decode(text) else { return Verdict::refuted("not base64") };
    match length {
        None if text.bytes().all(|byte| byte.is_ascii_lowercase()) => Verdict::Harmless,
        None => Verdict::Open,
        Some(wanted) if bytes.len() == wanted => {
            Verdict::confirmed(format!("base64 of {wanted} bytes, as these keys are"))
        }
        Some(wanted) => Verdict::refuted(format!("base64 of {} bytes, where these keys have {wanted}", bytes.len())),
    }
}

/// Base64 of a JSON object.
pub(super) fn base64_json(text: &str) -> Verdict {
    let body = text.rsplit_once('_').filter(|(_, body)| body.starts_with("ey")).map_or(text, |(_, body)| body);
    match STANDARD.decode(body).or_else(|_| URL_SAFE.decode(body)) {
        Ok(bytes) if serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&bytes).is_ok() => {
            Verdict::confirmed("decodes to a JSON object, as these tokens do")
        }
        Ok(_) => Verdict::Open,
        Err(_) => Verdict::refuted("not base64"),
    }
}

/// PyPI's token is a macaroon in base64 whose location is the index's host name. <https://pypi.org/help/#apitoken>
pub(super) fn pypi_macaroon(token: &str) -> Verdict {
    let Some(body) = token.strip_prefix("pypi-") else { return Verdict::refuted("no pypi- prefix") };
    match URL_SAFE.decode(body) {
        Ok(bytes) if bytes.starts_with(&[2, 1]) && memchr::memmem::find(&bytes, b"pypi.org").is_some() => {
            Verdict::confirmed("decodes to a macaroon of pypi.org")
        }
        _ => Verdict::Open,
    }
}
