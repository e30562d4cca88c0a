//! Cloud keys.

use super::Verdict;

/// An AWS key id of the current form is base32 and carries its account number in the bits after the prefix.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html>
pub(super) fn aws_key_id(id: &str) -> Verdict {
    if id.ends_with("EXAMPLE") {
        return Verdict::Harmless;
    }
    let Some(body) = id.get(4..).filter(|body| body.len() == 16) else {
        return Verdict::refuted("an AWS key id has 20 characters");
    };
    let mut bits: u128 = 0;
    for byte in body.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return Verdict::refuted("not base32, as AWS key ids are"),
        };
        bits = (bits << 5) | u128::from(digit);
    }
    // 80 bits; the account is 40 bits after the first one of the first six bytes
    let account = ((bits >> 32) & 0x7fff_ffff_ff80) >> 7;
    if account == 0 || account == 123_456_789_012 {
        return Verdict::refuted("names an account of emulators and of documentation");
    }
    if account < 1_000_000_000_000 {
        Verdict::confirmed(format!("names the AWS account ending in {:04}", account % 10_000))
    } else {
        Verdict::Open
    }
}

/// AWS secrets are 40 characters of base64 without structure; what is all hexadecimal is a SHA-1.
pub(super) fn aws_secret(secret: &str) -> Verdict {
    if secret.ends_with("EXAMPLEKEY") {
        return Verdict::Harmless;
    }
    let hexadecimal = secret.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has = |class: fn(&u8) -> bool| secret.as_bytes().iter().any(class);
    let path = secret.matches('/').count() > 4;
    if hexadecimal || path || !(has(u8::is_ascii_lowercase) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_digit)) {
        return Verdict::Harmless;
    }
    Verdict::Open
}
