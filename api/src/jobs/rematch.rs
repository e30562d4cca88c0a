//! The advisories changed: what they now say about the stored inventories, without a clone or a parse.
//!
//! The store keeps which snapshot the inventories were last matched against. The leading process compares it with the snapshot in force,
//! takes the packages that differ, and brings each repository that has one of them up to date in a transaction of its own. Doing it again
//! changes nothing, so that a crash on the way costs time only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use advisories::git_pin::Ancestry;
use advisories::{AdvisoryIndex, Damaged, Delta, PackageName};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scanner::finding::{Detail, UseTier, VulnerabilityDetail};
use scanner::fix::Releases;
use scanner::inventory::Inventory;
use scanner::package_index::PackageIndex;
use scanner::policy::{Ignore, apply_ignores};
use scanner::repository::CachedMirrors;
use scanner::standing::Kept;
use scanner::vulnerabilities::{Around, Found};
use scanner::{Finding, FindingId, Report, resolve, standing, vulnerabilities};
use tokio::sync::watch;

use crate::knowledge::Advisories;
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

/// What a stored inventory is matched with.
pub struct Known<'k> {
    /// The advisories in force.
    pub index: &'k AdvisoryIndex,
    /// The histories that are at hand, for packages pinned to a commit.
    pub ancestry: &'k dyn Ancestry,
    /// Which releases there are, by what the index answered to scans.
    pub releases: &'k dyn Releases,
}

/// Matches a stored inventory. Only packages that `touched` names are judged. What the package index said of packages stands: only a scan
/// asks it again.
///
/// # Errors
/// When the index is damaged.
pub fn change(
    report: &Report,
    ignores: &[Ignore],
    records: &BTreeMap<FindingId, FindingRecord>,
    known: &Known<'_>,
    repository: &RepositoryId,
    touched: &dyn Fn(&PackageName) -> bool,
) -> Result<Change, Damaged> {
    let Found { findings: found, undecided, .. } = matched(report, ignores, known, repository, touched)?;
    let there: BTreeSet<&FindingId> = found.iter().map(|finding| &finding.id).collect();
    let about = |finding: &Finding| match &finding.detail {
        Detail::Vulnerability(detail) => {
            // the history that decided a pinned commit may be at hand where the scan ran, and not here
            let open =
                undecided.get(&detail.package).is_some_and(|ids| detail.aliases.iter().any(|id| ids.contains(id)));
            !standing::is_by_index(finding) && touched(&detail.package) && !open
        }
        _ => false,
    };
    let withdrawn = records.values().filter(|record| {
        record.state != FindingState::Fixed
            && about(&record.finding)
            && !there.contains(record.id())
            && looked_at(&record.finding, &report.diagnostics)
    });
    let withdrawn = withdrawn.map(|record| record.id().clone()).collect();
    let same = |finding: &Finding| {
        records.get(&finding.id).is_some_and(|record| record.state != FindingState::Fixed && record.finding == *finding)
    };
    let opened = found.iter().filter(|finding| !same(finding)).cloned().collect();
    Ok(Change { opened, withdrawn })
}

/// The vulnerabilities of a stored inventory, and of what would be resolved beside it, with the identities that a scan of the repository gives them.
fn matched(
    report: &Report,
    ignores: &[Ignore],
    known: &Known<'_>,
    repository: &RepositoryId,
    touched: &dyn Fn(&PackageName) -> bool,
) -> Result<Found, Damaged> {
    let inventory = Inventory { manifests: report.inventory.clone(), diagnostics: Vec::new() };
    let around = Around { imports: None, ancestry: known.ancestry, releases: known.releases };
    let mut found = vulnerabilities::find_with(&inventory, known.index, &around)?;
    let would = vulnerabilities::find_with(&resolve::beyond(&inventory, &report.resolved), known.index, &around)?;
    found.findings.extend(would.findings);
    found.findings.retain(|it| matches!(&it.detail, Detail::Vulnerability(detail) if touched(&detail.package)));
    for finding in &mut found.findings {
        if let Detail::Vulnerability(detail) = &mut finding.detail {
            as_used(detail, report);
        }
    }
    apply_ignores(&mut found.findings, ignores);
    for finding in &mut found.findings {
        finding.id = finding.id.within(finding.kind, repository.as_str());
    }
    Ok(found)
}

/// How far the scan saw the code go towards the package; it says so for those that were vulnerable then.
fn as_used(detail: &mut VulnerabilityDetail, report: &Report) {
    let mut seen = report.findings.iter().filter_map(|finding| match &finding.detail {
        Detail::Vulnerability(seen) if seen.package == detail.package && !standing::is_by_index(finding) => Some(seen),
        _ => None,
    });
    let Some(first) = seen.next() else { return };
    detail.imported_at.clone_from(&first.imported_at);
    // functions are those of one advisory: what refers to another's at least imports the package
    let same = std::iter::once(first).chain(seen).find(|seen| seen.affected_symbols == detail.affected_symbols);
    match same {
        Some(same) => (detail.used, detail.symbols_at) = (same.used, same.symbols_at.clone()),
        None if first.used == UseTier::Referenced => detail.used = UseTier::Imported,
        None => detail.used = first.used,
    }
}

/// The ignores that were in force at a scan, as far as they hold today.
pub fn ignores(rules: &[IgnoreRule], today: Date) -> Vec<Ignore> {
    let standing = rules.iter().filter(|rule| rule.until.is_none_or(|until| until >= today));
    // what a scan has read once can be read again
    standing.filter_map(|rule| Ignore::new(&rule.id, &rule.reason, rule.until, rule.by.clone()).ok()).collect()
}

/// What of this machine helps to match: mirrors of repositories, and what the package index answered to scans.
#[derive(Clone)]
pub(super) struct AtHand {
    pub mirrors: CachedMirrors,
    pub index: Option<PackageIndex>,
}

/// Watches the snapshot in force while this process leads, until asked to stop.
pub(super) async fn run(
    store: Store,
    tenant: Tenant,
    advisories: Arc<Advisories>,
    at_hand: AtHand,
    leads: watch::Receiver<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let mut last: Option<(String, Arc<AdvisoryIndex>)> = None;
    while !*stop.borrow() {
        if *leads.borrow()
            && let Ok(index) = advisories.index()
        {
            let now = index.content_digest().to_owned();
            let ended = match catch_up(&store, &tenant, (&index, &at_hand), &now, last.as_ref()).await {
                Ok(()) => stragglers(&store, &tenant, (&index, &at_hand)).await,
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

type With<'w> = (&'w Arc<AdvisoryIndex>, &'w AtHand);

/// Brings every repository up to date with a snapshot that they were not matched against.
async fn catch_up(
    store: &Store,
    tenant: &Tenant,
    with: With<'_>,
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
            let (old, new) = (Arc::clone(old), Arc::clone(with.0));
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
        sum += one(store, tenant, id, with, delta.as_ref()).await?;
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
async fn stragglers(store: &Store, tenant: &Tenant, with: With<'_>) -> Result<(), RematchError> {
    for id in store.stragglers(tenant, PAGE).await? {
        one(store, tenant, &id, with, None).await?;
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
    (index, at_hand): With<'_>,
    delta: Option<&Arc<Delta>>,
) -> Result<Committed, RematchError> {
    for _ in 0..TRIES {
        let Some(repository) = store.repository(tenant, id).await? else { return Ok(Committed::default()) };
        let Some(head) = repository.head_scan else { return Ok(Committed::default()) };
        let (Some(scan), Some(json)) = (store.scan(tenant, head).await?, store.report(tenant, head).await?) else {
            // a newer one took its place while we looked
            continue;
        };
        let records = store.findings_of(tenant, id).await?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let (index, delta_, repository, at_hand) = (Arc::clone(index), delta.cloned(), id.clone(), at_hand.clone());
        let worked_out = tokio::task::spawn_blocking(move || {
            let read =
                |error: serde_json::Error| RematchError::Report { scan: head.to_string(), reason: error.to_string() };
            let report: Report = serde_json::from_slice(&json).map_err(read)?;
            let touched = |name: &PackageName| delta_.as_ref().is_none_or(|delta| delta.touches(name));
            let ignores = ignores(&scan.ignores, today);
            let releases = Kept::new(at_hand.index);
            let known = Known { index: &index, ancestry: &at_hand.mirrors, releases: &releases };
            Ok::<_, RematchError>(change(&report, &ignores, &records, &known, &repository, &touched)?)
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

#[cfg(test)]
#[path = "rematch_tests.rs"]
mod tests;
