//! Decisions about scans and findings.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scanner::finding::{Detail, Site};
use scanner::inventory::{Inventory, Role};
use scanner::{Finding, FindingId, Report};

use super::life::{self, Sighting};
use super::record::{
    FindingRecord, JobId, Outcome, PackageUse, RepositoryId, RepositoryRecord, ScanId, ScanRecord, Tenant, codec,
};
use super::rows::{Read, Row, Scope, Write, list, load, load_many, save, successor};
use super::{Change, Committed, FindingsPage, FindingsQuery, ScanCommit, StoreError, keys, outbox, queue};

/// Bytes of a stored chunk: sled turns values past about 128 KiB into files of their own.
const CHUNK: usize = 64 << 10;
/// The named value that holds the digest of the advisories in force.
pub const IN_FORCE: &str = "advisories in force";
/// Index rows looked at for one page, however few of them the other filters let through.
const EXAMINED: usize = 5_000;

pub fn finding(rows: &(impl Read + ?Sized), tenant: &Tenant, id: &str) -> Result<Option<FindingRecord>, StoreError> {
    load(rows, &keys::finding(tenant, id))
}

pub(super) fn put(
    rows: &mut dyn Write,
    before: Option<&FindingRecord>,
    record: &FindingRecord,
) -> Result<(), StoreError> {
    // what is seen again stands where it stood: rows that stay are not written anew
    let (old, new) = (before.map(keys::finding_orders).unwrap_or_default(), keys::finding_orders(record));
    for key in old.iter().filter(|key| !new.contains(key)) {
        rows.delete(key.clone());
    }
    for key in new.into_iter().filter(|key| !old.contains(key)) {
        rows.put(key, record.id().as_str().as_bytes().to_vec());
    }
    save(rows, keys::finding(&record.tenant, record.id().as_str()), record)
}

fn remove(rows: &mut dyn Write, record: &FindingRecord) {
    for key in keys::finding_orders(record) {
        rows.delete(key);
    }
    rows.delete(keys::finding(&record.tenant, record.id().as_str()).done());
}

/// All findings of a repository, whatever their state.
pub fn of_repository(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    repository: &RepositoryId,
) -> Result<BTreeMap<FindingId, FindingRecord>, StoreError> {
    let prefix = keys::finding_order(tenant, b'r', repository.as_str());
    let found = rows.range(prefix.bytes(), &prefix.end(), usize::MAX)?;
    Ok(listed(rows, tenant, &found)?.into_iter().map(|record| (record.finding.id.clone(), record)).collect())
}

/// The findings that index rows name.
fn listed(rows: &(impl Read + ?Sized), tenant: &Tenant, found: &[Row]) -> Result<Vec<FindingRecord>, StoreError> {
    let key = |(_, id): &Row| keys::finding(tenant, &String::from_utf8_lossy(id)).done();
    let keys: Vec<_> = found.iter().map(key).collect();
    let absent = || StoreError::index("a listed finding that is not there");
    load_many(rows, &keys)?.into_iter().map(|record| record.ok_or_else(absent)).collect()
}

/// Commits a scan once: fenced by the lease, all or nothing.
pub fn commit_scan(rows: &mut dyn Write, commit: &ScanCommit, now: Timestamp) -> Result<Option<Committed>, StoreError> {
    let scan = &commit.scan;
    rows.lock(Scope::Repository(&scan.tenant, &scan.repository))?;
    let committed = keep(rows, commit, now)?;
    // the queue last, so that it is held for a moment only
    if let Some((id, token)) = commit.job {
        if queue::finish(rows, id, token, Outcome::Done, Some(scan.id), now)?.is_none() {
            rows.discard();
            return Ok(None);
        }
        queue::note_changes(rows, id, committed, scan.complete)?;
    }
    for job in &commit.follow_up {
        queue::enqueue(rows, job.clone(), JobId::fresh(), now)?;
    }
    Ok(Some(committed))
}

fn keep(rows: &mut dyn Write, commit: &ScanCommit, now: Timestamp) -> Result<Committed, StoreError> {
    let scan = &commit.scan;
    // the repository may have been deleted while it was scanned: then nothing of it is kept
    let key = keys::repository(&scan.tenant, &scan.repository);
    let Some(mut repository) = load::<RepositoryRecord>(rows, &key)? else { return Ok(Committed::default()) };
    write_scan(rows, commit)?;
    outbox::tell_scanned(rows, scan, now)?;
    let mut committed = Committed::default();
    if scan.tracked {
        repository.head_scan = Some(scan.id);
        repository.head_commit.clone_from(&scan.commit);
        if let (Some(reference), Some(head)) = (&scan.reference, &scan.commit) {
            repository.refs.insert(reference.clone(), head.clone());
        }
        committed = live_on(rows, scan, &commit.report, now)?;
        write_packages(rows, scan, &commit.report)?;
        note_straggler(rows, scan)?;
    }
    save(rows, key, &repository)?;
    Ok(committed)
}

/// A scan that was made with other advisories than those in force has to be matched once more.
fn note_straggler(rows: &mut dyn Write, scan: &ScanRecord) -> Result<(), StoreError> {
    let key = keys::stragglers(&scan.tenant).text(scan.repository.as_str());
    let in_force = load::<String>(rows, &keys::value(IN_FORCE))?;
    if in_force.is_some_and(|digest| digest != scan.advisories_digest) {
        return save(rows, key, &scan.repository);
    }
    rows.delete(key.done());
    Ok(())
}

fn write_scan(rows: &mut dyn Write, commit: &ScanCommit) -> Result<(), StoreError> {
    let scan = &commit.scan;
    let failed = |error: String| StoreError::Failed(format!("the report of scan {}: {error}", scan.id));
    let json = serde_json::to_vec(&commit.report).map_err(|error| failed(error.to_string()))?;
    let packed = zstd::encode_all(json.as_slice(), 3).map_err(|error| failed(error.to_string()))?;
    for (number, chunk) in packed.chunks(CHUNK).enumerate() {
        rows.put(keys::report(&scan.tenant, scan.id).number(number as u64).done(), codec::encode_raw(chunk));
    }
    let id = scan.id.as_bytes().to_vec();
    if let Some(hash) = &scan.commit {
        let key = keys::scans_of_commit(&scan.tenant, &scan.repository, hash).inverted(&id);
        rows.put(key.done(), id.clone());
    }
    rows.put(keys::scans_of(&scan.tenant, &scan.repository).inverted(&id).done(), id);
    let scan = ScanRecord { report_bytes: packed.len() as u64, ..scan.clone() };
    save(rows, keys::scan(&scan.tenant, scan.id), &scan)
}

/// Every finding of the repository lives on: those seen, those gone, those under a new name.
fn live_on(rows: &mut dyn Write, scan: &ScanRecord, report: &Report, now: Timestamp) -> Result<Committed, StoreError> {
    let at = Sighting { tenant: &scan.tenant, repository: &scan.repository, scan: Some(scan.id), now };
    let mut known = of_repository(rows, &scan.tenant, &scan.repository)?;
    let mut committed = Committed::default();
    let manifests: BTreeSet<&str> = report.inventory.iter().map(|manifest| manifest.path.as_str()).collect();
    let present: BTreeSet<&FindingId> = report.findings.iter().map(|finding| &finding.id).collect();
    for finding in &report.findings {
        let mut before = known.remove(&finding.id);
        if before.is_none() {
            let absent = known.values().filter(|old| !present.contains(old.id()));
            let old = absent.clone().find(|old| life::renamed(&old.finding, finding)).or_else(|| {
                let gone = |old: &FindingRecord| {
                    old.finding.location.path.as_deref().is_some_and(|path| !manifests.contains(path))
                };
                absent.clone().find(|old| gone(old) && life::moved(&old.finding, finding))
            });
            if let Some(old) = old.map(|old| old.id().clone()).and_then(|id| known.remove(&id)) {
                remove(rows, &old);
                before = Some(old);
            }
        }
        live(rows, before, finding, &at, &mut committed)?;
    }
    for before in known.into_values().filter(|record| life::looked_at(&record.finding, &report.diagnostics)) {
        end(rows, before, &at, &mut committed)?;
    }
    Ok(committed)
}

/// A finding is there.
fn live(
    rows: &mut dyn Write,
    before: Option<FindingRecord>,
    finding: &Finding,
    at: &Sighting<'_>,
    committed: &mut Committed,
) -> Result<(), StoreError> {
    let (after, event) = life::seen(before.clone(), finding, at);
    put(rows, before.as_ref(), &after)?;
    committed.count(event);
    outbox::tell(rows, event, &after, at.scan, at.now)
}

/// A finding is not there any more.
fn end(
    rows: &mut dyn Write,
    before: FindingRecord,
    at: &Sighting<'_>,
    committed: &mut Committed,
) -> Result<(), StoreError> {
    if let Some((after, event)) = life::gone(before.clone(), at) {
        put(rows, Some(&before), &after)?;
        committed.count(event);
        outbox::tell(rows, event, &after, at.scan, at.now)?;
    }
    Ok(())
}

/// Replaces the repository's rows of who uses which package.
fn write_packages(rows: &mut dyn Write, scan: &ScanRecord, report: &Report) -> Result<(), StoreError> {
    let (tenant, repository) = (&scan.tenant, &scan.repository);
    forget_packages(rows, tenant, repository)?;
    let mut uses = BTreeMap::<&str, Vec<PackageUse>>::new();
    let inventory = Inventory { manifests: report.inventory.clone(), diagnostics: Vec::new() };
    // an advisory about what would be resolved has to find its repositories, too
    let chosen = scanner::resolve::beyond(&inventory, &report.resolved);
    for manifest in inventory.manifests.iter().chain(&chosen.manifests) {
        for package in &manifest.packages {
            uses.entry(package.name.as_str()).or_default().push(PackageUse {
                repository: repository.clone(),
                package: package.name.clone(),
                manifest: manifest.path.clone(),
                format: manifest.format,
                version: package.version.clone(),
                specifier: package.specifier.clone(),
                direct: package.direct,
                line: package.line,
                via: package.via.clone(),
                matched: !package.source.is_own_tree(),
                would_resolve: manifest.role == Role::Resolved,
                imported_at: imported_at(report, package.name.as_str()),
            });
        }
    }
    for (name, uses) in uses {
        rows.put(keys::packages_of(tenant, repository).text(name).done(), name.as_bytes().to_vec());
        save(rows, keys::package(tenant, name).text(repository.as_str()), &uses)?;
    }
    Ok(())
}

pub fn forget_packages(rows: &mut dyn Write, tenant: &Tenant, repository: &RepositoryId) -> Result<(), StoreError> {
    let prefix = keys::packages_of(tenant, repository);
    for (key, name) in rows.range(prefix.bytes(), &prefix.end(), usize::MAX)? {
        let name = String::from_utf8_lossy(&name).into_owned();
        rows.delete(key);
        rows.delete(keys::package(tenant, &name).text(repository.as_str()).done());
    }
    Ok(())
}

fn imported_at(report: &Report, package: &str) -> Option<Vec<Site>> {
    report.findings.iter().find_map(|finding| match &finding.detail {
        Detail::Vulnerability(detail) if detail.package.as_str() == package => detail.imported_at.clone(),
        _ => None,
    })
}

/// Removes a scan with its report.
fn remove_scan(rows: &mut dyn Write, scan: &ScanRecord) -> Result<(), StoreError> {
    let prefix = keys::report(&scan.tenant, scan.id);
    for (key, _) in rows.range(prefix.bytes(), &prefix.end(), usize::MAX)? {
        rows.delete(key);
    }
    let id = scan.id.as_bytes();
    if let Some(hash) = &scan.commit {
        rows.delete(keys::scans_of_commit(&scan.tenant, &scan.repository, hash).inverted(id).done());
    }
    rows.delete(keys::scans_of(&scan.tenant, &scan.repository).inverted(id).done());
    rows.delete(keys::scan(&scan.tenant, scan.id).done());
    Ok(())
}

/// Removes a repository with everything that is known of it. False when it is not there.
pub fn delete_repository(rows: &mut dyn Write, tenant: &Tenant, id: &RepositoryId) -> Result<bool, StoreError> {
    rows.lock(Scope::Repository(tenant, id))?;
    let key = keys::repository(tenant, id);
    let Some(repository) = load::<RepositoryRecord>(rows, &key)? else { return Ok(false) };
    if let Some(row) = super::repositories::derived(&repository) {
        rows.delete(row);
    }
    for record in of_repository(rows, tenant, id)?.into_values() {
        remove(rows, &record);
    }
    forget_packages(rows, tenant, id)?;
    for scan in scans(rows, tenant, id, None, usize::MAX)? {
        remove_scan(rows, &scan)?;
    }
    rows.delete(key.done());
    Ok(true)
}

/// Removes scans of a repository that are older than `before`, but the newest `keep` and that of the head.
pub fn prune_scans(
    rows: &mut dyn Write,
    repository: &RepositoryRecord,
    keep: usize,
    before: Timestamp,
) -> Result<usize, StoreError> {
    rows.lock(Scope::Repository(&repository.tenant, &repository.id))?;
    let old = scans(rows, &repository.tenant, &repository.id, None, usize::MAX)?;
    let old = old.into_iter().skip(keep);
    let old: Vec<_> = old.filter(|scan| scan.committed_at < before && repository.head_scan != Some(scan.id)).collect();
    for scan in &old {
        remove_scan(rows, scan)?;
    }
    Ok(old.len())
}

fn scan_id(bytes: &[u8]) -> Result<ScanId, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| StoreError::index("a scan's identity has not 16 bytes"))?;
    Ok(ScanId::from_bytes(bytes))
}

/// Scans of a repository, the newest first.
pub fn scans(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    repository: &RepositoryId,
    after: Option<ScanId>,
    limit: usize,
) -> Result<Vec<ScanRecord>, StoreError> {
    let prefix = keys::scans_of(tenant, repository);
    let from = match after {
        Some(id) => successor(prefix.clone().inverted(id.as_bytes()).bytes()),
        None => prefix.bytes().to_vec(),
    };
    let found = rows.range(&from, &prefix.end(), limit)?;
    let ids = found.iter().map(|(_, id)| scan_id(id)).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<_> = ids.into_iter().map(|id| keys::scan(tenant, id).done()).collect();
    let absent = || StoreError::index("a listed scan that is not there");
    load_many(rows, &keys)?.into_iter().map(|scan| scan.ok_or_else(absent)).collect()
}

/// The newest scan of a commit.
pub fn scan_of_commit(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    repository: &RepositoryId,
    commit: &str,
) -> Result<Option<ScanRecord>, StoreError> {
    let prefix = keys::scans_of_commit(tenant, repository, commit);
    match rows.range(prefix.bytes(), &prefix.end(), 1)?.first() {
        Some((_, id)) => load(rows, &keys::scan(tenant, scan_id(id)?)),
        None => Ok(None),
    }
}

/// The report of a scan, as JSON.
pub fn report(rows: &dyn Read, tenant: &Tenant, id: ScanId) -> Result<Option<Vec<u8>>, StoreError> {
    let Some(scan) = load::<ScanRecord>(rows, &keys::scan(tenant, id))? else { return Ok(None) };
    let prefix = keys::report(tenant, id);
    let mut packed = Vec::new();
    for (key, chunk) in rows.range(prefix.bytes(), &prefix.end(), usize::MAX)? {
        packed.extend_from_slice(codec::decode_raw(&chunk).map_err(|error| StoreError::record(&key, &error))?);
    }
    if packed.len() as u64 != scan.report_bytes {
        let reason = format!("has {} of {} bytes", packed.len(), scan.report_bytes);
        return Err(StoreError::Damaged { row: format!("the report of scan {id}"), reason });
    }
    let json = zstd::decode_all(packed.as_slice());
    json.map(Some)
        .map_err(|error| StoreError::Damaged { row: format!("the report of scan {id}"), reason: error.to_string() })
}

/// One page of findings by state, severity and identity, read from the narrowest index.
pub fn page(rows: &dyn Read, query: &FindingsQuery) -> Result<FindingsPage, StoreError> {
    let (index, of) = query.index();
    let list = keys::finding_order(&query.tenant, index, &of);
    let from = query.cursor()?;
    let mut page = FindingsPage::default();
    let mut examined = 0;
    for prefix in query.prefixes(&list) {
        let mut start = prefix.bytes().to_vec();
        if let Some(from) = &from {
            start = start.max(successor(from));
        }
        let end = prefix.end();
        while start < end {
            let rows_wanted = query.limit.clamp(1, 500);
            let found = rows.range(&start, &end, rows_wanted)?;
            let exhausted = found.len() < rows_wanted;
            let records = listed(rows, &query.tenant, &found)?;
            for ((key, _), record) in found.into_iter().zip(records) {
                examined += 1;
                start = successor(&key);
                if query.admits(&record) {
                    page.findings.push(record);
                }
                if page.findings.len() >= query.limit || examined >= EXAMINED {
                    page.next = Some(query.next(&key));
                    return Ok(page);
                }
            }
            if exhausted {
                break;
            }
        }
    }
    Ok(page)
}

/// Who has a package, one entry a repository.
pub fn affected_by(
    rows: &dyn Read,
    tenant: &Tenant,
    package: &str,
    after: Option<&RepositoryId>,
    limit: usize,
) -> Result<Vec<PackageUse>, StoreError> {
    let prefix = keys::package(tenant, package);
    let after = after.map(|id| prefix.clone().text(id.as_str()).done());
    let found = list::<Vec<PackageUse>>(rows, &prefix, after.as_deref(), limit)?;
    Ok(found.into_iter().flat_map(|(_, uses)| uses).collect())
}

/// A change of the advisories reaches one repository: what it opens and what it closes, once. `None` when the change was worked out on
/// another scan than the head's.
pub fn rematch(
    rows: &mut dyn Write,
    tenant: &Tenant,
    repository: &RepositoryId,
    (scan, whole): (ScanId, bool),
    change: &Change,
    now: Timestamp,
) -> Result<Option<Committed>, StoreError> {
    rows.lock(Scope::Repository(tenant, repository))?;
    let Some(record) = load::<RepositoryRecord>(rows, &keys::repository(tenant, repository))? else {
        return Ok(Some(Committed::default()));
    };
    if record.head_scan != Some(scan) {
        return Ok(None);
    }
    if whole {
        rows.delete(keys::stragglers(tenant).text(repository.as_str()).done());
    }
    let at = Sighting { tenant, repository, scan: None, now };
    let mut withdrawn = Vec::new();
    for id in &change.withdrawn {
        withdrawn.extend(finding(rows, tenant, id.as_str())?.filter(|found| found.repository == *repository));
    }
    let mut committed = Committed::default();
    for opened in &change.opened {
        let mut before = finding(rows, tenant, opened.id.as_str())?;
        if before.is_none()
            && let Some(place) = withdrawn.iter().position(|old| life::renamed(&old.finding, opened))
        {
            let old = withdrawn.swap_remove(place);
            remove(rows, &old);
            before = Some(old);
        }
        live(rows, before, opened, &at, &mut committed)?;
    }
    for before in withdrawn {
        end(rows, before, &at, &mut committed)?;
    }
    Ok(Some(committed))
}
