//! Spots: the places of a file where something was found, each with so much text around it that it can be judged again by itself.
//!
//! The first reading of a history does not know the paths of what it reads, and most versions of a file are made from another version by
//! a delta. Both are met by knowing *where* in a file something was found, instead of only that. In a version made from another
//! anchors are looked for where the delta put something in, or cut something out; those of the base that the delta copied are its own
//! without a look, and are judged again only where something changed within their reach. What was found in the base stays found where the
//! delta copied it with its surroundings. And what is found is later judged under each path that the file had by looking at
//! the spots' texts, with no need to read the file again.
//!
//! Why that is the same as looking at everything: a verdict depends on bytes within `Engine::reach` of the anchor that led to it (a property
//! test of the engine holds that), and a decoded piece on the rows that belong together with its own. Where the bytes that it depends on
//! were all copied, the verdict is the base's; otherwise one of them was changed, and then the anchor is judged, or the line decoded,
//! and so are spots that were copied without all of their surroundings. Files for which that does not hold (archives, notebooks, binaries,
//! rows longer than the decoder divides, whatever a bound cut short) are looked at as a whole.
//!
//! What is not pretty: the surroundings are bounds that the code of the engine and the classifier must keep, and only tests say that it
//! does.

use std::ops::Range;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::isolation::OwnError;
use crate::repository::pack::{Changes, Copied};
use crate::secrets::Engine;
use crate::secrets::engine::Met;
use crate::secrets::fragment::belong_together;
use crate::secrets::layer::{Layer, Point, Points};
use crate::secrets::look::look_at;
use crate::secrets::looked::{Bounds, Looked, Parts, Trail};
use crate::secrets::packed_text::PackedText;
use crate::secrets::rows::{LONGEST, LongLines, Rows};

/// So much text is kept around a spot: what the engine looks at, and the lines on which a comment may stand that ignores it.
const AROUND: usize = 2304;

/// What is found again at a spot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    /// Hits in the text itself, from anchor to secret, and what begins like an armoured key, as far as that may reach.
    Hits,
    /// Hits in the decoded pieces of some rows.
    Pieces,
}

/// A place where something was found, and its surroundings. The same spot in many versions of a file is kept once.
pub(super) struct Spot {
    sort: Sort,
    text: PackedText,
    /// The place itself in the text.
    core: Rows,
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
    /// Everything that is worth a look, in order, whatever the verdict.
    anchors: Vec<Met>,
    found: Vec<Found>,
    /// Its lines that are decoded in parts.
    long: LongLines,
    /// Bytes and pieces that came out by decoding, or more.
    spent: (u64, usize),
    /// Bytes of spots that were not kept before.
    pub kept: usize,
}

impl Seen {
    /// Looks at all of a divisible file. What it holds can only be looked at as a whole where that says more than what was seen.
    pub(super) fn in_full(engine: &Engine<'_>, bytes: &[u8], bounds: &Bounds) -> Result<Self, Looked> {
        let mut anchors = Vec::new();
        engine.meet(bytes, 0..bytes.len(), &mut anchors);
        anchors.sort();
        let long = LongLines::of(bytes);
        let parts = Parts { anchors: &anchors, pieces: vec![Rows::of(&long, 0..bytes.len())] };
        let (looked, trail) = look_at(engine, [(Layer::root(bytes, None), parts)], bounds);
        match Self::of(bytes, long, &trail, Vec::new(), bounds) {
            Some(seen) => Ok(Self { anchors, ..seen }),
            None => Err(looked),
        }
    }

    /// Looks at what is new in a divisible file that was made from a base. `None`: that would spare nothing, or is not possible.
    pub(super) fn by_changes(
        engine: &Engine<'_>,
        bytes: &[u8],
        base: &Self,
        changes: &Changes,
        bounds: &Bounds,
    ) -> Option<Self> {
        let changed: Vec<Range<usize>> = changes.changed().collect();
        let long = LongLines::of(bytes);
        let mut pieces = changed_rows(bytes, &long, &changed, (&base.long, changes));
        let mut again = Vec::new();
        let mut kept = Vec::new();
        for found in &base.found {
            for copy in changes.copies_of(&found.core) {
                let copied = found.copied(bytes, &long, &copy)?;
                match (&copied.spot, copied.sort) {
                    (Some(_), _) => kept.push(copied),
                    (None, Sort::Hits) => again.push(copied.core),
                    (None, Sort::Pieces) => pieces.push(copied.core),
                }
            }
        }
        let anchors = anchors_of(engine, bytes, base, changes);
        let near = near_changes(engine, &anchors, &changed, &joined(again));
        let pieces = joined(pieces).into_iter().map(|range| Rows::of(&long, range)).collect();
        let parts = Parts { anchors: &near, pieces };
        let (_, mut trail) = look_at(engine, [(Layer::root(bytes, None), parts)], bounds);
        trail.spent = (trail.spent.0 + base.spent.0, trail.spent.1 + base.spent.1);
        Some(Self { anchors, ..Self::of(bytes, long, &trail, kept, bounds)? })
    }

    fn of(bytes: &[u8], long: LongLines, trail: &Trail, mut found: Vec<Found>, bounds: &Bounds) -> Option<Self> {
        // what is said of the file as a whole is in no part of it; at a bound, it depends on everything before
        if trail.says || trail.spent.0 > bounds.unpacked || trail.spent.1 > bounds.members {
            return None;
        }
        found.extend(trail.hits.iter().map(|core| Found { sort: Sort::Hits, core: core.clone(), spot: None }));
        let mut lines = trail.lines.clone();
        lines.sort_by_key(|(line, origin)| (*line, origin.as_ref().map(|origin| (origin.start, origin.end))));
        lines.dedup();
        for (start, origin) in line_starts(bytes, lines) {
            // which row of a long line it is only the piece itself says
            let place = if long.around(start).is_some() { origin? } else { start..start };
            found.push(Found { sort: Sort::Pieces, core: closed(bytes, &long, &place)?, spot: None });
        }
        let mut found = merged(found);
        let mut kept = 0;
        for found in &mut found {
            if found.spot.is_none() {
                let spot = Spot::cut(bytes, &long, found).ok()?;
                kept += spot.text.size();
                found.spot = Some(Arc::new(spot));
            }
        }
        Some(Self { anchors: Vec::new(), found, long, spent: trail.spent, kept })
    }

    /// The spots as they stand in the file; `bytes` is the whole of it.
    pub(super) fn placed(&self, bytes: &[u8]) -> Vec<Placed> {
        let root = Layer::root(bytes, None);
        let mut points = Points::of(&root);
        let mut placed: Vec<(usize, &Arc<Spot>)> = self
            .found
            .iter()
            .filter_map(|found| found.spot.as_ref().map(|spot| (found.core.start - spot.core.range.start, spot)))
            .collect();
        placed.sort_by_key(|(start, spot)| (*start, spot.sort));
        placed.into_iter().map(|(start, spot)| Placed { spot: Arc::clone(spot), begin: points.at(start) }).collect()
    }
}

/// A spot that is looked at.
struct Unpacked<'s> {
    placed: &'s Placed,
    text: Zeroizing<Vec<u8>>,
    anchors: Vec<Met>,
}

/// Judges the spots of a file under a path, where it is known.
pub(super) fn look_again(engine: &Engine<'_>, spots: &[Placed], path: Option<&str>, bounds: &Bounds) -> Looked {
    let hits_first = |hits| spots.iter().filter(move |placed| (placed.spot.sort == Sort::Hits) == hits);
    let mut ordered: Vec<Unpacked<'_>> = Vec::with_capacity(spots.len());
    for placed in hits_first(true).chain(hits_first(false)) {
        let text = match placed.spot.text.text() {
            Ok(text) => text,
            Err(error) => return Looked::of(error, path),
        };
        let mut anchors = Vec::new();
        if placed.spot.sort == Sort::Hits {
            engine.meet(&text, placed.spot.core.range.clone(), &mut anchors);
        }
        ordered.push(Unpacked { placed, text, anchors });
    }
    let texts = ordered.iter().map(|Unpacked { placed: Placed { spot, begin }, text, anchors }| {
        let (core, mut parts) = (spot.core.clone(), Parts { anchors, ..Parts::default() });
        match spot.sort {
            Sort::Hits => {}
            Sort::Pieces => parts.pieces.push(core),
        }
        (Layer::part(text, path, *begin), parts)
    });
    look_at(engine, texts, bounds).0
}

impl Found {
    /// A spot of the base as it stands in a copy: with its surroundings, where those were copied too. Where it was copied in part, that part:
    /// there may be several anchors in one spot.
    fn copied(&self, bytes: &[u8], long: &LongLines, copy: &Copied) -> Option<Self> {
        let moved = copy.moved(&self.core);
        // the rows beside the pieces may be others now, and belong together with them
        let core = match self.sort {
            Sort::Hits => moved.clone(),
            Sort::Pieces => together(bytes, long, long.row(bytes, moved.start)?, long.row(bytes, moved.end)?)?,
        };
        let whole = core == moved && copy.holds(&self.core, AROUND);
        let spot = self.spot.clone().filter(|_| whole);
        // a line that became a long one, or is none any more, is decoded in other parts
        let spot =
            spot.filter(|spot| self.sort == Sort::Hits || spot.core.borders == Rows::of(long, core.clone()).borders);
        Some(Self { sort: self.sort, core, spot })
    }
}

impl Spot {
    fn cut(bytes: &[u8], long: &LongLines, found: &Found) -> Result<Self, OwnError> {
        let start = found.core.start.saturating_sub(AROUND);
        let end = bytes.len().min(found.core.end + AROUND);
        let Rows { range, borders } = Rows::of(long, found.core.clone());
        let core = Rows { range: range.start - start..range.end - start, borders };
        Ok(Self { sort: found.sort, text: PackedText::of(&bytes[start..end])?, core })
    }
}

/// All anchors of a file that was made from a base: those that were copied whole, and those in what is new or reaches over a joint.
fn anchors_of(engine: &Engine<'_>, bytes: &[u8], base: &Seen, changes: &Changes) -> Vec<Met> {
    let mut anchors = Vec::with_capacity(base.anchors.len() + 8);
    for (copied, from) in changes.copied() {
        let to = from + copied.len();
        let first = base.anchors.partition_point(|met| met.start() < *from);
        let there = base.anchors[first..].iter().take_while(|met| met.start() < to);
        let whole = there.filter(|met| met.start() + engine.length(**met) <= to);
        anchors.extend(whole.map(|met| met.moved_to(met.start() - from + copied.start)));
    }
    let before = engine.longest().saturating_sub(1);
    let new = changes.changed().map(|changed| changed.start.saturating_sub(before)..changed.end);
    for range in joined(new.collect()) {
        engine.meet(bytes, range, &mut anchors);
    }
    anchors.sort();
    anchors.dedup();
    anchors
}

/// The anchors that have a change within their reach, and those in the ranges.
fn near_changes(
    engine: &Engine<'_>,
    anchors: &[Met],
    mut changed: &[Range<usize>],
    ranges: &[Range<usize>],
) -> Vec<Met> {
    let mut ranges = ranges.iter().peekable();
    let furthest = engine.furthest().before;
    let mut near = Vec::new();
    for met in anchors {
        let (at, reach) = (met.start(), engine.reach(*met));
        while let [first, rest @ ..] = changed
            && first.end + furthest < at
        {
            changed = rest;
        }
        while ranges.next_if(|range| range.end <= at).is_some() {}
        let mut within = changed.iter().take_while(|range| range.start <= at + reach.after);
        let is_near = within.any(|range| range.end + reach.before >= at);
        if is_near || ranges.peek().is_some_and(|range| range.start <= at) {
            near.push(*met);
        }
    }
    near
}

/// The rows of a file in which an encoded piece may be that was not in its base, of which the long lines are given, and how it was made.
fn changed_rows(
    bytes: &[u8],
    long: &LongLines,
    changed: &[Range<usize>],
    base: (&LongLines, &Changes),
) -> Vec<Range<usize>> {
    // a row too long for that: all pieces are decoded, which is still less than looking at everything
    let everything = || std::iter::once(0..bytes.len()).collect();
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let Some(blocks) = rows_beside(bytes, long, changed) else { return everything() };
    for Block { first, last, .. } in blocks {
        match together(bytes, long, first, last) {
            Some(rows) => pieces.push(rows),
            None => return everything(),
        }
    }
    for part in long.lines().iter().flat_map(|line| new_in_long(line, base)) {
        match (long.row(bytes, part.start), long.row(bytes, part.end)) {
            (Some(first), Some(last)) => pieces.push(first.start..last.end),
            _ => return everything(),
        }
    }
    pieces
}

/// Rows that follow one another.
struct Block {
    first: Range<usize>,
    last: Range<usize>,
    /// Where the last row ends that holds what the block was made for, and not only stands beside it.
    inner: usize,
}

/// The rows of some ranges, which are in order, with one more on each side. `None` when one is too long.
fn rows_beside(bytes: &[u8], long: &LongLines, ranges: &[Range<usize>]) -> Option<Vec<Block>> {
    let mut blocks: Vec<Block> = Vec::new();
    for range in ranges {
        if blocks.last().is_some_and(|block| range.end <= block.inner) {
            continue;
        }
        let next = beside(bytes, long, range)?;
        match blocks.last_mut() {
            // there may be many changes in neighbouring rows: what belongs together with them is looked for once
            Some(block) if next.first.start <= block.last.end => {
                (block.last, block.inner) = (next.last, next.inner);
            }
            _ => blocks.push(next),
        }
    }
    Some(blocks)
}

/// The parts of a long line that were copied from a line that was none: they stand in other rows now, though nothing changed in them.
fn new_in_long(line: &Range<usize>, (base, changes): (&LongLines, &Changes)) -> Vec<Range<usize>> {
    let copied = changes.copied();
    let first = copied.partition_point(|(to, _)| to.end <= line.start);
    let inside = copied[first..].iter().take_while(|(to, _)| to.start < line.end);
    let parts = inside.map(|(to, from)| {
        let part = to.start.max(line.start)..to.end.min(line.end);
        (from + (part.start - to.start), part)
    });
    // a part has no line's end in it: it was all in one line
    parts.filter(|(from, _)| base.around(*from).is_none()).map(|(_, part)| part).collect()
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

/// Where the lines of these numbers begin; they are in order.
fn line_starts(bytes: &[u8], lines: Vec<(u32, Option<Range<usize>>)>) -> Vec<(usize, Option<Range<usize>>)> {
    let mut wanted = lines.into_iter().peekable();
    let begins = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|newline| newline + 1));
    let mut starts = Vec::new();
    for (line, begin) in (1..).zip(begins) {
        if wanted.peek().is_none() {
            break;
        }
        while let Some((_, origin)) = wanted.next_if(|(wanted, _)| *wanted == line) {
            starts.push((begin, origin));
        }
    }
    starts
}

/// The rows of a range, one more on each side, and those that belong together with them: no decoded piece that touches the range, or
/// touched it before the range was changed, goes beyond. `None` when they are more than a piece may be.
fn closed(bytes: &[u8], long: &LongLines, range: &Range<usize>) -> Option<Range<usize>> {
    let Block { first, last, .. } = beside(bytes, long, range)?;
    together(bytes, long, first, last)
}

/// The rows of a range, and one more on each side.
fn beside(bytes: &[u8], long: &LongLines, range: &Range<usize>) -> Option<Block> {
    let first = long.row(bytes, range.start)?;
    let last = if range.end < first.end { first.clone() } else { long.row(bytes, range.end)? };
    let inner = last.end;
    let first = long.row_before(bytes, first.start).unwrap_or(Some(first))?;
    let last = long.row_behind(bytes, last.end).unwrap_or(Some(last))?;
    Some(Block { first, last, inner })
}

/// The rows from the first to the last, and those before and behind that belong together with them.
fn together(bytes: &[u8], long: &LongLines, mut first: Range<usize>, mut last: Range<usize>) -> Option<Range<usize>> {
    while let Some(before) = long.row_before(bytes, first.start) {
        let before = before?;
        // parts of one line do not
        if before.end == first.start || !belong_together(&bytes[before.clone()], &bytes[first.clone()]) {
            break;
        }
        first = before;
        within(&first, &last)?;
    }
    while let Some(next) = long.row_behind(bytes, last.end) {
        let next = next?;
        if last.end == next.start || !belong_together(&bytes[last.clone()], &bytes[next.clone()]) {
            break;
        }
        last = next;
        within(&first, &last)?;
    }
    within(&first, &last)?;
    Some(first.start..last.end)
}

/// `None` when the rows from the first to the last are too long.
fn within(first: &Range<usize>, last: &Range<usize>) -> Option<()> {
    (last.end - first.start <= 4 * LONGEST).then_some(())
}

#[cfg(test)]
#[path = "spot_tests.rs"]
mod tests;
