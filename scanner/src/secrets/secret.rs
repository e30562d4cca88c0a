//! A secret in memory: it cannot be printed, compared in public, logged or serialised, and is wiped when it goes.

use std::io::Write as _;
use std::path::Path;

use zeroize::Zeroizing;

/// The key of the fingerprints: without it nobody can try guesses against a fingerprint.
#[derive(Clone)]
pub struct FingerprintKey(Zeroizing<[u8; 32]>);

impl FingerprintKey {
    /// Thirty-two random bytes that an installation keeps.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// A key for one run only.
    #[must_use]
    #[expect(clippy::expect_used, reason = "Linux, macOS and Windows give randomness to every running process")]
    pub fn random() -> Self {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).expect("the operating system gives randomness");
        Self::new(bytes)
    }

    /// The key kept in `path`, made and written there (readable by the owner alone) when there is none yet.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else than 64 hexadecimal digits.
    pub fn load_or_create(path: &Path) -> std::io::Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => {
                let mut bytes = [0; 32];
                let text = Zeroizing::new(text);
                hex::decode_to_slice(text.trim(), &mut bytes)
                    .map_err(|_| std::io::Error::other("is not a key of 64 hexadecimal digits"))?;
                Ok(Self::new(bytes))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error),
        }
    }

    fn create(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let key = Self::random();
        let opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match opened {
            Ok(mut file) => file.write_all(hex::encode(key.0.as_slice()).as_bytes()).map(|()| key),
            // another process was faster: its key is the key
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Self::load_or_create(path),
            Err(error) => Err(error),
        }
    }
}

/// The plaintext of a secret. It has no `Debug`, `Display`, `Clone` or `Serialize`, on purpose.
pub struct Secret(Zeroizing<Vec<u8>>);

/// A preview shows a beginning only where what is left is long enough to stay unguessable.
const LONG_ENOUGH_FOR_A_PREVIEW: usize = 20;
const SHOWN: usize = 4;

impl Secret {
    /// Takes a copy that is wiped when it is dropped.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// The plaintext, for verification against the provider and for telling secrets apart.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The keyed hash that is the secret's identity: 64 hexadecimal digits. A key in PEM armour is the same key however its lines are
    /// broken, escaped or quoted.
    #[must_use]
    pub fn fingerprint(&self, key: &FingerprintKey) -> String {
        if self.0.starts_with(b"-----BEGIN ") {
            return blake3::keyed_hash(&key.0, &without_layout(&self.0)).to_hex().to_string();
        }
        blake3::keyed_hash(&key.0, &self.0).to_hex().to_string()
    }

    /// What a person sees: the first characters of a long token (`ghp_… (40 characters)`), and only the length of anything else.
    #[must_use]
    pub fn redacted(&self) -> String {
        let text = String::from_utf8_lossy(&self.0);
        let count = text.chars().count();
        let is_token = text.chars().all(|letter| letter.is_ascii_graphic());
        if text.starts_with("-----BEGIN ") {
            return format!("-----BEGIN … ({count} characters)");
        }
        match is_token && count >= LONG_ENOUGH_FOR_A_PREVIEW {
            true => format!("{}… ({count} characters)", &text[..SHOWN]),
            false => format!("… ({count} characters)"),
        }
    }
}

/// The letters of a PEM text without white space, escaped line ends, quotes and commas around its lines.
fn without_layout(pem: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut kept = Zeroizing::new(Vec::with_capacity(pem.len()));
    let mut bytes = pem.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            // an escape and what it stands for
            b'\\' => drop(bytes.next()),
            b'"' | b'\'' | b',' => {}
            _ if byte.is_ascii_whitespace() => {}
            _ => kept.push(byte),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_help_nobody() {
        let shown = |text: &str| Secret::new(text.as_bytes()).redacted();
        assert_eq!(shown("hunter2"), "… (7 characters)");
        assert_eq!(shown("correct horse battery staple"), "… (28 characters)");
        assert_eq!(shown(&format!("ghp_{}", "a1".repeat(18))), "ghp_… (40 characters)");
        assert_eq!(shown("žluťoučký kůň žluťoučký kůň"), "… (27 characters)");
        assert_eq!(Secret::new(&[0xff; 30]).redacted(), "… (30 characters)");
    }

    #[test]
    fn a_pem_key_is_the_same_however_it_is_laid_out() {
        let key = FingerprintKey::new([1; 32]);
        let print = |text: &str| Secret::new(text.as_bytes()).fingerprint(&key);
        let begin = ["-----BEGIN PRIVATE", " KEY-----"].concat();
        let plain = print(&format!("{begin}\nAAAA\nBBBB\n"));
        for other in ["\\nAAAA\\nBBBB", "\r\nAAAA\r\nBBBB", "\\n\", \n \"AAAA\\n\",\n\"BBBB"] {
            assert_eq!(print(&format!("{begin}{other}")), plain, "{other}");
        }
        assert_ne!(print(&format!("{begin}\nAAAA\nBBBC\n")), plain);
    }

    #[test]
    fn fingerprints_depend_on_the_key() {
        let (one, two) = (FingerprintKey::new([1; 32]), FingerprintKey::new([2; 32]));
        let secret = Secret::new(b"x");
        assert_eq!(secret.fingerprint(&one), Secret::new(b"x").fingerprint(&one));
        assert_ne!(secret.fingerprint(&one), secret.fingerprint(&two));
        assert_ne!(secret.fingerprint(&one), Secret::new(b"y").fingerprint(&one));
    }
}
