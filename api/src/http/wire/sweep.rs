//! Sweeps on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::record::SweepRecord;

/// A sweep.
#[derive(Debug, Serialize, ToSchema)]
pub struct Sweep {
    /// Its identity.
    pub id: String,
    /// `running`, `done` or `failed`.
    #[schema(value_type = String)]
    pub state: crate::store::record::SweepState,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// Repositories whose refs were listed.
    pub listed: u64,
    /// Of these, how many had moved.
    pub changed: u64,
    /// Scans queued.
    pub queued: u64,
    /// Repositories whose refs could not be listed.
    pub failed: u64,
    /// The first hundred of them, with the reason.
    pub failures: Vec<Failure>,
}

/// A repository that could not be listed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Failure {
    /// Which.
    pub repository: String,
    /// Why.
    pub reason: String,
}

impl From<SweepRecord> for Sweep {
    fn from(record: SweepRecord) -> Self {
        let failure = |(repository, reason): (crate::store::record::RepositoryId, String)| Failure {
            repository: repository.to_string(),
            reason,
        };
        Self {
            id: record.id.to_string(),
            state: record.state,
            started_at: record.started_at.to_string(),
            finished_at: record.finished_at.map(|at| at.to_string()),
            listed: record.listed,
            changed: record.changed,
            queued: record.queued,
            failed: record.failed,
            failures: record.failures.into_iter().map(failure).collect(),
        }
    }
}
