//! Looking after a store: verify, reindex, export, import, retention.

use std::io::{BufRead, Write as _};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::record::{
    AuditRecord, DeliveryRecord, FindingRecord, IdempotencyRecord, JobRecord, OutboxEvent, PackageUse,
    RepositoryRecord, ScanRecord, SweepRecord, Tenant, codec,
};
use super::rows::{Key, Read, Row, Write, decode, successor};
use super::{Store, StoreError, keys, queue};
use crate::identity::TokenRecord;

const STEP: usize = 500;

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
    /// What is wrong; the first thousand.
    pub problems: Vec<Problem>,
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
        Some(&keys::REPOSITORY) => decode::<RepositoryRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::AUDIT) => decode::<AuditRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::DELIVERY) => decode::<DeliveryRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::IDEMPOTENCY) => decode::<IdempotencyRecord>(key, bytes).map(|_| vec![])?,
        Some(&keys::OUTBOX) => decode::<OutboxEvent>(key, bytes).map(|_| vec![])?,
        Some(&keys::SWEEP) => decode::<SweepRecord>(key, bytes).map(|_| vec![])?,
        _ => codec::decode_raw(bytes).map(|_| vec![]).map_err(|error| StoreError::record(key, &error))?,
    })
}

/// The next rows of the tables that hold records.
fn records(rows: &(impl Read + ?Sized), from: &[u8]) -> Result<Vec<Row>, StoreError> {
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

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The row's key, hexadecimal.
    key: String,
    /// The row as stored, hexadecimal: header with schema version and checksum, then the record.
    value: String,
}

/// The last line of an export.
#[derive(Debug, Serialize, Deserialize)]
struct Trailer {
    rows: u64,
    blake3: String,
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
                None => return Ok(verified),
            }
        }
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

    /// Writes every record as checksummed lines, compressed. Gives how many.
    ///
    /// # Errors
    /// When the store or `out` fails.
    pub async fn export(&self, out: impl std::io::Write) -> Result<u64, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(format!("export: {error}"));
        let mut packed = zstd::Encoder::new(out, 3).map_err(failed)?;
        let mut digest = blake3::Hasher::new();
        let (mut from, mut rows) = (vec![0], 0);
        loop {
            let start = from.clone();
            let step = self.read(move |rows| records(rows, &start)).await?;
            let Some((last, _)) = step.last() else { break };
            from = successor(last);
            for (key, value) in &step {
                decode_check(key, value)?;
                let line = Line { key: hex::encode(key), value: hex::encode(value) };
                let mut text = serde_json::to_vec(&line).map_err(|error| failed(error.into()))?;
                text.push(b'\n');
                digest.update(&text);
                packed.write_all(&text).map_err(failed)?;
                rows += 1;
            }
        }
        let trailer = Trailer { rows, blake3: digest.finalize().to_hex().to_string() };
        serde_json::to_writer(&mut packed, &trailer).map_err(|error| failed(error.into()))?;
        packed.write_all(b"\n").map_err(failed)?;
        packed.finish().and_then(|mut out| out.flush()).map_err(failed)?;
        Ok(rows)
    }

    /// Reads an export into this store, which must be empty, and makes the indexes. Gives how many records.
    ///
    /// # Errors
    /// When the export is damaged or cut short, or this store is not empty.
    pub async fn import(&self, input: impl std::io::Read) -> Result<u64, StoreError> {
        let failed = |reason: String| StoreError::Damaged { row: "the export".to_owned(), reason };
        if !self.read(|rows| records(rows, &[0])).await?.is_empty() {
            return Err(StoreError::Failed("import: this store is not empty".to_owned()));
        }
        let packed = zstd::Decoder::new(input).map_err(|error| failed(error.to_string()))?;
        let mut digest = blake3::Hasher::new();
        let (mut rows, mut pending) = (0_u64, Vec::new());
        for text in std::io::BufReader::new(packed).lines() {
            let text = text.map_err(|error| failed(error.to_string()))?;
            if let Ok(trailer) = serde_json::from_str::<Trailer>(&text) {
                if trailer.rows != rows || trailer.blake3 != digest.finalize().to_hex().as_str() {
                    return Err(failed("the checksum does not fit; the store holds a part of it".to_owned()));
                }
                self.import_step(&mut pending).await?;
                self.reindex().await?;
                return Ok(rows);
            }
            digest.update(text.as_bytes());
            digest.update(b"\n");
            let line: Line = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
            let bytes = |text: &str| hex::decode(text).map_err(|error| failed(error.to_string()));
            let (key, value) = (bytes(&line.key)?, bytes(&line.value)?);
            decode_check(&key, &value)?;
            pending.push((key, value));
            rows += 1;
            if pending.len() >= STEP {
                self.import_step(&mut pending).await?;
            }
        }
        Err(failed("it is cut short".to_owned()))
    }

    async fn import_step(&self, pending: &mut Vec<Row>) -> Result<(), StoreError> {
        let step = std::mem::take(pending);
        self.write(move |rows| {
            for (key, value) in &step {
                rows.put(key.clone(), value.clone());
            }
            Ok(())
        })
        .await
    }

    /// Removes finished jobs, deliveries and remembered answers from before `before`, and of each repository the scans older than it but the
    /// newest `keep` and the head's. Findings are never removed. Gives how many records went.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retain(&self, tenant: &Tenant, keep: usize, before: Timestamp) -> Result<usize, StoreError> {
        let owner = tenant.clone();
        let mut removed = self.write(move |rows| queue::prune(rows, &owner, before, STEP)).await?;
        let mut after = None;
        loop {
            let page = self.repositories(tenant, after.as_ref(), STEP).await?;
            let Some(last) = page.last() else { return Ok(removed) };
            after = Some(last.id.clone());
            for repository in page {
                removed +=
                    self.write(move |rows| super::findings::prune_scans(rows, &repository, keep, before)).await?;
            }
        }
    }

    /// Bytes on the disk, and how many jobs wait, run and were given up (counted up to ten thousand each).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sizes(&self, tenant: &Tenant) -> Result<(u64, [usize; 3]), StoreError> {
        let bytes = self.sled.bytes()?;
        let tenant = tenant.clone();
        self.read(move |rows| {
            use super::record::JobState::{Dead, Ready, Running};
            let count = |state| {
                let prefix = keys::job_by_state(&tenant, state);
                rows.range(prefix.bytes(), &prefix.end(), 10_000).map(|found| found.len())
            };
            Ok((bytes, [count(Ready)?, count(Running)?, count(Dead)?]))
        })
        .await
    }
}

fn decode_check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    if !key.first().is_some_and(|table| keys::RECORDS.contains(table)) {
        return Err(StoreError::Damaged { row: hex::encode(key), reason: "no such table".to_owned() });
    }
    codec::decode_raw(value).map(|_| ()).map_err(|error| StoreError::record(key, &error))
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
                let row = String::from_utf8_lossy(key).chars().filter(|letter| !letter.is_control()).collect();
                verified.problems.push(Problem { row, reason: "an index row is missing or wrong".to_owned() });
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
