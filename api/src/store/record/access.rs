//! Remembered answers. API tokens are [`crate::identity::TokenRecord`].

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
