//! What the gate asks of the store: everything about a commit, as of one moment.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scanner::FindingId;
use serde::Deserialize;

use super::record::{JobId, JobKind, JobRecord, RepositoryId, ScanRecord, Tenant, Triage};
use super::rows::{Read, load_many};
use super::{Backend, Store, StoreError, findings, keys, queue, sled};

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
    /// When each finding of the scan was first seen, where that is known.
    pub first_seen: BTreeMap<FindingId, Timestamp>,
}

impl Store {
    /// A number that changes with every write, so that what was read at one number holds as long as it stands. `None` where other
    /// processes write too.
    #[must_use]
    pub fn edition(&self) -> Option<u64> {
        match &self.backend {
            Backend::Sled(sled) => Some(sled.edition()),
            Backend::Postgres(_) => None,
        }
    }

    /// What is known about a commit now. `None` is "not scanned yet".
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_of_commit(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
        now: Timestamp,
    ) -> Result<Option<CommitFacts>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        self.steady(move |rows| facts(rows, &tenant, &repository, &commit, now)).await
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
        self.steady(move |rows| facts_of(rows, &tenant, scan.clone(), now)).await
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

    /// Looks at rows as of one moment: nothing is written between the first row and the last.
    async fn steady<T, F>(&self, look: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: Fn(&dyn Read) -> Result<T, StoreError> + Clone + Send + 'static,
    {
        for _ in 0..LOOKS {
            let look = look.clone();
            let seen = self.read(move |rows| {
                // the embedded store counts its writes; a database's transaction sees one moment anyway, and has no such row
                let before = rows.get(sled::KEPT)?;
                let seen = look(rows);
                Ok((rows.get(sled::KEPT)? == before).then_some(seen))
            });
            if let Some(seen) = seen.await? {
                return seen;
            }
        }
        // a busy store: among its writes, each of which sees one moment
        self.write(move |rows| look(rows)).await
    }
}

/// What a verdict needs of a [`FindingRecord`](super::record::FindingRecord).
#[derive(Deserialize)]
struct Standing {
    first_seen: Timestamp,
    triage: Option<Triage>,
}

fn facts(
    rows: &dyn Read,
    tenant: &Tenant,
    repository: &RepositoryId,
    commit: &str,
    now: Timestamp,
) -> Result<Option<CommitFacts>, StoreError> {
    let scan = findings::scan_of_commit(rows, tenant, repository, commit)?;
    scan.map(|scan| facts_of(rows, tenant, scan, now)).transpose()
}

fn facts_of(rows: &dyn Read, tenant: &Tenant, scan: ScanRecord, now: Timestamp) -> Result<CommitFacts, StoreError> {
    let base = match scan.base.as_deref().filter(|base| Some(*base) != scan.commit.as_deref()) {
        Some(base) => findings::scan_of_commit(rows, tenant, &scan.repository, base)?,
        None => None,
    };
    let missing =
        || StoreError::Damaged { row: format!("the report of scan {}", scan.id), reason: "it is not there".into() };
    let report = findings::report(rows, tenant, scan.id)?.ok_or_else(missing)?;
    let (mut accepted, mut until) = (BTreeSet::new(), None::<Timestamp>);
    let mut first_seen = BTreeMap::new();
    let kept: Vec<_> = scan.findings.iter().map(|finding| keys::finding(tenant, finding.id.as_str()).done()).collect();
    for (finding, record) in scan.findings.iter().zip(load_many::<Standing>(rows, &kept)?) {
        let Some(record) = record else { continue };
        first_seen.insert(finding.id.clone(), record.first_seen);
        let stands = |triage: &Triage| !triage.state.is_open() && triage.until.is_none_or(|until| now < until);
        let standing = record.triage.filter(stands);
        if let Some(triage) = standing {
            accepted.insert(finding.id.clone());
            until = [until, triage.until].into_iter().flatten().min();
        }
    }
    Ok(CommitFacts { scan, base, report, accepted, until, first_seen })
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
