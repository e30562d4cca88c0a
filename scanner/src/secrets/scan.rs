//! The ways to ask for secrets: a history, a tree, a staged change.

use std::collections::HashSet;

use git2::Oid;
use rayon::prelude::*;

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::Finding;
use crate::isolation::{OwnError, isolated};
use crate::repository::pack::Visited;
use crate::repository::{EntryKind, GitSnapshot, Mirror, ReadError, RepositoryError, Snapshot};
use crate::secrets::gather::{Gathering, Place};
use crate::secrets::history::{self, Reach, Reading};
use crate::secrets::look::look;
use crate::secrets::looked::Bounds;
use crate::secrets::verify::Provider;
use crate::secrets::{Engine, FingerprintKey};

/// What a look for secrets needs to know.
pub struct Looking<'a> {
    /// The rules.
    pub engine: &'a Engine<'a>,
    /// Keys the fingerprints.
    pub key: &'a FingerprintKey,
    /// The repository's identity in its findings' ids.
    pub repository: &'a str,
    /// Asks whether secrets are live; `None` asks nobody.
    pub provider: Option<&'a dyn Provider>,
}

/// How much of a repository is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    /// Everything that any ref reaches.
    All,
    /// Also what only the object database still holds: left behind by force-pushes and deleted branches.
    Everything,
    /// What commits bring that this one does not reach.
    Since(Oid),
    /// The tree of the scanned commit alone.
    Tree,
    /// What is staged and not yet committed.
    Staged,
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct SecretsFound {
    /// One finding a secret.
    pub findings: Vec<Finding>,
    /// Gaps and remarks.
    pub diagnostics: Vec<Diagnostic>,
    /// Unique blobs looked at.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
}

/// Looks at a repository. What cannot be read is a diagnostic, the whole repository included.
#[must_use]
pub fn scan_history(mirror: &Mirror, head: Option<Oid>, history: &History, looking: &Looking<'_>) -> SecretsFound {
    scan_history_by(mirror, head, history, Reading::default(), looking)
}

/// The same with a choice of how a whole history is read.
#[must_use]
pub fn scan_history_by(
    mirror: &Mirror,
    head: Option<Oid>,
    history: &History,
    reading: Reading<'_>,
    looking: &Looking<'_>,
) -> SecretsFound {
    let mut gathering = Gathering::new(looking);
    let stop = reading.stop;
    let outcome = match *history {
        History::All => history::whole(mirror, head, Reach::Refs, reading, looking, &mut gathering),
        History::Everything => history::whole(mirror, head, Reach::Leftovers, reading, looking, &mut gathering),
        History::Since(rev) => history::since(mirror, head, (rev, stop), looking, &mut gathering),
        History::Staged => staged(mirror, looking, &mut gathering),
        History::Tree => match head {
            Some(head) => {
                GitSnapshot::open(mirror, head).and_then(|snapshot| tree(&snapshot, looking, stop, &mut gathering))
            }
            None => Ok(Visited::default()),
        },
    };
    finish(outcome, gathering, stop)
}

/// Looks at every file of a snapshot.
#[must_use]
pub fn scan_snapshot(snapshot: &dyn Snapshot, looking: &Looking<'_>) -> SecretsFound {
    let mut gathering = Gathering::new(looking);
    let outcome = tree(snapshot, looking, Stop::default(), &mut gathering);
    finish(outcome, gathering, Stop::default())
}

/// Looks at what is staged: a secret that the last commit has in the same file is not told again.
#[must_use]
pub fn scan_staged(mirror: &Mirror, looking: &Looking<'_>) -> SecretsFound {
    scan_history(mirror, None, &History::Staged, looking)
}

fn finish(outcome: Result<Visited, RepositoryError>, mut gathering: Gathering<'_>, stop: Stop<'_>) -> SecretsFound {
    let visited = outcome.unwrap_or_else(|error| {
        gathering.say([Diagnostic::gap(Stage::Secrets, None, format!("secrets were not looked for: {error}"))]);
        Visited::default()
    });
    let (findings, diagnostics) = gathering.finish(stop);
    SecretsFound { findings, diagnostics, blobs: visited.objects, blob_bytes: visited.bytes }
}

/// Why a file of a tree was not looked at.
#[derive(Debug, thiserror::Error)]
enum NotRead {
    #[error("was not looked at for secrets: {0}")]
    Content(ReadError),
    #[error(transparent)]
    Own(#[from] OwnError),
}

fn tree(
    snapshot: &dyn Snapshot,
    looking: &Looking<'_>,
    stop: Stop<'_>,
    gathering: &mut Gathering<'_>,
) -> Result<Visited, RepositoryError> {
    let bounds = Bounds::default();
    let mut visited = Visited::default();
    let mut blobs = HashSet::new();
    let files: Vec<_> = snapshot.entries().iter().filter(|entry| entry.kind != EntryKind::Submodule).collect();
    for slice in files.chunks(1024) {
        let looked: Vec<_> = slice
            .par_iter()
            .take_any_while(|_| !stop.is_asked())
            .map(|entry| {
                let names = look(looking.engine, entry.path.as_bytes(), None, &bounds);
                let bytes = isolated(|| snapshot.read(&entry.path))?.map_err(NotRead::Content)?;
                Ok((look(looking.engine, &bytes, Some(&entry.path), &bounds), names, bytes.len() as u64))
            })
            .collect();
        stop.check()?;
        for (entry, outcome) in slice.iter().zip(looked) {
            match outcome {
                Ok((looked, names, size)) => {
                    if entry.blob.as_ref().is_none_or(|blob| blobs.insert(blob.clone())) {
                        visited.objects += 1;
                        visited.bytes += size;
                    }
                    gathering.add(looked, &Place { path: Some(&entry.path), in_head: true, ..Place::default() });
                    let folder = entry.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
                    let what = Some("file name");
                    gathering.add(names, &Place { path: Some(folder), in_head: true, what, ..Place::default() });
                }
                Err(error) => {
                    let error: NotRead = error;
                    gathering.say([Diagnostic::gap(Stage::Secrets, entry.path.clone(), error.to_string())]);
                }
            }
        }
    }
    Ok(visited)
}

fn staged(mirror: &Mirror, looking: &Looking<'_>, gathering: &mut Gathering<'_>) -> Result<Visited, RepositoryError> {
    let git = |error: git2::Error| RepositoryError::Git {
        doing: "cannot read the index".to_owned(),
        reason: error.message().to_owned(),
    };
    let repository = mirror.repository()?;
    let index = repository.index().map_err(git)?;
    let head = repository.head().ok().and_then(|head| head.peel_to_tree().ok());
    let bounds = Bounds::default();
    let mut visited = Visited::default();
    for entry in index.iter() {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let before = head.as_ref().and_then(|tree| tree.get_path(path.as_ref()).ok()).map(|before| before.id());
        if before == Some(entry.id) || entry.mode & 0o170_000 == 0o160_000 {
            continue;
        }
        let blob = match repository.find_blob(entry.id) {
            Ok(blob) => blob,
            Err(error) => {
                let reason = format!("the staged content cannot be read: {}", error.message());
                gathering.say([Diagnostic::gap(Stage::Secrets, path, reason)]);
                continue;
            }
        };
        visited.objects += 1;
        visited.bytes += blob.size() as u64;
        let mut looked = look(looking.engine, blob.content(), Some(&path), &bounds);
        if !looked.sightings.is_empty()
            && let Some(before) = before.and_then(|id| repository.find_blob(id).ok())
        {
            let known = look(looking.engine, before.content(), Some(&path), &bounds);
            let known: HashSet<&[u8]> = known.sightings.iter().map(|sighting| sighting.secret.expose()).collect();
            looked.sightings.retain(|sighting| !known.contains(sighting.secret.expose()));
        }
        gathering.add(looked, &Place { path: Some(&path), what: None, ..Place::default() });
    }
    Ok(visited)
}
