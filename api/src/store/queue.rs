//! Decisions about deliveries and jobs.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::keys;
use super::record::{
    Changes, DeliveryRecord, Enqueued, JobId, JobKind, JobRecord, JobState, LeaseToken, NewJob, Outcome, Priority,
    RepositoryId, Tenant,
};
use super::rows::{Key, Read, Row, Scope, Write, load, load_many, save, successor};
use super::{Claim, Delivery, Receipt, StoreError};

/// Answers under way beside the jobs that the caps are about.
const ANSWERS: usize = 64;
/// Waiting jobs of one organisation that are looked at in one turn.
const LOOKAHEAD: usize = 16;
/// Waiting jobs that are read at once.
const BATCH: usize = 64;

pub fn job(rows: &(impl Read + ?Sized), id: JobId) -> Result<Option<JobRecord>, StoreError> {
    load(rows, &keys::job(id))
}

/// Writes a job and every row that follows from it; `before` is the job as it was.
fn put(rows: &mut dyn Write, before: Option<&JobRecord>, job: &JobRecord) -> Result<(), StoreError> {
    if let Some(before) = before {
        for key in derived(before) {
            rows.delete(key);
        }
    }
    for key in derived(job) {
        rows.put(key, job.id.as_bytes().to_vec());
    }
    save(rows, keys::job(job.id), job)
}

/// The index rows of a job.
pub fn derived(job: &JobRecord) -> Vec<Vec<u8>> {
    let mut rows = vec![keys::job_by_state(&job.tenant, job.state).inverted(job.id.as_bytes()).done()];
    if let JobKind::Scan(spec) = &job.job
        && let Some(commit) = &spec.commit
    {
        let about = keys::jobs_of_commit(&job.tenant, &spec.repository, commit);
        rows.push(about.inverted(job.id.as_bytes()).done());
    }
    let coalesce = |table| job.coalesce.as_deref().map(|key| keys::coalesce(table, &job.tenant, key).done());
    match (job.state, &job.lease) {
        (JobState::Ready, _) => {
            rows.push(keys::queued(job).done());
            rows.extend(coalesce(keys::BY_COALESCE));
        }
        (JobState::Running, Some(lease)) => {
            rows.push(keys::lease(lease.until, job.id).done());
            rows.extend(coalesce(keys::RUNNING));
        }
        _ => {}
    }
    rows
}

pub fn enqueue(rows: &mut dyn Write, new: NewJob, id: JobId, now: Timestamp) -> Result<Enqueued, StoreError> {
    rows.lock(Scope::Queue)?;
    if let Some(key) = &new.coalesce
        && let Some(waiting) = rows.get(keys::coalesce(keys::BY_COALESCE, &new.tenant, key).bytes())?
        && let Some(before) = job(rows, id_of(&waiting)?)?
    {
        let mut joined = before.clone();
        joined.join(new, now);
        put(rows, Some(&before), &joined)?;
        return Ok(Enqueued::Coalesced(joined.id));
    }
    put(rows, None, &JobRecord::queued(new, id, now))?;
    Ok(Enqueued::New(id))
}

fn id_of(bytes: &[u8]) -> Result<JobId, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| StoreError::index("a job's identity has not 16 bytes"))?;
    Ok(JobId::from_bytes(bytes))
}

pub fn accept(rows: &mut dyn Write, delivery: &Delivery, now: Timestamp) -> Result<Receipt, StoreError> {
    rows.lock(Scope::Queue)?;
    let names: Vec<&String> = std::iter::once(&delivery.id).chain(&delivery.also).collect();
    for name in &names {
        let key = keys::delivery(&delivery.tenant, &delivery.source, name);
        if let Some(known) = load::<DeliveryRecord>(rows, &key)? {
            return Ok(Receipt { duplicate: true, jobs: known.jobs });
        }
    }
    let mut jobs = Vec::new();
    for new in &delivery.jobs {
        jobs.push(enqueue(rows, new.clone(), JobId::fresh(), now)?.id());
    }
    for name in names {
        let record = DeliveryRecord {
            tenant: delivery.tenant.clone(),
            source: delivery.source.clone(),
            id: name.clone(),
            accepted_at: now,
            request_id: delivery.request_id.clone(),
            jobs: jobs.clone(),
        };
        save(rows, keys::delivery(&delivery.tenant, &delivery.source, name), &record)?;
    }
    Ok(Receipt { duplicate: false, jobs })
}

/// Puts back, or gives up, what dead workers held.
fn reap(rows: &mut dyn Write, max_attempts: u32, now: Timestamp) -> Result<(), StoreError> {
    let end = keys::lease(now, JobId::from_bytes([0; 16]));
    give_back(rows, end.bytes(), max_attempts, now)
}

/// Puts back whatever is held: nobody else is at work on the store, so that its holders are dead.
pub fn abandon(rows: &mut dyn Write, max_attempts: u32, now: Timestamp) -> Result<(), StoreError> {
    give_back(rows, &Key::table(keys::LEASE).end(), max_attempts, now)
}

fn give_back(rows: &mut dyn Write, end: &[u8], max_attempts: u32, now: Timestamp) -> Result<(), StoreError> {
    for (_, id) in rows.range(Key::table(keys::LEASE).bytes(), end, 100)? {
        let before = job(rows, id_of(&id)?)?.ok_or_else(|| StoreError::index("a lease of a job that is not there"))?;
        let mut after = before.clone();
        after.expire(max_attempts, now);
        // the retry may find a newer request for the same thing waiting: then that one does the work
        rejoin(rows, &before, after, now)?;
    }
    Ok(())
}

/// Puts a job that is waiting again beside what came while it ran; two waiting jobs never share a coalesce key.
fn rejoin(rows: &mut dyn Write, before: &JobRecord, mut after: JobRecord, now: Timestamp) -> Result<(), StoreError> {
    if after.state == JobState::Ready
        && let Some(key) = &after.coalesce
        && let Some(other) = rows.get(keys::coalesce(keys::BY_COALESCE, &after.tenant, key).bytes())?
        && other != after.id.as_bytes()
    {
        after.end(Outcome::Cancelled, now);
    }
    put(rows, Some(before), &after)
}

pub fn claim(rows: &mut dyn Write, claim: &Claim, now: Timestamp) -> Result<Option<JobRecord>, StoreError> {
    rows.lock(Scope::Queue)?;
    reap(rows, claim.max_attempts, now)?;
    let mut busy = HashMap::<String, usize>::new();
    let leases = Key::table(keys::LEASE);
    let running = rows.range(leases.bytes(), &leases.end(), claim.running_cap + ANSWERS)?;
    for job in listed(rows, running)?.into_iter().filter(|job| job.priority != Priority::Answer) {
        *busy.entry(job.host).or_default() += 1;
    }
    if busy.values().sum::<usize>() >= claim.running_cap && claim.least != Priority::Answer {
        return Ok(None);
    }
    for priority in Priority::ALL.into_iter().filter(|priority| *priority <= claim.least) {
        if let Some(before) = next_turn(rows, priority, claim, &busy, now)? {
            let mut after = before.clone();
            after.lease(claim.token, &claim.worker, claim.lease, now);
            put(rows, Some(&before), &after)?;
            let turn = keys::queue_of(&after).end();
            rows.put(keys::meta(&format!("turn {}", priority.queue())).done(), super::record::codec::encode_raw(&turn));
            return Ok(Some(after));
        }
    }
    Ok(None)
}

/// The first runnable job of the organisation whose turn it is: behind the one served last, and round again.
fn next_turn(
    rows: &dyn Write,
    priority: Priority,
    claim: &Claim,
    busy: &HashMap<String, usize>,
    now: Timestamp,
) -> Result<Option<JobRecord>, StoreError> {
    let table = keys::queue(priority.queue());
    let (start, end) = (table.bytes().to_vec(), table.end());
    let turn = match rows.get(keys::meta(&format!("turn {}", priority.queue())).bytes())? {
        Some(bytes) => super::record::codec::decode_raw(&bytes).map(<[u8]>::to_vec).unwrap_or(start.clone()),
        None => start.clone(),
    };
    let turn = turn.clamp(start.clone(), end.clone());
    for (from, to) in [(turn.clone(), end), (start, turn)] {
        if let Some(job) = first_runnable(rows, from, &to, claim, busy, now)? {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// The first waiting job between two keys that may run now. Hosts at their cap, organisations whose jobs wait for their time and those
/// with [`LOOKAHEAD`] jobs that may not run are passed over.
fn first_runnable(
    rows: &dyn Write,
    mut from: Vec<u8>,
    to: &[u8],
    claim: &Claim,
    busy: &HashMap<String, usize>,
    now: Timestamp,
) -> Result<Option<JobRecord>, StoreError> {
    let mut organisation = (Vec::new(), 0);
    loop {
        let found = rows.range(&from, to, BATCH)?;
        let exhausted = found.len() < BATCH;
        let keys: Vec<_> = found.iter().map(|(key, _)| key.clone()).collect();
        for (key, job) in keys.into_iter().zip(listed(rows, found)?) {
            if key < from {
                continue;
            }
            from = successor(&key);
            let own = keys::queue_of(&job);
            if own.bytes() != organisation.0 {
                organisation = (own.bytes().to_vec(), 0);
            }
            organisation.1 += 1;
            if busy.get(&job.host).copied().unwrap_or(0) >= claim.host_cap {
                from = keys::queue(job.priority.queue()).text(&job.host).end();
            } else if job.ready_at > now || organisation.1 > LOOKAHEAD {
                from = own.end();
            } else if !under_way(rows, &job)? {
                return Ok(Some(job));
            }
        }
        if exhausted || from.as_slice() >= to {
            return Ok(None);
        }
    }
}

fn under_way(rows: &dyn Write, job: &JobRecord) -> Result<bool, StoreError> {
    match job.coalesce.as_deref().map(|key| keys::coalesce(keys::RUNNING, &job.tenant, key)) {
        Some(key) => rows.get(key.bytes()).map(|running| running.is_some()),
        None => Ok(false),
    }
}

/// The jobs that index rows name.
fn listed(rows: &(impl Read + ?Sized), found: Vec<Row>) -> Result<Vec<JobRecord>, StoreError> {
    let ids = found.iter().map(|(_, id)| id_of(id)).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<_> = ids.into_iter().map(|id| keys::job(id).done()).collect();
    let absent = || StoreError::index("a listed job that is not there");
    load_many(rows, &keys)?.into_iter().map(|job| job.ok_or_else(absent)).collect()
}

/// Whether a claim could find anything to do: a waiting job, or a lease that has run out.
pub fn anything(rows: &dyn Read, now: Timestamp) -> Result<bool, StoreError> {
    let waiting = Key::table(keys::QUEUE);
    if !rows.range(waiting.bytes(), &waiting.end(), 1)?.is_empty() {
        return Ok(true);
    }
    let ended = keys::lease(now, JobId::from_bytes([0; 16]));
    Ok(!rows.range(Key::table(keys::LEASE).bytes(), ended.bytes(), 1)?.is_empty())
}

/// Whether work more urgent than `than` waits for its turn, and may run now. Answers have a worker of their own, for which nothing gives way.
pub fn more_urgent(rows: &dyn Read, than: Priority, now: Timestamp) -> Result<bool, StoreError> {
    for priority in Priority::ALL.into_iter().filter(|priority| *priority != Priority::Answer && *priority < than) {
        let table = keys::queue(priority.queue());
        let found = rows.range(table.bytes(), &table.end(), LOOKAHEAD)?;
        if listed(rows, found)?.iter().any(|job| job.ready_at <= now) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves the lease. `None` when it is lost; otherwise whether the job is to stop.
pub fn heartbeat(
    rows: &mut dyn Write,
    id: JobId,
    token: LeaseToken,
    length: SignedDuration,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    rows.lock(Scope::Queue)?;
    let Some(before) = job(rows, id)?.filter(|job| job.held_by(token)) else { return Ok(None) };
    let mut after = before.clone();
    if let Some(lease) = &mut after.lease {
        lease.until = now + length;
    }
    put(rows, Some(&before), &after)?;
    Ok(Some(after.cancel_requested))
}

/// Ends a run. `None` when the lease is lost: somebody else has the job, and nothing changes.
pub fn finish(
    rows: &mut dyn Write,
    id: JobId,
    token: LeaseToken,
    outcome: Outcome,
    scan: Option<super::record::ScanId>,
    now: Timestamp,
) -> Result<Option<JobState>, StoreError> {
    rows.lock(Scope::Queue)?;
    let Some(before) = job(rows, id)?.filter(|job| job.held_by(token)) else { return Ok(None) };
    let mut after = before.clone();
    after.scan = scan.or(after.scan);
    after.end(outcome, now);
    let state = after.state;
    rejoin(rows, &before, after, now)?;
    Ok(Some(state))
}

/// Keeps with a job what its scan changed.
pub fn note_changes(
    rows: &mut dyn Write,
    id: JobId,
    committed: super::Committed,
    whole: bool,
) -> Result<(), StoreError> {
    let Some(mut job) = job(rows, id)? else { return Ok(()) };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    job.changes = Some(Changes {
        opened: count(committed.opened),
        reopened: count(committed.reopened),
        fixed: count(committed.fixed),
        whole,
    });
    save(rows, keys::job(id), &job)
}

/// Changes a job by hand. `None` when there is none of that identity in the tenant, false when its state does not allow it.
pub fn alter(
    rows: &mut dyn Write,
    tenant: &Tenant,
    id: JobId,
    change: impl FnOnce(&mut JobRecord) -> bool,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    rows.lock(Scope::Queue)?;
    let Some(before) = job(rows, id)?.filter(|job| job.tenant == *tenant) else { return Ok(None) };
    let mut after = before.clone();
    if !change(&mut after) {
        return Ok(Some(false));
    }
    rejoin(rows, &before, after, now)?;
    Ok(Some(true))
}

/// Jobs about a commit, the newest first.
pub fn jobs_of_commit(
    rows: &dyn Read,
    tenant: &Tenant,
    repository: &RepositoryId,
    commit: &str,
    limit: usize,
) -> Result<Vec<JobRecord>, StoreError> {
    let prefix = keys::jobs_of_commit(tenant, repository, commit);
    listed(rows, rows.range(prefix.bytes(), &prefix.end(), limit)?)
}

/// Jobs of one state, the newest first.
pub fn jobs(
    rows: &dyn Read,
    tenant: &Tenant,
    state: JobState,
    after: Option<JobId>,
    limit: usize,
) -> Result<Vec<JobRecord>, StoreError> {
    let prefix = keys::job_by_state(tenant, state);
    let from = match after {
        Some(id) => successor(prefix.clone().inverted(id.as_bytes()).bytes()),
        None => prefix.bytes().to_vec(),
    };
    listed(rows, rows.range(&from, &prefix.end(), limit)?)
}
