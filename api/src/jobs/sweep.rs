//! The sweep: lists the refs of every repository and asks for scans of what moved. A crash loses at most the repository under way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::git::{self, Refs, RunError};
use crate::store::record::{
    ErrorClass, JobKind, JobRecord, NewJob, Priority, RepositoryRecord, ScanSpec, SweepId, SweepRecord, SweepState,
    Trigger,
};
use crate::store::{Store, StoreError};

const PAGE: usize = 100;
const NAMED_FAILURES: usize = 100;

/// The record of a sweep that begins.
#[must_use]
pub fn begun(id: SweepId, job: &JobRecord, now: Timestamp) -> SweepRecord {
    SweepRecord {
        id,
        tenant: job.tenant.clone(),
        state: SweepState::Running,
        started_at: now,
        finished_at: None,
        cursor: None,
        listed: 0,
        changed: 0,
        queued: 0,
        failures: Vec::new(),
        failed: 0,
        full: false,
    }
}

/// Runs a sweep, or goes on with it. False when it was told to stop, or lost its lease.
pub(super) async fn run(
    store: &Store,
    job: &JobRecord,
    id: SweepId,
    stop: &Arc<AtomicBool>,
) -> Result<Result<bool, RunError>, StoreError> {
    let Some(fence) = job.lease.as_ref().map(|lease| (job.id, lease.token)) else { return Ok(Ok(false)) };
    let mut sweep = match store.sweep(&job.tenant, id).await? {
        Some(sweep) => sweep,
        None => begun(id, job, Timestamp::now()),
    };
    loop {
        let page = store.repositories(&job.tenant, sweep.cursor.as_ref(), PAGE).await?;
        if page.is_empty() {
            break;
        }
        for repository in page {
            if stop.load(Ordering::Relaxed) {
                return Ok(Ok(false));
            }
            let asked = repository.clone();
            let listed = tokio::task::spawn_blocking(move || git::list_refs(&asked)).await;
            let listed = listed.unwrap_or_else(|error| Err(RunError::new(ErrorClass::Internal, error.to_string())));
            let now = Timestamp::now();
            let (record, scan) = step(&mut sweep, &repository, listed, job, now);
            if !store.sweep_step(fence, sweep.clone(), record, scan, now).await? {
                return Ok(Ok(false));
            }
        }
    }
    sweep.state = SweepState::Done;
    sweep.finished_at = Some(Timestamp::now());
    Ok(Ok(store.sweep_step(fence, sweep, None, None, Timestamp::now()).await?))
}

/// What one repository's refs mean for the sweep.
fn step(
    sweep: &mut SweepRecord,
    repository: &RepositoryRecord,
    listed: Result<Refs, RunError>,
    job: &JobRecord,
    now: Timestamp,
) -> (Option<RepositoryRecord>, Option<NewJob>) {
    sweep.cursor = Some(repository.id.clone());
    let found = match listed {
        Ok(found) => found,
        Err(error) => {
            sweep.failed += 1;
            if sweep.failures.len() < NAMED_FAILURES {
                sweep.failures.push((repository.id.clone(), error.reason));
            }
            return (None, None);
        }
    };
    sweep.listed += 1;
    let named = repository
        .default_branch
        .as_ref()
        .map(|branch| format!("refs/heads/{}", branch.trim_start_matches("refs/heads/")));
    let reference = named.or(found.head);
    let head = reference.as_ref().and_then(|name| found.refs.get(name)).cloned();
    let moved = head.is_some() && (sweep.full || head != repository.head_commit);
    let record = RepositoryRecord { refs: found.refs, listed_at: Some(now), ..repository.clone() };
    if !moved {
        return (Some(record), None);
    }
    sweep.changed += 1;
    sweep.queued += 1;
    let spec = ScanSpec {
        repository: repository.id.clone(),
        reference: reference.clone(),
        commit: head,
        base: repository.head_commit.clone(),
        trigger: Trigger::Sweep,
    };
    let scan = NewJob {
        tenant: repository.tenant.clone(),
        kind: JobKind::Scan(spec),
        priority: Priority::Sweep,
        organisation: repository.organisation.clone(),
        host: repository.host.clone(),
        coalesce: Some(coalesce_key(repository, reference.as_deref())),
        request_id: job.request_id.clone(),
        ready_at: now,
        sweep: Some(sweep.id),
    };
    (Some(record), Some(scan))
}

/// Scans of one ref wait as one.
#[must_use]
pub fn coalesce_key(repository: &RepositoryRecord, reference: Option<&str>) -> String {
    format!("{}|{}", repository.id, reference.unwrap_or("HEAD"))
}
