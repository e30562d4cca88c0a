//! Committed scans, what they found in short, and the packages they saw.

use advisories::{PackageName, Severity, Version};
use jiff::Timestamp;
use scanner::finding::Site;
use scanner::report::AdvisoriesUsed;
use scanner::{FindingId, Kind};
use serde::{Deserialize, Serialize};

use super::{JobId, RepositoryId, ScanId, Tenant};

/// A finding as a scan saw it, in short: enough to compare two scans and to judge one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanFinding {
    /// Its identity.
    pub id: FindingId,
    /// What kind.
    pub kind: Kind,
    /// How bad.
    pub severity: Severity,
    /// One line for a person.
    pub title: String,
    /// Covered by an ignore, an inline comment or the baseline of the repository.
    pub ignored: bool,
}

/// An ignore of a repository's configuration, as it was in force at a scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreRule {
    /// What it names: a finding, an advisory, a rule, a package or a path pattern.
    pub id: String,
    /// The reason given.
    pub reason: String,
    /// The last day it holds.
    pub until: Option<jiff::civil::Date>,
    /// Where it stands.
    pub by: String,
}

/// One committed scan of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanRecord {
    /// Its identity.
    pub id: ScanId,
    /// Whose.
    pub tenant: Tenant,
    /// Of which repository.
    pub repository: RepositoryId,
    /// Of which commit; `None` for a repository without commits.
    pub commit: Option<String>,
    /// The ref it was reached by.
    pub reference: Option<String>,
    /// It is the head of the default branch, so that findings were opened and closed by it.
    pub tracked: bool,
    /// The commit that this one is judged against: the merge base with the default branch or the push's old tip. `None` when there is none.
    pub base: Option<String>,
    /// False when something could not be looked at.
    pub complete: bool,
    /// Digest of the rules in force.
    pub rules_digest: String,
    /// Digest of the advisory snapshot used.
    pub advisories_digest: String,
    /// The advisories used, for people.
    pub advisories: AdvisoriesUsed,
    /// The job that made it.
    pub job: Option<JobId>,
    /// The request that caused it.
    pub request_id: String,
    /// When the job began.
    pub started_at: Timestamp,
    /// When it was committed.
    pub committed_at: Timestamp,
    /// The findings of this very commit, in the report's order: secrets that only other branches reach are in the report, and not here.
    pub findings: Vec<ScanFinding>,
    /// Things that could not be looked at, in words: `path: reason`.
    pub gaps: Vec<String>,
    /// What the repository's own configuration ignored, so that later findings of a re-match are judged alike.
    #[serde(default)]
    pub ignores: Vec<IgnoreRule>,
    /// Bytes of the report as stored.
    pub report_bytes: u64,
}

/// One use of a package in one repository's default branch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageUse {
    /// The repository.
    pub repository: RepositoryId,
    /// The package.
    pub package: PackageName,
    /// The manifest's path.
    pub manifest: String,
    /// The manifest's format.
    pub format: scanner::inventory::Format,
    /// The exact version, where there is one.
    pub version: Option<Version>,
    /// The range asked for, where there is no exact version.
    pub specifier: Option<String>,
    /// Asked for by the project itself.
    pub direct: bool,
    /// 1-based line in the manifest.
    pub line: Option<u32>,
    /// Shortest paths that pull it in.
    pub via: Vec<Vec<PackageName>>,
    /// Own source trees are inventory but not matched.
    pub matched: bool,
    /// Nothing has it: it is what the manifest's range would resolve to on the day of the scan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub would_resolve: bool,
    /// Where it is imported, as far as a finding of the scan said so.
    pub imported_at: Option<Vec<Site>>,
}
