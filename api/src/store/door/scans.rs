//! Committed scans and their reports.

use jiff::Timestamp;

use crate::store::record::{RepositoryId, ScanId, ScanRecord, Tenant};
use crate::store::rows::load;
use crate::store::{Committed, ScanCommit, Store, StoreError, findings, keys};

impl Store {
    /// Commits a scan, its findings, packages and events, and ends its job: one transaction. `None` when the lease is lost.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn commit_scan(&self, commit: ScanCommit, now: Timestamp) -> Result<Option<Committed>, StoreError> {
        self.write(move |rows| findings::commit_scan(rows, &commit, now)).await
    }

    /// A scan.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scan(&self, tenant: &Tenant, id: ScanId) -> Result<Option<ScanRecord>, StoreError> {
        let key = keys::scan(tenant, id);
        self.read(move |rows| load(rows, &key)).await
    }

    /// Scans of a repository, the newest first, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scans(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        after: Option<ScanId>,
        limit: usize,
    ) -> Result<Vec<ScanRecord>, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.read(move |rows| findings::scans(rows, &tenant, &repository, after, limit)).await
    }

    /// The newest scan of exactly this commit; `None` is "not scanned yet", never "nothing found".
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn scan_of_commit(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        commit: &str,
    ) -> Result<Option<ScanRecord>, StoreError> {
        let (tenant, repository, commit) = (tenant.clone(), repository.clone(), commit.to_owned());
        self.read(move |rows| findings::scan_of_commit(rows, &tenant, &repository, &commit)).await
    }

    /// The report of a scan, as JSON bytes.
    ///
    /// # Errors
    /// [`StoreError`]; a report of which a part is missing is [`StoreError::Damaged`].
    pub async fn report(&self, tenant: &Tenant, id: ScanId) -> Result<Option<Vec<u8>>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| findings::report(rows, &tenant, id)).await
    }
}
