//! `secretarybird advisories sync|status|export|import|show ID`

mod show;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use advisories::feed::download::{Network, Retry, client};
use advisories::feed::state::{FeedState, StateDir};
use advisories::feed::sync::{self, Options, Outcome, SyncError};
use advisories::feed::{Feed, bundle};
use advisories::snapshot::SnapshotError;
use advisories::{AdvisoryIndex, load_cached};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use scanner::freshness::span;

use super::exit::{Exit, Failure, answer};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Brings the advisory feeds up to date and makes a new index where one changed.
    Sync(Sync),
    /// Says which feeds are there, how old they are, and what went wrong.
    Status(Place),
    /// Writes all feeds to one file, to be carried over an air gap.
    Export {
        /// The file to write.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Takes the feeds of an exported file.
    Import {
        /// The file to read.
        file: PathBuf,
        #[command(flatten)]
        place: Place,
    },
    /// Shows an advisory by any of its ids: what, which versions, how bad and who says so, fixed where, links.
    Show {
        /// PYSEC-…, GHSA-…, CVE-…, MAL-…
        id: String,
        /// An OSV archive, directory or snapshot instead of the synced cache.
        #[arg(long, value_name = "PATH", env = "SECRETARYBIRD_ADVISORIES")]
        advisories: Option<PathBuf>,
        #[command(flatten)]
        place: Place,
    },
}

#[derive(Debug, Args)]
pub struct Place {
    /// Where mirrors and advisories are kept; the user's cache directory when not given.
    #[arg(long, value_name = "DIR", env = "SECRETARYBIRD_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Sync {
    /// The feeds: osv, pypa, malicious, kev, epss, own=URL; KIND=URL takes one from a mirror (https, http, file).
    #[arg(long = "feed", value_delimiter = ',', default_values = ["osv", "kev", "epss"], env = "SECRETARYBIRD_FEEDS")]
    feeds: Vec<Feed>,
    /// Take a feed though it lost more than a fifth of its records.
    #[arg(long, env = "SECRETARYBIRD_ACCEPT_SHRINK")]
    accept_shrink: bool,
    /// PEM certificates to trust beside the system's.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_CA_FILE")]
    ca_file: Option<PathBuf>,
    /// A proxy for all feeds; else HTTPS_PROXY and NO_PROXY count.
    #[arg(long, value_name = "URL", env = "SECRETARYBIRD_PROXY")]
    proxy: Option<String>,
    #[command(flatten)]
    place: Place,
}

/// The synced advisories below the cache directory (the given one, or the user's).
///
/// # Errors
/// When there is no home directory.
pub fn state_dir(cache: Option<&Path>) -> Result<StateDir, Failure> {
    if let Some(cache) = cache {
        return Ok(StateDir::new(&cache.join("advisories")));
    }
    let project = directories::ProjectDirs::from("", "", "secretarybird");
    let project =
        project.ok_or_else(|| Failure::usage("there is no home directory for the cache; give --cache-dir"))?;
    Ok(StateDir::new(&project.cache_dir().join("advisories")))
}

pub async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Sync(arguments) => run_sync(arguments).await,
        Command::Status(place) => run_status(&state_dir(place.cache_dir.as_deref())?),
        Command::Export { file, place } => {
            let count = bundle::export(&state_dir(place.cache_dir.as_deref())?, &file)
                .map_err(|error| Failure::incomplete(format!("export to {}: {error}", file.display())))?;
            answer(&format!("{count} feeds written to {}\n", file.display()))?;
            Ok(Exit::Clean)
        }
        Command::Import { file, place } => {
            let taken = bundle::import(&state_dir(place.cache_dir.as_deref())?, &file, Timestamp::now())
                .map_err(|error| Failure::incomplete(format!("import: {error}")))?;
            let names: Vec<&str> = taken.iter().map(|kind| kind.as_str()).collect();
            answer(&format!("taken: {}\n", names.join(", ")))?;
            Ok(Exit::Clean)
        }
        Command::Show { id, advisories, place } => run_show(&id, advisories.as_deref(), &place),
    }
}

async fn run_sync(arguments: Sync) -> Result<Exit, Failure> {
    let state = state_dir(arguments.place.cache_dir.as_deref())?;
    let ca = arguments.ca_file.as_deref().map(|path| {
        std::fs::read(path).map_err(|error| Failure::usage(format!("--ca-file {}: {error}", path.display())))
    });
    let network = Network { ca: ca.transpose()?, proxy: arguments.proxy, patience: None };
    let client = client(&network).map_err(Failure::usage)?;
    let options = Options { accept_shrink: arguments.accept_shrink, retry: Retry::default(), now: Timestamp::now() };
    let outcomes = match sync::sync(&state, &arguments.feeds, &client, &options).await {
        // the feeds' own reasons say more
        Err(SyncError::Nothing) => return Err(Failure::incomplete(failures(&state))),
        outcomes => outcomes.map_err(Failure::incomplete)?,
    };
    let mut text = String::new();
    let mut failed = false;
    for (kind, outcome) in outcomes {
        let said = match outcome {
            Outcome::Unchanged => "nothing new".to_owned(),
            Outcome::Updated { records } => format!("{records} records"),
            Outcome::Failed { reason } => {
                failed = true;
                format!("FAILED, the old content stays: {reason}")
            }
        };
        push(&mut text, &format!("{:<10} {said}", kind.as_str()));
    }
    answer(&text)?;
    Ok(if failed { Exit::Unreachable } else { Exit::Clean })
}

fn failures(state: &StateDir) -> String {
    let states = match state.states() {
        Ok(states) => states,
        Err(error) => {
            return format!(
                "no advisories yet, and the feeds' states under {} cannot be read: {error}",
                state.root().display()
            );
        }
    };
    let said = states.iter().filter_map(|feed| Some(format!("{}: {}", feed.kind.as_str(), feed.error.as_ref()?)));
    let said: Vec<String> = said.collect();
    format!("no advisories yet. {}", if said.is_empty() { "No feed has records".to_owned() } else { said.join("; ") })
}

fn run_status(state: &StateDir) -> Result<Exit, Failure> {
    let io = |error: std::io::Error| Failure::incomplete(format!("{}: {error}", state.root().display()));
    let now = Timestamp::now();
    let feeds = state.states().map_err(io)?;
    let mut text = String::new();
    let mut exit = Exit::Clean;
    match state.open() {
        Ok(index) => push(&mut text, &about(&index, now)),
        Err(SnapshotError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
            push(&mut text, "no advisories yet; `secretarybird advisories sync` fetches them");
            exit = Exit::Incomplete;
        }
        Err(error) => {
            push(
                &mut text,
                &format!("{}: {error}; `secretarybird advisories sync` makes it anew", state.current().display()),
            );
            exit = Exit::Incomplete;
        }
    }
    for feed in &feeds {
        push(&mut text, &feed_line(feed, now));
    }
    let kept = state.snapshots().map_err(io)?;
    if let (Some((first, _)), Some((last, _))) = (kept.first(), kept.last()) {
        push(&mut text, &format!("snapshots  {} kept, from {first} to {last}", kept.len()));
    }
    answer(&text)?;
    Ok(exit)
}

fn about(index: &AdvisoryIndex, now: Timestamp) -> String {
    let age =
        index.age_seconds(now).map_or_else(|| "of unknown age".to_owned(), |age| format!("newest {} old", span(age)));
    let problems = match index.problems() {
        [] => String::new(),
        [first, ..] => format!("; {} not understood, the first: {first}", index.problems().len()),
    };
    format!("index      {} records, {age}, made {}{problems}", index.records(), index.built())
}

fn feed_line(feed: &FeedState, now: Timestamp) -> String {
    let since = |time: &Option<String>| {
        let time: Option<Timestamp> = time.as_ref().and_then(|time| time.parse().ok());
        time.map_or_else(|| "never".to_owned(), |time| format!("{} ago", span(now.as_second() - time.as_second())))
    };
    let mut line = format!(
        "{:<10} {} records, fetched {}, checked {}, {}",
        feed.kind.as_str(),
        feed.records,
        since(&feed.fetched),
        since(&feed.checked),
        feed.url
    );
    if let Some(error) = &feed.error {
        line.push_str(&format!("\n           failed {} times in a row: {error}", feed.failures));
    }
    line
}

fn run_show(id: &str, path: Option<&Path>, place: &Place) -> Result<Exit, Failure> {
    let state = state_dir(place.cache_dir.as_deref())?;
    let index = match path {
        Some(path) => {
            load_cached(path, &state.root().join("archives"), &Timestamp::now().to_string()).map_err(Failure::usage)?
        }
        None => state.open().map_err(|error| {
            Failure::incomplete(format!("{}: {error}; run `secretarybird advisories sync`", state.current().display()))
        })?,
    };
    let found = index.find(id).map_err(Failure::incomplete)?;
    if found.is_empty() {
        let records = index.records();
        return Err(Failure::usage(format!("no advisory has the id {id} ({records} records, {})", index.source())));
    }
    answer(&show::text(&found, &index.signals(), show::width()))?;
    Ok(Exit::Clean)
}

fn push(text: &mut String, line: &str) {
    // writing to a String cannot fail
    let _ = writeln!(text, "{line}");
}
