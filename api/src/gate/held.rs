//! Verdicts that are remembered while nothing is written to the store and the same is in force.

use std::sync::Arc;

use jiff::Timestamp;

use super::Known;
use crate::jobs::Digests;
use crate::store::Store;
use crate::store::fresh::Fresh;

/// Verdicts that are remembered.
const MOST: usize = 4096;

/// Repository, commit and threshold of a verdict.
pub type Key = (String, String, String);

/// Remembered verdicts, each as `T`.
#[derive(Debug)]
pub struct Verdicts<T>(Fresh<Key, Arc<Held<T>>>);

#[derive(Debug)]
struct Held<T> {
    in_force: Digests,
    /// Somebody's decision ends then.
    until: Option<Timestamp>,
    verdict: T,
}

/// A question whose answer is to be found out: what stood before it was.
#[derive(Debug)]
pub struct Open {
    edition: Option<u64>,
    in_force: Digests,
    key: Key,
}

impl<T: Clone> Default for Verdicts<T> {
    fn default() -> Self {
        Self(Fresh::new(MOST))
    }
}

impl<T: Clone> Verdicts<T> {
    /// The verdict, where it is remembered and still holds.
    ///
    /// # Errors
    /// The open question, to be given back with its answer.
    pub fn of(&self, key: Key, store: &Store, in_force: Digests) -> Result<T, Box<Open>> {
        let edition = store.edition();
        let holds =
            |held: &Arc<Held<T>>| held.in_force == in_force && held.until.is_none_or(|until| Timestamp::now() < until);
        match self.0.get(edition, &key).filter(holds) {
            Some(held) => Ok(held.verdict.clone()),
            None => Err(Box::new(Open { edition, in_force, key })),
        }
    }

    /// Remembers what was found out. What was gathered for something else than was in force when it was asked, and what changes with the
    /// time, is found out again.
    pub fn keep(&self, open: Open, known: &Known, verdict: T) {
        let Open { edition, in_force, key } = open;
        let current = known.scan.advisories_digest == in_force.advisories && known.scan.rules_digest == in_force.rules;
        if current && !known.ages {
            self.0.put(edition, key, Arc::new(Held { in_force, until: known.until, verdict }));
        }
    }
}
