//! One row a finding (RFC 4180).

use super::wording::{imports, remedy, subject, word};
use crate::report::Report;

/// The rows below their header. A cell that a spreadsheet would read as a formula is quoted by an apostrophe.
#[must_use]
pub fn render(report: &Report) -> String {
    let mut out = String::from("id,kind,severity,confidence,what,path,line,commit,ignored,mend,imported\r\n");
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
            imports(finding).unwrap_or_default(),
        ];
        out.push_str(&columns.map(|column| cell(&column)).join(","));
        out.push_str("\r\n");
    }
    out
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formula() {
        assert_eq!(cell("=cmd()"), "'=cmd()");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
