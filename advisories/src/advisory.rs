//! One published advisory in its checked form.

use serde::{Deserialize, Serialize};

use crate::range::{self, Range};
use crate::severity::{Rating, Severity};
use crate::{PackageName, Version, version_key};

/// A record of a feed, checked: names normalised, ranges known, severities scored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Advisory {
    /// `PYSEC-2024-1`, `GHSA-…`, `MAL-2024-1`, `CVE-…`
    pub id: String,
    /// Other ids of the same problem.
    pub aliases: Vec<String>,
    /// One line.
    pub summary: String,
    /// The whole text, Markdown.
    pub details: String,
    /// RFC 3339.
    pub published: Option<String>,
    /// RFC 3339.
    pub modified: Option<String>,
    /// When its source took it back; such a record matches nothing.
    pub withdrawn: Option<String>,
    /// CVSS vectors with their scores.
    pub ratings: Vec<Rating>,
    /// The source's own word, counted where there is no vector.
    pub word: Option<Severity>,
    /// Weakness classes (`CWE-79`).
    pub cwes: Vec<String>,
    /// What it affects on PyPI.
    pub affected: Vec<Affected>,
    /// Links.
    pub references: Vec<String>,
}

/// One package that an advisory affects, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Affected {
    /// The package; `None` for an entry that knows commits only.
    pub package: Option<PackageName>,
    /// Versions listed one by one, as written.
    pub versions: Vec<String>,
    /// Ranges of versions or commits.
    pub ranges: Vec<Range>,
    /// Functions, classes and modules named as affected.
    pub symbols: Vec<String>,
}

impl Advisory {
    /// Whether it reports a package that was made to do harm.
    #[must_use]
    pub fn is_malicious(&self) -> bool {
        self.id.starts_with("MAL-") || self.aliases.iter().any(|alias| alias.starts_with("MAL-"))
    }

    /// What it says about one package.
    pub fn affected_of<'a>(&'a self, name: &'a PackageName) -> impl Iterator<Item = &'a Affected> {
        self.affected.iter().filter(move |affected| affected.package.as_ref() == Some(name))
    }

    /// The level: `Critical` for malicious packages, else by the highest vector, else the source's own word.
    #[must_use]
    pub fn severity(&self) -> Severity {
        if self.is_malicious() {
            return Severity::Critical;
        }
        self.ratings.iter().map(Rating::level).max().or(self.word).unwrap_or_default()
    }
}

/// How many listed versions are named one by one.
const NAMED: usize = 8;

impl Affected {
    /// Its ranges of versions as a reader writes them (`>=1.0,<1.5 or >=2.0`), with what it lists where that is all it says.
    #[must_use]
    pub fn spelled(&self) -> String {
        let found: Vec<String> =
            self.ranges.iter().flat_map(range::intervals).map(|interval| interval.to_string()).collect();
        if found.is_empty() { self.listed().unwrap_or_else(|| "no version".to_owned()) } else { found.join(" or ") }
    }

    /// The versions listed one by one, sorted; of many the first and the last. `None` when there are none.
    #[must_use]
    pub fn listed(&self) -> Option<String> {
        let mut versions: Vec<Version> = self.versions.iter().map(|text| Version::new(text)).collect();
        versions.sort();
        let (first, last) = versions.first().zip(versions.last())?;
        if versions.len() > NAMED {
            return Some(format!("{} versions listed, {first} to {last}", versions.len()));
        }
        Some(format!("versions listed: {}", versions.iter().map(Version::as_str).collect::<Vec<_>>().join(", ")))
    }
}

/// Orders ids as a reader expects: by source (MAL, PYSEC, GHSA, CVE, others), then numbers by their value.
#[must_use]
pub fn id_order(id: &str) -> (u8, Vec<u8>) {
    let rank = ["MAL-", "PYSEC-", "GHSA-", "CVE-"].iter().position(|prefix| id.starts_with(prefix)).unwrap_or(4);
    let mut key = Vec::with_capacity(id.len() + 8);
    let mut digits = 0_u64;
    let mut in_number = false;
    for byte in id.bytes() {
        if byte.is_ascii_digit() {
            digits = digits.saturating_mul(10).saturating_add(u64::from(byte - b'0'));
            in_number = true;
            continue;
        }
        if std::mem::take(&mut in_number) {
            version_key::push_integer(&mut key, std::mem::take(&mut digits));
        }
        key.push(byte);
    }
    if in_number {
        version_key::push_integer(&mut key, digits);
    }
    (u8::try_from(rank).unwrap_or(u8::MAX), key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_in_a_readers_order() {
        let mut ids = ["CVE-2024-10", "X-1", "PYSEC-2024-10", "CVE-2024-9", "PYSEC-2024-9", "MAL-2025-1", "GHSA-aaaa"];
        ids.sort_by_key(|id| id_order(id));
        assert_eq!(
            ids,
            ["MAL-2025-1", "PYSEC-2024-9", "PYSEC-2024-10", "GHSA-aaaa", "CVE-2024-9", "CVE-2024-10", "X-1"]
        );
    }
}
