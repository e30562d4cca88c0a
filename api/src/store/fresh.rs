//! Answers that hold for as long as nothing is written to what they were read from.

use std::hash::Hash;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Edition;

/// Bytes that an answer takes beside its own.
const BESIDE: usize = 200;

/// Remembers answers, each with the edition that it was read in, within so many bytes; what was asked for least makes way.
#[derive(Debug)]
pub struct Fresh<K, V>(Cache<K, Held<V>, Bytes>);

#[derive(Debug, Clone)]
struct Held<V> {
    edition: Edition,
    bytes: usize,
    answer: V,
}

#[derive(Debug, Clone)]
struct Bytes;

impl<K, V> Weighter<K, Held<V>> for Bytes {
    fn weight(&self, _: &K, held: &Held<V>) -> u64 {
        (held.bytes + BESIDE) as u64
    }
}

impl<K: Hash + Eq, V: Clone> Fresh<K, V> {
    /// Remembers answers of `usual` bytes each, of at most `most` bytes in all.
    #[must_use]
    pub fn new(usual: usize, most: usize) -> Self {
        Self(Cache::with_weighter(most / (usual + BESIDE), most as u64, Bytes))
    }

    /// The answer, if it was read in this edition. Where the store has none that this process knows of, nothing is remembered.
    pub fn get(&self, edition: Option<Edition>, key: &K) -> Option<V> {
        let held = self.0.get(key)?;
        (Some(held.edition) == edition).then_some(held.answer)
    }

    /// Remembers an answer of so many bytes that was read after `edition` was asked for.
    pub fn put(&self, edition: Option<Edition>, key: K, answer: V, bytes: usize) {
        if let Some(edition) = edition {
            self.0.insert(key, Held { edition, bytes, answer });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::edition::{Editions, Locked, Touched};
    use super::super::rows::Scope;
    use super::*;

    #[test]
    fn an_answer_ends_with_its_edition() {
        let editions = Editions::default();
        let now = || editions.of(Scope::Tokens);
        let write = || {
            let mut touched = Touched::default();
            touched.add([&b"T".to_vec()], &[Locked::from(Scope::Tokens)]);
            editions.begin(&touched);
            editions.written(&touched);
        };
        let fresh = Fresh::new(8, 1 << 16);
        let first = now();
        fresh.put(first, "a", 1, 8);
        assert_eq!(fresh.get(now(), &"a"), Some(1));
        write();
        assert_eq!(fresh.get(now(), &"a"), None);
        fresh.put(now(), "b", 2, 8);
        assert_eq!((fresh.get(now(), &"a"), fresh.get(now(), &"b")), (None, Some(2)));
        // what was read before a write does not outlive it
        fresh.put(first, "a", 1, 8);
        assert_eq!(fresh.get(now(), &"a"), None);
        fresh.put(None, "c", 3, 8);
        assert_eq!(fresh.get(None, &"c"), None);
    }

    #[test]
    fn memory_is_bounded() {
        let editions = Editions::default();
        let now = editions.of(Scope::Tokens);
        let fresh = Fresh::new(1 << 10, 1 << 16);
        for number in 0..10_000 {
            fresh.put(now, number, (), 1 << 10);
        }
        let held = (0..10_000).filter(|number| fresh.get(now, number).is_some()).count();
        assert!((1..=64).contains(&held), "{held}");
        fresh.put(now, 10_000, (), 1 << 20);
        assert_eq!(fresh.get(now, &10_000), None, "what is larger than all is not kept");
    }
}
