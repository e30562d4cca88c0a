//! A service on a free port of this machine, and a client for it.

use api::app::{self, RunningServer};
use api::config::ServerConfig;
use api::credential::Credential;
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use tempfile::TempDir;

/// A running service; it stops when the test ends.
pub struct Running {
    pub server: RunningServer,
    pub client: Client,
    pub directory: TempDir,
    pub admin: String,
}

/// The webhook secret of every forge in these tests.
pub fn webhook_secret() -> Credential {
    Credential::new("a webhook secret of the tests")
}

/// A configuration for a free port and a fresh directory.
pub fn configuration(directory: &TempDir) -> ServerConfig {
    let mut config = ServerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: directory.path().join("data"),
        index_url: Credential::new("none"),
        ..ServerConfig::default()
    };
    config.sweep.cron = String::new();
    config.limits.drain_seconds = 1;
    config.webhooks.github.secrets = vec![webhook_secret()];
    config.webhooks.gitea.secrets = vec![webhook_secret()];
    config.webhooks.gitlab.secrets = vec![webhook_secret()];
    config
}

impl Running {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let mut config = configuration(&directory);
        change(&mut config);
        let server = app::start(config).await.expect("the service starts");
        let admin = server.first_token.as_ref().map(|token| token.expose().to_owned()).unwrap_or_default();
        Self { server, client: Client::new(), directory, admin }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.server.address))
    }

    /// A request with the admin token; the status and the JSON body.
    pub async fn admin(&self, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
        self.with_token(&self.admin, method, path, body).await
    }

    pub async fn with_token(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request.send().await.expect("an answer")).await
    }

    /// A token of the given scopes, restricted to `repositories` where given.
    pub async fn token(&self, scopes: &[&str], repositories: Option<&[&str]>) -> (String, String) {
        let body = serde_json::json!({"name": "test", "scopes": scopes, "repositories": repositories});
        let (status, made) = self.admin(Method::POST, "/api/v1/tokens", Some(body)).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        (made["token"].as_str().expect("token").to_owned(), made["id"].as_str().expect("id").to_owned())
    }

    /// Registers a repository that nobody will clone.
    pub async fn repository(&self, url: &str) -> String {
        let (status, made) =
            self.admin(Method::POST, "/api/v1/repositories", Some(serde_json::json!({"url": url}))).await;
        assert!(status.is_success(), "{status} {made}");
        made["id"].as_str().expect("id").to_owned()
    }
}

pub async fn answer(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let text = response.text().await.expect("a body");
    let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect(&text) };
    (status, body)
}
