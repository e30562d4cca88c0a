//! Findings: lists, decisions about them, and what the advisories make of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scanner::FindingId;

use crate::store::record::{FindingRecord, PackageUse, RepositoryId, ScanId, Tenant, Triage};
use crate::store::{
    Change, Committed, FindingsPage, FindingsQuery, Store, StoreError, TriageRefused, findings, keys, rows, triage,
};

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
        self.write(move |rows| triage::decide(rows, &tenant, &id, &triage)).await
    }

    /// Accepts, in one transaction, those of the findings that are still open, each for the reason given; gives them. What is closed by then
    /// keeps what was decided about it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn accept(
        &self,
        tenant: &Tenant,
        reasons: BTreeMap<FindingId, String>,
        actor: &str,
        at: Timestamp,
    ) -> Result<Vec<FindingId>, StoreError> {
        let (tenant, actor) = (tenant.clone(), actor.to_owned());
        self.write(move |rows| triage::accept(rows, &tenant, &reasons, (&actor, at))).await
    }

    /// Reopens what was accepted until a time that has come; gives how many.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn expire_acceptances(&self, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(move |rows| triage::expire(rows, now, limit)).await
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

    /// Every finding of a repository, whatever its state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn findings_of(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
    ) -> Result<BTreeMap<FindingId, FindingRecord>, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.read(move |rows| findings::of_repository(rows, &tenant, &repository)).await
    }

    /// Says which advisories are in force: a scan that is committed with others is noted from here on, see [`Store::stragglers`].
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn advisories_in_force(&self, digest: &str) -> Result<(), StoreError> {
        self.put_meta(findings::IN_FORCE, digest).await
    }

    /// Repositories whose head was scanned with other advisories than those in force.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn stragglers(&self, tenant: &Tenant, limit: usize) -> Result<Vec<RepositoryId>, StoreError> {
        let prefix = keys::stragglers(tenant);
        self.read(move |rows| {
            let found = rows::list(rows, &prefix, None, limit)?;
            Ok(found.into_iter().map(|(_, id)| id).collect())
        })
        .await
    }

    /// Brings a change of the advisories to one repository, in one transaction; doing it again changes nothing. The change was worked out
    /// on the scan given (and on the whole of it): `None`, and nothing happens, when that is the head's no longer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rematch(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        (scan, whole): (ScanId, bool),
        change: Change,
        now: Timestamp,
    ) -> Result<Option<Committed>, StoreError> {
        let (tenant, repository) = (tenant.clone(), repository.clone());
        self.write(move |rows| findings::rematch(rows, &tenant, &repository, (scan, whole), &change, now)).await
    }
}
