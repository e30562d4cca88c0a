//! GitHub's REST: <https://docs.github.com/en/rest>.

use jiff::Timestamp;
use reqwest::Method;
use scanner::repository::Credentials;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::api::Api;
use super::call::{Call, Login, Reply};
use super::github_app::Identity;
use super::{
    Annotation, CONTEXT, Check, DeliveryLog, Forge, ForgeError, Later, Level, PastContent, PastDelivery, Patience,
    Standing, Status, Subject, Upload, cut, marked, nothing_new, token_credentials,
};
use crate::config::ForgeAccess;
use crate::forges::{ForgeKind, RemoteRepository, github};
use crate::reach::Guard;

/// Annotations that one request may carry.
const ANNOTATIONS: usize = 50;

/// github.com or GitHub Enterprise Server.
#[derive(Debug)]
pub struct Client {
    api: Api,
    identity: Identity,
}

#[derive(Deserialize)]
struct InstallationRepositories {
    repositories: Vec<github::Repository>,
}

#[derive(Deserialize)]
struct Numbered {
    id: u64,
}

#[derive(Deserialize)]
pub(super) struct Comment {
    pub id: u64,
    pub body: Option<String>,
}

#[derive(Deserialize)]
struct Attempt {
    id: u64,
    guid: String,
    delivered_at: Timestamp,
    status_code: u16,
}

#[derive(Deserialize)]
struct AttemptInFull {
    request: AttemptRequest,
}

#[derive(Deserialize)]
struct AttemptRequest {
    headers: serde_json::Map<String, Value>,
    payload: Value,
}

impl Client {
    /// Opens the client.
    pub fn open(access: &ForgeAccess, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let kind = ForgeKind::Github;
        let public = Url::parse("https://api.github.com/");
        let base = match (&access.api_url, public) {
            (Some(url), _) => url.clone(),
            (None, Ok(url)) => url,
            (None, Err(error)) => return Err(ForgeError::Configuration { kind, reason: error.to_string() }),
        };
        let api = Api::open(kind, &base, "application/vnd.github+json, application/json;q=0.9", guard, patience)?;
        Ok(Self { api, identity: Identity::open(access)? })
    }

    /// Sends for an owner; a token that was revoked before its time is replaced once.
    async fn send(&self, owner: &str, call: impl Fn(&Login) -> Call) -> Result<Reply, ForgeError> {
        let login = self.identity.login(&self.api, owner).await?;
        match self.api.send(&call(&login)).await {
            Err(error) if error.status() == Some(401) && self.identity.forget(owner) => {
                let login = self.identity.login(&self.api, owner).await?;
                self.api.send(&call(&login)).await
            }
            sent => sent,
        }
    }

    async fn list(&self, organisation: &str) -> Result<Vec<RemoteRepository>, ForgeError> {
        let login = self.identity.login(&self.api, organisation).await?;
        let found = if matches!(self.identity, Identity::App(_)) {
            let first = Call::get("installation/repositories?per_page=100", &login);
            self.api.all(first, |page: InstallationRepositories| page.repositories).await?
        } else {
            let items = |page: Vec<github::Repository>| page;
            let of_organisation = Call::get(format!("orgs/{organisation}/repos?per_page=100&type=all"), &login);
            match self.api.all(of_organisation, items).await {
                Err(error) if error.status() == Some(404) => {
                    let of_person = Call::get(format!("users/{organisation}/repos?per_page=100&type=owner"), &login);
                    self.api.all(of_person, items).await?
                }
                found => found?,
            }
        };
        Ok(found.into_iter().map(RemoteRepository::from).collect())
    }

    async fn status(&self, subject: &Subject, status: &Status) -> Result<(), ForgeError> {
        let body = status_body(status);
        let path = format!("repos/{}/statuses/{}", subject.full_name, subject.commit);
        let call = |login: &Login| Call::new(Method::POST, path.as_str(), login).body(body.clone()).repeatable();
        self.send(owner(subject), call).await.map(drop)
    }

    async fn comment(&self, subject: &Subject, text: Option<&str>) -> Result<(), ForgeError> {
        let Some(number) = subject.pull_request else { return Ok(()) };
        let login = self.identity.login(&self.api, owner(subject)).await?;
        let list = format!("repos/{}/issues/{number}/comments", subject.full_name);
        let one = format!("repos/{}/issues/comments", subject.full_name);
        keep_comment(&self.api, &login, &list, &format!("{list}?per_page=100"), &one, text).await
    }

    async fn check(&self, subject: &Subject, check: &Check) -> Result<(), ForgeError> {
        let repository = format!("repos/{}/check-runs", subject.full_name);
        let output = |annotations: &[Annotation]| {
            json!({"title": cut(&check.status.description, 250), "summary": cut(&check.summary, 65_000),
                "annotations": annotations.iter().map(annotation).collect::<Vec<_>>()})
        };
        let mut batches = check.annotations.chunks(ANNOTATIONS);
        let begun = json!({"name": CONTEXT, "head_sha": subject.commit, "status": "in_progress",
            "external_id": check.external_id, "output": output(batches.next().unwrap_or_default())});
        let mut begun = begun;
        if let Some(link) = &check.status.link {
            begun["details_url"] = json!(link);
        }
        let call = |login: &Login| Call::new(Method::POST, repository.as_str(), login).body(begun.clone()).repeatable();
        let run: Numbered = self.send(owner(subject), call).await?.json()?;
        let path = format!("{repository}/{}", run.id);
        for batch in batches {
            let more = json!({"output": output(batch)});
            self.send(owner(subject), |login| Call::new(Method::PATCH, path.as_str(), login).body(more.clone()))
                .await?;
        }
        let conclusion = match check.status.standing {
            Standing::Success => "success",
            Standing::Failure => "failure",
            // somebody has to look: what was not looked at does not pass
            Standing::Error | Standing::Pending => "action_required",
        };
        let ended = json!({"status": "completed", "conclusion": conclusion});
        self.send(owner(subject), |login| Call::new(Method::PATCH, path.as_str(), login).body(ended.clone()))
            .await
            .map(drop)
    }

    async fn code_scanning(&self, subject: &Subject, upload: &Upload) -> Result<(), ForgeError> {
        let reference = match (subject.pull_request, &subject.reference) {
            (Some(number), _) => format!("refs/pull/{number}/head"),
            (None, Some(reference)) => reference.clone(),
            // code scanning keeps results by ref: a commit alone has no place there
            (None, None) => return Ok(()),
        };
        let body = json!({"commit_sha": subject.commit, "ref": reference, "sarif": upload.sarif, "tool_name": CONTEXT});
        let path = format!("repos/{}/code-scanning/sarifs", subject.full_name);
        let call = |login: &Login| Call::new(Method::POST, path.as_str(), login).body(body.clone()).repeatable();
        self.send(owner(subject), call).await.map(drop)
    }

    async fn attempts(&self, since: Timestamp) -> Result<Vec<PastDelivery>, ForgeError> {
        let Some(login) = self.identity.app_login() else { return Ok(Vec::new()) };
        let first = Call::get("app/hook/deliveries?per_page=100", &login?);
        // the newest first: the rest of the list is older still
        let read = |page: Vec<Attempt>, reply: &Reply| {
            let reached = page.last().is_some_and(|last| last.delivered_at < since);
            (page, reply.next().filter(|_| !reached))
        };
        let found = self.api.all_linked(first, read).await?;
        let past = |attempt: Attempt| PastDelivery {
            number: attempt.id,
            id: attempt.guid,
            at: attempt.delivered_at,
            taken: (200..300).contains(&attempt.status_code),
        };
        Ok(found.into_iter().map(past).filter(|delivery| delivery.at >= since).collect())
    }

    async fn attempt(&self, number: u64) -> Result<PastContent, ForgeError> {
        let unsupported = ForgeError::Unsupported { kind: ForgeKind::Github, what: "delivery list without an App" };
        let login = self.identity.app_login().ok_or(unsupported)??;
        let reply = self.api.send(&Call::get(format!("app/hook/deliveries/{number}"), &login)).await?;
        let request = reply.json::<AttemptInFull>()?.request;
        let text = |(name, value): (String, Value)| Some((name.to_ascii_lowercase(), value.as_str()?.to_owned()));
        let headers = request.headers.into_iter().filter_map(text).collect();
        Ok(PastContent { headers, body: request.payload.to_string().into_bytes() })
    }
}

fn owner(subject: &Subject) -> &str {
    subject.full_name.split('/').next().unwrap_or_default()
}

/// The body of a status, which Gitea took over.
pub(super) fn status_body(status: &Status) -> Value {
    let state = match status.standing {
        Standing::Pending => "pending",
        Standing::Success => "success",
        Standing::Failure => "failure",
        Standing::Error => "error",
    };
    let mut body = json!({"state": state, "context": CONTEXT, "description": cut(&status.description, 140)});
    if let Some(link) = &status.link {
        body["target_url"] = json!(link);
    }
    body
}

/// Finds our comment among all and brings it up to date; Gitea has the same addresses.
pub(super) async fn keep_comment(
    api: &Api,
    login: &Login,
    list: &str,
    first_page: &str,
    one: &str,
    text: Option<&str>,
) -> Result<(), ForgeError> {
    let comments = api.all(Call::get(first_page, login), |page: Vec<Comment>| page).await?;
    let ours = comments
        .into_iter()
        .find(|comment| comment.body.as_deref().is_some_and(|body| body.starts_with(super::COMMENT_MARK)));
    let wanted = text.map(marked);
    let call = match (ours, wanted) {
        (None, None) => return Ok(()),
        (None, Some(text)) => Call::new(Method::POST, list, login).body(json!({"body": text})),
        (Some(ours), wanted) => {
            let text = wanted.unwrap_or_else(nothing_new);
            if ours.body.as_deref() == Some(text.as_str()) {
                return Ok(());
            }
            Call::new(Method::PATCH, format!("{one}/{}", ours.id), login).body(json!({"body": text}))
        }
    };
    api.send(&call).await.map(drop)
}

fn annotation(annotation: &Annotation) -> Value {
    let level = match annotation.level {
        Level::Notice => "notice",
        Level::Warning => "warning",
        Level::Failure => "failure",
    };
    json!({"path": annotation.path, "start_line": annotation.line, "end_line": annotation.line,
        "annotation_level": level, "title": cut(&annotation.title, 250), "message": cut(&annotation.message, 8_000)})
}

impl Forge for Client {
    fn kind(&self) -> ForgeKind {
        ForgeKind::Github
    }

    fn repositories<'a>(&'a self, organisation: &'a str) -> Later<'a, Vec<RemoteRepository>> {
        Box::pin(self.list(organisation))
    }

    fn clone_credentials<'a>(&'a self, full_name: &'a str, forge_id: Option<&'a str>) -> Later<'a, Credentials> {
        Box::pin(async move {
            let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
            match &self.identity {
                Identity::Token(Login::Bearer(token, _)) => Ok(token_credentials("x-access-token", token.expose())),
                Identity::Token(_) => Ok(Credentials::default()),
                Identity::App(app) => {
                    let id = forge_id.and_then(|id| id.parse().ok());
                    let token = app.clone_token(&self.api, owner, name, id).await?;
                    Ok(token_credentials("x-access-token", token.expose()))
                }
            }
        })
    }

    fn set_status<'a>(&'a self, subject: &'a Subject, status: &'a Status) -> Later<'a, ()> {
        Box::pin(self.status(subject, status))
    }

    fn keep_comment<'a>(&'a self, subject: &'a Subject, text: Option<&'a str>) -> Later<'a, ()> {
        Box::pin(self.comment(subject, text))
    }

    fn make_check<'a>(&'a self, subject: &'a Subject, check: &'a Check) -> Later<'a, ()> {
        Box::pin(self.check(subject, check))
    }

    fn upload_code_scanning<'a>(&'a self, subject: &'a Subject, upload: &'a Upload) -> Later<'a, ()> {
        Box::pin(self.code_scanning(subject, upload))
    }

    fn delivery_log(&self) -> Option<&dyn DeliveryLog> {
        matches!(self.identity, Identity::App(_)).then_some(self)
    }
}

impl DeliveryLog for Client {
    fn since(&self, time: Timestamp) -> Later<'_, Vec<PastDelivery>> {
        Box::pin(self.attempts(time))
    }

    fn content(&self, number: u64) -> Later<'_, PastContent> {
        Box::pin(self.attempt(number))
    }
}
