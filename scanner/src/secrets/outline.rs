//! What an expression can match at all: told from its syntax, to see without running it that it matches nothing.

use std::ops::Range;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Every match has at least so many bytes, and all of them are of these.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outline {
    shortest: usize,
    bytes: [bool; 256],
}

impl Outline {
    /// `None` where the expression is malformed or matches nothing.
    pub(super) fn of(expression: &str) -> Option<Self> {
        let parsed = ParserBuilder::new().utf8(false).unicode(false).build().parse(expression).ok()?;
        let mut outline = Self { shortest: parsed.properties().minimum_len()?, bytes: [false; 256] };
        outline.take(&parsed);
        Some(outline)
    }

    fn take(&mut self, part: &Hir) {
        match part.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => literal.0.iter().for_each(|byte| self.bytes[usize::from(*byte)] = true),
            HirKind::Class(Class::Bytes(class)) => {
                for range in class.ranges() {
                    self.bytes[usize::from(range.start())..=usize::from(range.end())].fill(true);
                }
            }
            HirKind::Class(Class::Unicode(class)) => {
                for range in class.ranges() {
                    let byte = |letter: char| usize::from(u8::try_from(u32::from(letter)).unwrap_or(u8::MAX));
                    // a letter beyond ASCII is written in bytes from 128 on
                    let end = if range.end().is_ascii() { byte(range.end()) } else { 255 };
                    self.bytes[byte(range.start()).min(128)..=end].fill(true);
                }
            }
            HirKind::Repetition(repetition) => self.take(&repetition.sub),
            HirKind::Capture(capture) => self.take(&capture.sub),
            HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().for_each(|part| self.take(part)),
        }
    }

    /// Whether a match may begin at the beginning of the range and end in it.
    pub(super) fn may_begin(&self, text: &[u8], range: &Range<usize>) -> bool {
        let beginning = text.get(range.start..range.start + self.shortest);
        range.len() >= self.shortest && beginning.is_some_and(|bytes| bytes.iter().all(|byte| self.has(*byte)))
    }

    /// Whether a match may stand anywhere in the range.
    pub(super) fn may_stand(&self, text: &[u8], range: &Range<usize>) -> bool {
        let text = text.get(range.clone()).unwrap_or_default();
        let mut at = 0;
        while at + self.shortest <= text.len() {
            // from the last byte that a match from here on must have, back to the first that it cannot have
            match text[at..at + self.shortest].iter().rposition(|byte| !self.has(*byte)) {
                Some(cannot) => at += cannot + 1,
                None => return true,
            }
        }
        false
    }

    fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::RuleSet;
    use crate::secrets::example::fill;

    #[test]
    fn what_may_match() {
        // expression, text, whether it may begin there, whether it may stand there
        let cases = [
            ("[a-f0-9]{8}", "0123abcd", true, true),
            ("[a-f0-9]{8}", "x0123abcd", false, true),
            ("[a-f0-9]{8}", "0123abc", false, false),
            ("[a-f0-9]{8}", "0123 abcd 0123", false, false),
            ("(?:ab|c)d?", "c", true, true),
            ("(?:ab|c)d?", "x", false, false),
            ("(?i)ab", "Ab", true, true),
            ("k-[0-9]{2}", "7-kk", true, true),
            ("x*", "", true, true),
            (".", "\n", false, false),
            ("(?s).", "\n", true, true),
            ("(?u:ä)", "ä", true, true),
        ];
        for (expression, text, begins, stands) in cases {
            let outline = Outline::of(expression).unwrap();
            let range = 0..text.len();
            assert_eq!(outline.may_begin(text.as_bytes(), &range), begins, "{expression} {text}");
            assert_eq!(outline.may_stand(text.as_bytes(), &range), stands, "{expression} {text}");
        }
        assert_eq!(Outline::of("(a"), None);
    }

    /// Where a rule's expression matches, its outline does not deny it.
    #[test]
    fn matches_are_possible() {
        let rules = RuleSet::builtin().unwrap();
        for rule in rules.rules().iter().filter(|rule| !rule.pattern.as_str().is_empty()) {
            let (outline, regex) = (rule.pattern.outline().unwrap(), rule.pattern.regex().unwrap());
            let texts = |template: &String| [0, 1, 2].map(|seed| fill(template, &seed.to_string()));
            for text in rule.positive.iter().flat_map(texts) {
                let found = regex.find(text.as_bytes());
                let begin = found.map_or(text.len(), |found| found.start());
                assert!(found.is_none() || outline.may_begin(text.as_bytes(), &(begin..text.len())), "{}", rule.id);
                assert!(found.is_none() || outline.may_stand(text.as_bytes(), &(0..text.len())), "{}", rule.id);
            }
        }
    }
}
