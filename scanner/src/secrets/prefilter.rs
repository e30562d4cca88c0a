//! Where it is worth looking: the anchors of all rules, found in one pass.
//!
//! Only every second position of the text is probed. So each needle is entered with two neighbouring groups of four bytes, of which one
//! stands at a probed position wherever the needle stands (the rarest two of the needle; where it is shorter than five bytes, the byte before
//! or behind it stands for any). A probe is one multiplication and one word of a table that fits the first-level cache, in which two bits
//! must be set (a Bloom filter). What passes is compared with the few needles that have that group.
//!
//! Why no automaton: one that knows all the needles reads a table far larger than that cache once per byte, each read waiting for the one
//! before; the probes here do not wait for one another. Why no packed search (Teddy): it holds some dozens of needles, and there are
//! hundreds, among them words that are in every file. How the three compare is printed by `tests/benchmarks/secret_engine`.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use crate::secrets::generic;
use crate::secrets::rule::{Form, RuleIndex, RuleSet};

/// What to do where an anchor was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// The literal of a rule's own form.
    Literal(RuleIndex),
    /// A word of a rule's context.
    Context(RuleIndex),
    /// A cue of the generic classifier.
    Cue,
}

/// A word that is looked for, and what to do where it stands.
pub(super) struct Needle {
    text: Box<[u8]>,
    exact: bool,
    pub(super) anchors: Vec<Anchor>,
}

impl Needle {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }
}

/// Number of a needle.
pub(super) type NeedleIndex = u32;

/// A group of a needle.
struct Entry {
    group: u32,
    needle: NeedleIndex,
    /// How far behind the needle's start it stands; -1 with the byte before.
    offset: i32,
}

/// Finds anchors.
pub struct Prefilter {
    bloom: Box<[u64; WORDS]>,
    /// Where the entries of each bucket begin; one more for the end of the last.
    first: Box<[u32; BUCKETS + 1]>,
    entries: Vec<Entry>,
    needles: Vec<Needle>,
    /// The furthest that a group stands behind its needle's start.
    furthest: usize,
    longest: usize,
}

const WORDS: usize = 1 << BITS;
const BITS: u32 = 12;
const BUCKETS: usize = WORDS;
/// Bytes of a group.
const GROUP: usize = 4;
/// Bytes read for the four probes of one step, and how far a step goes.
const READ: usize = 10;
const STEP: usize = 8;

/// Letters by how often they stand in source text, the commonest first; what is missing is rare.
const COMMON: &[u8] = b" etaoinsrlcdpumfh_gbyv.wk\"'(),-=:/x10";

impl Prefilter {
    /// Takes the anchors of a set, and the generic classifier's cues. A needle of less than three bytes is never found; rules
    /// have none.
    #[must_use]
    pub fn new(set: &RuleSet, cues: &[&str]) -> Self {
        let mut wanted: HashMap<(Vec<u8>, bool), Vec<Anchor>> = HashMap::new();
        for (position, rule) in set.rules().iter().enumerate() {
            let Ok(index) = u16::try_from(position).map(RuleIndex) else { break };
            match &rule.form {
                Form::Literal { literals, .. } => {
                    for literal in literals {
                        wanted.entry((literal.as_bytes().to_vec(), true)).or_default().push(Anchor::Literal(index));
                    }
                }
                Form::Context { keywords } => {
                    for word in keywords {
                        wanted.entry((word.as_bytes().to_vec(), false)).or_default().push(Anchor::Context(index));
                    }
                }
                Form::Generic => {}
            }
        }
        for cue in cues {
            wanted.entry((cue.as_bytes().to_vec(), false)).or_default().push(Anchor::Cue);
        }
        let mut wanted: Vec<_> = wanted.into_iter().filter(|((text, _), _)| text.len() >= 3).collect();
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        let needles: Vec<Needle> =
            wanted.into_iter().map(|((text, exact), anchors)| Needle { text: text.into(), exact, anchors }).collect();
        Self::of(needles)
    }

    fn of(needles: Vec<Needle>) -> Self {
        let mut bloom = Box::new([0; WORDS]);
        let mut placed: Vec<(usize, Entry)> = Vec::new();
        let mut furthest = 0;
        for (needle, text) in (0..).zip(needles.iter().map(|needle| &needle.text)) {
            for (offset, group) in groups(text) {
                let hash = hash(group);
                bloom[word(hash)] |= bits(hash);
                placed.push((word(hash), Entry { group, needle, offset }));
                furthest = furthest.max(usize::try_from(offset).unwrap_or(0));
            }
        }
        placed.sort_by_key(|(bucket, entry)| (*bucket, entry.group, entry.needle, entry.offset));
        let mut first = Box::new([0; BUCKETS + 1]);
        for (bucket, begin) in first.iter_mut().enumerate() {
            *begin = placed.partition_point(|(other, _)| *other < bucket) as u32;
        }
        let entries = placed.into_iter().map(|(_, entry)| entry).collect();
        let longest = needles.iter().map(Needle::len).max().unwrap_or(0);
        Self { bloom, first, entries, needles, furthest, longest }
    }

    /// The needle with this number.
    pub(super) fn needle(&self, number: NeedleIndex) -> &Needle {
        &self.needles[number as usize]
    }

    /// All needles, by their numbers.
    pub(super) fn needles(&self) -> &[Needle] {
        &self.needles
    }

    /// Bytes of the longest needle.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Calls `found` with each needle that begins in the range, and where. They come nearly, not strictly, in order.
    #[inline]
    pub(super) fn find(&self, bytes: &[u8], range: Range<usize>, mut found: impl FnMut(NeedleIndex, usize)) {
        // a needle at the range's first byte may have its group one byte before, one at its last byte far behind
        let mut at = range.start.saturating_sub(1);
        let stop = bytes.len().min(range.end + self.furthest + 1);
        while let Some(read) = bytes.get(at..at + READ)
            && at < stop
        {
            let word_at = |at: usize| u64::from_le_bytes(read[at..at + 8].try_into().unwrap_or_default());
            let (low, high) = (fold(word_at(0)), fold(word_at(2)));
            let probe = |group: u64| {
                let hash = hash(group as u32);
                let bits = bits(hash);
                self.bloom[word(hash)] & bits == bits
            };
            let passed = [probe(low), probe(low >> 16), probe(low >> 32), probe(high >> 32)];
            if passed[0] | passed[1] | passed[2] | passed[3] {
                for (nth, passed) in passed.into_iter().enumerate() {
                    if passed {
                        self.compare(bytes, &range, at + 2 * nth, &mut found);
                    }
                }
            }
            at += STEP;
        }
        // behind the last bytes of the text there are none to probe with
        while at < stop {
            self.compare(bytes, &range, at, &mut found);
            at += 2;
        }
    }

    #[inline(never)]
    fn compare(&self, bytes: &[u8], range: &Range<usize>, position: usize, found: &mut impl FnMut(NeedleIndex, usize)) {
        // what stands for any byte also stands for none
        let group = group(bytes.get(position..).unwrap_or_default());
        let bucket = word(hash(group));
        for entry in &self.entries[self.first[bucket] as usize..self.first[bucket + 1] as usize] {
            if entry.group != group {
                continue;
            }
            let Some(start) = position.checked_add_signed(-(entry.offset as isize)) else { continue };
            let needle = &self.needles[entry.needle as usize];
            let Some(place) = bytes.get(start..start + needle.text.len()) else { continue };
            let same = if needle.exact { *place == *needle.text } else { place.eq_ignore_ascii_case(&needle.text) };
            if same && range.contains(&start) {
                found(entry.needle, start);
            }
        }
    }
}

/// Each byte as six bits: the letter without its case, and whether it is a letter (or one of the few bytes beside them). Other bytes collide, and
/// the comparison tells them apart.
#[inline(always)]
fn fold(bytes: u64) -> u64 {
    bytes & 0x1f1f_1f1f_1f1f_1f1f | bytes >> 1 & 0x2020_2020_2020_2020
}

#[inline(always)]
fn hash(group: u32) -> u64 {
    u64::from(group).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The word of the filter, and the bucket of the entries.
#[inline(always)]
fn word(hash: u64) -> usize {
    (hash >> (64 - BITS)) as usize
}

#[inline(always)]
fn bits(hash: u64) -> u64 {
    1 << (hash >> 46 & 63) | 1 << (hash >> 40 & 63)
}

/// The group that the bytes begin with, as far as there are four.
fn group(bytes: &[u8]) -> u32 {
    let mut four = [0; GROUP];
    four.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    fold(u64::from(u32::from_le_bytes(four))) as u32
}

/// The groups that a needle is entered with, and how far behind its start each stands.
fn groups(text: &[u8]) -> Vec<(i32, u32)> {
    let any = |offset: i32, with: &dyn Fn(u8) -> [u8; GROUP]| -> Vec<(i32, u32)> {
        let all: BTreeSet<u32> = (0..=u8::MAX).map(|byte| group(&with(byte))).collect();
        all.into_iter().map(|group| (offset, group)).collect()
    };
    match *text {
        [a, b, c] => [any(-1, &|any| [any, a, b, c]), any(0, &|any| [a, b, c, any])].concat(),
        [a, b, c, d] => {
            let beside = match often(&[a, b, c]) < often(&[b, c, d]) {
                true => any(-1, &|any| [any, a, b, c]),
                false => any(1, &|any| [b, c, d, any]),
            };
            [beside, vec![(0, group(text))]].concat()
        }
        _ => {
            let score = |start: &usize| {
                [0, 1].map(|next| often(&text[start + next..start + next + GROUP])).into_iter().sum::<f64>()
            };
            let rarest = (0..text.len() - GROUP).min_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(0);
            [rarest, rarest + 1].map(|at| (at as i32, group(&text[at..]))).to_vec()
        }
    }
}

/// How often a group of letters may stand in source text: by the common words that hold it, and by its letters.
fn often(group: &[u8]) -> f64 {
    let share = |byte: &u8| {
        let rank = COMMON.iter().position(|common| *common == byte.to_ascii_lowercase()).unwrap_or(4 * COMMON.len());
        1.0 / (rank + 2) as f64
    };
    generic::common_words_with(group) as f64 + group.iter().map(share).product::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use aho_corasick::{AhoCorasick, MatchKind};
    use proptest::prelude::*;

    const CUES: &[&str] = &["password", "pass", "token", "://", "api_key", "key"];

    proptest! {
        /// The same places as an automaton finds, in the whole text and in any part of it.
        #[test]
        fn agrees_with_aho_corasick(
            text in "(pass|word|TOKEN|key|ke|api_|k|:|/|[a-z ]|[\\x00-\\xff]){0,40}",
            from in 0..200usize,
            length in 0..200usize,
        ) {
            let filter = Prefilter::new(&RuleSet::default(), CUES);
            let automaton =
                AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(CUES).unwrap();
            let all: Vec<_> = automaton.find_overlapping_iter(&text).map(|found| (found.start(), found.end())).collect();
            let from = from.min(text.len());
            for range in [0..text.len(), from..text.len().min(from + length)] {
                let mut mine = Vec::new();
                filter.find(text.as_bytes(), range.clone(), |needle, start| mine.push((start, start + filter.needle(needle).len())));
                let mut theirs: Vec<_> = all.iter().copied().filter(|(start, _)| range.contains(start)).collect();
                mine.sort_unstable();
                theirs.sort_unstable();
                prop_assert_eq!(mine, theirs);
            }
        }
    }

    /// Literals are told apart by case; every rule's own anchors are found where they stand, at either parity.
    #[test]
    fn every_anchor_of_the_rules() {
        let rules = RuleSet::builtin().unwrap();
        let filter = Prefilter::new(&rules, CUES);
        let count = |text: &str, wanted: Anchor| {
            let mut count = 0;
            filter.find(text.as_bytes(), 0..text.len(), |needle, _| {
                count += filter.needle(needle).anchors.iter().filter(|anchor| **anchor == wanted).count();
            });
            count
        };
        for (number, rule) in (0..).zip(rules.rules()) {
            let (words, anchor) = match &rule.form {
                Form::Literal { literals, .. } => (literals, Anchor::Literal(RuleIndex(number))),
                Form::Context { keywords } => (keywords, Anchor::Context(RuleIndex(number))),
                Form::Generic => continue,
            };
            for word in words {
                for before in ["", "#", "##", "a long beginning, ", "a long beginning: "] {
                    for after in ["", "#", "##", "########"] {
                        assert!(count(&format!("{before}{word}{after}"), anchor) > 0, "{before}{word}{after}");
                    }
                }
                let upper = word.to_ascii_uppercase();
                if matches!(anchor, Anchor::Context(_)) {
                    assert!(count(&upper, anchor) > 0, "{upper}");
                } else if !words.contains(&upper) && words.iter().all(|other| !upper.contains(other.as_str())) {
                    assert_eq!(count(&upper, anchor), 0, "{upper}");
                }
            }
        }
    }
}
