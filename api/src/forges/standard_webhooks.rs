//! Signatures by Standard Webhooks: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use subtle::ConstantTimeEq;

use super::{Refusal, header};
use crate::credential::{Credential, hmac_sha256};

/// How far the signed time may be away, in seconds: the specification's libraries use five minutes.
pub const TOLERANCE: u64 = 300;

/// The key's bytes: what follows `whsec_` in base64, or else the text as it is.
fn key(secret: &Credential) -> Vec<u8> {
    let text = secret.expose();
    match text.strip_prefix("whsec_").map(|encoded| STANDARD.decode(encoded)) {
        Some(Ok(bytes)) => bytes,
        _ => text.as_bytes().to_vec(),
    }
}

/// The `webhook-signature` of one message, `v1,<base64>`.
#[must_use]
pub fn sign(secret: &Credential, id: &str, timestamp: i64, body: &[u8]) -> String {
    let time = timestamp.to_string();
    let tag = hmac_sha256(&key(secret), &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
    format!("v1,{}", STANDARD.encode(tag))
}

/// Checks `webhook-id`, `webhook-timestamp` and `webhook-signature` against every secret.
pub fn verify(headers: &HeaderMap, body: &[u8], secrets: &[Credential], now: i64) -> Result<(), Refusal> {
    let given = headers.get("webhook-signature").ok_or(Refusal::Unsigned("webhook-signature"))?;
    let given = given.to_str().map_err(|_| Refusal::WrongSignature)?;
    let id = header(headers, "webhook-id")?;
    let timestamp =
        header(headers, "webhook-timestamp")?.parse::<i64>().map_err(|_| Refusal::NoHeader("webhook-timestamp"))?;
    let mut fits = false;
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        let expected = sign(secret, id, timestamp, body);
        // several signatures, separated by spaces, while a secret is being replaced
        for signature in given.split(' ').take(16) {
            fits |= bool::from(expected.as_bytes().ct_eq(signature.as_bytes()));
        }
    }
    if !fits {
        return Err(Refusal::WrongSignature);
    }
    // looked at after the signature: an unsigned time says nothing
    if now.abs_diff(timestamp) > TOLERANCE { Err(Refusal::Stale(TOLERANCE)) } else { Ok(()) }
}
