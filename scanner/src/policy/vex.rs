//! VEX statements taken in: what a vendor or a team has said about a vulnerability in a product.
//!
//! OpenVEX 0.2 (<https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md>) and CycloneDX VEX (the `vulnerabilities` of a CycloneDX 1.4 to
//! 1.7 JSON document, <https://cyclonedx.org/capabilities/vex/>). `not_affected`, `fixed` and CycloneDX's `false_positive`, `resolved` close
//! a finding with the statement's own words as the reason; every other status says that the question is open, and hides nothing.

use std::collections::BTreeMap;

use advisories::{PackageName, Version};
use packageurl::PackageUrl;
use serde::Deserialize;

use crate::finding::{Detail, Finding, Ignored};

/// Why a document is no VEX document that we can read.
#[derive(Debug, thiserror::Error)]
pub enum VexError {
    /// It is no JSON, or a field that has to be there is missing or of another type.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is JSON of another kind.
    #[error("neither OpenVEX (`@context` https://openvex.dev/ns/…) nor CycloneDX (`bomFormat`)")]
    Unknown,
    /// A statement breaks the rules of its format.
    #[error("statement {number}: {reason}")]
    Statement {
        /// From 1, in the order of the document.
        number: usize,
        /// What is wrong.
        reason: String,
    },
}

/// One closed question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    vulnerabilities: Vec<String>,
    products: Vec<Product>,
    reason: String,
}

/// A package, at a version or at all.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Product {
    name: PackageName,
    version: Option<Version>,
}

/// The statements of a document that close a question.
///
/// # Errors
/// [`VexError`]; then nothing of the document counts.
pub fn read(text: &str) -> Result<Vec<Statement>, VexError> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "@context")]
        context: Option<String>,
        #[serde(rename = "bomFormat")]
        bom_format: Option<String>,
    }
    let head: Head = serde_json::from_str(text)?;
    if head.context.is_some_and(|context| context.starts_with("https://openvex.dev/ns")) {
        openvex(serde_json::from_str(text)?)
    } else if head.bom_format.as_deref() == Some("CycloneDX") {
        cyclonedx(serde_json::from_str(text)?)
    } else {
        Err(VexError::Unknown)
    }
}

/// Marks every finding that a statement closes. Findings already marked keep their mark. `by` names the document.
pub fn apply(findings: &mut [Finding], statements: &[Statement], by: &str) {
    for finding in findings.iter_mut().filter(|finding| finding.ignored.is_none()) {
        if let Some(statement) = statements.iter().find(|statement| statement.closes(finding)) {
            finding.ignored = Some(Ignored { by: by.to_owned(), reason: statement.reason.clone() });
        }
    }
}

impl Statement {
    /// Why it is closed, in the statement's words.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The vulnerabilities it speaks of, by any of their ids.
    #[must_use]
    pub fn vulnerabilities(&self) -> &[String] {
        &self.vulnerabilities
    }

    /// The packages it speaks of.
    pub fn packages(&self) -> impl Iterator<Item = &PackageName> {
        self.products.iter().map(|product| &product.name)
    }

    /// Whether it closes this finding.
    #[must_use]
    pub fn closes(&self, finding: &Finding) -> bool {
        let Detail::Vulnerability(detail) = &finding.detail else { return false };
        let is_meant = |id: &String| detail.advisory == *id || detail.aliases.contains(id);
        self.vulnerabilities.iter().any(is_meant)
            && self.products.iter().any(|product| {
                product.name == detail.package && (product.version.is_none() || product.version == detail.version)
            })
    }
}

/// A Python package's URL. Other types and texts are products of another kind.
fn product(purl: &str) -> Option<Product> {
    let purl: PackageUrl<'_> = purl.parse().ok()?;
    let name = PackageName::new(purl.name()).ok().filter(|_| purl.ty() == "pypi")?;
    Some(Product { name, version: purl.version().map(Version::new) })
}

#[derive(Deserialize)]
struct OpenVex {
    statements: Vec<OpenVexStatement>,
}

#[derive(Deserialize)]
struct OpenVexStatement {
    vulnerability: OpenVexVulnerability,
    #[serde(default)]
    products: Vec<OpenVexProduct>,
    status: String,
    justification: Option<String>,
    impact_statement: Option<String>,
    status_notes: Option<String>,
}

#[derive(Deserialize)]
struct OpenVexVulnerability {
    name: String,
    #[serde(default)]
    aliases: Vec<String>,
}

#[derive(Deserialize)]
struct OpenVexProduct {
    #[serde(rename = "@id")]
    id: Option<String>,
    #[serde(default)]
    identifiers: BTreeMap<String, String>,
    #[serde(default)]
    subcomponents: Vec<OpenVexProduct>,
}

impl OpenVexProduct {
    /// The Python packages meant: the subcomponents where there are some, else the product itself.
    fn packages(&self) -> Vec<Product> {
        if !self.subcomponents.is_empty() {
            return self.subcomponents.iter().flat_map(Self::packages).collect();
        }
        self.identifiers.get("purl").or(self.id.as_ref()).and_then(|purl| product(purl)).into_iter().collect()
    }
}

fn openvex(document: OpenVex) -> Result<Vec<Statement>, VexError> {
    let mut statements = Vec::new();
    for (number, statement) in (1..).zip(document.statements) {
        let wrong = |reason: String| VexError::Statement { number, reason };
        let words = [&statement.justification, &statement.impact_statement, &statement.status_notes];
        let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
        match statement.status.as_str() {
            "not_affected" if statement.justification.is_none() && statement.impact_statement.is_none() => {
                return Err(wrong("`not_affected` needs a `justification` or an `impact_statement`".to_owned()));
            }
            "not_affected" | "fixed" => {}
            "affected" | "under_investigation" => continue,
            other => return Err(wrong(format!("`{other}` is no status of OpenVEX"))),
        }
        let mut vulnerabilities = vec![statement.vulnerability.name];
        vulnerabilities.extend(statement.vulnerability.aliases);
        statements.push(Statement {
            vulnerabilities,
            products: statement.products.iter().flat_map(OpenVexProduct::packages).collect(),
            reason: reason(&statement.status, &words),
        });
    }
    Ok(statements)
}

#[derive(Deserialize)]
struct CycloneDx {
    #[serde(default)]
    vulnerabilities: Vec<CycloneDxVulnerability>,
    #[serde(default)]
    components: Vec<CycloneDxComponent>,
}

#[derive(Deserialize)]
struct CycloneDxComponent {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    purl: Option<String>,
}

#[derive(Deserialize)]
struct CycloneDxVulnerability {
    id: String,
    #[serde(default)]
    references: Vec<CycloneDxAlias>,
    analysis: Option<CycloneDxAnalysis>,
    #[serde(default)]
    affects: Vec<CycloneDxAffected>,
}

#[derive(Deserialize)]
struct CycloneDxAlias {
    id: String,
}

#[derive(Deserialize)]
struct CycloneDxAnalysis {
    state: Option<String>,
    justification: Option<String>,
    detail: Option<String>,
}

#[derive(Deserialize)]
struct CycloneDxAffected {
    #[serde(rename = "ref")]
    reference: String,
}

fn cyclonedx(document: CycloneDx) -> Result<Vec<Statement>, VexError> {
    const STATES: [&str; 6] =
        ["resolved", "resolved_with_pedigree", "exploitable", "in_triage", "false_positive", "not_affected"];
    let purls: BTreeMap<&str, &str> = document
        .components
        .iter()
        .filter_map(|component| Some((component.reference.as_deref()?, component.purl.as_deref()?)))
        .collect();
    let mut statements = Vec::new();
    for (number, vulnerability) in (1..).zip(&document.vulnerabilities) {
        let Some((analysis, state)) =
            vulnerability.analysis.as_ref().and_then(|analysis| Some((analysis, analysis.state.as_deref()?)))
        else {
            continue;
        };
        if !STATES.contains(&state) {
            return Err(VexError::Statement { number, reason: format!("`{state}` is no state of CycloneDX") });
        }
        if matches!(state, "exploitable" | "in_triage") {
            continue;
        }
        let words: Vec<&str> =
            [&analysis.justification, &analysis.detail].into_iter().flatten().map(String::as_str).collect();
        // a reference is a component of this document, a package URL, or a BOM-Link that ends in one
        let package = |affected: &CycloneDxAffected| {
            let reference = affected.reference.as_str();
            let linked = reference.split_once('#').map_or(reference, |(_, after)| after);
            product(purls.get(reference).copied().unwrap_or(linked)).or_else(|| product(reference))
        };
        statements.push(Statement {
            vulnerabilities: std::iter::once(&vulnerability.id)
                .chain(vulnerability.references.iter().map(|alias| &alias.id))
                .cloned()
                .collect(),
            products: vulnerability.affects.iter().filter_map(package).collect(),
            reason: reason(state, &words),
        });
    }
    Ok(statements)
}

fn reason(status: &str, words: &[&str]) -> String {
    if words.is_empty() { status.to_owned() } else { format!("{status}: {}", words.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(text: &str, id: &str, package: &str, version: &str) -> Option<String> {
        let statements = read(text).unwrap();
        let names = |statement: &&Statement| {
            let products = &statement.products;
            statement.vulnerabilities.iter().any(|known| known == id)
                && products.iter().any(|product| {
                    product.name.as_str() == package && product.version.as_ref().is_none_or(|at| at.as_str() == version)
                })
        };
        statements.iter().find(names).map(|statement| statement.reason.clone())
    }

    fn openvex(statement: &str) -> String {
        format!(r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{statement}]}}"#)
    }

    #[test]
    fn openvex_statements() {
        let of_subcomponent = openvex(
            r#"{"vulnerability": {"name": "CVE-1", "aliases": ["GHSA-1"]}, "status": "not_affected",
                "justification": "vulnerable_code_not_in_execute_path", "impact_statement": "never called",
                "products": [{"@id": "https://host.example/repo", "subcomponents": [{"@id": "pkg:pypi/Some.Lib@1.0"}]}]}"#,
        );
        let words = "not_affected: vulnerable_code_not_in_execute_path; never called";
        assert_eq!(closed(&of_subcomponent, "GHSA-1", "some-lib", "1.0").as_deref(), Some(words));
        assert_eq!(closed(&of_subcomponent, "CVE-1", "some-lib", "1.1"), None);
        assert_eq!(closed(&of_subcomponent, "CVE-2", "some-lib", "1.0"), None);

        let any_version = openvex(
            r#"{"vulnerability": {"name": "CVE-1"}, "status": "fixed", "products": [{"identifiers": {"purl": "pkg:pypi/lib"}}]}"#,
        );
        assert_eq!(closed(&any_version, "CVE-1", "lib", "7").as_deref(), Some("fixed"));
        let npm = any_version.replace("pkg:pypi", "pkg:npm");
        assert_eq!(closed(&npm, "CVE-1", "lib", "7"), None, "another ecosystem's package of that name");
        for open in ["affected", "under_investigation"] {
            assert_eq!(closed(&any_version.replace("fixed", open), "CVE-1", "lib", "7"), None, "{open}");
        }
    }

    #[test]
    fn cyclonedx_analyses() {
        let document = |state: &str| {
            format!(
                r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6",
                    "components": [{{"bom-ref": "c1", "purl": "pkg:pypi/lib@2.0"}}],
                    "vulnerabilities": [{{"id": "GHSA-1", "references": [{{"id": "CVE-1"}}],
                      "analysis": {{"state": "{state}", "detail": "patched by us"}},
                      "affects": [{{"ref": "c1"}}, {{"ref": "urn:cdx:uuid/1#pkg:pypi/other@1"}}]}}]}}"#
            )
        };
        for (state, closes) in [
            ("not_affected", true),
            ("false_positive", true),
            ("resolved", true),
            ("resolved_with_pedigree", true),
            ("exploitable", false),
            ("in_triage", false),
        ] {
            let found = closed(&document(state), "CVE-1", "lib", "2.0");
            assert_eq!(found.is_some(), closes, "{state}");
            assert_eq!(closed(&document(state), "CVE-1", "other", "1").is_some(), closes, "{state}");
        }
        assert!(read(&document("unheard_of")).unwrap_err().to_string().contains("unheard_of"));
    }

    #[test]
    fn what_is_no_vex_is_refused_whole() {
        for (text, expected) in [
            ("{", "line 1"),
            ("{}", "neither OpenVEX"),
            (r#"{"@context": "https://openvex.dev/ns/v0.2.0"}"#, "statements"),
            (&openvex(r#"{"vulnerability": {"name": "CVE-1"}, "status": "not_affected"}"#), "needs a `justification`"),
            (&openvex(r#"{"vulnerability": {"name": "CVE-1"}, "status": "maybe"}"#), "statement 1: `maybe`"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
