//! What the gate asks of the store: everything about a commit, as of one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use scanner::FindingId;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::record::{FindingState, JobId, JobKind, JobRecord, RepositoryId, ScanRecord, Tenant, Triage};
use super::rows::{Read, Scope, load_many};
use super::{Backend, Edition, Store, StoreError, findings, keys, queue};

/// Jobs of one repository that are looked at for a commit.
const LOOKED_AT: usize = 1000;
/// Looks without taking the writer's turn, before it is taken.
const LOOKS: usize = 4;

/// What is known about a commit, all of it true at the same moment.
#[derive(Debug, Clone)]
pub struct CommitFacts {
    /// Its newest scan.
    pub scan: ScanRecord,
    /// The newest scan of the commit it is judged against; `None` when there is no such commit, or no scan of it.
    pub base: Option<ScanRecord>,
    /// The scan's report, as JSON.
    pub report: Vec<u8>,
    /// Findings of the scan that somebody decided about, for a time that has not run out.
    pub accepted: BTreeSet<FindingId>,
    /// When the first of these decisions runs out.
    pub until: Option<Timestamp>,
    /// Findings of the scan that the store keeps: those of a default branch.
    pub kept: BTreeSet<FindingId>,
    /// When each of these was first seen; `None` when that was not asked for.
    pub first_seen: Option<BTreeMap<FindingId, Timestamp>>,
}

impl Store {
    /// Moves with every write in the scope, so that what was read in one edition holds as long as it stands. `None` while such a write is
    /// under way, and where other processes write too.
    #[must_use]
    pub fn edition(&self, scope: Scope<'_>) -> Option<Edition> {
        match &self.backend {
            Backend::Sled(sled) => sled.editions().of(scope),
            Backend::Postgres(_) => None,
        }
    }

    /// The same of all repositories together.
    #[must_use]
    pub fn edition_of_repositories(&self) -> Option<Edition> {
        match &self.backend {
            Backend::Sled(sled) => sled.editions().of_repositories(),
            Backend::Postgres(_) => None,
        }
    }

    /// What is known about a commit now, with the ages of its findings where they count. `None` is "not scanned yet".
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_of_commit(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
        ages: bool,
        now: Timestamp,
    ) -> Result<Option<CommitFacts>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        let scope = (tenant.clone(), repository.clone());
        self.steady(scope, move |rows| facts(rows, &tenant, &repository, &commit, (ages, now))).await
    }

    /// What is known about a scan's commit now, by that scan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_of_scan(
        &self,
        tenant: &Tenant,
        scan: &ScanRecord,
        now: Timestamp,
    ) -> Result<CommitFacts, StoreError> {
        let (tenant, scan) = (tenant.clone(), scan.clone());
        let scope = (tenant.clone(), scan.repository.clone());
        self.steady(scope, move |rows| facts_of(rows, &tenant, scan.clone(), (true, now))).await
    }

    /// The job about a commit that is on its way.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scan_on_its_way(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
    ) -> Result<Option<JobRecord>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        self.read(move |rows| on_its_way(rows, &tenant, &repository, &commit)).await
    }

    /// Looks at rows of a repository as of one moment: none of them is written between the first look and the last.
    async fn steady<T, F>(&self, (tenant, repository): (Tenant, RepositoryId), look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&dyn Read) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        let Backend::Sled(sled) = &self.backend else {
            // a transaction of the database sees one moment
            return self.read(move |rows| look(rows)).await;
        };
        for _ in 0..LOOKS {
            let (look, own) = (look.clone(), Arc::clone(sled));
            let (tenant, repository) = (tenant.clone(), repository.clone());
            let seen = self.read(move |rows| {
                let edition = || own.editions().of(Scope::Repository(&tenant, &repository));
                let before = edition();
                let seen = look(rows);
                Ok((before.is_some() && edition() == before).then_some(seen))
            });
            if let Some(seen) = seen.await? {
                return seen;
            }
        }
        // a busy repository: among its writes, each of which sees one moment
        self.write(move |rows| look(rows)).await
    }
}

/// What was decided about a finding, of its [`FindingRecord`](super::record::FindingRecord).
#[derive(Deserialize)]
struct Decided {
    triage: Option<Triage>,
}

/// Its age.
#[derive(Deserialize)]
struct Seen {
    first_seen: Timestamp,
}

fn facts(
    rows: &dyn Read,
    tenant: &Tenant,
    repository: &RepositoryId,
    commit: &str,
    of: (bool, Timestamp),
) -> Result<Option<CommitFacts>, StoreError> {
    let scan = findings::scan_of_commit(rows, tenant, repository, commit)?;
    scan.map(|scan| facts_of(rows, tenant, scan, of)).transpose()
}

fn facts_of(
    rows: &dyn Read,
    tenant: &Tenant,
    scan: ScanRecord,
    (ages, now): (bool, Timestamp),
) -> Result<CommitFacts, StoreError> {
    let base = match scan.base.as_deref().filter(|base| Some(*base) != scan.commit.as_deref()) {
        Some(base) => findings::scan_of_commit(rows, tenant, &scan.repository, base)?,
        None => None,
    };
    let missing =
        || StoreError::Damaged { row: format!("the report of scan {}", scan.id), reason: "it is not there".into() };
    let report = findings::report(rows, tenant, scan.id)?.ok_or_else(missing)?;
    let (kept, decided) = standing(rows, tenant, &scan)?;
    let (mut accepted, mut until) = (BTreeSet::new(), None::<Timestamp>);
    let stands = |triage: &Triage| !triage.state.is_open() && triage.until.is_none_or(|until| now < until);
    for (id, record) in load_each::<Decided>(rows, tenant, decided)? {
        if let Some(triage) = record.triage.filter(stands) {
            until = [until, triage.until].into_iter().flatten().min();
            accepted.insert(id);
        }
    }
    let seen = if ages { load_each::<Seen>(rows, tenant, kept.iter().cloned().collect())? } else { Vec::new() };
    let first_seen = ages.then(|| seen.into_iter().map(|(id, record)| (id, record.first_seen)).collect());
    Ok(CommitFacts { scan, base, report, kept, accepted, until, first_seen })
}

/// The scan's findings that the store keeps, and those of them about which something may be decided, by the repository's own list: its rows
/// stand side by side, and the records do not.
fn standing(
    rows: &dyn Read,
    tenant: &Tenant,
    scan: &ScanRecord,
) -> Result<(BTreeSet<FindingId>, Vec<FindingId>), StoreError> {
    let wanted: HashMap<&[u8], &FindingId> =
        scan.findings.iter().map(|finding| (finding.id.as_str().as_bytes(), &finding.id)).collect();
    let list = keys::finding_order(tenant, b'r', scan.repository.as_str());
    let open = [FindingState::Open as u8, FindingState::Reopened as u8];
    let (mut kept, mut decided) = (BTreeSet::new(), Vec::new());
    for (key, id) in rows.range(list.bytes(), &list.end(), usize::MAX)? {
        let Some(id) = wanted.get(id.as_slice()) else { continue };
        if !key.get(list.bytes().len()).is_some_and(|state| open.contains(state)) {
            decided.push((*id).clone());
        }
        kept.insert((*id).clone());
    }
    Ok((kept, decided))
}

/// What is needed of the records of some findings, those that are there.
fn load_each<T: DeserializeOwned>(
    rows: &dyn Read,
    tenant: &Tenant,
    ids: Vec<FindingId>,
) -> Result<Vec<(FindingId, T)>, StoreError> {
    let keys: Vec<_> = ids.iter().map(|id| keys::finding(tenant, id.as_str()).done()).collect();
    let records = load_many::<T>(rows, &keys)?;
    Ok(ids.into_iter().zip(records).filter_map(|(id, record)| Some((id, record?))).collect())
}

/// Scans wait and run under a key that begins with their repository.
fn on_its_way(
    rows: &dyn Read,
    tenant: &Tenant,
    repository: &RepositoryId,
    commit: &str,
) -> Result<Option<JobRecord>, StoreError> {
    for table in [keys::RUNNING, keys::BY_COALESCE] {
        let prefix = keys::of_tenant(table, tenant).fixed(format!("{repository}|").as_bytes());
        for (_, id) in rows.range(prefix.bytes(), &prefix.end(), LOOKED_AT)? {
            let id = <[u8; 16]>::try_from(id.as_slice()).map(JobId::from_bytes);
            let Ok(id) = id else { continue };
            let about =
                |job: &JobRecord| matches!(&job.job, JobKind::Scan(spec) if spec.commit.as_deref() == Some(commit));
            if let Some(job) = queue::job(rows, id)?.filter(about) {
                return Ok(Some(job));
            }
        }
    }
    Ok(None)
}
