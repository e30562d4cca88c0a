//! One blob, looked at in every way it can be read: as it is, decoded, unpacked, nested to a bound.

use std::collections::HashSet;
use std::ops::Range;

use regex_automata::{Input, Match};

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::Confidence;
use crate::isolation::isolated;
use crate::secrets::barren;
use crate::secrets::container::{self, Budget, Container, Unpacked, sniff};
use crate::secrets::engine::{REACH, Scanned};
use crate::secrets::escaped_lines::Joined;
use crate::secrets::fragment::fragments;
use crate::secrets::layer::{Layer, Lines, Point, Points};
use crate::secrets::looked::{Bounds, Looked, Parts, Sighting, Trail};
use crate::secrets::rows::Rows;
use crate::secrets::rule::Pattern;
use crate::secrets::{
    Engine, Hit, Secret, Syntax, Text, inline_ignore, manifest, notebook, place, shown, sqlite, twins,
};

/// Looks at `bytes`. `path` is the file's, where it is known; it sharpens the verdicts.
pub(super) fn look(engine: &Engine<'_>, bytes: &[u8], path: Option<&str>, bounds: &Bounds) -> Looked {
    let looked = isolated(|| {
        let mut looking = Looking::new(engine, bounds);
        looking.run(vec![Layer::root(bytes, path)]);
        looking.finish().0
    });
    looked.unwrap_or_else(|error| Looked::of(error, path))
}

/// Looks at parts of texts of one file, which may be parts themselves. Such a text is `divisible`.
pub(super) fn look_at<'a, 'p>(
    engine: &Engine<'_>,
    texts: impl IntoIterator<Item = (Layer<'a>, Parts<'p>)>,
    bounds: &Bounds,
) -> (Looked, Trail) {
    let mut path = None;
    let looked = isolated(|| {
        let mut looking = Looking::new(engine, bounds);
        for (text, parts) in texts {
            path.clone_from(&text.path);
            looking.parts(&text, &parts);
        }
        looking.finish()
    });
    looked.unwrap_or_else(|error| (Looked::of(error, path.as_deref()), Trail { says: true, ..Trail::default() }))
}

/// Whether a file is plain text, of which each part can be looked at with no more than its surroundings.
pub(super) fn is_divisible(bytes: &[u8]) -> bool {
    sniff(bytes) == Container::Text && !notebook::is_likely(bytes) && !is_lfs_pointer(bytes)
}

fn budget(bounds: &Bounds) -> Budget {
    Budget { bytes: bounds.unpacked, members: bounds.members }
}

struct Looking<'e> {
    engine: &'e Engine<'e>,
    bounds: &'e Bounds,
    budget: Budget,
    /// Hits and diagnostics so far, whether they were told or not.
    met: usize,
    trail: Trail,
    /// Hash of the secret, line: decoding shows the same secret again.
    seen: HashSet<(blake3::Hash, u32)>,
    looked: Looked,
}

impl<'e> Looking<'e> {
    fn new(engine: &'e Engine<'e>, bounds: &'e Bounds) -> Self {
        let (seen, looked, trail) = (HashSet::new(), Looked::default(), Trail::default());
        Self { engine, bounds, budget: budget(bounds), met: 0, trail, seen, looked }
    }

    fn parts(&mut self, text: &Layer<'_>, parts: &Parts<'_>) {
        let scanned = self.engine.scan_at(&text_of(text, 0..text.bytes.len()), parts.anchors);
        self.take(text, 0, scanned, &mut Points::of(text));
        let (mut below, mut points) = (Vec::new(), Points::of(text));
        for rows in &parts.pieces {
            self.decoded(text, rows, &mut points, &mut below);
        }
        self.run(below);
    }

    fn run(&mut self, mut waiting: Vec<Layer<'_>>) {
        while let Some(layer) = waiting.pop() {
            if layer.depth > self.bounds.depth {
                // the same text with quotes and escapes taken off once more says nothing new; an archive or base64 does
                if !layer.is_rewritten() {
                    self.gap(&layer, "is nested too deep; it was not looked at");
                }
                continue;
            }
            let below = self.layer(&layer);
            waiting.extend(below);
        }
    }

    /// In the order of the file, whichever part or layer was looked at first.
    fn finish(mut self) -> (Looked, Trail) {
        let rules = self.engine.rules();
        let generic = |rule| rules.get(rule).is_some_and(|rule| rule.family == "generic");
        twins::settle(&mut self.looked.sightings, generic);
        self.looked.sightings.sort_by_key(|sighting| sighting.point);
        self.trail.spent = (self.bounds.unpacked - self.budget.bytes, self.bounds.members - self.budget.members);
        (self.looked, self.trail)
    }

    /// Looks at a decoded piece that may stand in many versions, unless it is known that it shows nothing.
    fn once(&mut self, layer: Layer<'static>) {
        let (hash, depth) = (blake3::hash(&layer.bytes), layer.depth);
        if let Some((bytes, members)) = self.bounds.barren.spent(&hash, depth)
            && bytes <= self.budget.bytes
            && members <= self.budget.members
        {
            self.budget.bytes -= bytes;
            self.budget.members -= members;
            return;
        }
        let before = (self.met, self.budget.bytes, self.budget.members);
        // under a path a verdict may be less than without
        let is_plain = layer.path.is_none() && layer.syntax.is_none();
        self.run(vec![layer]);
        if is_plain && self.met == before.0 {
            self.bounds.barren.insert(&hash, depth, (before.1 - self.budget.bytes, before.2 - self.budget.members));
        }
    }

    /// Looks at one layer and returns those inside it.
    fn layer(&mut self, layer: &Layer<'_>) -> Vec<Layer<'static>> {
        let bytes = &layer.bytes;
        // an escape may stand for a NUL: the text is what it was
        let sniffed = if layer.is_rewritten() { Container::Text } else { sniff(bytes) };
        match sniffed {
            Container::Sqlite => {
                let read = sqlite::rows(bytes);
                if let Some(reason) = read.damage {
                    self.gap(layer, &reason);
                }
                let rows = layer.below(read.text, nowhere(), "SQLite");
                let prose = layer.below(read.prose, nowhere(), "SQLite");
                vec![Layer { syntax: Some(Syntax::Config), ..rows }, Layer { syntax: Some(Syntax::Prose), ..prose }]
            }
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
            Container::Binary | Container::Media | Container::Packed(_) => {
                if let Container::Packed(kind) = sniffed {
                    self.gap(layer, &format!("{kind} is not unpacked; only its raw bytes were looked at"));
                }
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
            self.say(layer, Diagnostic::remark, reason);
            return Vec::new();
        }
        let seen = self.looked.sightings.len();
        self.scan(layer);
        let mut below = Vec::new();
        if notebook::is_likely(&layer.bytes)
            && let Ok(cells) = notebook::texts(&layer.bytes)
        {
            self.leave_to_cells(layer, seen);
            below.extend(cells.into_iter().map(|cell| {
                let part = if cell.part == "source" { "" } else { "notebook output" };
                let lines = Lines::Marks(cell.marks);
                Layer { syntax: Some(Syntax::Code), ..layer.below(cell.text.into_bytes(), lines, part) }
            }));
        }
        self.decoded(layer, &Rows::all(&layer.bytes), &mut Points::of(layer), &mut below);
        below
    }

    /// Of a notebook's file as it stands, lines of cells are judged in the cells: between quotes and escapes a name meets the wrong value.
    fn leave_to_cells(&mut self, layer: &Layer<'_>, from: usize) {
        let lines = notebook::lines_of_cells(&layer.bytes);
        let rules = self.engine.rules();
        let generic = |seen: &Sighting| rules.get(seen.rule).is_some_and(|rule| rule.family == "generic");
        let of_file = self.looked.sightings.split_off(from);
        let (left, kept): (Vec<_>, Vec<_>) =
            of_file.into_iter().partition(|seen| generic(seen) && lines.contains(&seen.point.line));
        for seen in left {
            self.seen.remove(&(blake3::hash(seen.secret.expose()), seen.point.line));
        }
        self.looked.sightings.extend(kept);
    }

    /// The decoded pieces of some rows of a text. Escaped lines are joined to one layer, for there may be one in every line; only those
    /// that stand together are one text, so that what is found in them depends on nothing else.
    fn decoded(
        &mut self,
        layer: &Layer<'_>,
        rows: &Rows,
        points: &mut Points<'_, '_>,
        below: &mut Vec<Layer<'static>>,
    ) {
        let mut joined: Vec<Joined> = Vec::new();
        let range = &rows.range;
        for found in fragments(&layer.bytes[range.clone()], &rows.borders) {
            let size = found.bytes.len() as u64;
            if size > self.budget.bytes || self.budget.members == 0 {
                self.gap(layer, "decodes to more than the limit; the rest was not looked at");
                self.trail.says = true;
                break;
            }
            self.budget.bytes -= size;
            let start = range.start + found.offset;
            let point = points.at(start);
            let origin = match layer.depth {
                0 => Some(start..range.start + found.end),
                _ => layer.origin_of(start),
            };
            if found.how.ends_with("escapes") {
                if joined.last().is_none_or(|joined| joined.how != found.how) {
                    joined.push(Joined::new(found.how));
                }
                if let Some(joined) = joined.last_mut() {
                    joined.add(&layer.bytes, &found, (start, point), origin);
                }
            } else {
                self.budget.members -= 1;
                let is_large = found.bytes.len() >= barren::SHORTEST && found.how != "joined literals";
                let piece = layer.below(found.bytes, Lines::Marks(vec![(0, point)]), found.how);
                let piece = Layer { origin, ..piece };
                if is_large { self.once(piece) } else { below.push(piece) }
            }
        }
        below.extend(joined.into_iter().map(|joined| Layer {
            pieces: joined.groups,
            ..layer.below(joined.bytes, Lines::Marks(joined.marks), joined.how)
        }));
    }

    fn unpacked(&mut self, layer: &Layer<'_>, unpacked: Unpacked, how: &str) -> Vec<Layer<'static>> {
        if let Some(reason) = unpacked.bound {
            self.gap(layer, &reason);
            self.trail.says = true;
        }
        if let Some(reason) = unpacked.damage {
            let reason = format!("{reason}; only its raw bytes were looked at");
            // what was decoded on suspicion need not have been an archive at all
            match layer.place.last().is_some_and(|how| how == "base64" || how == "hexadecimal") {
                true => self.say(layer, Diagnostic::remark, &reason),
                false => self.gap(layer, &reason),
            }
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
                // the folder that an archive lies in says of its members what it says of other files
                false => {
                    let path =
                        layer.path.as_deref().map_or(member.name.clone(), |path| format!("{path}/{}", member.name));
                    Layer { path: Some(path), syntax: None, ..inner }
                }
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
        let mut points = Points::of(layer);
        let whole = std::iter::once(0..layer.bytes.len());
        let pieces = layer.pieces.iter().map(|piece| piece.range.clone());
        // without pieces it is one text
        for piece in whole.filter(|_| layer.pieces.is_empty()).chain(pieces) {
            let scanned = self.engine.scan_within(&text_of(layer, piece.clone()), 0..piece.len());
            self.take(layer, piece.start, scanned, &mut points);
        }
    }

    /// Takes what was found in a text of a layer, which begins there.
    fn take(&mut self, layer: &Layer<'_>, begin: usize, scanned: Scanned, points: &mut Points<'_, '_>) {
        self.met += scanned.hits.len();
        if layer.depth == 0 {
            self.trail.hits.extend(scanned.keys);
        }
        for hit in &scanned.hits {
            match layer.depth {
                0 => self.trail.hits.push(hit.anchor.min(hit.secret.start)..hit.secret.end.max(hit.anchor + 1)),
                _ => {
                    let at = begin + hit.secret.start;
                    let line = layer.within.unwrap_or_else(|| points.at(at).line);
                    self.trail.lines.push((line, layer.origin_of(at)));
                }
            }
        }
        let mut hits = Vec::new();
        self.engine.resolve(scanned.hits, &mut hits);
        for mut hit in hits {
            hit.secret = begin + hit.secret.start..begin + hit.secret.end;
            let Some(bytes) = layer.bytes.get(hit.secret.clone()) else { continue };
            let point = points.at(hit.secret.start);
            if !self.seen.insert((blake3::hash(bytes), point.line)) {
                continue;
            }
            let rule = self.engine.rules().get(hit.rule);
            let ignored = rule.and_then(|rule| {
                let (before, line) = inline_ignore::lines(&layer.bytes, hit.secret.start, hit.secret.end);
                inline_ignore::reason(line, before, &rule.id)
            });
            let companion = rule.and_then(|rule| beside(rule.companion.as_ref()?, &layer.bytes, &hit.secret));
            let place = (!layer.place.is_empty()).then(|| layer.place.join(", "));
            let generic = rule.is_some_and(|rule| rule.family == "generic");
            let plain = if generic { manifest::secret(&layer.bytes, &mut hit) } else { None };
            let secret = plain.unwrap_or_else(|| Secret::new(bytes));
            if let Some(reason) = self.doubt(layer, begin, &hit) {
                hit.confidence = place::lower(hit.confidence);
                hit.evidence.push(reason.to_owned());
            }
            let (rule, confidence, evidence) = (hit.rule, hit.confidence, hit.evidence);
            self.looked.sightings.push(Sighting {
                rule,
                secret,
                companion,
                confidence,
                evidence,
                point,
                place,
                ignored,
            });
        }
    }

    /// Why what looks sure is less sure where it stands.
    fn doubt(&self, layer: &Layer<'_>, begin: usize, hit: &Hit) -> Option<&'static str> {
        let generic = self.engine.rules().get(hit.rule).is_some_and(|rule| rule.family == "generic");
        if generic && layer.place.last().is_some_and(|how| how == "binary") {
            return Some("stands between the bytes of a binary");
        }
        // what else a place says takes away certainty, and no more
        if hit.confidence < Confidence::High {
            return None;
        }
        let path = layer.path.as_deref().unwrap_or_default();
        if shown::in_packed_page(path, &layer.bytes[begin..], hit.secret.start - begin) {
            return Some("stands in a packed page");
        }
        if generic && shown::in_yaml_of_program(path, &layer.bytes[begin..], hit.secret.start - begin) {
            return Some("stands in YAML that a string of the program holds");
        }
        shown::reason(&layer.bytes[begin..], hit.secret.start - begin..hit.secret.end - begin)
    }

    fn gap(&mut self, layer: &Layer<'_>, reason: &str) {
        self.say(layer, Diagnostic::gap, reason);
    }

    /// Says something of a layer. Of a piece, it is said again where the piece is decoded again.
    fn say(&mut self, layer: &Layer<'_>, kind: fn(Stage, Option<String>, String) -> Diagnostic, reason: &str) {
        self.met += 1;
        let reason = format!("{}{reason}", prefix(&layer.place));
        let said = kind(Stage::Secrets, layer.path.clone(), reason);
        if layer.depth == 0 {
            self.trail.says = true;
        } else {
            self.trail.lines.push((layer.within.unwrap_or_else(|| layer.point(0).line), layer.origin_of(0)));
        }
        self.looked.diagnostics.push(said);
    }
}

/// A text of a layer, as the engine takes it.
fn text_of<'l>(layer: &'l Layer<'_>, range: Range<usize>) -> Text<'l> {
    let text = Text::new(&layer.bytes[range], layer.path.as_deref());
    match layer.syntax {
        Some(syntax) => text.with_syntax(syntax),
        None => text,
    }
}

fn prefix(place: &[String]) -> String {
    if place.is_empty() { String::new() } else { format!("{}: ", place.join(", ")) }
}

/// The match nearest to the secret, no further from it than the engine looks.
fn beside(pattern: &Pattern, bytes: &[u8], secret: &Range<usize>) -> Option<Secret> {
    let window = secret.start.saturating_sub(REACH)..bytes.len().min(secret.end + REACH);
    let found = pattern.regex()?.find_iter(Input::new(bytes).range(window));
    let apart = |found: &Match| match found.end() <= secret.start {
        true => secret.start - found.end(),
        false => found.start().saturating_sub(secret.end),
    };
    let nearest = found.filter(|found| found.end() <= secret.start || found.start() >= secret.end).min_by_key(apart)?;
    Some(Secret::new(&bytes[nearest.range()]))
}

/// A place inside a binary has no line of its own.
fn nowhere() -> Lines {
    Lines::Marks(vec![(0, Point { line: 1, column: 1, cell: None })])
}

fn is_lfs_pointer(bytes: &[u8]) -> bool {
    bytes.len() < 1024 && bytes.starts_with(b"version https://git-lfs.github.com/spec/")
}
