//! A credential of our own (webhook secret, forge token, key): it can be used, and cannot be printed, logged or serialised.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Text that must not leave the process except where it is used. `Debug` and `Display` hide it; it is wiped when dropped.
#[derive(Clone)]
pub struct Credential(Zeroizing<String>);

impl Credential {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends or compares it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether nothing was configured.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Compares in a time that depends on the lengths only.
    #[must_use]
    pub fn matches(&self, given: &[u8]) -> bool {
        !self.is_empty() && bool::from(self.0.as_bytes().ct_eq(given))
    }

    /// HMAC-SHA256 of `parts` put one behind the other, with the credential's bytes as key.
    #[must_use]
    pub fn hmac_sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        hmac_sha256(self.0.as_bytes(), parts)
    }

    /// Whether `tag` is the HMAC-SHA256 of `parts`, compared in constant time.
    #[must_use]
    pub fn signed(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        !self.is_empty() && bool::from(self.hmac_sha256(parts).as_slice().ct_eq(tag))
    }
}

/// HMAC-SHA256 (RFC 2104) of `parts` put one behind the other.
#[must_use]
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length (RFC 2104, section 2)")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl fmt::Debug for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[hidden]")
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("[hidden]")
    }
}

impl<'de> Deserialize<'de> for Credential {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_prints_it() {
        let credential = Credential::new("open sesame");
        assert_eq!(format!("{credential:?} {credential}"), "[hidden] [hidden]");
    }

    #[test]
    fn an_empty_credential_matches_nothing() {
        assert!(!Credential::new("").matches(b""));
        assert!(!Credential::new("").signed(&[b"x"], &hmac_sha256(b"", &[b"x"])));
        assert!(Credential::new("a").matches(b"a"));
        assert!(!Credential::new("a").matches(b"b"));
    }

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        // RFC 4231, test case 2; the parts split the same message
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex::encode(hmac_sha256(b"Jefe", &[b"what do ya want for nothing?"])), expected);
        assert_eq!(hex::encode(hmac_sha256(b"Jefe", &[b"what do ya ", b"want for nothing?"])), expected);
    }
}
