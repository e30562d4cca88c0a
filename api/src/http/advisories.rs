//! Advisories, in our words and as the public OSV service words its answers.
//!
//! The OSV answers follow <https://google.github.io/osv.dev/api/>, so that a program that asks api.osv.dev can be pointed here.

use std::sync::Arc;

use advisories::{Advisory, AdvisoryIndex, PackageName, Rating, Version};
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth::Reader;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::service::Service;

/// How fresh the advisories are.
#[derive(Debug, Serialize, ToSchema)]
pub struct Status {
    /// How many records; absent when there are none at all.
    pub records: Option<usize>,
    /// The newest record's `modified`, RFC 3339.
    pub modified: Option<String>,
    /// Where they came from.
    pub source: Option<String>,
    /// When the index was made, RFC 3339.
    pub built: Option<String>,
    /// Records that could not be read.
    pub problems: usize,
    /// Why there are none.
    pub error: Option<String>,
}

/// How many advisories there are, and how fresh they are.
#[utoipa::path(get, path = "/advisories/status", tag = "advisories", security(("token" = ["read"])), responses((status = 200, body = Status)))]
pub async fn status(State(service): State<Arc<Service>>, Reader(_): Reader) -> Json<Status> {
    Json(match service.advisories() {
        Ok(index) => Status {
            records: Some(index.records()),
            modified: index.modified().map(str::to_owned),
            source: Some(index.source().to_owned()),
            built: Some(index.built().to_owned()),
            problems: index.problems().len(),
            error: None,
        },
        Err(error) => Status {
            records: None,
            modified: None,
            source: None,
            built: None,
            problems: 0,
            error: Some(error.to_string()),
        },
    })
}

/// The records with an id or alias, as OSV records.
#[utoipa::path(get, path = "/advisories/{id}", tag = "advisories", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, description = "One or more OSV records"), (status = 404, description = "No such advisory"), (status = 503, description = "No advisories are loaded")))]
pub async fn show(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    Path(id): Path<String>,
) -> Result<Json<Vec<Value>>, ApiError> {
    let index = service.advisories()?;
    Ok(Json(found(&index, &id)?.iter().map(osv).collect()))
}

fn found(index: &AdvisoryIndex, id: &str) -> Result<Vec<Advisory>, ApiError> {
    let records = index.find(id).map_err(|error| ApiError::Internal(error.to_string()))?;
    if records.is_empty() {
        return Err(ApiError::NotFound { kind: "advisory", name: id.chars().take(80).collect() });
    }
    Ok(records)
}

/// One question of the OSV API.
#[derive(Debug, Deserialize)]
pub struct Question {
    version: Option<String>,
    package: Option<Package>,
    commit: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: Option<String>,
    ecosystem: Option<String>,
    purl: Option<String>,
}

/// Many questions of the OSV API.
#[derive(Debug, Deserialize)]
pub struct Questions {
    queries: Vec<Question>,
}

/// As of the OSV API.
const QUERIES: usize = 1000;

/// `POST /v1/query`: every advisory of a package at a version, whole.
pub async fn query(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    Json(question): Json<Question>,
) -> Result<Json<Value>, ApiError> {
    let index = service.advisories()?;
    let vulns: Vec<Value> = affecting(&index, &question)?.iter().map(osv).collect();
    Ok(Json(if vulns.is_empty() { json!({}) } else { json!({"vulns": vulns}) }))
}

/// `POST /v1/querybatch`: ids only, one answer for each question in its order.
pub async fn query_batch(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    Json(questions): Json<Questions>,
) -> Result<Json<Value>, ApiError> {
    if questions.queries.len() > QUERIES {
        return Err(ApiError::Invalid(format!("more than {QUERIES} queries")));
    }
    let index = service.advisories()?;
    let answer = |question: &Question| {
        let records = affecting(&index, question)?;
        let short = |record: &Advisory| json!({"id": record.id, "modified": record.modified});
        let vulns: Vec<Value> = records.iter().map(short).collect();
        Ok(if vulns.is_empty() { json!({}) } else { json!({"vulns": vulns}) })
    };
    let results = questions.queries.iter().map(answer).collect::<Result<Vec<Value>, ApiError>>()?;
    Ok(Json(json!({"results": results})))
}

/// `GET /v1/vulns/{id}`: one record.
pub async fn vuln(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let index = service.advisories()?;
    let records = found(&index, &id)?;
    let own = records.iter().find(|record| record.id.eq_ignore_ascii_case(&id)).or(records.first());
    own.map(|record| Json(osv(record))).ok_or(ApiError::NoRoute)
}

fn affecting(index: &AdvisoryIndex, question: &Question) -> Result<Vec<Advisory>, ApiError> {
    if question.commit.is_some() {
        return Err(ApiError::Invalid("this index answers packages and versions, not commits".to_owned()));
    }
    let Some((name, version)) = asked(question)? else { return Ok(vec![]) };
    let records = index.affecting(&name, &Version::new(&version)).into_iter().map(|number| index.record(number));
    records.collect::<Result<_, _>>().map_err(|error| ApiError::Internal(error.to_string()))
}

/// Package and version; `None` for another ecosystem, of which this index knows nothing and the public one may.
fn asked(question: &Question) -> Result<Option<(PackageName, String)>, ApiError> {
    let invalid = |reason: &str| ApiError::Invalid(reason.to_owned());
    let package = question.package.as_ref().ok_or_else(|| invalid("package: missing"))?;
    let (name, in_purl) = match &package.purl {
        Some(purl) => match purl.strip_prefix("pkg:pypi/") {
            Some(rest) => {
                let rest = rest.split(['?', '#']).next().unwrap_or_default();
                rest.split_once('@').map_or((rest, None), |(name, version)| (name, Some(version.to_owned())))
            }
            None => return Ok(None),
        },
        None if package.ecosystem.as_deref() != Some("PyPI") => return Ok(None),
        None => (package.name.as_deref().ok_or_else(|| invalid("package.name: missing"))?, None),
    };
    let version = question.version.clone().or(in_purl).ok_or_else(|| invalid("version: missing"))?;
    let name = PackageName::new(name).map_err(|_| invalid("package.name: not the name of a Python package"))?;
    Ok(Some((name, version)))
}

fn range(range: &advisories::range::Range) -> Value {
    let mut value = json!({"type": range.kind, "events": range.events});
    if let (Some(repo), Some(fields)) = (&range.repo, value.as_object_mut()) {
        fields.insert("repo".to_owned(), json!(repo));
    }
    value
}

/// A record in OSV's schema (<https://ossf.github.io/osv-schema/>), as far as the index keeps it.
fn osv(record: &Advisory) -> Value {
    let affected = record.affected.iter().filter_map(|affected| {
        let package = affected.package.as_ref()?;
        Some(json!({
            "package": {"name": package, "ecosystem": "PyPI", "purl": format!("pkg:pypi/{package}")},
            "ranges": affected.ranges.iter().map(range).collect::<Vec<_>>(),
            "versions": affected.versions,
        }))
    });
    let rating = |rating: &Rating| {
        let major = rating.version.split('.').next().unwrap_or_default();
        json!({"type": format!("CVSS_V{major}"), "score": rating.vector})
    };
    let references = record.references.iter().map(|url| json!({"type": "WEB", "url": url}));
    let mut value = json!({
        "schema_version": "1.7.0",
        "id": record.id,
        "modified": record.modified,
        "published": record.published,
        "aliases": record.aliases,
        "summary": record.summary,
        "details": record.details,
        "severity": record.ratings.iter().map(rating).collect::<Vec<_>>(),
        "affected": affected.collect::<Vec<_>>(),
        "references": references.collect::<Vec<_>>(),
    });
    if let (Some(withdrawn), Some(fields)) = (&record.withdrawn, value.as_object_mut()) {
        fields.insert("withdrawn".to_owned(), json!(withdrawn));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_as_the_public_service_reads_them() {
        let cases = [
            (
                json!({"version": "2.4.1", "package": {"name": "Jinja2", "ecosystem": "PyPI"}}),
                Ok(Some(("jinja2", "2.4.1"))),
            ),
            (json!({"version": "2.4.1", "package": {"purl": "pkg:pypi/jinja2"}}), Ok(Some(("jinja2", "2.4.1")))),
            (json!({"package": {"purl": "pkg:pypi/jinja2@3.1.4?x=y"}}), Ok(Some(("jinja2", "3.1.4")))),
            (json!({"version": "1", "package": {"name": "left-pad", "ecosystem": "npm"}}), Ok(None)),
            (json!({"package": {"purl": "pkg:npm/left-pad@1"}}), Ok(None)),
            (json!({"version": "1"}), Err(())),
            (json!({"package": {"name": "jinja2", "ecosystem": "PyPI"}}), Err(())),
            (json!({"version": "1", "package": {"name": "-", "ecosystem": "PyPI"}}), Err(())),
        ];
        for (body, expected) in cases {
            let question: Question = serde_json::from_value(body.clone()).expect("question");
            let read = asked(&question).map_err(|_| ());
            let expected = expected
                .map(|found| found.map(|(name, version)| (PackageName::new(name).expect("name"), version.to_owned())));
            assert_eq!(read, expected, "{body}");
        }
    }
}
