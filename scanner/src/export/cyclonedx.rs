//! CycloneDX 1.6 and 1.7 as JSON: the bill of materials with its vulnerabilities and what was decided about them (VEX).
//!
//! <https://cyclonedx.org/docs/1.6/json/>. What we write has the same form in both versions. Nothing in it depends on the clock or on chance:
//! the serial number is derived from the content.

use std::collections::{BTreeMap, BTreeSet};

use advisories::Severity;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::components::{self, Component};
use crate::finding::{Detail, Finding, Kind, VulnerabilityDetail};
use crate::report::Report;

/// The version of the specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecVersion {
    /// 1.6
    V1_6,
    /// 1.7
    V1_7,
}

impl SpecVersion {
    fn as_str(self) -> &'static str {
        match self {
            Self::V1_6 => "1.6",
            Self::V1_7 => "1.7",
        }
    }
}

/// The reference of the repository itself.
const ROOT: &str = "repository";

/// The document.
#[must_use]
pub fn render(report: &Report, version: SpecVersion) -> Value {
    let components = components::of(report);
    let mut document = json!({
        "$schema": format!("http://cyclonedx.org/schema/bom-{}.schema.json", version.as_str()),
        "bomFormat": "CycloneDX",
        "specVersion": version.as_str(),
        "version": 1,
        "metadata": metadata(report),
        "components": components.iter().map(component).collect::<Vec<_>>(),
        "dependencies": dependencies(&components),
        "compositions": [{
            "aggregate": if report.complete { "complete" } else { "incomplete" },
            "assemblies": [ROOT],
        }],
        "vulnerabilities": vulnerabilities(report, &components),
    });
    document["serialNumber"] = serial_number(&document).into();
    document
}

fn metadata(report: &Report) -> Value {
    let (name, commit) = components::subject(report);
    let mut subject = json!({ "type": "application", "bom-ref": ROOT, "name": name });
    if let Some(commit) = commit {
        subject["version"] = commit.into();
    }
    json!({
        "timestamp": components::time(report),
        "tools": { "components": [{ "type": "application", "name": report.tool.name, "version": report.tool.version }] },
        "component": subject,
    })
}

/// A version 8 UUID (RFC 9562: for schemes of one's own) of the document's digest.
fn serial_number(document: &Value) -> String {
    let mut digest = Sha256::digest(document.to_string().as_bytes());
    digest[6] = (digest[6] & 0x0f) | 0x80;
    digest[8] = (digest[8] & 0x3f) | 0x80;
    let text = hex::encode(&digest[..16]);
    format!("urn:uuid:{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

fn component(component: &Component<'_>) -> Value {
    let mut out = json!({
        "type": "library",
        "bom-ref": component.reference,
        "name": component.name,
        "scope": if component.main || component.purl.is_none() { "required" } else { "optional" },
    });
    if let Some(version) = component.version {
        out["version"] = version.as_str().into();
    }
    if let Some(purl) = &component.purl {
        out["purl"] = purl.as_str().into();
    }
    let hashes: Vec<Value> = component.hashes.iter().filter_map(|hash| hash_of(hash)).collect();
    if !hashes.is_empty() {
        // of the distribution's files, whichever of them is installed
        out["externalReferences"] =
            json!([{ "type": "distribution", "url": distribution(component), "hashes": hashes }]);
    }
    out["properties"] = properties(component);
    out
}

/// Where the files that the hashes are of can be had.
fn distribution(component: &Component<'_>) -> String {
    use crate::inventory::Source;
    match component.source {
        Source::Index { url: None } => format!("https://pypi.org/project/{}/", component.name),
        Source::Index { url: Some(url) } | Source::Git { url, .. } | Source::Url { url } => url.clone(),
        Source::Path { path, .. } | Source::Editable { path } => path.clone(),
    }
}

fn hash_of(hash: &str) -> Option<Value> {
    let (algorithm, digest) = hash.split_once(':')?;
    let (name, length) = match algorithm {
        "md5" => ("MD5", 32),
        "sha1" => ("SHA-1", 40),
        "sha256" => ("SHA-256", 64),
        "sha384" => ("SHA-384", 96),
        "sha512" => ("SHA-512", 128),
        "sha3_256" => ("SHA3-256", 64),
        "sha3_384" => ("SHA3-384", 96),
        "sha3_512" => ("SHA3-512", 128),
        _ => return None,
    };
    let is_digest = digest.len() == length && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| json!({ "alg": name, "content": digest }))
}

fn properties(component: &Component<'_>) -> Value {
    let property = |name: &str, value: &str| json!({ "name": format!("secretarybird:{name}"), "value": value });
    let mut out = vec![property("direct", if component.direct { "true" } else { "false" })];
    out.extend(component.groups.iter().map(|group| property("group", group)));
    out.extend(component.extras.iter().map(|extra| property("extra", extra)));
    out.extend(component.specifiers.iter().map(|specifier| property("specifier", specifier)));
    if component.resolved_only {
        out.push(property("resolved", "would resolve to this version; nothing locks it"));
    }
    for (path, line) in &component.places {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        out.push(property("declared-at", &format!("{path}{line}")));
    }
    Value::Array(out)
}

fn dependencies(components: &[Component<'_>]) -> Value {
    let known: BTreeSet<&str> = components.iter().map(|component| component.reference.as_str()).collect();
    let direct: Vec<&str> =
        components.iter().filter(|component| component.direct).map(|component| component.reference.as_str()).collect();
    let mut out = vec![json!({ "ref": ROOT, "dependsOn": direct })];
    out.extend(components.iter().map(|component| {
        let needs: Vec<&str> =
            component.dependencies.iter().map(String::as_str).filter(|needed| known.contains(needed)).collect();
        json!({ "ref": component.reference, "dependsOn": needs })
    }));
    Value::Array(out)
}

/// One entry an advisory: CycloneDX lists what is affected below the vulnerability.
fn vulnerabilities(report: &Report, components: &[Component<'_>]) -> Value {
    let mut by_advisory: BTreeMap<(&str, bool), Vec<(&Finding, &VulnerabilityDetail)>> = BTreeMap::new();
    for finding in &report.findings {
        if let (Kind::Vulnerability | Kind::Malicious, Detail::Vulnerability(detail)) = (finding.kind, &finding.detail)
        {
            by_advisory.entry((&detail.advisory, finding.ignored.is_some())).or_default().push((finding, detail));
        }
    }
    Value::Array(by_advisory.values().filter_map(|found| vulnerability(found, components)).collect())
}

fn vulnerability(found: &[(&Finding, &VulnerabilityDetail)], components: &[Component<'_>]) -> Option<Value> {
    let (finding, detail) = found.first()?;
    let mut affected: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (_, detail) in found {
        for component in components::named(components, &detail.package, detail.version.as_ref()) {
            let versions = affected.entry(&component.reference).or_default();
            versions.extend(detail.version.as_ref().map(advisories::Version::as_str));
        }
    }
    let affects: Vec<Value> = affected
        .into_iter()
        .map(|(reference, versions)| {
            let versions: Vec<Value> =
                versions.iter().map(|version| json!({ "version": version, "status": "affected" })).collect();
            json!({ "ref": reference, "versions": versions })
        })
        .collect();
    let mut out = Map::new();
    // one advisory may be open in one package and decided in another
    out.insert("bom-ref".into(), format!("{}#{}", detail.advisory, finding.id).into());
    out.insert("id".into(), detail.advisory.as_str().into());
    out.insert("source".into(), source(&detail.advisory));
    let others = detail.aliases.iter().filter(|alias| **alias != detail.advisory);
    out.insert("references".into(), others.map(|alias| json!({ "id": alias, "source": source(alias) })).collect());
    out.insert("ratings".into(), json!([rating(finding, detail)]));
    out.insert("description".into(), finding.title.as_str().into());
    let upgrades: BTreeSet<String> = found
        .iter()
        .filter_map(|(_, detail)| Some(format!("Upgrade {} to {}.", detail.package, detail.fix.as_ref()?.version)))
        .collect();
    if !upgrades.is_empty() {
        out.insert("recommendation".into(), upgrades.into_iter().collect::<Vec<_>>().join(" ").into());
    }
    let links: BTreeSet<&String> = detail.references.iter().filter(|link| link.starts_with("http")).collect();
    out.insert("advisories".into(), links.into_iter().map(|link| json!({ "url": link })).collect());
    out.insert("analysis".into(), analysis(finding));
    out.insert("affects".into(), affects.into());
    Some(Value::Object(out))
}

/// What was decided. A reason to ignore is a decision not to mend, and no claim that nothing can happen; that takes a VEX statement.
fn analysis(finding: &Finding) -> Value {
    match &finding.ignored {
        None => json!({ "state": "in_triage" }),
        Some(ignored) => json!({ "response": ["will_not_fix"], "detail": ignored.reason }),
    }
}

fn rating(finding: &Finding, detail: &VulnerabilityDetail) -> Value {
    let severity = match finding.severity {
        Severity::Critical => "critical",
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low => "low",
        Severity::None => "none",
        Severity::Unknown => "unknown",
    };
    let Some(cvss) = &detail.cvss else { return json!({ "severity": severity }) };
    let method = match cvss.version.as_str() {
        "2.0" => "CVSSv2",
        "3.0" => "CVSSv3",
        "3.1" => "CVSSv31",
        "4.0" => "CVSSv4",
        _ => "other",
    };
    json!({ "score": cvss.score, "severity": severity, "method": method, "vector": cvss.vector })
}

/// Who publishes an advisory of this id, and where it can be read.
fn source(id: &str) -> Value {
    let name = match id.split('-').next().unwrap_or_default() {
        "CVE" => "NVD",
        "GHSA" => "GitHub Advisories",
        "PYSEC" => "PyPA Advisory Database",
        "MAL" => "OpenSSF Malicious Packages",
        _ => "OSV",
    };
    let url = match name {
        "NVD" => format!("https://nvd.nist.gov/vuln/detail/{id}"),
        _ => format!("https://osv.dev/vulnerability/{id}"),
    };
    json!({ "name": name, "url": url })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digests_of_the_right_form_are_hashes() {
        let sha256 = format!("sha256:{}", "0a".repeat(32));
        assert_eq!(hash_of(&sha256).map(|hash| hash["alg"].clone()), Some("SHA-256".into()));
        for wrong in ["sha256:00", "crc32:00", "", "sha256", &sha256.replace("0a", "xy")] {
            assert_eq!(hash_of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_serial_number_follows_the_content() {
        let number = serial_number(&json!({ "a": 1 }));
        assert_eq!(number, serial_number(&json!({ "a": 1 })));
        assert_ne!(number, serial_number(&json!({ "a": 2 })));
        assert_eq!((number.len(), &number[23..24]), (45, "8"));
    }
}
