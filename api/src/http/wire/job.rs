//! Jobs on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::record::{JobKind, JobRecord};

/// A job.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    /// Its identity.
    pub id: String,
    /// `scan`, `sweep`, `sync` or `rematch`.
    pub kind: String,
    /// `ready`, `running`, `done`, `dead` or `cancelled`.
    pub state: String,
    /// The repository it is about.
    pub repository: Option<String>,
    /// The commit to scan, where one was named.
    pub commit: Option<String>,
    /// The ref to scan, where one was named.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// Runs begun.
    pub attempts: u32,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// It is not run before this, RFC 3339.
    pub ready_at: String,
    /// Why it failed last.
    pub error: Option<String>,
    /// The scan it made.
    pub scan: Option<String>,
    /// The request that caused it.
    pub request_id: String,
}

impl From<JobRecord> for Job {
    fn from(record: JobRecord) -> Self {
        let spec = if let JobKind::Scan(spec) = &record.job { Some(spec) } else { None };
        Self {
            id: record.id.to_string(),
            kind: record.job.as_str().to_owned(),
            state: record.state.as_str().to_owned(),
            repository: record.job.repository().map(ToString::to_string),
            commit: spec.and_then(|spec| spec.commit.clone()),
            reference: spec.and_then(|spec| spec.reference.clone()),
            attempts: record.attempts,
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
            ready_at: record.ready_at.to_string(),
            error: record.error.map(|error| error.reason),
            scan: record.scan.map(|id| id.to_string()),
            request_id: record.request_id,
        }
    }
}
