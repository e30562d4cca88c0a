//! The audit trail, and what is written down about requests and tokens in passing.

use jiff::Timestamp;
use uuid::Uuid;

use crate::identity::TokenRecord;
use crate::store::record::{AuditRecord, IdempotencyRecord, Tenant};
use crate::store::rows::{Key, Scope, list, load, save};
use crate::store::{Store, StoreError, keys};

impl Store {
    /// Adds a line to the audit trail.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn append_audit(&self, record: AuditRecord) -> Result<(), StoreError> {
        self.write(move |rows| {
            let key = keys::of_tenant(keys::AUDIT, &record.tenant).inverted(record.id.as_bytes());
            save(rows, key, &record)
        })
        .await
    }

    /// Lines of the audit trail, the newest first, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(
        &self,
        tenant: &Tenant,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let prefix = keys::of_tenant(keys::AUDIT, tenant);
        let after = after.map(|id| prefix.clone().inverted(id.as_bytes()).done());
        self.read(move |rows| {
            let found = list::<AuditRecord>(rows, &prefix, after.as_deref(), limit)?;
            Ok(found.into_iter().map(|(_, record)| record).collect())
        })
        .await
    }

    /// Forgets an `Idempotency-Key` whose request was refused, so that it may be used again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn release_request(&self, tenant: &Tenant, key: &str) -> Result<(), StoreError> {
        let row = keys::of_tenant(keys::IDEMPOTENCY, tenant).text(key);
        let (tenant, key) = (tenant.clone(), key.to_owned());
        self.write(move |rows| {
            rows.lock(Scope::Request(&tenant, &key))?;
            let unanswered = load::<IdempotencyRecord>(rows, &row)?.is_some_and(|record| record.response.is_none());
            if unanswered {
                rows.delete(row.clone().done());
            }
            Ok(())
        })
        .await
    }

    /// Notes that a token was used, seconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn token_used(&self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let key = Key::table(keys::TOKEN).text(id);
        self.write(move |rows| {
            rows.lock(Scope::Tokens)?;
            let Some(mut token) = load::<TokenRecord>(rows, &key)? else { return Ok(()) };
            token.last_used = token.last_used.max(Some(at.as_second()));
            save(rows, key.clone(), &token)
        })
        .await
    }
}
