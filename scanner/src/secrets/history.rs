//! A whole history: every object read once without knowing its path, and only what hits is attributed and looked at again with it.

use std::collections::{BTreeSet, HashMap, HashSet};

use git2::{Oid, Repository};

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::pack::{ObjectStore, Unread, Visited};
use crate::repository::{GitSnapshot, Mirror, RepositoryError, Snapshot};
use crate::secrets::Looking;
use crate::secrets::attribution::{Attribution, Refs, Wanted, attribute, attribute_leftovers};
use crate::secrets::gather::Gathering;
use crate::secrets::lineage::Lineage;
use crate::secrets::looked::Bounds;
use crate::secrets::memory::{Memory, object_id};
use crate::secrets::merging::Merging;
use crate::secrets::second::Second;
use crate::secrets::sieve::{Candidates, Versions, Worth, missing_objects, oid, read_all};

/// So many objects that cannot be read are named one by one.
const MOST_UNREAD: usize = 50;

/// How much of the object database counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// What some ref reaches.
    Refs,
    /// Also what a force-push or a deleted branch left behind.
    Leftovers,
}

/// How a whole history is read.
#[derive(Debug)]
pub struct Reading<'m> {
    /// How the versions of a file are looked at.
    pub versions: Versions,
    /// What earlier scans saw; it is brought up to date. It counts only where no more is asked for than what the refs reach.
    pub memory: Option<&'m mut Memory>,
    /// Breaks it off.
    pub stop: Stop<'m>,
}

impl Default for Reading<'_> {
    fn default() -> Self {
        Self { versions: Versions::ByChanges, memory: None, stop: Stop::default() }
    }
}

/// The whole history.
pub(super) fn whole(
    mirror: &Mirror,
    head: Option<Oid>,
    reach: Reach,
    reading: Reading<'_>,
    looking: &Looking<'_>,
    gathering: &mut Gathering<'_>,
) -> Result<Visited, RepositoryError> {
    let (bounds, stop) = (Bounds::default(), reading.stop);
    let repository = mirror.repository()?;
    // whoever asks the providers needs the secrets themselves, and the memory holds none
    let keep = reading.memory.filter(|_| reach == Reach::Refs && looking.provider.is_none());
    let mut store = ObjectStore::open(&repository.commondir().join("objects"));
    let known = keep.as_deref().cloned().unwrap_or_default().on(Memory::basis(looking), &store);
    let refs = Refs::of(&repository, known.tips.keys().filter_map(|id| Oid::from_str(id).ok()).collect())?;
    gathering.say(refs.diagnostics.clone());
    store.leave_out(&known.packs, known.loose.iter().filter_map(|id| object_id(id)));
    // what is known already is not read again, and then trees are not all read
    let mut lineage = known.is_empty().then(|| Lineage::new(&store));
    let partial = is_partial(&repository);
    let how = (reading.versions, stop);
    let found = read_all(&store, partial, looking.engine, &bounds, how, lineage.as_mut())?;
    let mut merging = Merging::new(known, &store, &refs, &found);
    say_what_is_missing(&repository, merging.memory.missing.len(), gathering);

    let mut wanted: HashSet<Oid> = merging.memory.hits.iter().filter_map(|id| Oid::from_str(id).ok()).collect();
    wanted.extend(found.unread.iter().filter_map(|unread| oid(unread.id.as_ref()?)));
    let span = merging.span(&repository);
    let nothing = wanted.is_empty()
        && found.texts.is_empty()
        && found.names.is_empty()
        && merging.memory.texts.iter().all(|text| text.commit.is_some());
    let mut attribution = match nothing {
        true => Attribution::default(),
        false => {
            let unread = found.unread.iter().filter_map(|unread| unread.id);
            let lineage = lineage.map(|lineage| lineage.with_names(&found.names, stop));
            let at_once = lineage.and_then(|lineage| {
                lineage.attribute(&repository, &refs.tips(), found.texts.iter().copied(), unread, stop)
            });
            let these = Wanted::These { blobs: &wanted, names: &found.names };
            match at_once {
                Some(attribution) => attribution,
                None => attribute(&repository, &span.tips, &span.hidden, &these, &merging.orders, stop)
                    .map_err(cannot_walk)?,
            }
        }
    };
    if reach == Reach::Leftovers {
        let placed: HashSet<Oid> = attribution.introductions.iter().map(|new| new.blob).collect();
        if !wanted.is_subset(&placed) {
            let these = Wanted::These { blobs: &wanted, names: &found.names };
            attribute_leftovers(&mut attribution, &repository, &refs.tips(), &these, stop).map_err(cannot_walk)?;
        }
    }
    stop.check()?;
    gathering.say(attribution.diagnostics.clone());
    say_unread(&found.unread, &attribution, reach, gathering);
    let head = head_paths(mirror, head)?;
    let second = Second { mirror, head, looking, bounds: &bounds, attribution: &attribution, stop };
    merging.blobs(&second, &found, gathering);
    merging.texts(&second, &repository.odb().map_err(cannot_walk)?, &found, gathering);
    merging.tell(&second, &tags(&refs), reach, gathering);
    if reach == Reach::Leftovers {
        second.leftovers(&found.blobs, gathering);
    }
    second.names(&found.names, gathering);
    second.ref_names(&repository, &refs, gathering);
    // what was left out must not be taken for looked at by the next scan
    stop.check()?;
    let visited = Visited { objects: merging.memory.blobs, bytes: merging.memory.bytes };
    if let Some(keep) = keep {
        *keep = merging.finish(&second, gathering);
    }
    Ok(visited)
}

fn cannot_walk(error: git2::Error) -> RepositoryError {
    RepositoryError::Git { doing: "cannot walk the history".to_owned(), reason: error.message().to_owned() }
}

/// The objects that refs name themselves: annotated tags among them.
fn tags(refs: &Refs) -> BTreeSet<String> {
    refs.all.iter().filter_map(|one| Some(one.target?.to_string())).collect()
}

/// Only what commits bring that `since` does not reach.
pub(super) fn since(
    mirror: &Mirror,
    head: Option<Oid>,
    (since, stop): (Oid, Stop<'_>),
    looking: &Looking<'_>,
    gathering: &mut Gathering<'_>,
) -> Result<Visited, RepositoryError> {
    let bounds = Bounds::default();
    let repository = mirror.repository()?;
    let store = ObjectStore::open(&repository.commondir().join("objects"));
    let partial = is_partial(&repository);
    let missing = if partial { missing_objects(&store) } else { 0 };
    say_what_is_missing(&repository, missing, gathering);
    let refs = Refs::of(&repository, HashSet::new())?;
    gathering.say(refs.diagnostics.clone());
    let mut tips = refs.tips();
    tips.extend(head);
    let attribution = attribute(&repository, &tips, &[since], &Wanted::Everything, &HashMap::new(), stop);
    let attribution = attribution.map_err(cannot_walk)?;
    stop.check()?;
    gathering.say(attribution.diagnostics.clone());
    let found = Candidates {
        blobs: attribution.introductions.iter().map(|new| (new.blob, Worth::Whole)).collect(),
        texts: attribution.commits.iter().map(|commit| commit.id).collect(),
        ..Candidates::default()
    };
    let objects = found.blobs.len() as u64;
    let head = head_paths(mirror, head)?;
    let second = Second { mirror, head, looking, bounds: &bounds, attribution: &attribution, stop };
    let mut merging = Merging::new(Memory::default(), &store, &refs, &found);
    let bytes = merging.blobs(&second, &found, gathering);
    merging.texts(&second, &repository.odb().map_err(cannot_walk)?, &found, gathering);
    stop.check()?;
    merging.tell(&second, &BTreeSet::new(), Reach::Refs, gathering);
    Ok(Visited { objects, bytes })
}

/// A clone that was made with a filter, and may have been completed since.
fn is_partial(repository: &Repository) -> bool {
    let packs = std::fs::read_dir(repository.commondir().join("objects/pack"));
    let mut files = packs.into_iter().flatten().flatten().map(|entry| entry.path());
    files.any(|path| path.extension().is_some_and(|kind| kind == "promisor"))
}

fn say_what_is_missing(repository: &Repository, missing: usize, gathering: &mut Gathering<'_>) {
    if repository.is_shallow() {
        let reason = "a shallow clone: commits before its edge are not here and were not looked at";
        gathering.say([Diagnostic::gap(Stage::Repository, None, reason)]);
    }
    if missing > 0 {
        let reason =
            format!("a partial clone: {missing} objects that its trees name are not here and were not looked at");
        gathering.say([Diagnostic::gap(Stage::Repository, None, reason)]);
    }
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
