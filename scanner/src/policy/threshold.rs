//! The words of a policy: what is looked at, and the severity from which a finding fails.

use std::fmt;
use std::str::FromStr;

use advisories::Severity;
use serde::{Deserialize, Serialize};

/// One of the four things a scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Advisories against the inventory.
    Vulnerabilities,
    /// Secrets.
    Secrets,
    /// Imports against declarations.
    Usage,
    /// How the repository is set up.
    Posture,
}

impl Aspect {
    /// All four, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Vulnerabilities, Self::Secrets, Self::Usage, Self::Posture];
}

/// A word that is none of those known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl UnknownWord {
    pub(crate) fn new(word: &str, known: &'static str) -> Self {
        Self { word: word.to_owned(), known }
    }
}

impl FromStr for Aspect {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "vulnerabilities" => Self::Vulnerabilities,
            "secrets" => Self::Secrets,
            "usage" => Self::Usage,
            "posture" => Self::Posture,
            _ => {
                return Err(UnknownWord { word: word.to_owned(), known: "vulnerabilities, secrets, usage, posture" });
            }
        })
    }
}

/// The severity from which a finding violates the policy; the strictest first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Threshold {
    /// Everything that is rated at all.
    Low,
    /// The default: unused packages and other low findings are shown and do not fail.
    #[default]
    Medium,
    /// High and critical.
    High,
    /// Critical only.
    Critical,
    /// Nothing fails.
    None,
}

impl FromStr for Threshold {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            "none" => Self::None,
            _ => return Err(UnknownWord { word: word.to_owned(), known: "low, medium, high, critical, none" }),
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::None => "none",
        })
    }
}

impl Threshold {
    /// Whether a severity reaches it.
    #[must_use]
    pub fn is_reached_by(self, severity: Severity) -> bool {
        let least = match self {
            Self::None => return false,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        };
        severity >= least
    }
}
