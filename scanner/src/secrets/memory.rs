//! What earlier scans of a repository saw, so that the next one looks only at what is new and still tells everything.
//!
//! A scan after a push reads the packs that the push brought, walks the commits that the refs reach now and did not reach then, and takes
//! everything else from here: which blobs hold something, what each of them shows under each path, who brought it. The report is
//! the one that a scan of everything would give (a test compares the two).
//!
//! It holds no plaintext: keyed fingerprints, redacted previews and places, as the report does. Where a path itself holds a secret, nothing
//! is remembered, for the path would have to be kept; such a repository is read in full each time. The same holds where something could not be
//! read: it may be readable the next time.
//!
//! It is good for one set of rules and one key alone; both stand in `basis`, and with another basis it counts for nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use git2::Oid;
use serde::{Deserialize, Serialize};

use crate::repository::pack::{ObjectId, ObjectStore};
use crate::secrets::Looking;
use crate::secrets::attribution::CommitFacts;
use crate::secrets::gather::{Secrets, Told};

/// Raised when the form of the record or the meaning of a field changes.
const FORM: u32 = 1;

/// A record of earlier scans. Serialise it to keep it; the empty one knows nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Form, rules and key.
    basis: String,
    /// Packs that were read from front to back, by name.
    pub(super) packs: BTreeSet<String>,
    /// Loose objects that were read.
    pub(super) loose: BTreeSet<String>,
    /// What the refs led to, with the orders of these commits as far as they are known: everything that they reach was walked.
    pub(super) tips: BTreeMap<String, Option<i64>>,
    /// Blobs looked at, and their bytes.
    pub(super) blobs: u64,
    pub(super) bytes: u64,
    /// Objects that trees name and that are not there: a partial clone.
    pub(super) missing: BTreeSet<String>,
    /// Blobs that hold something, whether or not a ref reaches them.
    pub(super) hits: BTreeSet<String>,
    /// The secrets that the looks tell of.
    pub(super) secrets: Secrets,
    /// What was seen: in one blob under one path, or in one text.
    pub(super) looks: Vec<Told>,
    pub(super) commits: Vec<CommitFacts>,
    pub(super) places: Vec<Remembered>,
    pub(super) texts: Vec<RememberedText>,
}

/// A blob that a commit brought to a path; `commit` and `look` are positions in the memory's lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remembered {
    pub blob: String,
    pub path: String,
    pub commit: usize,
    pub look: usize,
}

/// A text of a commit or tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RememberedText {
    pub id: String,
    pub what: String,
    /// `None`: no ref reached it, or it is a tag.
    pub commit: Option<usize>,
    pub look: usize,
}

impl Memory {
    /// What it is good for: these rules, and this key.
    pub(super) fn basis(looking: &Looking<'_>) -> String {
        let key = crate::secrets::Secret::new(b"the key of a memory").fingerprint(looking.key);
        format!("{FORM} {} {} {}", env!("CARGO_PKG_VERSION"), looking.engine.rules().digest(), &key[..32])
    }

    /// Itself, or an empty one when it was made on another basis, does not hold together, or tells of packs or loose objects that are gone:
    /// after a repack everything is read again.
    pub(super) fn on(self, basis: String, store: &ObjectStore) -> Self {
        let (looks, commits) = (self.looks.len(), self.commits.len());
        let holds = self.basis == basis
            && self.packs.is_subset(&store.packs())
            && self.loose.iter().all(|id| object_id(id).is_some_and(|id| store.holds(&id)))
            && self.places.iter().all(|place| place.look < looks && place.commit < commits)
            && self.texts.iter().all(|text| text.look < looks && text.commit.is_none_or(|commit| commit < commits))
            && self.looks.iter().all(|look| look.is_within(&self.secrets));
        if holds { self } else { Self { basis, ..Self::default() } }
    }

    /// Whether it tells of nothing that was read.
    pub(super) fn is_empty(&self) -> bool {
        self.packs.is_empty() && self.loose.is_empty()
    }

    /// The orders of commits, as far as it knows them.
    pub(super) fn orders(&self) -> HashMap<Oid, i64> {
        let tips = self.tips.iter().filter_map(|(id, order)| Some((Oid::from_str(id).ok()?, (*order)?)));
        tips.chain(self.commits.iter().map(|facts| (facts.id, facts.order))).collect()
    }

    /// Takes facts about a commit, each once.
    pub(super) fn commit(&mut self, known: &mut HashMap<Oid, usize>, facts: &CommitFacts) -> usize {
        *known.entry(facts.id).or_insert_with(|| {
            self.commits.push(facts.clone());
            self.commits.len() - 1
        })
    }
}

/// An object's name out of the record.
pub(super) fn object_id(name: &str) -> Option<ObjectId> {
    let mut id = [0; 20];
    hex::decode_to_slice(name, &mut id).ok().map(|()| id)
}
