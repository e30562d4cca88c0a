//! GitHub's deliveries: <https://docs.github.com/en/webhooks/webhook-events-and-payloads>.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::event::commit;
use super::{
    Event, Installation, InstalledRepository, PullRequest, Push, Refusal, RemoteRepository, RepositoryChange,
    RepositoryEvent,
};
use super::{Webhooks, header, read, verify_hex_hmac};
use crate::credential::Credential;

/// GitHub, cloud and Enterprise Server.
pub struct Github;

impl Webhooks for Github {
    fn verify(&self, headers: &HeaderMap, body: &[u8], secrets: &[Credential], _now: i64) -> Result<(), Refusal> {
        verify_hex_hmac(headers, "x-hub-signature-256", "sha256=", body, secrets)
    }

    fn delivery_id(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        header(headers, "x-github-delivery").map(str::to_owned)
    }

    fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refusal> {
        event(header(headers, "x-github-event")?, body)
    }
}

/// Reads an event worded as GitHub's; Gitea and Forgejo speak the same tongue for pushes and pull requests.
pub(super) fn event(name: &str, body: &[u8]) -> Result<Event, Refusal> {
    Ok(match name {
        "ping" => Event::Ping,
        "push" => Event::Push { pushes: vec![read::<PushBody>(name, body)?.into()] },
        "pull_request" => Event::PullRequest(read::<PullRequestBody>(name, body)?.into()),
        "repository" => Event::Repository(read::<RepositoryBody>(name, body)?.into()),
        "installation" | "installation_repositories" => {
            Event::Installation(read::<InstallationBody>(name, body)?.into())
        }
        other => Event::Unhandled { name: other.to_owned() },
    })
}

#[derive(Deserialize)]
pub(crate) struct Repository {
    id: u64,
    full_name: String,
    clone_url: String,
    ssh_url: Option<String>,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    fork: bool,
}

impl From<Repository> for RemoteRepository {
    fn from(repository: Repository) -> Self {
        Self {
            forge_id: repository.id.to_string(),
            full_name: repository.full_name,
            clone_url: repository.clone_url,
            ssh_url: repository.ssh_url,
            default_branch: repository.default_branch,
            archived: repository.archived,
            fork: repository.fork,
        }
    }
}

#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    #[serde(default)]
    forced: bool,
    repository: Repository,
}

impl From<PushBody> for Push {
    fn from(body: PushBody) -> Self {
        Self {
            repository: body.repository.into(),
            reference: body.reference,
            before: commit(body.before),
            after: commit(body.after),
            forced: body.forced,
        }
    }
}

#[derive(Deserialize)]
struct PullRequestBody {
    action: String,
    number: u64,
    pull_request: PullRequestItself,
    repository: Repository,
}

#[derive(Deserialize)]
struct PullRequestItself {
    head: PullRequestSide,
    base: PullRequestSide,
}

#[derive(Deserialize)]
struct PullRequestSide {
    #[serde(rename = "ref")]
    branch: String,
    sha: String,
    /// Null once the fork is deleted.
    repo: Option<SideRepository>,
}

#[derive(Deserialize)]
struct SideRepository {
    id: u64,
}

impl From<PullRequestBody> for PullRequest {
    fn from(body: PullRequestBody) -> Self {
        let PullRequestItself { head, base } = body.pull_request;
        Self {
            from_fork: head.repo.as_ref().map(|repo| repo.id) != base.repo.as_ref().map(|repo| repo.id),
            // `synchronized` is Gitea's spelling of `synchronize`
            head_moved: matches!(body.action.as_str(), "opened" | "reopened" | "synchronize" | "synchronized"),
            repository: body.repository.into(),
            number: body.number,
            action: body.action,
            head_commit: head.sha,
            base_branch: base.branch,
            base_commit: Some(base.sha),
        }
    }
}

#[derive(Deserialize)]
struct RepositoryBody {
    action: String,
    repository: Repository,
}

impl From<RepositoryBody> for RepositoryEvent {
    fn from(body: RepositoryBody) -> Self {
        let change = match body.action.as_str() {
            "created" => RepositoryChange::Created,
            "renamed" | "transferred" => RepositoryChange::Renamed,
            "archived" => RepositoryChange::Archived,
            "unarchived" => RepositoryChange::Unarchived,
            "deleted" => RepositoryChange::Deleted,
            _ => RepositoryChange::Other(body.action),
        };
        Self { repository: body.repository.into(), change }
    }
}

#[derive(Deserialize)]
struct InstallationBody {
    action: String,
    installation: InstallationItself,
    /// Of `installation`; absent for `deleted` of some ages.
    #[serde(default)]
    repositories: Vec<Named>,
    /// Of `installation_repositories`.
    #[serde(default)]
    repositories_added: Vec<Named>,
    #[serde(default)]
    repositories_removed: Vec<Named>,
}

#[derive(Deserialize)]
struct InstallationItself {
    id: u64,
    account: Option<Account>,
}

#[derive(Deserialize)]
struct Account {
    login: Option<String>,
    slug: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    full_name: String,
}

impl From<InstallationBody> for Installation {
    fn from(body: InstallationBody) -> Self {
        let installed =
            |named: Named| InstalledRepository { forge_id: named.id.to_string(), full_name: named.full_name };
        let names = |list: Vec<Named>| list.into_iter().map(installed).collect::<Vec<_>>();
        let (mut added, mut removed) = (names(body.repositories_added), names(body.repositories_removed));
        match body.action.as_str() {
            "created" | "unsuspend" => added.extend(names(body.repositories)),
            "deleted" | "suspend" => removed.extend(names(body.repositories)),
            _ => {}
        }
        Self {
            id: body.installation.id,
            action: body.action,
            account: body.installation.account.and_then(|account| account.login.or(account.slug)),
            added,
            removed,
        }
    }
}
