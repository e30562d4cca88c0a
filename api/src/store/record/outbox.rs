//! What is to be told to the outside: events as they happen, and the messages that are made of them.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    ErrorClass, EventId, JobError, Lease, LeaseToken, MessageId, Outcome, RepositoryId, ScanFinding, ScanId, Tenant,
};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A finding was seen for the first time.
    Opened,
    /// A finding came back after it was fixed, or after its acceptance ran out.
    Reopened,
    /// A finding is no longer there.
    Fixed,
    /// A scan was committed, on whatever branch: its commit can be judged.
    Scanned,
}

/// Something to be told, written in the transaction that made it true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxEvent {
    /// Ascending by time; receivers may drop what they have seen.
    pub id: EventId,
    /// Whose.
    pub tenant: Tenant,
    /// Where.
    pub repository: RepositoryId,
    /// What happened.
    pub event: EventKind,
    /// To which finding; `None` for a scan.
    pub finding: Option<ScanFinding>,
    /// The scan that brought it; `None` for a re-match or an acceptance that ran out.
    pub scan: Option<ScanId>,
    /// When.
    pub at: Timestamp,
}

/// A message to be queued.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// Whose.
    pub tenant: Tenant,
    /// Where it goes, as the configuration names it.
    pub channel: String,
    /// What it says, for the channel's sender. No credentials: it is stored.
    pub content: serde_json::Value,
    /// Not before this time.
    pub ready_at: Timestamp,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageState {
    /// Waiting (perhaps until `ready_at`).
    Ready,
    /// A sender holds a lease on it.
    Sending,
    /// Given up; the reason is in `error`. It can be retried by hand.
    Dead,
    /// Delivered. No record stays in this state: it is removed.
    Sent,
}

impl MessageState {
    /// The states of records.
    pub const ALL: [Self; 3] = [Self::Ready, Self::Sending, Self::Dead];

    /// The word used in REST and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Sending => "sending",
            Self::Dead => "dead",
            Self::Sent => "sent",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A message on its way through one channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRecord {
    /// Its identity; a receiver may drop what it has seen.
    pub id: MessageId,
    /// Whose.
    pub tenant: Tenant,
    /// Where it goes.
    pub channel: String,
    /// What it says.
    pub content: serde_json::Value,
    /// Where it stands.
    pub state: MessageState,
    /// When it was queued.
    pub created_at: Timestamp,
    /// When it last changed its state.
    pub updated_at: Timestamp,
    /// It is not sent before this.
    pub ready_at: Timestamp,
    /// Tries begun.
    pub attempts: u32,
    /// The current try.
    pub lease: Option<Lease>,
    /// Why it failed last.
    pub error: Option<JobError>,
}

impl MessageRecord {
    /// A waiting message.
    #[must_use]
    pub fn queued(new: NewMessage, now: Timestamp) -> Self {
        Self {
            id: MessageId::fresh(),
            tenant: new.tenant,
            channel: new.channel,
            content: new.content,
            state: MessageState::Ready,
            created_at: now,
            updated_at: now,
            ready_at: new.ready_at,
            attempts: 0,
            lease: None,
            error: None,
        }
    }

    /// A sender takes it.
    pub fn lease(&mut self, token: LeaseToken, worker: &str, length: SignedDuration, now: Timestamp) {
        self.state = MessageState::Sending;
        self.attempts += 1;
        self.updated_at = now;
        self.lease = Some(Lease { token, worker: worker.to_owned(), until: now + length });
    }

    /// Whether the token is that of the current try.
    #[must_use]
    pub fn held_by(&self, token: LeaseToken) -> bool {
        self.lease.as_ref().is_some_and(|lease| lease.token == token)
    }

    /// The sender died: try again, or give up. Whether the receiver has it is not known.
    pub fn expire(&mut self, max_attempts: u32, now: Timestamp) {
        let worker = self.lease.take().map_or_else(|| "a sender".to_owned(), |lease| lease.worker);
        let reason = format!("{worker} stopped answering during attempt {}", self.attempts);
        self.error = Some(JobError { class: ErrorClass::Lost, reason, at: now });
        self.state = if self.attempts >= max_attempts { MessageState::Dead } else { MessageState::Ready };
        self.ready_at = now;
        self.updated_at = now;
    }

    /// A try ended.
    pub fn end(&mut self, outcome: Outcome, now: Timestamp) {
        self.lease = None;
        self.updated_at = now;
        self.state = match outcome {
            Outcome::Done | Outcome::Cancelled => MessageState::Sent,
            Outcome::Retry { at, error } => {
                self.ready_at = at;
                self.error = Some(error);
                MessageState::Ready
            }
            Outcome::Dead(error) => {
                self.error = Some(error);
                MessageState::Dead
            }
            Outcome::Released => {
                self.attempts = self.attempts.saturating_sub(1);
                self.ready_at = now;
                MessageState::Ready
            }
        };
    }

    /// Somebody asks for another try of what was given up. False in any other state.
    pub fn retry(&mut self, now: Timestamp) -> bool {
        if self.state != MessageState::Dead {
            return false;
        }
        self.state = MessageState::Ready;
        self.attempts = 0;
        self.ready_at = now;
        self.updated_at = now;
        true
    }
}
