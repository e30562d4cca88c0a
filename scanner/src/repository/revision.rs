//! From what a person calls a commit to the commit.

use git2::{ErrorCode, ObjectType, Oid};

use super::{Mirror, RepositoryError};

/// How many branches to name when the one asked for is not there.
const HINTS: usize = 5;

impl Mirror {
    /// The commit that `rev` names (an id, full or short, a tag, or a branch; `HEAD` when `None`).
    ///
    /// # Errors
    /// [`RepositoryError::Empty`], [`RepositoryError::NoSuchRevision`], [`RepositoryError::AmbiguousRevision`] or
    /// [`RepositoryError::NotACommit`].
    pub fn resolve(&self, rev: Option<&str>) -> Result<Oid, RepositoryError> {
        let repository = self.repository()?;
        let Some(rev) = rev else { return head(&repository) };
        let found = repository.revparse_single(rev).or_else(|error| match error.code() {
            ErrorCode::NotFound => repository.revparse_single(&format!("refs/remotes/origin/{rev}")).map_err(|_| error),
            _ => Err(error),
        });
        let object = found.map_err(|error| match error.code() {
            ErrorCode::Ambiguous => RepositoryError::AmbiguousRevision { rev: rev.to_owned() },
            _ if has_no_commits(&repository) => RepositoryError::Empty,
            _ => RepositoryError::NoSuchRevision { rev: rev.to_owned(), hint: hint(&repository) },
        })?;
        let kind = object.kind().unwrap_or(ObjectType::Any).str().to_owned();
        let commit = object.peel_to_commit().map_err(|_| RepositoryError::NotACommit { rev: rev.to_owned(), kind })?;
        Ok(commit.id())
    }

    /// Whether history was cut off when this repository was cloned, so that older commits are not here.
    ///
    /// # Errors
    /// When the repository cannot be opened.
    pub fn is_shallow(&self) -> Result<bool, RepositoryError> {
        Ok(self.repository()?.is_shallow())
    }
}

fn head(repository: &git2::Repository) -> Result<Oid, RepositoryError> {
    match repository.head() {
        Ok(head) => {
            let commit = head.peel_to_commit().map_err(RepositoryError::git("cannot read the commit at HEAD"))?;
            Ok(commit.id())
        }
        Err(_) if has_no_commits(repository) => Err(RepositoryError::Empty),
        Err(_) => Err(RepositoryError::NoSuchRevision { rev: "HEAD".to_owned(), hint: hint(repository) }),
    }
}

fn has_no_commits(repository: &git2::Repository) -> bool {
    repository.references().is_ok_and(|mut references| references.all(|found| found.is_err()))
}

fn hint(repository: &git2::Repository) -> String {
    let mut names: Vec<String> = repository
        .references()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|reference| reference.shorthand().ok().map(str::to_owned))
        .collect();
    names.sort();
    if names.is_empty() {
        return String::new();
    }
    let more = if names.len() > HINTS { ", …" } else { "" };
    names.truncate(HINTS);
    format!("; there are: {}{more}", names.join(", "))
}
