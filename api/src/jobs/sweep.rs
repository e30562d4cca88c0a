//! The sweep: asks the forges which repositories there are, lists the refs of every one and asks for scans of what moved or would now be
//! judged otherwise. Every step is durable; a sweep that was broken off goes on where it was.

mod discover;
pub mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use scanner::repository::Refs;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::git::{self, RunError};
use super::{Digests, HOST_CAP, Shop};
use crate::store::StoreError;
use crate::store::SweepStep;
use crate::store::record::{
    Did, ErrorClass, JobId, JobKind, JobRecord, LeaseToken, NewJob, Priority, RepositoryRecord, ScanRecord, ScanSpec,
    Standing, SweepId, SweepRecord, SweepState, Swept, Trigger,
};
use crate::telemetry::metric;

const PAGE: usize = 100;
const NAMED_FAILURES: usize = 100;
/// Repositories whose refs are listed at once.
const AT_ONCE: usize = 16;

/// A sweep under way.
struct Sweeper<'s> {
    shop: &'s Arc<Shop>,
    job: &'s JobRecord,
    fence: (JobId, LeaseToken),
    digests: Digests,
    sweep: SweepRecord,
}

/// Runs a sweep, or goes on with it. False when it was told to stop, or lost its lease.
pub(super) async fn run(
    shop: &Arc<Shop>,
    job: &JobRecord,
    id: SweepId,
    stop: &Arc<AtomicBool>,
) -> Result<Result<bool, RunError>, StoreError> {
    let Some(fence) = job.lease.as_ref().map(|lease| (job.id, lease.token)) else { return Ok(Ok(false)) };
    let sweep = match shop.store.sweep(&job.tenant, id).await? {
        Some(sweep) => sweep,
        None => SweepRecord::begin(id, &job.tenant, false, Timestamp::now()),
    };
    let mut sweeper = Sweeper { shop, job, fence, digests: shop.look.digests(), sweep };
    if !sweeper.discover(stop).await? {
        return Ok(Ok(false));
    }
    loop {
        let after = sweeper.sweep.cursor.clone();
        let page = shop.store.repositories(&job.tenant, after.as_ref(), PAGE).await?;
        let Some(last) = page.last().map(|repository| repository.id.clone()) else { break };
        if !sweeper.list_page(page, stop).await? {
            return Ok(Ok(false));
        }
        sweeper.sweep.cursor = Some(last);
        if !sweeper.keep(None, None, vec![]).await? {
            return Ok(Ok(false));
        }
    }
    sweeper.sweep.state = SweepState::Done;
    sweeper.sweep.finished_at = Some(Timestamp::now());
    Ok(Ok(sweeper.keep(None, None, vec![]).await?))
}

impl Sweeper<'_> {
    async fn keep(
        &self,
        listed: Option<RepositoryRecord>,
        scan: Option<(NewJob, Swept)>,
        lines: Vec<Swept>,
    ) -> Result<bool, StoreError> {
        let step = SweepStep { sweep: self.sweep.clone(), listed, scan, lines };
        self.shop.store.sweep_step(self.fence, step, Timestamp::now()).await
    }

    /// Lists the refs of a page of repositories, several at once, and never more of one host than may be cloned at once.
    async fn list_page(&mut self, page: Vec<RepositoryRecord>, stop: &AtomicBool) -> Result<bool, StoreError> {
        let all = Arc::new(Semaphore::new(AT_ONCE));
        let mut hosts = HashMap::<String, Arc<Semaphore>>::new();
        let mut listings = JoinSet::new();
        for repository in page {
            // done before the sweep was broken off
            if self.shop.store.is_swept(&self.job.tenant, self.sweep.id, &repository.id).await? {
                continue;
            }
            if repository.standing != Standing::Active {
                let reason = repository.standing.as_str();
                self.sweep.skip(reason);
                if !self.keep(None, None, vec![line(&repository, Did::Skipped { reason: reason.to_owned() })]).await? {
                    return Ok(false);
                }
                continue;
            }
            let host = hosts.entry(repository.host.clone()).or_insert_with(|| Arc::new(Semaphore::new(HOST_CAP)));
            let (shop, all, host) = (Arc::clone(self.shop), Arc::clone(&all), Arc::clone(host));
            listings.spawn(async move {
                // neither is ever closed
                let _turns = (host.acquire_owned().await, all.acquire_owned().await);
                let listed = list(&shop, &repository).await;
                let outcome = if listed.is_ok() { "listed" } else { "failed" };
                metrics::counter!(metric::SWEEP_LISTINGS, "outcome" => outcome).increment(1);
                (repository, listed)
            });
        }
        while let Some(listed) = listings.join_next().await {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let (repository, listed) = match listed {
                Ok(listed) => listed,
                Err(error) => return Err(StoreError::Failed(format!("a listing ended badly: {error}"))),
            };
            let last = match repository.head_scan {
                Some(id) => self.shop.store.scan(&self.job.tenant, id).await?,
                None => None,
            };
            let now = Timestamp::now();
            let Weighed { record, scan, line } = self.weigh(&repository, listed, last.as_ref(), now);
            let kept = match scan {
                Some(scan) => self.keep(record, Some((scan, line)), vec![]).await?,
                None => self.keep(record, None, vec![line]).await?,
            };
            if !kept {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What one repository's refs mean for the sweep.
    fn weigh(
        &mut self,
        repository: &RepositoryRecord,
        listed: Result<Refs, RunError>,
        last: Option<&ScanRecord>,
        now: Timestamp,
    ) -> Weighed {
        let sweep = &mut self.sweep;
        let found = match listed {
            Ok(found) => found,
            Err(error) => {
                sweep.failed += 1;
                if sweep.failures.len() < NAMED_FAILURES {
                    sweep.failures.push((repository.id.clone(), error.reason.clone()));
                }
                return Weighed {
                    record: None,
                    scan: None,
                    line: line(repository, Did::Failed { reason: error.reason }),
                };
            }
        };
        sweep.listed += 1;
        let named = repository
            .default_branch
            .as_ref()
            .map(|branch| format!("refs/heads/{}", branch.trim_start_matches("refs/heads/")));
        let reference = named.filter(|name| found.refs.contains_key(name)).or(found.head);
        let head = reference.as_ref().and_then(|name| found.refs.get(name)).cloned();
        let reason = match &head {
            None => Err("empty"),
            Some(_) if sweep.full => Ok("asked to scan everything"),
            Some(_) if repository.head_commit.is_none() => Ok("never scanned"),
            Some(_) if head != repository.head_commit => Ok("moved"),
            Some(_) => otherwise(last, &self.digests).ok_or("unchanged"),
        };
        let record = RepositoryRecord { refs: found.refs, listed_at: Some(now), ..repository.clone() };
        let reason = match reason {
            Ok(reason) => reason.to_owned(),
            Err(reason) => {
                sweep.skip(reason);
                let line = line(repository, Did::Skipped { reason: reason.to_owned() });
                return Weighed { record: Some(record), scan: None, line };
            }
        };
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
            request_id: self.job.request_id.clone(),
            ready_at: now,
            sweep: Some(sweep.id),
        };
        // the job's identity is known once it is queued
        let line = line(repository, Did::Skipped { reason });
        Weighed { record: Some(record), scan: Some(scan), line }
    }
}

/// What is to be kept about one repository.
struct Weighed {
    /// With its refs, where they were listed.
    record: Option<RepositoryRecord>,
    /// The scan it needs.
    scan: Option<NewJob>,
    line: Swept,
}

/// Whether a scan of the same commit would now come to another end.
fn otherwise(last: Option<&ScanRecord>, digests: &Digests) -> Option<&'static str> {
    match last {
        None => Some("never scanned"),
        Some(last) if last.rules_digest != digests.rules => Some("the rules changed"),
        Some(last) if last.advisories_digest != digests.advisories => Some("the advisories changed"),
        Some(_) => None,
    }
}

fn line(repository: &RepositoryRecord, did: Did) -> Swept {
    Swept { name: repository.name.clone(), repository: Some(repository.id.clone()), did, at: Timestamp::now() }
}

/// Lists refs within a time limit: a silent server costs the sweep this much and no more.
async fn list(shop: &Arc<Shop>, repository: &RepositoryRecord) -> Result<Refs, RunError> {
    let limit = shop.list_limit;
    let access = shop.way.to(repository).await?;
    let asked = repository.clone();
    let listing = tokio::task::spawn_blocking(move || git::list_refs(&asked, &access));
    match tokio::time::timeout(limit, listing).await {
        Ok(Ok(listed)) => listed,
        Ok(Err(error)) => Err(RunError::new(ErrorClass::Internal, error.to_string())),
        Err(_) => Err(too_slow(repository, limit)),
    }
}

fn too_slow(repository: &RepositoryRecord, limit: Duration) -> RunError {
    let reason = format!("`{}`: the refs were not listed within {} seconds", repository.url, limit.as_secs_f64());
    RunError::new(ErrorClass::TimedOut, reason)
}

/// Scans of one ref wait as one.
#[must_use]
pub fn coalesce_key(repository: &RepositoryRecord, reference: Option<&str>) -> String {
    format!("{}|{}", repository.id, reference.unwrap_or("HEAD"))
}
