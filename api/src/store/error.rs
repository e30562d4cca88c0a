//! Why the store did not answer.

use std::path::PathBuf;

use super::record::codec::CodecError;

/// Why the store did not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process has the directory.
    #[error("{}: another process uses this directory", .0.display())]
    InUse(PathBuf),
    /// Something stored cannot be read.
    #[error("the store is damaged: {row}: {reason}")]
    Damaged {
        /// Which row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Index and records do not fit each other.
    #[error("the store is damaged: an index (run `secretarybird store reindex`): {0}")]
    Index(String),
    /// The store was written by a newer program.
    #[error("the store has format {found}, and this program knows up to {known}: start a newer secretarybird")]
    Newer {
        /// The format found.
        found: u16,
        /// The newest one that this program knows.
        known: u16,
    },
    /// The disk, the storage engine or the database failed.
    #[error("the store has failed: {0}")]
    Failed(String),
    /// The cursor of a list is not one of ours, or of another list.
    #[error("the cursor does not belong to this list")]
    Cursor,
}

impl StoreError {
    pub(super) fn record(key: &[u8], error: &CodecError) -> Self {
        Self::Damaged { row: row_name(key), reason: error.to_string() }
    }

    pub(super) fn index(reason: &str) -> Self {
        Self::Index(reason.to_owned())
    }

    pub(super) fn gone() -> Self {
        Self::Failed("an earlier failure closed it; see the log, then restart".to_owned())
    }
}

/// A key as people may read it.
pub(super) fn row_name(key: &[u8]) -> String {
    String::from_utf8_lossy(key).chars().filter(|letter| !letter.is_control()).collect()
}
