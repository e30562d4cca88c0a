//! Rules over a text: anchors from the prefilter, an expression in a window around each, proofs, then one hit per place.

use std::ops::Range;

use regex_automata::{Anchored, Input};

use crate::finding::Confidence;
use crate::secrets::generic::{self, Classifier};
use crate::secrets::hit::Hit;
use crate::secrets::prefilter::{Anchor, Prefilter};
use crate::secrets::proof::{Proof, Verdict};
use crate::secrets::rule::{Form, Rule, RuleIndex, RuleSet};
use crate::secrets::text::{Syntax, Text};
use crate::secrets::{place, shape};

/// Raised whenever the engine or the classifier judges differently: part of the rules digest.
pub const VERSION: u32 = 2;

/// No verdict depends on a byte further than this before or after the secret, key blocks excepted (`KEY_BLOCK`).
pub const REACH: usize = 1024;

/// No verdict depends on a byte further than this before its anchor.
pub const BEFORE_ANCHOR: usize = 576;

/// No verdict depends on a byte further than this behind its anchor's beginning, unless the anchor begins a key block.
pub const AFTER_ANCHOR: usize = AFTER_LITERAL + 128;

/// The longest armoured key that is read as one secret.
pub const KEY_BLOCK: usize = 16 * 1024;

/// How far after its literal the expression of a rule looks, unless it reads a key block.
const AFTER_LITERAL: usize = REACH;

/// How far behind a context word its secret may stand, the secret's own length not counted.
const AFTER_CONTEXT: usize = 100;

/// Looks for secrets. Build it once; it may be shared between threads.
pub struct Engine<'r> {
    rules: &'r RuleSet,
    prefilter: Prefilter,
    classifier: Classifier,
}

impl<'r> Engine<'r> {
    /// Prepares a rule set.
    #[must_use]
    pub fn new(rules: &'r RuleSet) -> Self {
        Self { rules, prefilter: Prefilter::new(rules, generic::CUES), classifier: Classifier::new(rules) }
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
        self.prefilter.find(bytes, 0..bytes.len(), |_, _, _| count += 1);
        count
    }

    /// Adds the hits of one text, in order, without overlaps.
    pub fn scan(&self, text: &Text<'_>, hits: &mut Vec<Hit>) {
        self.resolve(self.scan_within(text, 0..text.bytes.len()).hits, hits);
    }

    /// The hits of the anchors that begin in `range`, with their overlaps; what stands around the range is seen.
    pub(super) fn scan_within(&self, text: &Text<'_>, range: Range<usize>) -> Scanned {
        let mut found = Vec::new();
        let mut keys = Vec::new();
        let mut last = generic::Last::default();
        // no verdict depends on another, so that a part of a text shows what the whole of it shows there
        self.prefilter.find(text.bytes, range, |anchor, start, end| match anchor {
            Anchor::Literal(rule) => {
                if self.rules.get(rule).is_some_and(is_armour) {
                    keys.push(start..text.bytes.len().min(start + KEY_BLOCK));
                }
                found.extend(self.literal(rule, text, start));
            }
            Anchor::Context(rule) => found.extend(self.context(rule, text, start, end)),
            Anchor::Cue => found.extend(self.classifier.judge(text, start, end, &mut last)),
        });
        Scanned { hits: found, keys }
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
        let stop = text.bytes.len().min(end + AFTER_CONTEXT + 200);
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
                || shape::is_sequence(value)
                || shape::is_placeholder(value)
                || (rule.needs_context() && shape::is_reference(value)))
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
        if let Some(reason) = text.path.and_then(place::lesser_path) {
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
                Form::Literal { .. } if hit.confidence == Confidence::Low => 0,
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

/// What was found in a range.
pub(super) struct Scanned {
    pub hits: Vec<Hit>,
    /// What begins like an armoured key, whether it is one or not: everything in it counts for that.
    pub keys: Vec<Range<usize>>,
}

fn is_armour(rule: &Rule) -> bool {
    rule.proof.is_some_and(Proof::of_armour)
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
