//! GitLab's Code Quality report: <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>.

use advisories::Severity;
use scanner::Report;
use serde_json::{Value, json};

/// The findings that count, as a merge request shows them.
#[must_use]
pub fn render(report: &Report) -> Value {
    let counted = report.findings.iter().filter(|finding| finding.ignored.is_none());
    let entry = |finding: &scanner::Finding| {
        json!({
            "description": format!("{}: {}", finding.kind, finding.title),
            "check_name": finding.rule,
            "fingerprint": finding.id,
            "severity": match finding.severity {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
                Severity::None | Severity::Unknown => "info",
            },
            "location": {
                // a place is asked for; what has none concerns the repository
                "path": finding.location.path.as_deref().unwrap_or("."),
                "lines": {"begin": finding.location.line.unwrap_or(1)},
            },
        })
    };
    Value::Array(counted.map(entry).collect())
}
