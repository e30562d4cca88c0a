//! Decisions about sweeps: each step is one transaction, so that a crash loses at most the repository under way.

use jiff::Timestamp;

use crate::store::record::{
    Did, JobId, JobRecord, LeaseToken, NewJob, RepositoryId, RepositoryRecord, SweepId, SweepRecord, Swept, Tenant,
};
use crate::store::rows::{Key, Scope, list, load, save};
use crate::store::{Store, StoreError, SweepStep, keys, queue};

/// Under which a line stands: a repository has one, whatever its name.
fn line_key(tenant: &Tenant, sweep: SweepId, line: &Swept) -> Key {
    let name = line.repository.as_ref().map_or_else(|| format!("~{}", line.name), ToString::to_string);
    keys::swept(tenant, sweep).text(&name)
}

impl Store {
    /// Begins a sweep and queues its job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_sweep(&self, sweep: SweepRecord, job: NewJob, now: Timestamp) -> Result<JobId, StoreError> {
        self.write(move |rows| {
            rows.lock(Scope::Queue)?;
            save(rows, keys::sweep(&sweep.tenant, sweep.id), &sweep)?;
            Ok(queue::enqueue(rows, job.clone(), JobId::fresh(), now)?.id())
        })
        .await
    }

    /// A sweep.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep(&self, tenant: &Tenant, id: SweepId) -> Result<Option<SweepRecord>, StoreError> {
        let key = keys::sweep(tenant, id);
        self.read(move |rows| load(rows, &key)).await
    }

    /// The newest sweeps, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweeps(&self, tenant: &Tenant, limit: usize) -> Result<Vec<SweepRecord>, StoreError> {
        let prefix = keys::of_tenant(keys::SWEEP, tenant);
        self.read(move |rows| {
            // a sweep a night: few enough to be read whole
            let found = list::<SweepRecord>(rows, &prefix, None, usize::MAX)?;
            Ok(found.into_iter().rev().map(|(_, sweep)| sweep).take(limit).collect())
        })
        .await
    }

    /// Keeps a step of a sweep. False when the lease is lost; then nothing changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_step(
        &self,
        fence: (JobId, LeaseToken),
        step: SweepStep,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |rows| {
            if let Some(listed) = &step.listed {
                rows.lock(Scope::Repository(&listed.tenant, &listed.id))?;
                let key = keys::repository(&listed.tenant, &listed.id);
                // only the refs: a scan may have been committed in the meantime
                if let Some(mut record) = load::<RepositoryRecord>(rows, &key)? {
                    record.refs.clone_from(&listed.refs);
                    record.listed_at = listed.listed_at;
                    save(rows, key, &record)?;
                }
            }
            rows.lock(Scope::Queue)?;
            if !queue::job(rows, fence.0)?.is_some_and(|job| job.held_by(fence.1)) {
                rows.discard();
                return Ok(false);
            }
            let sweep = &step.sweep;
            save(rows, keys::sweep(&sweep.tenant, sweep.id), sweep)?;
            for line in &step.lines {
                save(rows, line_key(&sweep.tenant, sweep.id, line), line)?;
            }
            if let Some((job, line)) = &step.scan {
                let queued = queue::enqueue(rows, job.clone(), JobId::fresh(), now)?.id();
                let reason = match &line.did {
                    Did::Queued { reason, .. } | Did::Skipped { reason } | Did::Failed { reason } => reason.clone(),
                };
                let line = Swept { did: Did::Queued { job: queued, reason }, ..line.clone() };
                save(rows, line_key(&sweep.tenant, sweep.id, &line), &line)?;
            }
            Ok(true)
        })
        .await
    }

    /// Whether a sweep has done its work on a repository.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_swept(&self, tenant: &Tenant, sweep: SweepId, id: &RepositoryId) -> Result<bool, StoreError> {
        let key = keys::swept(tenant, sweep).text(&id.to_string());
        self.read(move |rows| Ok(rows.get(key.bytes())?.is_some())).await
    }

    /// The lines of a sweep's report, with the job where a scan was asked for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn swept(&self, tenant: &Tenant, sweep: SweepId) -> Result<Vec<(Swept, Option<JobRecord>)>, StoreError> {
        let prefix = keys::swept(tenant, sweep);
        self.read(move |rows| {
            let mut lines = Vec::new();
            for (_, line) in list::<Swept>(rows, &prefix, None, usize::MAX)? {
                let job = match &line.did {
                    Did::Queued { job, .. } => queue::job(rows, *job)?,
                    _ => None,
                };
                lines.push((line, job));
            }
            Ok(lines)
        })
        .await
    }
}
