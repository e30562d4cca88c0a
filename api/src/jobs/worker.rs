//! A worker: claims, runs under a lease with heartbeat, time limit and cancellation, and ends each job once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use scanner::policy::Ignore;
use scanner::{Report, Stop};
use tokio::sync::watch;
use tracing::Instrument as _;

use super::git::{self, Prepared, RunError};
use super::{Digests, Shop, answer, random, retry, sweep};
use crate::store::record::{
    ErrorClass, IgnoreRule, JobKind, JobRecord, LeaseToken, Outcome, Priority, ScanFinding, ScanId, ScanRecord,
    ScanSpec,
};
use crate::store::{Claim, Committed, ScanCommit, StoreError};

const LEASE: SignedDuration = SignedDuration::from_secs(60);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often it is asked whether the job was cancelled.
const ASKED: Duration = Duration::from_secs(1);
/// How often it is looked at what this process itself knows.
const LOOKED: Duration = Duration::from_millis(200);
const IDLE: Duration = Duration::from_millis(250);
/// How long a run that was told to stop may take to do so.
const LAST_BREATH: Duration = Duration::from_secs(120);

/// The least urgent work of each worker of a process: one of several is kept free of the night's work, so that a push never waits for it,
/// and one more only answers, so that a forge is told while all others scan.
pub(super) fn least_urgent(workers: usize) -> Vec<Priority> {
    let mut of = vec![Priority::Sweep; workers];
    if let [first, _, ..] = of.as_mut_slice() {
        *first = Priority::Ci;
    }
    of.push(Priority::Answer);
    of
}

/// Works until asked to stop, on nothing less urgent than `least`.
pub(super) async fn run(shop: Arc<Shop>, number: usize, least: Priority, mut stop: watch::Receiver<bool>) {
    let name = format!("{}-{number}", shop.process);
    while !*stop.borrow() {
        let claim = Claim {
            worker: name.clone(),
            token: LeaseToken::fresh(),
            lease: LEASE,
            least,
            host_cap: shop.limits.per_host,
            running_cap: shop.limits.in_all,
            max_attempts: retry::MAX_ATTEMPTS,
        };
        let token = claim.token;
        match shop.store.claim(claim, Timestamp::now()).await {
            Ok(Some(job)) => {
                let span = tracing::info_span!("job", job = %job.id, request_id = %job.request_id);
                if let Err(error) = work(&shop, &job, token).instrument(span).await {
                    tracing::error!(%error, job = %job.id, "the job's end could not be written; its lease will run out");
                }
            }
            Ok(None) => {
                // an error means that nobody can ask any more: the pause goes on
                let _ = tokio::time::timeout(IDLE, stop.changed()).await;
            }
            Err(error) => {
                tracing::error!(%error, "no job can be claimed");
                let _ = tokio::time::timeout(Duration::from_secs(5), stop.changed()).await;
            }
        }
    }
}

/// Why a run was told to stop.
enum Stopped {
    Cancelled,
    LeaseLost,
    TimeLimit,
    CutOff,
    /// Something more urgent waits, and this can go on later where it is.
    GiveWay,
}

/// How a run ended by itself.
enum Ended {
    Committed(Option<Committed>),
    Failed(RunError),
    Done,
    Interrupted,
}

async fn work(shop: &Arc<Shop>, job: &JobRecord, token: LeaseToken) -> Result<(), StoreError> {
    tracing::info!(kind = job.job.as_str(), attempt = job.attempts, "begun");
    let kind = job.job.as_str();
    let begun = Timestamp::now();
    let waited = begun.duration_since(job.created_at.max(job.ready_at)).as_secs_f64();
    metrics::histogram!("secretarybird_job_wait_seconds", "kind" => kind).record(waited.max(0.0));
    let stop = Arc::new(AtomicBool::new(false));
    let (own_shop, own_job, own_stop) = (Arc::clone(shop), job.clone(), Arc::clone(&stop));
    let task = async move { perform(&own_shop, &own_job, &own_stop).await };
    let mut running = tokio::spawn(task.instrument(tracing::Span::current()));
    let ended = tokio::select! {
        ended = &mut running => Ok(ended.unwrap_or_else(|_| Ok(gave_up()))?),
        stopped = watch_over(shop, job, token) => Err(stopped),
    };
    stop.store(true, Ordering::SeqCst);
    let written = match ended {
        Ok(ended) => finish(shop, job, token, Ok(ended)).await,
        Err(Ok(stopped)) => finish(shop, job, token, Err(stopped)).await,
        Err(Err(error)) => Err(error),
    };
    // whoever was told to stop is waited for, so that there is never more work under way than there are workers
    if !running.is_finished()
        && !shop.cut_off.load(Ordering::SeqCst)
        && tokio::time::timeout(LAST_BREATH, running).await.is_err()
    {
        tracing::error!("a run that was told to stop goes on; nothing of it will be kept");
    }
    metrics::histogram!("secretarybird_job_duration_seconds", "kind" => kind)
        .record(Timestamp::now().duration_since(begun).as_secs_f64());
    written
}

fn gave_up() -> Ended {
    Ended::Failed(RunError::new(ErrorClass::Internal, "the worker gave up on this job"))
}

/// Writes how a run ended, where its own commit has not.
async fn finish(
    shop: &Arc<Shop>,
    job: &JobRecord,
    token: LeaseToken,
    ended: Result<Ended, Stopped>,
) -> Result<(), StoreError> {
    let now = Timestamp::now();
    let outcome = match ended {
        Ok(Ended::Committed(Some(committed))) => {
            tracing::info!(opened = committed.opened, fixed = committed.fixed, "committed");
            count(job, "done");
            return Ok(());
        }
        Ok(Ended::Committed(None)) | Err(Stopped::LeaseLost) => {
            tracing::warn!("somebody else has the job; nothing was committed");
            count(job, "lost");
            return Ok(());
        }
        Ok(Ended::Done) => Outcome::Done,
        Ok(Ended::Interrupted) | Err(Stopped::CutOff | Stopped::GiveWay) => Outcome::Released,
        Ok(Ended::Failed(error)) => retry::after(error.at(now), job.attempts, random()),
        Err(Stopped::Cancelled) => Outcome::Cancelled,
        Err(Stopped::TimeLimit) => {
            let reason = format!("took longer than {} minutes", shop.limits.minutes);
            retry::after(RunError::new(ErrorClass::TimedOut, reason).at(now), job.attempts, random())
        }
    };
    if let Outcome::Retry { error, .. } | Outcome::Dead(error) = &outcome {
        tracing::warn!(class = ?error.class, reason = %error.reason, "failed");
    }
    if let (Outcome::Dead(error), JobKind::Scan(spec)) = (&outcome, &job.job) {
        answer::give_up(shop, job, spec, &error.reason).await?;
    }
    let state = shop.store.finish(job.id, token, outcome, now).await?;
    count(job, state.map_or("lost", |state| state.as_str()));
    Ok(())
}

fn count(job: &JobRecord, state: &'static str) {
    metrics::counter!("secretarybird_jobs_ended_total", "kind" => job.job.as_str(), "state" => state).increment(1);
}

/// Keeps the lease, and returns when the run has to stop.
async fn watch_over(shop: &Arc<Shop>, job: &JobRecord, token: LeaseToken) -> Result<Stopped, StoreError> {
    let begun = tokio::time::Instant::now();
    let limit = Duration::from_secs(shop.limits.minutes * 60);
    let (mut beat, mut asked) = (begun + HEARTBEAT, begun + ASKED);
    loop {
        tokio::time::sleep(LOOKED).await;
        if shop.cut_off.load(Ordering::SeqCst) {
            return Ok(Stopped::CutOff);
        }
        if begun.elapsed() > limit {
            return Ok(Stopped::TimeLimit);
        }
        let now = tokio::time::Instant::now();
        if now >= beat {
            // a sweep keeps its place; a scan would have to begin again
            let sweeps = matches!(job.job, JobKind::Sweep { .. });
            if sweeps && shop.store.waits_before(job.priority, Timestamp::now()).await? {
                return Ok(Stopped::GiveWay);
            }
            match shop.store.heartbeat(job.id, token, LEASE, Timestamp::now()).await? {
                None => return Ok(Stopped::LeaseLost),
                Some(true) => return Ok(Stopped::Cancelled),
                Some(false) => {}
            }
            beat = tokio::time::Instant::now() + HEARTBEAT;
        } else if now >= asked {
            // read only: moving the lease is a write, and not needed so often
            let kept = shop.store.job(&job.tenant, job.id).await?;
            if kept.is_some_and(|kept| kept.held_by(token) && kept.cancel_requested) {
                return Ok(Stopped::Cancelled);
            }
            asked = tokio::time::Instant::now() + ASKED;
        }
    }
}

async fn perform(shop: &Arc<Shop>, job: &JobRecord, stop: &Arc<AtomicBool>) -> Result<Ended, StoreError> {
    match &job.job {
        JobKind::Scan(spec) => scan(shop, job, spec, stop).await,
        JobKind::Sweep { sweep } => Ok(match sweep::run(shop, job, *sweep, stop).await? {
            Ok(true) => Ended::Done,
            Ok(false) => Ended::Interrupted,
            Err(error) => Ended::Failed(error),
        }),
        JobKind::Answer(spec) => Ok(match answer::run(shop, job, spec).await? {
            Ok(()) => Ended::Done,
            Err(error) => Ended::Failed(error),
        }),
    }
}

async fn scan(shop: &Arc<Shop>, job: &JobRecord, spec: &ScanSpec, stop: &Arc<AtomicBool>) -> Result<Ended, StoreError> {
    let Some(lease) = &job.lease else { return Ok(Ended::Interrupted) };
    let Some(repository) = shop.store.repository(&job.tenant, &spec.repository).await? else {
        return Ok(Ended::Failed(RunError::new(ErrorClass::NotFound, "the repository was deleted")));
    };
    let started_at = Timestamp::now();
    answer::begin(shop, job, spec, &repository).await;
    let access = match shop.way.to(&repository).await {
        Ok(access) => access,
        Err(error) => return Ok(Ended::Failed(error)),
    };
    let (shop_, repository_, spec_, stop_) = (Arc::clone(shop), repository.clone(), spec.clone(), Arc::clone(stop));
    let prepared = blocking(move || git::prepare(&shop_.mirrors, &repository_, &spec_, &access, &stop_)).await;
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Ended::Failed(error)),
    };
    let digests = shop.look.digests();
    if let Some(commit) = prepared.commit.map(|commit| commit.to_string()) {
        let known = shop.store.scan_of_commit(&job.tenant, &repository.id, &commit).await?;
        if let Some(known) = known.filter(|known| answers(known, &prepared, &digests)) {
            // scanned before, and perhaps not told under this ref: a branch that became a pull request
            let reference = spec.reference.as_deref().or(known.reference.as_deref());
            if let Some(answer) = answer::job(shop, &repository, known.id, reference, job, Timestamp::now()) {
                shop.store.enqueue(answer, Timestamp::now()).await?;
            }
            return Ok(Ended::Done);
        }
    }
    let (shop_, repository_, prepared_) = (Arc::clone(shop), repository.clone(), prepared.clone());
    let stop_ = Arc::clone(stop);
    let looked = blocking(move || {
        let now = Timestamp::now();
        let report = shop_.look.look(&repository_, &prepared_, now, Stop::when(&stop_))?;
        Ok((report, shop_.look.ignores(&prepared_, now)?))
    });
    let (report, ignores) = match looked.await {
        // nobody wants it any more
        _ if stop.load(Ordering::SeqCst) => return Ok(Ended::Interrupted),
        Ok(looked) => looked,
        Err(error) => return Ok(Ended::Failed(error)),
    };
    let now = Timestamp::now();
    let mut scan = record(job, &repository.id, &prepared, &digests, &report, (started_at, now));
    scan.ignores = ignores.iter().map(rule).collect();
    let secrets: Vec<_> =
        report.findings.iter().map(|finding| (finding.id.clone(), git::commits_of(finding))).collect();
    let (prepared_, stop_) = (prepared.clone(), Arc::clone(stop));
    match blocking(move || git::out_of_reach(&prepared_, secrets, Stop::when(&stop_))).await {
        _ if stop.load(Ordering::SeqCst) => return Ok(Ended::Interrupted),
        Ok(elsewhere) => scan.findings.retain(|finding| !elsewhere.contains(&finding.id)),
        Err(error) => return Ok(Ended::Failed(error)),
    }
    let reference = spec.reference.as_deref().or(scan.reference.as_deref());
    let follow_up = answer::job(shop, &repository, scan.id, reference, job, now).into_iter().collect();
    let commit = ScanCommit { job: Some((job.id, lease.token)), scan, report, follow_up };
    Ok(Ended::Committed(shop.store.commit_scan(commit, now).await?))
}

/// Whether a scan that is kept answers for this one: same commit, same rules, same advisories, same standing, nothing left out.
fn answers(known: &ScanRecord, prepared: &Prepared, digests: &Digests) -> bool {
    known.complete
        && known.rules_digest == digests.rules
        && known.advisories_digest == digests.advisories
        && (known.tracked || !prepared.tracked)
        && known.base == prepared.base.map(|base| base.to_string())
}

fn record(
    job: &JobRecord,
    repository: &crate::store::record::RepositoryId,
    prepared: &Prepared,
    digests: &Digests,
    report: &Report,
    (started_at, committed_at): (Timestamp, Timestamp),
) -> ScanRecord {
    let gaps = report.diagnostics.iter().filter(|diagnostic| diagnostic.gap);
    let gap = |diagnostic: &scanner::Diagnostic| match &diagnostic.path {
        Some(path) => format!("{path}: {}", diagnostic.reason),
        None => diagnostic.reason.clone(),
    };
    ScanRecord {
        id: ScanId::fresh(),
        tenant: job.tenant.clone(),
        repository: repository.clone(),
        commit: prepared.commit.map(|commit| commit.to_string()),
        reference: prepared.reference.clone(),
        tracked: prepared.tracked,
        base: prepared.base.map(|base| base.to_string()),
        complete: report.complete,
        rules_digest: digests.rules.clone(),
        advisories_digest: digests.advisories.clone(),
        advisories: report.advisories.clone(),
        job: Some(job.id),
        request_id: job.request_id.clone(),
        started_at,
        committed_at,
        findings: report.findings.iter().map(ScanFinding::of).collect(),
        gaps: gaps.map(gap).collect(),
        ignores: Vec::new(),
        report_bytes: 0,
    }
}

fn rule(ignore: &Ignore) -> IgnoreRule {
    IgnoreRule { id: ignore.id().to_owned(), reason: ignore.reason.clone(), until: ignore.until, by: ignore.by.clone() }
}

/// Runs blocking work; a panic in it is our fault and fails this job only.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    let ended = tokio::task::spawn_blocking(work).await;
    // the panic's own message may quote what was scanned
    ended.unwrap_or_else(|_| Err(RunError::new(ErrorClass::Internal, "the scanner gave up on this repository")))
}
