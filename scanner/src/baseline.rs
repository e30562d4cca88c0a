//! What was already there: findings of an earlier report do not count again.

use std::collections::BTreeSet;

use crate::finding::{Detail, Finding, FindingId, Ignored};
use crate::report::Report;

/// The identities of an earlier report's findings, those of aliases included.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    ids: BTreeSet<FindingId>,
    /// (manifest, package, advisory id) so that a new alias does not make an old vulnerability new.
    vulnerabilities: BTreeSet<(String, String, String)>,
}

/// Why a text is no baseline.
#[derive(Debug, thiserror::Error)]
#[error("not a report of secretarybird (schema_version 1, JSON): {0}")]
pub struct InvalidBaseline(#[from] serde_json::Error);

impl Baseline {
    /// Reads an earlier JSON report.
    ///
    /// # Errors
    /// When the text is not such a report.
    pub fn from_json(text: &[u8]) -> Result<Self, InvalidBaseline> {
        Ok(Self::of(&serde_json::from_slice::<Report>(text)?))
    }

    /// The baseline that a report makes.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        let mut baseline = Self::default();
        for finding in &report.findings {
            baseline.ids.insert(finding.id.clone());
            baseline.vulnerabilities.extend(vulnerability_keys(finding));
        }
        baseline
    }

    /// Whether the finding was there before.
    #[must_use]
    pub fn has(&self, finding: &Finding) -> bool {
        self.ids.contains(&finding.id) || vulnerability_keys(finding).any(|key| self.vulnerabilities.contains(&key))
    }

    /// Marks the findings that were there before.
    pub fn apply(&self, findings: &mut [Finding], by: &str) {
        for finding in findings.iter_mut().filter(|finding| finding.ignored.is_none()) {
            if self.has(finding) {
                finding.ignored = Some(Ignored { by: by.to_owned(), reason: "already in the baseline".to_owned() });
            }
        }
    }
}

fn vulnerability_keys(finding: &Finding) -> impl Iterator<Item = (String, String, String)> {
    let detail = match &finding.detail {
        Detail::Vulnerability(detail) => Some(detail),
        _ => None,
    };
    let manifest = finding.location.path.clone().unwrap_or_default();
    detail.into_iter().flat_map(move |detail| {
        let manifest = manifest.clone();
        detail.aliases.iter().map(move |id| (manifest.clone(), detail.package.to_string(), id.clone()))
    })
}
