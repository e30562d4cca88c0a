//! Registered repositories.

use jiff::Timestamp;

use crate::store::record::{NewRepository, RepositoryId, RepositoryRecord, Shown, Standing, Tenant, normalise_url};
use crate::store::rows::{self, Scope, load};
use crate::store::{Observed, Store, StoreError, findings, keys, repositories};

impl Store {
    /// Registers a repository; once more is the same one. True when it is new.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn register(&self, new: NewRepository, now: Timestamp) -> Result<(RepositoryRecord, bool), StoreError> {
        self.write(move |rows| repositories::register(rows, &new, now)).await
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

    /// Takes a forge's word about a repository. `None` when it is not known and not to be registered.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn observe(&self, shown: Shown, register: bool, now: Timestamp) -> Result<Option<Observed>, StoreError> {
        self.write(move |rows| repositories::observe(rows, &shown, register, now)).await
    }

    /// The repository of an address, also when it was renamed to or from it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository_at(&self, tenant: &Tenant, url: &str) -> Result<Option<RepositoryRecord>, StoreError> {
        let address = RepositoryId::of(tenant, &normalise_url(url));
        let tenant = tenant.clone();
        self.read(move |rows| repositories::by_address(rows, &tenant, &address)).await
    }

    /// The repository under its forge's own id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repository_of_forge(
        &self,
        tenant: &Tenant,
        forge: &str,
        id: &str,
    ) -> Result<Option<RepositoryRecord>, StoreError> {
        let (tenant, forge, id) = (tenant.clone(), forge.to_owned(), id.to_owned());
        self.read(move |rows| repositories::by_forge(rows, &tenant, &forge, &id)).await
    }

    /// Sets where a repository stands. False when it is not there.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stand(
        &self,
        tenant: &Tenant,
        id: &RepositoryId,
        standing: Standing,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (tenant, id) = (tenant.clone(), id.clone());
        self.write(move |rows| {
            rows.lock(Scope::Repository(&tenant, &id))?;
            let Some(before) = repositories::by_id(rows, &tenant, &id)? else { return Ok(false) };
            let mut after = before.clone();
            after.stand(standing, now);
            repositories::put(rows, Some(&before), &after)?;
            Ok(true)
        })
        .await
    }
}
