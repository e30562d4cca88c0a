//! git at the edge: mirrors, snapshots of commits, history. Nothing of a scanned repository is ever executed.

pub mod snapshot;

pub use snapshot::{Entry, EntryKind, MemorySnapshot, ReadError, Snapshot};
