//! Bringing feeds up to date.

use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use reqwest::Client;

use super::content::{self, Content};
use super::download::{Fetched, Retry, Validators, digest, download};
use super::state::{FeedState, StateDir};
use super::{Feed, FeedKind, pack, shown};
use crate::index::{Ingredients, RecordProblem};
use crate::snapshot::SnapshotError;

/// A feed that loses more than this part of its records at once does not replace the good one.
const SHRINK: f64 = 0.2;
/// How many snapshots are kept.
pub const KEEP: usize = 60;

/// How to sync.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Take a feed though it shrank.
    pub accept_shrink: bool,
    /// How often to try.
    pub retry: Retry,
    /// The present time.
    pub now: Timestamp,
}

/// What became of one feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server has nothing new.
    Unchanged,
    /// New content.
    Updated {
        /// Records or scores it has.
        records: usize,
    },
    /// The old content stays: the server could not be asked, or what it sent is not good.
    Failed {
        /// In a sentence.
        reason: String,
    },
}

/// Why a sync failed as a whole.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The state directory.
    #[error("{place}: {source}")]
    Io {
        /// Which file or directory.
        place: String,
        /// Why.
        source: io::Error,
    },
    /// The snapshot.
    #[error("the snapshot: {0}")]
    Snapshot(#[from] SnapshotError),
    /// No feed has records.
    #[error("no feed has any advisory records yet")]
    Nothing,
}

/// Asks every feed, and makes a new index when one of them changed. A feed that fails does not stop the others.
///
/// # Errors
/// [`SyncError`] when the state directory cannot be used.
pub async fn sync(
    state: &StateDir,
    feeds: &[Feed],
    client: &Client,
    options: &Options,
) -> Result<Vec<(FeedKind, Outcome)>, SyncError> {
    let io = |source| SyncError::Io { place: state.root().display().to_string(), source };
    let _lock = state.lock().map_err(io)?;
    let mut outcomes = Vec::with_capacity(feeds.len());
    for feed in feeds {
        outcomes.push((feed.kind, one(state, feed, client, options).await.map_err(io)?));
    }
    let changed = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Updated { .. }));
    let any = !state.states().map_err(io)?.is_empty();
    if changed || (any && state.open().is_err()) {
        rebuild(state, options.now)?;
    }
    Ok(outcomes)
}

async fn one(state: &StateDir, feed: &Feed, client: &Client, options: &Options) -> io::Result<Outcome> {
    let folder = state.feed(feed.kind);
    fs::create_dir_all(&folder)?;
    let part = folder.join("content.part");
    // a part of an earlier run has no validator that would tell its version
    match fs::remove_file(&part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut known = state.state(feed.kind)?.unwrap_or_else(|| fresh(feed));
    let url = shown(&feed.url);
    let same_place = known.url == url && folder.join("content").exists();
    let validators = if same_place { known.validators.clone() } else { Validators::default() };
    known.url = url;
    let now = options.now.to_string();
    let fetched = match pack::git_address(&feed.url) {
        Some(address) => of_repository(address, feed, &validators, &folder).await,
        None => download(client, &feed.url, &validators, &part, options.retry).await.map_err(|error| error.to_string()),
    };
    let outcome = match fetched {
        Ok(Fetched::NotModified) => Outcome::Unchanged,
        Ok(Fetched::New { validators, sha256, .. }) if sha256 == known.sha256 => {
            known.validators = validators;
            Outcome::Unchanged
        }
        Ok(Fetched::New { validators, sha256, bytes }) => match accept(feed, &part, &sha256, &known, options) {
            Ok(records) => {
                fs::rename(&part, folder.join("content"))?;
                known = FeedState { validators, sha256, bytes, records, fetched: Some(now.clone()), ..known };
                Outcome::Updated { records }
            }
            Err(reason) => Outcome::Failed { reason },
        },
        Err(reason) => Outcome::Failed { reason },
    };
    if let Outcome::Failed { reason } = &outcome {
        known.error = Some(reason.clone());
        known.failures += 1;
    } else {
        known.checked = Some(now);
        known.error = None;
        known.failures = 0;
    }
    state.save(&known)?;
    if part.exists() {
        fs::remove_file(&part)?;
    }
    Ok(outcome)
}

/// Fetching blocks, so it runs beside the runtime's own threads.
async fn of_repository(address: &str, feed: &Feed, known: &Validators, folder: &Path) -> Result<Fetched, String> {
    let (address, kind, known) = (address.to_owned(), feed.kind, known.clone());
    let (mirror, part) = (folder.join("mirror.git"), folder.join("content.part"));
    let work = move || -> Result<Fetched, String> {
        let Some(validators) = pack::fetch(&address, kind, &known, &mirror, &part)? else {
            return Ok(Fetched::NotModified);
        };
        let (sha256, bytes) = digest(&part).map_err(|error| error.to_string())?;
        Ok(Fetched::New { validators, sha256, bytes })
    };
    let fetched = tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?;
    fetched.map_err(|reason| format!("{}: {reason}", shown(&feed.url)))
}

fn fresh(feed: &Feed) -> FeedState {
    FeedState {
        kind: feed.kind,
        url: shown(&feed.url),
        validators: Validators::default(),
        sha256: String::new(),
        bytes: 0,
        records: 0,
        fetched: None,
        checked: None,
        error: None,
        failures: 0,
    }
}

/// Whether new content may replace the old one; how many records it has.
fn accept(feed: &Feed, part: &Path, sha256: &str, known: &FeedState, options: &Options) -> Result<usize, String> {
    if let Some(expected) = feed.sha256.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(sha256)) {
        return Err(format!("the content has the SHA-256 {sha256}, expected {expected}"));
    }
    let bytes = fs::read(part).map_err(|error| error.to_string())?;
    let records = content::read(feed.kind, &bytes)?.len();
    let least = known.records as f64 * (1.0 - SHRINK);
    if (records as f64) < least && !options.accept_shrink {
        return Err(format!(
            "it shrank from {} to {records} records; the old content stays (--accept-shrink takes the new one)",
            known.records
        ));
    }
    Ok(records)
}

/// Makes the index from the content of all feeds.
///
/// # Errors
/// [`SyncError`]
pub fn rebuild(state: &StateDir, now: Timestamp) -> Result<(), SyncError> {
    let io = |place: &Path, source| SyncError::Io { place: place.display().to_string(), source };
    let mut made = Ingredients::default();
    let mut sources = Vec::new();
    for feed in state.states().map_err(|error| io(state.root(), error))? {
        made.feeds.push(feed.fact());
        let path = state.feed(feed.kind).join("content");
        let bytes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && feed.fetched.is_none() => continue,
            bytes => bytes.map_err(|error| io(&path, error))?,
        };
        match content::read(feed.kind, &bytes) {
            Ok(Content::Records(records)) => {
                made.records.extend(records.advisories);
                made.problems.extend(records.problems);
            }
            Ok(Content::Kev(kev)) => made.signals.kev = Some(kev),
            Ok(Content::Epss(epss)) => made.signals.epss = Some(epss),
            Err(reason) => {
                made.problems.push(RecordProblem { place: path.display().to_string(), id: None, reason });
                continue;
            }
        }
        sources.push(feed.url);
    }
    if made.records.is_empty() {
        return Err(SyncError::Nothing);
    }
    let previous = match state.open() {
        Ok(index) => Some(index),
        Err(SnapshotError::Io(error)) if error.kind() == io::ErrorKind::NotFound => None,
        // it has no memory to hand on; the new one begins its own and says so
        Err(error) => {
            let reason = format!("{error}; when each advisory was first seen begins anew");
            made.problems.push(RecordProblem { place: state.current().display().to_string(), id: None, reason });
            None
        }
    };
    let (source, built) = (sources.join(", "), now.to_string());
    let index = Ingredients { source: &source, built: &built, previous: previous.as_ref(), ..made }.build();
    state.install(&index, KEEP)?;
    Ok(())
}
