//! What is removed after a time, so that the store does not only grow. Open, accepted and revoked findings never are, nor what still has
//! to be done.

use jiff::{SignedDuration, Timestamp};

use super::operate::STEP;
use super::record::{
    AuditRecord, DeliveryRecord, FindingRecord, FindingState, IdempotencyRecord, JobRecord, MessageRecord,
    MessageState, OutboxEvent, SweepRecord, SweepState, Swept, Tenant,
};
use super::rows::{Key, Read, Row, Scope, Write, decode, successor};
use super::{Store, StoreError, findings, keys, outbox, queue};

/// How long what is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Jobs that have ended, deliveries, remembered answers, sweeps, messages that were given up, and scans beyond `scans`.
    pub records: SignedDuration,
    /// Scans of each repository that are kept however old; the head's is kept in any case.
    pub scans: usize,
    /// Findings that are fixed.
    pub fixed: SignedDuration,
    /// Events that nobody told.
    pub events: SignedDuration,
    /// The audit trail.
    pub audit: SignedDuration,
}

const TABLES: [u8; 9] = [
    keys::AUDIT,
    keys::DELIVERY,
    keys::IDEMPOTENCY,
    keys::JOB,
    keys::SWEEP,
    keys::SWEPT,
    keys::MESSAGE,
    keys::OUTBOX,
    keys::FINDING,
];

impl Store {
    /// Removes what is older than it is kept for. Gives how many records went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retain(&self, tenant: &Tenant, kept: Retention, now: Timestamp) -> Result<usize, StoreError> {
        let mut removed = 0;
        for table in TABLES {
            let mut from = Key::table(table).done();
            loop {
                let start = from.clone();
                // looked for outside of a decision: most of what is walked over stays
                let (old, last) = self.read(move |rows| old(rows, table, &start, kept, now)).await?;
                if !old.is_empty() {
                    removed += self.write(move |rows| remove(rows, table, &old, kept, now)).await?;
                }
                match last {
                    Some(last) => from = successor(&last),
                    None => break,
                }
            }
        }
        let mut after = None;
        loop {
            let page = self.repositories(tenant, after.as_ref(), STEP).await?;
            let Some(last) = page.last() else { return Ok(removed) };
            after = Some(last.id.clone());
            for repository in page {
                let before = now - kept.records;
                removed += self.write(move |rows| findings::prune_scans(rows, &repository, kept.scans, before)).await?;
            }
        }
    }
}

/// Keys of rows to be removed, and the last key looked at.
type Old = (Vec<Vec<u8>>, Option<Vec<u8>>);

/// The old ones among the next rows of a table.
fn old(rows: &dyn Read, table: u8, from: &[u8], kept: Retention, now: Timestamp) -> Result<Old, StoreError> {
    let found = rows.range(from, &Key::table(table).end(), STEP)?;
    let last = found.last().map(|(key, _)| key.clone());
    let mut old = Vec::new();
    for row in found {
        if outlived(table, &row, kept, now)?.is_some() {
            old.push(row.0);
        }
    }
    Ok((old, last))
}

/// Removes the rows that are still there and still old, with what follows from them.
fn remove(
    rows: &mut dyn Write,
    table: u8,
    old: &[Vec<u8>],
    kept: Retention,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if table != keys::FINDING {
        rows.lock(Scope::Queue)?;
        rows.lock(Scope::Messages)?;
    }
    let mut removed = 0;
    for key in old {
        if let Some(tenant_and_repository) = (table == keys::FINDING).then(|| owner(rows, key)).transpose()?.flatten() {
            rows.lock(Scope::Repository(&tenant_and_repository.tenant, &tenant_and_repository.repository))?;
        }
        let Some(value) = rows.get(key)? else { continue };
        let Some(derived) = outlived(table, &(key.clone(), value), kept, now)? else { continue };
        for key in derived {
            rows.delete(key);
        }
        rows.delete(key.clone());
        removed += 1;
    }
    Ok(removed)
}

fn owner(rows: &dyn Write, key: &[u8]) -> Result<Option<FindingRecord>, StoreError> {
    rows.get(key)?.map(|bytes| decode(key, &bytes)).transpose()
}

/// The index rows of a record that has outlived its time; `None` when it stays.
fn outlived(
    table: u8,
    (key, bytes): &Row,
    kept: Retention,
    now: Timestamp,
) -> Result<Option<Vec<Vec<u8>>>, StoreError> {
    let (gone, derived) = match table {
        keys::DELIVERY => (decode::<DeliveryRecord>(key, bytes)?.accepted_at < now - kept.records, vec![]),
        keys::IDEMPOTENCY => (decode::<IdempotencyRecord>(key, bytes)?.at < now - kept.records, vec![]),
        keys::JOB => {
            let job: JobRecord = decode(key, bytes)?;
            (job.state.is_final() && job.updated_at < now - kept.records, queue::derived(&job))
        }
        keys::SWEEP => {
            let sweep: SweepRecord = decode(key, bytes)?;
            (sweep.state != SweepState::Running && sweep.started_at < now - kept.records, vec![])
        }
        keys::SWEPT => (decode::<Swept>(key, bytes)?.at < now - kept.records, vec![]),
        keys::MESSAGE => {
            let message: MessageRecord = decode(key, bytes)?;
            let dead = message.state == MessageState::Dead;
            (dead && message.updated_at < now - kept.records, outbox::derived(&message))
        }
        keys::AUDIT => (decode::<AuditRecord>(key, bytes)?.at < now - kept.audit, vec![]),
        keys::OUTBOX => (decode::<OutboxEvent>(key, bytes)?.at < now - kept.events, vec![]),
        keys::FINDING => {
            let record: FindingRecord = decode(key, bytes)?;
            let fixed = record.state == FindingState::Fixed && record.triage.is_none();
            let gone = fixed && record.fixed_at.is_some_and(|at| at < now - kept.fixed);
            (gone, keys::finding_orders(&record))
        }
        _ => (false, vec![]),
    };
    Ok(gone.then_some(derived))
}
