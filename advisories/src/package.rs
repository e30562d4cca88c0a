//! Package names and versions, valid by construction.
//!
//! Names follow PEP 503 (normalisation) and PEP 508 (which characters), versions PEP 440. A version that PEP 440 rejects
//! (`2.6.0-NA`, `2004d`) is kept as text: it exists on the index and in advisories, and equals only itself.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A distribution's name, normalised by PEP 503 when it is built, so that plain equality is the right one.
///
/// ```
/// use advisories::PackageName;
/// let name: PackageName = "Zope.Interface".parse().unwrap();
/// assert_eq!(name.as_str(), "zope-interface");
/// assert!("not a name".parse::<PackageName>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(Arc<str>);

/// Why a text is not a package name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a package name (PEP 508: letters, digits, `.`, `_`, `-`, beginning and ending with a letter or digit)"
)]
pub struct InvalidPackageName(String);

impl PackageName {
    /// Checks and normalises a name.
    ///
    /// # Errors
    /// When the text is not a name by PEP 508.
    pub fn new(text: &str) -> Result<Self, InvalidPackageName> {
        let invalid = || InvalidPackageName(text.chars().take(80).collect());
        let bytes = text.as_bytes();
        let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        if !edge(bytes.first()) || !edge(bytes.last()) {
            return Err(invalid());
        }
        let mut normalised = String::with_capacity(text.len());
        let mut separator = false;
        for &byte in bytes {
            match byte {
                b'-' | b'_' | b'.' => separator = true,
                byte if byte.is_ascii_alphanumeric() => {
                    if separator {
                        normalised.push('-');
                        separator = false;
                    }
                    normalised.push(char::from(byte.to_ascii_lowercase()));
                }
                _ => return Err(invalid()),
            }
        }
        Ok(Self(normalised.into()))
    }

    /// The normalised name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PackageName {
    type Err = InvalidPackageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl fmt::Debug for PackageName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl Serialize for PackageName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for PackageName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// One release's version: its text as written, and its meaning where PEP 440 gives it one.
///
/// Equality and order are PEP 440's (`1.0` equals `1.0.0`); versions that PEP 440 rejects sort below all others and equal
/// only the same text.
#[derive(Clone)]
pub struct Version {
    text: Arc<str>,
    parsed: Option<pep440_rs::Version>,
}

impl Version {
    /// Reads a version; every text is one, see [`Version::pep440`].
    #[must_use]
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Self { text: text.into(), parsed: pep440_rs::Version::from_str(text).ok() }
    }

    /// The version as its source wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What PEP 440 understands, if it accepts the text.
    #[must_use]
    pub fn pep440(&self) -> Option<&pep440_rs::Version> {
        self.parsed.as_ref()
    }
}

impl From<pep440_rs::Version> for Version {
    fn from(version: pep440_rs::Version) -> Self {
        Self { text: version.to_string().into(), parsed: Some(version) }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.parsed, &other.parsed) {
            (Some(left), Some(right)) => left.cmp(right),
            (None, None) => self.text.cmp(&other.text),
            (left, right) => left.is_some().cmp(&right.is_some()),
        }
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.parsed {
            Some(version) => version.hash(state),
            None => self.text.hash(state),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised_or_refused() {
        let cases = [
            ("Django", Some("django")),
            ("zope.interface", Some("zope-interface")),
            ("a__b--c..d", Some("a-b-c-d")),
            ("ruamel.yaml.clib", Some("ruamel-yaml-clib")),
            ("3to2", Some("3to2")),
            ("", None),
            ("-x", None),
            ("x-", None),
            ("a b", None),
            ("naïve", None),
            ("a/../b", None),
        ];
        for (text, expected) in cases {
            assert_eq!(PackageName::new(text).ok().as_ref().map(PackageName::as_str), expected, "{text:?}");
        }
    }

    #[test]
    fn versions_compare_by_pep_440_and_legacy_ones_sort_below() {
        assert_eq!(Version::new("1.0"), Version::new("1.0.0"));
        assert_eq!(Version::new("v1.0-rc1"), Version::new("1.0rc1"));
        assert_ne!(Version::new("1.0"), Version::new("1.0+cu118"));
        assert!(Version::new("1!0.1") > Version::new("2026.1"));
        assert!(Version::new("2.6.0-NA") < Version::new("0.0.dev0"));
        assert_ne!(Version::new("2004d.x-q"), Version::new("2004d.x-r"));
    }
}
