//! What the store knows about a commit, gathered for a verdict.

use std::collections::{BTreeMap, BTreeSet};

use advisories::FeedFact;
use jiff::Timestamp;
use scanner::policy::{Circumstances, Policy, PolicyLayer, Threshold};
use scanner::{Finding, FindingId, Report, freshness};

use super::{Facts, Verdict, judge};
use crate::config::ServerConfig;
use crate::jobs::Digests;
use crate::store::record::{RepositoryRecord, ScanRecord, Tenant};
use crate::store::{CommitFacts, Store, StoreError};

/// A scan with what it is judged by.
#[derive(Debug)]
pub struct Known {
    /// The scan.
    pub scan: ScanRecord,
    /// The report, with the commit's own findings only: the stored one also tells of secrets that only other branches have.
    pub report: Report,
    /// What could not be looked at, in words; advisories that are older than the policy allows are among it.
    pub gaps: Vec<String>,
    /// Findings that the store keeps: those of a default branch.
    pub kept: BTreeSet<FindingId>,
    /// When the first decision of somebody runs out.
    pub until: Option<Timestamp>,
    /// The policy speaks of ages, so that the verdict may change without a write.
    pub ages: bool,
    /// The policy has days of grace, which count from when a finding was first seen.
    grace: bool,
    base: Option<BTreeSet<FindingId>>,
    accepted: BTreeSet<FindingId>,
    first_seen: BTreeMap<FindingId, Timestamp>,
    policy: Policy,
    now: Timestamp,
}

/// A scan that a verdict needs and that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Of this commit.
    pub commit: String,
    /// The commit that the one asked about is judged against, and not that one itself.
    pub is_base: bool,
    /// The scan that is there, made with other rules or advisories than those in force.
    pub outdated: Option<Box<ScanRecord>>,
}

/// What a question about a commit finds.
#[derive(Debug)]
pub enum Asked {
    /// Everything, of one moment, and made with what is in force.
    Known(Box<Known>),
    /// A scan is lacking.
    Lacking(Lacking),
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

/// What a question is judged with.
pub struct InForce<'f> {
    /// The rules and advisories now.
    pub digests: &'f (dyn Fn() -> Digests + Sync),
    /// The feeds of the advisories with their clocks.
    pub feeds: &'f [FeedFact],
}

/// Asks about a commit; `fail_on` is what the question itself says. A scan that was made with other rules or advisories than those in
/// force says nothing: what it did not find may be known by now. Advisories that change meanwhile make it look again.
///
/// # Errors
/// [`StoreError`]; a report that is missing or unreadable is [`StoreError::Damaged`].
pub async fn ask(
    store: &Store,
    config: &ServerConfig,
    repository: &RepositoryRecord,
    commit: &str,
    fail_on: Option<Threshold>,
    in_force: &InForce<'_>,
) -> Result<Asked, StoreError> {
    let mut ages = layers(config, repository).iter().any(|(_, layer)| layer.grace_days.is_some());
    loop {
        let digests = (in_force.digests)();
        let now = Timestamp::now();
        let facts = store.facts_of_commit(&repository.tenant, &repository.id, commit, ages, now).await?;
        let asked = match (lacking(facts.as_ref(), commit, &digests), facts) {
            (None, Some(facts)) => {
                Asked::Known(Box::new(known(config, repository, facts, in_force.feeds, (fail_on, now))?))
            }
            (Some(lacking), _) => Asked::Lacking(lacking),
            (None, None) => Asked::Lacking(Lacking { commit: commit.to_owned(), is_base: false, outdated: None }),
        };
        // the repository's own policy may be the one that speaks of ages; it stands in the report
        let lacks_ages = matches!(&asked, Asked::Known(known) if known.grace && !ages);
        if (in_force.digests)() == digests && !lacks_ages {
            return Ok(asked);
        }
        ages |= lacks_ages;
    }
}

fn lacking(facts: Option<&CommitFacts>, commit: &str, in_force: &Digests) -> Option<Lacking> {
    let lacks = |commit: &str, is_base, outdated: Option<&ScanRecord>| {
        Some(Lacking { commit: commit.to_owned(), is_base, outdated: outdated.cloned().map(Box::new) })
    };
    let current =
        |scan: &ScanRecord| scan.rules_digest == in_force.rules && scan.advisories_digest == in_force.advisories;
    let Some(facts) = facts else { return lacks(commit, false, None) };
    if !current(&facts.scan) {
        return lacks(commit, false, Some(&facts.scan));
    }
    let wanted = facts.scan.base.as_deref().filter(|base| *base != commit)?;
    match &facts.base {
        Some(base) if current(base) => None,
        base => lacks(wanted, true, base.as_ref()),
    }
}

fn known(
    config: &ServerConfig,
    repository: &RepositoryRecord,
    facts: CommitFacts,
    feeds: &[FeedFact],
    (fail_on, now): (Option<Threshold>, Timestamp),
) -> Result<Known, StoreError> {
    let CommitFacts { scan, base, report, kept, accepted, until, first_seen } = facts;
    let mut report = read(&scan, &report)?;
    let own: BTreeSet<&FindingId> = scan.findings.iter().map(|finding| &finding.id).collect();
    report.findings.retain(|finding| own.contains(&finding.id));
    let asked = PolicyLayer { fail_on, ..PolicyLayer::default() };
    let mut layers = layers(config, repository);
    layers.push(("the repository's configuration", &report.policy));
    layers.push(("the question", &asked));
    let grace = layers.iter().any(|(_, layer)| layer.grace_days.is_some());
    let ages = grace || layers.iter().any(|(_, layer)| layer.max_feed_age.is_some());
    let policy = Policy::of(&layers);
    let base = base.map(|base| base.findings.into_iter().map(|finding| finding.id).collect());
    Ok(Known {
        base: base.filter(|_| policy.new_only()),
        gaps: scan.gaps.iter().cloned().chain(freshness::stale(feeds, now, policy.max_feed_age())).collect(),
        kept,
        scan,
        report,
        until,
        ages,
        grace,
        accepted,
        first_seen: first_seen.unwrap_or_default(),
        policy,
        now,
    })
}

/// Gathers for a scan that was just made, whatever is in force but the feeds' clocks.
///
/// # Errors
/// As [`ask`].
pub async fn gather(
    store: &Store,
    config: &ServerConfig,
    repository: &RepositoryRecord,
    scan: &ScanRecord,
    feeds: &[FeedFact],
) -> Result<Gathered, StoreError> {
    let now = Timestamp::now();
    let facts = store.facts_of_scan(&repository.tenant, scan, now).await?;
    match (scan.base.as_deref().filter(|base| Some(*base) != scan.commit.as_deref()), &facts.base) {
        (Some(base), None) => Ok(Gathered::BaseNotScanned(base.to_owned())),
        _ => Ok(Gathered::Known(Box::new(known(config, repository, facts, feeds, (None, now))?))),
    }
}

/// What the server says of how a repository's commits are judged, the widest layer first.
#[must_use]
pub fn layers<'c>(config: &'c ServerConfig, repository: &RepositoryRecord) -> Vec<(&'c str, &'c PolicyLayer)> {
    let address = repository.url.split_once("://").map_or(repository.url.as_str(), |(_, address)| address);
    let organisation = config.organisation(address);
    let mut layers = vec![("the server's configuration", &config.policy)];
    layers.extend(organisation.map(|(name, organisation)| (name, &organisation.policy)));
    layers
}

/// The report of a scan as it was stored.
///
/// # Errors
/// As [`ask`].
pub async fn report_of(store: &Store, tenant: &Tenant, scan: &ScanRecord) -> Result<Report, StoreError> {
    match store.report(tenant, scan.id).await? {
        Some(report) => read(scan, &report),
        None => Err(damaged(scan, "it is not there")),
    }
}

fn read(scan: &ScanRecord, report: &[u8]) -> Result<Report, StoreError> {
    serde_json::from_slice(report).map_err(|error| damaged(scan, &error.to_string()))
}

fn damaged(scan: &ScanRecord, reason: &str) -> StoreError {
    StoreError::Damaged { row: format!("the report of scan {}", scan.id), reason: reason.to_owned() }
}
