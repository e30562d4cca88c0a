//! The first reading: every object of a history once, to find those that are worth a second look. Paths are not known yet.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::Oid;

use crate::Stop;
use crate::diagnostic::Diagnostic;
use crate::isolation::isolated;
use crate::repository::RepositoryError;
use crate::repository::pack::{Changes, Object, ObjectId, ObjectKind, ObjectStore, Unread, Visited, Visitor};
use crate::secrets::Engine;
use crate::secrets::lineage::{Lineage, Subtrees};
use crate::secrets::look::{is_divisible, look};
use crate::secrets::looked::{Bounds, Looked};
use crate::secrets::spot::{Placed, Seen};
use crate::secrets::tree_entry::TreeEntry;

/// Blobs above this are not inflated.
pub(super) const LARGEST_BLOB: u64 = 128 << 20;
/// Shorter names of files hold no secret.
const SHORTEST_NAME: usize = 16;
/// Text that is kept around spots, compressed, all together. Files with spots beyond it are read again.
const MOST_KEPT: usize = 64 << 20;

/// What of a blob is looked at again when its paths are known.
pub(super) enum Worth {
    /// All of it, read once more.
    Whole,
    /// These spots.
    Spots(Vec<Placed>),
    /// Nothing: there is no secret in it, whatever its path. Only this is said of it.
    Said(Vec<Diagnostic>),
}

/// What the first reading found worth a second look.
#[derive(Default)]
pub(super) struct Candidates {
    pub blobs: HashMap<Oid, Worth>,
    /// Commits and annotated tags.
    pub texts: BTreeSet<Oid>,
    pub names: HashSet<Vec<u8>>,
    /// Objects that trees name and that are not there.
    pub missing: HashSet<ObjectId>,
    pub unread: Vec<Unread>,
    /// Blobs alone.
    pub visited: Visited,
}

/// How blobs are looked at that are made from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// Only what is new in them.
    ByChanges,
    /// Each as if it were the only one: for proving and measuring that the other way finds the same.
    InFull,
}

/// Reads everything that an object database holds. Where the clone is `partial`, what its trees name is looked up. Trees come last, when it is
/// known which blobs `lineage` has to look for in them.
///
/// # Errors
/// When it was told to stop: then not everything was read.
pub(super) fn read_all(
    store: &ObjectStore,
    partial: bool,
    engine: &Engine<'_>,
    bounds: &Bounds,
    (versions, stop): (Versions, Stop<'_>),
    mut lineage: Option<&mut Lineage<'_>>,
) -> Result<Candidates, RepositoryError> {
    let how = How { named: partial.then_some(store), engine, bounds, versions, stop };
    let first = Sieve::new(&how, false, lineage.as_deref(), Candidates::default(), 0);
    let (_, mut unread) = store.walk(LARGEST_BLOB, &first);
    stop.check()?;
    let visited = Visited { objects: first.blobs.0.into_inner(), bytes: first.blobs.1.into_inner() };
    let kept = first.kept.into_inner();
    let found = first.candidates.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut known: HashSet<ObjectId> = unread.iter().filter_map(|unread| unread.id).collect();
    if let Some(lineage) = &mut lineage {
        lineage.want(found.blobs.keys().filter_map(|id| id.as_bytes().first_chunk().copied()));
        lineage.want(known.iter().copied());
    }
    let trees = Sieve::new(&how, true, lineage.as_deref(), found, kept);
    let (_, of_trees) = store.walk(LARGEST_BLOB, &trees);
    stop.check()?;
    // what is lost in a pack is said at each reading
    unread.extend(of_trees.into_iter().filter(|unread| unread.id.is_some_and(|id| known.insert(id))));
    let found = trees.candidates.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Candidates { unread, visited, ..found })
}

/// How many objects the trees of a partial clone name that are not there.
pub(super) fn missing_objects(store: &ObjectStore) -> usize {
    let missing: Mutex<HashSet<ObjectId>> = Mutex::default();
    let wanted = |kind| kind == ObjectKind::Tree;
    store.visit(LARGEST_BLOB, wanted, |_, _, bytes| {
        let named = TreeEntry::all(bytes).filter(|entry| !entry.is_submodule()).map(|entry| entry.id);
        let lacking: Vec<ObjectId> = named.filter(|id| !store.holds(id)).collect();
        missing.lock().unwrap_or_else(PoisonError::into_inner).extend(lacking);
    });
    missing.into_inner().unwrap_or_else(PoisonError::into_inner).len()
}

/// What is the same at each reading.
struct How<'e> {
    /// Where to look up what trees name.
    named: Option<&'e ObjectStore>,
    engine: &'e Engine<'e>,
    bounds: &'e Bounds,
    versions: Versions,
    stop: Stop<'e>,
}

struct Sieve<'e> {
    how: &'e How<'e>,
    /// It is the turn of trees, or of everything else.
    trees: bool,
    /// Who takes commits and trees to find out who brought what.
    lineage: Option<&'e Lineage<'e>>,
    candidates: Mutex<Candidates>,
    /// Names that were looked at.
    names: Mutex<HashSet<Box<[u8]>>>,
    /// Bytes of spots.
    kept: AtomicUsize,
    /// Number and bytes.
    blobs: (AtomicU64, AtomicU64),
}

impl<'e> Sieve<'e> {
    fn new(how: &'e How<'e>, trees: bool, lineage: Option<&'e Lineage<'e>>, found: Candidates, kept: usize) -> Self {
        let (candidates, kept) = (Mutex::new(found), AtomicUsize::new(kept));
        Self { how, trees, lineage, candidates, kept, names: Mutex::default(), blobs: Default::default() }
    }
}

/// What is kept of an object for those made from it.
enum Trace {
    /// A tree: its names were looked at; and which trees it holds, where that is asked for.
    Tree(Subtrees),
    /// A blob that was looked at by parts.
    Divided(Seen),
    /// Nothing.
    None,
}

impl Visitor for Sieve<'_> {
    type Trace = Trace;

    fn wants(&self, kind: ObjectKind) -> bool {
        (kind == ObjectKind::Tree) == self.trees
    }

    fn stops(&self) -> bool {
        self.how.stop.is_asked()
    }

    fn visit(&self, object: Object<'_>, made: Option<(&Trace, &Changes)>) -> Trace {
        let made = made.filter(|_| self.how.versions == Versions::ByChanges);
        let lineage = self.lineage.filter(|_| !object.again);
        match object.kind {
            ObjectKind::Blob => self.blob(object, made),
            ObjectKind::Tree => {
                let made = made.and_then(|(trace, changes)| match trace {
                    Trace::Tree(subtrees) => Some((subtrees, changes)),
                    _ => None,
                });
                self.tree(object.bytes, made.map(|(_, changes)| changes));
                Trace::Tree(lineage.map(|lineage| lineage.take_tree(object, made)).unwrap_or_default())
            }
            ObjectKind::Commit | ObjectKind::Tag => {
                if object.kind == ObjectKind::Commit
                    && let Some(lineage) = lineage
                {
                    lineage.take_commit(object);
                }
                let texts = texts_of(object.kind, object.bytes);
                if texts.iter().any(|(_, text)| !look(self.how.engine, text, None, self.how.bounds).is_silent()) {
                    self.candidates().texts.extend(oid(object.id));
                }
                Trace::None
            }
        }
    }
}

impl Sieve<'_> {
    fn candidates(&self) -> MutexGuard<'_, Candidates> {
        self.candidates.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn names(&self) -> MutexGuard<'_, HashSet<Box<[u8]>>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blob(&self, object: Object<'_>, made: Option<(&Trace, &Changes)>) -> Trace {
        let bytes = object.bytes;
        if !object.again {
            self.blobs.0.fetch_add(1, Ordering::Relaxed);
            self.blobs.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        let divided = isolated(|| self.divided(bytes, made));
        match divided.unwrap_or_else(|error| Err(Looked::of(error, None))) {
            Ok(seen) => {
                let spots = seen.placed(bytes);
                if spots.is_empty() {
                    return Trace::Divided(seen);
                }
                if self.kept.fetch_add(seen.kept, Ordering::Relaxed) <= MOST_KEPT {
                    self.worth(object.id, Worth::Spots(spots));
                    return Trace::Divided(seen);
                }
                self.worth(object.id, Worth::Whole);
            }
            Err(looked) if !looked.sightings.is_empty() => self.worth(object.id, Worth::Whole),
            Err(looked) if !looked.diagnostics.is_empty() => self.worth(object.id, Worth::Said(looked.diagnostics)),
            Err(_) => {}
        }
        Trace::None
    }

    /// What was seen of a blob that can only be looked at as a whole is the error.
    fn divided(&self, bytes: &[u8], made: Option<(&Trace, &Changes)>) -> Result<Seen, Looked> {
        let How { engine, bounds, .. } = self.how;
        if !is_divisible(bytes) {
            return Err(look(engine, bytes, None, bounds));
        }
        if let Some((Trace::Divided(base), changes)) = made
            && let Some(seen) = Seen::by_changes(engine, bytes, base, changes, bounds)
        {
            return Ok(seen);
        }
        Seen::in_full(engine, bytes, bounds)
    }

    fn worth(&self, id: &ObjectId, worth: Worth) {
        if let Some(id) = oid(id) {
            self.candidates().blobs.insert(id, worth);
        }
    }

    /// Entries that are new in a tree.
    fn tree(&self, bytes: &[u8], made: Option<&Changes>) {
        let changed: Option<Vec<Range<usize>>> = made.map(|changes| changes.changed().collect());
        let mut changed = changed.as_ref().map(|changed| changed.iter().peekable());
        for entry in TreeEntry::all(bytes) {
            if let Some(changed) = &mut changed {
                while changed.next_if(|range| range.end < entry.place.start).is_some() {}
                if changed.peek().is_none_or(|range| range.start >= entry.place.end) {
                    continue;
                }
            }
            if let Some(store) = self.how.named
                && !entry.is_submodule()
                && !store.holds(&entry.id)
            {
                self.candidates().missing.insert(entry.id);
            }
            // each change of a file brings its entry again
            let name = entry.name;
            if name.len() >= SHORTEST_NAME
                && self.names().insert(name.into())
                && !look(self.how.engine, name, None, self.how.bounds).is_silent()
            {
                self.candidates().names.insert(name.to_vec());
            }
        }
    }
}

pub(super) fn oid(id: &ObjectId) -> Option<Oid> {
    Oid::from_bytes(id).ok()
}

/// The parts of a commit or tag that people write: who, and the message.
pub(super) fn texts_of(kind: ObjectKind, bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
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
