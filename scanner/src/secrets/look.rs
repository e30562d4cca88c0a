//! One blob, looked at in every way it can be read: as it is, decoded, unpacked, nested to a bound.

use std::collections::HashSet;

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::Confidence;
use crate::secrets::container::{self, Budget, Container, Unpacked, sniff};
use crate::secrets::fragment::fragments;
use crate::secrets::layer::{Layer, Lines, Point, Points};
use crate::secrets::{Engine, RuleIndex, Secret, Syntax, Text, inline_ignore, notebook};

/// How far a look goes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes that may come out of one blob by unpacking and decoding.
    pub unpacked: u64,
    /// Members of archives and decoded pieces of one blob.
    pub members: usize,
    /// Layers inside layers.
    pub depth: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { unpacked: 128 << 20, members: 100_000, depth: 6 }
    }
}

/// A secret at a point of a blob.
pub(super) struct Sighting {
    pub rule: RuleIndex,
    pub secret: Secret,
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

/// Looks at `bytes`. `path` is the file's, where it is known; it sharpens the verdicts.
pub(super) fn look(engine: &Engine<'_>, bytes: &[u8], path: Option<&str>, bounds: &Bounds) -> Looked {
    let mut looking = Looking { engine, budget: budget(bounds), seen: HashSet::new(), looked: Looked::default() };
    let mut waiting = vec![Layer::root(bytes, path)];
    while let Some(layer) = waiting.pop() {
        if layer.depth > bounds.depth {
            // the same text with quotes and escapes taken off once more says nothing new; an archive or base64 does
            if !layer.is_rewritten() {
                looking.gap(&layer, "is nested too deep; it was not looked at");
            }
            continue;
        }
        let below = looking.layer(&layer);
        waiting.extend(below);
    }
    looking.looked
}

fn budget(bounds: &Bounds) -> Budget {
    Budget { bytes: bounds.unpacked, members: bounds.members }
}

/// Pieces of one kind: how, their text, and where each begins.
type Joined = (&'static str, Vec<u8>, Vec<(usize, Point)>);

struct Looking<'e> {
    engine: &'e Engine<'e>,
    budget: Budget,
    /// Hash of the secret, line: decoding shows the same secret again.
    seen: HashSet<(blake3::Hash, u32)>,
    looked: Looked,
}

impl Looking<'_> {
    /// Looks at one layer and returns those inside it.
    fn layer(&mut self, layer: &Layer<'_>) -> Vec<Layer<'static>> {
        let bytes = &layer.bytes;
        match sniff(bytes) {
            Container::Gzip => {
                let unpacked = container::gunzip(bytes, &mut self.budget);
                self.unpacked(layer, unpacked, "gzip")
            }
            Container::Zip => {
                let unpacked = container::unzip(bytes, &mut self.budget);
                self.unpacked(layer, unpacked, "archive member")
            }
            Container::Tar => {
                let unpacked = container::untar(bytes, &mut self.budget);
                self.unpacked(layer, unpacked, "archive member")
            }
            Container::Utf16 { little } => vec![layer.below(container::utf16(bytes, little), Lines::Own, "UTF-16")],
            Container::CompiledPython => {
                let text = container::marshalled_strings(bytes);
                vec![Layer { syntax: Some(Syntax::Unknown), ..layer.below(text, nowhere(), "compiled Python") }]
            }
            Container::Binary | Container::Media => {
                let text = container::printable_runs(bytes);
                self.scan(&Layer { syntax: Some(Syntax::Prose), ..layer.below(text, nowhere(), "binary") });
                Vec::new()
            }
            Container::Text => self.text(layer),
        }
    }

    fn text(&mut self, layer: &Layer<'_>) -> Vec<Layer<'static>> {
        if layer.depth == 0 && is_lfs_pointer(&layer.bytes) {
            let reason = "a Git LFS pointer; the file it stands for is elsewhere and was not looked at";
            self.looked.diagnostics.push(Diagnostic::remark(Stage::Secrets, layer.path.clone(), reason));
            return Vec::new();
        }
        self.scan(layer);
        let mut below = Vec::new();
        if notebook::is_likely(&layer.bytes)
            && let Ok(cells) = notebook::texts(&layer.bytes)
        {
            below.extend(cells.into_iter().map(|cell| {
                let part = if cell.part == "source" { "" } else { "notebook output" };
                let lines = Lines::Marks(cell.marks);
                Layer { syntax: Some(Syntax::Code), ..layer.below(cell.text.into_bytes(), lines, part) }
            }));
        }
        self.decoded(layer, &mut below);
        below
    }

    /// The decoded pieces of a text. Escaped lines are joined to one text, for there may be one in every line.
    fn decoded(&mut self, layer: &Layer<'_>, below: &mut Vec<Layer<'static>>) {
        let mut points = Points::of(layer);
        let mut joined: Vec<Joined> = Vec::new();
        for found in fragments(&layer.bytes) {
            let size = found.bytes.len() as u64;
            if size > self.budget.bytes || self.budget.members == 0 {
                self.gap(layer, "decodes to more than the limit; the rest was not looked at");
                break;
            }
            self.budget.bytes -= size;
            let point = points.at(found.offset);
            if found.how.ends_with("escapes") {
                if joined.last().is_none_or(|(how, ..)| *how != found.how) {
                    joined.push((found.how, Vec::new(), Vec::new()));
                }
                if let Some((_, bytes, marks)) = joined.last_mut() {
                    marks.push((bytes.len(), point));
                    bytes.extend_from_slice(&found.bytes);
                    bytes.push(b'\n');
                }
            } else {
                self.budget.members -= 1;
                below.push(layer.below(found.bytes, Lines::Marks(vec![(0, point)]), found.how));
            }
        }
        below.extend(joined.into_iter().map(|(how, bytes, marks)| layer.below(bytes, Lines::Marks(marks), how)));
    }

    fn unpacked(&mut self, layer: &Layer<'_>, unpacked: Unpacked, how: &str) -> Vec<Layer<'static>> {
        if let Some(reason) = unpacked.bound {
            self.gap(layer, &reason);
        }
        if let Some(reason) = unpacked.damage {
            let reason = format!("{}{reason}", prefix(&layer.place));
            self.looked.diagnostics.push(Diagnostic::remark(Stage::Secrets, layer.path.clone(), reason));
            let text = container::printable_runs(&layer.bytes);
            self.scan(&Layer { syntax: Some(Syntax::Prose), ..layer.below(text, nowhere(), "binary") });
        }
        let mut names = Vec::new();
        let members = unpacked.members.into_iter().map(|member| {
            if !member.name.is_empty() {
                names.extend_from_slice(member.name.as_bytes());
                names.push(b'\n');
            }
            let how = if member.name.is_empty() { how.to_owned() } else { format!("{how} {}", member.name) };
            let inner = layer.below(member.bytes, Lines::Own, &how);
            match member.name.is_empty() {
                true => {
                    Layer { path: layer.path.as_deref().map(|path| path.trim_end_matches(".gz").to_owned()), ..inner }
                }
                false => Layer { path: Some(member.name), syntax: None, ..inner },
            }
        });
        let mut below: Vec<Layer<'static>> = members.collect();
        below.push(Layer {
            path: None,
            syntax: Some(Syntax::Prose),
            ..layer.below(names, nowhere(), "archive member names")
        });
        below
    }

    fn scan(&mut self, layer: &Layer<'_>) {
        let mut text = Text::new(&layer.bytes, layer.path.as_deref());
        if let Some(syntax) = layer.syntax {
            text = text.with_syntax(syntax);
        }
        let mut hits = Vec::new();
        self.engine.scan(&text, &mut hits);
        let mut points = Points::of(layer);
        for hit in hits {
            let Some(bytes) = layer.bytes.get(hit.secret.clone()) else { continue };
            let point = points.at(hit.secret.start);
            if !self.seen.insert((blake3::hash(bytes), point.line)) {
                continue;
            }
            let ignored = self.engine.rules().get(hit.rule).and_then(|rule| {
                let (before, line) = line_of(&layer.bytes, hit.secret.start, hit.secret.end);
                inline_ignore::reason(line, before, &rule.id)
            });
            let place = (!layer.place.is_empty()).then(|| layer.place.join(", "));
            let secret = Secret::new(bytes);
            let (rule, confidence, evidence) = (hit.rule, hit.confidence, hit.evidence);
            self.looked.sightings.push(Sighting { rule, secret, confidence, evidence, point, place, ignored });
        }
    }

    fn gap(&mut self, layer: &Layer<'_>, reason: &str) {
        let reason = format!("{}{reason}", prefix(&layer.place));
        self.looked.diagnostics.push(Diagnostic::gap(Stage::Secrets, layer.path.clone(), reason));
    }
}

fn prefix(place: &[String]) -> String {
    if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) }
}

/// A place inside a binary has no line of its own.
fn nowhere() -> Lines {
    Lines::Marks(vec![(0, Point { line: 1, column: 1, cell: None })])
}

fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}

/// Comments further away on a long line (minified code, data) are not read.
const COMMENT_REACH: usize = 1000;

/// The line before, and the line that holds the range (to the end of its last line), each as far as a comment reaches.
fn line_of(bytes: &[u8], from: usize, to: usize) -> (&[u8], &[u8]) {
    let low = from.saturating_sub(COMMENT_REACH);
    let start = memchr::memrchr(b'\n', &bytes[low..from]).map_or(low, |newline| low + newline + 1);
    let high = bytes.len().min(to + COMMENT_REACH);
    let end = memchr::memchr(b'\n', &bytes[to..high]).map_or(high, |newline| to + newline);
    let before_end = start.saturating_sub(1);
    let low = before_end.saturating_sub(COMMENT_REACH);
    let before = memchr::memrchr(b'\n', &bytes[low..before_end]).map_or(low, |newline| low + newline + 1);
    (&bytes[before..before_end], &bytes[start..end])
}
