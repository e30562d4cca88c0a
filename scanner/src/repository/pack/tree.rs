//! The entries of one pack as the trees that their deltas form.
//!
//! A pack may hold ten million entries: twenty bytes are kept of each, and its header is read from the pack when it is needed.

use super::file::{EntryForm, PackError, header};
use super::index::{ObjectId, PackIndex};
use super::store::ObjectKind;

const NONE: u32 = u32::MAX;
/// Why what was made from a lost entry is lost too.
pub(super) const UNREADABLE_BASE: PackError = PackError::Object("the object it is a delta on could not be read");

/// All entries of a pack, in the order in which they stand there. An entry is known by its place in that order.
pub(super) struct DeltaForest {
    offsets: Vec<u64>,
    /// Position in the index.
    names: Vec<u32>,
    first_child: Vec<u32>,
    next_sibling: Vec<u32>,
    /// Entries that are no deltas.
    pub roots: Vec<(u32, ObjectKind)>,
    /// Entries whose header is broken or whose base is not in the pack: position in the index, and why.
    pub lost: Vec<(u32, PackError)>,
}

impl DeltaForest {
    pub(super) fn of(pack: &[u8], index: &PackIndex) -> Self {
        let mut places: Vec<(u64, u32)> = (0..index.count()).map(|at| (index.offset(at), at as u32)).collect();
        places.sort_unstable();
        let (offsets, names): (Vec<u64>, Vec<u32>) = places.into_iter().unzip();
        let none = vec![NONE; names.len()];
        let (first_child, next_sibling) = (none.clone(), none);
        let mut forest = Self { offsets, names, first_child, next_sibling, roots: Vec::new(), lost: Vec::new() };
        let mut by_name = false;
        let mut broken = Vec::new();
        // from the back, so that children stand in the order of the pack
        for at in (0..forest.names.len() as u32).rev() {
            match header(pack, forest.offset(at)) {
                Ok(header) => {
                    by_name |= matches!(header.form, EntryForm::NameDelta(_));
                    match forest.base(index, at, header.form) {
                        Base::None => forest.roots.extend(kind_of(header.form).map(|kind| (at, kind))),
                        Base::Entry(base) => {
                            forest.next_sibling[at as usize] = forest.first_child[base as usize];
                            forest.first_child[base as usize] = at;
                        }
                        Base::Missing => broken.push((at, PackError::Object("its delta base is missing"))),
                    }
                }
                Err(error) => broken.push((at, error)),
            }
        }
        forest.roots.reverse();
        forest.lose(broken);
        // a delta by offset is made on what stands before it; only deltas by name can stand in a ring
        if by_name {
            forest.lose_rings();
        }
        forest
    }

    fn lose(&mut self, broken: Vec<(u32, PackError)>) {
        for (at, error) in broken {
            self.lost.push((self.name(at), error));
            for below in self.below(at) {
                self.lost.push((self.name(below), UNREADABLE_BASE));
            }
        }
    }

    fn lose_rings(&mut self) {
        let mut reached = vec![false; self.names.len()];
        for (root, _) in &self.roots {
            reached[*root as usize] = true;
            for below in self.below(*root) {
                reached[below as usize] = true;
            }
        }
        let known: std::collections::HashSet<u32> = self.lost.iter().map(|(name, _)| *name).collect();
        let unreached = (0..self.names.len()).filter(|at| !reached[*at]).map(|at| self.names[at]);
        let ring = PackError::Object("its delta base is made from itself");
        self.lost.extend(
            unreached.filter(|name| !known.contains(name)).map(|name| (name, ring.clone())).collect::<Vec<_>>(),
        );
    }

    /// Everything that is made from this entry.
    pub(super) fn below(&self, at: u32) -> Vec<u32> {
        let mut below: Vec<u32> = self.children(at).collect();
        let mut next = 0;
        while let Some(at) = below.get(next).copied() {
            below.extend(self.children(at));
            next += 1;
        }
        below
    }

    pub(super) fn offset(&self, at: u32) -> u64 {
        self.offsets[at as usize]
    }

    /// Position in the index.
    pub(super) fn name(&self, at: u32) -> u32 {
        self.names[at as usize]
    }

    /// What an entry of this form is a delta on.
    pub(super) fn base(&self, index: &PackIndex, at: u32, form: EntryForm) -> Base {
        let base = match form {
            EntryForm::OffsetDelta(offset) => self.at(offset),
            EntryForm::NameDelta(id) => self.named(index, &id),
            _ => return Base::None,
        };
        base.filter(|base| *base != at).map_or(Base::Missing, Base::Entry)
    }

    fn named(&self, index: &PackIndex, id: &ObjectId) -> Option<u32> {
        self.at(index.offset(index.find(id)?))
    }

    fn at(&self, offset: u64) -> Option<u32> {
        self.offsets.binary_search(&offset).ok().map(|at| at as u32)
    }

    pub(super) fn has_children(&self, at: u32) -> bool {
        self.first_child[at as usize] != NONE
    }

    pub(super) fn children(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let mut next = self.first_child[at as usize];
        std::iter::from_fn(move || {
            let at = (next != NONE).then_some(next)?;
            next = self.next_sibling[at as usize];
            Some(at)
        })
    }
}

/// What an entry is a delta on.
pub(super) enum Base {
    /// It is no delta.
    None,
    /// This one.
    Entry(u32),
    /// Nothing that the pack holds.
    Missing,
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
