//! The scanner as the jobs use it: a fetched commit in, a report out, with the rules, advisories and key of this service.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use advisories::FeedFact;
use jiff::Timestamp;
use scanner::package_index::PackageIndex;
use scanner::policy::Aspect;
use scanner::report::FeedUsed;
use scanner::repository::CachedMirrors;
use scanner::resolve::Resolver;
use scanner::scan::{Knowledge, Options, Source, config_of, scan_with};
use scanner::secrets::verify::Provider;
use scanner::secrets::{Engine, FingerprintKey, History, Memory, Reading, RuleSet};
use scanner::{Report, Stop, freshness};

use crate::asker::{Asker, AskerError};
use crate::config::ServerConfig;
use crate::jobs::git::{Prepared, RunError};
use crate::jobs::{Digests, Look};
use crate::knowledge::Advisories;
use crate::package_index::{self, How, IndexConfigError};
use crate::store::record::{ErrorClass, RepositoryRecord};

/// Why the scanner does not start.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The built-in rules do not compile.
    #[error("the secret rules: {0}")]
    Rules(String),
    /// A rule file of the organisation cannot be read.
    #[error("the rule file {path}: {source}")]
    RuleFile {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Providers cannot be asked as configured.
    #[error(transparent)]
    Asker(#[from] AskerError),
    /// The package index cannot be used.
    #[error(transparent)]
    Index(#[from] IndexConfigError),
    /// The key of secrets' identities cannot be read or made.
    #[error("the key of secrets' identities {path}: {source}")]
    Key {
        /// Which file.
        path: String,
        /// Why.
        source: io::Error,
    },
}

/// What every scan of this service looks with.
pub struct Scanner {
    rules: RuleSet,
    rules_digest: String,
    key: FingerprintKey,
    advisories: Arc<Advisories>,
    asker: Option<Asker>,
    /// Where it stands what earlier scans of each repository saw.
    memories: PathBuf,
    resolver: Option<Resolver>,
    index: Option<PackageIndex>,
}

/// How scans resolve what has no lockfile, by the configuration.
fn resolver(config: &ServerConfig) -> Option<Resolver> {
    config.resolve.unwrap_or(true).then(|| Resolver {
        uv: config.uv.clone(),
        index: Some(config.index_url.expose().to_owned()).filter(|url| url != package_index::NONE),
        asked_for: config.resolve.is_some(),
        ..Resolver::default()
    })
}

impl Scanner {
    /// Reads the rules, the organisation's own among them, and the key (made at the first start) of the data directory, where the package
    /// index's answers are kept too.
    ///
    /// # Errors
    /// [`LookError`].
    pub fn open(config: &ServerConfig, advisories: Arc<Advisories>) -> Result<Self, LookError> {
        let mut rules = RuleSet::builtin().map_err(|error| LookError::Rules(error.to_string()))?;
        for path in &config.secrets.rules {
            let name = path.display().to_string();
            let text =
                std::fs::read_to_string(path).map_err(|source| LookError::RuleFile { path: name.clone(), source })?;
            rules.extend_from_toml(&name, &text).map_err(|error| LookError::Rules(error.to_string()))?;
        }
        let asker = match config.secrets.verify {
            true => {
                let memory = config.data_dir.join("verified.json");
                Some(Asker::open(config.reach.clone(), &config.secrets.verify_endpoints, &memory)?)
            }
            false => None,
        };
        let path = config.data_dir.join("fingerprint.key");
        let key = FingerprintKey::load_or_create(&path)
            .map_err(|source| LookError::Key { path: path.display().to_string(), source })?;
        let (rules_digest, memories) = (rules.digest(), config.data_dir.join("seen"));
        let index = package_index::open(
            config.index_url.expose(),
            config.index_ca.as_deref(),
            &config.data_dir,
            How::default(),
        )?;
        let resolver = resolver(config);
        Ok(Self { rules_digest, rules, key, advisories, memories, asker, resolver, index })
    }

    /// The package index, whose kept answers others may use.
    #[must_use]
    pub fn index(&self) -> Option<PackageIndex> {
        self.index.clone()
    }

    fn memory_of(&self, repository: &RepositoryRecord) -> PathBuf {
        self.memories.join(format!("{}.json", repository.id))
    }
}

/// Reads a memory; one that is not there is empty.
fn recall(path: &Path) -> io::Result<Memory> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Memory::default()),
        Err(error) => Err(error),
    }
}

/// Writes a memory beside the old one and puts it in its place: a reader sees the one or the other.
fn keep(path: &Path, memory: &Memory) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut out = io::BufWriter::new(&mut file);
    serde_json::to_writer(&mut out, memory)?;
    out.flush()?;
    drop(out);
    file.persist(path)?;
    Ok(())
}

impl Look for Scanner {
    fn digests(&self) -> Digests {
        let advisories = match self.advisories.index() {
            Ok(index) => index.content_digest().to_owned(),
            Err(_) => "none".to_owned(),
        };
        Digests { rules: self.rules_digest.clone(), advisories }
    }

    fn feeds(&self) -> Vec<FeedFact> {
        self.advisories.feeds()
    }

    fn look(
        &self,
        repository: &RepositoryRecord,
        prepared: &Prepared,
        now: Timestamp,
        stop: Stop<'_>,
    ) -> Result<Report, RunError> {
        let index = self.advisories.index();
        let engine = Engine::new(&self.rules);
        // the mirrors of other repositories stand beside this one's
        let beside = prepared.mirror.git_dir().parent().unwrap_or(Path::new(""));
        let ancestry = CachedMirrors::new(beside.to_owned());
        let knowledge = Knowledge {
            advisories: index.as_deref().map_err(Clone::clone),
            engine: &engine,
            key: &self.key,
            package_index: self.index.as_ref(),
            provider: self.asker.as_ref().map(|asker| asker as &dyn Provider),
            ancestry: &ancestry,
            resolver: self.resolver.as_ref(),
        };
        let source = Source::Commit(&prepared.mirror, prepared.commit);
        let failed =
            |error: scanner::repository::RepositoryError| RunError::new(ErrorClass::Invalid, error.to_string());
        let options = Options {
            aspects: Aspect::ALL.to_vec(),
            // what the refs reach: only then does a push cost no more than it adds
            history: History::All,
            // the registered address, which also holds for a mirror of a local directory
            repository: repository.id.to_string(),
            config: config_of(&source, now).map_err(failed)?,
        };
        let path = self.memory_of(repository);
        let mut memory = recall(&path).unwrap_or_else(|error| {
            tracing::warn!(repository = %repository.id, %error, "what earlier scans saw cannot be read: the whole history is read");
            Memory::default()
        });
        let reading = Reading { memory: Some(&mut memory), stop, ..Reading::default() };
        let mut report = scan_with(&source, &knowledge, &options, reading).map_err(failed)?;
        if let Err(error) = keep(&path, &memory) {
            tracing::warn!(repository = %repository.id, %error, "what was seen cannot be kept: the next scan reads the whole history");
        }
        // an index that is in force for long was asked after meanwhile
        let feeds = self.advisories.feeds().into_iter();
        report.advisories.feeds = feeds.map(|feed| FeedUsed { feed, age_seconds: None }).collect();
        freshness::judge(&mut report, now, None);
        Ok(report)
    }

    fn ignores(&self, prepared: &Prepared, now: Timestamp) -> Result<Vec<scanner::policy::Ignore>, RunError> {
        let source = Source::Commit(&prepared.mirror, prepared.commit);
        let config = config_of(&source, now);
        Ok(config.map_err(|error| RunError::new(ErrorClass::Invalid, error.to_string()))?.0.ignores)
    }
}
