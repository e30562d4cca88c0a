//! Forges (GitHub, GitLab, Gitea, Forgejo, Bitbucket Cloud) behind one trait.
//!
//! Each forge has a webhook address of its own. Which signature, which event and which delivery id are looked for follows from the
//! address alone and never from the headers: Gitea and Forgejo also send GitHub's headers, so that header sniffing would let a
//! delivery choose the weakest check.
//!
//! Reading deliveries is thinking: headers and bytes in, a verdict or an event out. The clients, which do IO, are in [`client`].

mod bitbucket;
pub mod client;
mod connected;
mod event;
mod gitea;
mod github;
mod gitlab;
pub mod standard_webhooks;

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};

pub use connected::{Connected, Forges};
pub use event::{
    Event, Installation, InstalledRepository, PullRequest, Push, RemoteRepository, RepositoryChange, RepositoryEvent,
    pull_request_of, pull_request_ref,
};

use crate::credential::Credential;

/// The kinds of forge that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ForgeKind {
    /// github.com and GitHub Enterprise Server.
    Github,
    /// gitlab.com and self-managed GitLab.
    Gitlab,
    /// Gitea.
    Gitea,
    /// Forgejo, such as Codeberg.
    Forgejo,
    /// Bitbucket Cloud.
    Bitbucket,
}

impl ForgeKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Github, Self::Gitlab, Self::Gitea, Self::Forgejo, Self::Bitbucket];

    /// The word used in addresses, configuration and REST.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
        }
    }

    /// How this kind signs and words its deliveries.
    #[must_use]
    pub fn webhooks(self) -> &'static dyn Webhooks {
        match self {
            Self::Github => &github::Github,
            Self::Gitlab => &gitlab::Gitlab,
            Self::Gitea => &gitea::GITEA,
            Self::Forgejo => &gitea::FORGEJO,
            Self::Bitbucket => &bitbucket::Bitbucket,
        }
    }
}

impl fmt::Display for ForgeKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

/// A word that names no forge.
#[derive(Debug, thiserror::Error)]
#[error("no forge is called {0:?}; there are github, gitlab, gitea, forgejo and bitbucket")]
pub struct UnknownForge(String);

impl FromStr for ForgeKind {
    type Err = UnknownForge;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownForge(text.to_owned()))
    }
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The forge's signature header is not there (it may have sent another forge's).
    #[error("the delivery carries no {0} header")]
    Unsigned(&'static str),
    /// The signature is there and does not fit any configured secret.
    #[error("the signature does not fit the body and the configured secret")]
    WrongSignature,
    /// Signed correctly, but too long ago or in the future.
    #[error("the signed time is more than {0} seconds away from now")]
    Stale(u64),
    /// A header that the forge always sends is missing or unreadable.
    #[error("the delivery carries no readable {0} header")]
    NoHeader(&'static str),
    /// Signed and addressed correctly, but not what the forge documents.
    #[error("the body of a {event} event cannot be read: {reason}")]
    Unreadable {
        /// The event's name.
        event: String,
        /// What was expected.
        reason: String,
    },
}

impl Refusal {
    /// A word for metrics and logs.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "unsigned",
            Self::WrongSignature => "wrong_signature",
            Self::Stale(_) => "stale",
            Self::NoHeader(_) => "missing_header",
            Self::Unreadable { .. } => "unreadable",
        }
    }
}

/// How a forge signs, numbers and words its webhook deliveries.
pub trait Webhooks: Sync {
    /// Checks the signature over the raw bytes against every configured secret (there are two while one is being replaced).
    ///
    /// # Errors
    /// A [`Refusal`] about the signature; `now` (seconds since 1970) decides where the forge signs a time.
    fn verify(&self, headers: &HeaderMap, body: &[u8], secrets: &[Credential], now: i64) -> Result<(), Refusal>;

    /// The id under which the forge numbers the delivery; a redelivery keeps it.
    ///
    /// # Errors
    /// [`Refusal::NoHeader`].
    fn delivery_id(&self, headers: &HeaderMap) -> Result<String, Refusal>;

    /// What happened.
    ///
    /// # Errors
    /// [`Refusal::NoHeader`] without the event's name, [`Refusal::Unreadable`] for a body that is not what the forge documents.
    fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refusal>;
}

/// One header as text of at most 200 printable ASCII characters, which is more than any forge's ids and event names take.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    value.filter(|text| !text.is_empty() && text.len() <= 200).ok_or(Refusal::NoHeader(name))
}

/// Checks a hexadecimal HMAC-SHA256 of the body, behind `prefix`.
fn verify_hex_hmac(
    headers: &HeaderMap,
    name: &'static str,
    prefix: &str,
    body: &[u8],
    secrets: &[Credential],
) -> Result<(), Refusal> {
    let value = headers.get(name).ok_or(Refusal::Unsigned(name))?;
    let digits = value.to_str().ok().and_then(|text| text.strip_prefix(prefix)).ok_or(Refusal::WrongSignature)?;
    let tag = hex::decode(digits).map_err(|_| Refusal::WrongSignature)?;
    // no early return: which of two secrets fits is nobody's business
    let fits = secrets.iter().fold(false, |fits, secret| secret.signed(&[body], &tag) | fits);
    if fits { Ok(()) } else { Err(Refusal::WrongSignature) }
}

/// Reads an event's body.
fn read<'b, T: Deserialize<'b>>(event: &str, body: &'b [u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body)
        .map_err(|error| Refusal::Unreadable { event: event.to_owned(), reason: json_position(&error) })
}

/// Where and what kind of mistake, without serde's quotation of the value: the body may hold what must not be logged.
fn json_position(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "a field is missing or of another type",
        serde_json::error::Category::Eof => "it ends too early",
        serde_json::error::Category::Syntax | serde_json::error::Category::Io => "it is not JSON",
    };
    format!("{kind} (line {}, column {})", error.line(), error.column())
}

#[cfg(test)]
mod tests;
