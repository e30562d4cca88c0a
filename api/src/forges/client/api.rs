//! One forge's REST address: sends, waits where the forge asks to, tries again what can pass, remembers what has not changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use super::ForgeError;
use super::call::{Call, Reply};
use super::rate_limit::{asked_to_wait, remaining, until_reset};
use crate::forges::ForgeKind;
use crate::reach::{Guard, Redirects, origin};

/// Largest answer that is read.
const LARGEST: usize = 32 << 20;
/// Bytes of remembered answers.
const REMEMBERED: usize = 64 << 20;
/// Pages of one list: a million repositories.
const PAGES: usize = 10_000;

/// How long and how often is waited.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Tries of what failed by itself.
    pub tries: u32,
    /// The pause before the second; it doubles.
    pub first_pause: Duration,
    /// The longest wait that a forge may ask for.
    pub longest_wait: Duration,
    /// Limit of one request.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            tries: 4,
            first_pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(300),
            timeout: Duration::from_secs(60),
        }
    }
}

#[derive(Debug, Default)]
struct Remembered {
    replies: HashMap<String, (HeaderValue, Reply)>,
    bytes: usize,
}

/// The REST address of one forge.
#[derive(Debug)]
pub struct Api {
    kind: ForgeKind,
    base: Url,
    client: Client,
    guard: Guard,
    patience: Patience,
    accept: &'static str,
    remembered: Mutex<Remembered>,
    resume_at: Mutex<Option<Timestamp>>,
}

/// What came of one try.
enum Try {
    Done(Reply),
    /// The forge asks to wait.
    Wait(Duration),
    /// It may work next time.
    Again(ForgeError),
    Failed(ForgeError),
}

impl Api {
    /// Opens an address.
    pub fn open(
        kind: ForgeKind,
        base: &Url,
        accept: &'static str,
        guard: &Guard,
        patience: Patience,
    ) -> Result<Self, ForgeError> {
        let mut base = base.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let builder = Client::builder()
            .connect_timeout(Duration::from_secs(15).min(patience.timeout))
            .timeout(patience.timeout)
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")));
        let client = guard
            .client(builder, Redirects::SameOrigin)
            .map_err(|error| ForgeError::Configuration { kind, reason: error.to_string() })?;
        Ok(Self {
            kind,
            base,
            client,
            guard: guard.clone(),
            patience,
            accept,
            remembered: Mutex::default(),
            resume_at: Mutex::default(),
        })
    }

    /// Sends until there is an answer or no hope.
    pub async fn send(&self, call: &Call) -> Result<Reply, ForgeError> {
        let url = self.address(call)?;
        let (mut tries, mut waited, mut pause) = (0, Duration::ZERO, self.patience.first_pause);
        loop {
            self.wait_for_turn(&mut waited).await?;
            tries += 1;
            match self.attempt(call, &url).await {
                Try::Done(reply) => return Ok(reply),
                Try::Failed(error) => return Err(error),
                Try::Wait(asked) => self.put_off(asked),
                Try::Again(error) if tries >= self.patience.tries => return Err(error),
                Try::Again(error) => {
                    tracing::debug!(%error, "trying again");
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
    }

    /// Every item of a list that pages by links.
    pub async fn all<T, P>(&self, first: Call, items: impl Fn(P) -> Vec<T>) -> Result<Vec<T>, ForgeError>
    where
        P: DeserializeOwned,
    {
        self.all_linked(first, |page, reply| (items(page), reply.next())).await
    }

    /// Every item of a list; `read` gives a page's items and the address of the next.
    pub async fn all_linked<T, P>(
        &self,
        first: Call,
        read: impl Fn(P, &Reply) -> (Vec<T>, Option<String>),
    ) -> Result<Vec<T>, ForgeError>
    where
        P: DeserializeOwned,
    {
        let (mut call, mut all, mut seen) = (first, Vec::new(), HashSet::new());
        loop {
            let reply = self.send(&call).await?;
            let (items, next) = read(reply.json()?, &reply);
            all.extend(items);
            let Some(next) = next else { return Ok(all) };
            if !seen.insert(next.clone()) || seen.len() > PAGES {
                let reason = "its pages go round in a circle".to_owned();
                return Err(ForgeError::Unreadable { kind: self.kind, what: call.what(), reason });
            }
            call.path = next;
        }
    }

    /// The address of a call; a page's address from the forge must stay where the credentials belong.
    fn address(&self, call: &Call) -> Result<Url, ForgeError> {
        let failed =
            |reason: &str| ForgeError::Unreadable { kind: self.kind, what: call.what(), reason: reason.to_owned() };
        let url = self.base.join(call.path.trim_start_matches('/')).map_err(|_| failed("no address"))?;
        if origin(&url) != origin(&self.base) {
            return Err(failed("the next page is on another host, which gets no credentials"));
        }
        let checked = self.guard.reach().check_url(url.as_str());
        checked.map_err(|reason| ForgeError::OutOfReach { kind: self.kind, reason })?;
        Ok(url)
    }

    fn put_off(&self, wait: Duration) {
        let wait = jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::from_hours(1));
        *self.resume_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Timestamp::now() + wait);
    }

    /// Waits until the forge lets us ask again, all calls together as long as it is worth while.
    async fn wait_for_turn(&self, waited: &mut Duration) -> Result<(), ForgeError> {
        let until = *self.resume_at.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until.map(|until| until.duration_since(Timestamp::now())).filter(|left| left.is_positive());
        let Some(left) = left else { return Ok(()) };
        let left = left.unsigned_abs();
        *waited += left;
        if *waited > self.patience.longest_wait {
            return Err(ForgeError::RateLimited { kind: self.kind, seconds: left.as_secs() + 1 });
        }
        tracing::info!(forge = %self.kind, seconds = left.as_secs(), "waiting, as the forge asks");
        tokio::time::sleep(left).await;
        Ok(())
    }

    async fn attempt(&self, call: &Call, url: &Url) -> Try {
        let unreachable = |reason: String| ForgeError::Unreachable { kind: self.kind, what: call.what(), reason };
        let again = |error: ForgeError| if call.repeatable { Try::Again(error) } else { Try::Failed(error) };
        let key = format!("{} {url}", call.login.scope());
        let known = (call.method == Method::GET).then(|| self.recall(&key)).flatten();
        let mut request = self.client.request(call.method.clone(), url.clone()).header(header::ACCEPT, self.accept);
        if let Some(login) = call.login.header() {
            request = request.header(header::AUTHORIZATION, login);
        }
        if let Some((tag, _)) = &known {
            request = request.header(header::IF_NONE_MATCH, tag.clone());
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            // never connected: nothing was done, so that even a POST may be tried again
            Err(error) if error.is_connect() => return Try::Again(unreachable(causes(&error.without_url()))),
            Err(error) => return again(unreachable(causes(&error.without_url()))),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match read_body(response).await {
            Ok(body) => body,
            Err(reason) => return again(unreachable(reason)),
        };
        let reply = Reply { kind: self.kind, what: call.what(), headers, body };
        if status == StatusCode::NOT_MODIFIED
            && let Some((_, known)) = known
        {
            self.heed(&reply.headers);
            return Try::Done(known);
        }
        if status.is_success() {
            self.heed(&reply.headers);
            if call.method == Method::GET {
                self.remember(key, &reply);
            }
            return Try::Done(reply);
        }
        if let Some(wait) = asked_to_wait(status, &reply) {
            return Try::Wait(wait);
        }
        if status.is_server_error() {
            return again(unreachable(format!("it answers {}", status.as_u16())));
        }
        Try::Failed(ForgeError::Refused {
            kind: self.kind,
            what: reply.what.clone(),
            status: status.as_u16(),
            reason: reply.words(),
        })
    }

    /// The last request of a window is answered, and says that it was the last.
    fn heed(&self, headers: &HeaderMap) {
        if remaining(headers) == Some(0)
            && let Some(wait) = until_reset(headers)
        {
            self.put_off(wait);
        }
    }

    fn recall(&self, key: &str) -> Option<(HeaderValue, Reply)> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).replies.get(key).cloned()
    }

    fn remember(&self, key: String, reply: &Reply) {
        let Some(tag) = reply.headers.get(header::ETAG).cloned() else { return };
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.bytes + reply.body.len() > REMEMBERED {
            *remembered = Remembered::default();
        }
        remembered.bytes += reply.body.len();
        if let Some((_, old)) = remembered.replies.insert(key, (tag, reply.clone())) {
            remembered.bytes = remembered.bytes.saturating_sub(old.body.len());
        }
    }
}

async fn read_body(mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| causes(&error.without_url()))? {
        if body.len() + chunk.len() > LARGEST {
            return Err("the answer is too large".to_owned());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error with its causes in one line; reqwest's own text stops at "error sending request".
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
