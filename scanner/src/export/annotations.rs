//! Workflow commands of GitHub Actions.

use std::fmt::Write as _;

use super::wording::{remedy, subject, word};
use crate::report::Report;

/// An annotation for each finding that counts and each gap.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::new();
    for finding in report.findings.iter().filter(|finding| finding.ignored.is_none()) {
        let command = match word(&finding.severity).as_str() {
            "critical" | "high" => "error",
            "medium" | "unknown" => "warning",
            _ => "notice",
        };
        let mut properties = Vec::new();
        if let Some(path) = &finding.location.path {
            properties.push(format!("file={}", escape_property(path)));
            properties.extend(finding.location.line.map(|line| format!("line={line}")));
        }
        properties.push(format!("title={}", escape_property(&format!("secretarybird: {}", finding.kind))));
        let remedy = remedy(finding).map_or_else(String::new, |remedy| format!(". {remedy}"));
        let _ = writeln!(out, "::{command} {}::{}", properties.join(","), escape_data(&(subject(finding) + &remedy)));
    }
    for gap in report.diagnostics.iter().filter(|diagnostic| diagnostic.gap) {
        let file = gap.path.as_deref().map_or_else(String::new, |path| format!(" file={}", escape_property(path)));
        let _ = writeln!(out, "::error{file}::not looked at: {}", escape_data(&gap.reason));
    }
    out
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_repository_does_not_become_a_command() {
        assert_eq!(escape_property("a:b,c%\n::error::x"), "a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax");
    }
}
