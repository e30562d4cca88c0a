//! Which trees of a history lead to something wanted, and with which entries.
//!
//! Histories have millions of trees with dozens of trees in each, most of them those of the version before. So of each are kept the numbers of
//! the trees in it, four bytes each, and the name of a tree once, for it nearly always has one. Which of them lead to something wanted is
//! asked of all of them again and again, until no more is found: directories do not nest deep, and that is cheaper than sorting them by
//! what they hold.

use std::collections::HashMap;

/// An object by its number in the store.
pub(super) type Number = u32;

/// Four bytes each: no more of them are kept.
const MOST_WORDS: usize = 48 << 20;
/// Room that is asked for at once, so that none is copied.
const CHUNK: usize = 1 << 20;
/// Each finds what nests one deeper, or more. Where directories of programs nest at all, they nest some twenty deep.
const MOST_ROUNDS: usize = 64;
/// Marks the number of a tree behind which another name than its usual one stands.
const OTHER_NAME: u32 = 1 << 31;
/// No name is known.
const NAMELESS: u32 = u32::MAX;
/// Of a tree that holds no trees, or leads to nothing.
const NOWHERE: (u32, u32) = (u32::MAX, u32::MAX);

/// An entry of a tree that leads to something wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Kept {
    /// See [`TreeGraph::name`].
    pub name: u32,
    pub object: Number,
    pub is_tree: bool,
}

pub(super) struct TreeGraph {
    /// Entries that are wanted themselves, each with its tree.
    wanted: Vec<(Number, Kept)>,
    /// Of each tree that holds some: its number, how many words follow, the numbers of those it holds, each with its name behind it where
    /// that is not the usual one.
    held: Vec<Vec<u32>>,
    words: usize,
    /// The name of each tree where it was met first, by its number.
    usual: Vec<u32>,
    /// Which trees lead to something wanted, by number.
    leads: Vec<bool>,
    /// Of each tree, which part of `held` tells what it holds, and where in it; known when it is known what leads where.
    places: Vec<(u32, u32)>,
    numbers: HashMap<Box<[u8]>, u32>,
    names: Vec<Box<[u8]>>,
}

impl TreeGraph {
    /// Of a store with so many objects.
    pub(super) fn new(objects: usize) -> Self {
        Self {
            wanted: Vec::new(),
            held: Vec::new(),
            words: 0,
            usual: vec![NAMELESS; objects],
            leads: vec![false; objects],
            places: Vec::new(),
            numbers: HashMap::new(),
            names: Vec::new(),
        }
    }

    /// A tree has an entry that is wanted, whatever it leads to.
    pub(super) fn holds_wanted(&mut self, tree: Number, name: &[u8], object: Number, is_tree: bool) {
        let name = self.number_of(name);
        self.wanted.push((tree, Kept { name, object, is_tree }));
        self.is_lost(tree);
    }

    /// There is what cannot be kept here: nothing may be asked.
    pub(super) fn give_up(&mut self) {
        self.words = MOST_WORDS + 1;
    }

    /// A tree could not be read: what leads to it is wanted.
    pub(super) fn is_lost(&mut self, tree: Number) {
        if let Some(leads) = self.leads.get_mut(tree as usize) {
            *leads = true;
        }
    }

    /// The trees in a tree.
    pub(super) fn holds<'t>(&mut self, tree: Number, held: impl ExactSizeIterator<Item = (&'t [u8], Number)>) {
        let most = 2 + 2 * held.len();
        if held.len() == 0 || self.is_too_large() {
            return;
        }
        if self.held.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < most) {
            self.held.push(Vec::with_capacity(CHUNK.max(most)));
        }
        let Some(mut chunk) = self.held.pop() else { return };
        let begin = chunk.len();
        chunk.extend([tree, 0]);
        for (name, number) in held {
            let usual = self.usual.get(number as usize).copied().unwrap_or(NAMELESS);
            if usual == NAMELESS {
                let name = self.number_of(name);
                if let Some(usual) = self.usual.get_mut(number as usize) {
                    *usual = name;
                }
                chunk.push(number);
            } else if *self.names[usual as usize] == *name {
                chunk.push(number);
            } else {
                let name = self.number_of(name);
                chunk.extend([number | OTHER_NAME, name]);
            }
        }
        self.words += chunk.len() - begin;
        chunk[begin + 1] = (chunk.len() - begin - 2) as u32;
        self.held.push(chunk);
    }

    /// There is more than may be kept: nothing may be asked.
    pub(super) fn is_too_large(&self) -> bool {
        self.words > MOST_WORDS || self.usual.len() >= OTHER_NAME as usize
    }

    /// Finds every tree that leads to something wanted, over whatever trees. To be said when all trees were read. False: they nest deeper than
    /// that is worth, and nothing may be asked; whoever nests trees a million deep does not make it hang.
    #[must_use]
    pub(super) fn mark(&mut self) -> bool {
        let leads = &mut self.leads;
        let mut rounds = 0;
        let mut more = true;
        while more {
            if rounds == MOST_ROUNDS {
                return false;
            }
            rounds += 1;
            more = false;
            for (_, tree, held) in self.held.iter().flat_map(|chunk| trees_of(chunk)) {
                if !leads[tree as usize] && held_of(held).any(|(number, _)| leads[number as usize]) {
                    leads[tree as usize] = true;
                    more = true;
                }
            }
        }
        self.places = vec![NOWHERE; leads.len()];
        for (nth, chunk) in (0..).zip(&self.held) {
            for (at, tree, _) in trees_of(chunk).filter(|(_, tree, _)| leads[*tree as usize]) {
                self.places[tree as usize] = (nth, at);
            }
        }
        self.wanted.sort_unstable();
        self.wanted.dedup();
        true
    }

    /// The entries of a tree that lead to something wanted.
    pub(super) fn entries(&self, tree: Number) -> Vec<Kept> {
        let first = self.wanted.partition_point(|(other, _)| *other < tree);
        let wanted = self.wanted[first..].iter().take_while(|(other, _)| *other == tree).map(|(_, kept)| *kept);
        let held = self.held(tree).filter(|(number, _)| self.leads[*number as usize]).map(|(object, name)| Kept {
            name: name.unwrap_or(self.usual[object as usize]),
            object,
            is_tree: true,
        });
        wanted.chain(held).collect()
    }

    /// The trees in a tree that leads to something wanted.
    fn held(&self, tree: Number) -> impl Iterator<Item = (Number, Option<u32>)> {
        let (nth, at) = self.places.get(tree as usize).copied().unwrap_or(NOWHERE);
        let record = self.held.get(nth as usize).and_then(|chunk| chunk.get(at as usize..));
        held_of(record.and_then(|record| trees_of(record).next()).map_or(&[], |(_, _, held)| held))
    }

    /// The name with this number.
    pub(super) fn name(&self, number: u32) -> &[u8] {
        self.names.get(number as usize).map_or(b"", |name| name)
    }

    fn number_of(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(name.into(), number);
        self.names.push(name.into());
        number
    }
}

/// The trees of a chunk: where each is told of, its number, and the words of those it holds.
fn trees_of(chunk: &[u32]) -> impl Iterator<Item = (u32, Number, &[u32])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let [tree, words, more @ ..] = chunk.get(at..)? else { return None };
        let begin = at as u32;
        at += 2 + *words as usize;
        Some((begin, *tree, more.get(..*words as usize)?))
    })
}

/// The trees of these words, each with its name where that is not the usual one.
fn held_of(words: &[u32]) -> impl Iterator<Item = (Number, Option<u32>)> {
    let mut words = words.iter();
    std::iter::from_fn(move || {
        let word = *words.next()?;
        match word & OTHER_NAME {
            0 => Some((word, None)),
            _ => Some((word ^ OTHER_NAME, words.next().copied())),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(graph: &TreeGraph, tree: Number) -> Vec<(String, Number, bool)> {
        let told =
            |kept: &Kept| (String::from_utf8_lossy(graph.name(kept.name)).into_owned(), kept.object, kept.is_tree);
        let mut told: Vec<_> = graph.entries(tree).iter().map(told).collect();
        told.sort();
        told
    }

    /// Trees are met in any order; one stands under several names, in several trees, and twice in one.
    #[test]
    fn what_leads_to_something_wanted() {
        let mut graph = TreeGraph::new(40);
        let mut holds = |tree, held: &[(&str, Number)]| {
            graph.holds(tree, held.iter().map(|(name, number)| (name.as_bytes(), *number)));
        };
        holds(1, &[("app", 2), ("docs", 3)]);
        holds(10, &[("app", 2), ("lib", 2), ("docs", 4)]);
        holds(2, &[("core", 5), ("web", 6)]);
        holds(11, &[("docs", 3)]);
        holds(12, &[("vendored", 1)]);
        holds(3, &[]);
        graph.holds_wanted(5, b"settings.py", 30, false);
        graph.is_lost(4);
        assert!(graph.mark());
        let tree = |name: &str, number| (name.to_owned(), number, true);
        assert_eq!(told(&graph, 5), [("settings.py".to_owned(), 30, false)]);
        assert_eq!(told(&graph, 2), [tree("core", 5)]);
        assert_eq!(told(&graph, 1), [tree("app", 2)]);
        assert_eq!(told(&graph, 10), [tree("app", 2), tree("docs", 4), tree("lib", 2)]);
        assert_eq!(told(&graph, 12), [tree("vendored", 1)]);
        assert_eq!((told(&graph, 11), told(&graph, 3), told(&graph, 6)), (vec![], vec![], vec![]));
    }

    #[test]
    fn more_than_one_chunk() {
        let mut graph = TreeGraph::new(4000);
        let many: Vec<(String, Number)> = (1000..4000).map(|number| (format!("d{number}"), number)).collect();
        for tree in 0..1000 {
            graph.holds(tree, many.iter().map(|(name, number)| (name.as_bytes(), *number)));
        }
        graph.holds_wanted(3999, b"key", 1, false);
        assert!(graph.mark());
        assert!((0..1000).all(|tree| told(&graph, tree) == [("d3999".to_owned(), 3999, true)]));
        assert_eq!(told(&graph, 1000), []);
    }

    /// Each tree holds the next, and they are met from the outermost: the worst order.
    #[test]
    fn trees_that_nest_without_an_end() {
        for (depth, expected) in [(50, true), (MOST_ROUNDS as u32 + 50, false)] {
            let mut graph = TreeGraph::new(1000);
            for tree in 0..depth {
                graph.holds(tree, [(&b"d"[..], tree + 1)].into_iter());
            }
            graph.holds_wanted(depth, b"key", 999, false);
            assert_eq!(graph.mark(), expected, "{depth}");
        }
    }
}
