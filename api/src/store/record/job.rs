//! Jobs: what is asked for, and where it stands. The transitions are pure; the stores apply them in one transaction each.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{JobId, LeaseToken, RepositoryId, ScanId, SweepId, Tenant};

/// Who waits for the answer: the first are served first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// A forge is told what is known; a matter of seconds, beside the caps of what takes long.
    Answer,
    /// Somebody has just pushed.
    Webhook,
    /// A pipeline is waiting.
    Ci,
    /// The night's work.
    Sweep,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Answer, Self::Webhook, Self::Ci, Self::Sweep];

    /// Names the queue in the store's keys; it says nothing about the order.
    #[must_use]
    pub fn queue(self) -> u8 {
        match self {
            Self::Webhook => 0,
            Self::Ci => 1,
            Self::Sweep => 2,
            Self::Answer => 3,
        }
    }
}

/// What made somebody ask for a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A push webhook.
    Push,
    /// A pull or merge request webhook.
    PullRequest,
    /// REST or the gate.
    Rest,
    /// A sweep found that the ref had moved.
    Sweep,
    /// A scan of the commit that another one is judged against.
    Base,
}

/// Which commit to scan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanSpec {
    /// The repository.
    pub repository: RepositoryId,
    /// The full ref that moved (`refs/heads/main`); `None` for a commit on its own.
    pub reference: Option<String>,
    /// The commit; `None` is whatever the ref (or the remote's HEAD) points at when the job runs.
    pub commit: Option<String>,
    /// What the change is to be judged against: the tip before a push or a pull request's base. The worker takes the merge base with it.
    pub base: Option<String>,
    /// Why.
    pub trigger: Trigger,
}

/// What a job does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobKind {
    /// Scans a commit.
    Scan(ScanSpec),
    /// Lists the refs of all repositories and asks for scans of what moved.
    Sweep {
        /// Which sweep.
        sweep: SweepId,
    },
    /// Tells the forge how a commit stands.
    Answer(AnswerSpec),
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerSpec {
    /// About which repository.
    pub repository: RepositoryId,
    /// The scan that is told of.
    pub scan: ScanId,
    /// The ref that the commit was reached by; it also names the pull request.
    pub reference: Option<String>,
    /// How often it was put off because the commit it is judged against was not scanned yet.
    pub put_off: u32,
}

impl JobKind {
    /// The word used in REST and metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Scan(_) => "scan",
            Self::Sweep { .. } => "sweep",
            Self::Answer(_) => "answer",
        }
    }

    /// The repository it is about.
    #[must_use]
    pub fn repository(&self) -> Option<&RepositoryId> {
        match self {
            Self::Scan(spec) => Some(&spec.repository),
            Self::Answer(spec) => Some(&spec.repository),
            Self::Sweep { .. } => None,
        }
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// Waiting (perhaps until `ready_at`).
    Ready,
    /// A worker holds a lease on it.
    Running,
    /// Finished, and its result is committed.
    Done,
    /// Given up; the reason is in `error`. It can be retried by hand.
    Dead,
    /// Cancelled by somebody.
    Cancelled,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 5] = [Self::Ready, Self::Running, Self::Done, Self::Dead, Self::Cancelled];

    /// The word used in REST and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Running => "running",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// No worker will touch it again unless somebody asks.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Dead | Self::Cancelled)
    }
}

/// What sort of failure, which decides whether trying again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The repository, ref or commit is not there.
    NotFound,
    /// Credentials are missing or refused.
    Forbidden,
    /// The other side asked to wait.
    RateLimited,
    /// The network or the other side failed for now, or took too long.
    Transient,
    /// The job ran past its time limit.
    TimedOut,
    /// The worker died: its lease ran out.
    Lost,
    /// The input cannot be worked on, now or later.
    Invalid,
    /// Our own fault.
    Internal,
}

/// Why a job failed last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobError {
    /// What sort.
    pub class: ErrorClass,
    /// In words, without secrets.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// A worker's hold on a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Fences whatever the worker writes.
    pub token: LeaseToken,
    /// Who.
    pub worker: String,
    /// When it ends unless a heartbeat moves it.
    pub until: Timestamp,
}

/// A job to be queued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    /// Whose.
    pub tenant: Tenant,
    /// What to do.
    pub kind: JobKind,
    /// How urgent.
    pub priority: Priority,
    /// The organisation that turns are dealt out between.
    pub organisation: String,
    /// The host that a cap applies to.
    pub host: String,
    /// A waiting job with the same key is updated instead of a second one queued.
    pub coalesce: Option<String>,
    /// The request that caused it.
    pub request_id: String,
    /// Not before this time.
    pub ready_at: Timestamp,
    /// The sweep that asked for it.
    pub sweep: Option<SweepId>,
}

/// What came of queueing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// A new job.
    New(JobId),
    /// Joined with a waiting one, which now has the newer commit and the higher priority of both.
    Coalesced(JobId),
}

impl Enqueued {
    /// The job, new or joined.
    #[must_use]
    pub fn id(self) -> JobId {
        match self {
            Self::New(id) | Self::Coalesced(id) => id,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; nothing was committed with it (a scan's result goes through `commit_scan`).
    Done,
    /// Try again at the given time.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it failed.
        error: JobError,
    },
    /// Give up.
    Dead(JobError),
    /// Stopped because somebody cancelled it.
    Cancelled,
    /// Put back unharmed because the worker is stopping; the attempt does not count.
    Released,
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// Its identity; newer jobs have greater ones.
    pub id: JobId,
    /// Whose.
    pub tenant: Tenant,
    /// What to do.
    pub job: JobKind,
    /// How urgent.
    pub priority: Priority,
    /// Where it stands.
    pub state: JobState,
    /// Turns are dealt out between these.
    pub organisation: String,
    /// Caps apply per host.
    pub host: String,
    /// A waiting job with the same key is updated instead of a second one queued.
    pub coalesce: Option<String>,
    /// How many requests were joined in it beyond the first.
    pub coalesced: u32,
    /// The request that caused it (the newest of those joined).
    pub request_id: String,
    /// The sweep that asked for it.
    pub sweep: Option<SweepId>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it last changed its state.
    pub updated_at: Timestamp,
    /// It is not run before this.
    pub ready_at: Timestamp,
    /// Runs begun.
    pub attempts: u32,
    /// The current run.
    pub lease: Option<Lease>,
    /// Somebody asked for it to stop.
    pub cancel_requested: bool,
    /// Why it failed last.
    pub error: Option<JobError>,
    /// The scan it committed.
    pub scan: Option<ScanId>,
    /// What that scan changed.
    #[serde(default)]
    pub changes: Option<Changes>,
}

/// What a committed scan changed among the findings of its repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Seen for the first time.
    pub opened: u64,
    /// Came back.
    pub reopened: u64,
    /// Gone.
    pub fixed: u64,
    /// False when the scan could not look at everything.
    pub whole: bool,
}

impl JobRecord {
    /// A waiting job.
    #[must_use]
    pub fn queued(new: NewJob, id: JobId, now: Timestamp) -> Self {
        Self {
            id,
            tenant: new.tenant,
            job: new.kind,
            priority: new.priority,
            state: JobState::Ready,
            organisation: new.organisation,
            host: new.host,
            coalesce: new.coalesce,
            coalesced: 0,
            request_id: new.request_id,
            sweep: new.sweep,
            created_at: now,
            updated_at: now,
            ready_at: new.ready_at,
            attempts: 0,
            lease: None,
            cancel_requested: false,
            error: None,
            scan: None,
            changes: None,
        }
    }

    /// A newer request for the same thing joins this waiting job: the newer commit, the older base, the higher priority, the earlier time.
    pub fn join(&mut self, newer: NewJob, now: Timestamp) {
        if let (JobKind::Scan(mine), JobKind::Scan(theirs)) = (&mut self.job, newer.kind) {
            // the oldest base covers every change that was joined
            let base = mine.base.take().or(theirs.base);
            *mine = ScanSpec { base, ..theirs };
        }
        self.priority = self.priority.min(newer.priority);
        self.ready_at = self.ready_at.min(newer.ready_at);
        self.request_id = newer.request_id;
        self.sweep = self.sweep.or(newer.sweep);
        self.coalesced += 1;
        self.updated_at = now;
    }

    /// A worker takes it.
    pub fn lease(&mut self, token: LeaseToken, worker: &str, length: SignedDuration, now: Timestamp) {
        self.state = JobState::Running;
        self.attempts += 1;
        self.updated_at = now;
        self.lease = Some(Lease { token, worker: worker.to_owned(), until: now + length });
    }

    /// Whether `token` is the current hold on it.
    #[must_use]
    pub fn held_by(&self, token: LeaseToken) -> bool {
        self.state == JobState::Running && self.lease.as_ref().is_some_and(|lease| lease.token == token)
    }

    /// The lease ran out: back into the queue, or given up after `max_attempts`.
    pub fn expire(&mut self, max_attempts: u32, now: Timestamp) {
        let worker = self.lease.take().map_or_else(|| "a worker".to_owned(), |lease| lease.worker);
        let reason = format!("{worker} stopped answering during attempt {}", self.attempts);
        let error = JobError { class: ErrorClass::Lost, reason, at: now };
        let outcome = if self.cancel_requested {
            Outcome::Cancelled
        } else if self.attempts >= max_attempts {
            Outcome::Dead(error)
        } else {
            Outcome::Retry { at: now, error }
        };
        self.end(outcome, now);
    }

    /// The run ended.
    pub fn end(&mut self, outcome: Outcome, now: Timestamp) {
        self.lease = None;
        self.updated_at = now;
        self.state = match outcome {
            Outcome::Done => {
                self.error = None;
                JobState::Done
            }
            Outcome::Retry { at, error } => {
                self.ready_at = at;
                self.error = Some(error);
                if self.cancel_requested { JobState::Cancelled } else { JobState::Ready }
            }
            Outcome::Dead(error) => {
                self.error = Some(error);
                JobState::Dead
            }
            Outcome::Cancelled => JobState::Cancelled,
            Outcome::Released => {
                self.attempts = self.attempts.saturating_sub(1);
                self.ready_at = now;
                if self.cancel_requested { JobState::Cancelled } else { JobState::Ready }
            }
        };
    }

    /// Somebody asks for it to stop: at once while it waits, at the next heartbeat while it runs. False when it has already ended.
    pub fn cancel(&mut self, now: Timestamp) -> bool {
        match self.state {
            JobState::Ready => self.end(Outcome::Cancelled, now),
            JobState::Running => self.cancel_requested = true,
            _ => return false,
        }
        true
    }

    /// Somebody asks for another try of what was given up or cancelled. False in any other state.
    pub fn retry(&mut self, now: Timestamp) -> bool {
        if !matches!(self.state, JobState::Dead | JobState::Cancelled) {
            return false;
        }
        self.state = JobState::Ready;
        self.attempts = 0;
        self.cancel_requested = false;
        self.ready_at = now;
        self.updated_at = now;
        true
    }
}
