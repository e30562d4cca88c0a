//! What a look at a blob is given, and what it gives back.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::Confidence;
use crate::isolation::OwnError;
use crate::secrets::barren::Barren;
use crate::secrets::engine::Met;
use crate::secrets::layer::Point;
use crate::secrets::rows::Rows;
use crate::secrets::{RuleIndex, Secret};

/// How far the looks of one scan go.
#[derive(Debug)]
pub struct Bounds {
    /// Bytes that may come out of one blob by unpacking and decoding.
    pub unpacked: u64,
    /// Members of archives and decoded pieces of one blob.
    pub members: usize,
    /// Layers inside layers.
    pub depth: usize,
    /// What need not be looked at again.
    pub(super) barren: Barren,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { unpacked: 128 << 20, members: 100_000, depth: 6, barren: Barren::default() }
    }
}

/// A secret at a point of a blob.
pub(super) struct Sighting {
    pub rule: RuleIndex,
    pub secret: Secret,
    /// The credential's other part, where it stands beside it.
    pub companion: Option<Secret>,
    pub confidence: Confidence,
    pub evidence: Vec<String>,
    pub point: Point,
    /// Through which layers it was seen; `None` for plain content.
    pub place: Option<String>,
    /// The reason of an inline comment that ignores it.
    pub ignored: Option<String>,
}

/// What one look saw, and what it could not look at.
#[derive(Default)]
pub(super) struct Looked {
    pub sightings: Vec<Sighting>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Looked {
    /// Nothing was seen, and nothing is to be said.
    pub(super) fn is_silent(&self) -> bool {
        self.sightings.is_empty() && self.diagnostics.is_empty()
    }

    /// Nothing was seen, for this program failed.
    pub(super) fn of(error: OwnError, path: Option<&str>) -> Self {
        let gap = Diagnostic::gap(Stage::Secrets, path.map(str::to_owned), error.to_string());
        Self { diagnostics: vec![gap], ..Self::default() }
    }
}

/// The parts of a text that are looked at, the rest left out.
#[derive(Debug, Default)]
pub(super) struct Parts<'p> {
    /// The anchors that are judged.
    pub anchors: &'p [Met],
    /// Whole rows whose encoded pieces are decoded, with no piece going beyond.
    pub pieces: Vec<Rows>,
}

/// Where a look met something.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// In the text itself: from anchor to secret, also of hits that gave way to others, and what may be an armoured key.
    pub hits: Vec<Range<usize>>,
    /// Lines with a hit in a decoded piece, or of which something was said; and what the piece was decoded from.
    pub lines: Vec<(u32, Option<Range<usize>>)>,
    /// Something was said of the file as a whole, or of a bound that depends on all of it.
    pub says: bool,
    /// Bytes and pieces that came out by decoding.
    pub spent: (u64, usize),
}
