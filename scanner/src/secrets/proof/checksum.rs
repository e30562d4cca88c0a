//! GitHub's and npm's tokens end in a CRC32 of what stands before: 30 random characters, then six base 62 digits.
//! <https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token with its true checksum.
pub(crate) fn with_crc(prefix: &str, random: &str) -> String {
    format!("{prefix}{random}{}", base62(crc32fast::hash(random.as_bytes())))
}

/// Whether the last six characters are the CRC32 of those between prefix and them.
pub(crate) fn crc_holds(token: &str) -> bool {
    let Some((_, body)) = token.rsplit_once('_') else { return false };
    body.len() == 36 && body.is_ascii() && {
        let (random, sum) = body.split_at(30);
        base62(crc32fast::hash(random.as_bytes())) == sum
    }
}

fn base62(mut value: u32) -> String {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(value % 62) as usize];
        value /= 62;
    }
    String::from_utf8_lossy(&digits).into_owned()
}
