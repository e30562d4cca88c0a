//! What can go wrong between a target and its objects, in words for the person who typed the target.

use std::path::PathBuf;

/// Why a repository cannot be had or read. Never contains credentials.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The target is neither a path nor a URL that git knows.
    #[error("`{url}` is no repository address: {reason}")]
    BadUrl {
        /// The address without credentials.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The path exists but holds no git repository.
    #[error("`{}` is not a git repository", path.display())]
    NotARepository {
        /// The path as given.
        path: PathBuf,
    },
    /// The server does not know the repository, or hides it.
    #[error("`{url}`: no such repository, or no permission to see it: {reason}")]
    NoSuchRepository {
        /// The address without credentials.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The server wants other credentials than were given.
    #[error("`{url}`: authentication failed: {reason}")]
    Unauthorised {
        /// The address without credentials.
        url: String,
        /// What the server said.
        reason: String,
    },
    /// The server was not reached, or broke off.
    #[error("`{url}` cannot be fetched: {reason}")]
    Unreachable {
        /// The address without credentials.
        url: String,
        /// What failed.
        reason: String,
    },
    /// The server's answer is not git's protocol as libgit2 reads it.
    #[error(
        "`{url}` cannot be read: {reason}; a repository that is shallow on its server answers so, and cannot be fetched whole"
    )]
    NotReadable {
        /// The address without credentials.
        url: String,
        /// libgit2's words.
        reason: String,
    },
    /// Objects named by SHA-256: libgit2 does not read them yet.
    #[error("`{location}` uses the SHA-256 object format, which is not supported yet")]
    Sha256 {
        /// Path or address.
        location: String,
    },
    /// Nothing was ever committed.
    #[error("the repository has no commits")]
    Empty,
    /// The revision names nothing.
    #[error("no commit, tag or branch `{rev}`{hint}")]
    NoSuchRevision {
        /// As asked.
        rev: String,
        /// What there is instead.
        hint: String,
    },
    /// A short id that several objects share.
    #[error("`{rev}` is ambiguous: several objects begin so")]
    AmbiguousRevision {
        /// As asked.
        rev: String,
    },
    /// It names an object that is no commit.
    #[error("`{rev}` is a {kind}, not a commit")]
    NotACommit {
        /// As asked.
        rev: String,
        /// What it is.
        kind: String,
    },
    /// Another process is updating the same mirror.
    #[error("another process is updating the mirror `{}`", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The caller broke off.
    #[error("cancelled")]
    Cancelled,
    /// The disk failed.
    #[error("{doing} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// git failed in another way.
    #[error("{doing}: {reason}")]
    Git {
        /// What was tried.
        doing: String,
        /// libgit2's words.
        reason: String,
    },
}

impl RepositoryError {
    /// Wraps libgit2's error with what was being done.
    pub(super) fn git(doing: impl Into<String>) -> impl FnOnce(git2::Error) -> Self {
        let doing = doing.into();
        move |error| Self::Git { doing, reason: error.message().to_owned() }
    }

    pub(super) fn io(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { doing, path, source }
    }
}
