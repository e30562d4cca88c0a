//! What a delivery says, in the same words for every forge.

use serde::{Deserialize, Serialize};

/// A repository as its forge describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteRepository {
    /// The forge's own lasting id; it survives a rename.
    pub forge_id: String,
    /// `owner/name`, with groups where the forge nests them.
    pub full_name: String,
    /// The HTTPS address to clone from.
    pub clone_url: String,
    /// The SSH address to clone from, where the payload has one.
    pub ssh_url: Option<String>,
    /// The branch that counts, where the payload names it.
    pub default_branch: Option<String>,
    /// Read-only.
    pub archived: bool,
    /// A fork of another repository.
    pub fork: bool,
}

/// Commits arrived at, moved on, or left a ref.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Push {
    /// Where.
    pub repository: RemoteRepository,
    /// The full ref, `refs/heads/main`.
    pub reference: String,
    /// The commit before; `None` for a new ref.
    pub before: Option<String>,
    /// The commit after; `None` for a deleted ref.
    pub after: Option<String>,
    /// The old commit is no ancestor of the new one, where the forge says so.
    pub forced: bool,
}

/// A pull or merge request was opened or its head moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// The repository that it asks to merge into.
    pub repository: RemoteRepository,
    /// Its number there.
    pub number: u64,
    /// The forge's word for what happened (`opened`, `synchronize`, `update`, …).
    pub action: String,
    /// The commit at its head.
    pub head_commit: String,
    /// The branch it asks to merge into.
    pub base_branch: String,
    /// The commit of that branch, where the payload has it.
    pub base_commit: Option<String>,
    /// Whether the head stands in another repository.
    pub from_fork: bool,
    /// Whether the head's commits may be new, so that there is something to scan.
    pub head_moved: bool,
}

/// What happened to a repository itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RepositoryChange {
    /// It is new.
    Created,
    /// It has a new name or owner.
    Renamed,
    /// It became read-only.
    Archived,
    /// It can be written again.
    Unarchived,
    /// It is gone.
    Deleted,
    /// Anything else (visibility, topics, …).
    Other(String),
}

/// A repository was created, renamed, archived or deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryEvent {
    /// Which, as it is after the change.
    pub repository: RemoteRepository,
    /// What happened.
    pub change: RepositoryChange,
}

/// The app was installed somewhere, removed, or given other repositories.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The installation's id.
    pub id: u64,
    /// The forge's word (`created`, `deleted`, `suspend`, `added`, …).
    pub action: String,
    /// The account it is installed on, where the payload names it.
    pub account: Option<String>,
    /// Repositories that came within reach.
    pub added: Vec<InstalledRepository>,
    /// Repositories that went out of reach.
    pub removed: Vec<InstalledRepository>,
}

/// A repository as an installation names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledRepository {
    /// The forge's own lasting id.
    pub forge_id: String,
    /// `owner/name`.
    pub full_name: String,
}

/// What a delivery says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Refs moved. Bitbucket may move several in one delivery; the others move one.
    Push {
        /// One for each ref.
        pushes: Vec<Push>,
    },
    /// A pull or merge request.
    PullRequest(PullRequest),
    /// A repository itself changed.
    Repository(RepositoryEvent),
    /// The app's reach changed.
    Installation(Installation),
    /// The forge tries whether we are there.
    Ping,
    /// Signed and fine, and nothing that we act on.
    Unhandled {
        /// The forge's name for it.
        name: String,
    },
}

impl Event {
    /// A word for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Push { .. } => "push",
            Self::PullRequest(_) => "pull_request",
            Self::Repository(_) => "repository",
            Self::Installation(_) => "installation",
            Self::Ping => "ping",
            Self::Unhandled { .. } => "unhandled",
        }
    }
}

/// The ref under which a forge of this kind keeps the head of a pull or merge request.
///
/// Bitbucket Cloud keeps none: the name then only says which request it is, and the commit is found on its branch.
#[must_use]
pub fn pull_request_ref(forge: super::ForgeKind, number: u64) -> String {
    match forge {
        super::ForgeKind::Gitlab => format!("refs/merge-requests/{number}/head"),
        super::ForgeKind::Bitbucket => format!("refs/pull-requests/{number}/from"),
        _ => format!("refs/pull/{number}/head"),
    }
}

/// The number of the pull or merge request that a ref is the head of.
#[must_use]
pub fn pull_request_of(reference: &str) -> Option<u64> {
    let (space, rest) = reference.strip_prefix("refs/")?.split_once('/')?;
    let number = match space {
        "pull" | "merge-requests" => rest.strip_suffix("/head")?,
        "pull-requests" => rest.strip_suffix("/from")?,
        _ => return None,
    };
    number.parse().ok()
}

/// `None` for the all-zero id that stands for "no commit" in pushes, of SHA-1 or SHA-256 length.
pub(super) fn commit(id: String) -> Option<String> {
    let zero = id.bytes().all(|byte| byte == b'0');
    (!zero).then_some(id)
}
