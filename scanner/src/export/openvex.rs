//! OpenVEX 0.2.0: what is known about each vulnerability of the repository's packages, and what was decided.
//!
//! <https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>. A matched version is not yet an exploitable one: what nobody has decided is
//! `under_investigation`. An ignore with a reason is `affected` with that reason as its action statement.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::components::{self, Component};
use super::wording::imported;
use crate::finding::{Detail, Finding, Kind, VulnerabilityDetail};
use crate::report::Report;

/// The document.
#[must_use]
pub fn render(report: &Report) -> Value {
    let components = components::of(report);
    let statements: Vec<Value> = report
        .findings
        .iter()
        .filter_map(|finding| match (finding.kind, &finding.detail) {
            (Kind::Vulnerability | Kind::Malicious, Detail::Vulnerability(detail)) => {
                Some(statement(report, finding, detail, &components))
            }
            _ => None,
        })
        .collect();
    let digest = hex::encode(Sha256::digest(Value::Array(statements.clone()).to_string().as_bytes()));
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": format!("https://github.com/secretarybird/secretarybird/vex/{digest}"),
        "author": format!("{} {}", report.tool.name, report.tool.version),
        "role": "Scanner",
        "timestamp": components::time(report),
        "version": 1,
        "statements": statements,
    })
}

fn statement(report: &Report, finding: &Finding, detail: &VulnerabilityDetail, components: &[Component<'_>]) -> Value {
    let found = components::named(components, &detail.package, detail.version.as_ref());
    let subcomponents: Vec<Value> = found
        .iter()
        .filter_map(|component| component.purl.as_ref())
        .map(|purl| json!({ "@id": purl, "identifiers": { "purl": purl } }))
        .collect();
    let mut product = json!({ "@id": product(report) });
    if !subcomponents.is_empty() {
        product["subcomponents"] = subcomponents.into();
    }
    let aliases: Vec<&String> = detail.aliases.iter().filter(|alias| **alias != detail.advisory).collect();
    let mut out = json!({
        "vulnerability": {
            "@id": format!("https://osv.dev/vulnerability/{}", detail.advisory),
            "name": detail.advisory,
            "description": finding.title,
            "aliases": aliases,
        },
        "timestamp": components::time(report),
        "products": [product],
    });
    match &finding.ignored {
        Some(ignored) => {
            out["status"] = "affected".into();
            out["action_statement"] = format!("accepted: {} ({})", ignored.reason, ignored.by).into();
        }
        None => {
            out["status"] = "under_investigation".into();
            out["status_notes"] = notes(detail).into();
        }
    }
    out
}

/// The repository at its commit, as an IRI.
fn product(report: &Report) -> String {
    let (name, commit) = components::subject(report);
    let at = commit.map_or_else(String::new, |commit| format!("@{commit}"));
    if name.contains("://") { format!("{name}{at}") } else { format!("file://{name}{at}") }
}

fn notes(detail: &VulnerabilityDetail) -> String {
    let mut parts: Vec<String> = imported(detail).into_iter().collect();
    if let Some(fix) = &detail.fix {
        parts.push(format!("upgrade {} to {}", detail.package, fix.version));
    }
    parts.join("; ")
}
