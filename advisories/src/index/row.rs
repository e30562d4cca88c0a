//! Where a record says that a package is affected, as positions among the versions that the package's records name.
//!
//! The *n*-th of a package's sorted keys has the position 2n + 1; what lies between two keys has the even number between theirs. So a
//! version is looked up once, and every interval is then two comparisons of integers.

use super::image::{Item, ROW};

/// What the row says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From the start on.
    Open,
    /// Up to a fixed version.
    Fixed,
    /// Up to and with the last affected version.
    LastAffected,
    /// Up to a limit, which nobody says is fixed.
    Limit,
    /// One version, listed by itself and in no interval.
    Listed,
    /// The record names the package and no version.
    Nothing,
}

const KINDS: [Kind; 6] = [Kind::Open, Kind::Fixed, Kind::LastAffected, Kind::Limit, Kind::Listed, Kind::Nothing];
const START_LOCAL: u32 = 1 << 8;
const END_LOCAL: u32 = 1 << 9;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub record: u32,
    /// The first affected position.
    pub start: u32,
    /// The first position that is no longer affected.
    pub end: u32,
    /// The end's text as its source wrote it.
    pub text: u32,
    pub kind: Kind,
    /// The start's version has a local part, so that the dependency's counts as well.
    pub start_local: bool,
    /// The same for the end.
    pub end_local: bool,
}

/// A version's position, with and without its local part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Position {
    pub public: u32,
    pub full: u32,
}

impl Row {
    pub(super) fn with_text(self, text: u32) -> Self {
        Self { text, ..self }
    }

    pub(super) fn write(self, out: &mut Vec<u8>) {
        let kind = KINDS.iter().position(|kind| *kind == self.kind).unwrap_or(KINDS.len() - 1) as u32;
        let flags = u32::from(self.start_local) * START_LOCAL + u32::from(self.end_local) * END_LOCAL;
        for number in [self.record, self.start, self.end, self.text, kind | flags] {
            out.extend_from_slice(&number.to_le_bytes());
        }
    }

    pub(super) fn read(bytes: &[u8]) -> Self {
        debug_assert_eq!(bytes.len(), ROW);
        let item = Item(bytes);
        let flags = item.u32(16);
        Self {
            record: item.u32(0),
            start: item.u32(4),
            end: item.u32(8),
            text: item.u32(12),
            kind: KINDS.get((flags & 0xff) as usize).copied().unwrap_or(Kind::Nothing),
            start_local: flags & START_LOCAL != 0,
            end_local: flags & END_LOCAL != 0,
        }
    }

    /// Whether the version at this position is affected.
    pub(crate) fn contains(&self, at: Position) -> bool {
        let of = |local: bool| if local { at.full } else { at.public };
        of(self.start_local) >= self.start && of(self.end_local) < self.end
    }
}
