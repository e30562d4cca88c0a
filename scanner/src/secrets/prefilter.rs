//! Where it is worth looking: the anchors of all rules, found in one pass.
//!
//! Every needle is four bytes or longer, or three. Of four bytes, one of the two groups of three that begin at its first and second byte
//! stands at an even position of the text, wherever the needle stands. So only every second position is probed: a needle is entered
//! with two neighbouring groups (its rarest pair), and a needle of three bytes with its only group and with its last two bytes followed by
//! anything. A probe is one multiplication and one bit of a table that fits the first-level cache: two bytes choose the word, the third the
//! bit in it. What passes is compared with the few needles of that word.
//!
//! Why no automaton: one that knows all the needles reads a table far larger than that cache once per byte, each read waiting for the one
//! before; the probes here do not wait for one another. Why no packed search (Teddy): it holds some dozens of needles, and there are
//! hundreds, among them words that are in every file. How the three compare is printed by `tests/benchmarks/secret_engine`.

use std::collections::HashMap;
use std::ops::Range;

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

struct Needle {
    text: Box<[u8]>,
    exact: bool,
    anchors: Vec<Anchor>,
}

/// A needle, and how far behind its start one of its groups stands.
#[derive(Clone, Copy)]
struct Entry {
    needle: u32,
    offset: u32,
}

/// Finds anchors.
pub struct Prefilter {
    words: Box<[u64; WORDS]>,
    /// Where the entries of each word begin; one more for the end of the last.
    first: Box<[u32; WORDS + 1]>,
    entries: Vec<Entry>,
    needles: Vec<Needle>,
    /// The furthest that a group stands behind its needle's start.
    furthest: usize,
}

const WORDS: usize = 1 << BITS;
const BITS: u32 = 11;
/// Bytes read for the three probes of one step, and how far a step goes.
const READ: usize = 8;
const STEP: usize = 6;

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
        let mut words = Box::new([0; WORDS]);
        let mut placed: Vec<(usize, Entry)> = Vec::new();
        let mut furthest = 0;
        for (number, needle) in (0..).zip(&needles) {
            let start = rarest_pair(&needle.text);
            for offset in [start, start + 1] {
                let group = &needle.text[offset..];
                let (word, _) = slot(group[0], group[1], 0);
                words[word] |= match group.get(2) {
                    Some(third) => 1 << slot(group[0], group[1], *third).1,
                    None => u64::MAX,
                };
                placed.push((word, Entry { needle: number, offset: offset as u32 }));
                furthest = furthest.max(offset);
            }
        }
        placed.sort_by_key(|(word, entry)| (*word, entry.needle, entry.offset));
        let mut first = Box::new([0; WORDS + 1]);
        for (word, begin) in first.iter_mut().enumerate() {
            *begin = placed.partition_point(|(other, _)| *other < word) as u32;
        }
        let entries = placed.into_iter().map(|(_, entry)| entry).collect();
        Self { words, first, entries, needles, furthest }
    }

    /// Calls `found` with each anchor that begins in the range, and the range where it stands. They come nearly, not strictly, in order.
    #[inline]
    pub fn find(&self, bytes: &[u8], range: Range<usize>, mut found: impl FnMut(Anchor, usize, usize)) {
        let mut at = range.start;
        // a needle that begins at the range's last byte has its groups behind it
        let stop = bytes.len().min(range.end + self.furthest + 1);
        while let Some(read) = bytes.get(at..at + READ)
            && at < stop
        {
            let read = u64::from_le_bytes(read.try_into().unwrap_or_default());
            let folded = read | FOLD;
            let thirds = third(read);
            let probe = |byte: u32| {
                let word = word((folded >> (8 * byte)) as u32 & 0xffff);
                self.words[word] >> (thirds >> (8 * byte + 16) & 63) & 1
            };
            let (one, two, three) = (probe(0), probe(2), probe(4));
            if one | two | three != 0 {
                for (passed, position) in [(one, at), (two, at + 2), (three, at + 4)] {
                    if passed != 0 {
                        self.compare(bytes, &range, position, &mut found);
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
    fn compare(
        &self,
        bytes: &[u8],
        range: &Range<usize>,
        position: usize,
        found: &mut impl FnMut(Anchor, usize, usize),
    ) {
        let [Some(one), Some(two)] = [bytes.get(position), bytes.get(position + 1)] else { return };
        let (word, _) = slot(*one, *two, 0);
        for entry in &self.entries[self.first[word] as usize..self.first[word + 1] as usize] {
            let needle = &self.needles[entry.needle as usize];
            let Some(start) = position.checked_sub(entry.offset as usize) else { continue };
            let Some(place) = bytes.get(start..start + needle.text.len()) else { continue };
            let same = if needle.exact { *place == *needle.text } else { place.eq_ignore_ascii_case(&needle.text) };
            if same && range.contains(&start) {
                for anchor in &needle.anchors {
                    found(*anchor, start, start + needle.text.len());
                }
            }
        }
    }
}

/// Both cases of a letter fold to the same byte; a few other bytes collide, and the comparison tells them apart.
const FOLD: u64 = 0x2020_2020_2020_2020;

#[inline(always)]
fn word(pair: u32) -> usize {
    (pair.wrapping_mul(0x9e37_79b1) >> (32 - BITS)) as usize
}

/// Each byte as six bits: the letter without its case, and whether it is a letter (or one of the few bytes beside them).
#[inline(always)]
fn third(bytes: u64) -> u64 {
    bytes & 0x1f1f_1f1f_1f1f_1f1f | bytes >> 1 & 0x2020_2020_2020_2020
}

/// Word and bit of a group.
fn slot(first: u8, second: u8, last: u8) -> (usize, u64) {
    let pair = u32::from(first | 0x20) | u32::from(second | 0x20) << 8;
    (word(pair), third(u64::from(last)) & 63)
}

/// Where the rarest two neighbouring groups begin; 0 for a needle of three bytes.
fn rarest_pair(text: &[u8]) -> usize {
    let share = |byte: &u8| {
        let rank = COMMON.iter().position(|common| *common == byte.to_ascii_lowercase()).unwrap_or(4 * COMMON.len());
        1.0 / (rank + 2) as f64
    };
    let often = |group: &[u8]| group.iter().map(share).product::<f64>();
    let score = |start: &usize| often(&text[*start..*start + 3]) + often(&text[*start + 1..*start + 4]);
    (0..text.len().saturating_sub(3)).min_by(|a, b| score(a).total_cmp(&score(b))).unwrap_or(0)
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
                filter.find(text.as_bytes(), range.clone(), |_, start, end| mine.push((start, end)));
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
            filter.find(text.as_bytes(), 0..text.len(), |anchor, _, _| count += usize::from(anchor == wanted));
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
