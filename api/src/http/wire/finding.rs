//! Findings and decisions about them on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::record::FindingRecord;

/// A finding with its life. The finding's own fields are those of the JSON report.
#[derive(Debug, Serialize, ToSchema)]
pub struct Finding {
    /// In which repository.
    pub repository: String,
    /// `open`, `reopened`, `accepted`, `revoked` or `fixed`.
    pub state: String,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
    /// RFC 3339.
    pub fixed_at: Option<String>,
    /// How often it came back.
    pub reopened: u32,
    /// What somebody decided.
    pub triage: Option<Decision>,
    /// As in the report.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub finding: scanner::Finding,
}

/// What somebody decided about a finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decision {
    /// The reason given.
    pub reason: String,
    /// When an acceptance ends, RFC 3339.
    pub until: Option<String>,
    /// Who.
    pub actor: String,
    /// When, RFC 3339.
    pub at: String,
}

impl From<FindingRecord> for Finding {
    fn from(record: FindingRecord) -> Self {
        let decision = |triage: crate::store::record::Triage| Decision {
            reason: triage.reason,
            until: triage.until.map(|until| until.to_string()),
            actor: triage.actor,
            at: triage.at.to_string(),
        };
        Self {
            repository: record.repository.to_string(),
            state: record.state.as_str().to_owned(),
            first_seen: record.first_seen.to_string(),
            last_seen: record.last_seen.to_string(),
            fixed_at: record.fixed_at.map(|at| at.to_string()),
            reopened: record.reopened,
            triage: record.triage.map(decision),
            finding: record.finding,
        }
    }
}

/// A decision about a finding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Triage {
    /// `accepted`, `revoked`, or `open` to take a decision back.
    pub state: String,
    /// Why: `false_positive`, `wont_fix`, `used_in_tests`, `tolerable_risk`, … or words.
    #[schema(min_length = 1, max_length = 1000)]
    pub reason: String,
    /// When an acceptance ends, RFC 3339.
    pub until: Option<String>,
}
