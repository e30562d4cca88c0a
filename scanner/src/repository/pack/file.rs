//! `pack-*.pack`: entries, each a header and a zlib stream.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::{Decompress, FlushDecompress, Status};
use memmap2::Mmap;

use super::index::ObjectId;

/// Why a pack or an entry of it cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PackError {
    /// The file cannot be opened.
    #[error("cannot open `{}`: {reason}", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file is not what its name says.
    #[error("`{}` is damaged: {reason}", path.display())]
    Broken {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// One object of it cannot be had.
    #[error("{0}")]
    Object(&'static str),
    /// An object is above the limit.
    #[error("{size} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Bytes it says it has.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
}

/// Maps a file that git never changes once it has its name.
#[expect(unsafe_code, reason = "packs and their indexes are written once, renamed into place and only ever unlinked")]
pub(super) fn map(path: &Path) -> Result<Mmap, PackError> {
    let error = |error: std::io::Error| PackError::Open { path: path.to_owned(), reason: error.to_string() };
    let file = File::open(path).map_err(error)?;
    // SAFETY: see above; unlinking leaves the mapping valid.
    unsafe { Mmap::map(&file) }.map_err(error)
}

/// What an entry is, or is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryForm {
    Commit,
    Tree,
    Blob,
    Tag,
    /// A delta on the entry that begins at this offset.
    OffsetDelta(u64),
    /// A delta on the object of this name.
    NameDelta(ObjectId),
}

/// An entry's header.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub form: EntryForm,
    /// Inflated bytes (of the delta, for a delta).
    pub size: u64,
    /// Where its zlib stream begins.
    pub data: usize,
}

/// Reads the header of the entry at `offset`.
pub(super) fn header(pack: &[u8], offset: u64) -> Result<Header, PackError> {
    const CUT: PackError = PackError::Object("its entry lies outside the pack");
    let mut at = usize::try_from(offset).map_err(|_| CUT)?;
    let mut next = || {
        let byte = pack.get(at).copied();
        at += 1;
        byte.ok_or(CUT)
    };
    let first = next()?;
    let mut size = u64::from(first & 15);
    let mut shift = 4;
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = next()?;
        size |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(PackError::Object("its size is nonsense"))?;
        shift += 7;
    }
    let form = match first >> 4 & 7 {
        1 => EntryForm::Commit,
        2 => EntryForm::Tree,
        3 => EntryForm::Blob,
        4 => EntryForm::Tag,
        6 => {
            let mut byte = next()?;
            let mut back = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                back = (back + 1).checked_mul(128).ok_or(CUT)? | u64::from(byte & 0x7f);
            }
            EntryForm::OffsetDelta(offset.checked_sub(back).ok_or(CUT)?)
        }
        7 => {
            let mut id = [0; 20];
            for slot in &mut id {
                *slot = next()?;
            }
            EntryForm::NameDelta(id)
        }
        _ => return Err(PackError::Object("its type is unknown")),
    };
    Ok(Header { form, size, data: at })
}

/// Inflates a stream of exactly `size` bytes. The stream's own checksum is checked.
pub(super) fn inflate(zlib: &mut Decompress, stream: &[u8], size: u64) -> Result<Vec<u8>, PackError> {
    const BROKEN: PackError = PackError::Object("its compressed data is damaged");
    zlib.reset(true);
    let size = usize::try_from(size).map_err(|_| BROKEN)?;
    // one byte more than announced, so that a stream that goes on is noticed
    let mut bytes = Vec::with_capacity(size + 1);
    loop {
        let (before_in, before_out) = (zlib.total_in(), bytes.len());
        let rest = stream.get(before_in as usize..).ok_or(BROKEN)?;
        let status = zlib.decompress_vec(rest, &mut bytes, FlushDecompress::Finish).map_err(|_| BROKEN)?;
        match status {
            Status::StreamEnd if bytes.len() == size => return Ok(bytes),
            Status::StreamEnd => return Err(BROKEN),
            _ if zlib.total_in() == before_in && bytes.len() == before_out => return Err(BROKEN),
            _ => {}
        }
    }
}
