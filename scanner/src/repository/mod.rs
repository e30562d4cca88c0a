//! git at the edge: mirrors, snapshots of commits, history. Nothing of a scanned repository is ever executed.

pub mod access;
pub mod ancestry;
pub mod directory_snapshot;
pub mod error;
pub mod git_snapshot;
pub mod host_key;
pub mod listing;
pub mod mirror;
pub mod origin;
pub mod pack;
mod revision;
mod settings;
pub mod snapshot;

pub use access::Access;
pub use ancestry::CachedMirrors;
pub use directory_snapshot::DirectorySnapshot;
pub use error::RepositoryError;
pub use git_snapshot::GitSnapshot;
pub use host_key::HostKeys;
pub use listing::Refs;
pub use mirror::{Mirror, OnProgress, Progress};
pub use origin::{Credentials, Origin, RemoteUrl};
pub use snapshot::{Entry, EntryKind, MemorySnapshot, ReadError, Snapshot};
