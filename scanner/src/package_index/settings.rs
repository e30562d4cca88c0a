//! Which index is asked, and how. Credentials come from the configuration only: never from a scanned repository, a netrc or a keyring.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use url::Url;
use zeroize::Zeroizing;

/// An account of the index. Its password is never shown.
#[derive(Clone)]
pub struct Credentials {
    pub(super) user: String,
    pub(super) password: Zeroizing<String>,
}

impl Credentials {
    /// Basic authentication, which is also how indexes take tokens (`__token__` as the user).
    #[must_use]
    pub fn new(user: &str, password: &str) -> Self {
        Self { user: user.to_owned(), password: Zeroizing::new(password.to_owned()) }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Not the address of an index. Does not quote it, for it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the address of a package index, such as https://pypi.org/simple/")]
pub struct InvalidIndex;

/// Which index is asked, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of the simple API, without credentials.
    pub url: Url,
    /// Sent to the index's own host only.
    pub credentials: Option<Credentials>,
    /// Where answers are kept; best one directory for the whole organisation.
    pub cache: Option<PathBuf>,
    /// Nothing is asked; what is kept answers.
    pub offline: bool,
    /// PEM certificates trusted beside the system's.
    pub ca: Option<Vec<u8>>,
    /// How long a project's page counts as news before the index is asked whether it changed.
    pub fresh_for: Duration,
    /// How long one piece of work (a scan's import names, how its packages stand) waits for all of its questions together.
    pub patience: Duration,
}

impl Settings {
    /// The index that everybody uses unless told otherwise.
    pub const PUBLIC: &str = "https://pypi.org/simple/";
    /// What [`Settings::patience`] is unless told otherwise, in seconds.
    pub const PATIENCE: u64 = 90;

    /// Without cache, credentials and certificates of one's own.
    #[must_use]
    pub fn new(address: IndexAddress) -> Self {
        let fresh_for = Duration::from_secs(10 * 60);
        let patience = Duration::from_secs(Self::PATIENCE);
        let IndexAddress { url, credentials } = address;
        Self { url, credentials, cache: None, offline: false, ca: None, fresh_for, patience }
    }
}

/// An index's address as a person configures it, taken apart: `https://user:password@host/simple/`.
#[derive(Debug, Clone)]
pub struct IndexAddress {
    url: Url,
    credentials: Option<Credentials>,
}

impl FromStr for IndexAddress {
    type Err = InvalidIndex;

    fn from_str(text: &str) -> Result<Self, InvalidIndex> {
        let mut url = Url::parse(text.trim()).map_err(|_| InvalidIndex)?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(InvalidIndex);
        }
        let decoded = |text: &str| {
            url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                .next()
                .map(|(_, value)| value.into_owned())
        };
        let credentials = match (decoded(url.username()), decoded(url.password().unwrap_or_default())) {
            (Some(user), Some(password)) if !user.is_empty() => Some(Credentials::new(&user, &password)),
            _ => None,
        };
        url.set_username("").and_then(|()| url.set_password(None)).map_err(|()| InvalidIndex)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        Ok(Self { url, credentials })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart_and_passwords_not_shown() {
        let password = ["p+w", "%40", "d"].concat();
        for (text, url, user, expected) in [
            ("https://pypi.org/simple", "https://pypi.org/simple/", None, ""),
            ("http://127.0.0.1:3141/root/pypi/+simple/", "http://127.0.0.1:3141/root/pypi/+simple/", None, ""),
            (&*format!("https://ada:{password}@host/simple/"), "https://host/simple/", Some("ada"), "p+w@d"),
            ("https://token@host/simple/", "https://host/simple/", Some("token"), ""),
        ] {
            let settings = Settings::new(text.parse().expect(text));
            assert_eq!(settings.url.as_str(), url);
            let credentials = settings.credentials.as_ref();
            assert_eq!(credentials.map(|credentials| credentials.user.as_str()), user, "{text}");
            assert_eq!(credentials.map_or("", |credentials| credentials.password.as_str()), expected, "{text}");
            assert!(expected.is_empty() || !format!("{settings:?}").contains("w@d"), "{settings:?}");
        }
        for text in ["", "pypi.org/simple", "file:///srv/simple/", "git+https://host/x", "https://"] {
            assert!(text.parse::<IndexAddress>().is_err(), "{text}");
        }
    }
}
