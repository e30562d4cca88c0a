//! What REST says and takes, apart from what the store keeps: a record may change its form, the wire only grows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::gate::State;
use crate::identity::Scope;
use crate::store::record::{FindingRecord, JobKind, JobRecord, RepositoryRecord, ScanRecord, SweepRecord};

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Send this as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Items on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

/// What registers a repository.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepository {
    /// The clone URL, without credentials.
    #[schema(example = "https://github.com/acme/site", max_length = 2000)]
    pub url: String,
    /// The branch that findings are kept for; the remote's HEAD when not given.
    #[schema(max_length = 200)]
    pub default_branch: Option<String>,
}

/// A registered repository.
#[derive(Debug, Serialize, ToSchema)]
pub struct Repository {
    /// Its identity: the same URL always has the same.
    pub id: String,
    /// The clone URL.
    pub url: String,
    /// `owner/name`.
    pub name: String,
    /// The branch that findings are kept for.
    pub default_branch: Option<String>,
    /// The configured forge it belongs to.
    pub forge: Option<String>,
    /// RFC 3339.
    pub registered_at: String,
    /// The newest scan of the default branch.
    pub head_scan: Option<String>,
    /// The commit of that scan.
    pub head_commit: Option<String>,
}

impl From<RepositoryRecord> for Repository {
    fn from(record: RepositoryRecord) -> Self {
        Self {
            id: record.id.to_string(),
            url: record.url,
            name: record.name,
            default_branch: record.default_branch,
            forge: record.forge,
            registered_at: record.registered_at.to_string(),
            head_scan: record.head_scan.map(|id| id.to_string()),
            head_commit: record.head_commit,
        }
    }
}

/// What to scan.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NewScan {
    /// A full commit id; the head of `ref` when not given.
    #[schema(max_length = 64)]
    pub commit: Option<String>,
    /// A branch, tag or full ref; the default branch when not given.
    #[serde(rename = "ref")]
    #[schema(max_length = 250)]
    pub reference: Option<String>,
    /// The commit that new findings are judged against.
    #[schema(max_length = 64)]
    pub base: Option<String>,
}

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

/// What the gate says about a commit.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// `pass`, `fail`, `pending` or `incomplete`.
    pub state: State,
    /// Whether everything could be looked at.
    pub complete: bool,
    /// The commit judged.
    pub commit: String,
    /// The commit it is judged against.
    pub base: Option<String>,
    /// The scan judged.
    pub scan: Option<String>,
    /// Findings that the base does not have, as in the report.
    #[schema(value_type = Vec<Object>)]
    pub new: Vec<scanner::Finding>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// How two commits differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    /// The older commit.
    pub base: String,
    /// The newer commit.
    pub head: String,
    /// Whether both scans looked at everything.
    pub complete: bool,
    /// Only in `head`.
    #[schema(value_type = Vec<Object>)]
    pub new: Vec<crate::store::record::ScanFinding>,
    /// Only in `base`.
    #[schema(value_type = Vec<Object>)]
    pub fixed: Vec<crate::store::record::ScanFinding>,
    /// In both.
    #[schema(value_type = Vec<Object>)]
    pub unchanged: Vec<crate::store::record::ScanFinding>,
}

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

/// What a token is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it allows.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to, by id; all when not given.
    pub repositories: Option<Vec<String>>,
    /// When it ends, RFC 3339; never when not given.
    pub expires_at: Option<String>,
}

/// A token without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenView {
    /// Its public identity.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to.
    pub repositories: Option<Vec<String>>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// RFC 3339.
    pub revoked_at: Option<String>,
}

/// A new token, with the secret that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedToken {
    /// The token itself.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub view: TokenView,
}
