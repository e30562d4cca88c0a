//! The state directory: `feeds/KIND/{content,state.json}`, `snapshots/TIME.snapshot`, `current.snapshot`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::FeedKind;
use super::download::Validators;
use crate::snapshot::{self, SnapshotError, write_atomically};
use crate::{AdvisoryIndex, FeedFact};

/// What is known about one feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedState {
    /// Which feed.
    pub kind: FeedKind,
    /// Where it was taken from, without credentials.
    pub url: String,
    /// What to send the next time.
    #[serde(default)]
    pub validators: Validators,
    /// Of the content, hexadecimal; empty before the first success.
    pub sha256: String,
    /// Of the content.
    pub bytes: u64,
    /// Records, or scores.
    pub records: usize,
    /// When the content was taken, RFC 3339.
    pub fetched: Option<String>,
    /// When the server was last asked with success, RFC 3339.
    pub checked: Option<String>,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// Failures in a row.
    pub failures: u32,
}

impl FeedState {
    /// What a report says about it.
    #[must_use]
    pub fn fact(&self) -> FeedFact {
        FeedFact {
            kind: self.kind.as_str().to_owned(),
            source: self.url.clone(),
            records: self.records as u64,
            fetched: self.fetched.clone(),
            checked: self.checked.clone(),
            error: self.error.clone(),
        }
    }
}

/// The directory.
#[derive(Debug, Clone)]
pub struct StateDir {
    root: PathBuf,
}

/// Holds the directory for one writer.
#[derive(Debug)]
pub struct Locked(#[expect(dead_code, reason = "the lock lives as long as the file")] File);

impl StateDir {
    /// The state below `root`, which need not exist.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Where it is.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The index in force.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.root.join("current.snapshot")
    }

    /// The directory of one feed.
    #[must_use]
    pub fn feed(&self, kind: FeedKind) -> PathBuf {
        self.root.join("feeds").join(kind.as_str())
    }

    /// Takes the directory for writing, making it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made, or another process is writing.
    pub fn lock(&self) -> io::Result<Locked> {
        fs::create_dir_all(self.root.join("feeds"))?;
        fs::create_dir_all(self.root.join("snapshots"))?;
        let file = File::create(self.root.join("lock"))?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => io::Error::other("another process is writing the advisories"),
            fs::TryLockError::Error(error) => error,
        })?;
        Ok(Locked(file))
    }

    /// The state of one feed; `None` when it was never synced.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn state(&self, kind: FeedKind) -> io::Result<Option<FeedState>> {
        match fs::read(self.feed(kind).join("state.json")) {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The states of all feeds that were ever synced.
    ///
    /// # Errors
    /// As [`StateDir::state`].
    pub fn states(&self) -> io::Result<Vec<FeedState>> {
        use FeedKind::{Epss, Kev, Malicious, Osv, Own, Pypa};
        let states = [Osv, Pypa, Malicious, Kev, Epss, Own].into_iter().map(|kind| self.state(kind));
        Ok(states.collect::<io::Result<Vec<_>>>()?.into_iter().flatten().collect())
    }

    /// Writes the state of one feed.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, state: &FeedState) -> io::Result<()> {
        let folder = self.feed(state.kind);
        fs::create_dir_all(&folder)?;
        let bytes = serde_json::to_vec_pretty(state).map_err(io::Error::other)?;
        write_atomically(&folder.join("state.json"), &bytes)
    }

    /// Opens the index in force, with the feeds' present clocks.
    ///
    /// # Errors
    /// [`SnapshotError`]; not found when nothing was synced.
    pub fn open(&self) -> Result<AdvisoryIndex, SnapshotError> {
        let index = snapshot::open(&self.current())?;
        let states = self.states().map_err(SnapshotError::Io)?;
        // a snapshot that was put here alone keeps the clocks of its making
        if states.is_empty() {
            return Ok(index);
        }
        Ok(index.with_feeds(states.iter().map(FeedState::fact).collect()))
    }

    /// Makes `index` the one in force and keeps it under its time; of the older ones `keep` stay.
    ///
    /// # Errors
    /// [`SnapshotError::Io`]
    pub fn install(&self, index: &AdvisoryIndex, keep: usize) -> Result<(), SnapshotError> {
        let bytes = snapshot::encode(index);
        let time = index.built().replace(':', "-");
        let dated = self.root.join("snapshots").join(format!("{time}.snapshot"));
        write_atomically(&dated, bytes).map_err(SnapshotError::Io)?;
        write_atomically(&self.current(), bytes).map_err(SnapshotError::Io)?;
        let kept = self.snapshots().map_err(SnapshotError::Io)?;
        for (_, path) in kept.iter().rev().skip(keep.max(1)) {
            fs::remove_file(path).map_err(SnapshotError::Io)?;
        }
        Ok(())
    }

    /// Kept snapshots with their times, the oldest first.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn snapshots(&self) -> io::Result<Vec<(Timestamp, PathBuf)>> {
        let entries = match fs::read_dir(self.root.join("snapshots")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".snapshot"));
            // the time's colons are dashes in the name, for file systems that know no colon
            let time = name
                .and_then(|name| name.split_once('T'))
                .map(|(day, time)| format!("{day}T{}", time.replace('-', ":")));
            if let Some(time) = time.and_then(|time| time.parse::<Timestamp>().ok()) {
                found.push((time, path));
            }
        }
        found.sort();
        Ok(found)
    }

    /// The snapshot that was in force at `time`.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn as_of(&self, time: Timestamp) -> io::Result<Option<PathBuf>> {
        Ok(self.snapshots()?.into_iter().rev().find(|(built, _)| *built <= time).map(|(_, path)| path))
    }
}
