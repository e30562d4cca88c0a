//! The reports that GitLab's pipelines take as artifacts.
//! <https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format>,
//! <https://gitlab.com/gitlab-org/security-products/security-report-schemas> (dependency scanning, 15.2.1)

use std::collections::BTreeMap;

use advisories::Severity;
use serde_json::{Value, json};

use super::components;
use crate::finding::{Detail, Finding, VulnerabilityDetail};
use crate::inventory::Format;
use crate::report::Report;

const SCHEMA: &str = "15.2.1";
/// Characters of a vulnerability's name.
const LONGEST_NAME: usize = 255;

/// Everything that counts, as a code-quality report. What has no path (a commit message) stands at the repository's root.
#[must_use]
pub fn code_quality(report: &Report) -> Value {
    let counted = report.findings.iter().filter(|finding| finding.ignored.is_none());
    let entry = |finding: &Finding| {
        // a line of a notebook's cell is no line of the file
        let line = finding.location.line.filter(|_| finding.location.cell.is_none()).unwrap_or(1);
        json!({
            "description": finding.title,
            "check_name": format!("{}/{}", finding.kind, finding.rule),
            "fingerprint": finding.id.as_str(),
            "severity": match finding.severity {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium | Severity::Unknown => "major",
                Severity::Low => "minor",
                Severity::None => "info",
            },
            "location": {
                "path": finding.location.path.as_deref().unwrap_or("."),
                "lines": { "begin": line },
            },
        })
    };
    counted.map(entry).collect()
}

/// Vulnerable and malicious packages, as a dependency-scanning report.
#[must_use]
pub fn dependency_scanning(report: &Report) -> Value {
    let counted = report.findings.iter().filter(|finding| finding.ignored.is_none());
    let vulnerabilities: Vec<Value> = counted
        .filter_map(|finding| match &finding.detail {
            Detail::Vulnerability(detail) => Some(vulnerability(finding, detail)),
            _ => None,
        })
        .collect();
    let tool = json!({
        "id": report.tool.name, "name": report.tool.name, "version": report.tool.version,
        "vendor": { "name": "Secretarybird" },
    });
    // the schema wants seconds and no zone; it means UTC
    let time: String = components::time(report).chars().take(19).collect();
    json!({
        "version": SCHEMA,
        "scan": {
            "type": "dependency_scanning",
            "analyzer": tool.clone(), "scanner": tool,
            "start_time": time, "end_time": time,
            "status": if report.complete { "success" } else { "failure" },
        },
        "vulnerabilities": vulnerabilities,
        "dependency_files": dependency_files(report),
    })
}

fn vulnerability(finding: &Finding, detail: &VulnerabilityDetail) -> Value {
    let identifier = |id: &String| {
        let kind = id.split('-').next().unwrap_or_default().to_ascii_lowercase();
        json!({
            "type": if kind.is_empty() { "other".to_owned() } else { kind },
            "name": id, "value": id, "url": format!("https://osv.dev/vulnerability/{id}"),
        })
    };
    let mut ids: Vec<&String> = detail.aliases.iter().filter(|id| **id != detail.advisory).collect();
    // the first is the one that GitLab tells vulnerabilities apart by
    ids.insert(0, &detail.advisory);
    let solution = detail.fix.as_ref().map(|fix| format!("Upgrade {} to {}.", detail.package, fix.version));
    let mut entry = json!({
        "id": finding.id.as_str(),
        "name": finding.title.chars().take(LONGEST_NAME).collect::<String>(),
        "severity": match finding.severity {
            Severity::Critical => "Critical",
            Severity::High => "High",
            Severity::Medium => "Medium",
            Severity::Low => "Low",
            Severity::None => "Info",
            Severity::Unknown => "Unknown",
        },
        "identifiers": ids.into_iter().map(identifier).collect::<Vec<_>>(),
        "links": detail.references.iter().filter(|url| is_link(url)).map(|url| json!({ "url": url })).collect::<Vec<_>>(),
        "location": {
            "file": finding.location.path.as_deref().unwrap_or("."),
            "dependency": {
                "package": { "name": detail.package.as_str() },
                "version": detail.version.as_ref().map(ToString::to_string).unwrap_or_default(),
                "direct": detail.direct,
            },
        },
    });
    if let Some(solution) = solution {
        entry["solution"] = solution.into();
    }
    entry
}

/// Records also refer to mailing lists and packages by other schemes, which the schema does not take.
fn is_link(url: &str) -> bool {
    ["https://", "http://", "ftp://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme))
}

fn dependency_files(report: &Report) -> Vec<Value> {
    let mut files = Vec::new();
    for manifest in &report.inventory {
        // forks of one package in one file are one entry each version
        let mut seen = BTreeMap::new();
        for package in &manifest.packages {
            if let Some(version) = &package.version {
                seen.insert((package.name.as_str(), version.to_string()), ());
            }
        }
        if seen.is_empty() {
            continue;
        }
        let dependencies: Vec<Value> = seen
            .into_keys()
            .map(|(name, version)| json!({ "package": { "name": name }, "version": version }))
            .collect();
        files.push(json!({
            "path": manifest.path,
            "package_manager": manager(manifest.format),
            "dependencies": dependencies,
        }));
    }
    files
}

fn manager(format: Format) -> &'static str {
    match format {
        Format::Uv => "uv",
        Format::Poetry => "poetry",
        Format::Pdm => "pdm",
        Format::Pipenv => "pipenv",
        Format::Conda => "conda",
        _ => "pip",
    }
}
