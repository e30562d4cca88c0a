//! Sweeps over a tenant's repositories, and what each did about every one of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{JobId, RepositoryId, SweepId, Tenant};

/// Where a sweep stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SweepState {
    /// Listing repositories and refs, or waiting for its turn.
    Running,
    /// All refs are listed and every scan it asked for is queued.
    Done,
    /// It could not go on; the job says why.
    Failed,
}

/// A sweep over a tenant's repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SweepRecord {
    /// Its identity.
    pub id: SweepId,
    /// Whose repositories.
    pub tenant: Tenant,
    /// Where it stands.
    pub state: SweepState,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When the last repository was listed.
    pub finished_at: Option<Timestamp>,
    /// The last repository done; a resumed sweep goes on behind it.
    pub cursor: Option<RepositoryId>,
    /// Repositories whose refs were listed.
    pub listed: u64,
    /// Of these, how many had moved, or have other rules or advisories than at their last scan.
    pub changed: u64,
    /// Scans queued (or joined).
    pub queued: u64,
    /// Repositories whose refs could not be listed, with the reason; the first hundred.
    pub failures: Vec<(RepositoryId, String)>,
    /// How many could not be listed.
    pub failed: u64,
    /// Scan everything, moved or not.
    pub full: bool,
    /// Organisations whose repositories were listed, `github acme`.
    #[serde(default)]
    pub organisations: Vec<String>,
    /// Organisations whose repositories could not be listed, with the reason.
    #[serde(default)]
    pub unlisted: Vec<(String, String)>,
    /// Repositories that the forges showed.
    #[serde(default)]
    pub seen: u64,
    /// Of these, new here.
    #[serde(default)]
    pub new: u64,
    /// Of these, under another name than before.
    #[serde(default)]
    pub renamed: u64,
    /// Repositories known here that the forges no longer show.
    #[serde(default)]
    pub gone: u64,
    /// Repositories that were not scanned, by reason.
    #[serde(default)]
    pub skipped: BTreeMap<String, u64>,
}

impl SweepRecord {
    /// A sweep that begins.
    #[must_use]
    pub fn begin(id: SweepId, tenant: &Tenant, full: bool, now: Timestamp) -> Self {
        Self {
            id,
            tenant: tenant.clone(),
            state: SweepState::Running,
            started_at: now,
            finished_at: None,
            cursor: None,
            listed: 0,
            changed: 0,
            queued: 0,
            failures: Vec::new(),
            failed: 0,
            full,
            organisations: Vec::new(),
            unlisted: Vec::new(),
            seen: 0,
            new: 0,
            renamed: 0,
            gone: 0,
            skipped: BTreeMap::new(),
        }
    }

    /// Counts a repository that is not scanned.
    pub fn skip(&mut self, reason: &str) {
        *self.skipped.entry(reason.to_owned()).or_default() += 1;
    }
}

/// What a sweep did about a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Did {
    /// Asked for a scan; the job says what came of it.
    Queued {
        /// The job.
        job: JobId,
        /// Why.
        reason: String,
    },
    /// Did not scan it.
    Skipped {
        /// Why.
        reason: String,
    },
    /// Could not list its refs.
    Failed {
        /// Why.
        reason: String,
    },
}

/// One line of a sweep's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swept {
    /// Its name on the forge, or its address.
    pub name: String,
    /// The repository, where it is registered.
    pub repository: Option<RepositoryId>,
    /// What was done.
    #[serde(flatten)]
    pub did: Did,
    /// When.
    pub at: Timestamp,
}
