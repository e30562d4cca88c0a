//! What is asked of the store, and what it answers.

use jiff::SignedDuration;
use scanner::{Finding, FindingId, Report};

use super::record::{
    EventKind, JobId, LeaseToken, NewJob, Priority, RepositoryRecord, ScanRecord, StoredResponse, SweepRecord, Swept,
    Tenant,
};

/// A webhook delivery (or a tick of the clock) with what it asks for.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Whose.
    pub tenant: Tenant,
    /// Who sent it.
    pub source: String,
    /// The sender's delivery id.
    pub id: String,
    /// Other names under which the same delivery may come again.
    pub also: Vec<String>,
    /// The request that brought it.
    pub request_id: String,
    /// What it asks for.
    pub jobs: Vec<NewJob>,
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// It was accepted before; nothing changed.
    pub duplicate: bool,
    /// The jobs it made or joined (when it was first accepted).
    pub jobs: Vec<JobId>,
}

/// A worker asks for work.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Who asks.
    pub worker: String,
    /// The fence of the new lease.
    pub token: LeaseToken,
    /// How long the lease holds without a heartbeat.
    pub lease: SignedDuration,
    /// The least urgent work that it takes.
    pub least: Priority,
    /// Jobs running at once on one host.
    pub host_cap: usize,
    /// Jobs running at once in all.
    pub running_cap: usize,
    /// Runs after which a job whose workers die is given up.
    pub max_attempts: u32,
}

/// A finished scan to be committed.
#[derive(Debug, Clone)]
pub struct ScanCommit {
    /// The job it was made for and the lease it is fenced by.
    pub job: Option<(JobId, LeaseToken)>,
    /// The scan.
    pub scan: ScanRecord,
    /// Its report.
    pub report: Report,
    /// Jobs that its commit asks for, queued in the same transaction.
    pub follow_up: Vec<NewJob>,
}

/// What a sweep did, to be kept together.
#[derive(Debug, Clone)]
pub struct SweepStep {
    /// How far it is.
    pub sweep: SweepRecord,
    /// A repository with its refs as listed.
    pub listed: Option<RepositoryRecord>,
    /// A scan to ask for, with its line of the report, which says why.
    pub scan: Option<(NewJob, Swept)>,
    /// Other lines of the report.
    pub lines: Vec<Swept>,
}

/// What a commit changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Findings seen for the first time.
    pub opened: usize,
    /// Findings that came back.
    pub reopened: usize,
    /// Findings that are gone.
    pub fixed: usize,
}

impl std::ops::AddAssign for Committed {
    fn add_assign(&mut self, other: Self) {
        self.opened += other.opened;
        self.reopened += other.reopened;
        self.fixed += other.fixed;
    }
}

impl Committed {
    pub(super) fn count(&mut self, event: Option<EventKind>) {
        match event {
            Some(EventKind::Opened) => self.opened += 1,
            Some(EventKind::Reopened) => self.reopened += 1,
            Some(EventKind::Fixed) => self.fixed += 1,
            Some(EventKind::Scanned) | None => {}
        }
    }
}

/// What the advisories in force change in one repository.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// What is there now, new or differing from what is kept.
    pub opened: Vec<Finding>,
    /// What is not there any more.
    pub withdrawn: Vec<FindingId>,
}

/// What an `Idempotency-Key` says about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// Not seen before: do the work, then call [`super::Store::remember`].
    Fresh,
    /// The first request with this key is still being worked on.
    UnderWay,
    /// Answer this again.
    Replay(StoredResponse),
    /// The key was used for another request.
    Mismatch,
}
