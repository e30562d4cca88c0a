//! A finding with its life.

use advisories::Severity;
use jiff::Timestamp;
use scanner::{Finding, FindingId};
use serde::{Deserialize, Serialize};

use super::{RepositoryId, ScanFinding, ScanId, Tenant};

/// Where a finding stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// There, and nobody has decided anything.
    Open,
    /// Was fixed (or its acceptance ran out), and is there again.
    Reopened,
    /// Somebody accepted it, perhaps until a day.
    Accepted,
    /// The secret is no longer worth anything; history still has it.
    Revoked,
    /// No longer there.
    Fixed,
}

impl FindingState {
    /// All states, in the order of lists.
    pub const ALL: [Self; 5] = [Self::Open, Self::Reopened, Self::Accepted, Self::Revoked, Self::Fixed];

    /// The word used in REST and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Reopened => "reopened",
            Self::Accepted => "accepted",
            Self::Revoked => "revoked",
            Self::Fixed => "fixed",
        }
    }

    /// From the word.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }

    /// Somebody has to do something.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Reopened)
    }
}

/// What somebody decided about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triage {
    /// [`FindingState::Accepted`], [`FindingState::Revoked`], or [`FindingState::Open`] to take a decision back.
    pub state: FindingState,
    /// Why: `false_positive`, `wont_fix`, `used_in_tests`, `tolerable_risk`, … or words.
    pub reason: String,
    /// When an acceptance ends.
    pub until: Option<Timestamp>,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

/// A finding with its life.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// Whose.
    pub tenant: Tenant,
    /// In which repository.
    pub repository: RepositoryId,
    /// Where it stands.
    pub state: FindingState,
    /// When it was first seen.
    pub first_seen: Timestamp,
    /// When a scan last saw it.
    pub last_seen: Timestamp,
    /// The first scan that saw it; `None` when a re-match opened it.
    pub first_scan: Option<ScanId>,
    /// The last scan that saw it.
    pub last_scan: Option<ScanId>,
    /// When it was last found to be gone.
    pub fixed_at: Option<Timestamp>,
    /// How often it came back.
    pub reopened: u32,
    /// Where it stood before, when it has moved.
    pub moved_from: Option<String>,
    /// The standing decision.
    pub triage: Option<Triage>,
    /// Said about its state, where the state alone would mislead.
    pub note: Option<String>,
    /// The finding as last seen.
    pub finding: Finding,
}

impl FindingRecord {
    /// Its identity.
    #[must_use]
    pub fn id(&self) -> &FindingId {
        &self.finding.id
    }

    /// How bad.
    #[must_use]
    pub fn severity(&self) -> Severity {
        self.finding.severity
    }

    /// The package it is about, for lists by package.
    #[must_use]
    pub fn package(&self) -> Option<&str> {
        use scanner::finding::Detail;
        match &self.finding.detail {
            Detail::Vulnerability(detail) => Some(detail.package.as_str()),
            Detail::Usage(detail) => Some(detail.package.as_str()),
            Detail::Secret(_) | Detail::Posture(_) => None,
        }
    }

    /// The keyed hash of the secret it is about: the same in every repository that has it.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&str> {
        match &self.finding.detail {
            scanner::finding::Detail::Secret(detail) => Some(detail.fingerprint.as_str()),
            _ => None,
        }
    }

    /// It in short.
    #[must_use]
    pub fn summary(&self) -> ScanFinding {
        ScanFinding::of(&self.finding)
    }
}

impl ScanFinding {
    /// A finding in short.
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            kind: finding.kind,
            severity: finding.severity,
            title: finding.title.clone(),
            ignored: finding.ignored.is_some(),
        }
    }
}
