//! Secrets: bytes and a path in, hits out. Rules are data (`rules/*.toml`); a prefilter finds their anchors, the engine looks only
//! around those, proofs check what the format itself can prove, and a generic classifier judges what no provider's rule names.

pub mod engine;
pub mod example;
pub mod generic;
pub mod hit;
pub(crate) mod place;
pub mod prefilter;
pub mod proof;
pub mod rule;
pub mod rule_check;
pub mod rule_file;
pub mod shape;
pub mod text;

pub use engine::Engine;
pub use hit::Hit;
pub use rule::{Rule, RuleIndex, RuleSet};
pub use rule_file::RuleError;
pub use text::{Syntax, Text};
