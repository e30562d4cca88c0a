//! Where a scan or an outgoing call may reach: an address guard against requests that an outsider makes us send.
//!
//! Public addresses are fine. Loopback, private, link-local and other special addresses, and directories of this machine, are fine only
//! when the configuration names them. Names are checked after DNS, so that a public name for a private address gains nothing.

mod outgoing;
mod tunnel;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Component, Path, PathBuf};

use url::{Host, Url};

use crate::config::Reach;
pub use outgoing::{Addresses, Guard, Names, Redirects, SystemNames, origin};
pub use tunnel::Tunnel;

/// Why an address is not reached for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutOfReach {
    /// Not a URL, or one without a host.
    #[error("expected a URL such as https://host/owner/name")]
    NoUrl,
    /// A scheme that git hosts do not use.
    #[error("the scheme {0:?} is not allowed; allowed are https, http, ssh and git")]
    Scheme(String),
    /// A user or password in the URL.
    #[error("the URL carries credentials; give them to the server's configuration instead")]
    Credentials,
    /// A directory of this machine that the configuration does not name.
    #[error("directories of the server are out of reach unless reach.allow_directories names them")]
    Directory,
    /// A special address.
    #[error("{host} is {what}; such addresses are out of reach unless reach.allow_hosts names them")]
    Address {
        /// The host as given.
        host: String,
        /// What kind of address.
        what: &'static str,
    },
    /// The name has no address.
    #[error("{host} cannot be resolved: {reason}")]
    Unresolved {
        /// The host as given.
        host: String,
        /// What the resolver said.
        reason: String,
    },
}

/// What must still be asked of DNS after the URL itself was found fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// Nothing.
    Fine,
    /// The addresses of this host must pass [`Reach::check_address`].
    Resolve {
        /// The host name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Reach {
    /// Checks a clone URL or the URL of an outgoing call, as far as that goes without DNS.
    ///
    /// # Errors
    /// [`OutOfReach`].
    pub fn check_url(&self, text: &str) -> Result<Checked, OutOfReach> {
        let url = parse(text)?;
        let port = match url.scheme() {
            "file" => return self.check_directory(&url),
            "https" => 443,
            "http" => 80,
            "ssh" => 22,
            "git" => 9418,
            other => return Err(OutOfReach::Scheme(other.to_owned())),
        };
        let named = url.scheme() != "ssh" && !url.username().is_empty();
        if named || url.password().is_some() {
            return Err(OutOfReach::Credentials);
        }
        let port = url.port().unwrap_or(port);
        // the `url` crate reads a numeric host of a special scheme as an address, and leaves it a name for ssh and git
        match url.host().ok_or(OutOfReach::NoUrl)? {
            Host::Ipv4(address) => self.check_address(&address.to_string(), address.into()),
            Host::Ipv6(address) => self.check_address(&address.to_string(), address.into()),
            Host::Domain(name) if self.allows(name) => Ok(()),
            Host::Domain(name) => match name.parse::<IpAddr>() {
                Ok(address) => self.check_address(name, address),
                Err(_) => return Ok(Checked::Resolve { host: name.to_owned(), port }),
            },
        }?;
        Ok(Checked::Fine)
    }

    /// Checks one address that `host` stands for.
    ///
    /// # Errors
    /// [`OutOfReach::Address`].
    pub fn check_address(&self, host: &str, address: IpAddr) -> Result<(), OutOfReach> {
        match special(address) {
            Some(what) if !self.allows(host) && !self.allows(&address.to_string()) => {
                Err(OutOfReach::Address { host: host.to_owned(), what })
            }
            _ => Ok(()),
        }
    }

    /// Checks a URL and every address that its host has now.
    ///
    /// # Errors
    /// [`OutOfReach`].
    pub async fn check_resolved(&self, text: &str) -> Result<(), OutOfReach> {
        let Checked::Resolve { host, port } = self.check_url(text)? else { return Ok(()) };
        let unresolved = |reason: String| OutOfReach::Unresolved { host: host.clone(), reason };
        let addresses =
            tokio::net::lookup_host((host.as_str(), port)).await.map_err(|error| unresolved(error.to_string()))?;
        let mut any = false;
        for address in addresses {
            any = true;
            self.check_address(&host, address.ip())?;
        }
        if any { Ok(()) } else { Err(unresolved("it has no address".to_owned())) }
    }

    fn allows(&self, host: &str) -> bool {
        let plain = |text: &str| text.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        self.allow_hosts.iter().any(|allowed| plain(allowed) == plain(host))
    }

    fn check_directory(&self, url: &Url) -> Result<Checked, OutOfReach> {
        let path = directory(url).ok_or(OutOfReach::Directory)?;
        let inside = |allowed: &PathBuf| {
            // links are followed where the path exists, so that none leads outside
            let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
            real(&path).starts_with(real(allowed))
        };
        let climbs = path.components().any(|part| part == Component::ParentDir);
        if !climbs && self.allow_directories.iter().any(inside) {
            Ok(Checked::Fine)
        } else {
            Err(OutOfReach::Directory)
        }
    }
}

/// The directory of this machine that a `file:` address names. As for git itself, `x` is `x.git` where only that is there.
pub fn directory(url: &Url) -> Option<PathBuf> {
    let path = url.to_file_path().ok()?;
    let mut bare = path.clone().into_os_string();
    bare.push(".git");
    let bare = PathBuf::from(bare);
    Some(if !path.exists() && bare.exists() { bare } else { path })
}

/// Reads a URL, or git's short form `user@host:path`.
fn parse(text: &str) -> Result<Url, OutOfReach> {
    let text = text.trim();
    if text.contains("://") {
        return Url::parse(text).map_err(|_| OutOfReach::NoUrl);
    }
    match text.split_once(':') {
        // `helper::address` would run a program in git itself
        Some((host, path)) if !host.is_empty() && !host.contains('/') && !path.starts_with(':') => {
            Url::parse(&format!("ssh://{host}/{}", path.trim_start_matches('/'))).map_err(|_| OutOfReach::NoUrl)
        }
        _ if text.starts_with('/') => Url::from_file_path(text).map_err(|()| OutOfReach::NoUrl),
        _ => Err(OutOfReach::NoUrl),
    }
}

/// What makes an address one that outsiders must not make us reach, by the IANA special-purpose registries.
fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let [a, b, c, _] = address.octets();
    if address.is_loopback() {
        Some("a loopback address")
    } else if address.is_private() || (a == 100 && (64..128).contains(&b)) {
        Some("a private address")
    } else if address.is_link_local() {
        // the cloud metadata services live here
        Some("a link-local address")
    } else if a == 0 || a >= 224 || (a, b, c) == (192, 0, 0) || (a == 198 && (b == 18 || b == 19)) {
        Some("a reserved address")
    } else if address.is_documentation() {
        Some("a documentation address")
    } else {
        None
    }
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = match segments {
        // mapped ::ffff:a.b.c.d, compatible ::a.b.c.d, NAT64 64:ff9b::a.b.c.d
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some((high, low)),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some((high, low)),
        // 6to4 2002:aabb:ccdd::
        [0x2002, high, low, ..] => Some((high, low)),
        _ => None,
    };
    if let Some((high, low)) = embedded {
        return special_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    }
    if address.is_loopback() {
        Some("a loopback address")
    } else if segments[0] & 0xfe00 == 0xfc00 {
        Some("a private address")
    } else if segments[0] & 0xffc0 == 0xfe80 {
        Some("a link-local address")
    } else if address.is_unspecified() || segments[0] & 0xe000 != 0x2000 {
        Some("a reserved address")
    } else if segments[0] == 0x2001 && segments[1] == 0xdb8 {
        Some("a documentation address")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_within_and_out_of_reach() {
        let reach = Reach { allow_hosts: vec!["git.internal".into(), "10.1.2.3".into()], allow_directories: vec![] };
        let resolve = |host: &str, port| Ok(Checked::Resolve { host: host.into(), port });
        let special = |host: &str, what| Err(OutOfReach::Address { host: host.into(), what });
        let cases = [
            ("https://github.com/a/b", resolve("github.com", 443)),
            ("http://github.com:8080/a/b", resolve("github.com", 8080)),
            ("git@github.com:a/b.git", resolve("github.com", 22)),
            ("ssh://git@github.com:2222/a", resolve("github.com", 2222)),
            ("git://github.com/a", resolve("github.com", 9418)),
            ("https://140.82.121.3/a", Ok(Checked::Fine)),
            ("https://git.internal/a", Ok(Checked::Fine)),
            ("https://10.1.2.3/a", Ok(Checked::Fine)),
            ("https://10.1.2.4/a", special("10.1.2.4", "a private address")),
            ("http://169.254.169.254/latest/meta-data", special("169.254.169.254", "a link-local address")),
            ("http://127.0.0.1/", special("127.0.0.1", "a loopback address")),
            // other spellings of 127.0.0.1
            ("http://2130706433/", special("127.0.0.1", "a loopback address")),
            ("http://0x7f.1/", special("127.0.0.1", "a loopback address")),
            ("http://[::1]/", special("::1", "a loopback address")),
            ("http://[::ffff:127.0.0.1]/", special("::ffff:127.0.0.1", "a loopback address")),
            ("http://[64:ff9b::a00:1]/", special("64:ff9b::a00:1", "a private address")),
            ("http://[fd00::1]/", special("fd00::1", "a private address")),
            ("http://[fe80::1]/", special("fe80::1", "a link-local address")),
            ("http://0.0.0.0/", special("0.0.0.0", "a reserved address")),
            ("ssh://127.0.0.1/a", special("127.0.0.1", "a loopback address")),
            ("https://user:pass@github.com/a", Err(OutOfReach::Credentials)),
            ("https://token@github.com/a", Err(OutOfReach::Credentials)),
            ("file:///etc", Err(OutOfReach::Directory)),
            ("/etc", Err(OutOfReach::Directory)),
            ("ext::sh -c id", Err(OutOfReach::NoUrl)),
            ("gopher://x/", Err(OutOfReach::Scheme("gopher".into()))),
            ("", Err(OutOfReach::NoUrl)),
            ("--upload-pack=x", Err(OutOfReach::NoUrl)),
        ];
        for (url, expected) in cases {
            assert_eq!(reach.check_url(url), expected, "{url}");
        }
    }

    #[test]
    fn directories_need_permission_and_links_do_not_widen_it() {
        let dir = tempfile::tempdir().expect("dir");
        let allowed = dir.path().join("allowed");
        std::fs::create_dir_all(allowed.join("repository")).expect("create");
        std::os::unix::fs::symlink("/etc", allowed.join("link")).expect("link");
        std::os::unix::fs::symlink("/etc", allowed.join("bare.git")).expect("link");
        let reach = Reach { allow_hosts: vec![], allow_directories: vec![allowed.clone()] };
        let check = |path: &str| reach.check_url(&format!("file://{}/{path}", allowed.display()));
        assert_eq!(check("repository"), Ok(Checked::Fine));
        assert_eq!(check("link"), Err(OutOfReach::Directory));
        assert_eq!(check("bare"), Err(OutOfReach::Directory), "what is cloned is bare.git");
        assert_eq!(check("../other"), Err(OutOfReach::Directory));
    }

    #[tokio::test]
    async fn names_are_checked_after_dns() {
        let refused = Reach::default().check_resolved("http://localhost:1/").await;
        assert!(matches!(refused, Err(OutOfReach::Address { .. })), "{refused:?}");
        let allowed = Reach { allow_hosts: vec!["LOCALHOST.".into()], allow_directories: vec![] };
        assert_eq!(allowed.check_resolved("http://localhost:1/").await, Ok(()));
    }
}
