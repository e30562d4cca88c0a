//! One commit in, one report out: git, inventory, usage, secrets.

pub mod baseline;
pub mod config;
pub mod diagnostic;
pub mod export;
pub mod finding;
pub mod fix;
pub mod freshness;
pub mod inventory;
pub mod isolation;
pub mod package_index;
pub mod policy;
pub mod posture;
pub mod report;
pub mod repository;
pub mod resolve;
pub mod scan;
pub mod secrets;
pub mod standing;
pub mod stop;
pub mod usage;
pub mod vulnerabilities;

pub use diagnostic::{Diagnostic, Stage};
pub use finding::{Confidence, Finding, FindingId, Kind};
pub use report::Report;
pub use scan::scan;
pub use stop::Stop;
