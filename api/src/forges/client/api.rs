//! One forge's REST address: sends, waits where the forge asks to, tries again what can pass, remembers what has not changed.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::credential::Credential;
use crate::forges::ForgeKind;
use crate::reach::{Guard, OutOfReach, Redirects, origin};
use crate::store::record::ErrorClass;

/// Largest answer that is read.
const LARGEST: usize = 32 << 20;
/// Bytes of remembered answers.
const REMEMBERED: usize = 64 << 20;
/// Pages of one list: a million repositories.
const PAGES: usize = 10_000;

/// Why a forge did not do what it was asked. Never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The configuration cannot be used.
    #[error("{kind}: {reason}")]
    Configuration {
        /// Which forge.
        kind: ForgeKind,
        /// What is wrong.
        reason: String,
    },
    /// The address guard refused.
    #[error("{kind}: {reason}")]
    OutOfReach {
        /// Which forge.
        kind: ForgeKind,
        /// Why.
        reason: OutOfReach,
    },
    /// It was not reached, broke off or failed by itself.
    #[error("{kind}: {what} failed: {reason}")]
    Unreachable {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// What happened.
        reason: String,
    },
    /// It asks to wait longer than a job can.
    #[error("{kind}: the rate limit is used up; it asks to come back in {seconds} seconds")]
    RateLimited {
        /// Which forge.
        kind: ForgeKind,
        /// How long.
        seconds: u64,
    },
    /// It refused.
    #[error("{kind}: {what} was answered {status}: {reason}")]
    Refused {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// Its own words.
        reason: String,
    },
    /// It answered something that it does not document.
    #[error("{kind}: the answer to {what} cannot be read: {reason}")]
    Unreadable {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// What was expected.
        reason: String,
    },
    /// This kind of forge does not have it.
    #[error("{kind} has no {what}")]
    Unsupported {
        /// Which forge.
        kind: ForgeKind,
        /// What.
        what: &'static str,
    },
}

impl ForgeError {
    /// What sort of failure it is for a job.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Configuration { .. } | Self::Unsupported { .. } | Self::OutOfReach { .. } => ErrorClass::Invalid,
            Self::Unreachable { .. } | Self::Unreadable { .. } => ErrorClass::Transient,
            Self::RateLimited { .. } => ErrorClass::RateLimited,
            Self::Refused { status, .. } => match status {
                401 | 403 => ErrorClass::Forbidden,
                404 | 410 => ErrorClass::NotFound,
                _ => ErrorClass::Invalid,
            },
        }
    }

    /// The status that it was refused with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}

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

/// How a call says who we are.
#[derive(Debug, Clone)]
pub enum Login {
    /// Not at all.
    Nobody,
    /// A token. The scope tells apart what is remembered under different ones.
    Bearer(Credential, String),
    /// An account.
    Basic(String, Credential),
}

impl Login {
    fn scope(&self) -> &str {
        match self {
            Self::Nobody => "",
            Self::Bearer(_, scope) => scope,
            Self::Basic(user, _) => user,
        }
    }

    fn header(&self) -> Option<HeaderValue> {
        use base64::Engine as _;
        let text = match self {
            Self::Nobody => return None,
            Self::Bearer(token, _) => Credential::new(format!("Bearer {}", token.expose())),
            Self::Basic(user, password) => {
                let pair = Credential::new(format!("{user}:{}", password.expose()));
                Credential::new(format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair.expose())))
            }
        };
        let mut value = HeaderValue::from_str(text.expose()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    login: Login,
    body: Option<serde_json::Value>,
    repeatable: bool,
}

impl Call {
    /// A request of `path`, relative to the REST address, or an absolute address below it.
    pub fn new(method: Method, path: impl Into<String>, login: &Login) -> Self {
        let repeatable = method != Method::POST;
        Self { method, path: path.into(), login: login.clone(), body: None, repeatable }
    }

    /// Reads.
    pub fn get(path: impl Into<String>, login: &Login) -> Self {
        Self::new(Method::GET, path, login)
    }

    /// With a JSON body.
    pub fn body(self, body: serde_json::Value) -> Self {
        Self { body: Some(body), ..self }
    }

    /// Asking twice does no harm, although it is a POST.
    pub fn repeatable(self) -> Self {
        Self { repeatable: true, ..self }
    }

    /// For messages: method and path without the query.
    fn what(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        format!("{} {path}", self.method)
    }
}

/// A good answer.
#[derive(Debug, Clone)]
pub struct Reply {
    kind: ForgeKind,
    what: String,
    /// Its headers.
    pub headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    /// Reads the JSON body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, ForgeError> {
        serde_json::from_slice(&self.body).map_err(|error| ForgeError::Unreadable {
            kind: self.kind,
            what: self.what.clone(),
            reason: crate::forges::json_position(&error),
        })
    }

    /// The address of the next page, as of RFC 8288.
    pub fn next(&self) -> Option<String> {
        let links = self.headers.get(header::LINK)?.to_str().ok()?;
        links.split(',').find_map(|link| {
            let (address, parameters) = link.trim().split_once(';')?;
            let next = parameters.split(';').any(|one| matches!(one.trim(), "rel=\"next\"" | "rel=next"));
            next.then(|| address.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
        })
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
            reason: words(&reply.body),
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

fn number(headers: &HeaderMap, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok())
}

fn remaining(headers: &HeaderMap) -> Option<u64> {
    number(headers, &["x-ratelimit-remaining", "ratelimit-remaining"])
}

/// GitHub and GitLab name the second at which the window ends.
fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = number(headers, &["x-ratelimit-reset", "ratelimit-reset"])?;
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    // one second more: the clocks are not the same
    Some(Duration::from_secs(reset.saturating_sub(now) + 1))
}

/// Whether an answer is a rate limit, and how long it lasts. GitHub answers 403 as well as 429.
fn asked_to_wait(status: StatusCode, reply: &Reply) -> Option<Duration> {
    let after = number(&reply.headers, &["retry-after"]).map(Duration::from_secs);
    let used_up = remaining(&reply.headers) == Some(0);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {}
        StatusCode::FORBIDDEN if after.is_some() || used_up || words(&reply.body).contains("rate limit") => {}
        StatusCode::SERVICE_UNAVAILABLE if after.is_some() => {}
        _ => return None,
    }
    // without a word about it a minute, which GitHub's documentation gives for its secondary limit
    Some(after.or_else(|| until_reset(&reply.headers)).unwrap_or(Duration::from_secs(60)))
}

/// The forge's own words about a refusal, short and printable.
fn words(body: &[u8]) -> String {
    let said = serde_json::from_slice::<serde_json::Value>(body).ok();
    let text = said.as_ref().and_then(|said| {
        let message = &said["message"];
        message.as_str().or(said["error"]["message"].as_str()).or(said["error"].as_str())
    });
    let text = text.unwrap_or("no reason given").chars().filter(|letter| !letter.is_control());
    text.take(200).collect()
}
