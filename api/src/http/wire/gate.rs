//! Verdicts and comparisons on the wire.

use scanner::policy::PolicyLayer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::gate::State;

/// What the gate says about a commit.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Gate {
    /// `pass`, `fail`, `pending` or `incomplete`.
    pub state: State,
    /// Whether everything could be looked at.
    pub complete: bool,
    /// The commit judged.
    pub commit: String,
    /// The commit it is judged against.
    pub base: Option<String>,
    /// The scan judged.
    pub scan: Option<String>,
    /// Findings that the base does not have, as in the report.
    #[schema(value_type = Vec<Object>)]
    pub new: Vec<scanner::Finding>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// How two commits differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct Comparison {
    /// The older commit.
    pub base: String,
    /// The newer commit.
    pub head: String,
    /// Whether both scans looked at everything.
    pub complete: bool,
    /// Only in `head`.
    #[schema(value_type = Vec<Object>)]
    pub new: Vec<crate::store::record::ScanFinding>,
    /// Only in `base`.
    #[schema(value_type = Vec<Object>)]
    pub fixed: Vec<crate::store::record::ScanFinding>,
    /// In both.
    #[schema(value_type = Vec<Object>)]
    pub unchanged: Vec<crate::store::record::ScanFinding>,
}

/// What the server judges a repository's commits by, beside what the repository's own configuration says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// The layers, the widest first: the server's, the organisation's.
    pub layers: Vec<Layer>,
}

/// One layer of a policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Layer {
    /// Whose.
    pub name: String,
    /// What it says, as in a configuration file.
    #[schema(value_type = Object)]
    pub policy: PolicyLayer,
}
