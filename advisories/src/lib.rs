//! What is known to be bad: advisory feeds, affected ranges, the index and matching.

pub mod package;
pub mod severity;

pub use package::{InvalidPackageName, PackageName, Version};
pub use severity::Severity;
