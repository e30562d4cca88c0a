//! `pack-*.idx`: which object stands where in a pack. Version 2, as every git since 1.6 writes it.

use std::path::Path;

use super::file::{PackError, map};

/// A SHA-1 object name.
pub type ObjectId = [u8; 20];

const MAGIC: &[u8] = b"\xfftOc\0\0\0\x02";
const FANOUT: usize = 8;
const NAMES: usize = FANOUT + 256 * 4;

/// A mapped index.
pub(super) struct PackIndex {
    data: memmap2::Mmap,
    count: usize,
}

impl PackIndex {
    pub(super) fn open(path: &Path) -> Result<Self, PackError> {
        let data = map(path)?;
        let broken = |reason: &str| PackError::Broken { path: path.to_owned(), reason: reason.to_owned() };
        if !data.starts_with(MAGIC) || data.len() < NAMES {
            return Err(broken("not a pack index of version 2"));
        }
        let count = be32(&data, NAMES - 4) as usize;
        // names, checksums and offsets, then two trailing hashes
        if data.len() < NAMES + count * 28 + 40 {
            return Err(broken("the pack index is cut off"));
        }
        Ok(Self { data, count })
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn name(&self, position: usize) -> ObjectId {
        let start = NAMES + position * 20;
        let mut id = [0; 20];
        id.copy_from_slice(&self.data[start..start + 20]);
        id
    }

    /// Byte offset in the pack; past its end when the index is broken.
    pub(super) fn offset(&self, position: usize) -> u64 {
        let small = NAMES + self.count * 24;
        let offset = be32(&self.data, small + position * 4);
        if offset & 0x8000_0000 == 0 {
            return u64::from(offset);
        }
        let large = small + self.count * 4 + (offset & 0x7fff_ffff) as usize * 8;
        match self.data.get(large..large + 8) {
            Some(bytes) => bytes.iter().fold(0, |value, &byte| value << 8 | u64::from(byte)),
            None => u64::MAX,
        }
    }

    pub(super) fn find(&self, id: &ObjectId) -> Option<usize> {
        let bucket = |byte: usize| be32(&self.data, FANOUT + byte * 4) as usize;
        let first = usize::from(id[0]);
        let mut low = if first == 0 { 0 } else { bucket(first - 1) };
        let mut high = bucket(first).min(self.count);
        // names are spread evenly: the next four bytes tell where it stands, nearly
        let share = id[1..5].iter().fold(0, |value, &byte| value << 8 | u64::from(byte));
        let mut middle = low + ((high.saturating_sub(low) as u64 * share) >> 32) as usize;
        let mut apart = 4;
        while low < high {
            middle = middle.clamp(low, high - 1);
            match self.name(middle).cmp(id) {
                std::cmp::Ordering::Equal => return Some(middle),
                std::cmp::Ordering::Less => {
                    low = middle + 1;
                    middle = low + apart;
                }
                std::cmp::Ordering::Greater => {
                    high = middle;
                    middle = high.saturating_sub(apart);
                }
            }
            // further and further, until it lies between; then half by half
            apart *= 4;
            if apart > high.saturating_sub(low) {
                middle = low + (high.saturating_sub(low)) / 2;
            }
        }
        None
    }
}

fn be32(data: &[u8], at: usize) -> u32 {
    data.get(at..at + 4).map_or(0, |bytes| bytes.iter().fold(0, |value, &byte| value << 8 | u32::from(byte)))
}
