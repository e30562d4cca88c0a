//! The entries of one pack as the trees that their deltas form.

use std::collections::HashMap;

use super::file::{EntryForm, Header, PackError, header};
use super::index::PackIndex;

pub(super) const NONE: u32 = u32::MAX;

/// One entry.
pub(super) struct Node {
    pub header: Header,
    /// Its position in the index.
    pub name: u32,
    pub first_child: u32,
    next_sibling: u32,
}

/// All entries of a pack.
pub(super) struct DeltaForest {
    pub nodes: Vec<Node>,
    /// Entries that are no deltas.
    pub roots: Vec<u32>,
    /// Entries whose header is broken or whose base is not in the pack: position in the index, and why.
    pub lost: Vec<(u32, PackError)>,
}

impl DeltaForest {
    pub(super) fn of(pack: &[u8], index: &PackIndex) -> Self {
        let mut places: Vec<(u64, u32)> = (0..index.count()).map(|at| (index.offset(at), at as u32)).collect();
        places.sort_unstable();
        let mut forest = Self { nodes: Vec::with_capacity(places.len()), roots: Vec::new(), lost: Vec::new() };
        // entries stand in the order of their offsets, so that an offset is found by bisection
        let mut offsets = Vec::with_capacity(places.len());
        let mut by_name = HashMap::new();
        for (offset, name) in places {
            match header(pack, offset) {
                Ok(header) => {
                    by_name.insert(name, offsets.len() as u32);
                    offsets.push(offset);
                    forest.nodes.push(Node { header, name, first_child: NONE, next_sibling: NONE });
                }
                Err(error) => forest.lost.push((name, error)),
            }
        }
        // from the back, so that children stand in the order of the pack
        for at in (0..forest.nodes.len()).rev() {
            let base = match forest.nodes[at].header.form {
                EntryForm::OffsetDelta(offset) => offsets.binary_search(&offset).ok().map(|base| base as u32),
                EntryForm::NameDelta(id) => index.find(&id).and_then(|name| by_name.get(&(name as u32)).copied()),
                _ => {
                    forest.roots.push(at as u32);
                    continue;
                }
            };
            match base {
                Some(base) if base != at as u32 => {
                    forest.nodes[at].next_sibling = forest.nodes[base as usize].first_child;
                    forest.nodes[base as usize].first_child = at as u32;
                }
                _ => forest.lost.push((forest.nodes[at].name, PackError::Object("its delta base is missing"))),
            }
        }
        forest.roots.reverse();
        forest
    }

    pub(super) fn children(&self, at: u32) -> impl Iterator<Item = u32> + '_ {
        let mut next = self.nodes[at as usize].first_child;
        std::iter::from_fn(move || {
            let at = (next != NONE).then_some(next)?;
            next = self.nodes[at as usize].next_sibling;
            Some(at)
        })
    }
}
