//! One commit in, one report out: git, inventory, usage, secrets.

pub mod baseline;
pub mod config;
pub mod diagnostic;
pub mod export;
pub mod finding;
pub mod inventory;
pub mod policy;
pub mod report;
pub mod repository;
pub mod secrets;

pub use diagnostic::{Diagnostic, Stage};
pub use finding::{Confidence, Finding, FindingId, Kind};
pub use report::Report;
