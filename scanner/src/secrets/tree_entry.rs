//! git's trees as they are stored: for each entry "mode name\0", then the twenty bytes of what it names.

use std::ops::Range;

use crate::repository::pack::ObjectId;

/// An entry.
pub(super) struct TreeEntry<'t> {
    /// Where it stands in the tree's bytes.
    pub place: Range<usize>,
    mode: &'t [u8],
    pub name: &'t [u8],
    pub id: ObjectId,
}

impl<'t> TreeEntry<'t> {
    /// The entries of a tree, up to the first that is damaged.
    pub(super) fn all(tree: &'t [u8]) -> impl Iterator<Item = Self> {
        let mut at = 0;
        std::iter::from_fn(move || {
            let rest = tree.get(at..)?;
            let zero = memchr::memchr(0, rest)?;
            let space = memchr::memchr(b' ', &rest[..zero])?;
            let id = *rest.get(zero + 1..)?.first_chunk()?;
            let place = at..at + zero + 21;
            at = place.end;
            Some(Self { place, mode: &rest[..space], name: &rest[space + 1..zero], id })
        })
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self.mode, b"40000" | b"040000")
    }

    pub(super) fn is_submodule(&self) -> bool {
        self.mode == b"160000"
    }
}
