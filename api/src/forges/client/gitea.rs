//! Gitea's and Forgejo's REST: <https://docs.gitea.com/api/>, <https://forgejo.org/docs/latest/user/api-usage/>.

use reqwest::Method;
use scanner::repository::Credentials;

use super::api::Api;
use super::call::{Call, Login};
use super::github::{keep_comment, status_body};
use super::{Forge, ForgeError, Later, Patience, Status, Subject, token_credentials};
use crate::config::ForgeAccess;
use crate::forges::{ForgeKind, RemoteRepository, github};
use crate::reach::Guard;

/// Gitea or Forgejo.
#[derive(Debug)]
pub struct Client {
    kind: ForgeKind,
    api: Api,
    login: Login,
    user: String,
}

impl Client {
    /// Opens the client.
    pub fn open(kind: ForgeKind, access: &ForgeAccess, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let missing = || ForgeError::Configuration { kind, reason: "api_url is needed".to_owned() };
        let base = access.api_url.as_ref().ok_or_else(missing)?;
        let api = Api::open(kind, base, "application/json", guard, patience)?;
        let login = access.token.clone().map_or(Login::Nobody, |token| Login::Bearer(token, String::new()));
        Ok(Self { kind, api, login, user: access.username.clone().unwrap_or_else(|| "oauth2".to_owned()) })
    }

    async fn list(&self, organisation: &str) -> Result<Vec<RemoteRepository>, ForgeError> {
        let items = |page: Vec<github::Repository>| page;
        // 50 is the most that a default installation gives
        let of_organisation = Call::get(format!("orgs/{organisation}/repos?limit=50&page=1"), &self.login);
        let found = match self.api.all(of_organisation, items).await {
            Err(error) if error.status() == Some(404) => {
                let of_user = Call::get(format!("users/{organisation}/repos?limit=50&page=1"), &self.login);
                self.api.all(of_user, items).await?
            }
            found => found?,
        };
        Ok(found.into_iter().map(RemoteRepository::from).collect())
    }

    async fn status(&self, subject: &Subject, status: &Status) -> Result<(), ForgeError> {
        let path = format!("repos/{}/statuses/{}", subject.full_name, subject.commit);
        let call = Call::new(Method::POST, path, &self.login).body(status_body(status)).repeatable();
        self.api.send(&call).await.map(drop)
    }

    async fn comment(&self, subject: &Subject, text: Option<&str>) -> Result<(), ForgeError> {
        let Some(number) = subject.pull_request else { return Ok(()) };
        let list = format!("repos/{}/issues/{number}/comments", subject.full_name);
        let one = format!("repos/{}/issues/comments", subject.full_name);
        keep_comment(&self.api, &self.login, &list, &list, &one, text).await
    }
}

impl Forge for Client {
    fn kind(&self) -> ForgeKind {
        self.kind
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
        Box::pin(self.comment(subject, text))
    }
}
