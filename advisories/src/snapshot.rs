//! The index as a file: versioned, checksummed, memory-mapped; opening it parses no JSON and walks no record. The form is described
//! in `index/image.rs`.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use memmap2::Mmap;

use crate::index::{AdvisoryIndex, Bytes};
pub use crate::index::{FORMAT, MAGIC};

/// Why a snapshot cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk says no.
    #[error("{0}")]
    Io(std::io::Error),
    /// Another kind of file.
    #[error("not an advisory snapshot")]
    NotOne,
    /// Written by another version of the program.
    #[error("snapshot format {0}, this program reads {FORMAT}")]
    Format(u32),
    /// The checksum or the structure does not hold.
    #[error("the snapshot is damaged: {0}")]
    Damaged(&'static str),
}

/// Opens a snapshot file that [`write()`] made: it is mapped, and answers from where it lies.
///
/// # Errors
/// [`SnapshotError`]
#[expect(unsafe_code, reason = "snapshots are written once, renamed into place, and only ever replaced or unlinked")]
pub fn open(path: &Path) -> Result<AdvisoryIndex, SnapshotError> {
    let file = File::open(path).map_err(SnapshotError::Io)?;
    if file.metadata().map_err(SnapshotError::Io)?.len() == 0 {
        return Err(SnapshotError::NotOne);
    }
    // SAFETY: see above; a file that was replaced or unlinked stays as it was for who has mapped it.
    let map = unsafe { Mmap::map(&file) }.map_err(SnapshotError::Io)?;
    AdvisoryIndex::open(Bytes::Mapped(map))
}

/// Writes a snapshot beside `path` and moves it there in one step.
///
/// # Errors
/// [`SnapshotError::Io`]
pub fn write(index: &AdvisoryIndex, path: &Path) -> Result<(), SnapshotError> {
    write_atomically(path, index.bytes()).map_err(SnapshotError::Io)
}

/// Replaces the file at `path` in one step: a reader sees the old content or the new.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The bytes of a snapshot. Equal indexes have equal bytes.
#[must_use]
pub fn encode(index: &AdvisoryIndex) -> &[u8] {
    index.bytes()
}

/// Reads the bytes of a snapshot.
///
/// # Errors
/// [`SnapshotError`]
pub fn decode(file: &[u8]) -> Result<AdvisoryIndex, SnapshotError> {
    AdvisoryIndex::open(Bytes::Owned(file.to_vec()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::index::RecordProblem;
    use crate::signals::Signals;

    fn sample() -> AdvisoryIndex {
        let text = br#"{"id":"PYSEC-1","aliases":["CVE-1"],"affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["9"],
            "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1"},{"introduced":"2"},{"last_affected":"3"},{"introduced":"5"},{"limit":"7"}]}]}]}"#;
        let read = crate::osv::read(text).unwrap();
        let signals = Signals { kev: Some(BTreeMap::new()), epss: Some([("CVE-1".to_owned(), 0.25)].into()) };
        let problem = RecordProblem { place: "x.json".into(), id: None, reason: "not JSON".into() };
        AdvisoryIndex::build(vec![read.advisory], signals, vec![problem], "s", "2026-01-01T00:00:00Z")
    }

    fn asked(index: &AdvisoryIndex) -> Result<usize, crate::Damaged> {
        Ok(index.matches(&"a".parse().unwrap(), &crate::Version::new("2.5"))?.len() + index.find("CVE-1")?.len())
    }

    #[test]
    fn an_index_survives_the_file() {
        let index = sample();
        assert_eq!(decode(encode(&index)).unwrap(), index);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.snapshot");
        write(&index, &path).unwrap();
        let mapped = open(&path).unwrap();
        assert_eq!(mapped, index);
        assert_eq!(mapped.signals(), index.signals());
        // replaced and gone: what is mapped stays
        write(&AdvisoryIndex::build(Vec::new(), Signals::default(), Vec::new(), "", ""), &path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(asked(&mapped).unwrap(), 2);
        std::fs::write(&path, b"").unwrap();
        assert!(matches!(open(&path), Err(SnapshotError::NotOne)));
    }

    #[test]
    fn every_damage_is_noticed_at_the_latest_when_the_record_is_read() {
        let good = encode(&sample()).to_vec();
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            assert!(decode(&bad).is_err() || asked(&decode(&bad).unwrap()).is_err(), "byte {at}");
            assert!(decode(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(decode(&[good.as_slice(), b"x"].concat()).is_err());
    }

    #[test]
    fn a_forged_file_with_good_checksums_does_not_panic() {
        let good = encode(&sample()).to_vec();
        for at in crate::index::HEADER..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                crate::index::seal(&mut bad);
                if let Ok(index) = decode(&bad) {
                    let _ = asked(&index);
                    let _ = (index.signals(), index.packages().count(), index.records());
                }
            }
        }
    }
}
