//! Feeds: what is downloaded, how it is told to be good, and the state directory that keeps it.
//!
//! A feed's new content replaces the old one only when it is whole, can be read, and has not shrunk suddenly. The index is built from the
//! contents of all feeds and kept as a snapshot; old snapshots stay, so that a scan can be repeated as of a date.

pub mod bundle;
pub mod content;
pub mod download;
pub mod pack;
pub mod state;
pub mod sync;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

/// What a feed contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeedKind {
    /// OSV's archive for PyPI: a zip of one JSON record each.
    Osv,
    /// The PyPA advisory database, its git repository or an archive of it: YAML below `vulns/`.
    Pypa,
    /// OpenSSF's malicious packages, likewise: JSON below `osv/malicious/pypi/`.
    Malicious,
    /// CISA's catalogue of known exploited vulnerabilities.
    Kev,
    /// FIRST's exploit prediction scores, CSV, gzip or not.
    Epss,
    /// An organisation's own OSV records: a directory, a git repository, a zip, an array, or one record.
    Own,
}

impl FeedKind {
    /// The name used on the command line and in the state directory.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Osv => "osv",
            Self::Pypa => "pypa",
            Self::Malicious => "malicious",
            Self::Kev => "kev",
            Self::Epss => "epss",
            Self::Own => "own",
        }
    }

    /// Where in its archive the records are; `None` for everywhere.
    #[must_use]
    pub fn folder(self) -> Option<&'static str> {
        match self {
            Self::Pypa => Some("/vulns/"),
            Self::Malicious => Some("/osv/malicious/pypi/"),
            _ => None,
        }
    }

    /// Whether it has records, which may stand in a git repository or a directory.
    #[must_use]
    pub fn has_records(self) -> bool {
        !matches!(self, Self::Kev | Self::Epss)
    }

    /// Where the feed is published; `None` for an organisation's own.
    #[must_use]
    pub fn default_url(self) -> Option<&'static str> {
        Some(match self {
            Self::Osv => "https://osv-vulnerabilities.storage.googleapis.com/PyPI/all.zip",
            Self::Pypa => "https://github.com/pypa/advisory-database/archive/refs/heads/main.zip",
            Self::Malicious => "https://github.com/ossf/malicious-packages/archive/refs/heads/main.zip",
            Self::Kev => "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json",
            Self::Epss => "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz",
            Self::Own => return None,
        })
    }
}

/// A feed and where it is taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What it contains; one feed of a kind.
    pub kind: FeedKind,
    /// The publisher's address, a mirror's, `file://` (of records also a directory), or `git+https://…` of a repository of records.
    pub url: Url,
    /// The SHA-256 that the content must have, hexadecimal, where the site pins it.
    pub sha256: Option<String>,
}

/// Why a text names no feed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no feed: use osv, pypa, malicious, kev, epss, or own=URL; a mirror is named as KIND=URL (https, http, file; of records also git+https, git+ssh, git+file)"
)]
pub struct InvalidFeed(String);

impl FromStr for Feed {
    type Err = InvalidFeed;

    /// `osv`, or `osv=https://mirror.example.org/all.zip`, perhaps with `#sha256=…`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, url) = text.split_once('=').map_or((text, None), |(name, url)| (name, Some(url)));
        let invalid = || InvalidFeed(name.chars().take(40).collect());
        let kinds = [FeedKind::Osv, FeedKind::Pypa, FeedKind::Malicious, FeedKind::Kev, FeedKind::Epss, FeedKind::Own];
        let kind = kinds.into_iter().find(|kind| kind.as_str() == name).ok_or_else(invalid)?;
        let url = url.or(kind.default_url()).ok_or_else(invalid)?;
        let known = |url: &Url| match url.scheme() {
            "http" | "https" | "file" => true,
            "git+https" | "git+http" | "git+ssh" | "git+file" => kind.has_records(),
            _ => false,
        };
        let mut url = Url::parse(url).ok().filter(known).ok_or_else(invalid)?;
        let is_digest = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let sha256 = match url.fragment() {
            None => None,
            Some(fragment) => {
                let digest = fragment.strip_prefix("sha256=").filter(|digest| is_digest(digest));
                Some(digest.ok_or_else(invalid)?.to_ascii_lowercase())
            }
        };
        url.set_fragment(None);
        Ok(Self { kind, url, sha256 })
    }
}

/// The address without credentials and query, for messages and the state.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // both fail only for addresses that cannot have credentials
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feeds_by_name_and_by_mirror() {
        let feed: Feed = "osv=https://user:word@mirror.example.org/all.zip?sig=1".parse().unwrap();
        assert_eq!((feed.kind, shown(&feed.url).as_str()), (FeedKind::Osv, "https://mirror.example.org/all.zip"));
        for good in ["kev", "pypa=git+https://h.example.org/x.git", "own=file:///srv/advisories"] {
            assert!(good.parse::<Feed>().is_ok(), "{good}");
        }
        let pinned: Feed = format!("osv=https://h.example.org/x#sha256={}", "Ab".repeat(32)).parse().unwrap();
        assert_eq!((pinned.sha256, pinned.url.as_str()), (Some("ab".repeat(32)), "https://h.example.org/x"));
        for bad in [
            "osv=https://h.example.org/x#sha256=ab",
            "osv=https://h.example.org/x#top",
            "",
            "own",
            "moon",
            "osv=ftp://x/y",
            "osv=nonsense",
            "kev=git+https://h.example.org/x",
        ] {
            assert!(bad.parse::<Feed>().is_err(), "{bad}");
        }
    }
}
