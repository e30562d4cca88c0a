//! A place where a secret stands.

use std::ops::Range;

use crate::finding::Confidence;
use crate::secrets::rule::RuleIndex;

/// One secret in one text. Holds where it stands, never what it says, so that printing a hit cannot leak it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule that found it, an index into the engine's rule set.
    pub rule: RuleIndex,
    /// The bytes of the secret in the text.
    pub secret: Range<usize>,
    /// Where the anchor begins that led to it.
    pub anchor: usize,
    /// How sure.
    pub confidence: Confidence,
    /// Why it is believed, in words; free of plaintext.
    pub evidence: Vec<String>,
}
