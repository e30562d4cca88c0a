//! Sweeps.

use jiff::Timestamp;

use crate::store::record::{JobId, LeaseToken, NewJob, RepositoryRecord, SweepId, SweepRecord, Tenant};
use crate::store::rows::{Scope, load, save};
use crate::store::{Store, StoreError, keys, queue};

impl Store {
    /// Begins a sweep and queues its job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_sweep(&self, sweep: SweepRecord, job: NewJob, now: Timestamp) -> Result<JobId, StoreError> {
        let id = JobId::fresh();
        self.write(move |rows| {
            rows.lock(Scope::Queue)?;
            save(rows, keys::sweep(&sweep.tenant, sweep.id), &sweep)?;
            Ok(queue::enqueue(rows, job.clone(), id, now)?.id())
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

    /// One step of a sweep: the refs as listed, the scan they ask for, and how far the sweep is. False when the lease is lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sweep_step(
        &self,
        fence: (JobId, LeaseToken),
        sweep: SweepRecord,
        listed: Option<RepositoryRecord>,
        job: Option<NewJob>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let id = JobId::fresh();
        self.write(move |rows| {
            if let Some(listed) = &listed {
                rows.lock(Scope::Repository(&listed.tenant, &listed.id))?;
                let key = keys::repository(&listed.tenant, &listed.id);
                // only the refs: a scan may have been committed in the meantime
                if let Some(mut record) = load::<RepositoryRecord>(rows, &key)? {
                    record.refs.clone_from(&listed.refs);
                    record.listed_at = listed.listed_at;
                    record.default_branch.clone_from(&listed.default_branch);
                    save(rows, key, &record)?;
                }
            }
            rows.lock(Scope::Queue)?;
            if !queue::job(rows, fence.0)?.is_some_and(|job| job.held_by(fence.1)) {
                rows.discard();
                return Ok(false);
            }
            save(rows, keys::sweep(&sweep.tenant, sweep.id), &sweep)?;
            if let Some(job) = &job {
                queue::enqueue(rows, job.clone(), id, now)?;
            }
            Ok(true)
        })
        .await
    }
}
