//! The issuers' keys: found from the issuer's address, fetched through the address guard, kept for a while.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet};
use reqwest::Client;
use serde::Deserialize;
use tokio::sync::Mutex;
use url::Url;

use crate::config::Issuer;
use crate::reach::{Guard, Redirects};

/// Keys are asked for again when older.
const FRESH: Duration = Duration::from_secs(3600);
/// When the issuer does not answer, keys this old still serve.
const STALE: Duration = Duration::from_secs(24 * 3600);
/// An unknown key id asks the issuer again at most this often, so that made-up ids do not.
const PAUSE: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(10);
const LARGEST: usize = 1 << 20;

/// Why there is no key to verify with: not the token's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the keys of {issuer} cannot be fetched: {reason}")]
pub struct KeysError {
    issuer: String,
    reason: String,
}

struct Cached {
    keys: JwkSet,
    at: Instant,
}

/// The issuers' keys.
pub struct Keys {
    client: Client,
    guard: Guard,
    /// One lock for each issuer, so that many requests cause one fetch.
    by_issuer: HashMap<String, Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    cached: Option<Cached>,
    tried: Option<Instant>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Keys").field("issuers", &self.by_issuer.keys()).finish_non_exhaustive()
    }
}

impl Keys {
    /// Keys of these issuers; none is fetched yet.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(issuers: &[Issuer], guard: &Guard) -> Result<Self, reqwest::Error> {
        let builder =
            Client::builder().timeout(TIMEOUT).user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")));
        let client = guard.client(builder, Redirects::Refused)?;
        let by_issuer = issuers.iter().map(|issuer| (issuer.issuer.to_string(), Mutex::default())).collect();
        Ok(Self { client, guard: guard.clone(), by_issuer })
    }

    /// The issuer's key of this id; `None` when it has none.
    ///
    /// # Errors
    /// When the issuer does not answer and no kept key serves.
    pub async fn find(&self, issuer: &Issuer, id: &str) -> Result<Option<Jwk>, KeysError> {
        let failed = |reason: String| KeysError { issuer: issuer.issuer.to_string(), reason };
        let Some(kept) = self.by_issuer.get(issuer.issuer.as_str()) else {
            return Err(failed("it is not configured".to_owned()));
        };
        let mut kept = kept.lock().await;
        let known = |kept: &Kept| {
            let cached = kept.cached.as_ref()?;
            Some((cached.keys.find(id).cloned()?, cached.at.elapsed()))
        };
        if let Some((key, age)) = known(&kept)
            && age < FRESH
        {
            return Ok(Some(key));
        }
        if kept.tried.is_some_and(|at| at.elapsed() < PAUSE) && kept.cached.is_some() {
            return Ok(known(&kept).filter(|(_, age)| *age < STALE).map(|(key, _)| key));
        }
        kept.tried = Some(Instant::now());
        match self.fetch(issuer).await {
            Ok(keys) => {
                // a key that the issuer has withdrawn is gone with this
                kept.cached = Some(Cached { keys, at: Instant::now() });
                Ok(known(&kept).map(|(key, _)| key))
            }
            Err(reason) => match known(&kept).filter(|(_, age)| *age < STALE) {
                Some((key, _)) => {
                    tracing::warn!(issuer = %issuer.issuer, %reason, "the issuer's keys cannot be fetched; kept ones serve");
                    Ok(Some(key))
                }
                None => Err(failed(reason)),
            },
        }
    }

    async fn fetch(&self, issuer: &Issuer) -> Result<JwkSet, String> {
        #[derive(Deserialize)]
        struct Discovered {
            issuer: String,
            jwks_uri: Url,
        }
        let own = issuer.issuer.as_str().trim_end_matches('/');
        let discovered: Discovered = self.get(&format!("{own}/.well-known/openid-configuration")).await?;
        if discovered.issuer.trim_end_matches('/') != own {
            return Err("its configuration names another issuer".to_owned());
        }
        if issuer.issuer.scheme() == "https" && discovered.jwks_uri.scheme() != "https" {
            return Err("its configuration names keys without TLS".to_owned());
        }
        self.get(discovered.jwks_uri.as_str()).await
    }

    async fn get<T: for<'de> Deserialize<'de>>(&self, url: &str) -> Result<T, String> {
        self.guard.check(url).await.map_err(|error| error.to_string())?;
        let mut response = self.client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
        if !response.status().is_success() {
            return Err(format!("it answers {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.without_url().to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > LARGEST {
                return Err("its answer is too large".to_owned());
            }
        }
        serde_json::from_slice(&body).map_err(|error| format!("its answer cannot be read: {error}"))
    }
}
