//! GitLab's REST: <https://docs.gitlab.com/api/rest/>.

use reqwest::Method;
use scanner::repository::Credentials;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::api::Api;
use super::call::{Call, Login};
use super::{
    CONTEXT, Forge, ForgeError, Later, Patience, Standing, Status, Subject, cut, marked, nothing_new, token_credentials,
};
use crate::config::ForgeAccess;
use crate::forges::{ForgeKind, RemoteRepository};
use crate::reach::Guard;

/// gitlab.com or self-managed GitLab.
#[derive(Debug)]
pub struct Client {
    api: Api,
    login: Login,
    user: String,
}

#[derive(Deserialize)]
struct Project {
    id: u64,
    path_with_namespace: String,
    http_url_to_repo: String,
    ssh_url_to_repo: Option<String>,
    default_branch: Option<String>,
    #[serde(default)]
    archived: bool,
    forked_from_project: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Note {
    id: u64,
    body: String,
}

impl From<Project> for RemoteRepository {
    fn from(project: Project) -> Self {
        Self {
            forge_id: project.id.to_string(),
            full_name: project.path_with_namespace,
            clone_url: project.http_url_to_repo,
            ssh_url: project.ssh_url_to_repo,
            default_branch: project.default_branch,
            archived: project.archived,
            fork: project.forked_from_project.is_some(),
        }
    }
}

impl Client {
    /// Opens the client.
    pub fn open(access: &ForgeAccess, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let kind = ForgeKind::Gitlab;
        let base = match &access.api_url {
            Some(url) => url.clone(),
            None => Url::parse("https://gitlab.com/api/v4/")
                .map_err(|error| ForgeError::Configuration { kind, reason: error.to_string() })?,
        };
        let api = Api::open(kind, &base, "application/json", guard, patience)?;
        // a group or project token goes where a personal one goes; `Authorization` is dropped on a redirect elsewhere, PRIVATE-TOKEN is not
        let login = access.token.clone().map_or(Login::Nobody, |token| Login::Bearer(token, String::new()));
        Ok(Self { api, login, user: access.username.clone().unwrap_or_else(|| "oauth2".to_owned()) })
    }

    async fn list(&self, group: &str) -> Result<Vec<RemoteRepository>, ForgeError> {
        let group = encoded(group);
        let query = "per_page=100&pagination=keyset&order_by=id&sort=asc";
        let of_group = format!(
            "groups/{group}/projects?include_subgroups=true&with_shared=false&per_page=100&order_by=id&sort=asc"
        );
        let items = |page: Vec<Project>| page;
        let found = match self.api.all(Call::get(of_group, &self.login), items).await {
            Err(error) if error.status() == Some(404) => {
                let of_user = format!("users/{group}/projects?{query}");
                self.api.all(Call::get(of_user, &self.login), items).await?
            }
            found => found?,
        };
        Ok(found.into_iter().map(RemoteRepository::from).collect())
    }

    async fn status(&self, subject: &Subject, status: &Status) -> Result<(), ForgeError> {
        let state = match status.standing {
            Standing::Pending => "running",
            Standing::Success => "success",
            // what was not looked at does not pass
            Standing::Failure | Standing::Error => "failed",
        };
        let mut body = json!({"state": state, "name": CONTEXT, "description": cut(&status.description, 250)});
        if let Some(link) = &status.link {
            body["target_url"] = json!(link);
        }
        if let Some(branch) = subject.reference.as_deref().and_then(|name| name.strip_prefix("refs/heads/")) {
            body["ref"] = json!(branch);
        }
        let path = format!("projects/{}/statuses/{}", project(subject), subject.commit);
        match self.api.send(&Call::new(Method::POST, path, &self.login).body(body).repeatable()).await {
            // "Cannot transition status": it already stands so
            Err(ForgeError::Refused { status: 400, reason, .. }) if reason.contains("Cannot transition") => Ok(()),
            sent => sent.map(drop),
        }
    }

    async fn note(&self, subject: &Subject, text: Option<&str>) -> Result<(), ForgeError> {
        let Some(number) = subject.pull_request else { return Ok(()) };
        let list = format!("projects/{}/merge_requests/{number}/notes", project(subject));
        let first = Call::get(format!("{list}?per_page=100&sort=asc"), &self.login);
        let notes = self.api.all(first, |page: Vec<Note>| page).await?;
        let ours = notes.into_iter().find(|note| note.body.starts_with(super::COMMENT_MARK));
        let call = match (ours, text.map(marked)) {
            (None, None) => return Ok(()),
            (None, Some(text)) => Call::new(Method::POST, list, &self.login).body(json!({"body": text})),
            (Some(ours), wanted) => {
                let text = wanted.unwrap_or_else(nothing_new);
                if ours.body == text {
                    return Ok(());
                }
                Call::new(Method::PUT, format!("{list}/{}", ours.id), &self.login).body(json!({"body": text}))
            }
        };
        self.api.send(&call).await.map(drop)
    }
}

/// The project in an address: its id, or its path in one segment.
fn project(subject: &Subject) -> String {
    subject.forge_id.clone().unwrap_or_else(|| encoded(&subject.full_name))
}

fn encoded(path: &str) -> String {
    url::form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

impl Forge for Client {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Gitlab
    }

    fn repositories<'a>(&'a self, organisation: &'a str) -> Later<'a, Vec<RemoteRepository>> {
        Box::pin(self.list(organisation))
    }

    fn clone_credentials<'a>(&'a self, _full_name: &'a str, _forge_id: Option<&'a str>) -> Later<'a, Credentials> {
        Box::pin(async {
            Ok(match &self.login {
                Login::Bearer(token, _) => token_credentials(&self.user, token.expose()),
                _ => Credentials::default(),
            })
        })
    }

    fn set_status<'a>(&'a self, subject: &'a Subject, status: &'a Status) -> Later<'a, ()> {
        Box::pin(self.status(subject, status))
    }

    fn keep_comment<'a>(&'a self, subject: &'a Subject, text: Option<&'a str>) -> Later<'a, ()> {
        Box::pin(self.note(subject, text))
    }
}
