//! The index as one run of bytes, answered from where it stands: in memory, or mapped from its file.
//!
//! `SBADVIDX`, the format's number (u32), how many sections (u32); for each section its offset and length (u64) and the first 16 bytes of its
//! BLAKE3; the BLAKE3 of all that (32 bytes); the sections one after the other. Numbers are little-endian. Opening verifies every section but
//! the records' texts, which are 64-bit digested one by one and verified when somebody reads them: so opening costs what a look-up needs,
//! and nothing is parsed. What a forged file with good digests may say is bounds-checked at every access.

use std::ops::{Deref, Range};
use std::sync::OnceLock;

use memmap2::Mmap;

use crate::snapshot::SnapshotError;

/// How a snapshot begins.
pub const MAGIC: &[u8] = b"SBADVIDX";
/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 2;

/// A part of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Source, times, feeds, problems; see [`super::about`].
    About,
    /// Texts, each with its length (u32) in front; a text is known by its offset.
    Texts,
    /// [`PACKAGE`] bytes each, sorted by name: name, first key, keys, first row, rows.
    Packages,
    /// Offsets (u32) into [`Section::Keys`]; key *n* ends where *n + 1* begins.
    KeyOffsets,
    /// Version keys; those of one package are sorted.
    Keys,
    /// [`ROW`] bytes each: record, start, end, text of the end, kind and flags.
    Rows,
    /// [`HEAD`] bytes each, sorted by id: id, published, first seen, flags, first alias, aliases, body's offset, length and digest.
    Heads,
    /// Texts (u32).
    Aliases,
    /// Repositories of git ranges (text, record), sorted by text.
    Repositories,
    /// CVE and day (texts), sorted by CVE.
    Kev,
    /// CVE (text) and probability (f64), sorted by CVE.
    Epss,
    /// Records as JSON, each compressed with zstd.
    Bodies,
}

pub(super) const SECTIONS: [Section; 12] = [
    Section::About,
    Section::Texts,
    Section::Packages,
    Section::KeyOffsets,
    Section::Keys,
    Section::Rows,
    Section::Heads,
    Section::Aliases,
    Section::Repositories,
    Section::Kev,
    Section::Epss,
    Section::Bodies,
];

/// Sizes of the fixed parts.
pub(super) const PACKAGE: usize = 20;
pub(super) const ROW: usize = 20;
pub(super) const HEAD: usize = 48;
const ENTRY: usize = 8 + 8 + 16;
pub(crate) const HEADER: usize = MAGIC.len() + 4 + 4 + SECTIONS.len() * ENTRY + 32;

/// Where the bytes are.
#[derive(Debug)]
pub(crate) enum Bytes {
    /// Built or read here.
    Owned(Vec<u8>),
    /// A snapshot file of ours.
    Mapped(Mmap),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

/// An index's bytes, verified.
#[derive(Debug)]
pub(crate) struct Image {
    bytes: Bytes,
    sections: [Range<usize>; SECTIONS.len()],
    /// What the content is known by, once somebody asked.
    pub(super) digest: OnceLock<String>,
}

impl Image {
    /// Verifies the header and every section but the records' texts.
    pub(crate) fn open(bytes: Bytes) -> Result<Self, SnapshotError> {
        let rest = bytes.strip_prefix(MAGIC).ok_or(SnapshotError::NotOne)?;
        let format = u32_in(rest, 0).ok_or(SnapshotError::Damaged("cut off"))?;
        if format != FORMAT {
            return Err(SnapshotError::Format(format));
        }
        let (table, digest) = bytes
            .get(..HEADER)
            .and_then(|header| header.split_last_chunk::<32>())
            .ok_or(SnapshotError::Damaged("cut off"))?;
        if blake3::hash(table) != *digest || u32_in(rest, 4) != u32::try_from(SECTIONS.len()).ok() {
            return Err(SnapshotError::Damaged("the header's checksum does not fit"));
        }
        let mut end = HEADER;
        let mut sections = SECTIONS.map(|_| 0..0);
        let entries = table[MAGIC.len() + 8..].chunks_exact(ENTRY);
        for ((entry, section), range) in entries.zip(SECTIONS).zip(&mut sections) {
            let number = |at| u64_in(entry, at).and_then(|number| usize::try_from(number).ok());
            let placed = number(0).zip(number(8)).and_then(|(start, length)| Some(start..start.checked_add(length)?));
            let placed = placed.filter(|placed| placed.start == end && placed.end <= bytes.len());
            *range = placed.ok_or(SnapshotError::Damaged("a section is not where it should be"))?;
            end = range.end;
            if section != Section::Bodies && blake3::hash(&bytes[range.clone()]).as_bytes()[..16] != entry[16..] {
                return Err(SnapshotError::Damaged("the checksum does not fit"));
            }
        }
        if end != bytes.len() {
            return Err(SnapshotError::Damaged("more bytes than it should have"));
        }
        Ok(Self { bytes, sections, digest: OnceLock::new() })
    }

    /// The whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn section(&self, section: Section) -> &[u8] {
        // the ranges were checked when the image was opened
        self.bytes.get(self.sections[section as usize].clone()).unwrap_or_default()
    }

    /// The text at an offset; empty where a forged file has none.
    pub(super) fn text(&self, at: u32) -> &str {
        let texts = self.section(Section::Texts);
        let read = || {
            let at = at as usize;
            let length = u32_in(texts, at)? as usize;
            std::str::from_utf8(texts.get(at + 4..)?.get(..length)?).ok()
        };
        read().unwrap_or_default()
    }

    /// How many items of `size` bytes a section has.
    pub(super) fn count(&self, section: Section, size: usize) -> usize {
        self.section(section).len() / size
    }

    /// The item with this number, of `size` bytes; empty where there is none.
    pub(super) fn item(&self, section: Section, size: usize, number: usize) -> Item<'_> {
        let start = number.saturating_mul(size);
        Item(self.section(section).get(start..start.saturating_add(size)).unwrap_or_default())
    }

    /// The number of the item whose first text is `wanted`, in a section sorted by it; the first of several.
    pub(super) fn find(&self, section: Section, size: usize, wanted: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.count(section, size));
        while low < high {
            let middle = usize::midpoint(low, high);
            if self.text(self.item(section, size, middle).u32(0)) < wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let found = low < self.count(section, size) && self.text(self.item(section, size, low).u32(0)) == wanted;
        found.then_some(low)
    }
}

/// A fixed run of numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a>(pub &'a [u8]);

impl Item<'_> {
    pub(super) fn u32(self, at: usize) -> u32 {
        u32_in(self.0, at).unwrap_or_default()
    }

    pub(super) fn u64(self, at: usize) -> u64 {
        u64_in(self.0, at).unwrap_or_default()
    }
}

fn u32_in(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_in(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

/// The image of these sections.
pub(super) fn assemble(parts: [Vec<u8>; SECTIONS.len()]) -> Image {
    let mut file = Vec::with_capacity(HEADER + parts.iter().map(Vec::len).sum::<usize>());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.extend_from_slice(&(SECTIONS.len() as u32).to_le_bytes());
    let mut start = HEADER;
    let mut sections = SECTIONS.map(|_| 0..0);
    for ((section, bytes), range) in SECTIONS.iter().zip(&parts).zip(&mut sections) {
        *range = start..start + bytes.len();
        start = range.end;
        file.extend_from_slice(&(range.start as u64).to_le_bytes());
        file.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        let digest = if *section == Section::Bodies { [0; 16] } else { first_half(blake3::hash(bytes)) };
        file.extend_from_slice(&digest);
    }
    let digest = blake3::hash(&file);
    file.extend_from_slice(digest.as_bytes());
    parts.iter().for_each(|bytes| file.extend_from_slice(bytes));
    Image { bytes: Bytes::Owned(file), sections, digest: OnceLock::new() }
}

fn first_half(digest: blake3::Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_bytes()[..16]);
    half
}

/// What a record's text is known by: damage, or a change, is seen without inflating it.
pub(super) fn digest_of(body: &[u8]) -> u64 {
    let mut half = [0; 8];
    half.copy_from_slice(&blake3::hash(body).as_bytes()[..8]);
    u64::from_le_bytes(half)
}

/// Makes the checksums of a changed file fit again, as a forger would.
#[cfg(test)]
pub(crate) fn seal(file: &mut [u8]) {
    for (at, section) in SECTIONS.iter().enumerate() {
        let entry = MAGIC.len() + 8 + at * ENTRY;
        let number = |from: usize| u64_in(file, from).unwrap() as usize;
        let range = number(entry)..number(entry) + number(entry + 8);
        if *section != Section::Bodies {
            let digest = first_half(blake3::hash(&file[range]));
            file[entry + 16..entry + 32].copy_from_slice(&digest);
        }
    }
    let digest = blake3::hash(&file[..HEADER - 32]);
    file[HEADER - 32..HEADER].copy_from_slice(digest.as_bytes());
}
