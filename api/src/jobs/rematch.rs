//! The advisories changed: what they now say about the stored inventories, without a clone or a parse.
//!
//! The store keeps which snapshot the inventories were last matched against. The leading process compares it with the snapshot in force,
//! takes the packages that differ, and brings each repository that has one of them up to date in a transaction of its own. Doing it again
//! changes nothing, so that a crash on the way costs time only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use advisories::{AdvisoryIndex, Damaged, Delta, PackageName};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scanner::finding::{Detail, Site};
use scanner::inventory::Inventory;
use scanner::policy::{Ignore, apply_ignores};
use scanner::{Finding, FindingId, Kind, Report, vulnerabilities};
use tokio::sync::watch;

use crate::knowledge::{Advisories, digest};
use crate::store::life::looked_at;
use crate::store::record::{FindingRecord, FindingState, IgnoreRule, RepositoryId, Tenant};
use crate::store::{Change, Committed, Store, StoreError};

/// How often the leader looks for a change.
const EVERY: Duration = Duration::from_secs(1);
const PAGE: usize = 500;
/// A scan may be committed while its repository is matched; then it is matched again.
const TRIES: usize = 5;

/// The named value that holds the digest of the snapshot that the inventories were matched against.
const MATCHED: &str = "matched advisories";

/// Why a re-match stopped.
#[derive(Debug, thiserror::Error)]
pub enum RematchError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The index.
    #[error(transparent)]
    Index(#[from] Damaged),
    /// A stored report cannot be read.
    #[error("the report of scan {scan}: {reason}")]
    Report {
        /// Which.
        scan: String,
        /// Why.
        reason: String,
    },
}

/// Matches a stored inventory. Only packages that `touched` names are judged.
///
/// # Errors
/// When the index is damaged.
pub fn change(
    report: &Report,
    ignores: &[Ignore],
    known: &BTreeMap<FindingId, FindingRecord>,
    index: &AdvisoryIndex,
    repository: &RepositoryId,
    touched: &dyn Fn(&PackageName) -> bool,
) -> Result<Change, Damaged> {
    let found = matched(report, ignores, index, repository, touched)?;
    let there: BTreeSet<&FindingId> = found.iter().map(|finding| &finding.id).collect();
    let about = |record: &FindingRecord| match &record.finding.detail {
        Detail::Vulnerability(detail) => {
            matches!(record.finding.kind, Kind::Vulnerability | Kind::Malicious) && touched(&detail.package)
        }
        _ => false,
    };
    let withdrawn = known.values().filter(|record| {
        record.state != FindingState::Fixed
            && about(record)
            && !there.contains(record.id())
            && looked_at(&record.finding, &report.diagnostics)
    });
    let withdrawn = withdrawn.map(|record| record.id().clone()).collect();
    let same = |finding: &Finding| {
        known.get(&finding.id).is_some_and(|record| record.state != FindingState::Fixed && record.finding == *finding)
    };
    let opened = found.iter().filter(|finding| !same(finding)).cloned().collect();
    Ok(Change { opened, withdrawn })
}

/// The vulnerabilities of a stored inventory, with the identities that a scan of the repository gives them.
fn matched(
    report: &Report,
    ignores: &[Ignore],
    index: &AdvisoryIndex,
    repository: &RepositoryId,
    touched: &dyn Fn(&PackageName) -> bool,
) -> Result<Vec<Finding>, Damaged> {
    let inventory = Inventory { manifests: report.inventory.clone(), diagnostics: Vec::new() };
    let mut found = vulnerabilities::find(&inventory, index, None)?;
    found.retain(|finding| matches!(&finding.detail, Detail::Vulnerability(detail) if touched(&detail.package)));
    let imports = imports(report);
    for finding in &mut found {
        if let Detail::Vulnerability(detail) = &mut finding.detail {
            detail.imported_at = imports.get(&detail.package).cloned();
        }
    }
    apply_ignores(&mut found, ignores);
    for finding in &mut found {
        finding.id = finding.id.within(finding.kind, repository.as_str());
    }
    Ok(found)
}

/// Where the scan saw packages imported; it says so for those that were vulnerable then.
fn imports(report: &Report) -> BTreeMap<PackageName, Vec<Site>> {
    let known = report.findings.iter().filter_map(|finding| match &finding.detail {
        Detail::Vulnerability(detail) => Some((detail.package.clone(), detail.imported_at.clone()?)),
        _ => None,
    });
    known.collect()
}

/// The report as the advisories in force have it: a scan that was made with older ones does not speak for today.
///
/// # Errors
/// When the index is damaged.
pub fn brought_up_to_date(
    mut report: Report,
    ignores: &[Ignore],
    index: &AdvisoryIndex,
    repository: &RepositoryId,
) -> Result<Report, Damaged> {
    let found = matched(&report, ignores, index, repository, &|_| true)?;
    report.findings.retain(|finding| !matches!(finding.kind, Kind::Vulnerability | Kind::Malicious));
    report.findings.extend(found);
    Ok(report)
}

/// The ignores that were in force at a scan, as far as they hold today.
pub fn ignores(rules: &[IgnoreRule], today: Date) -> Vec<Ignore> {
    let standing = rules.iter().filter(|rule| rule.until.is_none_or(|until| until >= today));
    // what a scan has read once can be read again
    standing.filter_map(|rule| Ignore::new(&rule.id, &rule.reason, rule.until, rule.by.clone()).ok()).collect()
}

/// Watches the snapshot in force while this process leads, until asked to stop.
pub(super) async fn run(
    store: Store,
    tenant: Tenant,
    advisories: Arc<Advisories>,
    leads: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut last: Option<(String, Arc<AdvisoryIndex>)> = None;
    while !*stop.borrow() {
        if *leads.borrow()
            && let Ok(index) = advisories.index()
        {
            let now = digest(&index);
            let ended = match catch_up(&store, &tenant, &index, &now, last.as_ref()).await {
                Ok(()) => stragglers(&store, &tenant, &index).await,
                Err(error) => Err(error),
            };
            match ended {
                Ok(()) => last = Some((now, index)),
                Err(error) => {
                    tracing::error!(%error, "the stored inventories cannot be matched; trying again");
                    let _ = tokio::time::timeout(EVERY * 10, stop.changed()).await;
                }
            }
        }
        let _ = tokio::time::timeout(EVERY, stop.changed()).await;
    }
}

/// Brings every repository up to date with a snapshot that they were not matched against.
async fn catch_up(
    store: &Store,
    tenant: &Tenant,
    index: &Arc<AdvisoryIndex>,
    now: &str,
    last: Option<&(String, Arc<AdvisoryIndex>)>,
) -> Result<(), RematchError> {
    let matched = store.meta(MATCHED).await?;
    if matched.as_deref() == Some(now) {
        return Ok(());
    }
    let begun = std::time::Instant::now();
    // from here on a scan that was begun with other advisories is noted when it is committed, and matched afterwards
    store.advisories_in_force(now).await?;
    let delta = match last {
        Some((digest, old)) if Some(digest) == matched.as_ref() => {
            let (old, new) = (Arc::clone(old), Arc::clone(index));
            let delta = tokio::task::spawn_blocking(move || Delta::between(&old, &new)).await;
            Some(Arc::new(delta.map_err(|error| StoreError::Failed(error.to_string()))?))
        }
        // nobody knows any more what the old ones said: every inventory is matched
        _ => None,
    };
    let repositories = match &delta {
        Some(delta) => having(store, tenant, delta).await?,
        None => all(store, tenant).await?,
    };
    let mut sum = Committed::default();
    for id in &repositories {
        sum += one(store, tenant, id, index, delta.as_ref()).await?;
    }
    store.put_meta(MATCHED, now).await?;
    metrics::counter!("secretarybird_rematches_total").increment(1);
    metrics::histogram!("secretarybird_rematch_duration_seconds").record(begun.elapsed().as_secs_f64());
    tracing::info!(
        repositories = repositories.len(),
        opened = sum.opened + sum.reopened,
        fixed = sum.fixed,
        "matched against new advisories"
    );
    Ok(())
}

/// Scans that were committed with other advisories than those in force.
async fn stragglers(store: &Store, tenant: &Tenant, index: &Arc<AdvisoryIndex>) -> Result<(), RematchError> {
    for id in store.stragglers(tenant, PAGE).await? {
        one(store, tenant, &id, index, None).await?;
    }
    Ok(())
}

/// The repositories that have one of the packages.
async fn having(store: &Store, tenant: &Tenant, delta: &Delta) -> Result<BTreeSet<RepositoryId>, StoreError> {
    let mut found = BTreeSet::new();
    for name in delta.packages().keys() {
        let mut after = None;
        loop {
            let page = store.affected_by(tenant, name.as_str(), after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.repository.clone());
            found.extend(page.into_iter().map(|used| used.repository));
        }
    }
    Ok(found)
}

async fn all(store: &Store, tenant: &Tenant) -> Result<BTreeSet<RepositoryId>, StoreError> {
    let mut found = BTreeSet::new();
    loop {
        let page = store.repositories(tenant, found.last(), PAGE).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page.into_iter().map(|repository| repository.id));
    }
}

/// Brings one repository up to date; with no delta, all of its packages.
async fn one(
    store: &Store,
    tenant: &Tenant,
    id: &RepositoryId,
    index: &Arc<AdvisoryIndex>,
    delta: Option<&Arc<Delta>>,
) -> Result<Committed, RematchError> {
    for _ in 0..TRIES {
        let Some(repository) = store.repository(tenant, id).await? else { return Ok(Committed::default()) };
        let Some(head) = repository.head_scan else { return Ok(Committed::default()) };
        let (Some(scan), Some(json)) = (store.scan(tenant, head).await?, store.report(tenant, head).await?) else {
            // a newer one took its place while we looked
            continue;
        };
        let known = store.findings_of(tenant, id).await?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let (index, delta_, repository) = (Arc::clone(index), delta.cloned(), id.clone());
        let worked_out = tokio::task::spawn_blocking(move || {
            let read =
                |error: serde_json::Error| RematchError::Report { scan: head.to_string(), reason: error.to_string() };
            let report: Report = serde_json::from_slice(&json).map_err(read)?;
            let touched = |name: &PackageName| delta_.as_ref().is_none_or(|delta| delta.touches(name));
            let ignores = ignores(&scan.ignores, today);
            Ok::<_, RematchError>(change(&report, &ignores, &known, &index, &repository, &touched)?)
        });
        let change = worked_out.await.map_err(|error| StoreError::Failed(error.to_string()))??;
        let whole = delta.is_none();
        if let Some(committed) = store.rematch(tenant, id, (head, whole), change, Timestamp::now()).await? {
            return Ok(committed);
        }
    }
    // scans follow each other faster than they can be matched; each of them had advisories of its own
    Ok(Committed::default())
}
