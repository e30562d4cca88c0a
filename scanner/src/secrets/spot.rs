//! Spots: the places of a file where something was found, each with so much text around it that it can be judged again by itself.
//!
//! The first reading of a history does not know the paths of what it reads, and most versions of a file are made from another version by
//! a delta. Both are met by knowing *where* in a file something was found, instead of only that. A version made from another
//! is looked at where the delta put something in, or cut something out, and a little around; the spots of the base that the delta
//! copied are its own spots without a look. And what is found is later judged under each path that the file had by looking at
//! the spots' texts, with no need to read the file again.
//!
//! Why that is the same as looking at everything: a verdict depends on bytes within `BEFORE_ANCHOR` and `AFTER_ANCHOR` of the anchor that led to
//! it (a property test of the engine holds that), and a decoded piece on the lines that belong together with its own. Where the bytes that it depends on
//! were all copied, the verdict is the base's; otherwise one of them was changed, and then the anchor, or the line, is in the parts that
//! are looked at, and so are spots that were copied without all of their surroundings. Files for which that does not hold (archives, notebooks, binaries, lines longer than the decoder divides, whatever a
//! bound cut short) are looked at as a whole.
//!
//! What is not pretty: the surroundings are bounds that the code of the engine and the classifier must keep, and only tests say that it
//! does.

use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::repository::pack::{Changes, Copied};
use crate::secrets::Engine;
use crate::secrets::engine::{AFTER_ANCHOR, BEFORE_ANCHOR};
use crate::secrets::fragment::{LONGEST_DIVISIBLE_LINE, belong_together};
use crate::secrets::layer::{Layer, Point, Points};
use crate::secrets::look::{Bounds, Looked, Parts, Trail, look_at};

/// So much text is kept around a spot: what the engine looks at, and the lines on which a comment may stand that ignores it.
const AROUND: usize = 2304;

/// What is found again at a spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// Hits in the text itself, from anchor to secret, and what begins like an armoured key, as far as that may reach.
    Hits,
    /// Hits in the decoded pieces of some lines.
    Pieces,
}

/// A place where something was found, and its surroundings. The same spot in many versions of a file is kept once.
pub(super) struct Spot {
    sort: Sort,
    text: Zeroizing<Vec<u8>>,
    /// The place itself in `text`.
    core: Range<usize>,
}

/// A spot in one file.
pub(super) struct Placed {
    spot: Arc<Spot>,
    /// Where its text begins in the file.
    begin: Point,
}

/// A spot in one version of a file, for the versions made from it.
#[derive(Clone)]
struct Found {
    sort: Sort,
    /// In the file.
    core: Range<usize>,
    spot: Option<Arc<Spot>>,
}

/// What is known of a divisible file that was looked at.
pub(super) struct Seen {
    found: Vec<Found>,
    /// Bytes and pieces that came out by decoding, or more.
    spent: (u64, usize),
    /// Bytes of spots that were not kept before.
    pub kept: usize,
}

impl Seen {
    /// Looks at all of a divisible file. `None`: it holds what can only be looked at as a whole.
    pub(super) fn in_full(engine: &Engine<'_>, bytes: &[u8], bounds: &Bounds) -> Option<Self> {
        let all = || std::iter::once(0..bytes.len()).collect();
        let parts = Parts { anchors: all(), pieces: all() };
        let (looked, trail) = look_at(engine, [(Layer::root(bytes, None), parts)], bounds);
        Self::of(bytes, &looked, &trail, Vec::new(), bounds)
    }

    /// Looks at what is new in a divisible file that was made from a base. `None`: that would spare nothing, or is not possible.
    pub(super) fn by_changes(
        engine: &Engine<'_>,
        bytes: &[u8],
        base: &Self,
        changes: &Changes,
        bounds: &Bounds,
    ) -> Option<Self> {
        let mut parts = parts(bytes, changes)?;
        let mut kept = Vec::new();
        for found in &base.found {
            for copy in changes.copies_of(&found.core) {
                let copied = found.copied(bytes, &copy)?;
                match (&copied.spot, copied.sort) {
                    (Some(_), _) => kept.push(copied),
                    (None, Sort::Hits) => parts.anchors.push(copied.core),
                    (None, Sort::Pieces) => parts.pieces.push(copied.core),
                }
            }
        }
        let parts = Parts { anchors: joined(parts.anchors), pieces: joined(parts.pieces) };
        let (looked, mut trail) = look_at(engine, [(Layer::root(bytes, None), parts)], bounds);
        trail.spent = (trail.spent.0 + base.spent.0, trail.spent.1 + base.spent.1);
        Self::of(bytes, &looked, &trail, kept, bounds)
    }

    fn of(bytes: &[u8], looked: &Looked, trail: &Trail, mut found: Vec<Found>, bounds: &Bounds) -> Option<Self> {
        // a remark or a gap belongs to the file as a whole; at a bound, it depends on everything before
        if !looked.diagnostics.is_empty() || trail.spent.0 > bounds.unpacked || trail.spent.1 > bounds.members {
            return None;
        }
        found.extend(trail.hits.iter().map(|core| Found { sort: Sort::Hits, core: core.clone(), spot: None }));
        for line in line_starts(bytes, &trail.lines) {
            found.push(Found { sort: Sort::Pieces, core: closed(bytes, &(line..line))?, spot: None });
        }
        let mut found = merged(found);
        let mut kept = 0;
        for found in &mut found {
            if found.spot.is_none() {
                let spot = Spot::cut(bytes, found);
                kept += spot.text.len();
                found.spot = Some(Arc::new(spot));
            }
        }
        Some(Self { found, spent: trail.spent, kept })
    }

    /// The spots as they stand in the file; `bytes` is the whole of it.
    pub(super) fn placed(&self, bytes: &[u8]) -> Vec<Placed> {
        let root = Layer::root(bytes, None);
        let mut points = Points::of(&root);
        let mut placed: Vec<(usize, &Arc<Spot>)> = self
            .found
            .iter()
            .filter_map(|found| found.spot.as_ref().map(|spot| (found.core.start - spot.core.start, spot)))
            .collect();
        placed.sort_by_key(|(start, spot)| (*start, spot.sort));
        placed.into_iter().map(|(start, spot)| Placed { spot: Arc::clone(spot), begin: points.at(start) }).collect()
    }
}

/// Judges the spots of a file under a path, where it is known.
pub(super) fn look_again(engine: &Engine<'_>, spots: &[Placed], path: Option<&str>, bounds: &Bounds) -> Looked {
    let hits_first = |sort| spots.iter().filter(move |placed| placed.spot.sort == sort);
    let texts = hits_first(Sort::Hits).chain(hits_first(Sort::Pieces)).map(|Placed { spot, begin }| {
        let core = vec![spot.core.clone()];
        let parts = match spot.sort {
            Sort::Hits => Parts { anchors: core, pieces: Vec::new() },
            Sort::Pieces => Parts { anchors: Vec::new(), pieces: core },
        };
        (Layer::part(&spot.text, path, *begin), parts)
    });
    look_at(engine, texts, bounds).0
}

impl Found {
    /// A spot of the base as it stands in a copy: with its surroundings, where those were copied too. Where it was copied in part, that part:
    /// there may be several anchors in one spot.
    fn copied(&self, bytes: &[u8], copy: &Copied) -> Option<Self> {
        let moved = copy.moved(&self.core);
        // the lines beside the pieces may be others now, and belong together with them
        let core = match self.sort {
            Sort::Hits => moved.clone(),
            Sort::Pieces => together(bytes, line_at(bytes, moved.start)?, line_at(bytes, moved.end)?)?,
        };
        let whole = core == moved && copy.holds(&self.core, AROUND);
        Some(Self { sort: self.sort, core, spot: self.spot.clone().filter(|_| whole) })
    }
}

impl Spot {
    fn cut(bytes: &[u8], found: &Found) -> Self {
        let start = found.core.start.saturating_sub(AROUND);
        let end = bytes.len().min(found.core.end + AROUND);
        let core = found.core.start - start..found.core.end - start;
        Self { sort: found.sort, text: Zeroizing::new(bytes[start..end].to_vec()), core }
    }
}

/// The parts of a file where something may be that was not in its base.
fn parts(bytes: &[u8], changes: &Changes) -> Option<Parts> {
    let mut parts = Parts::default();
    let mut divided = true;
    for changed in changes.changed() {
        parts.anchors.push(changed.start.saturating_sub(AFTER_ANCHOR)..bytes.len().min(changed.end + BEFORE_ANCHOR));
        match closed(bytes, &changed) {
            Some(lines) => parts.pieces.push(lines),
            None => divided = false,
        }
    }
    if !divided {
        // a line too long for that: all pieces are decoded, which is still less than looking at everything
        parts.pieces = std::iter::once(0..bytes.len()).collect();
    }
    let parts = Parts { anchors: joined(parts.anchors), pieces: joined(parts.pieces) };
    let looked_at: usize = parts.anchors.iter().map(Range::len).sum();
    (looked_at < bytes.len()).then_some(parts)
}

/// The same ranges in order, and one where some overlap or meet.
fn joined(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_unstable_by_key(|range| range.start);
    let mut joined: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match joined.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => joined.push(range),
        }
    }
    joined
}

/// One for each place: what overlaps is found again together.
fn merged(mut found: Vec<Found>) -> Vec<Found> {
    found.sort_by_key(|found| (found.sort, found.core.start, found.core.end, found.spot.is_none()));
    let mut merged: Vec<Found> = Vec::new();
    for next in found {
        match merged.last_mut() {
            Some(last) if last.sort == next.sort && last.core == next.core => {}
            Some(last) if last.sort == next.sort && next.core.start < last.core.end => {
                last.core.end = last.core.end.max(next.core.end);
                last.spot = None;
            }
            _ => merged.push(next),
        }
    }
    merged
}

/// Where the lines of these numbers begin.
fn line_starts(bytes: &[u8], lines: &[u32]) -> Vec<usize> {
    let mut wanted = lines.to_vec();
    wanted.sort_unstable();
    wanted.dedup();
    let mut wanted = wanted.into_iter().peekable();
    let begins = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|newline| newline + 1));
    let mut starts = Vec::new();
    for (line, begin) in (1..).zip(begins) {
        if wanted.peek().is_none() {
            break;
        }
        if wanted.next_if_eq(&line).is_some() {
            starts.push(begin);
        }
    }
    starts
}

/// The lines of a range, one more on each side, and those that belong together with them: no decoded piece that touches the range, or
/// touched it before the range was changed, goes beyond. `None` when they are more than a piece may be.
fn closed(bytes: &[u8], range: &Range<usize>) -> Option<Range<usize>> {
    let first = line_at(bytes, range.start)?;
    let first = if first.start > 0 { line_at(bytes, first.start - 1)? } else { first };
    let last = line_at(bytes, range.end)?;
    let last = if last.end < bytes.len() { line_at(bytes, last.end + 1)? } else { last };
    together(bytes, first, last)
}

/// The lines from the first to the last, and those before and behind that belong together with them.
fn together(bytes: &[u8], mut first: Range<usize>, mut last: Range<usize>) -> Option<Range<usize>> {
    while let Some(before) = first.start.checked_sub(1) {
        let before = line_at(bytes, before)?;
        if !belong_together(&bytes[before.clone()], &bytes[first.clone()]) {
            break;
        }
        first = before;
        within(&first, &last)?;
    }
    while last.end < bytes.len() {
        let next = line_at(bytes, last.end + 1)?;
        if !belong_together(&bytes[last.clone()], &bytes[next.clone()]) {
            break;
        }
        last = next;
        within(&first, &last)?;
    }
    within(&first, &last)?;
    Some(first.start..last.end)
}

/// `None` when the lines from the first to the last are too long.
fn within(first: &Range<usize>, last: &Range<usize>) -> Option<()> {
    (last.end - first.start <= 4 * LONGEST_DIVISIBLE_LINE).then_some(())
}

/// The line that holds an offset, without its end. `None` when it is too long.
fn line_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let low = at.saturating_sub(LONGEST_DIVISIBLE_LINE + 1);
    let high = bytes.len().min(at + LONGEST_DIVISIBLE_LINE + 1);
    let start = memchr::memrchr(b'\n', &bytes[low..at]).map_or(low, |newline| low + newline + 1);
    let end = memchr::memchr(b'\n', &bytes[at..high]).map_or(high, |newline| at + newline);
    (end - start <= LONGEST_DIVISIBLE_LINE).then_some(start..end)
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
