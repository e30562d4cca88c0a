//! Looking after a store: what must follow from what, and how much there is.

use std::sync::Arc;

use serde::Serialize;

use super::error::row_name;
use super::record::{
    AuditRecord, DeliveryRecord, FindingRecord, FindingState, IdempotencyRecord, JobRecord, JobState, MessageRecord,
    MessageState, OutboxEvent, PackageUse, RepositoryId, RepositoryRecord, ScanRecord, SweepRecord, Swept, Tenant,
    codec,
};
use super::rows::{Key, Read, Row, Write, decode, successor};
use super::{Backend, Store, StoreError, blocking, keys, outbox, queue, repositories};
use crate::identity::TokenRecord;

/// Rows of one step of a walk.
pub const STEP: usize = 500;
/// Rows that are counted at most.
const COUNTED: usize = 100_000;

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Which row.
    pub row: String,
    /// What is wrong.
    pub reason: String,
}

/// What was verified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// Records read.
    pub records: u64,
    /// Index rows that should be there.
    pub indexed: u64,
    /// Index rows that are there; in a store at rest as many.
    pub index_rows: u64,
    /// What is wrong; the first thousand.
    pub problems: Vec<Problem>,
}

/// How big the store is and what is under way in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Bytes on the disk.
    pub bytes: u64,
    /// Events that are not yet routed.
    pub events: usize,
    /// Jobs by state.
    pub jobs: Vec<(JobState, usize)>,
    /// Messages by state.
    pub messages: Vec<(MessageState, usize)>,
}

impl Sizes {
    /// Jobs in a state.
    #[must_use]
    pub fn jobs_in(&self, state: JobState) -> usize {
        self.jobs.iter().find(|(of, _)| *of == state).map_or(0, |(_, count)| *count)
    }
}

/// How many there are of what is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// Registered repositories.
    pub repositories: usize,
    /// Scans.
    pub scans: usize,
    /// Findings by state.
    pub findings: Vec<(FindingState, usize)>,
}

/// The index rows that follow from a record.
fn derived(key: &[u8], bytes: &[u8]) -> Result<Vec<Row>, StoreError> {
    let same = |keys: Vec<Vec<u8>>, value: &[u8]| keys.into_iter().map(|key| (key, value.to_vec())).collect();
    Ok(match key.first() {
        Some(&keys::JOB) => {
            let job: JobRecord = decode(key, bytes)?;
            same(queue::derived(&job), job.id.as_bytes())
        }
        Some(&keys::FINDING) => {
            let record: FindingRecord = decode(key, bytes)?;
            same(keys::finding_orders(&record), record.id().as_str().as_bytes())
        }
        Some(&keys::SCAN) => {
            let scan: ScanRecord = decode(key, bytes)?;
            let id = scan.id.as_bytes();
            let of = |hash| keys::scans_of_commit(&scan.tenant, &scan.repository, hash).inverted(id).done();
            let mut rows: Vec<_> = scan.commit.as_deref().map(of).into_iter().collect();
            rows.push(keys::scans_of(&scan.tenant, &scan.repository).inverted(id).done());
            same(rows, id)
        }
        Some(&keys::TOKEN) => {
            let token: TokenRecord = decode(key, bytes)?;
            same(vec![Key::table(keys::BY_HASH).text(&token.hash.0).done()], token.id.as_bytes())
        }
        Some(&keys::PACKAGE) => {
            let uses: Vec<PackageUse> = decode(key, bytes)?;
            let Some(first) = uses.first() else { return Ok(vec![]) };
            // the tenant is the key's first part and holds no NUL
            let tenant = key.get(1..).and_then(|rest| rest.split(|byte| *byte == 0).next()).unwrap_or_default();
            let tenant = Tenant::new(&String::from_utf8_lossy(tenant))
                .map_err(|error| StoreError::Damaged { row: "a package".to_owned(), reason: error.to_string() })?;
            let name = first.package.as_str();
            same(vec![keys::packages_of(&tenant, &first.repository).text(name).done()], name.as_bytes())
        }
        Some(&keys::REPOSITORY) => {
            let record: RepositoryRecord = decode(key, bytes)?;
            same(repositories::derived(&record).into_iter().collect(), record.id.as_str().as_bytes())
        }
        Some(&keys::ALIAS) => decode::<RepositoryId>(key, bytes).map(|_| vec![])?,
        Some(&keys::SWEPT) => decode::<Swept>(key, bytes).map(|_| vec![])?,
        Some(&keys::AUDIT) => decode::<AuditRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::DELIVERY) => decode::<DeliveryRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::IDEMPOTENCY) => decode::<IdempotencyRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::OUTBOX) => decode::<OutboxEvent>(key, bytes).map(|_| vec![])?,
        Some(&keys::MESSAGE) => {
            let message: MessageRecord = decode(key, bytes)?;
            same(outbox::derived(&message), message.id.as_bytes())
        }
        Some(&keys::SWEEP) => decode::<SweepRecord>(key, bytes).map(|_| vec![])?,
        _ => codec::decode_raw(bytes).map(|_| vec![]).map_err(|error| StoreError::record(key, &error))?,
    })
}

/// The next rows of the tables that hold records.
pub fn records(rows: &(impl Read + ?Sized), from: &[u8]) -> Result<Vec<Row>, StoreError> {
    for &table in keys::RECORDS {
        let table = Key::table(table);
        let start = from.max(table.bytes()).to_vec();
        if start < table.end() {
            let found = rows.range(&start, &table.end(), STEP)?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
    }
    Ok(vec![])
}

impl Store {
    /// Reads every record and checks every index row.
    ///
    /// # Errors
    /// When the backend fails; damaged rows are in the answer.
    pub async fn verify(&self) -> Result<Verified, StoreError> {
        let mut verified = Verified::default();
        let mut from = vec![0];
        loop {
            let start = from.clone();
            let (step, next) = self.read(move |rows| verify_step(rows, &start)).await?;
            verified.records += step.records;
            verified.indexed += step.indexed;
            verified.problems.extend(step.problems);
            verified.problems.truncate(1000);
            match next {
                Some(key) => from = successor(&key),
                None => break,
            }
        }
        // every index has a lower-case letter
        let index_rows = self.read(|rows| rows.count(b"a", b"{", usize::MAX)).await?;
        verified.index_rows = u64::try_from(index_rows).unwrap_or(u64::MAX);
        Ok(verified)
    }

    /// Makes every index anew from the records. Gives how many index rows there are.
    ///
    /// # Errors
    /// When a record is damaged.
    pub async fn reindex(&self) -> Result<u64, StoreError> {
        while self.write(drop_indexes).await? {}
        let mut from = vec![0];
        let mut made = 0;
        loop {
            let start = from.clone();
            let step = self.write(move |rows| reindex_step(rows, &start)).await?;
            made += step.0;
            match step.1 {
                Some(key) => from = successor(&key),
                None => return Ok(made),
            }
        }
    }

    /// How big the store is and what is under way in it, each counted up to a hundred thousand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sizes(&self, tenant: &Tenant) -> Result<Sizes, StoreError> {
        let bytes = match &self.backend {
            Backend::Sled(sled) => sled.bytes()?,
            Backend::Postgres(postgres) => {
                let postgres = Arc::clone(postgres);
                blocking(move || postgres.bytes()).await?
            }
        };
        let tenant = tenant.clone();
        self.read(move |rows| {
            let count = |prefix: Key| rows.count(prefix.bytes(), &prefix.end(), COUNTED);
            let mut sizes = Sizes { bytes, events: count(Key::table(keys::OUTBOX))?, ..Sizes::default() };
            for state in JobState::ALL {
                sizes.jobs.push((state, count(keys::job_by_state(&tenant, state))?));
            }
            for state in MessageState::ALL {
                sizes.messages.push((state, count(keys::message_by_state(&tenant, state))?));
            }
            Ok(sizes)
        })
        .await
    }

    /// How many repositories, scans and findings (by state) there are. It walks over them: not for every minute.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn totals(&self, tenant: &Tenant) -> Result<Totals, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| {
            let count = |prefix: Key| rows.count(prefix.bytes(), &prefix.end(), usize::MAX);
            let all = keys::finding_order(&tenant, b'a', "");
            let mut findings = Vec::new();
            for state in FindingState::ALL {
                findings.push((state, count(all.clone().fixed(&[state as u8]))?));
            }
            let repositories = count(keys::of_tenant(keys::REPOSITORY, &tenant))?;
            Ok(Totals { repositories, scans: count(keys::of_tenant(keys::SCAN, &tenant))?, findings })
        })
        .await
    }
}

fn verify_step(rows: &dyn Read, from: &[u8]) -> Result<(Verified, Option<Vec<u8>>), StoreError> {
    let mut verified = Verified::default();
    let found = records(rows, from)?;
    for (key, value) in &found {
        verified.records += 1;
        let expected = match derived(key, value) {
            Ok(expected) => expected,
            Err(StoreError::Damaged { row, reason }) => {
                verified.problems.push(Problem { row, reason });
                continue;
            }
            Err(error) => return Err(error),
        };
        for (index, value) in expected {
            verified.indexed += 1;
            if rows.get(&index)?.as_deref() != Some(&value[..]) {
                verified
                    .problems
                    .push(Problem { row: row_name(key), reason: "an index row is missing or wrong".to_owned() });
            }
        }
    }
    Ok((verified, found.into_iter().next_back().map(|(key, _)| key)))
}

fn drop_indexes(rows: &mut dyn Write) -> Result<bool, StoreError> {
    // every index has a lower-case letter
    let found = rows.range(b"a", b"{", STEP)?;
    let more = !found.is_empty();
    for (key, _) in found {
        rows.delete(key);
    }
    Ok(more)
}

fn reindex_step(rows: &mut dyn Write, from: &[u8]) -> Result<(u64, Option<Vec<u8>>), StoreError> {
    let found = records(rows, from)?;
    let mut made = 0;
    for (key, value) in &found {
        for (index, value) in derived(key, value)? {
            rows.put(index, value);
            made += 1;
        }
    }
    Ok((made, found.into_iter().next_back().map(|(key, _)| key)))
}
