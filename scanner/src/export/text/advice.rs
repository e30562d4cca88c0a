//! The last line: what to do first.

use crate::finding::{Detail, Finding, Kind, Verified};
use crate::report::Report;

use super::layout::{WIDTH, without_controls};

/// One sentence: the step that takes away the most danger. Malicious code first, then a live or standing secret, then the
/// worst vulnerable package that has a fix, then what could not be looked at, then cleaning up.
pub fn first_step(report: &Report) -> String {
    without_controls(&step(report))
}

fn step(report: &Report) -> String {
    let count = |kind: Kind| report.findings.iter().filter(move |f| f.kind == kind && f.ignored.is_none());
    let first = |kind: Kind| count(kind).next();
    if let Some(Finding { detail: Detail::Vulnerability(detail), .. }) = first(Kind::Malicious) {
        return format!(
            "First: remove {}, it is malicious, and treat machines that installed it as compromised.",
            detail.package
        );
    }
    if let Some(text) = secret_step(count(Kind::Secret)) {
        return text;
    }
    if let Some(step) = report.fix_plan.steps.first() {
        return format!("First: upgrade {} to {}.", step.package, step.version);
    }
    if let Some(Finding { detail: Detail::Vulnerability(detail), .. }) = first(Kind::Vulnerability) {
        return format!("First: decide about {} ({}), for which no fix is known.", detail.package, detail.advisory);
    }
    if let Some(diagnostic) = report.diagnostics.iter().find(|diagnostic| diagnostic.gap) {
        let path = diagnostic.path.as_ref().map_or_else(String::new, |path| format!("{path}: "));
        return format!("First: mend what could not be looked at: {path}{}.", diagnostic.reason.trim_end_matches('.'));
    }
    if let Some(Finding { detail: Detail::Usage(detail), kind, .. }) =
        report.findings.iter().find(|f| f.ignored.is_none())
    {
        return match kind {
            Kind::Unused => format!("First: remove {} from {}, nothing uses it.", detail.package, detail.manifest),
            _ => format!("First: look at {} in {}.", detail.package, detail.manifest),
        };
    }
    "Nothing to do: nothing was found, and everything was looked at.".to_owned()
}

fn secret_step<'a>(secrets: impl Iterator<Item = &'a Finding>) -> Option<String> {
    let rank = |finding: &Finding| match &finding.detail {
        Detail::Secret(detail) => {
            (detail.verified == Verified::Live, finding.confidence, finding.severity, detail.in_head)
        }
        _ => (false, finding.confidence, finding.severity, false),
    };
    let finding = secrets.filter(|f| f.confidence > crate::Confidence::Low).max_by_key(|finding| rank(finding))?;
    let place = match (&finding.location.path, finding.location.line) {
        (Some(path), Some(line)) => format!(" ({path}:{line})"),
        (Some(path), None) => format!(" ({path})"),
        _ => String::new(),
    };
    let whole = format!("First: revoke the {}{place}.", finding.title);
    // the place is said above; a line that does not fit is read by nobody
    Some(if whole.chars().count() > WIDTH { format!("First: revoke the {}.", finding.title) } else { whole })
}
