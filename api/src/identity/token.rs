//! API tokens: a prefix, 256 random bits, a checksum; only a keyed hash is ever stored.
//!
//! `sbird_` + 64 hexadecimal digits + 8 digits of CRC-32. The prefix lets secret scanners (ours too) find a leaked one, the checksum
//! lets them and us refuse a mistyped one without asking the store.

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::credential::Credential;

const PREFIX: &str = "sbird_";

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Read repositories, findings, reports and the gate.
    Read,
    /// Register repositories and start scans.
    Scan,
    /// Change the state of findings.
    Triage,
    /// Everything, tokens and sweeps too.
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Read, Self::Scan, Self::Triage, Self::Admin];

    /// The word used in REST and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Scan => "scan",
            Self::Triage => "triage",
            Self::Admin => "admin",
        }
    }
}

/// A word that names no scope.
#[derive(Debug, thiserror::Error)]
#[error("no scope is called {0:?}; there are read, scan, triage and admin")]
pub struct UnknownScope(String);

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}

/// A token in the clear: shown once when it is made, and otherwise only on its way in.
#[derive(Clone, Debug)]
pub struct Token(Credential);

impl Token {
    /// Makes a token of 256 bits that the caller drew at random.
    #[must_use]
    pub fn from_random(bits: &[u8; 32]) -> Self {
        let digits = Zeroizing::new(hex::encode(bits));
        Self(Credential::new(format!("{PREFIX}{}{:08x}", digits.as_str(), crc32fast::hash(digits.as_bytes()))))
    }

    /// Reads a token as a caller sent it; `None` when it cannot be one.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(PREFIX)?;
        let (digits, checksum) = rest.split_at_checked(64)?;
        let lower_hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let fits = lower_hex(digits) && format!("{:08x}", crc32fast::hash(digits.as_bytes())) == checksum;
        fits.then(|| Self(Credential::new(text)))
    }

    /// The text, for the one time that it is shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// The key under which tokens are hashed. Without it the stored hashes cannot even be tried out.
#[derive(Clone)]
pub struct TokenKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for TokenKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TokenKey([hidden])")
    }
}

impl TokenKey {
    /// A key of given bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads the key of this data directory, or draws one and writes it readable for the owner alone.
    ///
    /// # Errors
    /// A file that cannot be read or written, or that is no key.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = data_dir.join("token.key");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let wrong = || io::Error::new(io::ErrorKind::InvalidData, format!("{} is no key", path.display()));
                let bytes = Zeroizing::new(bytes);
                Ok(Self::new(bytes.as_slice().try_into().map_err(|_| wrong())?))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::new(random()?);
                write_private(&path, key.0.as_slice())?;
                Ok(key)
            }
            Err(error) => Err(error),
        }
    }

    /// The token's identity at rest.
    #[must_use]
    pub fn hash(&self, token: &Token) -> TokenHash {
        TokenHash(blake3::keyed_hash(&self.0, token.expose().as_bytes()).to_hex().to_string())
    }
}

/// 256 bits from the operating system.
///
/// # Errors
/// When the operating system has none to give.
pub fn random() -> io::Result<[u8; 32]> {
    let mut bits = [0; 32];
    getrandom::fill(&mut bits).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bits)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A token at rest: the keyed BLAKE3 of its text, hexadecimal. Looking it up by hash compares nothing that an attacker can choose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(pub String);

/// What is asked for when a token is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NewToken {
    /// What it is for, in words.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to, by id; `None` for all.
    pub repositories: Option<Vec<String>>,
    /// When it ends, seconds since 1970; `None` for never.
    pub expires: Option<i64>,
}

/// Why no such token is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidToken {
    /// Nobody would know what it is for.
    #[error("name: expected 1 to 200 characters")]
    Name,
    /// It would allow nothing.
    #[error("scopes: at least one is needed")]
    Scopes,
    /// It would open nothing.
    #[error("expires_at: already past")]
    Expired,
}

impl NewToken {
    /// Checks what types alone cannot.
    ///
    /// # Errors
    /// [`InvalidToken`].
    pub fn checked(mut self, now: i64) -> Result<Self, InvalidToken> {
        self.name = self.name.trim().to_owned();
        if self.name.is_empty() || self.name.chars().count() > 200 {
            return Err(InvalidToken::Name);
        }
        if self.scopes.is_empty() {
            return Err(InvalidToken::Scopes);
        }
        if self.expires.is_some_and(|end| end <= now) {
            return Err(InvalidToken::Expired);
        }
        Ok(self)
    }
}

/// A token as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its public id.
    pub id: String,
    /// The keyed hash.
    pub hash: TokenHash,
    /// What it is for, in words.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to, by id; `None` for all.
    pub repositories: Option<Vec<String>>,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// When it ends, seconds since 1970.
    pub expires: Option<i64>,
    /// When it was last used, seconds since 1970, exact to a minute.
    pub last_used: Option<i64>,
    /// When it was revoked, seconds since 1970.
    pub revoked: Option<i64>,
}

impl TokenRecord {
    /// The record of a new token.
    #[must_use]
    pub fn new(id: String, hash: TokenHash, asked: NewToken, now: i64) -> Self {
        let NewToken { name, mut scopes, repositories, expires } = asked;
        scopes.sort_unstable();
        scopes.dedup();
        Self { id, hash, name, scopes, repositories, created: now, expires, last_used: None, revoked: None }
    }

    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn valid_at(&self, now: i64) -> bool {
        self.revoked.is_none() && self.expires.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_a_mistyped_one_does_not() {
        let token = Token::from_random(&[7; 32]);
        let text = token.expose().to_owned();
        assert_eq!(text.len(), PREFIX.len() + 72);
        assert_eq!(Token::read(&text).expect("reads").expose(), text);
        let mistyped = text.replacen("07", "08", 1);
        let upper = text.to_uppercase().replacen("SBIRD", "sbird", 1);
        for wrong in
            ["", "sbird_", &mistyped, &text[1..], &text[..text.len() - 1], &format!("{text}0"), &upper, "sbird_é"]
        {
            assert!(Token::read(wrong).is_none(), "{wrong}");
        }
        assert!(!format!("{token:?}").contains("0707"));
    }

    #[test]
    fn the_hash_depends_on_the_key() {
        let token = Token::from_random(&[7; 32]);
        let hash = TokenKey::new([1; 32]).hash(&token);
        assert_eq!(hash, TokenKey::new([1; 32]).hash(&token));
        assert_ne!(hash, TokenKey::new([2; 32]).hash(&token));
        assert!(!hash.0.contains("0707"));
    }

    #[test]
    fn the_key_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("dir");
        let token = Token::from_random(&[7; 32]);
        let first = TokenKey::open(dir.path()).expect("made").hash(&token);
        assert_eq!(TokenKey::open(dir.path()).expect("read").hash(&token), first);
        let path = dir.path().join("token.key");
        assert_eq!(std::fs::metadata(&path).expect("file").permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").expect("write");
        assert!(TokenKey::open(dir.path()).expect_err("no key").to_string().contains("token.key"));
    }

    #[test]
    fn expiry_and_revocation_end_a_token() {
        let asked = NewToken { name: "ci".into(), scopes: vec![Scope::Read], repositories: None, expires: Some(10) };
        let record = TokenRecord::new("1".into(), TokenHash(String::new()), asked, 0);
        assert!(record.valid_at(9) && !record.valid_at(10));
        assert!(!TokenRecord { revoked: Some(5), ..record }.valid_at(6));
    }
}
