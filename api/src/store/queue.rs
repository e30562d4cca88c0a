//! Decisions about deliveries and jobs.

use jiff::{SignedDuration, Timestamp};

use super::keys;
use super::record::{
    DeliveryRecord, Enqueued, JobId, JobRecord, JobState, LeaseToken, NewJob, Outcome, Priority, Tenant,
};
use super::rows::{Read, Write, list, load, save, successor};
use super::{Claim, Delivery, Receipt, StoreError};

/// Waiting jobs of one organisation that are looked at in one turn.
const LOOKAHEAD: usize = 16;

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
    let key = keys::delivery(&delivery.tenant, &delivery.source, &delivery.id);
    if let Some(known) = load::<DeliveryRecord>(rows, &key)? {
        return Ok(Receipt { duplicate: true, jobs: known.jobs });
    }
    let mut jobs = Vec::new();
    for new in &delivery.jobs {
        jobs.push(enqueue(rows, new.clone(), JobId::fresh(), now)?.id());
    }
    let record = DeliveryRecord {
        tenant: delivery.tenant.clone(),
        source: delivery.source.clone(),
        id: delivery.id.clone(),
        accepted_at: now,
        request_id: delivery.request_id.clone(),
        jobs: jobs.clone(),
    };
    save(rows, key, &record)?;
    Ok(Receipt { duplicate: false, jobs })
}

/// Puts back, or gives up, what dead workers held.
fn reap(rows: &mut dyn Write, max_attempts: u32, now: Timestamp) -> Result<(), StoreError> {
    let table = keys::lease(Timestamp::UNIX_EPOCH, JobId::from_bytes([0; 16]));
    let end = keys::lease(now, JobId::from_bytes([0; 16]));
    for (_, id) in rows.range(table.bytes(), end.bytes(), 100)? {
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
    reap(rows, claim.max_attempts, now)?;
    let mut busy = std::collections::HashMap::<String, usize>::new();
    let leases = super::rows::Key::table(keys::LEASE);
    let running = rows.range(leases.bytes(), &leases.end(), claim.running_cap)?;
    if running.len() >= claim.running_cap {
        return Ok(None);
    }
    for (_, id) in running {
        if let Some(job) = job(rows, id_of(&id)?)? {
            *busy.entry(job.host).or_default() += 1;
        }
    }
    for priority in Priority::ALL {
        if let Some(before) = next_turn(rows, priority, claim, &busy, now)? {
            let mut after = before.clone();
            after.lease(claim.token, &claim.worker, claim.lease, now);
            put(rows, Some(&before), &after)?;
            let turn = keys::queue(priority.rank()).text(&after.organisation).end();
            rows.put(keys::meta(&format!("turn {}", priority.rank())).done(), super::record::codec::encode_raw(&turn));
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
    busy: &std::collections::HashMap<String, usize>,
    now: Timestamp,
) -> Result<Option<JobRecord>, StoreError> {
    let table = keys::queue(priority.rank());
    let (start, end) = (table.bytes().to_vec(), table.end());
    let turn = match rows.get(keys::meta(&format!("turn {}", priority.rank())).bytes())? {
        Some(bytes) => super::record::codec::decode_raw(&bytes).map(<[u8]>::to_vec).unwrap_or(start.clone()),
        None => start.clone(),
    };
    let turn = turn.clamp(start.clone(), end.clone());
    for (from, to) in [(turn.clone(), end), (start, turn)] {
        let mut from = from;
        while let Some((_, id)) = rows.range(&from, &to, 1)?.into_iter().next() {
            let first = queued(rows, &id)?;
            let organisation = keys::queue(priority.rank()).text(&first.organisation);
            for (_, id) in rows.range(organisation.bytes(), &organisation.end(), LOOKAHEAD)? {
                let job = queued(rows, &id)?;
                if job.ready_at > now {
                    break;
                }
                let same = job.coalesce.as_deref().map(|key| keys::coalesce(keys::RUNNING, &job.tenant, key));
                let under_way = match same {
                    Some(key) => rows.get(key.bytes())?.is_some(),
                    None => false,
                };
                if !under_way && busy.get(&job.host).copied().unwrap_or(0) < claim.host_cap {
                    return Ok(Some(job));
                }
            }
            from = organisation.end();
        }
    }
    Ok(None)
}

fn queued(rows: &dyn Write, id: &[u8]) -> Result<JobRecord, StoreError> {
    job(rows, id_of(id)?)?.ok_or_else(|| StoreError::index("a queued job that is not there"))
}

/// Moves the lease. `None` when it is lost; otherwise whether the job is to stop.
pub fn heartbeat(
    rows: &mut dyn Write,
    id: JobId,
    token: LeaseToken,
    length: SignedDuration,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
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
    let Some(before) = job(rows, id)?.filter(|job| job.held_by(token)) else { return Ok(None) };
    let mut after = before.clone();
    after.scan = scan.or(after.scan);
    after.end(outcome, now);
    let state = after.state;
    rejoin(rows, &before, after, now)?;
    Ok(Some(state))
}

/// Changes a job by hand. `None` when there is none of that identity in the tenant, false when its state does not allow it.
pub fn alter(
    rows: &mut dyn Write,
    tenant: &Tenant,
    id: JobId,
    change: impl FnOnce(&mut JobRecord) -> bool,
    now: Timestamp,
) -> Result<Option<bool>, StoreError> {
    let Some(before) = job(rows, id)?.filter(|job| job.tenant == *tenant) else { return Ok(None) };
    let mut after = before.clone();
    if !change(&mut after) {
        return Ok(Some(false));
    }
    rejoin(rows, &before, after, now)?;
    Ok(Some(true))
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
    let ids = rows.range(&from, &prefix.end(), limit)?;
    let read = |(_, id): (Vec<u8>, Vec<u8>)| {
        job(rows, id_of(&id)?)?.ok_or_else(|| StoreError::index("a listed job that is not there"))
    };
    ids.into_iter().map(read).collect()
}

/// Removes what ended before `before`: jobs, deliveries, remembered answers. Gives how many rows went.
pub fn prune(rows: &mut dyn Write, tenant: &Tenant, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let mut removed = 0;
    for state in JobState::ALL.into_iter().filter(|state| state.is_final()) {
        let prefix = keys::job_by_state(tenant, state);
        // the oldest stand last
        let oldest = prefix.clone().inverted(&oldest_id(before));
        for (_, id) in rows.range(oldest.bytes(), &prefix.end(), limit)? {
            let Some(job) = job(rows, id_of(&id)?)?.filter(|job| job.updated_at < before) else { continue };
            for key in derived(&job) {
                rows.delete(key);
            }
            rows.delete(keys::job(job.id).done());
            removed += 1;
        }
    }
    let deliveries = list::<DeliveryRecord>(rows, &keys::of_tenant(keys::DELIVERY, tenant), None, limit)?;
    let answers =
        list::<super::record::IdempotencyRecord>(rows, &keys::of_tenant(keys::IDEMPOTENCY, tenant), None, limit)?;
    let old = deliveries.into_iter().filter(|(_, record)| record.accepted_at < before).map(|(key, _)| key);
    let old = old.chain(answers.into_iter().filter(|(_, record)| record.at < before).map(|(key, _)| key));
    for key in old.collect::<Vec<_>>() {
        rows.delete(key);
        removed += 1;
    }
    Ok(removed)
}

/// The least identity of version 7 that a job made at `time` can have.
fn oldest_id(time: Timestamp) -> [u8; 16] {
    let mut bytes = [0; 16];
    let millis = u64::try_from(time.as_millisecond()).unwrap_or(0).to_be_bytes();
    bytes[..6].copy_from_slice(&millis[2..]);
    bytes
}
