//! Remembered answers and the audit trail. API tokens are [`crate::identity::TokenRecord`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Tenant;

/// An answer that is given again when the same `Idempotency-Key` comes again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// The body's media type.
    pub content_type: String,
    /// The body.
    pub body: String,
    /// The `Location` header, where there was one.
    #[serde(default)]
    pub location: Option<String>,
}

/// A remembered `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// Whose.
    pub tenant: Tenant,
    /// The key as sent.
    pub key: String,
    /// Digest of method, path and body: another request under the same key is an error.
    pub fingerprint: String,
    /// When it was first seen.
    pub at: Timestamp,
    /// The answer; `None` while the first request is being worked on.
    pub response: Option<StoredResponse>,
}

/// One line of the audit trail: who changed what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Its identity, a UUID of version 7: lines sort by it.
    pub id: Uuid,
    /// Whose.
    pub tenant: Tenant,
    /// When.
    pub at: Timestamp,
    /// Who, as of [`crate::identity::Identity`].
    pub actor: String,
    /// What was done, such as `PATCH /api/v1/findings/{id}`.
    pub action: String,
    /// To what: a path of REST, or what else names it.
    pub object: String,
    /// The request that did it.
    pub request_id: String,
}
