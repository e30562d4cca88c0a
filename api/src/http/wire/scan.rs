//! Scans on the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Job;
use crate::store::record::{JobRecord, ScanRecord};

/// What to scan.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewScan {
    /// A full commit id; the head of `ref` when not given.
    #[schema(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub commit: Option<String>,
    /// A branch, tag or full ref; the default branch when not given.
    #[serde(rename = "ref")]
    #[schema(max_length = 250, pattern = "^[A-Za-z0-9_]+([/-][A-Za-z0-9_]+)*$")]
    pub reference: Option<String>,
    /// The commit that new findings are judged against.
    #[schema(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub base: Option<String>,
}

/// A scan, done or on its way.
#[derive(Debug, Serialize, ToSchema)]
pub struct Scan {
    /// The scan's identity, or its job's while it is on its way.
    pub id: String,
    /// `ready`, `running`, `done`, `dead` or `cancelled`.
    pub state: String,
    /// Of which repository.
    pub repository: Option<String>,
    /// Of which commit.
    pub commit: Option<String>,
    /// The ref it was reached by.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The commit it is judged against.
    pub base: Option<String>,
    /// False when something could not be looked at; absent while it is on its way.
    pub complete: Option<bool>,
    /// Findings by kind, those ignored left out.
    pub findings: BTreeMap<String, usize>,
    /// What could not be looked at.
    pub gaps: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// When it was asked for or begun, RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// The report, once done.
    pub report: Option<String>,
}

impl From<ScanRecord> for Scan {
    fn from(record: ScanRecord) -> Self {
        let mut findings = BTreeMap::new();
        for finding in record.findings.iter().filter(|finding| !finding.ignored) {
            *findings.entry(finding.kind.to_string()).or_default() += 1;
        }
        Self {
            id: record.id.to_string(),
            state: "done".to_owned(),
            repository: Some(record.repository.to_string()),
            commit: record.commit,
            reference: record.reference,
            base: record.base,
            complete: Some(record.complete),
            findings,
            gaps: record.gaps,
            error: None,
            started_at: record.started_at.to_string(),
            finished_at: Some(record.committed_at.to_string()),
            report: Some(format!("/api/v1/scans/{}/report", record.id)),
        }
    }
}

impl From<JobRecord> for Scan {
    fn from(record: JobRecord) -> Self {
        let job = Job::from(record);
        Self {
            id: job.id,
            state: job.state,
            repository: job.repository,
            commit: job.commit,
            reference: job.reference,
            base: None,
            complete: None,
            findings: BTreeMap::new(),
            gaps: vec![],
            error: job.error,
            started_at: job.created_at,
            finished_at: None,
            report: job.scan.map(|scan| format!("/api/v1/scans/{scan}/report")),
        }
    }
}
