//! Rules over a text: anchors from the prefilter, an expression in a window around each, proofs, then one hit per place.

use std::ops::Range;

use regex_automata::{Anchored, Input};

use crate::finding::Confidence;
use crate::secrets::generic::{self, Classifier};
use crate::secrets::hit::Hit;
use crate::secrets::prefilter::{Anchor, Needle, NeedleIndex, Prefilter};
use crate::secrets::proof::{Proof, Verdict};
use crate::secrets::rule::{Form, Rule, RuleIndex, RuleSet};
use crate::secrets::text::{Syntax, Text};
use crate::secrets::{place, shape};

/// Raised whenever the engine or the classifier judges differently, or fails no longer: part of the rules digest.
pub const VERSION: u32 = 8;

/// No verdict depends on a byte further than this before or after the secret, key blocks excepted (`KEY_BLOCK`).
pub const REACH: usize = 1024;

/// The longest armoured key that is read as one secret.
pub const KEY_BLOCK: usize = 16 * 1024;

/// How far after its literal the expression of a rule looks, unless it reads a key block.
const AFTER_LITERAL: usize = REACH;

/// How far behind a context word its secret may stand, the secret's own length not counted.
const AFTER_CONTEXT: usize = 100;

/// How much of it is read there.
const MOST_AFTER_CONTEXT: usize = 200;

/// The bytes beside a secret that are looked at to see whether it stands alone or in a long run.
const BESIDE: usize = 96;

/// An anchor in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Met {
    /// Where it begins; what is looked at is never as large as this could tell.
    at: u32,
    needle: NeedleIndex,
}

impl Met {
    pub(super) fn start(self) -> usize {
        self.at as usize
    }

    /// The same anchor where a copy of it begins.
    pub(super) fn moved_to(self, start: usize) -> Self {
        Self { at: start as u32, ..self }
    }
}

/// How far a verdict looks from the beginning of its anchor: it depends on no byte further away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub before: usize,
    pub after: usize,
}

impl Reach {
    /// Key blocks aside, which are known by `Scanned::keys`.
    fn of(rules: &RuleSet, anchor: Anchor, length: usize) -> Self {
        match anchor {
            Anchor::Literal(rule) => {
                let lookback = match rules.get(rule).map(|rule| &rule.form) {
                    Some(Form::Literal { lookback, .. }) => *lookback,
                    _ => 0,
                };
                Self { before: lookback + BESIDE, after: AFTER_LITERAL + BESIDE }
            }
            Anchor::Context(_) => Self { before: BESIDE, after: length + AFTER_CONTEXT + MOST_AFTER_CONTEXT + BESIDE },
            Anchor::Cue => Self { before: generic::BEFORE_CUE, after: length + generic::AFTER_CUE },
        }
    }

    fn and(self, other: Self) -> Self {
        Self { before: self.before.max(other.before), after: self.after.max(other.after) }
    }
}

/// Looks for secrets. Build it once; it may be shared between threads.
pub struct Engine<'r> {
    rules: &'r RuleSet,
    prefilter: Prefilter,
    classifier: Classifier,
    /// Of each needle.
    reaches: Vec<Reach>,
    furthest: Reach,
}

impl<'r> Engine<'r> {
    /// Prepares a rule set.
    #[must_use]
    pub fn new(rules: &'r RuleSet) -> Self {
        let prefilter = Prefilter::new(rules, generic::CUES);
        let of = |needle: &Needle| {
            let reaches = needle.anchors.iter().map(|anchor| Reach::of(rules, *anchor, needle.len()));
            reaches.fold(Reach::default(), Reach::and)
        };
        let reaches: Vec<Reach> = prefilter.needles().iter().map(of).collect();
        let furthest = reaches.iter().copied().fold(Reach::default(), Reach::and);
        Self { rules, prefilter, classifier: Classifier::new(rules), reaches, furthest }
    }

    /// The rules it looks with.
    #[must_use]
    pub fn rules(&self) -> &'r RuleSet {
        self.rules
    }

    /// How many places the prefilter would look at: for measuring it alone.
    #[must_use]
    pub fn anchors(&self, bytes: &[u8]) -> usize {
        let mut count = 0;
        self.prefilter.find(bytes, 0..bytes.len(), |_, _| count += 1);
        count
    }

    /// Adds the anchors that begin in a range, nearly in order.
    pub(super) fn meet(&self, bytes: &[u8], range: Range<usize>, met: &mut Vec<Met>) {
        self.prefilter.find(bytes, range, |needle, start| met.push(Met { at: start as u32, needle }));
    }

    /// The bytes that an anchor itself takes.
    pub(super) fn length(&self, met: Met) -> usize {
        self.prefilter.needle(met.needle).len()
    }

    /// The bytes of the longest anchor.
    pub(super) fn longest(&self) -> usize {
        self.prefilter.longest()
    }

    /// How far the verdict of an anchor looks.
    pub(super) fn reach(&self, met: Met) -> Reach {
        self.reaches[met.needle as usize]
    }

    /// No verdict looks further.
    pub(super) fn furthest(&self) -> Reach {
        self.furthest
    }

    /// Adds the hits of one text, in order, without overlaps.
    pub fn scan(&self, text: &Text<'_>, hits: &mut Vec<Hit>) {
        self.resolve(self.scan_within(text, 0..text.bytes.len()).hits, hits);
    }

    /// The hits of the anchors that begin in `range`, with their overlaps; what stands around the range is seen.
    pub(super) fn scan_within(&self, text: &Text<'_>, range: Range<usize>) -> Scanned {
        let (mut scanned, mut last) = (Scanned::default(), generic::Last::default());
        self.prefilter.find(text.bytes, range, |needle, start| self.at(text, needle, start, &mut last, &mut scanned));
        scanned
    }

    /// The hits of these anchors, in the same way.
    pub(super) fn scan_at(&self, text: &Text<'_>, anchors: &[Met]) -> Scanned {
        let (mut scanned, mut last) = (Scanned::default(), generic::Last::default());
        for met in anchors {
            self.at(text, met.needle, met.start(), &mut last, &mut scanned);
        }
        scanned
    }

    /// No verdict depends on another, so that a part of a text shows what the whole of it shows there.
    fn at(&self, text: &Text<'_>, needle: NeedleIndex, start: usize, last: &mut generic::Last, scanned: &mut Scanned) {
        let needle = self.prefilter.needle(needle);
        let end = start + needle.len();
        for anchor in &needle.anchors {
            let hit = match *anchor {
                Anchor::Literal(rule) => {
                    if self.rules.get(rule).is_some_and(is_armour) {
                        scanned.keys.push(start..text.bytes.len().min(start + KEY_BLOCK));
                    }
                    self.literal(rule, text, start)
                }
                Anchor::Context(rule) => self.context(rule, text, start, end),
                Anchor::Cue => self.classifier.judge(text, start, end, last),
            };
            scanned.hits.extend(hit);
        }
    }

    fn literal(&self, index: RuleIndex, text: &Text<'_>, start: usize) -> Option<Hit> {
        let rule = self.rules.get(index)?;
        let Form::Literal { lookback, .. } = rule.form else { return None };
        let reach = if is_armour(rule) { KEY_BLOCK } else { AFTER_LITERAL };
        let window = start.saturating_sub(lookback)..text.bytes.len().min(start + reach);
        let anchored = if lookback == 0 { Anchored::Yes } else { Anchored::No };
        let secret = self.matched(rule, text.bytes, window, anchored, lookback > 0)?;
        self.judged(rule, index, text, start, secret, None)
    }

    /// Nearest match after the word that is tied to it: by an assignment, or by a word such as `key` or `token` between.
    fn context(&self, index: RuleIndex, text: &Text<'_>, word: usize, end: usize) -> Option<Hit> {
        let rule = self.rules.get(index)?;
        let stop = text.bytes.len().min(end + AFTER_CONTEXT + MOST_AFTER_CONTEXT);
        let mut from = end;
        for _ in 0..4 {
            let secret = self.matched(rule, text.bytes, from..stop, Anchored::No, true)?;
            if secret.start > end + AFTER_CONTEXT {
                return None;
            }
            if let Some(tie) = place::tie(text.bytes, word..end, &secret)
                && let Some(hit) = self.judged(rule, index, text, word, secret.clone(), Some(tie))
            {
                return Some(hit);
            }
            from = secret.end;
        }
        None
    }

    /// The secret of the first match in the window whose neighbours do not continue the word.
    fn matched(
        &self,
        rule: &Rule,
        bytes: &[u8],
        window: Range<usize>,
        anchored: Anchored,
        retry: bool,
    ) -> Option<Range<usize>> {
        // most anchors lead to nothing that could be it, and then the expression need not even be compiled
        let possible = rule.pattern.outline().is_none_or(|outline| match anchored {
            Anchored::Yes => outline.may_begin(bytes, &window),
            _ => outline.may_stand(bytes, &window),
        });
        if !possible {
            return None;
        }
        let regex = rule.pattern.regex()?;
        let mut from = window.start;
        for _ in 0..8 {
            // start and end of the whole, and of the first group where the rule has one: without, the search is cheaper
            let mut slots = [None; 4];
            let asked = 2 * regex.captures_len().min(2);
            let input = Input::new(bytes).range(from..window.end).anchored(anchored);
            regex.search_slots(&input, &mut slots[..asked])?;
            let [Some(start), Some(end), first @ ..] = slots else { return None };
            let whole = start.get()..end.get();
            let secret = match first {
                [Some(start), Some(end)] => start.get()..end.get(),
                _ => whole.clone(),
            };
            if !secret.is_empty() && (!rule.boundary || place::stands_alone(bytes, &secret)) {
                return Some(secret);
            }
            if !retry {
                return None;
            }
            from = whole.start + 1;
        }
        None
    }

    fn judged(
        &self,
        rule: &Rule,
        index: RuleIndex,
        text: &Text<'_>,
        anchor: usize,
        secret: Range<usize>,
        tie: Option<place::Tie>,
    ) -> Option<Hit> {
        if let (Some(paths), Some(path)) = (&rule.paths, text.path)
            && !paths.is_match(path)
        {
            return None;
        }
        let value = &text.bytes[secret.clone()];
        let is_key = is_armour(rule);
        let mut evidence = vec![format!("has the form of {}: {}", rule.provider, rule.name)];
        let mut confidence = if tie.is_some() { Confidence::Medium } else { Confidence::High };
        if let Some(tie) = tie {
            evidence.push(tie.reason());
            if tie == place::Tie::Assigned {
                confidence = Confidence::High;
            }
        }
        if !is_key
            && (place::in_long_run(text.bytes, &secret)
                || place::in_base64(text.bytes, secret.start)
                || shape::is_sequence(value)
                || shape::is_placeholder(value)
                || place::is_integrity(text.bytes, secret.start)
                || place::is_cut(text.bytes, secret.end)
                || (rule.needs_context() && (shape::is_reference(value) || place::in_hole(text.bytes, secret.start))))
        {
            return None;
        }
        if let Some(wanted) = rule.entropy {
            let bits = shape::entropy(value);
            if bits < wanted {
                return None;
            }
            evidence.push(format!("entropy {bits:.1} bits per character"));
        }
        // a lockfile's hashes are hexadecimal words behind names of packages, and a provider's name may be one of them
        if rule.needs_context() && text.syntax == Syntax::Lockfile {
            return None;
        }
        // behind a provider's name, thirty-two letters may be the name of a class
        if rule.needs_context() && generic::is_name_of_code(value) {
            return None;
        }
        match rule.proof.map_or(Verdict::Open, |proof| proof.judge(&String::from_utf8_lossy(value))) {
            Verdict::Confirmed(reason) => {
                confidence = Confidence::High;
                evidence.push(reason);
            }
            Verdict::Open => {}
            Verdict::Refuted(reason) => {
                confidence = Confidence::Low;
                evidence.push(reason);
            }
            Verdict::Harmless => return None,
        }
        let invented = || shape::counts_up(value).then_some("a part of it counts up");
        let lesser = text.path.and_then(place::lesser_path);
        if let Some(reason) = lesser.or_else(|| if is_key { None } else { invented() }) {
            confidence = place::lower(confidence);
            evidence.push(reason.to_owned());
        }
        Some(Hit { rule: index, secret, anchor, confidence, evidence })
    }

    /// Of hits that overlap one stays: a literal form before a context rule before the generic classifier, then the surer, then the longer.
    pub(super) fn resolve(&self, mut found: Vec<Hit>, hits: &mut Vec<Hit>) {
        let rank = |hit: &Hit| {
            let form = self.rules.get(hit.rule).map_or(0, |rule| match rule.form {
                // a refuted form says less than a context that fits
                Form::Literal { .. } if hit.confidence == Confidence::Low || rule.general => 0,
                Form::Literal { .. } => 2,
                Form::Context { .. } => 1,
                Form::Generic => 0,
            });
            (form, hit.confidence, hit.secret.len())
        };
        found.sort_by(|a, b| rank(b).cmp(&rank(a)).then(a.secret.start.cmp(&b.secret.start)).then(a.rule.cmp(&b.rule)));
        let first = hits.len();
        let mut taken: std::collections::BTreeMap<usize, usize> = std::collections::BTreeMap::new();
        for hit in found {
            let before = taken.range(..hit.secret.end).next_back();
            if before.is_none_or(|(_, end)| *end <= hit.secret.start) {
                taken.insert(hit.secret.start, hit.secret.end);
                hits.push(hit);
            }
        }
        hits[first..].sort_by_key(|hit| hit.secret.start);
    }
}

/// What was found at some anchors.
#[derive(Default)]
pub(super) struct Scanned {
    pub hits: Vec<Hit>,
    /// What begins like an armoured key, whether it is one or not: everything in it counts for that.
    pub keys: Vec<Range<usize>>,
}

/// A rule of keys in armour.
pub(super) fn is_armour(rule: &Rule) -> bool {
    rule.proof.is_some_and(Proof::of_armour)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
