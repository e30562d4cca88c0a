//! Verdicts that are remembered while nothing is written about their repository and the same is in force.

use std::sync::Arc;

use jiff::Timestamp;

use super::Known;
use crate::jobs::Digests;
use crate::store::fresh::Fresh;
use crate::store::record::{RepositoryId, Tenant};
use crate::store::rows::Scope;
use crate::store::{Edition, Store};

/// Bytes of all verdicts that are remembered, and of a usual one.
const MOST: usize = 64 << 20;
const USUAL: usize = 4 << 10;

/// What a verdict is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// Whose repository.
    pub tenant: Tenant,
    /// Which.
    pub repository: RepositoryId,
    /// The commit.
    pub commit: String,
    /// The threshold that was asked for, in words; empty for that of the policy.
    pub fail_on: String,
}

/// Remembered verdicts, each as `T`.
#[derive(Debug)]
pub struct Verdicts<T>(Fresh<Question, Arc<Held<T>>>);

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
    edition: Option<Edition>,
    in_force: Digests,
    question: Question,
}

impl<T: Clone> Default for Verdicts<T> {
    fn default() -> Self {
        Self(Fresh::new(USUAL, MOST))
    }
}

impl<T: Clone> Verdicts<T> {
    /// The verdict, where it is remembered and still holds.
    ///
    /// # Errors
    /// The open question, to be given back with its answer.
    pub fn of(&self, question: Question, store: &Store, in_force: Digests) -> Result<T, Box<Open>> {
        let edition = store.edition(Scope::Repository(&question.tenant, &question.repository));
        let holds =
            |held: &Arc<Held<T>>| held.in_force == in_force && held.until.is_none_or(|until| Timestamp::now() < until);
        match self.0.get(edition, &question).filter(holds) {
            Some(held) => Ok(held.verdict.clone()),
            None => Err(Box::new(Open { edition, in_force, question })),
        }
    }

    /// Remembers what was found out, which takes so many bytes. What was gathered for something else than was in force when it was asked,
    /// and what changes with the time, is found out again.
    pub fn keep(&self, open: Open, known: &Known, verdict: T, bytes: usize) {
        let Open { edition, in_force, question } = open;
        let current = known.scan.advisories_digest == in_force.advisories && known.scan.rules_digest == in_force.rules;
        if current && !known.ages {
            self.0.put(edition, question, Arc::new(Held { in_force, until: known.until, verdict }), bytes);
        }
    }
}
