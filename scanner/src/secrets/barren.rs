//! Encoded pieces in which nothing was found. A bundle's source map or an image stands in many versions of a file, and is looked at
//! once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Hashing a shorter piece saves little.
pub(super) const SHORTEST: usize = 1024;
/// So many are remembered; of more, each is looked at again.
const MOST: usize = 1 << 18;

/// Bytes and pieces that came out of it.
pub(super) type Spent = (u64, usize);

/// What was looked at, by its hash and by how deep it stood (a bound on depth cuts the one short and not the other).
#[derive(Debug, Default)]
pub(super) struct Barren(Mutex<HashMap<([u8; 32], usize), Spent>>);

impl Barren {
    /// What a piece that shows nothing spent when it was looked at.
    pub(super) fn spent(&self, hash: &blake3::Hash, depth: usize) -> Option<Spent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(*hash.as_bytes(), depth)).copied()
    }

    pub(super) fn insert(&self, hash: &blake3::Hash, depth: usize, spent: Spent) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST {
            known.insert((*hash.as_bytes(), depth), spent);
        }
    }
}
