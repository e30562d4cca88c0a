//! Loose objects: `objects/ab/cdef…`, one zlib stream each, "kind size\0" before the content.

use std::fs;
use std::io::Read;
use std::path::Path;

use flate2::read::ZlibDecoder;

use super::file::PackError;
use super::index::ObjectId;
use super::store::ObjectKind;

/// Longest header: kind, space, twenty digits, NUL.
const HEADER: usize = 32;

/// Names of the loose objects below `objects`.
pub(super) fn list(objects: &Path) -> Vec<ObjectId> {
    let mut found = Vec::new();
    for first in 0..=255_u8 {
        let Ok(entries) = fs::read_dir(objects.join(hex::encode([first]))) else { continue };
        for entry in entries.flatten() {
            let mut id = [first; 20];
            if hex::decode_to_slice(entry.file_name().to_string_lossy().as_bytes(), &mut id[1..]).is_ok() {
                found.push(id);
            }
        }
    }
    found.sort_unstable();
    found
}

/// Reads one, if `wanted` takes its kind.
pub(super) fn read(
    objects: &Path,
    id: &ObjectId,
    limit: u64,
    wanted: impl Fn(ObjectKind) -> bool,
) -> Result<Option<(ObjectKind, Vec<u8>)>, PackError> {
    const BROKEN: PackError = PackError::Object("its compressed data is damaged");
    let name = hex::encode(id);
    let path = objects.join(&name[..2]).join(&name[2..]);
    let file = fs::File::open(&path).map_err(|error| PackError::Open { path, reason: error.to_string() })?;
    let mut stream = ZlibDecoder::new(std::io::BufReader::new(file));
    let mut header = Vec::with_capacity(HEADER);
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).map_err(|_| BROKEN)?;
        if byte[0] == 0 {
            break;
        }
        header.push(byte[0]);
        if header.len() > HEADER {
            return Err(BROKEN);
        }
    }
    let header = String::from_utf8(header).map_err(|_| BROKEN)?;
    let (kind, size) = header.split_once(' ').ok_or(BROKEN)?;
    let size: u64 = size.parse().map_err(|_| BROKEN)?;
    let kind = match kind {
        "blob" => ObjectKind::Blob,
        "commit" => ObjectKind::Commit,
        "tag" => ObjectKind::Tag,
        "tree" => ObjectKind::Tree,
        _ => return Err(BROKEN),
    };
    if !wanted(kind) {
        return Ok(None);
    }
    if size > limit {
        return Err(PackError::TooLarge { size, limit });
    }
    let mut bytes = Vec::with_capacity(size as usize);
    stream.take(size + 1).read_to_end(&mut bytes).map_err(|_| BROKEN)?;
    if bytes.len() as u64 == size { Ok(Some((kind, bytes))) } else { Err(BROKEN) }
}
