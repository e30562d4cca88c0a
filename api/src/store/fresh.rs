//! Answers that hold for as long as nothing is written to the store.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// Remembers answers of one edition of the store; the first question after a write forgets them all.
#[derive(Debug)]
pub struct Fresh<K, V> {
    most: usize,
    held: Mutex<Held<K, V>>,
}

#[derive(Debug)]
struct Held<K, V> {
    edition: u64,
    answers: HashMap<K, V>,
}

impl<K: Hash + Eq, V: Clone> Fresh<K, V> {
    /// Remembers at most so many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, held: Mutex::new(Held { edition: 0, answers: HashMap::new() }) }
    }

    /// The answer, if it was given in this edition. Where the store has none that this process knows of, nothing is remembered.
    pub fn get(&self, edition: Option<u64>, key: &K) -> Option<V> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        (Some(held.edition) == edition).then(|| held.answers.get(key).cloned()).flatten()
    }

    /// Remembers an answer that was found out after `edition` was asked for.
    pub fn put(&self, edition: Option<u64>, key: K, answer: V) {
        let Some(edition) = edition else { return };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.edition > edition {
            return;
        }
        if held.edition < edition || held.answers.len() >= self.most {
            held.answers.clear();
            held.edition = edition;
        }
        held.answers.insert(key, answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_edition() {
        let fresh = Fresh::new(2);
        fresh.put(Some(1), "a", 1);
        assert_eq!(fresh.get(Some(1), &"a"), Some(1));
        assert_eq!(fresh.get(Some(2), &"a"), None);
        fresh.put(Some(2), "b", 2);
        assert_eq!((fresh.get(Some(2), &"a"), fresh.get(Some(2), &"b")), (None, Some(2)));
        // what was found out before a write does not outlive it
        fresh.put(Some(1), "a", 1);
        assert_eq!((fresh.get(Some(1), &"a"), fresh.get(Some(2), &"a")), (None, None));
        fresh.put(None, "c", 3);
        assert_eq!(fresh.get(None, &"c"), None);
        fresh.put(Some(2), "d", 4);
        fresh.put(Some(2), "e", 5);
        assert_eq!((fresh.get(Some(2), &"b"), fresh.get(Some(2), &"e")), (None, Some(5)), "memory is bounded");
    }
}
