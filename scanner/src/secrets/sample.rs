//! Credentials that providers print in their own documentation, or that every emulator has. Kept as the beginnings of their SHA-256, so that
//! this file itself holds none.

use sha2::{Digest as _, Sha256};

const SAMPLES: &[&str] = &[
    // Azure's storage emulator
    "0011cc25eb4320717494d270",
    // Azure's Cosmos emulator
    "aa6547439583c3a275d4542a",
    // Stripe's documentation
    "2cafc0970149a84f3b9e62ea",
    // Stripe's documentation, older
    "f2d6ca16515033e5dce14eba",
    // GitHub's documentation
    "3543c50b0cb9cea8e55eb1f5",
    // Slack's documentation
    "f5375a46365089a84f4f822b",
    // SendGrid's documentation
    "02091175c1ae3023fb1e92ff",
    // Telegram's documentation
    "0b5dd075ccdd03c42f4edda8",
    // Telegram's documentation, older
    "731fa294d036e54f19df879b",
    // RFC 7617's user
    "cf4d418ed3de92d71f767db5",
    // RFC 6749's client
    "ca7459e2b26776de081b9a07",
    // Mailgun's documentation
    "9c846fdf0fa8955c377d0301",
    // AWS's documentation
    "78314b11be2e581549ac1c4f",
    // Google Maps' documentation
    "ac9265e56c79b234607ec72c",
];

/// Whether the value is one of them.
pub(super) fn is_documented(value: &[u8]) -> bool {
    // the longest known one is shorter, and most candidates are not of this length
    if !(20..=100).contains(&value.len()) {
        return false;
    }
    let hash = hex::encode(Sha256::digest(value));
    SAMPLES.iter().any(|known| hash.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_known() {
        let sample = ["sk_test_", "4eC39HqLyjWDarjtT1zdp7dc"].concat();
        assert!(is_documented(sample.as_bytes()));
        assert!(!is_documented(format!("{sample}x").as_bytes()));
    }
}
