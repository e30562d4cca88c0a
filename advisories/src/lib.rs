//! What is known to be bad: advisory feeds, affected ranges, the index and matching.

pub mod package;
pub mod range;
pub mod severity;
pub mod version_key;

pub use package::{InvalidPackageName, PackageName, Version};
pub use severity::Severity;
