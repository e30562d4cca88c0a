//! Repositories, and the scans that are asked for.

use jiff::Timestamp;

use super::{Service, not_found, page_size};
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::wire::{Job, NewRepository, NewScan, Page, Paging, Repository};
use crate::identity::Identity;
use crate::store::record;
use crate::store::record::{JobKind, NewJob, Priority, RepositoryId, RepositoryRecord, ScanSpec, Trigger};

const LIST: &str = "repositories";

impl Service {
    /// Registers a repository after looking where its URL leads. True when it is new.
    pub(in crate::http) async fn register(
        &self,
        identity: &Identity,
        asked: NewRepository,
    ) -> Result<(bool, Repository), ApiError> {
        let NewRepository { url, default_branch } = asked;
        if url.len() > 2000 {
            return Err(ApiError::Invalid("url: longer than 2000 characters".to_owned()));
        }
        self.config
            .reach
            .check_resolved(&url)
            .await
            .map_err(|error| ApiError::Unprocessable(format!("url: {error}")))?;
        if let Some(branch) = &default_branch {
            check_reference("default_branch", branch)?;
        }
        let new = record::NewRepository { tenant: self.tenant.clone(), url, default_branch, name: None, forge: None };
        let id = RepositoryRecord::register(&new, Timestamp::now()).id;
        if !identity.sees(id.as_str()) {
            return Err(ApiError::Forbidden("this token is restricted to other repositories".to_owned()));
        }
        let (record, new) = self.store.register(new, Timestamp::now()).await?;
        Ok((new, record.into()))
    }

    /// One page of the repositories that the identity sees.
    pub(in crate::http) async fn repositories(
        &self,
        identity: &Identity,
        paging: &Paging,
    ) -> Result<Page<Repository>, ApiError> {
        let limit = page_size(paging.limit)?;
        let after = paging.after.as_deref().map(|after| cursor::open_text(LIST, after)).transpose()?;
        let after = after.as_deref().map(RepositoryId::from_text);
        let found = self.store.repositories(&self.tenant, after.as_ref(), limit).await?;
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|record| cursor::seal(LIST, record.id.as_str().as_bytes()));
        let seen = found.into_iter().filter(|record| identity.sees(record.id.as_str()));
        Ok(Page { items: seen.map(Repository::from).collect(), next })
    }

    /// A repository that the identity sees.
    pub(in crate::http) async fn repository(
        &self,
        identity: &Identity,
        id: &str,
    ) -> Result<RepositoryRecord, ApiError> {
        let found = if identity.sees(id) {
            self.store.repository(&self.tenant, &RepositoryId::from_text(id)).await?
        } else {
            None
        };
        found.ok_or_else(|| not_found("repository", id))
    }

    /// Forgets a repository.
    pub(in crate::http) async fn forget(&self, identity: &Identity, id: &str) -> Result<(), ApiError> {
        let record = self.repository(identity, id).await?;
        self.store.delete_repository(&self.tenant, &record.id).await?;
        Ok(())
    }

    /// Queues a scan.
    pub(in crate::http) async fn ask_for_scan(
        &self,
        identity: &Identity,
        id: &str,
        asked: NewScan,
        request_id: &str,
    ) -> Result<Job, ApiError> {
        let repository = self.repository(identity, id).await?;
        for commit in [&asked.commit, &asked.base].into_iter().flatten() {
            check_commit(commit)?;
        }
        if let Some(reference) = &asked.reference {
            check_reference("ref", reference)?;
        }
        let spec = ScanSpec {
            repository: repository.id.clone(),
            reference: asked.reference,
            commit: asked.commit,
            base: asked.base,
            trigger: Trigger::Rest,
        };
        let job =
            self.store.enqueue(self.scan_job(&repository, spec, Priority::Ci, request_id), Timestamp::now()).await?;
        let job = self.store.job(&self.tenant, job.id()).await?;
        job.map(Job::from).ok_or_else(|| ApiError::Internal("a job vanished while it was queued".to_owned()))
    }

    /// A scan as a job. Asking twice for the same thing while it waits makes one job.
    pub(super) fn scan_job(
        &self,
        repository: &RepositoryRecord,
        spec: ScanSpec,
        priority: Priority,
        request_id: &str,
    ) -> NewJob {
        let what = spec.reference.as_deref().or(spec.commit.as_deref()).unwrap_or("HEAD");
        NewJob {
            tenant: self.tenant.clone(),
            coalesce: Some(format!("{}|{what}", repository.id)),
            kind: JobKind::Scan(spec),
            priority,
            organisation: repository.organisation.clone(),
            host: repository.host.clone(),
            request_id: request_id.to_owned(),
            ready_at: Timestamp::now(),
            sweep: None,
        }
    }
}

/// A full commit id: 40 or 64 hexadecimal digits.
pub(super) fn check_commit(commit: &str) -> Result<(), ApiError> {
    let full = matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if full {
        Ok(())
    } else {
        Err(ApiError::Invalid("expected a full commit id of 40 or 64 hexadecimal digits".to_owned()))
    }
}

/// A ref's name by git's rules, so that it can be nothing else (an option, a range).
fn check_reference(field: &str, name: &str) -> Result<(), ApiError> {
    let full = if name.starts_with("refs/") || name == "HEAD" { name.to_owned() } else { format!("refs/heads/{name}") };
    let valid = name.len() <= 250 && !name.starts_with('-') && git2::Reference::is_valid_name(&full);
    if valid { Ok(()) } else { Err(ApiError::Invalid(format!("{field}: not the name of a branch, tag or ref"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_commits_are_checked() {
        for (name, valid) in [
            ("main", true),
            ("feature/a", true),
            ("refs/tags/v1", true),
            ("HEAD", true),
            ("-x", false),
            ("a..b", false),
            ("a b", false),
            ("", false),
            ("a\nb", false),
        ] {
            assert_eq!(check_reference("ref", name).is_ok(), valid, "{name:?}");
        }
        assert!(check_commit(&"a".repeat(40)).is_ok() && check_commit(&"0".repeat(64)).is_ok());
        assert!(check_commit("HEAD").is_err() && check_commit(&"g".repeat(40)).is_err());
    }
}
