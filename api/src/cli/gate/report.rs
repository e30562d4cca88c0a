//! What the gate writes: the verdict in words, or the new findings in the form that a forge reads.

use std::fmt::Write as _;

use clap::ValueEnum;
use scanner::{Report, export};

use super::Failure;
use crate::gate::{State, codequality};
use crate::http::wire::Gate;

/// The forms of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// The server's answer.
    Json,
    /// SARIF 2.1.0 of the new findings, for GitHub code scanning and others.
    Sarif,
    /// A table of the new findings, for a pull request or a job summary.
    Markdown,
    /// Annotations of GitHub Actions.
    Github,
    /// GitLab's Code Quality report.
    Gitlab,
    /// One row for each new finding.
    Csv,
}

impl Format {
    /// Whether the scan's report is needed for it.
    pub fn needs_report(self) -> bool {
        self != Self::Json
    }
}

/// The answer in a form. `report` holds the new findings only; it is there unless the verdict has no scan.
///
/// # Errors
/// Exit 3 when a form that lists findings has none to list because nothing was scanned: an empty list would say "nothing found".
pub fn render(format: Format, verdict: &Gate, report: Option<&Report>) -> Result<String, Failure> {
    let json = |value: Result<String, serde_json::Error>| value.map(|text| text + "\n").map_err(Failure::incomplete);
    if format == Format::Json {
        return json(serde_json::to_string_pretty(verdict));
    }
    let Some(report) = report else {
        if format == Format::Text {
            return Ok(headline(verdict));
        }
        return Err(Failure::incomplete(format!(
            "there is no scan to write a report of\n{}",
            headline(verdict).trim_end()
        )));
    };
    match format {
        Format::Text => Ok(format!("{}\n{}", headline(verdict), export::text::render(report))),
        Format::Json | Format::Sarif => json(serde_json::to_string_pretty(&export::sarif::render(report))),
        Format::Markdown => Ok(export::markdown::render(report)),
        Format::Github => Ok(export::annotations::render(report)),
        Format::Gitlab => json(serde_json::to_string_pretty(&codequality::render(report))),
        Format::Csv => Ok(export::csv::render(report)),
    }
}

/// The verdict in a line, and why.
pub fn headline(verdict: &Gate) -> String {
    let state = match verdict.state {
        State::Pass => "pass",
        State::Fail => "fail",
        State::Pending => "pending (the scan did not end in time)",
        State::Incomplete => "incomplete (something could not be looked at)",
    };
    let mut text = format!("gate: {state}, {} new, commit {}", verdict.new.len(), verdict.commit);
    if let Some(base) = &verdict.base {
        // writing to a String does not fail
        let _ = write!(text, ", judged against {base}");
    }
    text.push('\n');
    for reason in &verdict.reasons {
        let _ = writeln!(text, "  {}", reason.replace(char::is_control, " "));
    }
    text
}
