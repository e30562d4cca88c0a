//! How bad an advisory is.

use serde::{Deserialize, Serialize};

/// A severity level, lowest first; `Unknown` is what no source rated, and sorts below `None` only so that the rated come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Not rated by any source.
    #[default]
    Unknown,
    /// Rated, and harmless.
    None,
    /// CVSS 0.1–3.9.
    Low,
    /// CVSS 4.0–6.9.
    Medium,
    /// CVSS 7.0–8.9.
    High,
    /// CVSS 9.0–10.0.
    Critical,
}
