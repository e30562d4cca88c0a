//! The audit trail on the wire.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::record::AuditRecord;

/// One line of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLine {
    /// Its identity.
    pub id: String,
    /// When, RFC 3339.
    pub at: String,
    /// Who: `token:<id>`, `oidc:<issuer> <subject>`, `loopback` or `command line`.
    pub actor: String,
    /// What was done, such as `PATCH /api/v1/findings/{id}`.
    pub action: String,
    /// To what.
    pub object: String,
    /// The request that did it.
    pub request_id: String,
}

impl From<AuditRecord> for AuditLine {
    fn from(record: AuditRecord) -> Self {
        Self {
            id: record.id.to_string(),
            at: record.at.to_string(),
            actor: record.actor,
            action: record.action,
            object: record.object,
            request_id: record.request_id,
        }
    }
}
