//! Secrets: bytes and a path in, hits out. Rules are data (`rules/*.toml`); a prefilter finds their anchors, the engine looks only
//! around those, proofs check what the format itself can prove, and a generic classifier judges what no provider's rule names.

mod attribution;
mod container;
pub mod engine;
pub mod example;
mod fragment;
mod gather;
pub mod generic;
mod history;
pub mod hit;
mod inline_ignore;
mod joining;
mod layer;
mod lineage;
mod look;
pub mod memory;
mod merging;
mod notebook;
pub(crate) mod place;
pub mod prefilter;
pub mod proof;
pub mod rule;
pub mod rule_check;
pub mod rule_file;
mod sample;
mod scan;
mod second;
pub mod secret;
pub mod shape;
mod sieve;
mod splice;
mod spot;
mod sqlite;
pub mod text;
mod tree_entry;
pub mod verify;

pub use engine::Engine;
pub use history::Reading;
pub use hit::Hit;
pub use memory::Memory;
pub use rule::{Rule, RuleIndex, RuleSet};
pub use rule_file::RuleError;
pub use scan::{History, Looking, SecretsFound, scan_history, scan_history_by, scan_snapshot, scan_staged};
pub use secret::{FingerprintKey, Secret};
pub use sieve::Versions;
pub use text::{Syntax, Text};
