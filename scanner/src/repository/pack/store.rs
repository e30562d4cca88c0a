//! Everything that one repository's object database holds.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::Mmap;
use rayon::prelude::*;

use super::delta::Changes;
use super::file::{PackError, map};
use super::index::{ObjectId, PackIndex};
use super::loose;
use super::tree::DeltaForest;
use super::walk::{Walk, inflater};

/// Alternates of alternates; git's own bound.
const DEEPEST_ALTERNATE: usize = 5;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// A commit with its message.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// An annotated tag with its message.
    Tag,
}

/// How much was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Visited {
    /// Objects handed over.
    pub objects: u64,
    /// Their inflated bytes.
    pub bytes: u64,
}

/// An object, or a whole file of objects, that could not be read.
#[derive(Debug, Clone)]
pub struct Unread {
    /// The object; `None` when it is a whole file.
    pub id: Option<ObjectId>,
    /// Why.
    pub error: PackError,
}

/// An object as it is handed over.
#[derive(Debug, Clone, Copy)]
pub struct Object<'a> {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name.
    pub id: &'a ObjectId,
    /// Its content.
    pub bytes: &'a [u8],
    /// It was handed over already, out of another pack.
    pub again: bool,
}

/// Looks at objects as they are read, on all cores at once.
pub trait Visitor: Sync {
    /// What is kept of an object for those that are made from it.
    type Trace: Send + Sync;

    /// Whether objects of a kind are read at all.
    fn wants(&self, kind: ObjectKind) -> bool;

    /// Whether it wants nothing more: what is not read yet is then left out, and not told as unread.
    fn stops(&self) -> bool {
        false
    }

    /// Takes an object; `made` tells how it was made from its base, and what was kept of that. The order of objects means nothing, but a base
    /// comes before what is made from it.
    fn visit(&self, object: Object<'_>, made: Option<(&Self::Trace, &Changes)>) -> Self::Trace;
}

/// A visitor that looks at each object by itself.
struct Each<W, V> {
    wanted: W,
    visit: V,
}

impl<W: Fn(ObjectKind) -> bool + Sync, V: Fn(ObjectKind, &ObjectId, &[u8]) + Sync> Visitor for Each<W, V> {
    type Trace = ();

    fn wants(&self, kind: ObjectKind) -> bool {
        (self.wanted)(kind)
    }

    fn visit(&self, object: Object<'_>, _: Option<(&(), &Changes)>) {
        if !object.again {
            (self.visit)(object.kind, object.id, object.bytes);
        }
    }
}

pub(super) struct Pack {
    pub(super) index: PackIndex,
    pub(super) data: Mmap,
    /// What it is called: git names a pack by its content.
    name: String,
    left_out: bool,
    forest: OnceLock<DeltaForest>,
}

impl Pack {
    pub(super) fn forest(&self) -> &DeltaForest {
        self.forest.get_or_init(|| DeltaForest::of(&self.data, &self.index))
    }
}

/// Objects and bytes so far, from all threads.
#[derive(Default)]
pub(super) struct Counts {
    objects: AtomicU64,
    bytes: AtomicU64,
}

impl Counts {
    pub(super) fn add(&self, bytes: usize) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// The packs and loose objects of a repository and of those it borrows from.
pub struct ObjectStore {
    folders: Vec<PathBuf>,
    packs: Vec<Pack>,
    /// Loose objects that no pack has, each once, and the folder that holds it.
    loose: OnceLock<Vec<(usize, ObjectId)>>,
    left_out: HashSet<ObjectId>,
    unread: Vec<Unread>,
}

impl ObjectStore {
    /// Maps the packs below an `objects` directory. A pack that cannot be opened is told by [`ObjectStore::visit`].
    #[must_use]
    pub fn open(objects: &Path) -> Self {
        let (loose, left_out) = (OnceLock::new(), HashSet::new());
        let mut store = Self { folders: Vec::new(), packs: Vec::new(), loose, left_out, unread: Vec::new() };
        store.add_folder(objects, 0);
        store
    }

    fn add_folder(&mut self, objects: &Path, depth: usize) {
        if depth > DEEPEST_ALTERNATE || self.folders.iter().any(|known| known == objects) {
            return;
        }
        self.folders.push(objects.to_owned());
        let mut indexes: Vec<PathBuf> = std::fs::read_dir(objects.join("pack"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "idx"))
            .collect();
        indexes.sort();
        for path in indexes {
            let opened = PackIndex::open(&path).and_then(|index| {
                let pack = path.with_extension("pack");
                let data = map(&pack)?;
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                match data.starts_with(b"PACK") {
                    true => Ok(Pack { index, data, name, left_out: false, forest: OnceLock::new() }),
                    false => Err(PackError::Broken { path: pack, reason: "it does not begin as a pack".to_owned() }),
                }
            });
            match opened {
                Ok(pack) => self.packs.push(pack),
                Err(error) => self.unread.push(Unread { id: None, error }),
            }
        }
        let alternates = std::fs::read_to_string(objects.join("info/alternates")).unwrap_or_default();
        for line in alternates.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            self.add_folder(&objects.join(line), depth + 1);
        }
    }

    /// Hands every object of the wanted kinds to `visit`, each once, from all cores, in any order. Objects above `limit` bytes and damaged
    /// ones come back as unread.
    pub fn visit(
        &self,
        limit: u64,
        wanted: impl Fn(ObjectKind) -> bool + Sync,
        visit: impl Fn(ObjectKind, &ObjectId, &[u8]) + Sync,
    ) -> (Visited, Vec<Unread>) {
        self.walk(limit, &Each { wanted, visit })
    }

    /// The same for a visitor that makes use of how objects are made from one another.
    pub fn walk<V: Visitor>(&self, limit: u64, visitor: &V) -> (Visited, Vec<Unread>) {
        let counts = Counts::default();
        let mut unread = self.unread.clone();
        for (number, pack) in self.packs.iter().enumerate().filter(|(_, pack)| !pack.left_out) {
            unread.extend(self.walk_pack(number, pack, limit, visitor, &counts));
        }
        let loose = self.loose().par_iter().filter(|(_, id)| !visitor.stops() && !self.left_out.contains(id));
        unread.par_extend(loose.filter_map(|(folder, id)| {
            match loose::read(&self.folders[*folder], id, limit, |kind| visitor.wants(kind)) {
                Ok(Some((kind, bytes))) => {
                    counts.add(bytes.len());
                    visitor.visit(Object { kind, id, bytes: &bytes, again: false }, None);
                }
                Ok(None) => {}
                Err(error) => return Some(Unread { id: Some(*id), error }),
            }
            None
        }));
        (Visited { objects: counts.objects.into_inner(), bytes: counts.bytes.into_inner() }, unread)
    }

    /// Leaves out of every reading what was read before: packs by their names, loose objects by theirs. They are still known to be there.
    pub fn leave_out(&mut self, packs: &BTreeSet<String>, loose: impl IntoIterator<Item = ObjectId>) {
        for pack in &mut self.packs {
            pack.left_out = packs.contains(&pack.name);
        }
        self.left_out = loose.into_iter().collect();
    }

    /// The names of all packs.
    #[must_use]
    pub fn packs(&self) -> BTreeSet<String> {
        self.packs.iter().map(|pack| pack.name.clone()).collect()
    }

    /// Loose objects that no pack has, each once, and which of the folders holds it.
    pub fn loose(&self) -> &[(usize, ObjectId)] {
        self.loose.get_or_init(|| {
            let mut names: Vec<(usize, ObjectId)> = Vec::new();
            for (folder, path) in self.folders.iter().enumerate() {
                names.extend(loose::list(path).into_iter().map(|id| (folder, id)));
            }
            names.sort_unstable_by_key(|(_, id)| *id);
            names.dedup_by_key(|(_, id)| *id);
            names.retain(|(_, id)| !self.packed(id));
            names
        })
    }

    /// Whether it holds an object.
    #[must_use]
    pub fn holds(&self, id: &ObjectId) -> bool {
        self.packed(id) || self.loose().binary_search_by_key(id, |(_, id)| *id).is_ok()
    }

    /// A number for an object that it holds; the same object has the same number wherever it stands. Names take five times as much room.
    #[must_use]
    pub fn number(&self, id: &ObjectId) -> Option<u32> {
        let mut before = 0;
        for pack in &self.packs {
            if let Some(position) = pack.index.find(id) {
                return u32::try_from(before + position).ok();
            }
            before += pack.index.count();
        }
        let position = self.loose().binary_search_by_key(id, |(_, id)| *id).ok()?;
        u32::try_from(before + position).ok()
    }

    /// How many objects have a number; each is less.
    #[must_use]
    pub fn count(&self) -> usize {
        self.packs.iter().map(|pack| pack.index.count()).sum::<usize>() + self.loose().len()
    }

    /// The name of the object with this number.
    #[must_use]
    pub fn id(&self, number: u32) -> Option<ObjectId> {
        let mut position = number as usize;
        for pack in &self.packs {
            if position < pack.index.count() {
                return Some(pack.index.name(position));
            }
            position -= pack.index.count();
        }
        self.loose().get(position).map(|(_, id)| *id)
    }

    fn packed(&self, id: &ObjectId) -> bool {
        self.packs.iter().any(|pack| pack.index.find(id).is_some())
    }

    fn walk_pack<V: Visitor>(
        &self,
        number: usize,
        pack: &Pack,
        limit: u64,
        visitor: &V,
        counts: &Counts,
    ) -> Vec<Unread> {
        let forest = pack.forest();
        let seen = |id: &ObjectId| {
            let others = self.packs.iter().enumerate().filter(|(other, pack)| *other < number || pack.left_out);
            // a loose object that was read before may have come into a pack since
            self.left_out.contains(id) || others.into_iter().any(|(_, pack)| pack.index.find(id).is_some())
        };
        let walk = Walk::new(pack, limit, visitor, &seen, counts);
        let lost = forest
            .lost
            .iter()
            .map(|(name, error)| Unread { id: Some(pack.index.name(*name as usize)), error: error.clone() });
        let mut unread: Vec<Unread> = lost.collect();
        unread.par_extend(
            forest
                .roots
                .par_iter()
                .with_max_len(64)
                .filter(|(_, kind)| !visitor.stops() && visitor.wants(*kind))
                .map_init(inflater, |zlib, &(root, kind)| walk.family(root, kind, zlib))
                .flatten_iter(),
        );
        unread
    }
}
