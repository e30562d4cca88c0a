//! Bitbucket Cloud's REST: <https://developer.atlassian.com/cloud/bitbucket/rest/>.

use reqwest::Method;
use scanner::repository::Credentials;
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::api::Api;
use super::call::{Call, Login, Reply};
use super::{
    CONTEXT, Forge, ForgeError, Later, Patience, Standing, Status, Subject, cut, marked, nothing_new, token_credentials,
};
use crate::config::ForgeAccess;
use crate::forges::{ForgeKind, RemoteRepository};
use crate::reach::Guard;

/// Bitbucket Cloud.
#[derive(Debug)]
pub struct Client {
    api: Api,
    login: Login,
    base_url: String,
}

#[derive(Deserialize)]
struct Page<T> {
    values: Vec<T>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    uuid: String,
    full_name: String,
    links: Links,
    mainbranch: Option<Branch>,
    parent: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Links {
    #[serde(default)]
    clone: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    name: String,
    href: String,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
}

#[derive(Deserialize)]
struct Comment {
    id: u64,
    content: Content,
    #[serde(default)]
    deleted: bool,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    raw: String,
}

impl From<Repository> for RemoteRepository {
    fn from(repository: Repository) -> Self {
        let link = |name: &str| repository.links.clone.iter().find(|link| link.name == name).map(|link| &link.href);
        let https = link("https").map(|href| crate::gate::pipeline::without_credentials(href));
        Self {
            clone_url: https.unwrap_or_else(|| format!("https://bitbucket.org/{}.git", repository.full_name)),
            ssh_url: link("ssh").cloned(),
            forge_id: repository.uuid,
            full_name: repository.full_name,
            default_branch: repository.mainbranch.map(|branch| branch.name),
            // Bitbucket Cloud has no archived repositories
            archived: false,
            fork: repository.parent.is_some(),
        }
    }
}

impl Client {
    /// Opens the client.
    pub fn open(access: &ForgeAccess, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let kind = ForgeKind::Bitbucket;
        let base = match &access.api_url {
            Some(url) => url.clone(),
            None => Url::parse("https://api.bitbucket.org/2.0/")
                .map_err(|error| ForgeError::Configuration { kind, reason: error.to_string() })?,
        };
        let api = Api::open(kind, &base, "application/json", guard, patience)?;
        let login = match (&access.username, &access.token) {
            (Some(user), Some(token)) => Login::Basic(user.clone(), token.clone()),
            (None, Some(token)) => Login::Bearer(token.clone(), String::new()),
            (_, None) => Login::Nobody,
        };
        let base_url = access.web_url.as_ref().map_or("https://bitbucket.org", Url::as_str).trim_end_matches('/');
        Ok(Self { api, login, base_url: base_url.to_owned() })
    }

    async fn list(&self, workspace: &str) -> Result<Vec<RemoteRepository>, ForgeError> {
        let first = Call::get(format!("repositories/{workspace}?pagelen=100&sort=created_on"), &self.login);
        let read = |page: Page<Repository>, _: &Reply| (page.values, page.next);
        let found = self.api.all_linked(first, read).await?;
        Ok(found.into_iter().map(RemoteRepository::from).collect())
    }

    async fn status(&self, subject: &Subject, status: &Status) -> Result<(), ForgeError> {
        let state = match status.standing {
            Standing::Pending => "INPROGRESS",
            Standing::Success => "SUCCESSFUL",
            // what was not looked at does not pass
            Standing::Failure | Standing::Error => "FAILED",
        };
        // Bitbucket wants an address in every status
        let commit = || format!("{}/{}/commits/{}", self.base_url, subject.full_name, subject.commit);
        let link = status.link.clone().unwrap_or_else(commit);
        let body = json!({"key": CONTEXT, "name": CONTEXT, "state": state, "url": link,
            "description": cut(&status.description, 250)});
        let path = format!("repositories/{}/commit/{}/statuses/build", subject.full_name, subject.commit);
        self.api.send(&Call::new(Method::POST, path, &self.login).body(body).repeatable()).await.map(drop)
    }

    async fn comment(&self, subject: &Subject, text: Option<&str>) -> Result<(), ForgeError> {
        let Some(number) = subject.pull_request else { return Ok(()) };
        let list = format!("repositories/{}/pullrequests/{number}/comments", subject.full_name);
        let first = Call::get(format!("{list}?pagelen=100"), &self.login);
        let comments = self.api.all_linked(first, |page: Page<Comment>, _| (page.values, page.next)).await?;
        let ours = comments.into_iter().find(|one| !one.deleted && one.content.raw.starts_with(super::COMMENT_MARK));
        let body = |text: &str| json!({"content": {"raw": text}});
        let call = match (ours, text.map(marked)) {
            (None, None) => return Ok(()),
            (None, Some(text)) => Call::new(Method::POST, list, &self.login).body(body(&text)),
            (Some(ours), wanted) => {
                let text = wanted.unwrap_or_else(nothing_new);
                if ours.content.raw == text {
                    return Ok(());
                }
                Call::new(Method::PUT, format!("{list}/{}", ours.id), &self.login).body(body(&text))
            }
        };
        self.api.send(&call).await.map(drop)
    }
}

impl Forge for Client {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Bitbucket
    }

    fn repositories<'a>(&'a self, organisation: &'a str) -> Later<'a, Vec<RemoteRepository>> {
        Box::pin(self.list(organisation))
    }

    fn clone_credentials<'a>(&'a self, _full_name: &'a str, _forge_id: Option<&'a str>) -> Later<'a, Credentials> {
        Box::pin(async {
            Ok(match &self.login {
                Login::Bearer(token, _) => token_credentials("x-token-auth", token.expose()),
                Login::Basic(user, token) => token_credentials(user, token.expose()),
                Login::Nobody => Credentials::default(),
            })
        })
    }

    fn set_status<'a>(&'a self, subject: &'a Subject, status: &'a Status) -> Later<'a, ()> {
        Box::pin(self.status(subject, status))
    }

    fn keep_comment<'a>(&'a self, subject: &'a Subject, text: Option<&'a str>) -> Later<'a, ()> {
        Box::pin(self.comment(subject, text))
    }
}
