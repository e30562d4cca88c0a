//! Everything that one repository's object database holds.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Decompress;
use memmap2::Mmap;
use rayon::prelude::*;

use super::file::{EntryForm, PackError, inflate, map};
use super::index::{ObjectId, PackIndex};
use super::tree::{DeltaForest, NONE};
use super::{delta, loose};

/// Bytes that one thread may hold as bases of deltas still to be applied. Chains of real repositories need a few MB.
const MOST_HELD: usize = 512 << 20;
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

struct Pack {
    index: PackIndex,
    data: Mmap,
}

/// The packs and loose objects of a repository and of those it borrows from.
pub struct ObjectStore {
    folders: Vec<PathBuf>,
    packs: Vec<Pack>,
    unread: Vec<Unread>,
}

impl ObjectStore {
    /// Maps the packs below an `objects` directory. A pack that cannot be opened is told by [`ObjectStore::visit`].
    #[must_use]
    pub fn open(objects: &Path) -> Self {
        let mut store = Self { folders: Vec::new(), packs: Vec::new(), unread: Vec::new() };
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
                match data.starts_with(b"PACK") {
                    true => Ok(Pack { index, data }),
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

    /// Hands every object of the wanted kinds to `visit`, each once, from all cores. Objects above `limit` bytes and damaged ones
    /// come back as unread. `visit` must not rely on any order.
    pub fn visit(
        &self,
        limit: u64,
        wanted: impl Fn(ObjectKind) -> bool + Sync,
        visit: impl Fn(ObjectKind, &ObjectId, &[u8]) + Sync,
    ) -> (Visited, Vec<Unread>) {
        let counts = (AtomicU64::new(0), AtomicU64::new(0));
        let visit = |kind, id: &ObjectId, bytes: &[u8]| {
            counts.0.fetch_add(1, Ordering::Relaxed);
            counts.1.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            visit(kind, id, bytes);
        };
        let mut unread = self.unread.clone();
        for (number, pack) in self.packs.iter().enumerate() {
            unread.extend(self.visit_pack(number, pack, limit, &wanted, &visit));
        }
        let names: Vec<(usize, ObjectId)> = self.loose_names();
        unread.par_extend(names.par_iter().filter_map(|(folder, id)| {
            match loose::read(&self.folders[*folder], id, limit, &wanted) {
                Ok(Some((kind, bytes))) => visit(kind, id, &bytes),
                Ok(None) => {}
                Err(error) => return Some(Unread { id: Some(*id), error }),
            }
            None
        }));
        (Visited { objects: counts.0.into_inner(), bytes: counts.1.into_inner() }, unread)
    }

    /// Loose objects that no pack has, each once.
    fn loose_names(&self) -> Vec<(usize, ObjectId)> {
        let mut names: Vec<(usize, ObjectId)> = Vec::new();
        for (folder, path) in self.folders.iter().enumerate() {
            names.extend(loose::list(path).into_iter().map(|id| (folder, id)));
        }
        names.sort_unstable_by_key(|(_, id)| *id);
        names.dedup_by_key(|(_, id)| *id);
        names.retain(|(_, id)| self.packs.iter().all(|pack| pack.index.find(id).is_none()));
        names
    }

    fn visit_pack(
        &self,
        number: usize,
        pack: &Pack,
        limit: u64,
        wanted: &(impl Fn(ObjectKind) -> bool + Sync),
        visit: &(impl Fn(ObjectKind, &ObjectId, &[u8]) + Sync),
    ) -> Vec<Unread> {
        let forest = DeltaForest::of(&pack.data, &pack.index);
        let earlier = &self.packs[..number];
        let seen = |id: &ObjectId| earlier.iter().any(|pack| pack.index.find(id).is_some());
        let walk = Walk { pack, forest: &forest, limit, visit, seen: &seen };
        let lost = forest
            .lost
            .iter()
            .map(|(name, error)| Unread { id: Some(pack.index.name(*name as usize)), error: error.clone() });
        let mut unread: Vec<Unread> = lost.collect();
        let roots: Vec<(u32, ObjectKind)> = forest
            .roots
            .iter()
            .filter_map(|&root| Some((root, kind_of(forest.nodes[root as usize].header.form)?)))
            .filter(|(_, kind)| wanted(*kind))
            .collect();
        unread.par_extend(
            roots
                .par_iter()
                .with_max_len(64)
                .map_init(|| Decompress::new(true), |zlib, &(root, kind)| walk.tree(root, kind, zlib))
                .flatten_iter(),
        );
        unread
    }
}

fn kind_of(form: EntryForm) -> Option<ObjectKind> {
    match form {
        EntryForm::Commit => Some(ObjectKind::Commit),
        EntryForm::Tree => Some(ObjectKind::Tree),
        EntryForm::Blob => Some(ObjectKind::Blob),
        EntryForm::Tag => Some(ObjectKind::Tag),
        EntryForm::OffsetDelta(_) | EntryForm::NameDelta(_) => None,
    }
}

struct Walk<'a, V, S> {
    pack: &'a Pack,
    forest: &'a DeltaForest,
    limit: u64,
    visit: &'a V,
    seen: &'a S,
}

impl<V: Fn(ObjectKind, &ObjectId, &[u8]), S: Fn(&ObjectId) -> bool> Walk<'_, V, S> {
    /// Inflates a root and, from it, everything that is a delta on it. A base is let go with its last child.
    fn tree(&self, root: u32, kind: ObjectKind, zlib: &mut Decompress) -> Vec<Unread> {
        let mut unread = Vec::new();
        let mut waiting: Vec<(u32, Option<Rc<Vec<u8>>>)> = vec![(root, None)];
        let mut held = 0;
        while let Some((at, base)) = waiting.pop() {
            let id = self.pack.index.name(self.forest.nodes[at as usize].name as usize);
            let outcome = self.content(at, base.as_deref(), zlib);
            if let Some(base) = base
                && Rc::strong_count(&base) == 1
            {
                held -= base.len();
            }
            match outcome {
                Ok(bytes) => {
                    if !(self.seen)(&id) {
                        (self.visit)(kind, &id, &bytes);
                    }
                    if self.forest.nodes[at as usize].first_child == NONE {
                        continue;
                    }
                    if held + bytes.len() > MOST_HELD {
                        self.lose_below(
                            at,
                            PackError::Object("its chain of deltas needs too much memory"),
                            &mut unread,
                        );
                        continue;
                    }
                    held += bytes.len();
                    let bytes = Rc::new(bytes);
                    waiting.extend(self.forest.children(at).map(|child| (child, Some(Rc::clone(&bytes)))));
                }
                Err(error) => {
                    self.lose_below(
                        at,
                        PackError::Object("the object it is a delta on could not be read"),
                        &mut unread,
                    );
                    unread.push(Unread { id: Some(id), error });
                }
            }
        }
        unread
    }

    fn content(&self, at: u32, base: Option<&Vec<u8>>, zlib: &mut Decompress) -> Result<Vec<u8>, PackError> {
        let header = self.forest.nodes[at as usize].header;
        if header.size > self.limit {
            return Err(PackError::TooLarge { size: header.size, limit: self.limit });
        }
        let stream = self.pack.data.get(header.data..).unwrap_or_default();
        let bytes = inflate(zlib, stream, header.size)?;
        match base {
            None => Ok(bytes),
            Some(base) => delta::apply(base, &bytes, self.limit),
        }
    }

    fn lose_below(&self, at: u32, error: PackError, unread: &mut Vec<Unread>) {
        let mut waiting: Vec<u32> = self.forest.children(at).collect();
        while let Some(at) = waiting.pop() {
            let id = self.pack.index.name(self.forest.nodes[at as usize].name as usize);
            unread.push(Unread { id: Some(id), error: error.clone() });
            waiting.extend(self.forest.children(at));
        }
    }
}
