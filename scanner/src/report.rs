//! The report of one scan, as design/contract.md fixes it for JSON.

use std::collections::BTreeMap;

use advisories::FeedFact;
use serde::{Deserialize, Serialize};

use crate::diagnostic::Diagnostic;
use crate::finding::Finding;
use crate::fix::plan::FixPlan;
use crate::inventory::Manifest;
use crate::policy::PolicyLayer;

/// The version of the report's form.
pub const SCHEMA_VERSION: u32 = 1;

/// Who made the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// `secretarybird`
    pub name: String,
    /// The program's version.
    pub version: String,
    /// Digest of the secret rules in force: results of equal digests are comparable.
    pub rules_digest: String,
}

/// What was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Target {
    /// A commit of a git repository.
    Git {
        /// The clone URL without credentials, or the path of a local repository.
        url: String,
        /// The scanned commit; `None` for a repository without commits.
        commit: Option<String>,
        /// The commit's committer time, RFC 3339 in UTC.
        #[serde(default)]
        committed_at: Option<String>,
    },
    /// A plain directory.
    Directory {
        /// As given.
        path: String,
        /// Always `None`; the field is there for readers that expect it.
        commit: Option<String>,
    },
}

/// The advisories that were used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoriesUsed {
    /// How many records.
    pub records: u64,
    /// The newest record's `modified`, RFC 3339.
    pub modified: Option<String>,
    /// Where they came from.
    pub source: Option<String>,
    /// When the index was made, RFC 3339: `--as-of` with this time uses it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub built: Option<String>,
    /// The feeds, each with its own clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedUsed>,
}

/// A feed, and how old it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedUsed {
    /// Which, from where, and its clock.
    #[serde(flatten)]
    pub feed: FeedFact,
    /// Seconds since it was known to be the newest, at the time of the report; `None` when nobody knows.
    #[serde(default)]
    pub age_seconds: Option<i64>,
}

/// Counts and times.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Unique blobs read for secrets.
    pub blobs: u64,
    /// Their inflated bytes.
    pub blob_bytes: u64,
    /// Packages in all manifests.
    pub packages: u64,
    /// Files in the scanned tree.
    pub files: u64,
    /// Milliseconds by stage.
    pub duration_ms: BTreeMap<String, u64>,
}

/// Everything one scan has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// Who made it.
    pub tool: Tool,
    /// Of what.
    pub target: Target,
    /// With which advisories.
    pub advisories: AdvisoriesUsed,
    /// False when something could not be looked at.
    pub complete: bool,
    /// The repository's own policy at this commit.
    #[serde(default)]
    pub policy: PolicyLayer,
    /// Every manifest.
    pub inventory: Vec<Manifest>,
    /// What manifests without a lockfile would resolve to today, where that was asked for: no facts about what is installed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resolved: Vec<Manifest>,
    /// Every problem, the worst first.
    pub findings: Vec<Finding>,
    /// What to upgrade, in which order and how.
    #[serde(default)]
    pub fix_plan: FixPlan,
    /// What was not understood.
    pub diagnostics: Vec<Diagnostic>,
    /// Counts and times.
    pub stats: Stats,
}

impl Report {
    /// Adds what was said beside the scan itself, such as about the advisories that were given to it.
    pub fn add_diagnostics(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        self.diagnostics.extend(diagnostics);
        self.diagnostics.sort();
        self.diagnostics.dedup();
        self.complete = !self.diagnostics.iter().any(|diagnostic| diagnostic.gap);
    }
}
