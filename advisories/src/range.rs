//! Affected ranges: OSV's events, and the intervals they mean.
//!
//! Events are read in the order of their versions (`introduced: "0"` first; at equal versions fixed, introduced, last_affected),
//! as OSV's evaluation algorithm does it. A `limit` ends what may be affected at all.
//! <https://ossf.github.io/osv-schema/#evaluation>

use serde::{Deserialize, Serialize};

use crate::{Version, version_key};

/// One event of a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first affected version (or commit); `0` is before everything.
    Introduced(String),
    /// The first version that is no longer affected.
    Fixed(String),
    /// The last version that is affected.
    LastAffected(String),
    /// Nothing at or above it is affected by this range.
    Limit(String),
}

/// What the events of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RangeKind {
    /// Versions of the ecosystem: PEP 440.
    Ecosystem,
    /// Semantic versions; for PyPI they are read as PEP 440, too.
    Semver,
    /// Commits.
    Git,
}

/// A range as a record states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// What the events are.
    pub kind: RangeKind,
    /// The repository, for [`RangeKind::Git`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repo: Option<String>,
    /// In the record's order.
    pub events: Vec<Event>,
}

/// Where an interval begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// [`version_key`] of the version; empty for `introduced: "0"`.
    pub key: Vec<u8>,
    /// The advisory's version has a local part, so that the dependency's counts as well.
    pub local: bool,
    /// As written.
    pub text: String,
}

/// How an interval ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Never.
    Open,
    /// Before this version, which is fixed.
    Fixed(Bound),
    /// With this version.
    LastAffected(Bound),
    /// Before this version, which nobody says is fixed.
    Limit(Bound),
}

/// A run of affected versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// The first affected version.
    pub start: Bound,
    /// The end.
    pub end: End,
}

/// The dependency's version in both readings: a local part is ignored unless the advisory's own version has one.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `None` without a local part.
    full: Option<Vec<u8>>,
    public: Vec<u8>,
}

impl Probe {
    /// Prepares a version for comparing.
    #[must_use]
    pub fn new(version: &Version) -> Self {
        let local = version.pep440().is_some_and(|parsed| !parsed.local().is_empty());
        Self { full: local.then(|| version_key::full(version)), public: version_key::public(version) }
    }

    /// Whether the dependency's version has a local part.
    #[must_use]
    pub fn has_local(&self) -> bool {
        self.full.is_some()
    }

    /// The key to compare with a bound that has, or has not, a local part.
    #[must_use]
    pub fn key(&self, local: bool) -> &[u8] {
        self.full.as_deref().filter(|_| local).unwrap_or(&self.public)
    }
}

impl Bound {
    /// The bound at a version as an event writes it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        if text == "0" {
            return Self { key: Vec::new(), local: false, text: text.to_owned() };
        }
        Self::version(text)
    }

    /// The same without the special meaning of `0`.
    pub(crate) fn version(text: &str) -> Self {
        let version = Version::new(text);
        let local = version.pep440().is_some_and(|parsed| !parsed.local().is_empty());
        Self { key: version_key::full(&version), local, text: text.to_owned() }
    }
}

impl Interval {
    /// Whether the version is in it.
    #[must_use]
    pub fn contains(&self, probe: &Probe) -> bool {
        probe.key(self.start.local) >= self.start.key.as_slice()
            && match &self.end {
                End::Open => true,
                End::Fixed(end) | End::Limit(end) => probe.key(end.local) < end.key.as_slice(),
                End::LastAffected(end) => probe.key(end.local) <= end.key.as_slice(),
            }
    }
}

impl std::fmt::Display for Interval {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let start = Some(&self.start).filter(|start| !start.key.is_empty());
        let end = match &self.end {
            End::Open => None,
            End::Fixed(end) | End::Limit(end) => Some(format!("<{}", end.text)),
            End::LastAffected(end) => Some(format!("<={}", end.text)),
        };
        match (start, end) {
            (None, None) => out.write_str("every version"),
            (None, Some(end)) => out.write_str(&end),
            (Some(start), end) => {
                let end = end.map_or_else(String::new, |end| format!(",{end}"));
                write!(out, ">={}{end}", start.text)
            }
        }
    }
}

/// The intervals that the events of one range mean, lowest first. Empty for git ranges, whose events have no order of their own.
#[must_use]
pub fn intervals(range: &Range) -> Vec<Interval> {
    if range.kind == RangeKind::Git {
        return Vec::new();
    }
    let limits: Vec<&str> = range.events.iter().filter_map(Event::limit).collect();
    // `*` is no limit, and the highest limit is the one that counts: below any of them is below the highest
    let limit = if limits.contains(&"*") {
        None
    } else {
        limits.into_iter().map(Bound::version).max_by(|a, b| a.key.cmp(&b.key))
    };
    let mut events: Vec<(Bound, u8)> = range.events.iter().filter_map(Event::ordered).collect();
    events.sort_by(|left, right| (&left.0.key, left.1).cmp(&(&right.0.key, right.1)));

    let mut found = Vec::new();
    let mut open: Option<Bound> = None;
    for (bound, rank) in events {
        match (rank, open.take()) {
            (Event::INTRODUCED, None) => open = Some(bound),
            (Event::INTRODUCED, already) => open = already,
            (_, None) => {}
            (Event::FIXED, Some(start)) => found.push(Interval { start, end: End::Fixed(bound) }),
            (_, Some(start)) => found.push(Interval { start, end: End::LastAffected(bound) }),
        }
    }
    if let Some(start) = open {
        found.push(Interval { start, end: End::Open });
    }
    match limit {
        Some(limit) => found.into_iter().filter_map(|interval| interval.cut(&limit)).collect(),
        None => found,
    }
}

impl Event {
    const FIXED: u8 = 0;
    const INTRODUCED: u8 = 1;
    const LAST_AFFECTED: u8 = 2;

    fn limit(&self) -> Option<&str> {
        match self {
            Self::Limit(text) => Some(text),
            _ => None,
        }
    }

    fn ordered(&self) -> Option<(Bound, u8)> {
        match self {
            Self::Introduced(text) => Some((Bound::new(text), Self::INTRODUCED)),
            Self::Fixed(text) => Some((Bound::version(text), Self::FIXED)),
            Self::LastAffected(text) => Some((Bound::version(text), Self::LAST_AFFECTED)),
            Self::Limit(_) => None,
        }
    }
}

impl Interval {
    /// What is left of it below `limit`.
    fn cut(self, limit: &Bound) -> Option<Self> {
        if self.start.key >= limit.key {
            return None;
        }
        let beyond = match &self.end {
            End::Open => true,
            End::Fixed(end) | End::Limit(end) => end.key > limit.key,
            End::LastAffected(end) => end.key >= limit.key,
        };
        let end = if beyond { End::Limit(limit.clone()) } else { self.end };
        Some(Self { start: self.start, end })
    }
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
