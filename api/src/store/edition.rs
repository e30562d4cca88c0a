//! Editions: numbers that move when what they stand for is written, so that what was read in one edition holds as long as it stands.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::keys::{self, Guarded};
use super::rows::{SLOTS, Scope};

/// The edition of one scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition {
    everything: u64,
    own: u64,
}

/// The editions of all scopes. Scopes that share a slot move together.
#[derive(Debug)]
pub struct Editions {
    everything: Moves,
    repositories: Moves,
    slots: Vec<Moves>,
}

/// Writes that have begun, and those whose rows stand.
#[derive(Debug, Default)]
struct Moves {
    begun: AtomicU64,
    written: AtomicU64,
}

impl Moves {
    fn begun(&self) -> u64 {
        self.begun.load(Ordering::SeqCst)
    }

    fn is_settled(&self) -> bool {
        self.written.load(Ordering::SeqCst) == self.begun()
    }
}

/// What a group of decisions moves.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Rows that somebody remembers were changed without their scope being locked.
    everything: bool,
    /// Rows of some repository were changed.
    repositories: bool,
    slots: BTreeSet<usize>,
}

impl Touched {
    /// Adds a decision: the rows it changed, the scopes it had locked.
    pub fn add<'k>(&mut self, changed: impl IntoIterator<Item = &'k Vec<u8>>, locked: &[Locked]) {
        let holds = |guarded| locked.iter().any(|lock| lock.guards == guarded);
        for key in changed {
            let guarded = keys::guarded(key);
            self.repositories |= guarded == Guarded::ByRepository;
            self.everything |= guarded != Guarded::Not && !holds(guarded);
        }
        self.slots.extend(locked.iter().filter(|lock| lock.guards != Guarded::Not).map(|lock| lock.slot));
    }
}

/// A scope that a decision has locked.
#[derive(Debug, Clone, Copy)]
pub struct Locked {
    slot: usize,
    guards: Guarded,
}

impl From<Scope<'_>> for Locked {
    fn from(scope: Scope<'_>) -> Self {
        let guards = match scope {
            Scope::Repository(..) => Guarded::ByRepository,
            Scope::Tokens => Guarded::ByTokens,
            Scope::Queue | Scope::Messages | Scope::Values | Scope::Request(..) => Guarded::Not,
        };
        Self { slot: scope.slot(), guards }
    }
}

impl Default for Editions {
    fn default() -> Self {
        Self {
            everything: Moves::default(),
            repositories: Moves::default(),
            slots: (0..SLOTS).map(|_| Moves::default()).collect(),
        }
    }
}

impl Editions {
    /// The edition of a scope. It moves before a write of its rows begins, and therefore before the write is acknowledged. `None` while such
    /// a write is under way: then a row may be the old one or the new one.
    pub fn of(&self, scope: Scope<'_>) -> Option<Edition> {
        self.settled(&self.slots[scope.slot()])
    }

    /// The edition of all repositories together.
    pub fn of_repositories(&self) -> Option<Edition> {
        self.settled(&self.repositories)
    }

    fn settled(&self, own: &Moves) -> Option<Edition> {
        let edition = || Edition { everything: self.everything.begun(), own: own.begun() };
        let before = edition();
        (self.everything.is_settled() && own.is_settled() && edition() == before).then_some(before)
    }

    /// A write begins.
    pub fn begin(&self, touched: &Touched) {
        self.each(touched, |moves| &moves.begun);
    }

    /// Its rows stand, whether they are on the disk yet or not.
    pub fn written(&self, touched: &Touched) {
        self.each(touched, |moves| &moves.written);
    }

    fn each(&self, touched: &Touched, count: impl Fn(&Moves) -> &AtomicU64) {
        let wide = [(touched.everything, &self.everything), (touched.repositories, &self.repositories)];
        let wide = wide.into_iter().filter_map(|(touched, moves)| touched.then_some(moves));
        for moves in wide.chain(touched.slots.iter().map(|slot| &self.slots[*slot])) {
            count(moves).fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::{RepositoryId, Tenant};

    #[test]
    fn a_write_moves_the_scopes_it_has_locked_and_no_other() {
        let tenant = Tenant::default();
        let [one, other] = ["one", "other"].map(RepositoryId::from_text);
        let [mine, theirs] = [&one, &other].map(|id| Scope::Repository(&tenant, id));
        assert_ne!(mine.slot(), theirs.slot(), "names that share no slot");
        let [finding, token, job, unknown] =
            [b"F".to_vec(), b"T".to_vec(), b"J".to_vec(), b"?".to_vec()].map(|key| vec![key]);
        /// changed, locked → moves: mine, theirs, the tokens, all repositories
        type Case<'c> = (&'c [Vec<u8>], &'c [Scope<'c>], [bool; 4]);
        let cases: &[Case<'_>] = &[
            (&finding, &[mine], [true, false, false, true]),
            (&finding, &[mine, theirs, Scope::Queue], [true, true, false, true]),
            (&token, &[Scope::Tokens], [false, false, true, false]),
            (&job, &[Scope::Queue], [false, false, false, false]),
            // what nobody has locked may be anything
            (&finding, &[], [true, true, true, true]),
            (&finding, &[Scope::Queue], [true, true, true, true]),
            (&token, &[mine], [true, true, true, true]),
            (&unknown, &[Scope::Values], [true, true, true, true]),
        ];
        for (number, (changed, locked, expected)) in cases.iter().enumerate() {
            let editions = Editions::default();
            let mut touched = Touched::default();
            touched.add(*changed, &locked.iter().map(|scope| Locked::from(*scope)).collect::<Vec<_>>());
            let scopes = [mine, theirs, Scope::Tokens];
            let look = || {
                let own = scopes.map(|scope| editions.of(scope));
                [own[0], own[1], own[2], editions.of_repositories()]
            };
            let before = look();
            editions.begin(&touched);
            let under_way = look().map(|edition| edition.is_none());
            editions.written(&touched);
            let after = look();
            let moved: Vec<bool> =
                before.iter().zip(after).map(|(before, after)| after.is_some() && after != *before).collect();
            assert_eq!((moved.as_slice(), under_way.as_slice()), (&expected[..], &expected[..]), "case {number}");
        }
    }
}
