//! The gate: the server's verdict over one commit, and what a pipeline knows about itself when it asks.

pub mod codequality;
pub mod held;
pub mod known;
pub mod pipeline;
pub mod verdict;

pub use held::Verdicts;
pub use known::{Asked, Gathered, InForce, Known, Lacking, ask, gather, layers, report_of};
pub use verdict::{Facts, State, Verdict, judge};
