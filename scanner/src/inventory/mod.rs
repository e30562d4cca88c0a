//! Every manifest and lockfile of a snapshot as packages.

pub mod package;

pub use package::{Dependency, Format, Manifest, Package, Source};
