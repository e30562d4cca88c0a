//! A repository's own configuration: `secretarybird.toml`, or `[tool.secretarybird]` in `pyproject.toml`.
//!
//! ```toml
//! fail-on = "high"
//! skip = ["usage"]
//! vex = ["security/vex.json"]    # OpenVEX or CycloneDX documents of this repository
//!
//! [policy]                       # more rules: see `policy::PolicyLayer`
//! dev = "low"
//!
//! [[ignore]]
//! id = "PYSEC-2021-421"          # a finding's id, an advisory, a rule, a package or a path pattern
//! reason = "the parser is not reachable"
//! until = 2027-01-31
//! ```
//!
//! An ignore that is malformed or expired hides nothing and is reported; an unknown key is an error that names its line.

use jiff::civil::Date;
use serde::Deserialize as _;
use serde::de::IntoDeserializer as _;
use toml_edit::{Document, Item, TableLike, Value};

use crate::diagnostic::{Diagnostic, Stage};
use crate::policy::{Aspect, Ignore, PolicyLayer, Threshold, vex};
use crate::repository::{ReadError, Snapshot};

/// The file that stands beside the code.
pub const FILE_NAME: &str = "secretarybird.toml";

/// What a repository says about its own scans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RepositoryConfig {
    /// Which findings fail.
    pub policy: PolicyLayer,
    /// VEX statements, by the path of their document.
    pub vex: Vec<(String, Vec<vex::Statement>)>,
    /// What is not looked at.
    pub skip: Vec<Aspect>,
    /// Findings that do not count, with reasons.
    pub ignores: Vec<Ignore>,
}

/// Reads the configuration that stands in a snapshot. What is wrong with it is a diagnostic, and the rest of it counts.
pub fn of_snapshot(snapshot: &dyn Snapshot, today: Date) -> (RepositoryConfig, Vec<Diagnostic>) {
    for (path, table) in [(FILE_NAME, None), ("pyproject.toml", Some(["tool", "secretarybird"]))] {
        if snapshot.entry(path).is_none() {
            continue;
        }
        let text = match snapshot.read(path).map_err(|error: ReadError| error.to_string()) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(reason) => return (RepositoryConfig::default(), vec![gap(path, reason)]),
        };
        // A pyproject.toml that does not parse is reported by the inventory; here only one that might speak of us matters.
        if table.is_some() && !text.contains("secretarybird") {
            continue;
        }
        let (mut config, named, mut diagnostics) = parse(path, &text, table, today);
        read_vex(&mut config, &named, snapshot, &mut diagnostics);
        return (config, diagnostics);
    }
    (RepositoryConfig::default(), Vec::new())
}

/// Reads the VEX documents that the configuration names. One that cannot be read hides nothing, and says so.
fn read_vex(
    config: &mut RepositoryConfig,
    named: &[String],
    snapshot: &dyn Snapshot,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for path in named {
        let text = snapshot.read(path).map_err(|error| error.to_string());
        let read =
            text.and_then(|bytes| vex::read(&String::from_utf8_lossy(&bytes)).map_err(|error| error.to_string()));
        match read {
            Ok(statements) => config.vex.push((path.clone(), statements)),
            Err(reason) => diagnostics.push(gap(path, format!("no VEX document that can be read: {reason}"))),
        }
    }
}

/// Reads one configuration text. `table` leads to the part that is ours. Of a text that stands alone no VEX documents are read.
pub fn read(path: &str, text: &str, table: Option<[&str; 2]>, today: Date) -> (RepositoryConfig, Vec<Diagnostic>) {
    let (config, named, mut diagnostics) = parse(path, text, table, today);
    if !named.is_empty() {
        let reason = "`vex` names documents of a repository; outside of one they are given by --vex";
        diagnostics.push(gap(path, reason.to_owned()));
    }
    (config, diagnostics)
}

/// The configuration, the VEX documents it names, and what is wrong with it.
fn parse(
    path: &str,
    text: &str,
    table: Option<[&str; 2]>,
    today: Date,
) -> (RepositoryConfig, Vec<String>, Vec<Diagnostic>) {
    let document = match Document::parse(text.to_owned()) {
        Ok(document) => document,
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            let wrong = gap(path, error.message().to_owned()).at(line, None);
            return (RepositoryConfig::default(), Vec::new(), vec![wrong]);
        }
    };
    let mut ours = Some(document.as_item());
    for key in table.iter().flatten() {
        ours = ours.and_then(|item| item.get(key));
    }
    let config = RepositoryConfig::default();
    let mut reader = Reader { path, text, today, config, vex: Vec::new(), diagnostics: Vec::new() };
    if let Some(item) = ours {
        match item.as_table_like() {
            Some(table) => reader.table(table),
            None => reader.complain(item, "expected a table"),
        }
    }
    (reader.config, reader.vex, reader.diagnostics)
}

fn gap(path: &str, reason: String) -> Diagnostic {
    Diagnostic::gap(Stage::Policy, path.to_owned(), reason)
}

fn line_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    u32::try_from(memchr::memchr_iter(b'\n', before).count() + 1).unwrap_or(u32::MAX)
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
    today: Date,
    config: RepositoryConfig,
    vex: Vec<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn line(&self, item: &Item) -> u32 {
        item.span().map_or(1, |span| line_of(self.text, span.start))
    }

    fn complain(&mut self, item: &Item, reason: impl Into<String>) {
        let line = self.line(item);
        self.diagnostics.push(gap(self.path, reason.into()).at(line, None));
    }

    fn table(&mut self, table: &dyn TableLike) {
        for (key, item) in table.iter() {
            match key {
                "fail-on" | "fail_on" => match item.as_str().map(str::parse::<Threshold>) {
                    Some(Ok(threshold)) => self.config.policy.fail_on = Some(threshold),
                    _ => self.complain(item, "`fail-on` is one of low, medium, high, critical, none"),
                },
                "skip" => self.skip(item),
                "ignore" => self.ignores(item),
                "vex" => self.vex(item),
                "policy" => self.policy(item),
                other => {
                    self.complain(item, format!("unknown key `{other}` (known: fail-on, skip, vex, policy, ignore)"));
                }
            }
        }
    }

    fn policy(&mut self, item: &Item) {
        let Ok(value) = item.clone().into_value() else { return self.complain(item, "`policy` is a table") };
        match PolicyLayer::deserialize(value.into_deserializer()) {
            Ok(policy) => {
                let fail_on = policy.fail_on.or(self.config.policy.fail_on);
                self.config.policy = PolicyLayer { fail_on, ..policy };
            }
            Err(error) => {
                let line = error.span().map_or_else(|| self.line(item), |span| line_of(self.text, span.start));
                self.diagnostics.push(gap(self.path, format!("policy: {}", error.message())).at(line, None));
            }
        }
    }

    fn vex(&mut self, item: &Item) {
        let paths: Option<Vec<String>> =
            item.as_array().and_then(|array| array.iter().map(|path| Some(path.as_str()?.to_owned())).collect());
        match paths {
            Some(paths) => self.vex = paths,
            None => self.complain(item, "`vex` is a list of paths"),
        }
    }

    fn skip(&mut self, item: &Item) {
        let words = item.as_array().map(|array| array.iter().map(Value::as_str).collect::<Vec<_>>());
        for word in words.unwrap_or_else(|| vec![None]) {
            match word.map(str::parse::<Aspect>) {
                Some(Ok(aspect)) => self.config.skip.push(aspect),
                _ => self.complain(item, "`skip` is a list of vulnerabilities, secrets, usage, posture"),
            }
        }
    }

    fn ignores(&mut self, item: &Item) {
        if let Some(tables) = item.as_array_of_tables() {
            for table in tables {
                let line = table.span().map_or(1, |span| line_of(self.text, span.start));
                self.ignore(table, line);
            }
        } else if let Some(array) = item.as_array() {
            for value in array {
                let line = value.span().map_or(1, |span| line_of(self.text, span.start));
                match value.as_inline_table() {
                    Some(table) => self.ignore(table, line),
                    None => self.complain(item, "an ignore is a table with `id` and `reason`"),
                }
            }
        } else {
            self.complain(item, "`ignore` is a list of tables: [[ignore]]");
        }
    }

    fn ignore(&mut self, table: &dyn TableLike, line: u32) {
        match self.checked_ignore(table, line) {
            Ok(ignore) => self.config.ignores.push(ignore),
            Err(reason) => {
                let reason = format!("this ignore hides nothing: {reason}");
                self.diagnostics.push(Diagnostic::remark(Stage::Policy, self.path.to_owned(), reason).at(line, None));
            }
        }
    }

    fn checked_ignore(&self, table: &dyn TableLike, line: u32) -> Result<Ignore, String> {
        if let Some((key, _)) = table.iter().find(|(key, _)| !["id", "reason", "until"].contains(key)) {
            return Err(format!("unknown key `{key}` (known: id, reason, until)"));
        }
        let text = |key: &str| {
            let value = table.get(key).and_then(Item::as_str).map(str::trim).filter(|text| !text.is_empty());
            value.map(str::to_owned).ok_or_else(|| format!("`{key}` is missing or no text"))
        };
        let (id, reason) = (text("id")?, text("reason")?);
        let until = table.get("until").map(date).transpose()?;
        if let Some(until) = until.filter(|until| *until < self.today) {
            return Err(format!("it expired on {until} (`{id}`)"));
        }
        Ignore::new(&id, &reason, until, format!("{}:{line}", self.path)).map_err(|error| error.to_string())
    }
}

fn date(item: &Item) -> Result<Date, String> {
    let written = item
        .as_datetime()
        .map(ToString::to_string)
        .or_else(|| item.as_str().map(str::to_owned))
        .ok_or("`until` is a date such as 2027-01-31")?;
    written.get(..10).unwrap_or(&written).parse().map_err(|_| format!("`until` is no date: {written}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::MemorySnapshot;

    const TODAY: Date = Date::constant(2026, 11, 24);

    #[test]
    fn good_and_bad_parts_are_told_apart() {
        let text = r#"
fail-on = "high"
skip = ["usage"]
surprise = 1

[[ignore]]
id = "PYSEC-2021-421"
reason = "not reachable"
until = 2027-01-31

[[ignore]]
id = "expired"
reason = "was fine"
until = "2026-11-23"

[[ignore]]
id = "no-reason"

[[ignore]]
id = "x"
reason = "y"
untill = 2027-01-01
"#;
        let (config, diagnostics) = read(FILE_NAME, text, None, TODAY);
        assert_eq!(config.policy.fail_on, Some(Threshold::High));
        assert_eq!(config.skip, [Aspect::Usage]);
        let places: Vec<_> = config.ignores.iter().map(|ignore| ignore.by.as_str()).collect();
        assert_eq!(places, ["secretarybird.toml:6"]);
        let said: Vec<_> = diagnostics.iter().map(|d| (d.line, d.gap, d.reason.as_str())).collect();
        assert_eq!(said.len(), 4, "{said:?}");
        assert!(said[0].1 && said[0].2.contains("surprise"));
        assert!(said[1].2.contains("expired on 2026-11-23") && !said[1].1);
        assert!(said[2].2.contains("`reason` is missing"));
        assert!(said[3].2.contains("untill"));
    }

    #[test]
    fn found_in_pyproject_when_there_is_no_file_of_its_own() {
        let pyproject = "[tool.secretarybird]\nfail-on = \"none\"\n";
        let snapshot = MemorySnapshot::new([("pyproject.toml", pyproject)]);
        assert_eq!(of_snapshot(&snapshot, TODAY).0.policy.fail_on, Some(Threshold::None));
        let both = MemorySnapshot::new([("pyproject.toml", pyproject), (FILE_NAME, "fail-on = \"low\"")]);
        assert_eq!(of_snapshot(&both, TODAY).0.policy.fail_on, Some(Threshold::Low));
    }

    #[test]
    fn broken_toml_names_its_line() {
        let (_, diagnostics) = read(FILE_NAME, "fail-on = \"low\"\n[[ignore\n", None, TODAY);
        assert_eq!(diagnostics[0].line, Some(2));
        assert!(diagnostics[0].gap);
    }

    #[test]
    fn a_policy_is_read_and_its_faults_name_their_line() {
        let text = "fail-on = \"low\"\n[policy]\ndev = \"low\"\n[policy.kinds]\nunused = \"none\"\n";
        let (config, diagnostics) = read(FILE_NAME, text, None, TODAY);
        assert_eq!(diagnostics, []);
        assert_eq!(config.policy.fail_on, Some(Threshold::Low));
        assert_eq!(config.policy.dev, Some(advisories::Severity::Low));
        assert_eq!(config.policy.kinds.len(), 1);
        let (_, diagnostics) = read(FILE_NAME, "[policy]\n\ndeev = \"low\"\n", None, TODAY);
        assert_eq!((diagnostics.len(), diagnostics[0].line, diagnostics[0].gap), (1, Some(3), true), "{diagnostics:?}");
    }

    #[test]
    fn vex_documents_of_the_repository_are_read_and_a_bad_one_is_said() {
        let vex = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "statements": []}"#;
        let config = "vex = [\"vex.json\", \"bad.json\", \"none.json\"]";
        let snapshot = MemorySnapshot::new([(FILE_NAME, config), ("vex.json", vex), ("bad.json", "{")]);
        let (config, diagnostics) = of_snapshot(&snapshot, TODAY);
        assert_eq!(config.vex, [("vex.json".to_owned(), vec![])]);
        let paths: Vec<_> = diagnostics.iter().filter(|it| it.gap).map(|it| it.path.as_deref()).collect();
        assert_eq!(paths, [Some("bad.json"), Some("none.json")]);
    }
}
