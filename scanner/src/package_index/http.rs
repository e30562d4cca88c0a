//! The edge: one bounded request to the index, tried twice, and not at all while the index is known not to answer.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, LAST_MODIFIED, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use super::error::IndexError;
use super::settings::Settings;

/// Requests under way at once: an index is somebody else's machine.
const AT_ONCE: usize = 8;
const CONNECT: Duration = Duration::from_secs(10);
/// Without a single byte of an answer.
const SILENCE: Duration = Duration::from_secs(15);
/// Of a whole request; the largest pages have some twenty megabytes.
const WHOLE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(300);
/// Longest that a `Retry-After` is obeyed; beyond it the answer is "not reached".
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// After so many requests in a row without an answer the index is left alone for a while.
const TROUBLES: u32 = 3;
const REST: Duration = Duration::from_secs(60);

/// How long somebody waits for all of his questions together.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    Endless,
    Until(tokio::time::Instant, Duration),
}

impl Patience {
    pub fn until(patience: Duration) -> Self {
        // a time that no clock has is none
        Instant::now().checked_add(patience).map_or(Self::Endless, |end| Self::Until(end.into(), patience))
    }
}

pub(super) struct Http {
    client: Client,
    settings: Settings,
    places: Semaphore,
    troubles: Mutex<(u32, Option<Instant>)>,
}

/// A successful answer.
pub(super) struct Answer {
    pub status: StatusCode,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// The whole file's length, where the answer is a part.
    pub length: Option<u64>,
    pub body: Vec<u8>,
}

impl Http {
    /// The client, or why there can be none.
    pub fn new(settings: &Settings) -> Result<Self, String> {
        let mut builder = Client::builder()
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .timeout(WHOLE);
        if let Some(pem) = &settings.ca {
            let certificates =
                reqwest::Certificate::from_pem_bundle(pem).map_err(|error| format!("CA certificates: {error}"))?;
            builder = builder.tls_certs_merge(certificates);
        }
        let client = builder.build().map_err(|error| chain(&error.without_url()))?;
        Ok(Self { client, settings: settings.clone(), places: Semaphore::new(AT_ONCE), troubles: Mutex::default() })
    }

    /// Asks, as long as `patience` lasts. 304 and every success are answers; `limit` is the largest body that is read.
    pub async fn get(
        &self,
        what: &str,
        url: &Url,
        headers: &HeaderMap,
        limit: u64,
        patience: Patience,
    ) -> Result<Answer, IndexError> {
        let asked = self.ask(what, url, headers, limit);
        let Patience::Until(end, patience) = patience else { return asked.await };
        let over = || unreachable(what, format!("the time for it, {patience:?} in all, is over"));
        if tokio::time::Instant::now() >= end {
            return Err(over());
        }
        tokio::time::timeout_at(end, asked).await.unwrap_or_else(|_| Err(over()))
    }

    async fn ask(&self, what: &str, url: &Url, headers: &HeaderMap, limit: u64) -> Result<Answer, IndexError> {
        // the semaphore is never closed
        let _place = self.places.acquire().await;
        self.rested().map_err(|reason| unreachable(what, reason))?;
        let mut again = true;
        loop {
            let tried = self.once(what, url, headers, limit).await;
            let pause = match &tried {
                Err(Failed { wait: Some(wait), .. }) if again && *wait <= LONGEST_PAUSE => *wait,
                _ => {
                    let reached = !matches!(tried, Err(Failed { error: IndexError::Unreachable { .. }, .. }));
                    self.remember(reached);
                    return tried.map_err(|failed| failed.error);
                }
            };
            again = false;
            tokio::time::sleep(pause).await;
        }
    }

    async fn once(&self, what: &str, url: &Url, headers: &HeaderMap, limit: u64) -> Result<Answer, Failed> {
        let broken =
            |error: reqwest::Error| Failed { error: unreachable(what, chain(&error.without_url())), wait: Some(PAUSE) };
        let response = self.request(url).headers(headers.clone()).send().await.map_err(broken)?;
        let status = response.status();
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Err(Failed { error: IndexError::absent(what), wait: None });
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                let error = IndexError::Refused { what: what.to_owned(), status: status.as_u16() };
                return Err(Failed { error, wait: None });
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => return Err(later(what, &response)),
            status if status.is_server_error() => return Err(later(what, &response)),
            StatusCode::NOT_MODIFIED => {}
            status if !status.is_success() => {
                let error = IndexError::malformed(what, format!("it answered {status}"));
                return Err(Failed { error, wait: None });
            }
            _ => {}
        }
        let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (etag, last_modified) = (text(ETAG), text(LAST_MODIFIED));
        let length = text(CONTENT_RANGE).and_then(|range| range.rsplit('/').next()?.parse().ok());
        let body = bounded(response, limit).await.map_err(|error| match error {
            Some(error) => broken(error),
            None => Failed { error: IndexError::malformed(what, format!("more than {limit} bytes")), wait: None },
        })?;
        Ok(Answer { status, etag, last_modified, length, body })
    }

    /// Credentials go to the index's own host and nowhere else; a redirect elsewhere loses them.
    fn request(&self, url: &Url) -> RequestBuilder {
        let request = self.client.get(url.clone());
        match &self.settings.credentials {
            Some(credentials) if url.origin() == self.settings.url.origin() => {
                request.basic_auth(&credentials.user, Some(credentials.password.as_str()))
            }
            _ => request,
        }
    }

    fn rested(&self) -> Result<(), &'static str> {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        match troubles.1 {
            Some(since) if since.elapsed() < REST => {
                Err("it did not answer several times in a row, and is left alone for a minute")
            }
            Some(_) => {
                *troubles = (0, None);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn remember(&self, reached: bool) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if reached {
            *troubles = (0, None);
        } else {
            troubles.0 += 1;
            if troubles.0 >= TROUBLES {
                troubles.1.get_or_insert_with(Instant::now);
            }
        }
    }
}

struct Failed {
    error: IndexError,
    /// Another attempt may help, after this pause.
    wait: Option<Duration>,
}

fn unreachable(what: &str, reason: impl ToString) -> IndexError {
    IndexError::Unreachable { what: what.to_owned(), reason: reason.to_string() }
}

fn later(what: &str, response: &Response) -> Failed {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Failed {
        error: unreachable(what, format!("it answered {}", response.status())),
        wait: Some(asked.map_or(PAUSE, Duration::from_secs)),
    }
}

/// The body; `None` as the error when it is larger than `limit`.
async fn bounded(mut response: Response, limit: u64) -> Result<Vec<u8>, Option<reqwest::Error>> {
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Some)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > limit {
            return Err(None);
        }
    }
    Ok(body)
}

/// An error with its causes, which alone say "connection refused".
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}
