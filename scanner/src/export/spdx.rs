//! SPDX 2.3 as JSON: packages with package URLs and checksums, and who depends on whom.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/>. The document's namespace is derived from its content and its time is the commit's, so that
//! documents of one commit are equal byte for byte.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::components::{self, Component};
use crate::finding::{Detail, Kind};
use crate::inventory::Source;
use crate::report::Report;

const ROOT: &str = "SPDXRef-Repository";
const UNSAID: &str = "NOASSERTION";

/// The document.
#[must_use]
pub fn render(report: &Report) -> Value {
    let components = components::of(report);
    let ids: BTreeMap<&str, String> =
        components.iter().map(|component| (component.reference.as_str(), id(component))).collect();
    let advisories = advisories(report, &components);
    let (name, commit) = components::subject(report);
    let mut packages = vec![repository(&name, commit)];
    packages.extend(components.iter().map(|component| {
        package(component, &ids[component.reference.as_str()], advisories.get(component.reference.as_str()))
    }));
    let mut document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "creationInfo": {
            "created": components::time(report),
            "creators": [format!("Tool: {}-{}", report.tool.name, report.tool.version)],
        },
        "documentDescribes": [ROOT],
        "packages": packages,
        "relationships": relationships(&components, &ids),
    });
    if !report.complete {
        document["comment"] = "Incomplete: some manifests could not be read whole.".into();
    }
    let digest = hex::encode(Sha256::digest(document.to_string().as_bytes()));
    document["documentNamespace"] = format!("https://github.com/secretarybird/secretarybird/spdx/{digest}").into();
    document
}

fn repository(name: &str, commit: Option<&str>) -> Value {
    let mut out = json!({
        "SPDXID": ROOT,
        "name": name,
        "downloadLocation": UNSAID,
        "filesAnalyzed": false,
        "licenseConcluded": UNSAID,
        "licenseDeclared": UNSAID,
        "copyrightText": UNSAID,
        "primaryPackagePurpose": "APPLICATION",
    });
    if let Some(commit) = commit {
        out["versionInfo"] = commit.into();
    }
    out
}

/// Letters, digits, dots and hyphens are all that an id may have; the digest keeps apart what that folds together.
fn id(component: &Component<'_>) -> String {
    let digest = hex::encode(&Sha256::digest(component.reference.as_bytes())[..6]);
    format!("SPDXRef-Package-{}-{digest}", component.name.as_str().replace('_', "-"))
}

fn package(component: &Component<'_>, id: &str, advisories: Option<&BTreeSet<&str>>) -> Value {
    let mut out = json!({
        "SPDXID": id,
        "name": component.name,
        "downloadLocation": download_location(component.source),
        "filesAnalyzed": false,
        "licenseConcluded": UNSAID,
        "licenseDeclared": UNSAID,
        "copyrightText": UNSAID,
    });
    if let Some(version) = component.version {
        out["versionInfo"] = version.as_str().into();
    }
    let checksums: Vec<Value> = component.hashes.iter().filter_map(|hash| checksum(hash)).collect();
    if !checksums.is_empty() {
        out["checksums"] = checksums.into();
    }
    let mut references = Vec::new();
    if let Some(purl) = &component.purl {
        references.push(reference("PACKAGE-MANAGER", "purl", purl));
    }
    for advisory in advisories.into_iter().flatten() {
        let url = format!("https://osv.dev/vulnerability/{advisory}");
        references.push(reference("SECURITY", "advisory", &url));
    }
    if !references.is_empty() {
        out["externalRefs"] = references.into();
    }
    let comment = comment(component);
    if !comment.is_empty() {
        out["comment"] = comment.into();
    }
    out
}

fn reference(category: &str, kind: &str, locator: &str) -> Value {
    json!({ "referenceCategory": category, "referenceType": kind, "referenceLocator": locator })
}

/// What SPDX has no field for.
fn comment(component: &Component<'_>) -> String {
    let mut parts = Vec::new();
    let mut list = |name: &str, values: Vec<&str>| {
        if !values.is_empty() {
            parts.push(format!("{name}: {}", values.join(", ")));
        }
    };
    list("groups", component.groups.iter().copied().collect());
    list("extras", component.extras.iter().copied().collect());
    list("asked for as", component.specifiers.iter().copied().collect());
    if component.resolved_only {
        parts.push("would resolve to this version; nothing locks it".to_owned());
    }
    parts.join("; ")
}

fn checksum(hash: &str) -> Option<Value> {
    let (algorithm, digest) = hash.split_once(':')?;
    let (name, length) = match algorithm {
        "md5" => ("MD5", 32),
        "sha1" => ("SHA1", 40),
        "sha256" => ("SHA256", 64),
        "sha384" => ("SHA384", 96),
        "sha512" => ("SHA512", 128),
        _ => return None,
    };
    let is_digest = digest.len() == length && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| json!({ "algorithm": name, "checksumValue": digest.to_ascii_lowercase() }))
}

/// A URL or a version-control location as the specification forms it (section 7.7), or nothing said.
fn download_location(source: &Source) -> String {
    match source {
        Source::Git { url, commit, .. } if url.contains("://") => {
            let commit = commit.as_ref().map_or_else(String::new, |commit| format!("@{commit}"));
            format!("git+{}{commit}", url.trim_start_matches("git+"))
        }
        Source::Url { url } if url.starts_with("http") && !url.contains('…') => url.clone(),
        _ => UNSAID.to_owned(),
    }
}

fn advisories<'r>(report: &'r Report, components: &[Component<'r>]) -> BTreeMap<String, BTreeSet<&'r str>> {
    let mut by_component: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for finding in &report.findings {
        if let (Kind::Vulnerability | Kind::Malicious, Detail::Vulnerability(detail)) = (finding.kind, &finding.detail)
        {
            for component in components::named(components, &detail.package, detail.version.as_ref()) {
                by_component.entry(component.reference.clone()).or_default().insert(&detail.advisory);
            }
        }
    }
    by_component
}

fn relationships(components: &[Component<'_>], ids: &BTreeMap<&str, String>) -> Value {
    let related = |from: &str, kind: &str, to: &str| json!({ "spdxElementId": from, "relationshipType": kind, "relatedSpdxElement": to });
    let mut out = vec![related("SPDXRef-DOCUMENT", "DESCRIBES", ROOT)];
    for component in components {
        let id = &ids[component.reference.as_str()];
        match (component.direct, component.main) {
            (true, true) => out.push(related(ROOT, "DEPENDS_ON", id)),
            (true, false) => out.push(related(id, "DEV_DEPENDENCY_OF", ROOT)),
            (false, _) => out.push(related(ROOT, "CONTAINS", id)),
        }
        let needed = component.dependencies.iter().filter_map(|needed| ids.get(needed.as_str()));
        out.extend(needed.map(|needed| related(id, "DEPENDS_ON", needed)));
    }
    Value::Array(out)
}
