//! The store: whole decisions, one durable transaction each.
//!
//! [`Store`] is the only door. Each decision is written once, over ordered rows ([`rows`]): `queue` for deliveries and jobs, `findings` for
//! scans and findings, [`life`] for what becomes of a finding. The backend (`sled.rs`) brings rows, atomicity and durability.

mod findings;
mod keys;
pub mod life;
mod operate;
mod query;
mod queue;
pub mod record;
pub mod rows;
mod sled;
mod trail;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use scanner::{Finding, FindingId, Report};
use tokio::sync::oneshot;

use crate::identity::{TokenHash, TokenRecord};
pub use life::TriageRefused;
pub use operate::{Problem, Verified};
pub use query::{FindingsPage, FindingsQuery};
use record::{
    Enqueued, EventKind, FindingRecord, IdempotencyRecord, JobId, JobRecord, JobState, LeaseToken, NewJob,
    NewRepository, OutboxEvent, Outcome, PackageUse, RepositoryId, RepositoryRecord, ScanId, ScanRecord,
    StoredResponse, SweepId, SweepRecord, Tenant, Triage, codec::CodecError,
};
use rows::{Key, Read, Write, load, save};

/// Why the store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory.
    #[error("{}: another process uses this directory", .0.display())]
    InUse(PathBuf),
    /// Something stored cannot be read.
    #[error("the store is damaged: {row}: {reason}")]
    Damaged {
        /// Which row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The disk or the storage engine failed; nothing more is accepted.
    #[error("the store has failed: {0}")]
    Failed(String),
    /// The cursor of a list is not one of ours, or of another list.
    #[error("the cursor does not belong to this list")]
    Cursor,
}

impl StoreError {
    fn record(key: &[u8], error: &CodecError) -> Self {
        let row: String = String::from_utf8_lossy(key).chars().filter(|letter| !letter.is_control()).collect();
        Self::Damaged { row, reason: error.to_string() }
    }

    fn index(reason: &str) -> Self {
        Self::Damaged { row: "an index (run `secretarybird store reindex`)".to_owned(), reason: reason.to_owned() }
    }

    fn gone() -> Self {
        Self::Failed("an earlier failure closed it; see the log, then restart".to_owned())
    }
}

/// A webhook delivery (or a tick of the clock) with what it asks for.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whose.
    pub tenant: Tenant,
    /// Who sent it.
    pub source: String,
    /// The sender's delivery id.
    pub id: String,
    /// The request that brought it.
    pub request_id: String,
    /// What it asks for.
    pub jobs: Vec<NewJob>,
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// It was accepted before; nothing changed.
    pub duplicate: bool,
    /// The jobs it made or joined (when it was first accepted).
    pub jobs: Vec<JobId>,
}

/// A worker asks for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub worker: String,
    /// The fence of the new lease.
    pub token: LeaseToken,
    /// How long the lease holds without a heartbeat.
    pub lease: SignedDuration,
    /// Jobs running at once on one host.
    pub host_cap: usize,
    /// Jobs running at once in all.
    pub running_cap: usize,
    /// Runs after which a job whose workers die is given up.
    pub max_attempts: u32,
}

/// A finished scan to be committed.
#[derive(Debug, Clone)]
pub struct ScanCommit {
    /// The job it was made for and the lease it is fenced by.
    pub job: Option<(JobId, LeaseToken)>,
    /// The scan.
    pub scan: ScanRecord,
    /// Its report.
    pub report: Report,
}

/// What a commit changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Findings seen for the first time.
    pub opened: usize,
    /// Findings that came back.
    pub reopened: usize,
    /// Findings that are gone.
    pub fixed: usize,
}

impl Committed {
    fn count(&mut self, event: Option<EventKind>) {
        match event {
            Some(EventKind::Opened) => self.opened += 1,
            Some(EventKind::Reopened) => self.reopened += 1,
            Some(EventKind::Fixed) => self.fixed += 1,
            None => {}
        }
    }
}

/// What an `Idempotency-Key` says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// Not seen before: do the work, then call [`Store::remember`].
    Fresh,
    /// The first request with this key is still being worked on.
    UnderWay,
    /// Answer this again.
    Replay(StoredResponse),
    /// The key was used for another request.
    Mismatch,
}

/// The open store; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    sled: Arc<sled::Sled>,
}

struct Decide<T, F> {
    decide: F,
    answer: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> sled::Decision for Decide<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Write) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, rows: &mut dyn Write) -> bool {
        let answer = (self.decide)(rows);
        let keep = answer.is_ok();
        self.answer = Some(answer);
        keep
    }

    fn settled(self: Box<Self>, durable: Result<(), StoreError>) {
        let Self { answer, reply, .. } = *self;
        let answer = durable.and_then(|()| answer.unwrap_or_else(|| Err(StoreError::gone())));
        // whoever asked may have gone away; what was decided stands
        let _ = reply.send(answer);
    }
}

/// Opens the store that the configuration names.
///
/// # Errors
/// [`StoreError`], naming the directory; also for a `store` that this program cannot open.
pub async fn open(config: &crate::config::ServerConfig) -> Result<Store, StoreError> {
    if config.store.expose() != "sled" {
        return Err(StoreError::Failed("`store` must be `sled`; this version has no PostgreSQL backend".to_owned()));
    }
    let directory = config.data_dir.join("store");
    blocking(move || Store::open(&directory)).await
}

impl Store {
    /// Opens (or makes) the embedded store in `directory`. Blocks: call it before serving, or on a blocking thread.
    ///
    /// # Errors
    /// [`StoreError`], naming the directory.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Ok(Self { sled: Arc::new(sled::Sled::open(directory)?) })
    }

    /// Whether what is asked of it will be done: readiness.
    ///
    /// # Errors
    /// After any failure of the disk or the storage engine.
    pub fn healthy(&self) -> Result<(), StoreError> {
        self.sled.healthy()
    }

    async fn write<T, F>(&self, decide: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Write) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let sled = Arc::clone(&self.sled);
        let decision = Box::new(Decide { decide, answer: None, reply });
        blocking(move || sled.decide(decision)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::gone()))
    }

    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Read) -> Result<T, StoreError> + Send + 'static,
    {
        let sled = Arc::clone(&self.sled);
        blocking(move || sled.read(read)).await
    }

    /// Registers a repository; once more is the same one. True when it is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register(&self, new: NewRepository, now: Timestamp) -> Result<(RepositoryRecord, bool), StoreError> {
        self.write(move |rows| {
            let record = RepositoryRecord::register(&new, now);
            let key = keys::repository(&record.tenant, &record.id);
            if let Some(known) = load(rows, &key)? {
                return Ok((known, false));
            }
            save(rows, key, &record)?;
            Ok((record, true))
        })
        .await
    }

    /// A repository; `None` when the tenant has none of this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository(&self, tenant: &Tenant, id: &RepositoryId) -> Result<Option<RepositoryRecord>, StoreError> {
        let key = keys::repository(tenant, id);
        self.read(move |rows| load(rows, &key)).await
    }

    /// Repositories by identity, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repositories(
        &self,
        tenant: &Tenant,
        after: Option<&RepositoryId>,
        limit: usize,
    ) -> Result<Vec<RepositoryRecord>, StoreError> {
        let after = after.map(|id| keys::repository(tenant, id).done());
        let prefix = keys::of_tenant(keys::REPOSITORY, tenant);
        self.read(move |rows| {
            let found = rows::list(rows, &prefix, after.as_deref(), limit)?;
            Ok(found.into_iter().map(|(_, record)| record).collect())
        })
        .await
    }

    /// Deletes a repository with its findings, scans and packages. False when it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_repository(&self, tenant: &Tenant, id: &RepositoryId) -> Result<bool, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.write(move |rows| findings::delete_repository(rows, &tenant, &id)).await
    }

    /// Claims the delivery's identity and queues what it asks for, in one durable step.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing was accepted.
    pub async fn accept_delivery(&self, delivery: Delivery, now: Timestamp) -> Result<Receipt, StoreError> {
        self.write(move |rows| queue::accept(rows, &delivery, now)).await
    }

    /// Queues a job, or joins it with a waiting one of the same coalesce key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn enqueue(&self, new: NewJob, now: Timestamp) -> Result<Enqueued, StoreError> {
        self.write(move |rows| queue::enqueue(rows, new.clone(), JobId::fresh(), now)).await
    }

    /// Takes the next job, if one may run now. Jobs whose worker died are put back first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim(&self, claim: Claim, now: Timestamp) -> Result<Option<JobRecord>, StoreError> {
        self.write(move |rows| queue::claim(rows, &claim, now)).await
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

    /// Commits a scan, its findings, packages and events, and ends its job: one transaction. `None` when the lease is lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit_scan(&self, commit: ScanCommit, now: Timestamp) -> Result<Option<Committed>, StoreError> {
        self.write(move |rows| findings::commit_scan(rows, &commit, now)).await
    }

    /// A job of the tenant.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn job(&self, tenant: &Tenant, id: JobId) -> Result<Option<JobRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| Ok(queue::job(rows, id)?.filter(|job| job.tenant == tenant))).await
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

    /// A scan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scan(&self, tenant: &Tenant, id: ScanId) -> Result<Option<ScanRecord>, StoreError> {
        let key = keys::scan(tenant, id);
        self.read(move |rows| load(rows, &key)).await
    }

    /// Scans of a repository, the newest first, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scans(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        after: Option<ScanId>,
        limit: usize,
    ) -> Result<Vec<ScanRecord>, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.read(move |rows| findings::scans(rows, &tenant, &repository, after, limit)).await
    }

    /// The newest scan of exactly this commit; `None` is "not scanned yet", never "nothing found".
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scan_of_commit(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
    ) -> Result<Option<ScanRecord>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        self.read(move |rows| findings::scan_of_commit(rows, &tenant, &repository, &commit)).await
    }

    /// The report of a scan, as JSON bytes.
    ///
    /// # Errors
    /// [`StoreError`]; a report of which a part is missing is [`StoreError::Damaged`].
    pub async fn report(&self, tenant: &Tenant, id: ScanId) -> Result<Option<Vec<u8>>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| findings::report(rows, &tenant, id)).await
    }

    /// One page of findings.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Cursor`] for a cursor of another list.
    pub async fn findings(&self, query: FindingsQuery) -> Result<FindingsPage, StoreError> {
        self.read(move |rows| findings::page(rows, &query)).await
    }

    /// A finding with its life.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finding(&self, tenant: &Tenant, id: &str) -> Result<Option<FindingRecord>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read(move |rows| findings::finding(rows, &tenant, &id)).await
    }

    /// Keeps somebody's decision. `None`: no such finding.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn triage(
        &self,
        tenant: &Tenant,
        id: &str,
        triage: Triage,
    ) -> Result<Option<Result<FindingRecord, TriageRefused>>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.write(move |rows| findings::triage(rows, &tenant, &id, &triage)).await
    }

    /// Reopens what was accepted until a time that has come; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire_acceptances(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |rows| findings::expire(rows, now, limit)).await
    }

    /// Who has a package on a default branch: all uses of at most `limit` repositories, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn affected_by(
        &self,
        tenant: &Tenant,
        package: &str,
        after: Option<&RepositoryId>,
        limit: usize,
    ) -> Result<Vec<PackageUse>, StoreError> {
        let (tenant, package, after) = (tenant.clone(), package.to_owned(), after.cloned());
        self.read(move |rows| findings::affected_by(rows, &tenant, &package, after.as_ref(), limit)).await
    }

    /// Brings a change of the advisories to one repository, in one transaction; doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rematch(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        opened: Vec<Finding>,
        withdrawn: Vec<FindingId>,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.write(move |rows| findings::rematch(rows, &tenant, &repository, &opened, &withdrawn, now)).await
    }

    /// Begins a sweep and queues its job.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_sweep(&self, sweep: SweepRecord, job: NewJob, now: Timestamp) -> Result<JobId, StoreError> {
        self.write(move |rows| {
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
        self.write(move |rows| {
            if !queue::job(rows, fence.0)?.is_some_and(|job| job.held_by(fence.1)) {
                return Ok(false);
            }
            save(rows, keys::sweep(&sweep.tenant, sweep.id), &sweep)?;
            if let Some(listed) = &listed {
                let key = keys::repository(&listed.tenant, &listed.id);
                // only the refs: a scan may have been committed in the meantime
                if let Some(mut record) = load::<RepositoryRecord>(rows, &key)? {
                    record.refs.clone_from(&listed.refs);
                    record.listed_at = listed.listed_at;
                    record.default_branch.clone_from(&listed.default_branch);
                    save(rows, key, &record)?;
                }
            }
            if let Some(job) = &job {
                queue::enqueue(rows, job.clone(), JobId::fresh(), now)?;
            }
            Ok(true)
        })
        .await
    }

    /// The oldest events that are not yet acknowledged.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drain_outbox(&self, limit: usize) -> Result<Vec<OutboxEvent>, StoreError> {
        self.read(move |rows| findings::outbox(rows, limit)).await
    }

    /// Forgets events that were told.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn acknowledge(&self, events: Vec<u64>) -> Result<(), StoreError> {
        self.write(move |rows| {
            for id in &events {
                rows.delete(Key::table(keys::OUTBOX).number(*id).done());
            }
            Ok(())
        })
        .await
    }

    /// Keeps a token (new or changed).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_token(&self, token: TokenRecord) -> Result<(), StoreError> {
        self.write(move |rows| {
            rows.put(Key::table(keys::BY_HASH).text(&token.hash.0).done(), token.id.as_bytes().to_vec());
            save(rows, Key::table(keys::TOKEN).text(&token.id), &token)
        })
        .await
    }

    /// The token of a hash, valid or not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_by_hash(&self, hash: &TokenHash) -> Result<Option<TokenRecord>, StoreError> {
        let key = Key::table(keys::BY_HASH).text(&hash.0);
        self.read(move |rows| {
            let Some(id) = rows.get(key.bytes())? else { return Ok(None) };
            load(rows, &Key::table(keys::TOKEN).text(&String::from_utf8_lossy(&id)))
        })
        .await
    }

    /// All tokens, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(|rows| {
            let found = rows::list(rows, &Key::table(keys::TOKEN), None, usize::MAX)?;
            Ok(found.into_iter().map(|(_, token)| token).collect())
        })
        .await
    }

    /// Revokes a token, seconds since 1970. False when there is none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn revoke_token(&self, id: &str, now: i64) -> Result<bool, StoreError> {
        let id = id.to_owned();
        self.write(move |rows| {
            let key = Key::table(keys::TOKEN).text(&id);
            let Some(mut token) = load::<TokenRecord>(rows, &key)? else { return Ok(false) };
            token.revoked = token.revoked.or(Some(now));
            save(rows, key, &token)?;
            Ok(true)
        })
        .await
    }

    /// Claims an `Idempotency-Key` for a request.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_request(
        &self,
        tenant: &Tenant,
        key: &str,
        fingerprint: &str,
        now: Timestamp,
    ) -> Result<Idempotency, StoreError> {
        let record = IdempotencyRecord {
            tenant: tenant.clone(),
            key: key.to_owned(),
            fingerprint: fingerprint.to_owned(),
            at: now,
            response: None,
        };
        self.write(move |rows| {
            let row = keys::of_tenant(keys::IDEMPOTENCY, &record.tenant).text(&record.key);
            match load::<IdempotencyRecord>(rows, &row)? {
                Some(known) if known.fingerprint != record.fingerprint => Ok(Idempotency::Mismatch),
                Some(IdempotencyRecord { response: Some(response), .. }) => Ok(Idempotency::Replay(response)),
                // whoever began it a minute ago and has not answered has died
                Some(known) if now.duration_since(known.at) < SignedDuration::from_secs(60) => {
                    Ok(Idempotency::UnderWay)
                }
                _ => save(rows, row, &record).map(|()| Idempotency::Fresh),
            }
        })
        .await
    }

    /// Remembers the answer to a request that [`Store::begin_request`] called fresh.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn remember(&self, tenant: &Tenant, key: &str, response: StoredResponse) -> Result<(), StoreError> {
        let row = keys::of_tenant(keys::IDEMPOTENCY, tenant).text(key);
        self.write(move |rows| {
            let Some(mut record) = load::<IdempotencyRecord>(rows, &row)? else { return Ok(()) };
            record.response = Some(response.clone());
            save(rows, row.clone(), &record)
        })
        .await
    }

    /// A named value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        let key = keys::meta(&format!("value {name}"));
        self.read(move |rows| load(rows, &key)).await
    }

    /// Sets a named value.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn put_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let (key, value) = (keys::meta(&format!("value {name}")), value.to_owned());
        self.write(move |rows| save(rows, key.clone(), &value)).await
    }
}

async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(StoreError::gone()))
}

#[cfg(test)]
mod contract;
