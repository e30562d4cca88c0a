//! The scanner as the jobs use it: a fetched commit in, a report out, with the rules, advisories and key of this service.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use scanner::Report;
use scanner::policy::Aspect;
use scanner::scan::{Knowledge, Options, Source, config_of};
use scanner::secrets::{Engine, FingerprintKey, History, RuleSet};
use scanner::usage::WellKnown;

use crate::jobs::git::{Prepared, RunError};
use crate::jobs::{Digests, Look};
use crate::knowledge::Advisories;
use crate::store::record::{ErrorClass, RepositoryRecord};

/// Why the scanner does not start.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The built-in rules do not compile.
    #[error("the secret rules: {0}")]
    Rules(String),
    /// The key of secrets' identities cannot be read or made.
    #[error("the key of secrets' identities {path}: {source}")]
    Key {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What every scan of this service looks with.
pub struct Scanner {
    rules: RuleSet,
    key: FingerprintKey,
    advisories: Arc<Advisories>,
}

impl Scanner {
    /// Reads the rules and the key (made at the first start) of a data directory.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn open(data_dir: &Path, advisories: Arc<Advisories>) -> Result<Self, LookError> {
        let rules = RuleSet::builtin().map_err(|error| LookError::Rules(error.to_string()))?;
        let path = data_dir.join("fingerprint.key");
        let key = FingerprintKey::load_or_create(&path)
            .map_err(|source| LookError::Key { path: path.display().to_string(), source })?;
        Ok(Self { rules, key, advisories })
    }
}

impl Look for Scanner {
    fn digests(&self) -> Digests {
        let advisories = match self.advisories.index() {
            Ok(index) => {
                let facts = format!("{}\0{}\0{}", index.source(), index.built(), index.records());
                blake3::hash(facts.as_bytes()).to_hex().to_string()
            }
            Err(_) => "none".to_owned(),
        };
        Digests { rules: self.rules.digest(), advisories }
    }

    fn look(&self, repository: &RepositoryRecord, prepared: &Prepared, now: Timestamp) -> Result<Report, RunError> {
        let index = self.advisories.index();
        let engine = Engine::new(&self.rules);
        let knowledge = Knowledge {
            advisories: index.as_deref().map_err(Clone::clone),
            engine: &engine,
            key: &self.key,
            modules: &WellKnown,
        };
        let source = Source::Commit(&prepared.mirror, prepared.commit);
        let failed =
            |error: scanner::repository::RepositoryError| RunError::new(ErrorClass::Invalid, error.to_string());
        let options = Options {
            aspects: Aspect::ALL.to_vec(),
            history: History::All,
            // the registered address, which also holds for a mirror of a local directory
            repository: repository.id.to_string(),
            config: config_of(&source, now).map_err(failed)?,
        };
        scanner::scan(&source, &knowledge, &options).map_err(failed)
    }
}
