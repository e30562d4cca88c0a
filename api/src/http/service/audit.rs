//! The audit trail.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Service, page, page_size};
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::wire::{AuditLine, Page, Paging};
use crate::identity::Identity;
use crate::store::record::AuditRecord;

const LIST: &str = "audit";

impl Service {
    /// Writes one line of the audit trail: who did what to what.
    pub(in crate::http) async fn record(
        &self,
        identity: &Identity,
        action: &str,
        object: &str,
        request_id: &str,
    ) -> Result<(), ApiError> {
        tracing::info!(target: "audit", tenant = self.tenant.as_str(), actor = %identity.actor, action, object);
        let record = AuditRecord {
            id: Uuid::now_v7(),
            tenant: self.tenant.clone(),
            at: Timestamp::now(),
            actor: identity.actor.clone(),
            action: action.to_owned(),
            object: object.to_owned(),
            request_id: request_id.to_owned(),
        };
        Ok(self.store.append_audit(record).await?)
    }

    /// One page of the trail.
    pub(in crate::http) async fn audit_lines(&self, paging: &Paging) -> Result<Page<AuditLine>, ApiError> {
        let limit = page_size(paging.limit)?;
        let after = match &paging.after {
            Some(after) => {
                let id = Uuid::from_slice(&cursor::open(LIST, after)?);
                Some(id.map_err(|_| ApiError::Unprocessable("after: not a cursor of this list".to_owned()))?)
            }
            None => None,
        };
        let found = self.store.audit(&self.tenant, after, limit).await?;
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|record| cursor::seal(LIST, record.id.as_bytes()));
        Ok(page(found, next))
    }
}
