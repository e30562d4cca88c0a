//! GitLab's deliveries: <https://docs.gitlab.com/user/project/integrations/webhook_events/>.

use axum::http::HeaderMap;
use serde::Deserialize;

use super::event::commit;
use super::{Event, PullRequest, Push, Refusal, RemoteRepository, RepositoryChange, RepositoryEvent, Webhooks};
use super::{header, read, standard_webhooks};
use crate::credential::Credential;

/// gitlab.com and self-managed GitLab.
pub struct Gitlab;

impl Webhooks for Gitlab {
    fn verify(&self, headers: &HeaderMap, body: &[u8], secrets: &[Credential], now: i64) -> Result<(), Refusal> {
        if headers.contains_key("webhook-signature") {
            return standard_webhooks::verify(headers, body, secrets, now);
        }
        let token = headers.get("x-gitlab-token").ok_or(Refusal::Unsigned("X-Gitlab-Token or webhook-signature"))?;
        let fits = secrets.iter().fold(false, |fits, secret| secret.matches(token.as_bytes()) | fits);
        if fits { Ok(()) } else { Err(Refusal::WrongSignature) }
    }

    fn delivery_id(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        // the first stays the same over GitLab's own retries; older versions send only the second
        let names = ["idempotency-key", "webhook-id", "x-gitlab-event-uuid"];
        let id = names.into_iter().find_map(|name| header(headers, name).ok());
        id.map(str::to_owned).ok_or(Refusal::NoHeader("Idempotency-Key or X-Gitlab-Event-UUID"))
    }

    fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refusal> {
        let name = header(headers, "x-gitlab-event")?;
        Ok(match name {
            "Push Hook" | "Tag Push Hook" => Event::Push { pushes: vec![read::<PushBody>(name, body)?.into()] },
            "Merge Request Hook" => read::<MergeRequestBody>(name, body)?.event(name),
            // system hooks tell of pushes, merge requests and projects under one header
            "System Hook" => system_event(body)?,
            other => Event::Unhandled { name: other.to_owned() },
        })
    }
}

fn system_event(body: &[u8]) -> Result<Event, Refusal> {
    let name = read::<SystemBody>("System Hook", body)?;
    let name = name.event_name.or(name.object_kind).unwrap_or_default();
    Ok(match name.as_str() {
        "push" | "tag_push" => Event::Push { pushes: vec![read::<PushBody>(&name, body)?.into()] },
        "merge_request" => read::<MergeRequestBody>(&name, body)?.event(&name),
        "project_create" | "project_destroy" | "project_rename" | "project_transfer" | "project_update" => {
            Event::Repository(read::<ProjectBody>(&name, body)?.into())
        }
        _ => Event::Unhandled { name },
    })
}

#[derive(Deserialize)]
struct SystemBody {
    event_name: Option<String>,
    object_kind: Option<String>,
}

/// System hooks leave the project's id out and name it elsewhere.
#[derive(Deserialize)]
struct Project {
    id: Option<u64>,
    path_with_namespace: String,
    git_http_url: String,
    git_ssh_url: Option<String>,
    default_branch: Option<String>,
}

impl Project {
    fn into_repository(self, id_elsewhere: u64) -> RemoteRepository {
        RemoteRepository {
            forge_id: self.id.unwrap_or(id_elsewhere).to_string(),
            full_name: self.path_with_namespace,
            clone_url: self.git_http_url,
            ssh_url: self.git_ssh_url,
            default_branch: self.default_branch,
            archived: false,
            fork: false,
        }
    }
}

#[derive(Deserialize)]
struct PushBody {
    #[serde(rename = "ref")]
    reference: String,
    before: String,
    after: String,
    project: Project,
    project_id: u64,
}

impl From<PushBody> for Push {
    fn from(body: PushBody) -> Self {
        Self {
            repository: body.project.into_repository(body.project_id),
            reference: body.reference,
            before: commit(body.before),
            after: commit(body.after),
            // GitLab does not say; the mirror finds out
            forced: false,
        }
    }
}

#[derive(Deserialize)]
struct MergeRequestBody {
    project: Project,
    object_attributes: MergeRequest,
}

#[derive(Deserialize)]
struct MergeRequest {
    iid: u64,
    action: Option<String>,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    /// None when the source branch is gone.
    last_commit: Option<Commit>,
    /// The head before; present in an `update` only when the head moved.
    oldrev: Option<String>,
}

#[derive(Deserialize)]
struct Commit {
    id: String,
}

impl MergeRequestBody {
    fn event(self, name: &str) -> Event {
        let request = self.object_attributes;
        let Some(head) = request.last_commit else {
            return Event::Unhandled { name: format!("{name} without a head") };
        };
        let action = request.action.unwrap_or_default();
        Event::PullRequest(PullRequest {
            repository: self.project.into_repository(request.target_project_id),
            number: request.iid,
            head_moved: matches!(action.as_str(), "open" | "reopen") || request.oldrev.is_some(),
            action,
            head_commit: head.id,
            base_branch: request.target_branch,
            base_commit: None,
            from_fork: request.source_project_id != Some(request.target_project_id),
        })
    }
}

/// A project event of a system hook. It has no clone address; the sweep finds it in the listing.
#[derive(Deserialize)]
struct ProjectBody {
    event_name: String,
    project_id: u64,
    path_with_namespace: String,
}

impl From<ProjectBody> for RepositoryEvent {
    fn from(body: ProjectBody) -> Self {
        let change = match body.event_name.as_str() {
            "project_create" => RepositoryChange::Created,
            "project_destroy" => RepositoryChange::Deleted,
            "project_rename" | "project_transfer" => RepositoryChange::Renamed,
            _ => RepositoryChange::Other(body.event_name),
        };
        let repository = RemoteRepository {
            forge_id: body.project_id.to_string(),
            full_name: body.path_with_namespace,
            clone_url: String::new(),
            ssh_url: None,
            default_branch: None,
            archived: false,
            fork: false,
        };
        Self { repository, change }
    }
}
