//! Delta instructions: copy a range of the base, or insert new bytes.

use std::ops::Range;

use super::file::PackError;

const BROKEN: PackError = PackError::Object("its delta is damaged");

/// How an object was made from its base.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Bytes of the base.
    base: usize,
    /// Bytes of the result.
    result: usize,
    /// Ranges of the result that stand in the base as they are, in order, and where each begins there.
    copied: Vec<(Range<usize>, usize)>,
}

/// A range of the base that was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Where it begins in the base.
    from: usize,
    /// Where it begins in the result.
    to: usize,
    length: usize,
    /// It begins where the base and the result begin.
    first: bool,
    /// It ends where the base and the result end.
    last: bool,
}

impl Copied {
    /// Where a range of the base stands in the result, or what was copied of it.
    #[must_use]
    pub fn moved(&self, range: &Range<usize>) -> Range<usize> {
        let moved = |at: usize| at.clamp(self.from, self.from + self.length) - self.from + self.to;
        moved(range.start)..moved(range.end)
    }

    /// Whether a range of the base was copied with so many bytes on each side, or with everything to the base's beginning and end.
    #[must_use]
    pub fn holds(&self, range: &Range<usize>, around: usize) -> bool {
        (self.first || self.from + around <= range.start)
            && (self.last || range.end + around <= self.from + self.length)
    }
}

impl Changes {
    /// Of a result that holds copies: where each begins, where it began in the base, its length; in order, without overlaps.
    #[must_use]
    pub fn from_copies(base: usize, result: usize, copies: &[(usize, usize, usize)]) -> Self {
        let mut changes = Self { base, result, copied: Vec::new() };
        for (at, source, length) in copies {
            changes.copy(*at, *source, *length);
        }
        changes
    }

    fn copy(&mut self, at: usize, source: usize, length: usize) {
        match self.copied.last_mut() {
            Some((last, from)) if last.end == at && *from + last.len() == source => last.end += length,
            _ => self.copied.push((at..at + length, source)),
        }
    }

    /// Ranges of the result that stand in the base as they are, in order, and where each begins there.
    #[must_use]
    pub fn copied(&self) -> &[(Range<usize>, usize)] {
        &self.copied
    }

    /// The copied ranges that hold a range of the base, or a part of it.
    pub fn copies_of(&self, range: &Range<usize>) -> impl Iterator<Item = Copied> + '_ {
        let range = range.clone();
        self.copied.iter().filter(move |(to, from)| *from < range.end && range.start < from + to.len()).map(
            |(to, from)| Copied {
                from: *from,
                to: to.start,
                length: to.len(),
                first: *from == 0 && to.start == 0,
                last: from + to.len() == self.base && to.end == self.result,
            },
        )
    }

    /// The ranges of the result that were not copied, in order. Where two copied ranges meet that did not meet in the base, and where the
    /// result begins or ends and the base did not, an empty range stands.
    pub fn changed(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let before =
            std::iter::once((0, 0)).chain(self.copied.iter().map(|(range, from)| (range.end, from + range.len())));
        let after = self.copied.iter().map(|(range, from)| (range.start, *from)).chain([(self.result, self.base)]);
        before.zip(after).filter(|(before, after)| before != after).map(|(before, after)| before.0..after.0)
    }
}

/// Applies `delta` to `base`.
pub(super) fn apply(base: &[u8], delta: &[u8], limit: u64) -> Result<(Vec<u8>, Changes), PackError> {
    let mut at = 0;
    if size(delta, &mut at)? != base.len() as u64 {
        return Err(BROKEN);
    }
    let result = size(delta, &mut at)?;
    if result > limit {
        return Err(PackError::TooLarge { size: result, limit });
    }
    let mut out = Vec::with_capacity(result as usize);
    let mut changes = Changes { base: base.len(), result: result as usize, copied: Vec::new() };
    while let Some(&instruction) = delta.get(at) {
        at += 1;
        let piece = match instruction {
            0 => return Err(BROKEN),
            copy if copy & 0x80 != 0 => {
                let mut number = |bits: Range<u8>| {
                    let mut value = 0usize;
                    for (place, bit) in bits.enumerate() {
                        if copy & 1 << bit != 0 {
                            value |= usize::from(*delta.get(at).ok_or(BROKEN)?) << (8 * place);
                            at += 1;
                        }
                    }
                    Ok(value)
                };
                let offset = number(0..4)?;
                let length = match number(4..7)? {
                    0 => 0x1_0000,
                    length => length,
                };
                changes.copy(out.len(), offset, length);
                base.get(offset..offset + length).ok_or(BROKEN)?
            }
            insert => {
                let piece = delta.get(at..at + usize::from(insert)).ok_or(BROKEN)?;
                at += usize::from(insert);
                piece
            }
        };
        if (out.len() + piece.len()) as u64 > result {
            return Err(BROKEN);
        }
        out.extend_from_slice(piece);
    }
    if out.len() as u64 == result { Ok((out, changes)) } else { Err(BROKEN) }
}

fn size(delta: &[u8], at: &mut usize) -> Result<u64, PackError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = *delta.get(*at).ok_or(BROKEN)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(BROKEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions() {
        // gitformat-pack(5), "Deltified representation"
        let base = b"hello world";
        let delta = [11, 9, 0x91, 0, 5, 4, b'-', b'a', b'-', b'b'];
        let (made, changes) = apply(base, &delta, 100).unwrap();
        assert_eq!(made, b"hello-a-b");
        // "hello" was copied; "-a-b" was inserted and ends where the base did not
        assert_eq!(changed(&changes), [(5, 9)]);
        assert!(matches!(apply(base, &delta, 8), Err(PackError::TooLarge { .. })));
        let wrong: &[&[u8]] = &[
            &[],
            &[11],
            &[10, 1, 1, b'a'],
            &[11, 1, 0],
            &[11, 1, 2, b'a'],
            &[11, 2, 1, b'a'],
            &[11, 1, 2, b'a', b'b'],
            &[11, 9, 0x91, 9, 5],
            &[0xff; 12],
        ];
        for delta in wrong {
            assert!(apply(base, delta, 100).is_err(), "{delta:?}");
        }
    }

    fn changed(changes: &Changes) -> Vec<(usize, usize)> {
        changes.changed().map(|range| (range.start, range.end)).collect()
    }

    #[test]
    fn what_changed() {
        // copied (place, place in the base, length) from a base of ten bytes; bytes of the result; what changed
        type Case = (&'static [(usize, usize, usize)], usize, &'static [(usize, usize)]);
        let cases: &[Case] = &[
            (&[(0, 0, 10)], 10, &[]),
            // two copies that go on in the base are one
            (&[(0, 0, 4), (4, 4, 6)], 10, &[]),
            // cut out of the middle, the beginning, the end
            (&[(0, 0, 4), (4, 6, 4)], 8, &[(4, 4)]),
            (&[(0, 2, 8)], 8, &[(0, 0)]),
            (&[(0, 0, 8)], 8, &[(8, 8)]),
            // put in, at each place
            (&[(0, 0, 4), (6, 4, 6)], 12, &[(4, 6)]),
            (&[(3, 0, 10)], 13, &[(0, 3)]),
            (&[(0, 0, 10)], 13, &[(10, 13)]),
            (&[], 5, &[(0, 5)]),
        ];
        for (copied, result, expected) in cases {
            let changes = Changes::from_copies(10, *result, copied);
            assert_eq!(changed(&changes), *expected, "{copied:?}");
        }
    }
}
