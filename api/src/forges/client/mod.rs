//! Forges as clients: what they list, what a clone needs, and what they are told.

mod api;
mod bitbucket;
mod call;
mod code_scanning;
mod error;
mod gitea;
mod github;
mod github_app;
mod gitlab;
mod rate_limit;
mod select;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use jiff::Timestamp;
use scanner::repository::Credentials;

pub use api::{Api, Patience};
pub use code_scanning::{Upload, pack};
pub use error::ForgeError;
pub use select::{Choice, Selection};

use super::{ForgeKind, RemoteRepository};
use crate::config::ForgeAccess;
use crate::reach::Guard;

/// What a call to a forge gives, some time later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, ForgeError>> + Send + 'a>>;

/// A commit as a forge knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `owner/name`.
    pub full_name: String,
    /// The forge's own id of the repository, where it is known.
    pub forge_id: Option<String>,
    /// The full commit id.
    pub commit: String,
    /// The full name of the ref it was reached by.
    pub reference: Option<String>,
    /// The pull or merge request it heads.
    pub pull_request: Option<u64>,
}

/// How a commit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Being looked at.
    Pending,
    /// Nothing (new) violates the policy.
    Success,
    /// Something does.
    Failure,
    /// Something could not be looked at.
    Error,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// How it stands.
    pub standing: Standing,
    /// One line.
    pub description: String,
    /// Where there is more.
    pub link: Option<String>,
}

/// How loud an annotation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// To be known.
    Notice,
    /// To be looked at.
    Warning,
    /// Fails the commit.
    Failure,
}

/// A remark at a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// From the repository's root.
    pub path: String,
    /// 1-based.
    pub line: u32,
    /// How loud.
    pub level: Level,
    /// A few words.
    pub title: String,
    /// The rest.
    pub message: String,
}

/// A check run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The status it amounts to.
    pub status: Status,
    /// Markdown.
    pub summary: String,
    /// Remarks at lines, however many.
    pub annotations: Vec<Annotation>,
    /// Our own name for it, so that it is found again.
    pub external_id: String,
}

/// A delivery that a forge remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastDelivery {
    /// The forge's number of this attempt.
    pub number: u64,
    /// The delivery id, which is the same over all attempts.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// Whether we answered that we took it.
    pub taken: bool,
}

/// A forge.
pub trait Forge: Send + Sync + fmt::Debug {
    /// Which kind.
    fn kind(&self) -> ForgeKind;

    /// Every repository of an organisation, group or workspace that the credentials show.
    fn repositories<'a>(&'a self, organisation: &'a str) -> Later<'a, Vec<RemoteRepository>>;

    /// Credentials to clone one repository with, good for one job. Never kept.
    fn clone_credentials<'a>(&'a self, full_name: &'a str, forge_id: Option<&'a str>) -> Later<'a, Credentials>;

    /// Sets the commit's status.
    fn set_status<'a>(&'a self, subject: &'a Subject, status: &'a Status) -> Later<'a, ()>;

    /// Keeps one comment on the pull or merge request: made when there is none and `text` is given, else brought up to date.
    fn keep_comment<'a>(&'a self, subject: &'a Subject, text: Option<&'a str>) -> Later<'a, ()>;

    /// Makes a check run; only GitHub has them.
    fn make_check<'a>(&'a self, _subject: &'a Subject, _check: &'a Check) -> Later<'a, ()> {
        Box::pin(async { Err(ForgeError::Unsupported { kind: self.kind(), what: "check runs" }) })
    }

    /// Uploads findings for code scanning; only GitHub takes them.
    fn upload_code_scanning<'a>(&'a self, _subject: &'a Subject, _upload: &'a Upload) -> Later<'a, ()> {
        Box::pin(async { Err(ForgeError::Unsupported { kind: self.kind(), what: "code scanning uploads" }) })
    }

    /// The list of deliveries, for a forge that keeps one that we may read.
    fn delivery_log(&self) -> Option<&dyn DeliveryLog> {
        None
    }
}

/// A forge's memory of what it delivered.
pub trait DeliveryLog: Send + Sync {
    /// The attempts since a time, the newest first.
    fn since(&self, time: Timestamp) -> Later<'_, Vec<PastDelivery>>;

    /// What one attempt sent.
    fn content(&self, number: u64) -> Later<'_, PastContent>;
}

/// What a forge sent, or tried to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastContent {
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The payload; not byte for byte as it was signed.
    pub body: Vec<u8>,
}

/// Opens the client of one configured forge.
///
/// # Errors
/// [`ForgeError::Configuration`] for a key that cannot be read or used.
pub fn open(
    kind: ForgeKind,
    access: &ForgeAccess,
    guard: &Guard,
    patience: Patience,
) -> Result<Box<dyn Forge>, ForgeError> {
    Ok(match kind {
        ForgeKind::Github => Box::new(github::Client::open(access, guard, patience)?),
        ForgeKind::Gitlab => Box::new(gitlab::Client::open(access, guard, patience)?),
        ForgeKind::Gitea | ForgeKind::Forgejo => Box::new(gitea::Client::open(kind, access, guard, patience)?),
        ForgeKind::Bitbucket => Box::new(bitbucket::Client::open(access, guard, patience)?),
    })
}

/// The first line of the one comment that is ours.
const COMMENT_MARK: &str = "<!-- secretarybird -->";
/// The name of our status, check and report.
const CONTEXT: &str = "secretarybird";

/// A comment's text with the mark that finds it again.
fn marked(text: &str) -> String {
    format!("{COMMENT_MARK}\n{text}")
}

/// What a comment is brought to when there is nothing (more) to tell.
fn nothing_new() -> String {
    marked("Secretarybird: nothing new to report.")
}

/// At most `limit` characters.
fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// A token as a clone wants it: any user name, the token as password.
fn token_credentials(user: &str, token: &str) -> Credentials {
    Credentials {
        username: Some(user.to_owned()),
        password: Some(zeroize::Zeroizing::new(token.to_owned())),
        ..Credentials::default()
    }
}

#[cfg(test)]
mod tests;
