//! What is known to be bad: advisory feeds, affected ranges, the index and matching.
//!
//! [`load()`] makes an [`AdvisoryIndex`] from an archive, a directory or a snapshot; [`AdvisoryIndex::matches`] says what affects a version.

pub mod advisory;
pub mod delta;
pub mod feed;
pub mod git_pin;
pub mod index;
pub mod load;
pub mod matching;
pub mod osv;
pub mod package;
pub mod range;
pub mod severity;
pub mod signals;
pub mod snapshot;
pub mod version_key;

pub use advisory::{Advisory, Affected};
pub use delta::Delta;
pub use index::{AdvisoryIndex, Damaged, FeedFact, RecordProblem};
pub use load::{LoadError, load, load_cached};
pub use matching::{Match, Pinned};
pub use package::{InvalidPackageName, PackageName, Version};
pub use severity::{Rating, Severity};
