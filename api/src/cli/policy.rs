//! `secretarybird policy explain`: which rule decided about a finding.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use scanner::policy::{Circumstances, Policy, PolicyLayer, Threshold};
use scanner::{Finding, Report};

use super::exit::{Exit, Failure, answer};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Says step by step why a finding of a report fails or passes.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub struct Explain {
    /// The finding's id, or its first digits.
    finding: String,
    /// The JSON report that has it: `secretarybird scan --format json --output FILE`.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_REPORT")]
    report: PathBuf,
    /// The severity from which findings fail, as it was given to the scan.
    #[arg(long, value_name = "SEVERITY", env = "SECRETARYBIRD_FAIL_ON")]
    fail_on: Option<Threshold>,
}

pub fn run(command: Command) -> Result<Exit, Failure> {
    let Command::Explain(explain) = command;
    let report = read(&explain.report)?;
    let finding = find(&report, &explain.finding)?;
    let given = PolicyLayer { fail_on: explain.fail_on, ..PolicyLayer::default() };
    let policy = Policy::of(&[("the repository's configuration", &report.policy), ("--fail-on", &given)]);
    let decision = policy.judge(finding, Circumstances { first_seen: None, now: Timestamp::now() });
    let mut text = format!("{} {}: {}\n", finding.kind, finding.rule, finding.title);
    let place = finding.location.path.as_deref().unwrap_or("no file");
    let line = finding.location.line.map_or_else(String::new, |line| format!(":{line}"));
    let _ = writeln!(text, "  {place}{line}");
    for reason in &decision.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    answer(&text)?;
    Ok(Exit::Clean)
}

fn read(path: &Path) -> Result<Report, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{}: {error}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| wrong(&format!("no JSON report of ours: {error}")))
}

fn find<'r>(report: &'r Report, id: &str) -> Result<&'r Finding, Failure> {
    let mut named = report.findings.iter().filter(|finding| !id.is_empty() && finding.id.as_str().starts_with(id));
    match (named.next(), named.next()) {
        (Some(finding), None) => Ok(finding),
        (Some(_), Some(_)) => Err(Failure::usage(format!("several findings begin with {id}: give more of the id"))),
        (None, _) => Err(Failure::usage(format!("the report has no finding {id}"))),
    }
}
