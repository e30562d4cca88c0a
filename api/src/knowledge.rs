//! The advisories that the service works with, shared by scans and by the questions about them.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::SystemTime;

use advisories::feed::Feed;
use advisories::feed::state::{FeedState, StateDir};
use advisories::feed::sync::Outcome;
use advisories::{AdvisoryIndex, FeedFact};
use jiff::Timestamp;

use crate::config::ServerConfig;
use crate::jobs::feeds::sync_now;

/// The index in force, or why there is none.
pub type Index = Result<Arc<AdvisoryIndex>, String>;

/// How the newest fetch of the feeds went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fetch {
    /// One is under way.
    pub under_way: bool,
    /// When the last one ended.
    pub ended: Option<Timestamp>,
    /// What went wrong with it.
    pub error: Option<String>,
}

/// Holds the index in force; a newer one replaces it for whoever asks next.
#[derive(Debug)]
pub struct Advisories {
    given: Option<PathBuf>,
    state: StateDir,
    index: RwLock<Index>,
    /// The synced feeds with their present clocks: a feed that has nothing new makes no new index.
    clocks: RwLock<Vec<FeedFact>>,
    /// What the file looked like when it was last read.
    seen: Mutex<Option<Stamp>>,
    fetch: Mutex<Fetch>,
}

/// Tells a file that was written anew.
type Stamp = (SystemTime, u64, u64);

impl Advisories {
    /// Loads what the configuration names, or the feeds synced under the data directory. Blocks. That there are none is no reason not
    /// to start: scans say so, and are incomplete.
    #[must_use]
    pub fn open(config: &ServerConfig) -> Self {
        let given = config.advisories.as_ref().map(|text| PathBuf::from(text.strip_prefix("file://").unwrap_or(text)));
        let state = StateDir::new(&config.data_dir.join("advisories"));
        let seen = Mutex::new(stamp(given.as_deref(), &state));
        let index = RwLock::new(load(given.as_deref(), &state, &config.data_dir.join("advisories/given")));
        if let Err(reason) = &*index.read().unwrap_or_else(PoisonError::into_inner) {
            tracing::warn!(%reason, "scans cannot match advisories");
        }
        let clocks = RwLock::new(clocks(given.as_deref(), &state).unwrap_or_default());
        Self { given, state, index, clocks, seen, fetch: Mutex::default() }
    }

    /// The index in force.
    ///
    /// # Errors
    /// In a sentence, why there is none.
    pub fn index(&self) -> Index {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The feeds of the index in force, each with its own clock as it stands now.
    #[must_use]
    pub fn feeds(&self) -> Vec<FeedFact> {
        let clocks = self.clocks.read().unwrap_or_else(PoisonError::into_inner).clone();
        if !clocks.is_empty() {
            return clocks;
        }
        // what is given, or a snapshot that was put here alone, has the clocks of its making
        self.index().map(|index| index.feeds().to_vec()).unwrap_or_default()
    }

    /// Reads the clocks once more. Blocks.
    fn look_at_clocks(&self) -> Result<(), String> {
        let now = clocks(self.given.as_deref(), &self.state)?;
        *self.clocks.write().unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Loads once more, after a sync. Blocks. An index that cannot be loaded does not replace one that is there.
    ///
    /// # Errors
    /// In a sentence, why not.
    pub fn reload(&self) -> Result<(), String> {
        // looked at before it is read: what is written meanwhile is read the next time
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = stamp(self.given.as_deref(), &self.state);
        let fresh = load(self.given.as_deref(), &self.state, &self.state.root().join("given"))?;
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Ok(fresh);
        self.look_at_clocks()
    }

    /// Reads the feeds' clocks, and loads once more if the file was written anew, by whoever. Blocks. True when a new index is in force.
    ///
    /// # Errors
    /// In a sentence, why the new file cannot be loaded; the index that is there stays.
    pub fn refresh(&self) -> Result<bool, String> {
        self.look_at_clocks()?;
        let now = stamp(self.given.as_deref(), &self.state);
        if now.is_none() || now == *self.seen.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(false);
        }
        self.reload().map(|()| true)
    }

    /// The feeds' directory, where they are synced and not given.
    #[must_use]
    pub fn synced(&self) -> Option<&StateDir> {
        self.given.is_none().then_some(&self.state)
    }

    /// How the newest fetch went.
    #[must_use]
    pub fn fetch(&self) -> Fetch {
        self.fetching().clone()
    }

    fn fetching(&self) -> MutexGuard<'_, Fetch> {
        self.fetch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to fetch the feeds (or to read again what the configuration names) and puts them in force. False when that is under way.
    pub fn begin_fetch(self: &Arc<Self>, feeds: Vec<Feed>) -> bool {
        if std::mem::replace(&mut self.fetching().under_way, true) {
            return false;
        }
        let own = Arc::clone(self);
        tokio::spawn(async move {
            let error = own.fetch_and_load(&feeds).await.err();
            if let Some(reason) = &error {
                tracing::error!(%reason, "the advisories cannot be brought up to date");
            }
            *own.fetching() = Fetch { under_way: false, ended: Some(Timestamp::now()), error };
        });
        true
    }

    async fn fetch_and_load(self: &Arc<Self>, feeds: &[Feed]) -> Result<(), String> {
        let fetched = if self.given.is_none() { self.fetch_feeds(feeds).await } else { Ok(()) };
        let own = Arc::clone(self);
        let loaded = tokio::task::spawn_blocking(move || own.reload()).await;
        loaded.map_err(|error| error.to_string())?.and(fetched)
    }

    async fn fetch_feeds(&self, feeds: &[Feed]) -> Result<(), String> {
        let outcomes = sync_now(self, feeds).await?.into_iter();
        let failed = outcomes.filter_map(|(kind, outcome)| match outcome {
            Outcome::Failed { reason } => Some(format!("{}: {reason}", kind.as_str())),
            _ => None,
        });
        let failed: Vec<String> = failed.collect();
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }
}

fn stamp(given: Option<&Path>, state: &StateDir) -> Option<Stamp> {
    let facts = std::fs::metadata(given.map_or_else(|| state.current(), Path::to_owned)).ok()?;
    Some((facts.modified().ok()?, facts.len(), facts.ino()))
}

/// None for what is given: it is not synced.
fn clocks(given: Option<&Path>, state: &StateDir) -> Result<Vec<FeedFact>, String> {
    if given.is_some() {
        return Ok(Vec::new());
    }
    let states = state.states().map_err(|error| format!("the feeds' clocks in {}: {error}", state.root().display()))?;
    Ok(states.iter().map(FeedState::fact).collect())
}

fn load(given: Option<&Path>, state: &StateDir, cache: &Path) -> Index {
    match given {
        Some(path) => {
            let now = Timestamp::now().to_string();
            advisories::load_cached(path, cache, &now).map(Arc::new).map_err(|error| error.to_string())
        }
        None => state.open().map(Arc::new).map_err(|error| {
            format!("no advisories are synced under {} ({error}); name some with `advisories`", state.root().display())
        }),
    }
}
