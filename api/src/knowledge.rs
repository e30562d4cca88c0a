//! The advisories that the service works with, shared by scans and by the questions about them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use advisories::AdvisoryIndex;
use advisories::feed::state::StateDir;
use jiff::Timestamp;

use crate::config::ServerConfig;

/// The index in force, or why there is none.
pub type Index = Result<Arc<AdvisoryIndex>, String>;

/// Holds the index in force; a newer one replaces it for whoever asks next.
#[derive(Debug)]
pub struct Advisories {
    given: Option<PathBuf>,
    state: StateDir,
    index: RwLock<Index>,
}

impl Advisories {
    /// Loads what the configuration names, or the feeds synced under the data directory. Blocks. That there are none is no reason not
    /// to start: scans say so, and are incomplete.
    #[must_use]
    pub fn open(config: &ServerConfig) -> Self {
        let given = config.advisories.as_ref().map(|text| PathBuf::from(text.strip_prefix("file://").unwrap_or(text)));
        let state = StateDir::new(&config.data_dir.join("advisories"));
        let index = RwLock::new(load(given.as_deref(), &state, &config.data_dir.join("advisories/given")));
        if let Err(reason) = &*index.read().unwrap_or_else(PoisonError::into_inner) {
            tracing::warn!(%reason, "scans cannot match advisories");
        }
        Self { given, state, index }
    }

    /// The index in force.
    ///
    /// # Errors
    /// In a sentence, why there is none.
    pub fn index(&self) -> Index {
        self.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Loads once more, after a sync. Blocks. An index that cannot be loaded does not replace one that is there.
    ///
    /// # Errors
    /// In a sentence, why not.
    pub fn reload(&self) -> Result<(), String> {
        let fresh = load(self.given.as_deref(), &self.state, &self.state.root().join("given"))?;
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Ok(fresh);
        Ok(())
    }
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
