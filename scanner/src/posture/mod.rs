//! How a repository is set up: one file per check. A check sees the inventory and answers findings of kind `posture`.

mod moving_source;
mod unlocked;

use advisories::Severity;

use crate::finding::{Confidence, Detail, Finding, FindingId, Kind, Location, PostureDetail};
use crate::inventory::Manifest;

/// Runs every check.
#[must_use]
pub fn check(manifests: &[Manifest]) -> Vec<Finding> {
    let mut problems = unlocked::check(manifests);
    problems.extend(moving_source::check(manifests));
    problems.into_iter().map(Problem::finding).collect()
}

/// What a check says.
struct Problem {
    check: &'static str,
    severity: Severity,
    title: String,
    path: String,
    line: Option<u32>,
    /// What tells two problems of one check in one file apart.
    subject: String,
    evidence: Vec<String>,
}

impl Problem {
    fn finding(self) -> Finding {
        Finding {
            id: FindingId::of(Kind::Posture, &[self.check, &self.path, &self.subject]),
            kind: Kind::Posture,
            severity: self.severity,
            confidence: Confidence::High,
            title: self.title,
            rule: self.check.to_owned(),
            location: Location { path: Some(self.path), line: self.line, ..Location::default() },
            detail: Detail::Posture(Box::new(PostureDetail { check: self.check.to_owned(), evidence: self.evidence })),
            ignored: None,
        }
    }
}
