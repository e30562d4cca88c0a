//! What was known of a history and what was found now, on the way to one answer.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use git2::{Oid, Repository};
use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, Stage};
use crate::repository::pack::ObjectStore;
use crate::secrets::attribution::{Introduction, Refs, by_id};
use crate::secrets::gather::{Gathering, Place, Told};
use crate::secrets::history::Reach;
use crate::secrets::memory::{Memory, Remembered, RememberedText, object_id};
use crate::secrets::second::{LEFT_BEHIND, Second};
use crate::secrets::sieve::{Candidates, Worth};
use crate::secrets::span::Span;

/// So many pairs of refs, one of before and one of now, are asked whether the one goes on from the other.
const MOST_REF_PAIRS: usize = 256;
/// So many blobs are looked at before what was seen of them is told: the plaintext of all of them is never held at once.
const AT_ONCE: usize = 4096;

/// The memory as it becomes the new one.
pub(super) struct Merging {
    pub(super) memory: Memory,
    /// What the refs led to when the memory was made.
    before: BTreeMap<String, Option<i64>>,
    /// The orders of commits that the memory knew then.
    pub(super) orders: HashMap<Oid, i64>,
    /// Where the memory has a commit.
    commits: HashMap<Oid, usize>,
    /// What blobs showed under paths, where it is not known any more who brought them there.
    shown: HashMap<(String, String), usize>,
    /// Everything was looked at and may be kept.
    complete: bool,
}

impl Merging {
    /// The memory of what was read: now, and before.
    pub(super) fn new(mut memory: Memory, store: &ObjectStore, refs: &Refs, found: &Candidates) -> Self {
        let orders = memory.orders();
        let tips = refs.tips().iter().map(|tip| (tip.to_string(), None)).collect();
        let before = std::mem::replace(&mut memory.tips, tips);
        memory.packs = store.packs();
        memory.loose = store.loose().iter().map(|(_, id)| hex::encode(id)).collect();
        memory.blobs += found.visited.objects;
        memory.bytes += found.visited.bytes;
        memory.hits.extend(found.blobs.keys().map(Oid::to_string));
        memory.missing.extend(found.missing.iter().map(hex::encode));
        memory.missing.retain(|id| object_id(id).is_some_and(|id| !store.holds(&id)));
        let commits = (0..).zip(&memory.commits).map(|(at, facts)| (facts.id, at)).collect();
        let complete = found.unread.is_empty() && found.names.is_empty() && refs.diagnostics.is_empty();
        Self { memory, before, orders, commits, shown: HashMap::new(), complete }
    }

    /// The commits that are walked. What was walked before is left out, but when some ref was taken away or set back: what the refs reached
    /// then may be out of their reach now, so that who brought what is found out anew.
    pub(super) fn span(&mut self, repository: &Repository) -> Span {
        let ids = |tips: &BTreeMap<String, Option<i64>>| -> Vec<Oid> {
            tips.keys().filter_map(|id| Oid::from_str(id).ok()).collect()
        };
        let (before, now) = (ids(&self.before), ids(&self.memory.tips));
        if !before.is_empty() && go_on(repository, &before, &now) {
            let order = |id: &Oid| self.before.get(&id.to_string()).copied().flatten();
            return Span::since(repository, now, before.iter().map(|id| (*id, order(id))).collect());
        }
        let places = std::mem::take(&mut self.memory.places);
        self.shown.extend(places.into_iter().map(|place| ((place.blob, place.path), place.look)));
        for text in &mut self.memory.texts {
            text.commit = None;
        }
        self.memory.commits.clear();
        self.commits.clear();
        Span { tips: now, hidden: Vec::new() }
    }

    /// Looks at what commits bring that were walked now. Returns the bytes that were read for it.
    pub(super) fn blobs(&mut self, second: &Second<'_>, found: &Candidates, gathering: &mut Gathering<'_>) -> u64 {
        let introductions = second.attribution.introductions.iter();
        let placed: Vec<&Introduction> =
            introductions.filter(|new| self.memory.hits.contains(&new.blob.to_string())).collect();
        let mut read = 0;
        for slice in placed.chunks(AT_ONCE) {
            // told to stop, the rest is left out: nothing of it is kept
            let looked: Vec<_> = slice
                .par_iter()
                .take_any_while(|_| !second.stop.is_asked())
                .map_init(
                    || second.mirror.repository(),
                    |repository, new| {
                        let known = self.shown.get(&(new.blob.to_string(), new.path.clone()));
                        match (found.blobs.get(&new.blob), known) {
                            (None, Some(look)) => Known::Before(*look),
                            (worth, _) => {
                                let worth = worth.unwrap_or(&Worth::Whole);
                                Known::Now(second.blob(repository, new.blob, worth, Some(&new.path)))
                            }
                        }
                    },
                )
                .collect();
            if second.stop.is_asked() {
                break;
            }
            for (new, outcome) in slice.iter().zip(looked) {
                let look = match outcome {
                    Known::Before(look) => look,
                    Known::Now(Ok((looked, size))) => {
                        read += size;
                        let told = gathering.tell(looked, &mut self.memory.secrets);
                        if told.is_empty() {
                            continue;
                        }
                        self.look(told)
                    }
                    Known::Now(Err(reason)) => {
                        self.complete = false;
                        gathering.say([Diagnostic::gap(Stage::Secrets, new.path.clone(), reason)]);
                        continue;
                    }
                };
                let Some(facts) = second.attribution.commits.get(new.commit) else { continue };
                let commit = self.memory.commit(&mut self.commits, facts);
                let (blob, path) = (new.blob.to_string(), new.path.clone());
                self.memory.places.push(Remembered { blob, path, commit, look });
            }
        }
        read
    }

    fn look(&mut self, told: Told) -> usize {
        self.memory.looks.push(told);
        self.memory.looks.len() - 1
    }

    /// Looks at the messages and names of commits and tags, and finds out who wrote those of before that no ref reached then.
    pub(super) fn texts(
        &mut self,
        second: &Second<'_>,
        odb: &git2::Odb<'_>,
        found: &Candidates,
        gathering: &mut Gathering<'_>,
    ) {
        for id in found.texts.iter().take_while(|_| !second.stop.is_asked()) {
            if self.memory.texts.iter().any(|text| text.id == id.to_string()) {
                continue;
            }
            match second.texts(odb, *id) {
                Ok(texts) => {
                    for (what, looked) in texts {
                        let told = gathering.tell(looked, &mut self.memory.secrets);
                        if !told.is_empty() {
                            let look = self.look(told);
                            let what = what.to_owned();
                            self.memory.texts.push(RememberedText { id: id.to_string(), what, commit: None, look });
                        }
                    }
                }
                Err(reason) => {
                    self.complete = false;
                    gathering.say([Diagnostic::gap(Stage::Secrets, None, reason)]);
                }
            }
        }
        let walked = by_id(&second.attribution.commits);
        for at in 0..self.memory.texts.len() {
            let text = &self.memory.texts[at];
            if text.commit.is_none()
                && let Some(walked) = Oid::from_str(&text.id).ok().and_then(|id| walked.get(&id))
            {
                let facts = &second.attribution.commits[*walked];
                self.memory.texts[at].commit = Some(self.memory.commit(&mut self.commits, facts));
            }
        }
    }

    /// Tells everything, the oldest first. Of texts that no commit of the walk holds, those of tags are told, and the rest where leftovers
    /// are asked for.
    pub(super) fn tell(
        &self,
        second: &Second<'_>,
        tags: &BTreeSet<String>,
        reach: Reach,
        gathering: &mut Gathering<'_>,
    ) {
        let memory = &self.memory;
        let age = |commit: usize| memory.commits.get(commit).map(|facts| (facts.order, facts.id));
        let mut places: Vec<&Remembered> = memory.places.iter().collect();
        // of one commit by path: the trees were read on all cores, in whatever order
        places.sort_by_key(|place| (age(place.commit), &place.path, &place.blob));
        for Remembered { blob, path, commit, look } in places {
            let in_head = second.head.get(path) == Some(blob);
            let commit = memory.commits.get(*commit);
            let left = commit.is_some_and(|commit| second.attribution.left.contains(&commit.id));
            let place = Place { commit, path: Some(path), in_head, what: left.then_some(LEFT_BEHIND) };
            gathering.add_told(&memory.looks[*look], &memory.secrets, &place);
        }
        let mut texts: Vec<&RememberedText> = memory.texts.iter().collect();
        texts.sort_by_key(|text| (text.commit.is_none(), text.commit.and_then(age), &text.id));
        for text in texts {
            if text.commit.is_none() && !tags.contains(&text.id) && reach == Reach::Refs {
                continue;
            }
            let commit = text.commit.and_then(|commit| memory.commits.get(commit));
            let place = Place { commit, what: Some(&text.what), ..Place::default() };
            gathering.add_told(&memory.looks[text.look], &memory.secrets, &place);
        }
    }

    /// The memory for the next scan; an empty one where something was not looked at, or may not be kept.
    pub(super) fn finish(self, second: &Second<'_>, gathering: &mut Gathering<'_>) -> Memory {
        let mut memory = self.memory;
        for (id, order) in &mut memory.tips {
            let walked = Oid::from_str(id).ok().and_then(|id| second.attribution.orders.get(&id)).copied();
            *order = walked.or_else(|| self.before.get(id).copied().flatten());
        }
        let may_be_kept = memory.places.iter().all(|place| gathering.may_be_kept(&place.path))
            && memory.commits.iter().all(|commit| gathering.may_be_kept(&commit.author));
        match self.complete && second.attribution.diagnostics.is_empty() && may_be_kept {
            true => memory,
            false => Memory::default(),
        }
    }
}

/// How one blob under one path is known.
enum Known {
    Before(usize),
    Now(Result<(crate::secrets::looked::Looked, u64), String>),
}

/// Whether everything that the tips of before reach is in reach of those of now.
fn go_on(repository: &Repository, before: &[Oid], now: &[Oid]) -> bool {
    let left: Vec<Oid> = before.iter().filter(|id| now.binary_search(id).is_err()).copied().collect();
    let new: Vec<Oid> = now.iter().filter(|id| before.binary_search(id).is_err()).copied().collect();
    if left.len() * new.len() > MOST_REF_PAIRS {
        return false;
    }
    let descends = |new: &Oid, old: Oid| repository.graph_descendant_of(*new, old).unwrap_or(false);
    left.into_iter().all(|old| new.iter().any(|new| descends(new, old)))
}
