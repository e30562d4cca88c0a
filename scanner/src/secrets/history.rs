//! A whole history: every object read once without knowing its path, and only what hits is attributed and looked at again with it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use git2::{Oid, Repository};
use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::pack::{ObjectId, ObjectKind, ObjectStore, Unread, Visited};
use crate::repository::{GitSnapshot, Mirror, RepositoryError, Snapshot};
use crate::secrets::attribution::{Attribution, Introduction, Refs, Wanted, attribute, by_id};
use crate::secrets::gather::{Gathering, Place};
use crate::secrets::look::{Bounds, Looked, look};
use crate::secrets::{Engine, Looking};

/// Blobs above this are not inflated.
pub const LARGEST_BLOB: u64 = 128 << 20;
/// Shorter names of files hold no secret.
const SHORTEST_NAME: usize = 16;
/// So many objects that cannot be read are named one by one.
const MOST_UNREAD: usize = 50;

/// What the first reading found worth a second look.
#[derive(Default)]
struct Candidates {
    blobs: HashSet<Oid>,
    /// Commits and annotated tags.
    texts: BTreeSet<Oid>,
    names: HashSet<Vec<u8>>,
    unread: Vec<Unread>,
    visited: Visited,
}

/// Reads everything the object database holds.
fn read_all(repository: &Repository, engine: &Engine<'_>, bounds: &Bounds) -> Candidates {
    let store = ObjectStore::open(&repository.commondir().join("objects"));
    let found: Mutex<(HashSet<Oid>, BTreeSet<Oid>)> = Mutex::default();
    let names: Mutex<HashSet<Vec<u8>>> = Mutex::default();
    let blobs = Mutex::new(Visited::default());
    let (_, unread) = store.visit(
        LARGEST_BLOB,
        |_| true,
        |kind, id, bytes| match kind {
            ObjectKind::Blob => {
                let looked = look(engine, bytes, None, bounds);
                if !looked.sightings.is_empty() || !looked.diagnostics.is_empty() {
                    lock(&found).0.extend(oid(id));
                }
                let mut count = lock(&blobs);
                count.objects += 1;
                count.bytes += bytes.len() as u64;
            }
            ObjectKind::Commit | ObjectKind::Tag => {
                if texts_of(kind, bytes).iter().any(|(_, text)| !look(engine, text, None, bounds).sightings.is_empty())
                {
                    lock(&found).1.extend(oid(id));
                }
            }
            ObjectKind::Tree => {
                let long: Vec<&[u8]> = names_of(bytes).filter(|name| name.len() >= SHORTEST_NAME).collect();
                if !long.is_empty() {
                    let mut names = lock(&names);
                    for name in long {
                        if !names.contains(name) {
                            names.insert(name.to_vec());
                        }
                    }
                }
            }
        },
    );
    let names = names.into_inner().unwrap_or_else(PoisonError::into_inner);
    let names = names.into_par_iter().filter(|name| !look(engine, name, None, bounds).sightings.is_empty()).collect();
    let (hits, texts) = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    let visited = blobs.into_inner().unwrap_or_else(PoisonError::into_inner);
    Candidates { blobs: hits, texts, names, unread, visited }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn oid(id: &ObjectId) -> Option<Oid> {
    Oid::from_bytes(id).ok()
}

/// Names of a tree's entries: "mode name\0", then twenty bytes.
fn names_of(mut tree: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let end = memchr::memchr(0, tree)?;
        let entry = &tree[..end];
        tree = tree.get(end + 21..).unwrap_or_default();
        let space = memchr::memchr(b' ', entry)?;
        Some(&entry[space + 1..])
    })
}

/// The parts of a commit or tag that people write: who, and the message.
fn texts_of(kind: ObjectKind, bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (header, message) = match memchr::memmem::find(bytes, b"\n\n") {
        Some(end) => (&bytes[..end], &bytes[end + 2..]),
        None => (bytes, &bytes[bytes.len()..]),
    };
    let mut people = Vec::new();
    for line in header.split(|byte| *byte == b'\n') {
        if [&b"author "[..], b"committer ", b"tagger ", b"tag "].iter().any(|start| line.starts_with(start)) {
            people.extend_from_slice(line);
            people.push(b'\n');
        }
    }
    match kind {
        ObjectKind::Tag => vec![("tag message", message.to_vec()), ("tag name or tagger", people)],
        _ => vec![("commit message", message.to_vec()), ("author or committer name", people)],
    }
}

/// How much of the object database counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What some ref reaches.
    Refs,
    /// Also what a force-push or a deleted branch left behind.
    Leftovers,
}

/// The whole history.
pub(super) fn whole(
    mirror: &Mirror,
    head: Option<Oid>,
    reach: Reach,
    looking: &Looking<'_>,
    gathering: &mut Gathering<'_>,
) -> Result<Visited, RepositoryError> {
    let bounds = Bounds::default();
    let repository = mirror.repository()?;
    say_what_is_missing(&repository, gathering);
    let refs = Refs::of(&repository)?;
    let candidates = read_all(&repository, looking.engine, &bounds);
    gathering.say(refs.diagnostics.clone());
    let mut wanted = candidates.blobs.clone();
    wanted.extend(candidates.unread.iter().filter_map(|unread| oid(unread.id.as_ref()?)));
    let nothing = wanted.is_empty() && candidates.texts.is_empty() && candidates.names.is_empty();
    let attribution = match nothing {
        true => Attribution::default(),
        false => {
            let these = Wanted::These { blobs: &wanted, names: &candidates.names };
            attribute(&repository, &refs.tips(), None, &these).map_err(|error| RepositoryError::Git {
                doing: "cannot walk the history".to_owned(),
                reason: error.message().to_owned(),
            })?
        }
    };
    gathering.say(attribution.diagnostics.clone());
    say_unread(&candidates.unread, &attribution, reach, gathering);
    let second =
        Second { mirror, head: head_paths(mirror, head)?, looking, bounds: &bounds, attribution: &attribution };
    second.blobs(&candidates.blobs, reach, gathering);
    second.texts(&candidates.texts, &refs, reach, gathering);
    second.names(&candidates.names, gathering);
    second.ref_names(&refs, gathering);
    Ok(candidates.visited)
}

/// Only what commits bring that `since` does not reach.
pub(super) fn since(
    mirror: &Mirror,
    head: Option<Oid>,
    since: Oid,
    looking: &Looking<'_>,
    gathering: &mut Gathering<'_>,
) -> Result<Visited, RepositoryError> {
    let bounds = Bounds::default();
    let repository = mirror.repository()?;
    say_what_is_missing(&repository, gathering);
    let refs = Refs::of(&repository)?;
    gathering.say(refs.diagnostics.clone());
    let mut tips = refs.tips();
    tips.extend(head);
    let attribution = attribute(&repository, &tips, Some(since), &Wanted::Everything).map_err(|error| {
        RepositoryError::Git { doing: "cannot walk the history".to_owned(), reason: error.message().to_owned() }
    })?;
    gathering.say(attribution.diagnostics.clone());
    let blobs: HashSet<Oid> = attribution.introductions.iter().map(|new| new.blob).collect();
    let second =
        Second { mirror, head: head_paths(mirror, head)?, looking, bounds: &bounds, attribution: &attribution };
    let visited = second.blobs(&blobs, Reach::Refs, gathering);
    let texts = attribution.commits.iter().map(|commit| commit.id).collect();
    second.texts(&texts, &refs, Reach::Refs, gathering);
    Ok(visited)
}

fn say_what_is_missing(repository: &Repository, gathering: &mut Gathering<'_>) {
    if repository.is_shallow() {
        let reason = "a shallow clone: commits before its edge are not here and were not looked at";
        gathering.say([Diagnostic::gap(Stage::Repository, None, reason)]);
    }
    match missing_objects(repository) {
        Ok(0) => {}
        Ok(missing) => {
            let reason =
                format!("a partial clone: {missing} objects that its trees name are not here and were not looked at");
            gathering.say([Diagnostic::gap(Stage::Repository, None, reason)]);
        }
        Err(error) => {
            let reason = format!("a partial clone, and what it lacks cannot be told: {}", error.message());
            gathering.say([Diagnostic::gap(Stage::Repository, None, reason)]);
        }
    }
}

/// Objects that trees name and that were left out by a partial clone. Only a clone with a promisor pack is searched: a clone that was
/// made with a filter may have been completed since.
fn missing_objects(repository: &Repository) -> Result<usize, git2::Error> {
    let packs = std::fs::read_dir(repository.commondir().join("objects/pack"));
    let kinds = packs.into_iter().flatten().flatten().map(|entry| entry.path());
    if !kinds.into_iter().any(|path| path.extension().is_some_and(|kind| kind == "promisor")) {
        return Ok(0);
    }
    let odb = repository.odb()?;
    let mut present = HashSet::new();
    odb.foreach(|id| present.insert(*id))?;
    let mut missing = HashSet::new();
    for id in &present {
        if odb.read_header(*id)?.1 != git2::ObjectType::Tree {
            continue;
        }
        let tree = repository.find_tree(*id)?;
        let named = tree.iter().filter(|entry| entry.kind() != Some(git2::ObjectType::Commit)).map(|entry| entry.id());
        missing.extend(named.filter(|id| !present.contains(id)));
    }
    Ok(missing.len())
}

fn say_unread(unread: &[Unread], attribution: &Attribution, reach: Reach, gathering: &mut Gathering<'_>) {
    let paths: HashMap<Oid, &str> = attribution.introductions.iter().map(|new| (new.blob, new.path.as_str())).collect();
    let mut said = 0;
    for one in unread {
        let path = one.id.as_ref().and_then(oid).and_then(|id| paths.get(&id).copied());
        // what nothing reaches and nobody asked for is no gap
        if one.id.is_some() && path.is_none() && reach == Reach::Refs && !is_reached(one, attribution) {
            continue;
        }
        said += 1;
        if said <= MOST_UNREAD {
            let name = one.id.map_or_else(|| "a pack".to_owned(), |id| format!("object {}", hex::encode(id)));
            let reason = format!("{name} was not looked at: {}", one.error);
            gathering.say([Diagnostic::gap(Stage::Secrets, path.map(str::to_owned), reason)]);
        }
    }
    if said > MOST_UNREAD {
        let reason = format!("{} more objects could not be looked at", said - MOST_UNREAD);
        gathering.say([Diagnostic::gap(Stage::Secrets, None, reason)]);
    }
}

/// Commits and trees have no path: with damage among the commits walked, every unread object counts.
fn is_reached(unread: &Unread, attribution: &Attribution) -> bool {
    let id = unread.id.as_ref().and_then(oid);
    !attribution.diagnostics.is_empty() || attribution.commits.iter().any(|commit| Some(commit.id) == id)
}

fn head_paths(mirror: &Mirror, head: Option<Oid>) -> Result<HashMap<String, String>, RepositoryError> {
    let Some(head) = head else { return Ok(HashMap::new()) };
    let snapshot = GitSnapshot::open(mirror, head)?;
    Ok(snapshot.entries().iter().filter_map(|entry| Some((entry.path.clone(), entry.blob.clone()?))).collect())
}

/// The second look, with everything known.
struct Second<'a> {
    mirror: &'a Mirror,
    /// Path and blob of the scanned commit's tree.
    head: HashMap<String, String>,
    looking: &'a Looking<'a>,
    bounds: &'a Bounds,
    attribution: &'a Attribution,
}

impl Second<'_> {
    fn blobs(&self, blobs: &HashSet<Oid>, reach: Reach, gathering: &mut Gathering<'_>) -> Visited {
        let placed: Vec<&Introduction> =
            self.attribution.introductions.iter().filter(|new| blobs.contains(&new.blob)).collect();
        let mut visited = Visited { objects: blobs.len() as u64, bytes: 0 };
        // in slices, so that the sightings of a large history are not all held at once
        for slice in placed.chunks(4096) {
            let looked: Vec<_> = slice
                .par_iter()
                .map_init(
                    || self.mirror.repository(),
                    |repository, new| self.blob(repository, new.blob, Some(&new.path)),
                )
                .collect();
            for (new, outcome) in slice.iter().zip(looked) {
                let in_head = self.head.get(&new.path).is_some_and(|blob| *blob == new.blob.to_string());
                let place = Place {
                    commit: self.attribution.commits.get(new.commit),
                    path: Some(&new.path),
                    in_head,
                    what: None,
                };
                match outcome {
                    Ok((looked, size)) => {
                        visited.bytes += size;
                        gathering.add(looked, &place);
                    }
                    Err(reason) => gathering.say([Diagnostic::gap(Stage::Secrets, new.path.clone(), reason)]),
                }
            }
        }
        if reach == Reach::Leftovers {
            let reached: HashSet<Oid> = placed.iter().map(|new| new.blob).collect();
            let mut left: Vec<Oid> = blobs.difference(&reached).copied().collect();
            left.sort();
            let repository = self.mirror.repository();
            for blob in left {
                match self.blob(&repository, blob, None) {
                    Ok((looked, _)) => gathering
                        .add(looked, &Place { what: Some("left behind, no ref reaches it"), ..Place::default() }),
                    Err(reason) => gathering.say([Diagnostic::gap(Stage::Secrets, None, reason)]),
                }
            }
        }
        visited
    }

    fn blob(
        &self,
        repository: &Result<Repository, RepositoryError>,
        id: Oid,
        path: Option<&str>,
    ) -> Result<(Looked, u64), String> {
        let repository = repository.as_ref().map_err(ToString::to_string)?;
        let unreadable = |error: git2::Error| format!("blob {id} cannot be read: {}", error.message());
        let odb = repository.odb().map_err(unreadable)?;
        let (size, _) = odb.read_header(id).map_err(unreadable)?;
        if size as u64 > LARGEST_BLOB {
            return Err(format!("blob {id} was not looked at: {size} bytes are more than the limit of {LARGEST_BLOB}"));
        }
        let object = odb.read(id).map_err(unreadable)?;
        Ok((look(self.looking.engine, object.data(), path, self.bounds), size as u64))
    }

    /// Messages and names of commits and tags.
    fn texts(&self, texts: &BTreeSet<Oid>, refs: &Refs, reach: Reach, gathering: &mut Gathering<'_>) {
        let Ok(repository) = self.mirror.repository() else { return };
        let Ok(odb) = repository.odb() else { return };
        let known = by_id(&self.attribution.commits);
        let tags: HashSet<Oid> =
            refs.names.iter().filter_map(|(name, _)| repository.refname_to_id(name).ok()).collect();
        let mut sorted: Vec<Oid> = texts.iter().copied().collect();
        sorted.sort_by_key(|id| known.get(id).copied().unwrap_or(usize::MAX));
        for id in sorted {
            let commit = known.get(&id).map(|at| &self.attribution.commits[*at]);
            if commit.is_none() && !tags.contains(&id) && reach == Reach::Refs {
                continue;
            }
            match odb.read(id) {
                Ok(object) => {
                    let kind =
                        if object.kind() == git2::ObjectType::Tag { ObjectKind::Tag } else { ObjectKind::Commit };
                    for (what, text) in texts_of(kind, object.data()) {
                        let looked = look(self.looking.engine, &text, None, self.bounds);
                        gathering.add(looked, &Place { commit, what: Some(what), ..Place::default() });
                    }
                }
                Err(error) => {
                    let reason = format!("object {id} cannot be read: {}", error.message());
                    gathering.say([Diagnostic::gap(Stage::Secrets, None, reason)]);
                }
            }
        }
    }

    /// Names of files and directories.
    fn names(&self, names: &HashSet<Vec<u8>>, gathering: &mut Gathering<'_>) {
        for new in &self.attribution.introductions {
            let name = new.path.rsplit('/').next().unwrap_or_default();
            if !names.contains(name.as_bytes()) {
                continue;
            }
            let looked = look(self.looking.engine, name.as_bytes(), None, self.bounds);
            // The path holds the secret itself: it is told without its last part.
            let folder = new.path.rsplit_once('/').map_or(".", |(folder, _)| folder);
            let place = Place {
                commit: self.attribution.commits.get(new.commit),
                path: Some(folder),
                in_head: self.head.keys().any(|path| path.starts_with(&new.path)),
                what: Some("file name"),
            };
            gathering.add(looked, &place);
        }
    }

    fn ref_names(&self, refs: &Refs, gathering: &mut Gathering<'_>) {
        let known = by_id(&self.attribution.commits);
        for (name, tip) in &refs.names {
            let looked = look(self.looking.engine, name.as_bytes(), None, self.bounds);
            let commit = tip.and_then(|tip| known.get(&tip)).map(|at| &self.attribution.commits[*at]);
            gathering.add(looked, &Place { commit, what: Some("ref name"), ..Place::default() });
        }
    }
}
