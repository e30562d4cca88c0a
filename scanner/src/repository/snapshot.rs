//! A commit, or a plain directory, as a read-only set of files.

use std::collections::BTreeMap;

/// What stands at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A regular file.
    File,
    /// A symbolic link; its content is the target's path, and it is never followed outside the snapshot.
    Symlink,
    /// A git submodule; its content is not in this repository.
    Submodule,
}

/// One path of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the repository's root, `/`-separated. Bytes that are not UTF-8 are replaced by U+FFFD.
    pub path: String,
    /// What stands there.
    pub kind: EntryKind,
    /// Bytes; 0 for a submodule.
    pub size: u64,
    /// The blob's git id in hex; `None` outside git.
    pub blob: Option<String>,
}

/// Why a file of a snapshot could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No entry has this path.
    #[error("no such file in the snapshot")]
    NotFound,
    /// The entry is no file (a submodule, say).
    #[error("not a regular file")]
    NotAFile,
    /// Larger than the caller's or the snapshot's limit.
    #[error("{size} bytes are more than the limit of {limit}")]
    TooLarge {
        /// Bytes it has.
        size: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// git or the disk failed.
    #[error("cannot be read: {0}")]
    Unreadable(String),
}

/// A read-only tree of files. Implementations: a commit of a mirror, a plain directory, and a map of bytes.
pub trait Snapshot: Sync {
    /// All entries, sorted by path.
    fn entries(&self) -> &[Entry];

    /// The whole content of the file at `path`.
    ///
    /// # Errors
    /// [`ReadError`]; never an empty answer for a file that could not be read.
    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError>;

    /// The entry at `path`.
    fn entry(&self, path: &str) -> Option<&Entry> {
        let entries = self.entries();
        entries.binary_search_by(|entry| entry.path.as_str().cmp(path)).ok().map(|found| &entries[found])
    }
}

/// Files held in memory: a staged change, or the cases of a test.
#[derive(Debug, Default)]
pub struct MemorySnapshot {
    entries: Vec<Entry>,
    contents: BTreeMap<String, Vec<u8>>,
}

impl MemorySnapshot {
    /// A snapshot of the given files.
    pub fn new<P: Into<String>, C: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        let contents: BTreeMap<String, Vec<u8>> =
            files.into_iter().map(|(path, content)| (path.into(), content.into())).collect();
        let entries = contents
            .iter()
            .map(|(path, content)| Entry {
                path: path.clone(),
                kind: EntryKind::File,
                size: content.len() as u64,
                blob: None,
            })
            .collect();
        Self { entries, contents }
    }
}

impl Snapshot for MemorySnapshot {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        self.contents.get(path).cloned().ok_or(ReadError::NotFound)
    }
}
