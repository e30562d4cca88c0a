//! Registered repositories.

use jiff::Timestamp;

use crate::store::record::{NewRepository, RepositoryId, RepositoryRecord, Tenant};
use crate::store::rows::{self, Scope, load, save};
use crate::store::{Store, StoreError, findings, keys};

impl Store {
    /// Registers a repository; once more is the same one. True when it is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register(&self, new: NewRepository, now: Timestamp) -> Result<(RepositoryRecord, bool), StoreError> {
        self.write(move |rows| {
            let record = RepositoryRecord::register(&new, now);
            rows.lock(Scope::Repository(&record.tenant, &record.id))?;
            let key = keys::repository(&record.tenant, &record.id);
            if let Some(known) = load(rows, &key)? {
                return Ok((known, false));
            }
            save(rows, key, &record)?;
            Ok((record, true))
        })
        .await
    }

    /// A repository; `None` when the tenant has none of this identity.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository(&self, tenant: &Tenant, id: &RepositoryId) -> Result<Option<RepositoryRecord>, StoreError> {
        let key = keys::repository(tenant, id);
        self.read(move |rows| load(rows, &key)).await
    }

    /// Repositories by identity, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repositories(
        &self,
        tenant: &Tenant,
        after: Option<&RepositoryId>,
        limit: usize,
    ) -> Result<Vec<RepositoryRecord>, StoreError> {
        let after = after.map(|id| keys::repository(tenant, id).done());
        let prefix = keys::of_tenant(keys::REPOSITORY, tenant);
        self.read(move |rows| {
            let found = rows::list(rows, &prefix, after.as_deref(), limit)?;
            Ok(found.into_iter().map(|(_, record)| record).collect())
        })
        .await
    }

    /// Deletes a repository with its findings, scans and packages. False when it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn delete_repository(&self, tenant: &Tenant, id: &RepositoryId) -> Result<bool, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.write(move |rows| findings::delete_repository(rows, &tenant, &id)).await
    }
}
