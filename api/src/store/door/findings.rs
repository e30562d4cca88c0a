//! Findings: lists, decisions about them, and what the advisories make of them.

use jiff::Timestamp;
use scanner::{Finding, FindingId};

use crate::store::record::{FindingRecord, PackageUse, RepositoryId, Tenant, Triage};
use crate::store::{Committed, FindingsPage, FindingsQuery, Store, StoreError, TriageRefused, findings};

impl Store {
    /// One page of findings.
    ///
    /// # Errors
    /// [`StoreError`]; [`StoreError::Cursor`] for a cursor of another list.
    pub async fn findings(&self, query: FindingsQuery) -> Result<FindingsPage, StoreError> {
        self.read(move |rows| findings::page(rows, &query)).await
    }

    /// A finding with its life.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finding(&self, tenant: &Tenant, id: &str) -> Result<Option<FindingRecord>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.read(move |rows| findings::finding(rows, &tenant, &id)).await
    }

    /// Keeps somebody's decision. `None`: no such finding.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn triage(
        &self,
        tenant: &Tenant,
        id: &str,
        triage: Triage,
    ) -> Result<Option<Result<FindingRecord, TriageRefused>>, StoreError> {
        let (tenant, id) = (tenant.clone(), id.to_owned());
        self.write(move |rows| findings::triage(rows, &tenant, &id, &triage)).await
    }

    /// Reopens what was accepted until a time that has come; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire_acceptances(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |rows| findings::expire(rows, now, limit)).await
    }

    /// Who has a package on a default branch: all uses of at most `limit` repositories, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn affected_by(
        &self,
        tenant: &Tenant,
        package: &str,
        after: Option<&RepositoryId>,
        limit: usize,
    ) -> Result<Vec<PackageUse>, StoreError> {
        let (tenant, package, after) = (tenant.clone(), package.to_owned(), after.cloned());
        self.read(move |rows| findings::affected_by(rows, &tenant, &package, after.as_ref(), limit)).await
    }

    /// Brings a change of the advisories to one repository, in one transaction; doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rematch(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        opened: Vec<Finding>,
        withdrawn: Vec<FindingId>,
        now: Timestamp,
    ) -> Result<Committed, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.write(move |rows| findings::rematch(rows, &tenant, &repository, &opened, &withdrawn, now)).await
    }
}
