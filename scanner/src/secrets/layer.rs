//! One text to look at, and the way from a byte of it back to the line of the file that holds it.

use std::borrow::Cow;
use std::ops::Range;

use crate::secrets::Syntax;

/// A point in a file: 1-based line and column (characters), 0-based notebook cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Point {
    pub line: u32,
    pub column: u32,
    pub cell: Option<u32>,
}

/// How positions of a layer become positions of the file.
#[derive(Debug, Clone)]
pub(super) enum Lines {
    /// The layer is the file, or a file of its own inside it.
    Own,
    /// The layer is a part of the file, and begins at this point.
    From(Point),
    /// From each offset on, this point. Sorted.
    Marks(Vec<(usize, Point)>),
}

/// Bytes that came out of a blob: the blob itself, a member of an archive, a decoded piece.
pub(super) struct Layer<'a> {
    pub bytes: Cow<'a, [u8]>,
    /// The path that says what kind of text it is.
    pub path: Option<String>,
    pub syntax: Option<Syntax>,
    pub lines: Lines,
    /// The line of the file that holds it, where it is a file of its own in there: its lines are others.
    pub within: Option<u32>,
    /// How it came out, outermost first (`archive member a/b`, `base64`).
    pub place: Vec<String>,
    pub depth: usize,
    /// Texts that stand in it one behind the other and have nothing to do with each other; empty when it is one text.
    pub pieces: Vec<Piece>,
    /// What of the file it was decoded from.
    pub origin: Option<Range<usize>>,
}

/// One of the texts of a layer, and what it was decoded from.
#[derive(Debug, Clone)]
pub(super) struct Piece {
    pub range: Range<usize>,
    pub origin: Option<Range<usize>>,
}

impl<'a> Layer<'a> {
    pub(super) fn root(bytes: &'a [u8], path: Option<&str>) -> Self {
        let path = path.map(str::to_owned);
        let (lines, place, pieces) = (Lines::Own, Vec::new(), Vec::new());
        Self {
            bytes: Cow::Borrowed(bytes),
            path,
            syntax: None,
            lines,
            within: None,
            place,
            depth: 0,
            pieces,
            origin: None,
        }
    }

    /// A part of a file, which begins at a point of it.
    pub(super) fn part(bytes: &'a [u8], path: Option<&str>, begin: Point) -> Self {
        Self { lines: Lines::From(begin), ..Self::root(bytes, path) }
    }

    /// Something that came out of this layer, with its own way back to lines.
    pub(super) fn below(&self, bytes: Vec<u8>, lines: Lines, how: &str) -> Layer<'static> {
        let mut place = self.place.clone();
        if !how.is_empty() {
            place.push(how.to_owned());
        }
        Layer {
            bytes: Cow::Owned(bytes),
            path: self.path.clone(),
            syntax: self.syntax,
            within: self.within.or_else(|| matches!(lines, Lines::Own).then(|| self.point(0).line)),
            lines,
            place,
            depth: self.depth + 1,
            pieces: Vec::new(),
            origin: self.origin.clone(),
        }
    }

    /// What of the file a part of this layer was decoded from, where this layer is not the file.
    pub(super) fn origin_of(&self, offset: usize) -> Option<Range<usize>> {
        let piece = self.pieces.get(self.pieces.partition_point(|piece| piece.range.end <= offset));
        piece.map_or_else(|| self.origin.clone(), |piece| piece.origin.clone())
    }

    /// Whether it is the layer above in another spelling: escapes resolved, literals joined.
    pub(super) fn is_rewritten(&self) -> bool {
        self.place.last().is_some_and(|how| how.ends_with("escapes") || how.ends_with("literals"))
    }

    /// Where in the file the byte at `offset` stands.
    pub(super) fn point(&self, offset: usize) -> Point {
        match &self.lines {
            Lines::Own | Lines::From(_) => Points::of(self).at(offset),
            Lines::Marks(marks) => {
                let at = marks.partition_point(|(start, _)| *start <= offset);
                marks.get(at.saturating_sub(1)).map_or(Point { line: 1, column: 1, cell: None }, |(_, point)| *point)
            }
        }
    }
}

/// Points of a layer for ascending offsets, each byte counted once.
pub(super) struct Points<'l, 'b> {
    layer: &'l Layer<'b>,
    offset: usize,
    point: Point,
}

impl<'l, 'b> Points<'l, 'b> {
    pub(super) fn of(layer: &'l Layer<'b>) -> Self {
        Self { layer, offset: 0, point: Self::first(layer) }
    }

    fn first(layer: &Layer<'_>) -> Point {
        if let Lines::From(begin) = layer.lines { begin } else { FIRST }
    }

    pub(super) fn at(&mut self, offset: usize) -> Point {
        if matches!(self.layer.lines, Lines::Marks(_)) {
            return self.layer.point(offset);
        }
        if offset < self.offset {
            (self.offset, self.point) = (0, Self::first(self.layer));
        }
        let passed = &self.layer.bytes[self.offset..offset.min(self.layer.bytes.len())];
        let line = match memchr::memrchr(b'\n', passed) {
            Some(last) => {
                self.point.line += memchr::memchr_iter(b'\n', passed).count() as u32;
                self.point.column = 1;
                &passed[last + 1..]
            }
            None => passed,
        };
        // few enough at a time that a byte can count them, which many are counted at once in; lines may be megabytes long
        let begins = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(byte & 0xc0 != 0x80)).sum::<u8>();
        self.point.column += line.chunks(255).map(|chunk| u32::from(begins(chunk))).sum::<u32>();
        self.offset += passed.len();
        self.point
    }
}

const FIRST: Point = Point { line: 1, column: 1, cell: None };

/// Line and column of a byte.
pub(super) fn point_in(bytes: &[u8], offset: usize) -> Point {
    let before = &bytes[..offset.min(bytes.len())];
    let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    let line = memchr::memchr_iter(b'\n', before).count() + 1;
    // continuation bytes of UTF-8 are no characters
    let column = before[start..].iter().filter(|byte| *byte & 0xc0 != 0x80).count() + 1;
    Point { line: line as u32, column: column as u32, cell: None }
}
