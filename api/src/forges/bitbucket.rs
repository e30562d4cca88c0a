//! Bitbucket Cloud's deliveries: <https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/>.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::{Event, PullRequest, Push, Refusal, RemoteRepository, RepositoryChange, RepositoryEvent, Webhooks};
use super::{header, read, verify_hex_hmac};
use crate::credential::Credential;

/// Bitbucket Cloud.
pub struct Bitbucket;

impl Webhooks for Bitbucket {
    fn verify(&self, headers: &HeaderMap, body: &[u8], secrets: &[Credential], _now: i64) -> Result<(), Refusal> {
        verify_hex_hmac(headers, "x-hub-signature", "sha256=", body, secrets)
    }

    fn delivery_id(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        header(headers, "x-request-uuid").map(str::to_owned)
    }

    fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refusal> {
        let name = header(headers, "x-event-key")?;
        Ok(match name {
            "diagnostics:ping" => Event::Ping,
            "repo:push" => Event::Push { pushes: read::<PushBody>(name, body)?.pushes() },
            "pullrequest:created" | "pullrequest:updated" => {
                Event::PullRequest(read::<PullRequestBody>(name, body)?.named(name))
            }
            "repo:created" | "repo:deleted" | "repo:updated" | "repo:transfer" => {
                Event::Repository(read::<RepositoryBody>(name, body)?.named(name))
            }
            other => Event::Unhandled { name: other.to_owned() },
        })
    }
}

#[derive(Deserialize, Clone)]
struct Repository {
    uuid: String,
    full_name: String,
    links: Links,
    /// Null for what is no fork.
    parent: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize, Clone)]
struct Links {
    html: Link,
}

#[derive(Deserialize, Clone)]
struct Link {
    href: String,
}

impl From<Repository> for RemoteRepository {
    fn from(repository: Repository) -> Self {
        Self {
            forge_id: repository.uuid,
            full_name: repository.full_name,
            // the payload has no clone link; the page's address with `.git` is one
            clone_url: format!("{}.git", repository.links.html.href.trim_end_matches('/')),
            ssh_url: None,
            default_branch: None,
            archived: false,
            fork: repository.parent.is_some(),
        }
    }
}

#[derive(Deserialize)]
struct PushBody {
    push: Changes,
    repository: Repository,
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    new: Option<Side>,
    old: Option<Side>,
    #[serde(default)]
    forced: bool,
}

#[derive(Deserialize)]
struct Side {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    target: Target,
}

#[derive(Deserialize)]
struct Target {
    hash: String,
}

impl PushBody {
    fn pushes(self) -> Vec<Push> {
        let repository = RemoteRepository::from(self.repository);
        let push = |change: Change| {
            let named = change.new.as_ref().or(change.old.as_ref())?;
            let space = if named.kind == "tag" { "tags" } else { "heads" };
            Some(Push {
                repository: repository.clone(),
                reference: format!("refs/{space}/{}", named.name),
                before: change.old.map(|side| side.target.hash),
                after: change.new.map(|side| side.target.hash),
                forced: change.forced,
            })
        };
        self.push.changes.into_iter().filter_map(push).collect()
    }
}

#[derive(Deserialize)]
struct PullRequestBody {
    pullrequest: PullRequestItself,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequestItself {
    id: u64,
    source: PullRequestSide,
    destination: PullRequestSide,
}

#[derive(Deserialize)]
struct PullRequestSide {
    branch: Branch,
    commit: Target,
    /// Null once the fork is deleted.
    repository: Option<SideRepository>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct SideRepository {
    uuid: String,
}

impl PullRequestBody {
    fn named(self, event: &str) -> PullRequest {
        let PullRequestItself { id, source, destination } = self.pullrequest;
        let uuid = |side: &PullRequestSide| side.repository.as_ref().map(|repository| repository.uuid.clone());
        PullRequest {
            from_fork: uuid(&source) != uuid(&destination),
            repository: self.repository.into(),
            number: id,
            action: event.trim_start_matches("pullrequest:").to_owned(),
            head_commit: source.commit.hash,
            base_branch: destination.branch.name,
            base_commit: Some(destination.commit.hash),
            // `updated` may be the title alone; the scan of a known commit is answered from the store
            head_moved: true,
        }
    }
}

#[derive(Deserialize)]
struct RepositoryBody {
    repository: Repository,
    /// Of `repo:updated`.
    changes: Option<RepositoryChanges>,
}

#[derive(Deserialize)]
struct RepositoryChanges {
    full_name: Option<serde::de::IgnoredAny>,
}

impl RepositoryBody {
    fn named(self, event: &str) -> RepositoryEvent {
        let renamed = self.changes.is_some_and(|changes| changes.full_name.is_some());
        let change = match event {
            "repo:created" => RepositoryChange::Created,
            "repo:deleted" => RepositoryChange::Deleted,
            "repo:transfer" => RepositoryChange::Renamed,
            "repo:updated" if renamed => RepositoryChange::Renamed,
            other => RepositoryChange::Other(other.to_owned()),
        };
        RepositoryEvent { repository: self.repository.into(), change }
    }
}
