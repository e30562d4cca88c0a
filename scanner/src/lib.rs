//! One commit in, one report out: git, inventory, usage, secrets.

pub mod diagnostic;
pub mod finding;
pub mod inventory;
pub mod report;
pub mod repository;

pub use diagnostic::{Diagnostic, Stage};
pub use finding::{Confidence, Finding, FindingId, Kind};
pub use report::Report;
