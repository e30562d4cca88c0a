//! What REST says and takes, apart from what the store keeps: a record may change its form, the wire only grows.

mod audit;
mod finding;
mod gate;
mod job;
mod message;
mod repository;
mod scan;
mod sweep;
mod token;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

pub use audit::AuditLine;
pub use finding::{Decision, Finding, Resolution, Triage};
pub use gate::{Comparison, Gate, Layer, Policy};
pub use job::Job;
pub use message::Message;
pub use repository::{NewRepository, Repository};
pub use scan::{NewScan, Scan};
pub use sweep::{Failure, Sweep};
pub use token::{CreatedToken, NewToken, TokenView};

/// One page of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Send this as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Paging {
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{16,2000}$")]
    pub after: Option<String>,
    /// Items on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}
