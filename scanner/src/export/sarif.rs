//! SARIF 2.1.0 (OASIS), in the part that code-scanning services read.

use std::collections::BTreeMap;

use advisories::Severity;
use serde_json::{Value, json};

use crate::diagnostic::Diagnostic;
use crate::finding::{Detail, Finding, Kind};
use crate::report::Report;

/// The report as one SARIF run. A finding's identity is its `partialFingerprints`, an ignored one is suppressed, and what could not be
/// looked at is a notification of the invocation, whose `executionSuccessful` is then false.
#[must_use]
pub fn render(report: &Report) -> Value {
    let mut rules = Rules::default();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, &mut rules)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": report.tool.name,
                "semanticVersion": report.tool.version,
                "informationUri": "https://github.com/secretarybird/secretarybird",
                "rules": rules.described,
            }},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "ROOT": { "description": { "text": "the repository's root" } } },
            "invocations": [{
                "executionSuccessful": report.complete,
                "toolExecutionNotifications": report.diagnostics.iter().map(notification).collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    })
}

/// The rules that the results name, in the order of their first use.
#[derive(Default)]
struct Rules {
    described: Vec<Value>,
    index: BTreeMap<String, usize>,
}

impl Rules {
    fn index_of(&mut self, finding: &Finding) -> (String, usize) {
        let id = format!("{}/{}", finding.kind, finding.rule);
        let next = self.described.len();
        let index = *self.index.entry(id.clone()).or_insert(next);
        if index == next {
            self.described.push(rule(&id, finding));
        }
        (id, index)
    }
}

fn rule(id: &str, finding: &Finding) -> Value {
    let (description, help) = match &finding.detail {
        Detail::Vulnerability(detail) => (finding.title.clone(), detail.references.join("\n")),
        Detail::Secret(detail) => {
            (format!("A committed secret: {}", detail.provider), detail.remedy.clone().unwrap_or_default())
        }
        Detail::Usage(_) => (usage_rule(finding.kind).to_owned(), String::new()),
        Detail::Posture(_) => (finding.title.clone(), String::new()),
    };
    let help = if help.is_empty() { description.clone() } else { help };
    json!({
        "id": id,
        "name": finding.rule,
        "shortDescription": { "text": description },
        "help": { "text": help },
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "security-severity": security_severity(finding),
            "tags": ["security", finding.kind.as_str()],
        },
    })
}

fn usage_rule(kind: Kind) -> &'static str {
    match kind {
        Kind::Unused => "A dependency that nothing uses",
        Kind::Missing => "An import that no manifest declares",
        Kind::Transitive => "An import that is only there through another package",
        _ => "A dependency declared in the wrong group",
    }
}

fn result(finding: &Finding, rules: &mut Rules) -> Value {
    let (id, index) = rules.index_of(finding);
    let mut result = json!({
        "ruleId": id,
        "ruleIndex": index,
        "level": level(finding.severity),
        "message": { "text": message(finding) },
        "partialFingerprints": { "secretarybird/v1": finding.id.as_str() },
        "properties": { "confidence": finding.confidence, "severity": finding.severity },
    });
    if let Some(location) = location(finding) {
        result["locations"] = json!([location]);
    }
    if let Some(ignored) = &finding.ignored {
        result["suppressions"] = json!([{ "kind": "external", "justification": ignored.reason }]);
    }
    result
}

fn message(finding: &Finding) -> String {
    match &finding.detail {
        Detail::Vulnerability(detail) => {
            let version = detail.version.as_ref().map_or_else(String::new, |version| format!(" {version}"));
            let fix = detail.fix.as_ref().map_or_else(String::new, |fix| format!(" Fixed in {}.", fix.version));
            format!("{}{version}: {} ({}).{fix}", detail.package, finding.title.trim_end_matches('.'), detail.advisory)
        }
        Detail::Secret(detail) => format!("{} ({}).", finding.title, detail.redacted),
        Detail::Usage(detail) => format!("{}: {}.", finding.title, detail.evidence.join("; ")),
        Detail::Posture(detail) => format!("{}: {}.", finding.title, detail.evidence.join("; ")),
    }
}

fn location(finding: &Finding) -> Option<Value> {
    let place = &finding.location;
    let mut physical = json!({ "artifactLocation": { "uri": uri(place.path.as_deref()?), "uriBaseId": "ROOT" } });
    // a line of a notebook's cell is no line of the file
    if let (Some(line), None) = (place.line, place.cell) {
        physical["region"] = json!({ "startLine": line });
        if let Some(column) = place.column {
            physical["region"]["startColumn"] = column.into();
        }
    }
    Some(json!({ "physicalLocation": physical }))
}

fn notification(diagnostic: &Diagnostic) -> Value {
    let mut notification = json!({
        "level": if diagnostic.gap { "error" } else { "note" },
        "message": { "text": diagnostic.reason },
        "descriptor": { "id": diagnostic.stage },
    });
    if let Some(path) = &diagnostic.path {
        let mut physical = json!({ "artifactLocation": { "uri": uri(path), "uriBaseId": "ROOT" } });
        if let Some(line) = diagnostic.line {
            physical["region"] = json!({ "startLine": line });
        }
        notification["locations"] = json!([{ "physicalLocation": physical }]);
    }
    notification
}

/// A path as a relative URI reference (RFC 3986): every segment percent-encoded.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium | Severity::Unknown => "warning",
        Severity::Low | Severity::None => "note",
    }
}

/// The number by which code scanning sorts; where there is no CVSS score, the middle of the level's range.
fn security_severity(finding: &Finding) -> String {
    if let Detail::Vulnerability(detail) = &finding.detail
        && let Some(cvss) = &detail.cvss
    {
        return format!("{:.1}", cvss.score);
    }
    match finding.severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium | Severity::Unknown => "5.5",
        Severity::Low => "2.0",
        Severity::None => "0.0",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        for (path, expected) in
            [("a/b.py", "a/b.py"), ("a b/ü#?.py", "a%20b/%C3%BC%23%3F.py"), ("c:d", "c%3Ad"), ("100%", "100%25")]
        {
            assert_eq!(uri(path), expected);
        }
    }
}
