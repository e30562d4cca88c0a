//! The OSV record as published, read into an [`Advisory`]. <https://ossf.github.io/osv-schema/>
//!
//! What a match does not rest on (links, severities) may be odd without costing the record; an entry of `affected` that cannot be
//! read is reported and the others count; a text that is no record, or has no id, is refused.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::PackageName;
use crate::advisory::{Advisory, Affected};
use crate::range::{Event, Range, RangeKind};
use crate::severity::{Rating, Severity};

/// A record, and what in it was not understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// The part that counts.
    pub advisory: Advisory,
    /// One sentence for each part that does not.
    pub problems: Vec<String>,
}

/// Why a text is no record at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Malformed {
    /// The record's id, where it has one.
    pub id: Option<String>,
    /// In a sentence.
    pub reason: String,
}

/// Reads one JSON record.
///
/// # Errors
/// [`Malformed`] when it is not JSON, not an object, or has no usable id.
pub fn read(bytes: &[u8]) -> Result<Read, Malformed> {
    match serde_json::from_slice::<Record>(bytes) {
        Ok(record) => check(record, Vec::new()),
        // a field of the wrong type: find out which, and keep the rest
        Err(first) => match serde_json::from_slice::<Value>(bytes) {
            Ok(value) => read_value(value),
            Err(_) => Err(Malformed { id: None, reason: format!("not JSON: {first}") }),
        },
    }
}

/// Reads one record that was already parsed (from YAML, or a member of an array).
///
/// # Errors
/// [`Malformed`]
pub fn read_value(value: Value) -> Result<Read, Malformed> {
    let Value::Object(mut fields) = value else {
        return Err(Malformed { id: None, reason: "an OSV record is a JSON object".to_owned() });
    };
    let Some(Value::String(id)) = fields.remove("id") else {
        return Err(Malformed { id: None, reason: "the record has no `id` text".to_owned() });
    };
    let mut problems = Vec::new();
    let affected = match fields.remove("affected") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(entries)) => entries
            .into_iter()
            .enumerate()
            .filter_map(|(at, entry)| match serde_json::from_value(entry) {
                Ok(entry) => Some(entry),
                Err(error) => {
                    problems.push(format!("affected[{at}]: {error}"));
                    None
                }
            })
            .collect(),
        Some(_) => return Err(Malformed { id: Some(id), reason: "`affected` is not a list".to_owned() }),
    };
    let mut field = Fields { fields, problems: &mut problems };
    let record = Record {
        aliases: field.take("aliases").unwrap_or_default(),
        summary: field.take("summary"),
        details: field.take("details"),
        published: field.take("published"),
        modified: field.take("modified"),
        // whatever stands there, somebody took it back
        withdrawn: field.fields.remove("withdrawn").filter(|value| !value.is_null()).map(|value| value.to_string()),
        severity: field.take("severity").unwrap_or_default(),
        references: field.take("references").unwrap_or_default(),
        database_specific: field.fields.remove("database_specific"),
        affected,
        id,
    };
    check(record, problems)
}

struct Fields<'a> {
    fields: Map<String, Value>,
    problems: &'a mut Vec<String>,
}

impl Fields<'_> {
    fn take<T: DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let value = self.fields.remove(name).filter(|value| !value.is_null())?;
        serde_json::from_value(value).map_err(|error| self.problems.push(format!("`{name}`: {error}"))).ok()
    }
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<String>,
    #[serde(default)]
    summary: Option<String>,
    #[serde(default)]
    details: Option<String>,
    #[serde(default)]
    published: Option<String>,
    #[serde(default)]
    modified: Option<String>,
    #[serde(default)]
    withdrawn: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<RecordSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    affected: Vec<RecordAffected>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<RecordReference>,
    #[serde(default)]
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct RecordSeverity {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    score: String,
}

#[derive(Deserialize)]
struct RecordReference {
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct RecordAffected {
    #[serde(default)]
    package: Option<RecordPackage>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<RecordRange>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<RecordSeverity>,
    #[serde(default)]
    ecosystem_specific: Option<Value>,
    #[serde(default)]
    database_specific: Option<Value>,
}

#[derive(Deserialize)]
struct RecordPackage {
    #[serde(default)]
    ecosystem: String,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct RecordRange {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    repo: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<RecordEvent>,
}

#[derive(Deserialize)]
struct RecordEvent {
    #[serde(default)]
    introduced: Option<String>,
    #[serde(default)]
    fixed: Option<String>,
    #[serde(default)]
    last_affected: Option<String>,
    #[serde(default)]
    limit: Option<String>,
}

/// Go's feeds write an empty list as null.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

fn check(record: Record, mut problems: Vec<String>) -> Result<Read, Malformed> {
    let usable = |id: &str| !id.is_empty() && id.len() <= 200 && id.chars().all(|letter| letter.is_ascii_graphic());
    if !usable(&record.id) {
        let reason = "the record's `id` is empty, too long, or has letters that no id has".to_owned();
        return Err(Malformed { id: None, reason });
    }
    let mut ratings = Vec::new();
    let mut word = specific_text(record.database_specific.as_ref(), "severity").and_then(Severity::from_word);
    let entries = record.affected.iter();
    for severity in record.severity.iter().chain(entries.flat_map(|entry| &entry.severity)) {
        rate(severity, &mut ratings, &mut word, &mut problems);
    }
    for entry in &record.affected {
        let own = specific_text(entry.ecosystem_specific.as_ref(), "severity")
            .or_else(|| specific_text(entry.database_specific.as_ref(), "severity"));
        word = word.max(own.and_then(Severity::from_word));
    }
    let mut cwes = specific_list(record.database_specific.as_ref(), "cwe_ids");
    cwes.sort();
    cwes.dedup();
    let (good, odd): (Vec<String>, Vec<String>) = record.aliases.into_iter().partition(|alias| usable(alias));
    problems.extend(odd.iter().map(|alias| format!("`aliases` has {alias:?}, which is no id")));
    let affected = record.affected.into_iter().enumerate();
    let affected = affected.filter_map(|(at, entry)| check_affected(at, entry, &mut problems)).collect();
    let advisory = Advisory {
        id: record.id,
        aliases: good,
        summary: record.summary.unwrap_or_default(),
        details: record.details.unwrap_or_default(),
        published: record.published,
        modified: record.modified,
        withdrawn: record.withdrawn,
        ratings,
        word,
        cwes,
        affected,
        references: record
            .references
            .into_iter()
            .map(|reference| reference.url)
            .filter(|url| !url.is_empty())
            .collect(),
    };
    Ok(Read { advisory, problems })
}

fn rate(severity: &RecordSeverity, ratings: &mut Vec<Rating>, word: &mut Option<Severity>, problems: &mut Vec<String>) {
    if !severity.kind.starts_with("CVSS") {
        *word = (*word).max(Severity::from_word(&severity.score));
        return;
    }
    match Rating::of(&severity.score) {
        Ok(rating) if !ratings.contains(&rating) => ratings.push(rating),
        Ok(_) => {}
        Err(reason) => problems.push(reason),
    }
}

/// The entry, if it is about PyPI or about commits.
fn check_affected(at: usize, entry: RecordAffected, problems: &mut Vec<String>) -> Option<Affected> {
    let package = match &entry.package {
        Some(package) if package.ecosystem.split(':').next() == Some("PyPI") => match PackageName::new(&package.name) {
            Ok(name) => Some(name),
            Err(error) => {
                problems.push(format!("affected[{at}]: {error}"));
                return None;
            }
        },
        Some(package) if !package.ecosystem.is_empty() => return None,
        _ => None,
    };
    let mut ranges = Vec::with_capacity(entry.ranges.len());
    for range in entry.ranges {
        match check_range(range) {
            Ok(range) => ranges.push(range),
            Err(reason) => problems.push(format!("affected[{at}]: {reason}")),
        }
    }
    let mut symbols = Vec::new();
    for specific in [&entry.ecosystem_specific, &entry.database_specific] {
        for field in ["affected_functions", "affected_symbols", "affected_modules", "functions", "symbols", "imports"] {
            symbols.extend(specific_list(specific.as_ref(), field));
        }
    }
    symbols.sort();
    symbols.dedup();
    Some(Affected { package, versions: entry.versions, ranges, symbols })
}

fn check_range(range: RecordRange) -> Result<Range, String> {
    let kind = match range.kind.as_str() {
        "ECOSYSTEM" => RangeKind::Ecosystem,
        "SEMVER" => RangeKind::Semver,
        "GIT" => RangeKind::Git,
        other => return Err(format!("a range of the unknown type {other:?}")),
    };
    let mut events = Vec::with_capacity(range.events.len());
    for event in range.events {
        events.extend(event.introduced.map(Event::Introduced));
        events.extend(event.fixed.map(Event::Fixed));
        events.extend(event.last_affected.map(Event::LastAffected));
        events.extend(event.limit.map(Event::Limit));
    }
    Ok(Range { kind, repo: range.repo, events })
}

fn specific_text<'a>(specific: Option<&'a Value>, field: &str) -> Option<&'a str> {
    specific?.get(field)?.as_str()
}

/// The texts of a list, also where its members are objects with a `path`, `name` or `attribute`.
fn specific_list(specific: Option<&Value>, field: &str) -> Vec<String> {
    let Some(Value::Array(members)) = specific.and_then(|specific| specific.get(field)) else { return Vec::new() };
    let text = |member: &Value| match member {
        Value::String(text) => Some(text.clone()),
        Value::Object(fields) => {
            let part = |name: &str| fields.get(name).and_then(Value::as_str);
            let parts: Vec<&str> =
                [part("modules"), part("path"), part("name"), part("attribute")].into_iter().flatten().collect();
            Some(parts.join("."))
        }
        _ => None,
    };
    members.iter().filter_map(text).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

#[cfg(test)]
#[path = "osv_tests.rs"]
mod tests;
