//! git as the jobs need it: refs without a clone, and a fetched commit with what it is judged against.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use git2::Oid;
use jiff::Timestamp;
use scanner::finding::Detail;
use scanner::repository::{Access, Mirror, Origin, Refs, RepositoryError};
use scanner::{Finding, FindingId, Stop};

use crate::reach::directory;
use crate::store::record::{ErrorClass, JobError, RepositoryRecord, ScanSpec};

/// Why a run failed, to be retried or not by its class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RunError {
    /// What sort.
    pub class: ErrorClass,
    /// In words, without credentials.
    pub reason: String,
}

impl RunError {
    /// An error of a class.
    pub fn new(class: ErrorClass, reason: impl Into<String>) -> Self {
        Self { class, reason: reason.into() }
    }

    /// As a job keeps it.
    #[must_use]
    pub fn at(self, at: Timestamp) -> JobError {
        JobError { class: self.class, reason: self.reason, at }
    }
}

impl From<RepositoryError> for RunError {
    fn from(error: RepositoryError) -> Self {
        let class = match &error {
            RepositoryError::NotARepository { .. }
            | RepositoryError::NoSuchRepository { .. }
            | RepositoryError::NoSuchRevision { .. } => ErrorClass::NotFound,
            RepositoryError::Unauthorised { .. } => ErrorClass::Forbidden,
            RepositoryError::Unreachable { reason, .. } if reason.contains("429") => ErrorClass::RateLimited,
            RepositoryError::Unreachable { .. } | RepositoryError::Locked { .. } => ErrorClass::Transient,
            RepositoryError::BadUrl { .. } | RepositoryError::Sha256 { .. } | RepositoryError::NotReadable { .. } => {
                ErrorClass::Invalid
            }
            _ => ErrorClass::Internal,
        };
        Self::new(class, error.to_string())
    }
}

/// Lists the refs of a remote; nothing is fetched.
///
/// # Errors
/// [`RunError`]
pub fn list_refs(repository: &RepositoryRecord, access: &Access) -> Result<Refs, RunError> {
    Ok(scanner::repository::listing::list(&origin_of(repository)?, access)?)
}

/// Where a repository is. What a directory of this machine holds needs no copy: it is read in place.
fn origin_of(repository: &RepositoryRecord) -> Result<Origin, RunError> {
    let (origin, _) = Origin::parse(repository.clone_url())?;
    Ok(match origin {
        Origin::Remote(url) if url.url().scheme() == "file" => {
            Origin::Local(directory(url.url()).unwrap_or_else(|| PathBuf::from(url.url().path())))
        }
        origin => origin,
    })
}

/// The commits that a secret stands in; none for other findings, and for secrets that stand in no commit (a ref's name).
#[must_use]
pub fn commits_of(finding: &Finding) -> Vec<String> {
    match &finding.detail {
        Detail::Secret(secret) if !secret.in_head => {
            secret.occurrences.iter().filter_map(|occurrence| occurrence.commit.clone()).collect()
        }
        _ => Vec::new(),
    }
}

/// Which of the findings stand only in commits that the scanned one does not reach: another branch brought them.
///
/// # Errors
/// When git fails, or when it was told to stop.
pub fn out_of_reach(
    prepared: &Prepared,
    findings: Vec<(FindingId, Vec<String>)>,
    stop: Stop<'_>,
) -> Result<BTreeSet<FindingId>, RunError> {
    let Some(head) = prepared.commit else { return Ok(BTreeSet::new()) };
    let git = prepared.mirror.repository()?;
    let failed = |error: git2::Error| RunError::new(ErrorClass::Internal, error.message().to_owned());
    let mut known = BTreeMap::<String, bool>::new();
    let mut elsewhere = BTreeSet::new();
    for (id, commits) in findings.into_iter().filter(|(_, commits)| !commits.is_empty()) {
        let mut reached = false;
        for commit in commits {
            stop.check()?;
            reached |= match known.get(&commit) {
                Some(reached) => *reached,
                None => {
                    let oid = Oid::from_str(&commit).map_err(failed)?;
                    let found = oid == head || git.graph_descendant_of(head, oid).map_err(failed)?;
                    known.insert(commit, found);
                    found
                }
            };
        }
        if !reached {
            elsewhere.insert(id);
        }
    }
    Ok(elsewhere)
}

/// A commit to be scanned, fetched.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The repository's objects.
    pub mirror: Mirror,
    /// The commit; `None` for a repository without commits.
    pub commit: Option<Oid>,
    /// The full name of the ref it was reached by.
    pub reference: Option<String>,
    /// The commit is the head of the default branch now.
    pub tracked: bool,
    /// What it is judged against.
    pub base: Option<Oid>,
}

/// Fetches, and resolves what the job asks for. `stop` breaks the fetch off.
///
/// # Errors
/// [`RunError`]
pub fn prepare(
    mirrors: &Path,
    repository: &RepositoryRecord,
    spec: &ScanSpec,
    access: &Access,
    stop: &AtomicBool,
) -> Result<Prepared, RunError> {
    let origin = origin_of(repository)?;
    let mirror = Mirror::of(&origin, mirrors, access, &mut |_| !stop.load(Ordering::Relaxed))?;
    let git = mirror.repository()?;
    let failed = |error: git2::Error| RunError::new(ErrorClass::Internal, error.message().to_owned());
    let default = match &repository.default_branch {
        Some(branch) if branch.starts_with("refs/") => Some(branch.clone()),
        Some(branch) => Some(format!("refs/heads/{branch}")),
        None => git.head().ok().and_then(|head| head.name().ok().map(str::to_owned)),
    };
    let tip = default.as_deref().and_then(|name| git.refname_to_id(name).ok());
    let wanted = spec.commit.as_deref().or(spec.reference.as_deref());
    let commit = match mirror.resolve(wanted.or(default.as_deref())) {
        Ok(commit) => commit,
        Err(RepositoryError::Empty) => {
            return Ok(Prepared { mirror, commit: None, reference: default, tracked: true, base: None });
        }
        Err(error) => return Err(error.into()),
    };
    let tracked = tip == Some(commit) && (spec.reference.is_none() || spec.reference == default);
    let reference = if tracked { default } else { spec.reference.clone() };
    // a merge request may name its target branch only
    let named = |base: &str| match base.starts_with("refs/") {
        true => git.refname_to_id(base).ok(),
        false => Oid::from_str(base).ok(),
    };
    let given = spec.base.as_deref().and_then(named).filter(|base| !base.is_zero());
    let known = given.filter(|base| git.find_commit(*base).is_ok());
    let base = known.or(tip).and_then(|other| git.merge_base(commit, other).ok());
    let base = match base {
        // on the default branch itself a commit is judged against the one before
        Some(base) if base == commit => git.find_commit(commit).map_err(failed)?.parent_id(0).ok(),
        base => base,
    };
    Ok(Prepared { mirror, commit: Some(commit), reference, tracked, base })
}
