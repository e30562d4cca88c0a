//! Findings and decisions about them on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::record::FindingRecord;

/// A finding with its life. The finding's own fields are those of the JSON report.
#[derive(Debug, Serialize, ToSchema)]
pub struct Finding {
    /// In which repository.
    pub repository: String,
    /// `open`, `reopened`, `accepted`, `revoked` or `fixed`.
    pub state: String,
    /// RFC 3339.
    pub first_seen: String,
    /// RFC 3339.
    pub last_seen: String,
    /// RFC 3339.
    pub fixed_at: Option<String>,
    /// How often it came back.
    pub reopened: u32,
    /// What somebody decided.
    pub triage: Option<Decision>,
    /// As in the report.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    pub finding: scanner::Finding,
}

/// What somebody decided about a finding.
#[derive(Debug, Serialize, ToSchema)]
pub struct Decision {
    /// The reason given.
    pub reason: String,
    /// The forges' word for it, where one was given.
    pub resolution: Option<Resolution>,
    /// When an acceptance ends, RFC 3339.
    pub until: Option<String>,
    /// Who.
    pub actor: String,
    /// When, RFC 3339.
    pub at: String,
}

impl From<FindingRecord> for Finding {
    fn from(record: FindingRecord) -> Self {
        let decision = |triage: crate::store::record::Triage| Decision {
            resolution: Resolution::of_reason(&triage.reason),
            reason: triage.reason,
            until: triage.until.map(|until| until.to_string()),
            actor: triage.actor,
            at: triage.at.to_string(),
        };
        Self {
            repository: record.repository.to_string(),
            state: record.state.as_str().to_owned(),
            first_seen: record.first_seen.to_string(),
            last_seen: record.last_seen.to_string(),
            fixed_at: record.fixed_at.map(|at| at.to_string()),
            reopened: record.reopened,
            triage: record.triage.map(decision),
            finding: record.finding,
        }
    }
}

/// The forges' words for why a finding is closed by hand: resolutions of secrets, dismissals of dependency alerts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// A secret that is none.
    FalsePositive,
    /// A secret that stays.
    WontFix,
    /// A secret that is worth nothing any more.
    Revoked,
    /// A secret of the tests.
    UsedInTests,
    /// A fix is under way.
    FixStarted,
    /// The advisory does not hold here.
    Inaccurate,
    /// Nobody has time for it.
    NoBandwidth,
    /// What is vulnerable is not used.
    NotUsed,
    /// The risk is borne.
    TolerableRisk,
}

impl Resolution {
    const ALL: [Self; 9] = [
        Self::FalsePositive,
        Self::WontFix,
        Self::Revoked,
        Self::UsedInTests,
        Self::FixStarted,
        Self::Inaccurate,
        Self::NoBandwidth,
        Self::NotUsed,
        Self::TolerableRisk,
    ];

    /// The forges' word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FalsePositive => "false_positive",
            Self::WontFix => "wont_fix",
            Self::Revoked => "revoked",
            Self::UsedInTests => "used_in_tests",
            Self::FixStarted => "fix_started",
            Self::Inaccurate => "inaccurate",
            Self::NoBandwidth => "no_bandwidth",
            Self::NotUsed => "not_used",
            Self::TolerableRisk => "tolerable_risk",
        }
    }

    /// Whether forges use the word for secrets; the others are for everything else.
    #[must_use]
    pub fn is_for_secrets(self) -> bool {
        matches!(self, Self::FalsePositive | Self::WontFix | Self::Revoked | Self::UsedInTests)
    }

    /// A reason that is such a word, or begins with one and a colon.
    #[must_use]
    pub fn of_reason(reason: &str) -> Option<Self> {
        let word = reason.split_once(':').map_or(reason, |(word, _)| word).trim();
        Self::ALL.into_iter().find(|resolution| resolution.as_str() == word)
    }
}

/// A decision about a finding.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Triage {
    /// `accepted`, `revoked`, or `open` to take a decision back.
    #[schema(pattern = "^(accepted|revoked|open)$")]
    pub state: String,
    /// Why, in words; may be left out where `resolution` says it.
    #[schema(min_length = 1, max_length = 1000, pattern = "\\S")]
    pub reason: Option<String>,
    /// Why, by the forges' word.
    pub resolution: Option<Resolution>,
    /// When an acceptance ends, RFC 3339.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_may_begin_with_the_forges_word() {
        for (reason, expected) in [
            ("wont_fix", Some(Resolution::WontFix)),
            ("used_in_tests: a fixture", Some(Resolution::UsedInTests)),
            ("because", None),
            ("we say: wont_fix", None),
        ] {
            assert_eq!(Resolution::of_reason(reason), expected, "{reason}");
        }
        for word in Resolution::ALL {
            assert_eq!(serde_json::to_value(word).expect("a word"), word.as_str());
        }
    }
}
