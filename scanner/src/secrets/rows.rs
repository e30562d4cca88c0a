//! Rows: the lines of a text, and parts of those that are too long to be decoded as a whole (minified code, data).
//!
//! Where a long line is parted depends on the bytes there and on nothing else in the line, so that a change in one part of it moves no border
//! of another.

use std::ops::Range;

/// Longer lines are parted, and a row that is longer still, for want of a place to part it, is data.
pub(super) const LONGEST: usize = 64 << 10;

/// What is looked at to decide whether a row begins behind it.
const BEFORE: usize = 8;

/// The lines of a text that are too long, and where they are parted.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct LongLines {
    /// Without their ends.
    lines: Vec<Range<usize>>,
    /// Where rows begin inside of them.
    borders: Vec<usize>,
}

impl LongLines {
    pub(super) fn of(text: &[u8]) -> Self {
        let (mut long, mut start) = (Self::default(), 0);
        while text.len() - start > LONGEST {
            // the last newline that may end a line of this length: those before it are shorter
            start = match memchr::memrchr(b'\n', &text[start..=start + LONGEST]) {
                Some(newline) => start + newline + 1,
                None => {
                    let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |newline| start + newline);
                    let ends = memchr::memchr3_iter(b',', b';', b'}', &text[start..end - 1]);
                    long.borders.extend(ends.map(|sign| start + sign + 1).filter(|border| begins_row(text, *border)));
                    long.lines.push(start..end);
                    text.len().min(end + 1)
                }
            };
        }
        long
    }

    /// The lines themselves, without their ends.
    pub(super) fn lines(&self) -> &[Range<usize>] {
        &self.lines
    }

    /// The long line that an offset is in, or at the end of.
    pub(super) fn around(&self, at: usize) -> Option<&Range<usize>> {
        let line = self.lines.get(self.lines.partition_point(|line| line.end < at))?;
        (line.start <= at).then_some(line)
    }

    /// The row that holds an offset, without a line's end. `None` when it is too long.
    pub(super) fn row(&self, text: &[u8], at: usize) -> Option<Range<usize>> {
        within(self.start(text, at)..self.end(text, at))
    }

    /// The row before the one that begins there. `None` in the outer option: there is none.
    pub(super) fn row_before(&self, text: &[u8], start: usize) -> Option<Option<Range<usize>>> {
        let last = start.checked_sub(1)?;
        let end = if text[last] == b'\n' { last } else { start };
        Some(within(self.start(text, last)..end))
    }

    /// The row behind the one that ends there.
    pub(super) fn row_behind(&self, text: &[u8], end: usize) -> Option<Option<Range<usize>>> {
        let start = end + usize::from(*text.get(end)? == b'\n');
        Some(within(start..self.end(text, start)))
    }

    fn start(&self, text: &[u8], at: usize) -> usize {
        if let Some(line) = self.around(at) {
            let next = self.borders.partition_point(|border| *border <= at);
            return self.borders[..next].last().map_or(line.start, |border| line.start.max(*border));
        }
        memchr::memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1)
    }

    fn end(&self, text: &[u8], at: usize) -> usize {
        if let Some(line) = self.around(at) {
            let next = self.borders.partition_point(|border| *border <= at);
            return self.borders.get(next).map_or(line.end, |border| line.end.min(*border));
        }
        memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline)
    }

    /// Where rows begin inside a range, its own beginning aside.
    pub(super) fn borders(&self, range: &Range<usize>) -> &[usize] {
        let first = self.borders.partition_point(|border| *border <= range.start);
        let count = self.borders[first..].partition_point(|border| *border < range.end);
        &self.borders[first..first + count]
    }
}

fn within(row: Range<usize>) -> Option<Range<usize>> {
    (row.len() <= LONGEST).then_some(row)
}

/// Whether a row begins behind a sign that parts statements or entries: one in 64 does.
fn begins_row(text: &[u8], at: usize) -> bool {
    let before = at.checked_sub(BEFORE).and_then(|from| text[from..at].first_chunk::<BEFORE>());
    before.is_some_and(|before| u64::from_le_bytes(*before).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58 == 0)
}

/// Some rows of a text that follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rows {
    pub range: Range<usize>,
    /// Where rows begin in it that no line's end parts, counted from its own beginning.
    pub borders: Box<[usize]>,
}

impl Rows {
    pub(super) fn of(long: &LongLines, range: Range<usize>) -> Self {
        let borders = long.borders(&range).iter().map(|border| border - range.start).collect();
        Self { range, borders }
    }

    /// All rows of a text.
    pub(super) fn all(text: &[u8]) -> Self {
        Self::of(&LongLines::of(text), 0..text.len())
    }
}

/// The parts of a text between such borders.
pub(super) fn stretches(text: &[u8], borders: &[usize]) -> impl Iterator<Item = Range<usize>> {
    let ends = borders.iter().copied().chain([text.len()]);
    std::iter::once(0).chain(borders.iter().copied()).zip(ends).map(|(start, end)| start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(seed: u64, length: usize) -> String {
        let mut state = seed;
        let mut text = String::new();
        while text.len() < length {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(&format!("f{}(a,b);", state >> 40));
        }
        text
    }

    #[test]
    fn lines_that_are_too_long() {
        let long = "x".repeat(LONGEST + 1);
        let fits = "x".repeat(LONGEST);
        // where they begin
        let cases: [(String, &[usize]); 6] = [
            (String::new(), &[]),
            (fits.clone(), &[]),
            (long.clone(), &[0]),
            (format!("{fits}\n{fits}\n"), &[]),
            (format!("a\n{long}\nb\n"), &[2]),
            (format!("{fits}\n{long}\n{long}"), &[LONGEST + 1, 2 * LONGEST + 3]),
        ];
        for (text, expected) in cases {
            let lines: Vec<_> = expected.iter().map(|start| *start..start + LONGEST + 1).collect();
            assert_eq!(LongLines::of(text.as_bytes()).lines, lines);
        }
    }

    /// Rows hold everything, each begins where the one before ends, and the borders in a range are theirs.
    #[test]
    fn rows_of_a_long_line() {
        let text = format!("first\n{}\nlast", code(1, 3 * LONGEST)).into_bytes();
        let long = LongLines::of(&text);
        let borders = long.borders(&(0..text.len()));
        assert!(borders.len() > 50, "{}", borders.len());
        let mut row = long.row(&text, 0).unwrap();
        assert_eq!(row, 0..5);
        let mut begins = Vec::new();
        while let Some(next) = long.row_behind(&text, row.end) {
            let next = next.unwrap();
            assert_eq!(long.row_before(&text, next.start), Some(Some(row)));
            for at in [next.start, usize::midpoint(next.start, next.end), next.end - 1] {
                assert_eq!(long.row(&text, at), Some(next.clone()));
            }
            begins.push(next.start);
            row = next;
        }
        assert_eq!(&text[row], b"last");
        assert_eq!(begins[1..begins.len() - 1], *borders);
        assert_eq!(*long.borders(&(borders[3]..borders[7])), borders[4..7]);
    }

    /// What is put into one row moves no border of the others.
    #[test]
    fn borders_stay() {
        let (before, after) = (code(2, 2 * LONGEST), code(3, 2 * LONGEST));
        let borders = |text: &str| LongLines::of(text.as_bytes()).borders;
        let (one, other) = (format!("{before}{after}"), format!("{before} a change {after}"));
        let near = before.len() - BEFORE..before.len() + BEFORE;
        let far = |borders: Vec<usize>, put_in: usize| -> Vec<usize> {
            let all = borders.into_iter().map(|at| if at >= near.end + put_in { at - put_in } else { at });
            all.filter(|at| !near.contains(at)).collect()
        };
        assert_eq!(far(borders(&one), 0), far(borders(&other), other.len() - one.len()));
    }

    #[test]
    fn a_row_without_borders_is_too_long() {
        let text = "x".repeat(3 * LONGEST);
        assert_eq!(LongLines::of(text.as_bytes()).row(text.as_bytes(), LONGEST), None);
    }
}
