//! One family of objects, inflated from the one that is no delta down to the last that is made from it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flate2::Decompress;

use super::delta::{self, Changes};
use super::file::{PackError, header, inflate};
use super::index::ObjectId;
use super::store::{Counts, Object, ObjectKind, Pack, Unread, Visitor};
use super::tree::{Base, UNREADABLE_BASE};

/// Bytes that all threads together hold as bases of deltas still to be applied. Chains of real repositories need a few MB; where they
/// need more, a base is let go and made again for each of its deltas.
const MOST_HELD: usize = 128 << 20;
/// Objects above this are looked at one at a time, whatever the number of threads: each takes its size several times.
const LARGE: usize = 8 << 20;
/// After so many objects of one family, half of what waits is handed to another thread.
const SHARED_AFTER: usize = 256;

/// What inflates; each thread has its own.
pub(super) fn inflater() -> Decompress {
    Decompress::new(true)
}

pub(super) struct Walk<'a, V: Visitor, S> {
    pack: &'a Pack,
    limit: u64,
    visitor: &'a V,
    /// Whether an earlier pack has an object.
    seen: &'a S,
    counts: &'a Counts,
    held: AtomicUsize,
    large: Mutex<()>,
}

/// A base while deltas on it wait.
struct Held<'w, T> {
    bytes: Vec<u8>,
    trace: T,
    held: &'w AtomicUsize,
}

impl<T> Drop for Held<'_, T> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// An entry to be read, and its base where that is held.
type Waiting<'w, T> = (u32, Option<Arc<Held<'w, T>>>);

impl<'a, V: Visitor, S: Fn(&ObjectId) -> bool + Sync> Walk<'a, V, S> {
    pub(super) fn new(pack: &'a Pack, limit: u64, visitor: &'a V, seen: &'a S, counts: &'a Counts) -> Self {
        Self { pack, limit, visitor, seen, counts, held: AtomicUsize::new(0), large: Mutex::new(()) }
    }

    /// Reads a root and everything that is made from it.
    pub(super) fn family(&self, root: u32, kind: ObjectKind, zlib: &mut Decompress) -> Vec<Unread> {
        self.branch(kind, vec![(root, None)], SHARED_AFTER, zlib)
    }

    fn branch<'w>(
        &'w self,
        kind: ObjectKind,
        mut waiting: Vec<Waiting<'w, V::Trace>>,
        shared_after: usize,
        zlib: &mut Decompress,
    ) -> Vec<Unread> {
        let mut unread = Vec::new();
        let mut passed = 0;
        while let Some((at, base)) = waiting.pop() {
            if self.visitor.stops() {
                return unread;
            }
            if let Err(error) = self.entry(at, kind, base.as_deref(), zlib, &mut waiting) {
                self.lose_below(at, &mut unread);
                unread.push(Unread { id: Some(self.id(at)), error });
            }
            passed += 1;
            if passed >= shared_after && waiting.len() > 1 {
                drop(base);
                let rest = waiting.split_off(waiting.len() / 2);
                // twice as many the next time, so that a family of millions does not nest as deep as it is large
                let (one, two) = rayon::join(
                    || self.branch(kind, waiting, 2 * shared_after, zlib),
                    || self.branch(kind, rest, 2 * shared_after, &mut inflater()),
                );
                unread.extend(one);
                unread.extend(two);
                return unread;
            }
        }
        unread
    }

    /// Hands over one object and lets wait what is made from it.
    fn entry<'w>(
        &'w self,
        at: u32,
        kind: ObjectKind,
        base: Option<&Held<'w, V::Trace>>,
        zlib: &mut Decompress,
        waiting: &mut Vec<Waiting<'w, V::Trace>>,
    ) -> Result<(), PackError> {
        let (bytes, changes, turn) = match base {
            Some(base) => {
                let turn = self.turn(base.bytes.len());
                let (bytes, changes) = self.apply(at, &base.bytes, zlib)?;
                (bytes, Some(changes), turn)
            }
            None => {
                let turn = self.turn(header(&self.pack.data, self.pack.forest().offset(at))?.size as usize);
                (self.remake(at, zlib)?, None, turn)
            }
        };
        let id = self.id(at);
        let again = (self.seen)(&id);
        if !again {
            self.counts.add(bytes.len());
        }
        let made = base.zip(changes.as_ref()).map(|(base, changes)| (&base.trace, changes));
        let turn = turn.or_else(|| self.turn(bytes.len()));
        let trace = self.visitor.visit(Object { kind, id: &id, bytes: &bytes, again }, made);
        drop(turn);
        if !self.pack.forest().has_children(at) {
            return Ok(());
        }
        let held = if self.held.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len() > MOST_HELD {
            self.held.fetch_sub(bytes.len(), Ordering::Relaxed);
            None
        } else {
            Some(Arc::new(Held { bytes, trace, held: &self.held }))
        };
        waiting.extend(self.pack.forest().children(at).map(|child| (child, held.clone())));
        Ok(())
    }

    /// Waits while another thread is at a large object, if this is one.
    fn turn(&self, size: usize) -> Option<MutexGuard<'_, ()>> {
        (size > LARGE).then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn id(&self, at: u32) -> ObjectId {
        self.pack.index.name(self.pack.forest().name(at) as usize)
    }

    /// The inflated entry: content, or a delta.
    fn inflated(&self, at: u32, zlib: &mut Decompress) -> Result<Vec<u8>, PackError> {
        let header = header(&self.pack.data, self.pack.forest().offset(at))?;
        if header.size > self.limit {
            return Err(PackError::TooLarge { size: header.size, limit: self.limit });
        }
        let stream = self.pack.data.get(header.data..).unwrap_or_default();
        inflate(zlib, stream, header.size)
    }

    fn apply(&self, at: u32, base: &[u8], zlib: &mut Decompress) -> Result<(Vec<u8>, Changes), PackError> {
        delta::apply(base, &self.inflated(at, zlib)?, self.limit)
    }

    /// An object whose base is not held: everything from the family's root down to it.
    fn remake(&self, at: u32, zlib: &mut Decompress) -> Result<Vec<u8>, PackError> {
        let (forest, mut chain) = (self.pack.forest(), vec![at]);
        loop {
            let at = chain[chain.len() - 1];
            let form = header(&self.pack.data, forest.offset(at))?.form;
            match forest.base(&self.pack.index, at, form) {
                Base::None => break,
                Base::Entry(base) => chain.push(base),
                Base::Missing => return Err(UNREADABLE_BASE),
            }
        }
        let mut bytes = Vec::new();
        for (depth, at) in chain.into_iter().rev().enumerate() {
            bytes = match depth {
                0 => self.inflated(at, zlib)?,
                _ => self.apply(at, &bytes, zlib)?.0,
            };
        }
        Ok(bytes)
    }

    fn lose_below(&self, at: u32, unread: &mut Vec<Unread>) {
        let below = self.pack.forest().below(at);
        unread.extend(below.into_iter().map(|at| Unread { id: Some(self.id(at)), error: UNREADABLE_BASE }));
    }
}
