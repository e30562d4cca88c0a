//! A running server, as the commands see it that ask one.

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::exit::Failure;
use crate::credential::Credential;

/// A server's REST address with a token.
pub struct Server {
    client: Client,
    base: Url,
    token: Option<Credential>,
}

impl Server {
    /// The REST below the address that users know.
    ///
    /// # Errors
    /// Exit 2 when no client can be made.
    pub fn new(server: &Url, token: Option<Credential>) -> Result<Self, Failure> {
        let mut base = server.clone();
        let path = format!("{}/api/v1/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Failure::usage)?;
        Ok(Self { client, base, token })
    }

    /// Reads.
    ///
    /// # Errors
    /// As [`Server::send`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T, Failure> {
        self.send(Method::GET, path, query, None).await
    }

    /// Sends, and reads the JSON that comes back.
    ///
    /// # Errors
    /// Exit 2 for what the server calls wrong, 4 when it does not answer, or refuses.
    pub async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<serde_json::Value>,
    ) -> Result<T, Failure> {
        let response = self.answered(method, path, query, body).await?;
        response.json().await.map_err(|error| self.unreachable(error))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`Server::send`].
    pub async fn text(&self, path: &str, query: &[(&str, &str)]) -> Result<String, Failure> {
        let response = self.answered(Method::GET, path, query, None).await?;
        response.text().await.map_err(|error| self.unreachable(error))
    }

    fn unreachable(&self, error: reqwest::Error) -> Failure {
        Failure::unreachable(format!("{} does not answer: {}", self.base, error.without_url()))
    }

    async fn answered(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<serde_json::Value>,
    ) -> Result<reqwest::Response, Failure> {
        let mut url = self.base.join(path).map_err(Failure::usage)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.map_err(|error| self.unreachable(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let detail = response.json::<serde_json::Value>().await.ok();
        let detail = detail.as_ref().and_then(|problem| problem["detail"].as_str()).unwrap_or("no reason given");
        let message = format!("{} answers {status}: {detail}", self.base);
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Failure::usage(message),
            _ => Failure::unreachable(message),
        })
    }
}
