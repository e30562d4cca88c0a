//! One problem in one repository, with an identity that outlives lines, commits and file moves.

use std::fmt;

use advisories::{PackageName, Severity, Version};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What kind of problem a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A package with a known malicious release (MAL-).
    Malicious,
    /// A package with a known vulnerability.
    Vulnerability,
    /// A release its maintainers withdrew.
    Yanked,
    /// A committed secret.
    Secret,
    /// Declared, never used.
    Unused,
    /// Imported, not declared.
    Missing,
    /// Imported, only there through another package.
    Transitive,
    /// Declared in the wrong group.
    Misplaced,
    /// How the repository is set up.
    Posture,
}

impl Kind {
    /// The word used in reports and REST.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Malicious => "malicious",
            Self::Vulnerability => "vulnerability",
            Self::Yanked => "yanked",
            Self::Secret => "secret",
            Self::Unused => "unused",
            Self::Missing => "missing",
            Self::Transitive => "transitive",
            Self::Misplaced => "misplaced",
            Self::Posture => "posture",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// How sure the scanner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Worth a look.
    Low,
    /// Likely.
    Medium,
    /// As good as certain.
    High,
}

/// A finding's stable identity: 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FindingId(String);

impl FindingId {
    /// Derives the identity from the parts that make it (design/contract.md says which for each kind). Parts are length-prefixed,
    /// so that `("ab","c")` and `("a","bc")` differ.
    #[must_use]
    pub fn of(kind: Kind, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        for part in std::iter::once(kind.as_str()).chain(parts.iter().copied()) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        Self(hex::encode(&hash.finalize()[..16]))
    }

    /// The identity of the same problem in one repository: stages name what is theirs, the scan adds whose repository it is.
    #[must_use]
    pub fn within(&self, kind: Kind, repository: &str) -> Self {
        Self::of(kind, &[repository, &self.0])
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FindingId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// Where a finding stands. Every part is optional: a commit message has no path, a plain directory no commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// From the repository's root.
    pub path: Option<String>,
    /// 1-based.
    pub line: Option<u32>,
    /// 1-based, in characters.
    pub column: Option<u32>,
    /// 0-based notebook cell.
    pub cell: Option<u32>,
    /// Full hexadecimal id of the commit that brought it.
    pub commit: Option<String>,
    /// That commit's author time, RFC 3339.
    pub author_time: Option<String>,
}

/// One place in the code, such as an import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Site {
    /// From the repository's root.
    pub path: String,
    /// 1-based.
    pub line: u32,
}

/// How far the code goes towards a vulnerable package. "Not imported" lowers nothing by itself: another package, a plugin or a
/// computed name may load it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UseTier {
    /// No import of it in any file, all of which were read, and its import names are known.
    NotImported,
    /// Nobody looked, or not everything could be read, or its import names are a guess.
    #[default]
    Unknown,
    /// Imported.
    Imported,
    /// What the advisory names as affected is referred to.
    Referenced,
}

/// Where the code refers to one affected module, class or function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SymbolUse {
    /// As the advisory names it, dotted.
    pub symbol: String,
    /// Where, sorted.
    pub sites: Vec<Site>,
}

/// The upgrade that clears a package of its advisories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// The lowest version that clears all advisories of the package.
    pub version: Version,
    /// Whether the project's own constraint and every dependent in the lock allow it; `None` when the lock does not say.
    pub allowed_by_constraints: Option<bool>,
    /// Who blocks it, in words (`django-allauth 0.50 requires django<4`).
    pub blocked_by: Vec<String>,
}

/// A score with where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cvss {
    /// The base score, 0.0 to 10.0.
    pub score: f64,
    /// The vector it was computed from.
    pub vector: String,
    /// `2.0`, `3.0`, `3.1` or `4.0`.
    pub version: String,
}

/// The fields of `vulnerability`, `malicious` and `yanked`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VulnerabilityDetail {
    /// The package.
    pub package: PackageName,
    /// Its version in this manifest.
    pub version: Option<Version>,
    /// The canonical id of the merged group.
    pub advisory: String,
    /// All ids of the group, sorted.
    pub aliases: Vec<String>,
    /// Versions that fix it, in PEP 440 order.
    pub fixed_versions: Vec<Version>,
    /// What to upgrade to; `None` when no fix is known.
    pub fix: Option<Fix>,
    /// The highest CVSS score of the group.
    pub cvss: Option<Cvss>,
    /// EPSS probability, 0 to 1.
    pub epss: Option<f64>,
    /// Listed by CISA as exploited; `None` when the feed was not there.
    pub kev: Option<bool>,
    /// How far the code goes towards the package.
    #[serde(default)]
    pub used: UseTier,
    /// Where the code refers to what the advisory names as affected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub symbols_at: Vec<SymbolUse>,
    /// Where the package is imported; `None` when usage was not looked at.
    pub imported_at: Option<Vec<Site>>,
    /// The version is what the manifest's range would resolve to today, and not what a lockfile fixes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub would_resolve: bool,
    /// Asked for by the project itself.
    pub direct: bool,
    /// Needed at run time, not only by groups and extras.
    #[serde(default = "needed_at_run_time")]
    pub main: bool,
    /// Shortest paths to it.
    pub via: Vec<Vec<PackageName>>,
    /// What was said by whom: disagreeing sources, an index mismatch, functions named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Modules and functions that the advisory names as affected, dotted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub affected_symbols: Vec<String>,
    /// Links for a reader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

/// What a record that does not say is taken for: the case that lowers nothing.
fn needed_at_run_time() -> bool {
    true
}

/// Whether a provider was asked about a secret, and what it said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verified {
    /// Not asked.
    NotTried,
    /// The provider accepts it.
    Live,
    /// The provider rejects it.
    Revoked,
    /// Asked, and the answer decides nothing.
    Unknown,
}

/// One place where a secret stands or stood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The commit that introduced it there; `None` in a plain directory.
    pub commit: Option<String>,
    /// From the repository's root; `None` for commit messages and other places that are no file.
    pub path: Option<String>,
    /// 1-based; of the scanned commit's file where that still has it.
    pub line: Option<u32>,
    /// The line in the file of `commit`, where it is another one by now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line_in_commit: Option<u32>,
    /// 1-based, in characters.
    pub column: Option<u32>,
    /// 0-based notebook cell.
    pub cell: Option<u32>,
    /// Whether the scanned commit's tree still has it at this path.
    pub in_head: bool,
    /// Author of the commit, `Name <address>`.
    pub author: Option<String>,
    /// Author time, RFC 3339.
    pub time: Option<String>,
    /// What kind of place, where it is no plain file content (`commit message`, `tag message`, `archive member x/y`, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The fields of `secret`. Never the secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretDetail {
    /// Whose credential it is.
    pub provider: String,
    /// A preview that does not help to guess it.
    pub redacted: String,
    /// Keyed hash of the secret, hexadecimal.
    pub fingerprint: String,
    /// Every place, oldest first.
    pub occurrences: Vec<Occurrence>,
    /// Whether any occurrence is in the scanned tree.
    pub in_head: bool,
    /// What the provider said.
    pub verified: Verified,
    /// Why it is believed, in words.
    pub evidence: Vec<String>,
    /// What to do now that it leaked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What sort of unused dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UsageClass {
    /// Nothing uses it.
    Dead,
    /// It only pins what another declared dependency brings anyway.
    Constraint,
    /// Used by tests only.
    TestOnly,
    /// Type stubs.
    Stub,
}

/// The fields of `unused`, `missing`, `transitive` and `misplaced`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageDetail {
    /// The distribution.
    pub package: PackageName,
    /// The manifest it is declared in, or that should declare it.
    pub manifest: String,
    /// For `unused` only.
    pub usage_class: Option<UsageClass>,
    /// Why, in words.
    pub evidence: Vec<String>,
    /// The modules it provides, or that are imported.
    pub modules: Vec<String>,
    /// The exact edit or command that mends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// The fields of `posture`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureDetail {
    /// The check's name.
    pub check: String,
    /// Why, in words.
    pub evidence: Vec<String>,
}

/// The kind's own fields; they stand beside the common ones in JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Detail {
    /// `vulnerability`, `malicious`, `yanked`
    Vulnerability(Box<VulnerabilityDetail>),
    /// `secret`
    Secret(Box<SecretDetail>),
    /// `unused`, `missing`, `transitive`, `misplaced`
    Usage(Box<UsageDetail>),
    /// `posture`
    Posture(Box<PostureDetail>),
}

/// Why a finding does not count, though it stays in the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ignored {
    /// Who said so: `secretarybird.toml:12`, `inline`, `baseline`.
    pub by: String,
    /// The reason given.
    pub reason: String,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable over lines, commits and unrelated moves.
    pub id: FindingId,
    /// What kind.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// One line for a person.
    pub title: String,
    /// The rule: a secret rule's id, an advisory's canonical id, or the name of a check.
    pub rule: String,
    /// The best place to look first.
    pub location: Location,
    /// The kind's own fields.
    #[serde(flatten)]
    pub detail: Detail,
    /// Set when an ignore, an inline comment or the baseline covers it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_keeps_parts_apart() {
        let id = |parts: &[&str]| FindingId::of(Kind::Unused, parts);
        assert_eq!(id(&["a", "b"]), id(&["a", "b"]));
        assert_ne!(id(&["ab", "c"]), id(&["a", "bc"]));
        assert_ne!(id(&["a"]), FindingId::of(Kind::Missing, &["a"]));
        assert_eq!(id(&["a"]).as_str().len(), 32);
    }
}
