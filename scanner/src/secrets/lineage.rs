//! Who brought which of many blobs, for a whole history at once.
//!
//! Asking for each commit's trees one after the other, as `attribution` does, inflates the same trees again and again: over a whole history that
//! costs more than reading all its files. Here the trees are read once, in the order of the pack. Of each are kept the entries that are
//! wanted blobs, and which trees it holds; from the wanted blobs upwards it is then known which trees matter, and with which entries. Comparing
//! each commit with its parents needs no tree any more.
//!
//! It serves where all trees are read anyhow. What a push brings is a few commits on trees that were read long ago, and there
//! `attribution` is the right way; so both exist, and a test holds them to the same answer.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use git2::{Oid, Repository};

use crate::Stop;
use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::pack::{Changes, Object, ObjectId, ObjectKind, ObjectStore, Visitor};
use crate::secrets::attribution::{Attribution, DEEPEST, Introduction, facts};
use crate::secrets::sieve::LARGEST_BLOB;
use crate::secrets::tree_entry::TreeEntry;
use crate::secrets::tree_graph::{Kept, Number, TreeGraph};

/// A commit, as far as it is compared.
struct Commit {
    tree: Option<Number>,
    /// `None`: not there.
    parents: Vec<Option<Number>>,
    /// Seconds.
    committed: i64,
}

/// Collects commits and trees as they are read.
pub(super) struct Lineage<'s> {
    store: &'s ObjectStore,
    commits: Mutex<HashMap<Number, Commit>>,
    trees: Mutex<TreeGraph>,
    /// The blobs that are wanted, and for each two bytes whether the name of any begins with them.
    wanted: HashSet<ObjectId>,
    beginnings: Vec<bool>,
    /// Entries that are wanted by what they are called, whatever they are.
    names: HashSet<Vec<u8>>,
}

/// Reads the trees alone.
struct TreesAgain<'l, 's> {
    lineage: &'l Lineage<'s>,
    stop: Stop<'l>,
}

impl Visitor for TreesAgain<'_, '_> {
    type Trace = Subtrees;

    fn wants(&self, kind: ObjectKind) -> bool {
        kind == ObjectKind::Tree
    }

    fn stops(&self) -> bool {
        self.stop.is_asked()
    }

    fn visit(&self, object: Object<'_>, made: Option<(&Subtrees, &Changes)>) -> Subtrees {
        if object.again { Subtrees::default() } else { self.lineage.take_tree(object, made) }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<'s> Lineage<'s> {
    pub(super) fn new(store: &'s ObjectStore) -> Self {
        let (commits, trees) = (Mutex::default(), Mutex::new(TreeGraph::new(store.count())));
        let (wanted, names) = (HashSet::new(), HashSet::new());
        Self { store, commits, trees, wanted, beginnings: vec![false; 1 << 16], names }
    }

    /// What is wanted; to be said before trees are read.
    pub(super) fn want(&mut self, wanted: impl IntoIterator<Item = ObjectId>) {
        for id in wanted {
            self.beginnings[beginning(&id)] = true;
            self.wanted.insert(id);
        }
    }

    /// The same, with entries of these names wanted, too. Which names hold a secret is known when all trees were read, so they are read once
    /// more; that is rare.
    pub(super) fn with_names(mut self, names: &HashSet<Vec<u8>>, stop: Stop<'_>) -> Self {
        if names.is_empty() {
            return self;
        }
        self.names.clone_from(names);
        self.trees = Mutex::new(TreeGraph::new(self.store.count()));
        // what cannot be read was said at the first time
        self.store.walk(LARGEST_BLOB, &TreesAgain { lineage: &self, stop });
        self
    }

    /// Takes a commit.
    pub(super) fn take_commit(&self, object: Object<'_>) {
        let Some(number) = self.store.number(object.id) else { return };
        let commit = self.commit(object.bytes);
        lock(&self.commits).insert(number, commit);
    }

    fn commit(&self, bytes: &[u8]) -> Commit {
        let mut commit = Commit { tree: None, parents: Vec::new(), committed: 0 };
        for line in bytes.split(|byte| *byte == b'\n') {
            let number = |hex: &[u8]| {
                let mut id = [0; 20];
                hex::decode_to_slice(hex, &mut id).ok().and_then(|()| self.store.number(&id))
            };
            match (line.strip_prefix(b"tree "), line.strip_prefix(b"parent ")) {
                (Some(hex), _) => commit.tree = number(hex),
                (_, Some(hex)) => commit.parents.push(number(hex)),
                _ if line.starts_with(b"committer ") => {
                    // "committer name <address> seconds zone"
                    let seconds = line.rsplit(|byte| *byte == b' ').nth(1).map(String::from_utf8_lossy);
                    commit.committed = seconds.and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
                    break;
                }
                _ if line.is_empty() => break,
                _ => {}
            }
        }
        commit
    }

    /// Takes a tree, and returns the trees in it for those made from it. `made` are those in the one that it was made from, and how.
    pub(super) fn take_tree(&self, object: Object<'_>, made: Option<(&Subtrees, &Changes)>) -> Subtrees {
        let Some(number) = self.store.number(object.id) else { return Subtrees::default() };
        let mut copied = made.map(|(base, changes)| base.copied(changes)).unwrap_or_default().into_iter().peekable();
        let (mut subtrees, mut held, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for entry in TreeEntry::all(object.bytes) {
            let is_named = !self.names.is_empty() && self.names.contains(entry.name);
            if entry.is_tree() {
                let place = entry.place;
                while copied.next_if(|copied| copied.start < place.start).is_some() {}
                let same = copied.next_if(|copied| copied.start == place.start && place.end <= copied.end);
                let number = same.map(|same| same.number).or_else(|| self.store.number(&entry.id));
                if let Some(number) = number {
                    subtrees.push((place.start, number));
                }
                match (number, is_named) {
                    (Some(number), false) => held.push((entry.name, number)),
                    (None, false) => {}
                    (number, true) => wanted.push((entry.name, number, true)),
                }
            } else if is_named || self.is_wanted(&entry.id) {
                wanted.push((entry.name, self.store.number(&entry.id), false));
            }
        }
        let mut trees = lock(&self.trees);
        for (name, object, is_tree) in wanted {
            match object {
                Some(object) => trees.holds_wanted(number, name, object, is_tree),
                // a name that holds a secret, on what is not there: a submodule, or an object of a partial clone
                None if self.names.contains(name) => trees.give_up(),
                None => {}
            }
        }
        trees.holds(number, held.into_iter());
        Subtrees(subtrees)
    }

    fn is_wanted(&self, blob: &ObjectId) -> bool {
        self.beginnings[beginning(blob)] && self.wanted.contains(blob)
    }

    /// Compares all commits that the tips reach with their parents. `texts` are commits about which facts are wanted, if they are among
    /// them. `None` when the history is too large for this way.
    pub(super) fn attribute(
        self,
        repository: &Repository,
        tips: &[Oid],
        texts: impl IntoIterator<Item = Oid>,
        unread: impl IntoIterator<Item = ObjectId>,
        stop: Stop<'_>,
    ) -> Option<Attribution> {
        let mut trees = self.trees.into_inner().unwrap_or_else(PoisonError::into_inner);
        if trees.is_too_large() {
            return None;
        }
        // where a tree could not be read, that is said of the directories it stands for
        let lost: HashSet<Number> = unread.into_iter().filter_map(|id| self.store.number(&id)).collect();
        for tree in &lost {
            trees.is_lost(*tree);
        }
        if !trees.mark() {
            return None;
        }
        let commits = self.commits.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut walk = Walk {
            store: self.store,
            repository,
            wanted: &self.wanted,
            names: &self.names,
            trees: &trees,
            lost,
            orders: HashMap::new(),
            attribution: Attribution::default(),
        };
        let reached = walk.reached(&commits, tips);
        walk.orders = orders(&commits, &reached);
        for number in reached.iter().take_while(|_| !stop.is_asked()) {
            let Some(commit) = commits.get(number) else { continue };
            walk.commit(*number, commit, &commits);
        }
        for id in texts {
            let known = walk.store.number(&object_id(id)).is_some_and(|number| walk.orders.contains_key(&number));
            if known && walk.attribution.commits.iter().all(|facts| facts.id != id) {
                walk.facts(id);
            }
        }
        for tip in tips {
            let order = self.store.number(&object_id(*tip)).and_then(|number| walk.orders.get(&number));
            walk.attribution.orders.extend(order.map(|order| (*tip, *order)));
        }
        walk.sort();
        Some(walk.attribution)
    }
}

fn beginning(id: &ObjectId) -> usize {
    usize::from(id[0]) << 8 | usize::from(id[1])
}

fn object_id(id: Oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(id.as_bytes());
    bytes
}

/// The trees in a tree: where the entry of each begins, and its number.
#[derive(Debug, Default)]
pub(super) struct Subtrees(Vec<(usize, Number)>);

/// An entry that begins in what was copied.
struct CopiedEntry {
    start: usize,
    /// Where the copy ends.
    end: usize,
    number: Number,
}

impl Subtrees {
    /// Those of which the begin was copied, in the order of where they stand then. To look up a number costs more than all of this.
    fn copied(&self, changes: &Changes) -> Vec<CopiedEntry> {
        let mut copied = Vec::with_capacity(self.0.len());
        for (to, from) in changes.copied() {
            let first = self.0.partition_point(|(place, _)| place < from);
            let there = self.0[first..].iter().take_while(|(place, _)| *place < from + to.len());
            let moved = |(place, number): &(usize, Number)| CopiedEntry {
                start: place - from + to.start,
                end: to.end,
                number: *number,
            };
            copied.extend(there.map(moved));
        }
        copied
    }
}

/// The order of each commit: when it was committed, and later than its parents.
fn orders(commits: &HashMap<Number, Commit>, reached: &[Number]) -> HashMap<Number, i64> {
    let mut orders: HashMap<Number, i64> = HashMap::with_capacity(reached.len());
    let mut waiting = Vec::new();
    for start in reached {
        waiting.push(*start);
        while let Some(number) = waiting.last().copied() {
            let Some(commit) = commits.get(&number).filter(|_| !orders.contains_key(&number)) else {
                waiting.pop();
                continue;
            };
            let parents = commit.parents.iter().flatten().filter(|parent| commits.contains_key(parent));
            let unknown: Vec<Number> = parents.clone().filter(|parent| !orders.contains_key(parent)).copied().collect();
            if unknown.is_empty() {
                let after = parents.filter_map(|parent| orders.get(parent)).max();
                orders.insert(number, commit.committed.max(after.map_or(i64::MIN, |after| after.saturating_add(1))));
                waiting.pop();
            } else {
                waiting.extend(unknown);
            }
        }
    }
    orders
}

struct Walk<'a> {
    store: &'a ObjectStore,
    repository: &'a Repository,
    wanted: &'a HashSet<ObjectId>,
    names: &'a HashSet<Vec<u8>>,
    trees: &'a TreeGraph,
    lost: HashSet<Number>,
    orders: HashMap<Number, i64>,
    attribution: Attribution,
}

impl Walk<'_> {
    /// Every commit that the tips reach, in no order.
    fn reached(&mut self, commits: &HashMap<Number, Commit>, tips: &[Oid]) -> Vec<Number> {
        let is_shallow = self.repository.is_shallow();
        let mut waiting: Vec<Option<Number>> = tips.iter().map(|tip| self.store.number(&object_id(*tip))).collect();
        let mut reached = HashSet::new();
        while let Some(number) = waiting.pop() {
            match number.map(|number| (number, commits.get(&number))) {
                Some((number, Some(commit))) => {
                    if reached.insert(number) {
                        waiting.extend(commit.parents.iter().copied());
                    }
                }
                Some((number, None)) => {
                    let id = self.store.id(number).map(hex::encode).unwrap_or_default();
                    self.gap(format!("a commit cannot be read: {id}"));
                }
                None if is_shallow => {}
                None => self.gap("a commit cannot be read: a parent is not there".to_owned()),
            }
        }
        let mut reached: Vec<Number> = reached.into_iter().collect();
        reached.sort_unstable();
        reached
    }

    fn commit(&mut self, number: Number, commit: &Commit, commits: &HashMap<Number, Commit>) {
        let tree_of = |number: &Option<Number>| commits.get(&(*number)?)?.tree;
        let parents: Vec<Number> = commit.parents.iter().filter_map(tree_of).collect();
        let Some(tree) = commit.tree else {
            return self.gap("the tree of a commit is not there".to_owned());
        };
        if parents.contains(&tree) {
            return;
        }
        let mut found = Vec::new();
        self.compare(String::new(), tree, &parents, 0, &mut found);
        if found.is_empty() {
            return;
        }
        let Some(id) = self.store.id(number).and_then(|id| Oid::from_bytes(&id).ok()) else { return };
        let Some(commit) = self.facts(id) else { return };
        let introduced = found.into_iter().map(|(blob, path)| Introduction { blob, path, commit });
        self.attribution.introductions.extend(introduced);
    }

    /// Oldest first, whatever the numbers of the commits.
    fn sort(&mut self) {
        let Attribution { commits, introductions, .. } = &mut self.attribution;
        let age = |new: &Introduction| (commits[new.commit].order, commits[new.commit].id);
        introductions.sort_by(|one, other| age(one).cmp(&age(other)).then_with(|| one.path.cmp(&other.path)));
    }

    /// Facts about a commit, and where they stand.
    fn facts(&mut self, id: Oid) -> Option<usize> {
        match self.repository.find_commit(id) {
            Ok(commit) => {
                let order = self.store.number(&object_id(id)).and_then(|number| self.orders.get(&number));
                self.attribution.commits.push(facts(&commit, order.copied().unwrap_or(0)));
                Some(self.attribution.commits.len() - 1)
            }
            Err(error) => {
                self.gap(format!("a commit cannot be read: {}", error.message()));
                None
            }
        }
    }

    /// Wanted entries of a tree that no parent has at the same place.
    fn compare(
        &mut self,
        folder: String,
        tree: Number,
        parents: &[Number],
        depth: usize,
        found: &mut Vec<(Oid, String)>,
    ) {
        if depth > DEEPEST {
            return self.gap(format!("the directory `{folder}` nests too deep"));
        }
        if self.lost.contains(&tree) || parents.iter().any(|parent| self.lost.contains(parent)) {
            return self.gap(format!("the directory `{folder}` cannot be compared: it could not be read"));
        }
        let trees = self.trees;
        let parents: Vec<Vec<Kept>> = parents.iter().map(|parent| trees.entries(*parent)).collect();
        for entry in trees.entries(tree) {
            let before: Vec<&Kept> =
                parents.iter().filter_map(|parent| parent.iter().find(|other| other.name == entry.name)).collect();
            if before.iter().any(|before| before.object == entry.object) {
                continue;
            }
            let name = trees.name(entry.name);
            let path = match (String::from_utf8_lossy(name), &*folder) {
                (name, "") => name.into_owned(),
                (name, folder) => format!("{folder}/{name}"),
            };
            // a name is new where no parent has it; one that is wanted was kept of all of them
            let is_named = before.is_empty() && self.names.contains(name);
            if let Some(id) = self.store.id(entry.object)
                && (is_named || !entry.is_tree && self.wanted.contains(&id))
            {
                found.extend(Oid::from_bytes(&id).ok().map(|id| (id, path.clone())));
            }
            if entry.is_tree {
                let below: Vec<Number> =
                    before.iter().filter(|before| before.is_tree).map(|before| before.object).collect();
                self.compare(path, entry.object, &below, depth + 1, found);
            }
        }
    }

    fn gap(&mut self, reason: String) {
        let gap = Diagnostic::gap(Stage::Secrets, None, reason);
        if !self.attribution.diagnostics.contains(&gap) {
            self.attribution.diagnostics.push(gap);
        }
    }
}
