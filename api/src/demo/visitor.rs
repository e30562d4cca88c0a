//! The demo's forge and its user in one: sends webhooks as a forge does, asks REST as a pipeline does.

use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sha2::Sha256;

use super::organisation::{ORGANISATION, Sample};

/// Longest that a scan of the demo may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Why the service's answer could not be used.
#[derive(Debug, thiserror::Error)]
pub enum VisitorError {
    /// No answer.
    #[error("the service does not answer: {0}")]
    Http(#[from] reqwest::Error),
    /// Not the answer that the contract promises.
    #[error("{path} answered {status}: {body}")]
    Unexpected {
        /// What was asked.
        path: String,
        /// The status.
        status: StatusCode,
        /// The answer.
        body: String,
    },
    /// A repository that a webhook should have registered is not there.
    #[error("the repository {0} is not registered")]
    NotRegistered(String),
    /// The gate stayed pending.
    #[error("the scan of {0} did not end in time")]
    NotScanned(String),
}

/// A client of the demo's service.
pub struct Visitor {
    client: reqwest::Client,
    base_url: String,
    secret: String,
}

impl Visitor {
    /// A client that signs webhooks with `secret`.
    #[must_use]
    pub fn new(base_url: &str, secret: String) -> Self {
        Self { client: reqwest::Client::new(), base_url: base_url.to_owned(), secret }
    }

    /// Sends the push of the newest commit as GitHub does.
    ///
    /// # Errors
    /// [`VisitorError`], also for any answer but 202.
    pub async fn push(&self, sample: &Sample) -> Result<StatusCode, VisitorError> {
        let body = payload(sample).to_string();
        let path = "/api/v1/webhooks/github";
        let response = self
            .client
            .post(format!("{}{path}", self.base_url))
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", uuid::Uuid::new_v4().to_string())
            .header("x-hub-signature-256", format!("sha256={}", self.signature(body.as_bytes())))
            .body(body)
            .send()
            .await?;
        let status = response.status();
        if status == StatusCode::ACCEPTED {
            return Ok(status);
        }
        Err(VisitorError::Unexpected { path: path.to_owned(), status, body: response.text().await? })
    }

    fn signature(&self, body: &[u8]) -> String {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes()).expect("any key");
        mac.update(body);
        hex::encode(mac.finalize().into_bytes())
    }

    /// The id under which the service knows the repository.
    ///
    /// # Errors
    /// [`VisitorError`]
    pub async fn repository(&self, sample: &Sample) -> Result<String, VisitorError> {
        let url = clone_url(sample);
        let page = self.get("/api/v1/repositories").await?;
        let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        let found = items.iter().find(|item| item["url"] == url.as_str()).and_then(|item| item["id"].as_str());
        found.map(str::to_owned).ok_or(VisitorError::NotRegistered(url))
    }

    /// Waits until the commit is judged; the gate's state with its reasons.
    ///
    /// # Errors
    /// [`VisitorError`]
    pub async fn gate(&self, repository: &str, commit: &str) -> Result<String, VisitorError> {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            let gate = self.get(&format!("/api/v1/repositories/{repository}/gate?commit={commit}&wait=30")).await?;
            if gate["state"] != "pending" {
                let reasons = gate["reasons"].as_array().map_or(&[][..], Vec::as_slice);
                let reasons: Vec<_> = reasons.iter().filter_map(Value::as_str).collect();
                let reasons = if reasons.is_empty() {
                    "nothing new since the commit before".to_owned()
                } else {
                    reasons.join("; ")
                };
                return Ok(format!("{}: {reasons}", gate["state"].as_str().unwrap_or_default()));
            }
        }
        Err(VisitorError::NotScanned(commit.to_owned()))
    }

    /// The repository's findings, a line each.
    ///
    /// # Errors
    /// [`VisitorError`]
    pub async fn findings(&self, repository: &str) -> Result<Vec<String>, VisitorError> {
        let page = self.get(&format!("/api/v1/findings?repository={repository}&limit=100")).await?;
        let items = page["items"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(items.iter().map(line).collect())
    }

    async fn get(&self, path: &str) -> Result<Value, VisitorError> {
        let response = self.client.get(format!("{}{path}", self.base_url)).send().await?;
        let status = response.status();
        let body = response.text().await?;
        let unexpected = |body| VisitorError::Unexpected { path: path.to_owned(), status, body };
        if !status.is_success() {
            return Err(unexpected(body));
        }
        serde_json::from_str(&body).map_err(|_| unexpected(body))
    }
}

fn line(finding: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let location = &finding["location"];
    let line = location["line"].as_u64().map_or_else(String::new, |line| format!(":{line}"));
    let package = finding["package"]
        .as_str()
        .map_or_else(String::new, |package| format!("{package} {}: ", text(&finding["version"])).replace(" :", ":"));
    let fix = finding["fix"]["version"].as_str().map_or_else(String::new, |version| format!(" (fixed in {version})"));
    format!(
        "{:<8} {:<13} {package}{}{fix}  {}{line}",
        text(&finding["severity"]),
        text(&finding["kind"]),
        text(&finding["title"]),
        text(&location["path"])
    )
}

fn clone_url(sample: &Sample) -> String {
    url::Url::from_file_path(&sample.path).map_or_else(|()| sample.path.display().to_string(), String::from)
}

/// The fields of GitHub's push payload that say what moved.
fn payload(sample: &Sample) -> Value {
    json!({
        "ref": "refs/heads/main",
        "before": sample.before.to_string(),
        "after": sample.head.to_string(),
        "created": false,
        "deleted": false,
        "forced": false,
        "repository": {
            "id": sample.name.bytes().fold(1_u64, |id, byte| id * 31 + u64::from(byte)) % 1_000_000,
            "name": sample.name,
            "full_name": format!("{ORGANISATION}/{}", sample.name),
            "private": true,
            "owner": { "login": ORGANISATION },
            "clone_url": clone_url(sample),
            "default_branch": "main",
            "archived": false,
            "fork": false,
        },
        "pusher": { "name": "ada", "email": "ada@example.org" },
        "head_commit": { "id": sample.head.to_string() },
    })
}
