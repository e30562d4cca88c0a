//! What the handlers call: one service value that knows the store, the configuration and the identities.
//!
//! A repository that an identity may not see does not exist for it: the answer is 404 and not 403, which would tell that it is there.

mod audit;
mod findings;
mod gate;
mod messages;
mod operations;
mod repositories;
mod tokens;
mod vex;

use std::sync::Arc;

use advisories::AdvisoryIndex;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use super::error::ApiError;
use super::etag::Tagged;
use super::findings::Wanted;
use super::limits::Pace;
use super::wire::Page;
use crate::config::ServerConfig;
use crate::deliveries::Door;
use crate::gate::Verdicts;
use crate::identity::{Attempts, TokenHash, TokenKey, TokenRecord, oidc};
use crate::jobs::{Digests, Look};
use crate::knowledge::Advisories;
use crate::reach::Guard;
use crate::store::Store;
use crate::store::fresh::Fresh;
use crate::store::record::Tenant;

/// Everything behind the routes.
#[derive(Debug)]
pub struct Service {
    pub(super) config: ServerConfig,
    pub(super) tenant: Tenant,
    pub(super) attempts: Attempts,
    pub(super) pace: Pace,
    /// Keys of the CI systems whose tokens are taken.
    pub(super) issuers: oidc::Keys,
    pub(super) metrics: Option<&'static PrometheusHandle>,
    /// True once a shutdown is under way.
    pub(super) stopping: watch::Receiver<bool>,
    /// One for each request that may be under way.
    pub(super) places: Semaphore,
    /// Where deliveries come in.
    pub(super) door: Door,
    pub(super) store: Store,
    tokens: TokenKey,
    pub(super) feeds: Arc<Advisories>,
    look: InForce,
    known_tokens: Fresh<TokenHash, TokenRecord>,
    verdicts: Verdicts<Tagged>,
    pages: Fresh<Wanted, Tagged>,
    base_url: String,
}

/// Bytes of all pages of findings that are remembered, and of a usual one.
const PAGES: usize = 64 << 20;
const USUAL_PAGE: usize = 16 << 10;

/// The scanner, of which the service asks only with what it looks.
struct InForce(Arc<dyn Look>);

impl InForce {
    fn digests(&self) -> Digests {
        self.0.digests()
    }
}

impl std::fmt::Debug for InForce {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_tuple("InForce").field(&self.digests()).finish()
    }
}

/// What the service is put together of.
pub struct Parts {
    /// The settings.
    pub config: ServerConfig,
    /// Where everything is kept.
    pub store: Store,
    /// The key of API tokens.
    pub tokens: TokenKey,
    /// The advisories in force, renewed while the service runs.
    pub advisories: Arc<Advisories>,
    /// What scans look with.
    pub look: Arc<dyn Look>,
    /// How users reach the service.
    pub base_url: String,
    /// Turns true when a shutdown begins.
    pub stopping: watch::Receiver<bool>,
    /// Where deliveries come in.
    pub door: Door,
}

impl Service {
    /// Puts the parts together.
    ///
    /// # Errors
    /// When no client for the issuers' keys can be made.
    pub fn new(parts: Parts) -> Result<Self, reqwest::Error> {
        let Parts { config, store, tokens, advisories, look, base_url, stopping, door } = parts;
        Ok(Self {
            tenant: Tenant::default(),
            door,
            attempts: Attempts::new(config.limits.failures_a_minute),
            pace: Pace::new(config.limits.requests_a_minute),
            issuers: oidc::Keys::new(&config.auth.oidc, &Guard::new(config.reach.clone()))?,
            metrics: crate::telemetry::metrics_handle(),
            places: Semaphore::new(config.limits.concurrent_requests),
            config,
            stopping,
            store,
            tokens,
            feeds: advisories,
            look: InForce(look),
            known_tokens: Fresh::new(tokens::TOKEN_BYTES, 10_000 * tokens::TOKEN_BYTES),
            verdicts: Verdicts::default(),
            pages: Fresh::new(USUAL_PAGE, PAGES),
            base_url,
        })
    }

    /// How users reach the service.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether work can be taken; if not, why.
    pub(super) fn readiness(&self) -> Result<(), String> {
        if *self.stopping.borrow() {
            return Err("a shutdown is under way".to_owned());
        }
        self.store.healthy().map_err(|error| format!("the store does not answer: {error}"))
    }

    /// The advisories in force.
    pub(super) fn advisories(&self) -> Result<Arc<AdvisoryIndex>, ApiError> {
        self.feeds.index().map_err(ApiError::Unavailable)
    }
}

/// The size of a page: what was asked for within 1 to 500, else 100.
fn page_size(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit.unwrap_or(100) {
        size @ 1..=500 => Ok(size),
        size => Err(ApiError::Invalid(format!("limit: {size} is not within 1 to 500"))),
    }
}

/// Reads a word of a fixed set.
fn word<T>(name: &str, text: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, ApiError> {
    let unknown =
        |text: &str| ApiError::Invalid(format!("{name}: unknown word {:?}", text.chars().take(40).collect::<String>()));
    text.map(|text| parse(text).ok_or_else(|| unknown(text))).transpose()
}

/// Reads an identity of ours; what cannot be one is not there.
fn id<T: std::str::FromStr>(kind: &'static str, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| not_found(kind, text))
}

fn not_found(kind: &'static str, name: &str) -> ApiError {
    ApiError::NotFound { kind, name: name.chars().take(80).collect() }
}

fn page<R, T: From<R>>(records: Vec<R>, next: Option<String>) -> Page<T> {
    Page { items: records.into_iter().map(T::from).collect(), next }
}
