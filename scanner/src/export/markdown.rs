//! Markdown for a pull-request comment or a job summary, workflow annotations, and CSV.

use std::fmt::Write as _;

use crate::finding::{Detail, Finding};
use crate::report::{Report, Target};

/// A summary table of what counts; what was ignored is counted, what could not be looked at is listed.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::from("# Secretarybird\n\n");
    let (Target::Git { url: what, .. } | Target::Directory { path: what, .. }) = &report.target;
    let counted: Vec<_> = report.findings.iter().filter(|finding| finding.ignored.is_none()).collect();
    let ignored = report.findings.len() - counted.len();
    let _ = writeln!(out, "{}: {} findings, {ignored} ignored.\n", cell(what), counted.len());
    if !counted.is_empty() {
        out.push_str("| severity | kind | what | where | mend |\n|---|---|---|---|---|\n");
    }
    for finding in counted {
        let columns = [
            word(&finding.severity),
            finding.kind.to_string(),
            subject(finding),
            place(finding),
            remedy(finding).unwrap_or_default(),
        ];
        let _ = writeln!(out, "| {} |", columns.map(|column| cell(&column)).join(" | "));
    }
    let gaps: Vec<_> = report.diagnostics.iter().filter(|diagnostic| diagnostic.gap).collect();
    if !gaps.is_empty() {
        out.push_str("\n## Not looked at\n\n");
    }
    for gap in gaps {
        let path = gap.path.as_deref().map_or_else(String::new, |path| format!("`{}`: ", path.replace('`', "'")));
        let _ = writeln!(out, "- {path}{}", cell(&gap.reason));
    }
    out
}

/// Workflow commands of GitHub Actions: an annotation for each finding that counts and each gap.
#[must_use]
pub fn annotations(report: &Report) -> String {
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

/// One row a finding (RFC 4180). A cell that a spreadsheet would read as a formula is quoted by an apostrophe.
#[must_use]
pub fn csv(report: &Report) -> String {
    let mut out = String::from("id,kind,severity,confidence,what,path,line,commit,ignored,mend\r\n");
    for finding in &report.findings {
        let location = &finding.location;
        let columns = [
            finding.id.to_string(),
            finding.kind.to_string(),
            word(&finding.severity),
            word(&finding.confidence),
            subject(finding),
            location.path.clone().unwrap_or_default(),
            location.line.map(|line| line.to_string()).unwrap_or_default(),
            location.commit.clone().unwrap_or_default(),
            finding.ignored.as_ref().map(|ignored| ignored.reason.clone()).unwrap_or_default(),
            remedy(finding).unwrap_or_default(),
        ];
        out.push_str(&columns.map(|column| csv_cell(&column)).join(","));
        out.push_str("\r\n");
    }
    out
}

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn subject(finding: &Finding) -> String {
    match &finding.detail {
        Detail::Vulnerability(detail) => {
            let version = detail.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
            format!("{}{version}: {} ({})", detail.package, finding.title, detail.advisory)
        }
        _ => finding.title.clone(),
    }
}

fn place(finding: &Finding) -> String {
    let path = finding.location.path.clone().unwrap_or_default();
    finding.location.line.map_or_else(|| path.clone(), |line| format!("{path}:{line}"))
}

fn remedy(finding: &Finding) -> Option<String> {
    match &finding.detail {
        Detail::Vulnerability(detail) => {
            detail.fix.as_ref().map(|fix| format!("upgrade {} to {}", detail.package, fix.version))
        }
        Detail::Secret(detail) => detail.remedy.clone(),
        Detail::Usage(detail) => detail.remedy.clone(),
        Detail::Posture(_) => None,
    }
}

/// Text from a repository must not become markup: a cell is one line without pipes, tags, links or mentions.
fn cell(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '|' | '<' | '>' | '[' | ']' | '`' | '*' | '_' | '\\' | '!' | '#' => {
                out.push('\\');
                out.push(letter);
            }
            '@' => out.push_str("@\u{200b}"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_repository_does_not_become_markup() {
        assert_eq!(cell("a|b <img> @team\n"), "a\\|b \\<img\\> @\u{200b}team ");
        assert_eq!(escape_property("a:b,c%\n::error::x"), "a%3Ab%2Cc%25%0A%3A%3Aerror%3A%3Ax");
        assert_eq!(csv_cell("=cmd()"), "'=cmd()");
        assert_eq!(csv_cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
