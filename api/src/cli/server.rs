//! A running server as commands see it: its REST, asked with patience for what passes by itself.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use super::exit::Failure;
use crate::credential::Credential;

/// Tries of one request, when the server or the way to it fails.
const TRIES: u32 = 4;
/// A CI system's own token lives five minutes; it is asked for anew before.
const CI_TOKEN_AGE: Duration = Duration::from_secs(240);

/// How a command proves who it is.
pub enum Proof {
    /// Not at all: a server that is open on loopback.
    Nothing,
    /// By an API token, or a token that the CI system has put into the environment.
    Token(Credential),
    /// By a token that GitHub Actions makes for this server when asked.
    Actions {
        /// Where to ask, with the credential of the job.
        url: Url,
        /// That credential.
        request: Credential,
        /// The token, and since when.
        current: Option<(Credential, Instant)>,
    },
}

/// A server.
pub struct Server {
    client: Client,
    base: Url,
    audience: String,
    proof: Proof,
}

/// What a problem document says.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// One request's end.
enum Answer {
    Done(Vec<u8>),
    /// It may go better soon; the seconds that the server asks to wait.
    Again(Failure, Option<u64>),
    Refused(Failure),
}

impl Server {
    /// The server at `address`.
    ///
    /// # Errors
    /// Exit 2 for an address that is none.
    pub fn new(address: &Url, proof: Proof) -> Result<Self, Failure> {
        let audience = address.as_str().trim_end_matches('/').to_owned();
        let mut base = address.clone();
        let path = format!("{}/api/v1/", base.path().trim_end_matches('/'));
        base.set_path(&path);
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(Failure::usage)?;
        Ok(Self { client, base, audience, proof })
    }

    /// The address as users write it.
    pub fn address(&self) -> &str {
        &self.audience
    }

    /// Reads.
    ///
    /// # Errors
    /// Exit 2 when the server does not understand the question, 4 when it does not answer or refuses.
    pub async fn get<T: DeserializeOwned>(
        &mut self,
        path: &str,
        query: &[(&str, &str)],
        patience: Duration,
    ) -> Result<T, Failure> {
        let body = self.send(Method::GET, path, query, None, patience).await?;
        self.read(&body)
    }

    /// Reads a text.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub async fn text(&mut self, path: &str, query: &[(&str, &str)], patience: Duration) -> Result<String, Failure> {
        let body = self.send(Method::GET, path, query, None, patience).await?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    /// Changes something, once however often it is tried.
    ///
    /// # Errors
    /// As [`Server::get`].
    pub async fn change<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Failure> {
        let body = self.send(method, path, &[], body, Duration::from_secs(30)).await?;
        self.read(&body)
    }

    /// 204 has no body; what is asked for then is null.
    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(if body.is_empty() { b"null" } else { body }).map_err(|error| {
            Failure::unreachable(format!("{} answers what this program does not understand: {error}", self.audience))
        })
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        patience: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let mut url = self.base.join(path).map_err(Failure::usage)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let key = Uuid::new_v4().to_string();
        let mut tried = 0;
        loop {
            let mut request = self.client.request(method.clone(), url.clone()).timeout(patience);
            if !method.is_safe() {
                request = request.header("idempotency-key", &key);
            }
            if let Some(body) = &body {
                request = request.json(body);
            }
            tried += 1;
            match self.once(request).await? {
                Answer::Done(answer) => return Ok(answer),
                Answer::Refused(failure) => return Err(failure),
                Answer::Again(failure, _) if tried == TRIES => return Err(failure),
                Answer::Again(_, wait) => {
                    let pause = Duration::from_millis(250 << tried);
                    tokio::time::sleep(wait.map_or(pause, |seconds| Duration::from_secs(seconds.min(30)))).await;
                }
            }
        }
    }

    async fn once(&mut self, request: RequestBuilder) -> Result<Answer, Failure> {
        let request = match self.bearer().await? {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        let silent = |error: reqwest::Error| {
            let failure = Failure::unreachable(format!("{} does not answer: {}", self.audience, reason(&error)));
            Ok(Answer::Again(failure, None))
        };
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => return silent(error),
        };
        let status = response.status();
        if status.is_success() {
            return match response.bytes().await {
                Ok(body) => Ok(Answer::Done(body.to_vec())),
                Err(error) => silent(error),
            };
        }
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let problem = response.json::<Problem>().await.map(|problem| problem.detail);
        let detail = problem.unwrap_or_else(|_| "no reason given".to_owned());
        let message = format!("{} answers {status}: {detail}", self.audience);
        Ok(match status {
            StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT => {
                Answer::Refused(Failure::usage(message))
            }
            StatusCode::TOO_MANY_REQUESTS => Answer::Again(Failure::unreachable(message), wait),
            status if status.is_server_error() => Answer::Again(Failure::unreachable(message), wait),
            _ => Answer::Refused(Failure::unreachable(message)),
        })
    }

    async fn bearer(&mut self) -> Result<Option<Credential>, Failure> {
        #[derive(Deserialize)]
        struct Made {
            value: String,
        }
        let (url, request, current) = match &mut self.proof {
            Proof::Nothing => return Ok(None),
            Proof::Token(token) => return Ok(Some(token.clone())),
            Proof::Actions { url, request, current } => (url, request, current),
        };
        if let Some((token, since)) = current
            && since.elapsed() < CI_TOKEN_AGE
        {
            return Ok(Some(token.clone()));
        }
        let mut url = url.clone();
        url.query_pairs_mut().append_pair("audience", &self.audience);
        let refused = |error: reqwest::Error| {
            Failure::unreachable(format!("GitHub Actions makes no token for {}: {}", self.audience, reason(&error)))
        };
        let asked = self.client.get(url).bearer_auth(request.expose()).timeout(Duration::from_secs(30)).send().await;
        let made = asked.and_then(reqwest::Response::error_for_status).map_err(refused)?;
        let token = Credential::new(made.json::<Made>().await.map_err(refused)?.value);
        *current = Some((token.clone(), Instant::now()));
        Ok(Some(token))
    }
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if error.is_timeout() { "it takes too long".to_owned() } else { cause.to_string() }
}
