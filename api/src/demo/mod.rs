//! `serve --demo`: a sample organisation, offline, from nothing to findings.

pub mod organisation;

/// The demo's advisories: a JSON array of OSV records of our own wording.
pub const ADVISORIES: &str = include_str!("advisories.json");
