//! Where each kind of row stands. One letter a table, then the tenant; upper case holds records, lower case holds indexes.

use advisories::Severity;
use jiff::Timestamp;

use super::record::{
    EventId, FindingRecord, FindingState, JobId, JobRecord, JobState, MessageId, MessageState, RepositoryId, ScanId,
    SweepId, Tenant,
};
use super::rows::Key;

macro_rules! tables {
    ($($(#[$doc:meta])* $name:ident = $letter:literal;)*) => {
        $($(#[$doc])* pub const $name: u8 = $letter;)*
        /// Tables that hold records; everything else follows from them.
        pub const RECORDS: &[u8] = b"ABDFGIJLMOPRSTVW";
    };
}

tables! {
    /// Addresses that repositories took on after they were registered.
    ALIAS = b'L';
    /// The audit trail, the newest first.
    AUDIT = b'A';
    /// Chunks of reports.
    REPORT = b'B';
    /// Accepted deliveries.
    DELIVERY = b'D';
    /// Findings.
    FINDING = b'F';
    /// Messages to be sent.
    MESSAGE = b'G';
    /// Remembered answers.
    IDEMPOTENCY = b'I';
    /// Jobs.
    JOB = b'J';
    /// What is of the moment: processes at work, scans to be matched again. No records, for they are worth nothing to another store.
    MOMENT = b'N';
    /// Named values.
    META = b'M';
    /// Events to be told.
    OUTBOX = b'O';
    /// Packages of each repository.
    PACKAGE = b'P';
    /// Repositories.
    REPOSITORY = b'R';
    /// Scans.
    SCAN = b'S';
    /// Tokens.
    TOKEN = b'T';
    /// What a sweep did about each repository.
    SWEPT = b'V';
    /// Sweeps.
    SWEEP = b'W';
    /// Waiting jobs by coalesce key.
    BY_COALESCE = b'c';
    /// Scan jobs by the commit that they are about, the newest first.
    JOBS_OF = b'b';
    /// Acceptances by their end.
    BY_EXPIRY = b'e';
    /// Findings in the orders of lists.
    FINDING_ORDER = b'f';
    /// Messages by state.
    MESSAGE_STATE = b'm';
    /// Repositories by their forge's own id.
    BY_FORGE = b'g';
    /// Tokens by hash.
    BY_HASH = b'h';
    /// Jobs by state.
    BY_STATE = b'j';
    /// Running jobs by coalesce key.
    RUNNING = b'k';
    /// Messages by when they are due, or their lease ends.
    MESSAGE_DUE = b'd';
    /// Leases by their end.
    LEASE = b'l';
    /// Package names of a repository.
    OF_REPOSITORY = b'p';
    /// Waiting jobs in the order of their turns.
    QUEUE = b'q';
    /// Scans by commit, the newest first.
    BY_COMMIT = b's';
    /// Scans by repository, the newest first.
    SCANS_OF = b't';
}

/// The scope that a decision locks before it changes a row, where answers read from such rows are remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guarded {
    /// The repository: itself, its scans, findings and packages.
    ByRepository,
    /// All tokens.
    ByTokens,
    /// Nothing is remembered of it.
    Not,
}

/// What guards a row. A letter that stands for no table is taken for a repository's.
pub fn guarded(key: &[u8]) -> Guarded {
    match key.first().copied() {
        Some(TOKEN | BY_HASH) => Guarded::ByTokens,
        // jobs and sweeps, messages, the trail, remembered requests, named values
        Some(
            JOB | DELIVERY | BY_COALESCE | JOBS_OF | BY_STATE | RUNNING | LEASE | QUEUE | SWEEP | SWEPT | OUTBOX
            | MESSAGE | MESSAGE_STATE | MESSAGE_DUE | AUDIT | IDEMPOTENCY | MOMENT | META,
        ) => Guarded::Not,
        _ => Guarded::ByRepository,
    }
}

pub fn of_tenant(table: u8, tenant: &Tenant) -> Key {
    Key::table(table).text(tenant.as_str())
}

pub fn repository(tenant: &Tenant, id: &RepositoryId) -> Key {
    of_tenant(REPOSITORY, tenant).text(id.as_str())
}

pub fn alias(tenant: &Tenant, address: &RepositoryId) -> Key {
    of_tenant(ALIAS, tenant).text(address.as_str())
}

pub fn by_forge(tenant: &Tenant, forge: &str, id: &str) -> Key {
    of_tenant(BY_FORGE, tenant).text(forge).text(id)
}

pub fn swept(tenant: &Tenant, sweep: SweepId) -> Key {
    of_tenant(SWEPT, tenant).fixed(sweep.as_bytes())
}

pub fn job(id: JobId) -> Key {
    Key::table(JOB).fixed(id.as_bytes())
}

pub fn job_by_state(tenant: &Tenant, state: JobState) -> Key {
    of_tenant(BY_STATE, tenant).fixed(&[state as u8])
}

pub fn jobs_of_commit(tenant: &Tenant, repository: &RepositoryId, commit: &str) -> Key {
    of_tenant(JOBS_OF, tenant).text(repository.as_str()).text(commit)
}

/// Repositories whose head was scanned with other advisories than those in force.
pub fn stragglers(tenant: &Tenant) -> Key {
    Key::table(MOMENT).fixed(&[2]).text(tenant.as_str())
}

pub fn queue(rank: u8) -> Key {
    Key::table(QUEUE).fixed(&[rank])
}

/// Host first: a host that is at its cap is passed over in one step.
pub fn queue_of(job: &JobRecord) -> Key {
    queue(job.priority.queue()).text(&job.host).text(&job.organisation)
}

pub fn queued(job: &JobRecord) -> Key {
    queue_of(job).time(job.ready_at).fixed(job.id.as_bytes())
}

pub fn event(id: EventId) -> Key {
    Key::table(OUTBOX).fixed(id.as_bytes())
}

pub fn message(id: MessageId) -> Key {
    Key::table(MESSAGE).fixed(id.as_bytes())
}

pub fn message_by_state(tenant: &Tenant, state: MessageState) -> Key {
    of_tenant(MESSAGE_STATE, tenant).fixed(&[state as u8])
}

pub fn lease(until: Timestamp, id: JobId) -> Key {
    Key::table(LEASE).time(until).fixed(id.as_bytes())
}

pub fn coalesce(table: u8, tenant: &Tenant, key: &str) -> Key {
    of_tenant(table, tenant).text(key)
}

pub fn delivery(tenant: &Tenant, source: &str, id: &str) -> Key {
    of_tenant(DELIVERY, tenant).text(source).text(id)
}

pub fn scan(tenant: &Tenant, id: ScanId) -> Key {
    of_tenant(SCAN, tenant).fixed(id.as_bytes())
}

pub fn report(tenant: &Tenant, id: ScanId) -> Key {
    of_tenant(REPORT, tenant).fixed(id.as_bytes())
}

pub fn scans_of_commit(tenant: &Tenant, repository: &RepositoryId, commit: &str) -> Key {
    of_tenant(BY_COMMIT, tenant).text(repository.as_str()).text(commit)
}

pub fn scans_of(tenant: &Tenant, repository: &RepositoryId) -> Key {
    of_tenant(SCANS_OF, tenant).text(repository.as_str())
}

pub fn finding(tenant: &Tenant, id: &str) -> Key {
    of_tenant(FINDING, tenant).text(id)
}

pub fn package(tenant: &Tenant, name: &str) -> Key {
    of_tenant(PACKAGE, tenant).text(name)
}

pub fn packages_of(tenant: &Tenant, repository: &RepositoryId) -> Key {
    of_tenant(OF_REPOSITORY, tenant).text(repository.as_str())
}

pub fn sweep(tenant: &Tenant, id: SweepId) -> Key {
    of_tenant(SWEEP, tenant).fixed(id.as_bytes())
}

pub fn meta(name: &str) -> Key {
    Key::table(META).text(name)
}

/// A value that has a name, beside those of the store itself.
pub fn value(name: &str) -> Key {
    meta(&format!("value {name}"))
}

pub fn expiry(until: Timestamp, tenant: &Tenant, id: &str) -> Key {
    Key::table(BY_EXPIRY).time(until).text(tenant.as_str()).text(id)
}

/// The lists of findings that an index serves: all, or those of one repository, package, rule or kind.
pub fn finding_order(tenant: &Tenant, index: u8, of: &str) -> Key {
    of_tenant(FINDING_ORDER, tenant).fixed(&[index]).text(of)
}

pub fn state_and_severity(key: Key, state: FindingState, severity: Severity) -> Key {
    key.fixed(&[state as u8, 255 - severity as u8])
}

/// Every index row of a finding.
pub fn finding_orders(record: &FindingRecord) -> Vec<Vec<u8>> {
    let repository = record.repository.as_str();
    let lists = [
        Some((b'a', "")),
        Some((b'r', repository)),
        record.package().map(|package| (b'p', package)),
        Some((b'u', record.finding.rule.as_str())),
        Some((b'k', record.finding.kind.as_str())),
        record.fingerprint().map(|fingerprint| (b's', fingerprint)),
    ];
    let key = |(index, of)| {
        let list = finding_order(&record.tenant, index, of);
        state_and_severity(list, record.state, record.severity()).text(record.id().as_str()).done()
    };
    let mut keys: Vec<Vec<u8>> = lists.into_iter().flatten().map(key).collect();
    if let Some(until) = record.triage.as_ref().and_then(|triage| triage.until) {
        keys.push(expiry(until, &record.tenant, record.id().as_str()).done());
    }
    keys
}
