//! `secretarybird rules`: which secrets are looked for, and a rule file of one's own against its examples.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use scanner::secrets::rule_check;
use scanner::secrets::{Rule, RuleSet};
use serde_json::json;

use super::exit::{Exit, Failure, answer};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Every rule: its id, provider, name and severity.
    List(List),
    /// Tries rules on their own examples. Without a file, the product's own.
    Test(Test),
}

#[derive(Debug, Args)]
pub struct List {
    /// Rule files of one's own to list beside the product's.
    #[arg(long = "rules", value_name = "FILE", env = "SECRETARYBIRD_RULES")]
    files: Vec<PathBuf>,
    /// As JSON, with remedies and references.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct Test {
    /// TOML files in the form of the product's own.
    files: Vec<PathBuf>,
}

pub fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::List(list) => {
            let rules = load(&list.files)?;
            answer(&if list.json { as_json(rules.rules()) } else { as_text(rules.rules()) })?;
            Ok(Exit::Clean)
        }
        Command::Test(test) => {
            let rules = load(&test.files)?;
            let names: Vec<String> = test.files.iter().map(|file| file.display().to_string()).collect();
            let chosen = |rule: &Rule| names.is_empty() || names.contains(&rule.family);
            let failures = rule_check::check(&rules, chosen);
            let count = rules.rules().iter().filter(|rule| chosen(rule)).count();
            let mut text: String = failures.iter().map(|failure| format!("{failure}\n")).collect();
            let _ = writeln!(text, "{count} rules tried on their examples, {} examples fail", failures.len());
            answer(&text)?;
            Ok(if failures.is_empty() { Exit::Clean } else { Exit::PolicyViolated })
        }
    }
}

/// The product's rules and those of the files.
pub fn load(files: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut rules = RuleSet::builtin().map_err(Failure::usage)?;
    for file in files {
        let text = read(file)?;
        rules.extend_from_toml(&file.display().to_string(), &text).map_err(Failure::usage)?;
    }
    Ok(rules)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
}

fn as_text(rules: &[Rule]) -> String {
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for rule in rules {
        let severity = format!("{:?}", rule.severity).to_lowercase();
        let _ = writeln!(text, "{:width$}  {severity:8}  {}: {}", rule.id, rule.provider, rule.name);
    }
    text
}

fn as_json(rules: &[Rule]) -> String {
    let rules: Vec<_> = rules
        .iter()
        .map(|rule| {
            json!({
                "id": rule.id, "provider": rule.provider, "name": rule.name, "severity": rule.severity, "file": rule.family,
                "remedy": rule.remedy, "references": rule.references,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::Value::from(rules))
}
