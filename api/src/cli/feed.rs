//! The advisories that a command works with: those given by path or URL, or the synced cache.

use std::path::{Path, PathBuf};

use advisories::feed::download::{Network, Retry, client, download};
use advisories::feed::state::StateDir;
use advisories::feed::{self, sync};
use advisories::snapshot::SnapshotError;
use advisories::{AdvisoryIndex, load_cached};
use jiff::Timestamp;
use scanner::{Diagnostic, Stage};
use url::Url;

use super::scan::Arguments;

/// Problems of single records that a report names; the rest is counted.
const NAMED_PROBLEMS: usize = 3;

/// The index, or in a sentence why there is none, and what was said on the way.
pub struct Feed {
    /// The advisories.
    pub index: Result<AdvisoryIndex, String>,
    /// Remarks for the report.
    pub diagnostics: Vec<Diagnostic>,
}

impl Feed {
    fn of(index: Result<AdvisoryIndex, String>) -> Self {
        let diagnostics = index.as_ref().map(|index| vec![problems(index)]).unwrap_or_default();
        Self { index, diagnostics: diagnostics.into_iter().flatten().collect() }
    }
}

/// The state directory of synced feeds.
pub fn state(cache: &Path) -> StateDir {
    StateDir::new(&cache.join("advisories"))
}

/// Which advisories a command line asks for.
pub struct Wanted<'a> {
    given: Option<&'a str>,
    as_of: Option<Timestamp>,
    offline: bool,
}

impl<'a> Wanted<'a> {
    /// What a scan's arguments ask for.
    pub fn of(arguments: &'a Arguments) -> Self {
        Self { given: arguments.advisories.as_deref(), as_of: arguments.as_of, offline: arguments.offline }
    }
}

/// Loads what is named, the snapshot of a day, or the synced cache. A first scan without a cache syncs it, unless offline.
pub async fn load(wanted: &Wanted<'_>, cache: &Path) -> Feed {
    match (wanted.given, wanted.as_of) {
        (Some(given), _) => match given_path(given, cache, wanted.offline).await {
            Ok(path) => Feed::of(from_path(&path, given, cache).await),
            Err(reason) => Feed::of(Err(reason)),
        },
        (None, Some(time)) => Feed::of(kept(&state(cache), time)),
        (None, None) => Feed::of(synced(&state(cache), wanted.offline).await),
    }
}

/// The snapshot that was in force at a time.
fn kept(state: &StateDir, time: Timestamp) -> Result<AdvisoryIndex, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", state.root().display());
    let snapshots = state.snapshots().map_err(|error| failed(&error))?;
    match state.as_of(time).map_err(|error| failed(&error))? {
        Some(path) => advisories::snapshot::open(&path).map_err(|error| format!("{}: {error}", path.display())),
        None => Err(match snapshots.first() {
            Some((oldest, _)) => format!("no advisories are kept from {time}; the oldest snapshot is of {oldest}"),
            None => "no snapshot of advisories is kept; `secretarybird advisories sync` makes the first".to_owned(),
        }),
    }
}

async fn from_path(path: &Path, given: &str, cache: &Path) -> Result<AdvisoryIndex, String> {
    let (path, kept, now) = (path.to_owned(), cache.join("advisories/given"), Timestamp::now().to_string());
    let loaded = tokio::task::spawn_blocking(move || load_cached(&path, &kept, &now)).await;
    let loaded = loaded.map_err(|error| format!("{given}: {error}"))?;
    loaded.map_err(
        |error| if error.to_string().contains(given) { error.to_string() } else { format!("{given}: {error}") },
    )
}

/// A path as it is; a URL is downloaded into the cache, asking only for what is new.
async fn given_path(given: &str, cache: &Path, offline: bool) -> Result<PathBuf, String> {
    let url = match Url::parse(given) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => url,
        Ok(url) if url.scheme() == "file" => {
            return url.to_file_path().map_err(|()| format!("{given} names no file on this machine"));
        }
        _ => return Ok(PathBuf::from(given)),
    };
    let shown = feed::shown(&url);
    let directory = cache.join("advisories/downloads");
    let content = directory.join(format!("{}.osv", blake3::hash(url.as_str().as_bytes()).to_hex()));
    if offline {
        return if content.exists() { Ok(content) } else { Err(format!("--offline, and {shown} is not in the cache")) };
    }
    let failed = |error: std::io::Error| format!("{}: {error}", directory.display());
    std::fs::create_dir_all(&directory).map_err(failed)?;
    let part = content.with_extension(format!("{}.part", std::process::id()));
    let client = client(&Network::default())?;
    let fetched = download(&client, &url, &feed::download::Validators::default(), &part, Retry::default()).await;
    fetched.map_err(|error| error.to_string())?;
    std::fs::rename(&part, &content).map_err(failed)?;
    Ok(content)
}

async fn synced(state: &StateDir, offline: bool) -> Result<AdvisoryIndex, String> {
    let how = "run `secretarybird advisories sync`, or name an archive with --advisories";
    match state.open() {
        Ok(index) => Ok(index),
        Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            if offline {
                return Err(format!("there is no synced cache; {how}"));
            }
            first_sync(state).await.map_err(|reason| format!("{reason}; {how}"))
        }
        Err(error) => Err(format!("the synced cache {}: {error}; {how}", state.current().display())),
    }
}

async fn first_sync(state: &StateDir) -> Result<AdvisoryIndex, String> {
    let feeds: Vec<feed::Feed> = vec!["osv".parse().map_err(|error: feed::InvalidFeed| error.to_string())?];
    let client = client(&Network::default())?;
    // somebody is waiting for the scan: one attempt, and the report says what is missing
    let retry = Retry { attempts: 1, ..Retry::default() };
    let options = sync::Options { accept_shrink: false, retry, now: Timestamp::now() };
    let outcomes = sync::sync(state, &feeds, &client, &options).await.map_err(|error| error.to_string());
    match state.open() {
        Ok(index) => Ok(index),
        Err(_) => Err(failure(outcomes)),
    }
}

fn failure(outcomes: Result<Vec<(feed::FeedKind, sync::Outcome)>, String>) -> String {
    match outcomes {
        Err(reason) => reason,
        Ok(outcomes) => outcomes
            .into_iter()
            .find_map(|(_, outcome)| match outcome {
                sync::Outcome::Failed { reason } => Some(reason),
                _ => None,
            })
            .unwrap_or_else(|| "the sync left no advisories".to_owned()),
    }
}

/// Records of the feed that could not be read whole: the others count, and the report says how many did not.
fn problems(index: &AdvisoryIndex) -> Option<Diagnostic> {
    let problems = index.problems();
    if problems.is_empty() {
        return None;
    }
    let named: Vec<_> = problems.iter().take(NAMED_PROBLEMS).map(ToString::to_string).collect();
    let more = problems.len().saturating_sub(NAMED_PROBLEMS);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    let reason = format!(
        "{} of the feed's {} records could not be read whole: {}{more}",
        problems.len(),
        index.records(),
        named.join("; ")
    );
    Some(Diagnostic::remark(Stage::Advisories, None, reason))
}
