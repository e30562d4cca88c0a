//! What the store keeps, as plain values. Each record carries its own schema version on disk, see [`codec`].

mod access;
pub mod codec;
mod finding;
mod identity;
mod job;
mod outbox;
mod repository;
mod scan;
mod sweep;
pub(super) mod upgrade;

pub use access::{AuditRecord, IdempotencyRecord, StoredResponse};
pub use finding::{FindingRecord, FindingState, Triage};
pub use identity::{EventId, InvalidTenant, JobId, LeaseToken, MessageId, RepositoryId, ScanId, SweepId, Tenant};
pub use job::{
    AnswerSpec, Changes, Enqueued, ErrorClass, JobError, JobKind, JobRecord, JobState, Lease, NewJob, Outcome,
    Priority, ScanSpec, Trigger,
};
pub use outbox::{EventKind, MessageRecord, MessageState, NewMessage, OutboxEvent};
pub use repository::{DeliveryRecord, NewRepository, RepositoryRecord, Shown, Standing, normalise_url};
pub use scan::{IgnoreRule, PackageUse, ScanFinding, ScanRecord};
pub use sweep::{Did, SweepRecord, SweepState, Swept};
