//! Deliveries and jobs.

use jiff::{SignedDuration, Timestamp};

use crate::store::record::{
    DeliveryRecord, Enqueued, JobId, JobRecord, JobState, LeaseToken, NewJob, Outcome, Priority, RepositoryId, Tenant,
};
use crate::store::rows::load;
use crate::store::{Claim, Delivery, Receipt, Store, StoreError, keys, queue};

impl Store {
    /// Claims the delivery's identity and queues what it asks for, in one durable step.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was accepted.
    pub async fn accept_delivery(&self, delivery: Delivery, now: Timestamp) -> Result<Receipt, StoreError> {
        self.write(move |rows| queue::accept(rows, &delivery, now)).await
    }

    /// The jobs of a delivery that was accepted under this name; `None` when none was.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn jobs_of_delivery(
        &self,
        tenant: &Tenant,
        source: &str,
        name: &str,
    ) -> Result<Option<Vec<JobId>>, StoreError> {
        let key = keys::delivery(tenant, source, name);
        self.read(move |rows| Ok(load::<DeliveryRecord>(rows, &key)?.map(|known| known.jobs))).await
    }

    /// Queues a job, or joins it with a waiting one of the same coalesce key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enqueue(&self, new: NewJob, now: Timestamp) -> Result<Enqueued, StoreError> {
        let id = JobId::fresh();
        self.write(move |rows| queue::enqueue(rows, new.clone(), id, now)).await
    }

    /// Takes the next job, if one may run now. Jobs whose worker died are put back first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Option<JobRecord>, StoreError> {
        // most who ask find nothing: they need not wait for each other
        if !self.read(move |rows| queue::anything(rows, now)).await? {
            return Ok(None);
        }
        self.write(move |rows| queue::claim(rows, &claim, now)).await
    }

    /// At the start of an embedded store's one process: what its predecessor held is put back at once. On a shared store nothing happens,
    /// for others may be at work.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn take_over(&self, max_attempts: u32, now: Timestamp) -> Result<(), StoreError> {
        if self.is_shared() {
            return Ok(());
        }
        self.write(move |rows| queue::abandon(rows, max_attempts, now)).await
    }

    /// Whether work more urgent than `than` is waiting and may run now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn waits_before(&self, than: Priority, now: Timestamp) -> Result<bool, StoreError> {
        self.read(move |rows| queue::more_urgent(rows, than, now)).await
    }

    /// Moves the lease. `None` when it is lost: stop, and commit nothing. Otherwise whether somebody asked the job to stop.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn heartbeat(
        &self,
        id: JobId,
        token: LeaseToken,
        lease: SignedDuration,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        self.write(move |rows| queue::heartbeat(rows, id, token, lease, now)).await
    }

    /// Ends a run. `None` when the lease is lost; then nothing changes.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish(
        &self,
        id: JobId,
        token: LeaseToken,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Option<JobState>, StoreError> {
        self.write(move |rows| queue::finish(rows, id, token, outcome.clone(), None, now)).await
    }

    /// A job of the tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn job(&self, tenant: &Tenant, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| Ok(queue::job(rows, id)?.filter(|job| job.tenant == tenant))).await
    }

    /// Scan jobs about exactly this commit, the newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn jobs_of_commit(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
        limit: usize,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        self.read(move |rows| queue::jobs_of_commit(rows, &tenant, &repository, &commit, limit)).await
    }

    /// Jobs of one state, the newest first, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn jobs(
        &self,
        tenant: &Tenant,
        state: JobState,
        after: Option<JobId>,
        limit: usize,
    ) -> Result<Vec<JobRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| queue::jobs(rows, &tenant, state, after, limit)).await
    }

    /// Puts a dead or cancelled job back into the queue. `None`: no such job; false: it is neither.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_job(&self, tenant: &Tenant, id: JobId, now: Timestamp) -> Result<Option<bool>, StoreError> {
        let tenant = tenant.clone();
        self.write(move |rows| queue::alter(rows, &tenant, id, |job| job.retry(now), now)).await
    }

    /// Cancels a job: at once when it waits, at its next heartbeat when it runs. `None`: no such job; false: it has ended.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn cancel_job(&self, tenant: &Tenant, id: JobId, now: Timestamp) -> Result<Option<bool>, StoreError> {
        let tenant = tenant.clone();
        self.write(move |rows| queue::alter(rows, &tenant, id, |job| job.cancel(now), now)).await
    }
}
