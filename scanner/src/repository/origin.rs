//! Where a repository is: a path on this machine or an address on another.

use std::fmt;
use std::path::PathBuf;

use url::Url;
use zeroize::Zeroizing;

use super::RepositoryError;

/// A path or an address, credentials taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A directory on this machine, read in place.
    Local(PathBuf),
    /// An address to clone from.
    Remote(RemoteUrl),
}

/// `https://`, `http://`, `ssh://`, `git://` or `file://`, without credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteUrl(Url);

impl RemoteUrl {
    /// The address, without credentials.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The parsed address, for an address guard.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Names the mirror in the cache: equal for equal addresses, with or without `.git` and a trailing slash.
    #[must_use]
    pub fn cache_key(&self) -> String {
        let address = self.as_str().trim_end_matches('/').trim_end_matches(".git");
        let name: String = address
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .chars()
            .filter(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_'))
            .take(40)
            .collect();
        format!("{name}-{}", &blake3::hash(address.as_bytes()).to_hex()[..24])
    }
}

impl fmt::Display for RemoteUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// What a server may ask for. Held in memory for one fetch; never written to a mirror's configuration.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The account, or what the forge wants in its place (`x-access-token`).
    pub username: Option<String>,
    /// A password or token.
    pub password: Option<Zeroizing<String>>,
    /// An SSH private key in PEM or OpenSSH form.
    pub ssh_key: Option<Zeroizing<String>>,
    /// The passphrase of `ssh_key`.
    pub ssh_passphrase: Option<Zeroizing<String>>,
    /// Ask a running SSH agent.
    pub ssh_agent: bool,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials")
            .field("password", &self.password.is_some())
            .field("ssh_key", &self.ssh_key.is_some())
            .field("ssh_agent", &self.ssh_agent)
            .finish_non_exhaustive()
    }
}

impl Origin {
    /// Reads what a person typed. Credentials in the address are handed back apart from it.
    ///
    /// # Errors
    /// [`RepositoryError::BadUrl`] for an unknown scheme or an address without a host; the message never repeats credentials.
    pub fn parse(text: &str) -> Result<(Self, Credentials), RepositoryError> {
        if let Some((scheme, rest)) = text.split_once("://") {
            let bad =
                |reason: &str| RepositoryError::BadUrl { url: format!("{scheme}://…"), reason: reason.to_owned() };
            if !matches!(scheme, "https" | "http" | "ssh" | "git" | "file") {
                return Err(bad("the scheme is none of https, http, ssh, git, file"));
            }
            let mut url = Url::parse(text).map_err(|error| bad(&error.to_string()))?;
            if scheme != "file" && url.host_str().is_none_or(str::is_empty) || rest.is_empty() {
                return Err(bad("it names no host"));
            }
            let credentials = take_credentials(&mut url)?;
            return Ok((Self::Remote(RemoteUrl(url)), credentials));
        }
        match scp_like(text) {
            Some(address) => Self::parse(&address),
            None => Ok((Self::Local(PathBuf::from(text)), Credentials::default())),
        }
    }
}

fn take_credentials(url: &mut Url) -> Result<Credentials, RepositoryError> {
    let decode = |text: &str| url_decode(text);
    let username = (!url.username().is_empty()).then(|| decode(url.username()));
    let password = url.password().map(|password| Zeroizing::new(decode(password)));
    let cleared = url.set_password(None).is_ok();
    // ssh needs the account as part of the address; it is no secret there.
    let cleared = cleared && (url.scheme() == "ssh" || url.set_username("").is_ok());
    // `file:` addresses cannot carry credentials, so that refusing to clear them loses nothing.
    if !cleared && (username.is_some() || password.is_some()) {
        let url = format!("{}://…", url.scheme());
        return Err(RepositoryError::BadUrl { url, reason: "it cannot carry credentials".to_owned() });
    }
    Ok(Credentials { username, password, ..Credentials::default() })
}

fn url_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%').then(|| tail.get(..2)).flatten();
        match escaped.and_then(|digits| hex::decode(digits).ok()) {
            Some(byte) => {
                bytes.extend(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `git@host:path` as git understands it: a colon before the first slash, and something that looks like a host before it.
fn scp_like(text: &str) -> Option<String> {
    let (host, path) = text.split_once(':')?;
    let is_host = host.len() > 1 && !host.contains(['/', '\\']) && !path.is_empty() && !path.starts_with('\\');
    is_host.then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_paths() {
        // Sources: git-clone(1) "GIT URLS".
        let remote = |text: &str| match Origin::parse(text) {
            Ok((Origin::Remote(url), _)) => url.as_str().to_owned(),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(remote("https://git.example.org/a/b.git"), "https://git.example.org/a/b.git");
        assert_eq!(remote("git@git.example.org:a/b.git"), "ssh://git@git.example.org/a/b.git");
        assert_eq!(remote("ssh://git@git.example.org:2222/a/b"), "ssh://git@git.example.org:2222/a/b");
        assert_eq!(remote("file:///srv/a.git"), "file:///srv/a.git");
        assert_eq!(remote("git://127.0.0.1:9418/a"), "git://127.0.0.1:9418/a");
        for local in [".", "/srv/a.git", "../x", "a/b:c"] {
            assert_eq!(Origin::parse(local).unwrap().0, Origin::Local(PathBuf::from(local)));
        }
        for bad in ["ftp://example.org/a", "https://", "ext::sh://x", "javascript://x"] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn credentials_leave_the_address_and_never_print() {
        let word = ["pa", "%40", "ss"].concat();
        let (origin, credentials) = Origin::parse(&format!("https://me:{word}@git.example.org/a")).unwrap();
        assert!(matches!(&origin, Origin::Remote(url) if url.as_str() == "https://git.example.org/a"));
        assert_eq!(credentials.password.as_deref().map(String::as_str), Some("pa@ss"));
        assert!(!format!("{origin:?} {credentials:?}").contains("pa@ss"));
        let error = Origin::parse(&format!("ftp://me:{word}@git.example.org/a")).unwrap_err();
        assert!(!error.to_string().contains(&word));
    }

    #[test]
    fn cache_keys() {
        let key = |text: &str| match Origin::parse(text).unwrap().0 {
            Origin::Remote(url) => url.cache_key(),
            Origin::Local(_) => unreachable!(),
        };
        assert_eq!(key("https://a.example/b.git"), key("https://a.example/b/"));
        assert_ne!(key("https://a.example/b"), key("https://a.example/c"));
        assert!(!key("https://a.example/../../etc").contains('/'));
    }
}
