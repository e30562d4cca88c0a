//! What the store knows about a commit, gathered for a verdict.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scanner::policy::{Circumstances, Policy, PolicyLayer, Threshold};
use scanner::{Finding, FindingId, Report};

use super::{Facts, Verdict, judge};
use crate::config::ServerConfig;
use crate::store::record::{RepositoryRecord, ScanRecord, Tenant};
use crate::store::{Store, StoreError};

/// A scan with what it is judged by.
#[derive(Debug)]
pub struct Known {
    /// The report, with the commit's own findings only: the stored one also tells of secrets that only other branches have.
    pub report: Report,
    /// What could not be looked at, in words.
    pub gaps: Vec<String>,
    /// Findings that the store keeps: those of a default branch.
    pub kept: BTreeSet<FindingId>,
    base: Option<BTreeSet<FindingId>>,
    accepted: BTreeSet<FindingId>,
    first_seen: BTreeMap<FindingId, Timestamp>,
    policy: Policy,
    now: Timestamp,
}

/// What was gathered.
#[derive(Debug)]
pub enum Gathered {
    /// Everything.
    Known(Box<Known>),
    /// This commit, which the scan is judged against, was not scanned yet.
    BaseNotScanned(String),
}

impl Known {
    /// The verdict.
    #[must_use]
    pub fn judge(&self) -> Verdict<'_> {
        judge(&Facts {
            findings: &self.report.findings,
            gaps: &self.gaps,
            base: self.base.as_ref(),
            accepted: &self.accepted,
            policy: &self.policy,
            first_seen: &self.first_seen,
            now: self.now,
        })
    }

    /// Whether a finding by itself fails the commit.
    #[must_use]
    pub fn fails(&self, finding: &Finding) -> bool {
        let first_seen = self.first_seen.get(&finding.id).copied();
        self.policy.judge(finding, Circumstances { first_seen, now: self.now }).fails
    }
}

/// Gathers; `fail_on` is what the question itself says.
///
/// # Errors
/// [`StoreError`]; a report that is missing or unreadable is [`StoreError::Damaged`].
pub async fn gather(
    store: &Store,
    config: &ServerConfig,
    repository: &RepositoryRecord,
    scan: &ScanRecord,
    fail_on: Option<Threshold>,
) -> Result<Gathered, StoreError> {
    let tenant = &repository.tenant;
    let base = match scan.base.as_deref().filter(|base| Some(*base) != scan.commit.as_deref()) {
        None => None,
        Some(base) => match store.scan_of_commit(tenant, &scan.repository, base).await? {
            Some(base) => Some(base.findings.into_iter().map(|finding| finding.id).collect()),
            None => return Ok(Gathered::BaseNotScanned(base.to_owned())),
        },
    };
    let mut report = report_of(store, tenant, scan).await?;
    let own: BTreeSet<&FindingId> = scan.findings.iter().map(|finding| &finding.id).collect();
    report.findings.retain(|finding| own.contains(&finding.id));
    let policy = policy(config, repository, &report, fail_on);
    let now = Timestamp::now();
    let mut known = Known {
        base: base.filter(|_| policy.new_only()),
        gaps: scan.gaps.clone(),
        kept: BTreeSet::new(),
        accepted: BTreeSet::new(),
        first_seen: BTreeMap::new(),
        report,
        policy,
        now,
    };
    for finding in &known.report.findings {
        let Some(record) = store.finding(tenant, finding.id.as_str()).await? else { continue };
        known.kept.insert(finding.id.clone());
        known.first_seen.insert(finding.id.clone(), record.first_seen);
        let decided =
            record.triage.is_some_and(|triage| !triage.state.is_open() && triage.until.is_none_or(|until| now < until));
        if decided {
            known.accepted.insert(finding.id.clone());
        }
    }
    Ok(Gathered::Known(Box::new(known)))
}

/// The server's policy, over it the organisation's, the repository's own, and what the question says.
fn policy(config: &ServerConfig, repository: &RepositoryRecord, report: &Report, fail_on: Option<Threshold>) -> Policy {
    let asked = PolicyLayer { fail_on, ..PolicyLayer::default() };
    let address = repository.url.split_once("://").map_or(repository.url.as_str(), |(_, address)| address);
    let organisation = config.organisation(address);
    let mut layers = vec![("the server's configuration", &config.policy)];
    layers.extend(organisation.map(|(name, organisation)| (name, &organisation.policy)));
    layers.push(("the repository's configuration", &report.policy));
    layers.push(("the question", &asked));
    Policy::of(&layers)
}

/// The report of a scan as it was stored.
///
/// # Errors
/// As [`gather`].
pub async fn report_of(store: &Store, tenant: &Tenant, scan: &ScanRecord) -> Result<Report, StoreError> {
    let damaged = |reason: String| StoreError::Damaged { row: format!("the report of scan {}", scan.id), reason };
    let bytes = store.report(tenant, scan.id).await?.ok_or_else(|| damaged("it is not there".to_owned()))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))
}
