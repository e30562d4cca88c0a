//! The public OSV service's questions, answered from the own index: <https://google.github.io/osv.dev/api/>.
//!
//! A program that asks api.osv.dev can be pointed here. Bodies are read as JSON whatever their content type says, as the public
//! service does: pip-audit sends none.

use std::sync::Arc;

use advisories::{Advisory, AdvisoryIndex, PackageName, Rating, Version};
use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::advisories::found;
use super::auth::Reader;
use super::cursor;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::service::Service;

/// Queries of one batch at most, as of the OSV API.
const QUERIES: usize = 1000;
/// Records of one answer at most; the rest comes by `next_page_token`.
const PAGE: usize = 500;

/// One question.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Question {
    version: Option<String>,
    package: Option<Package>,
    commit: Option<String>,
    page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: Option<String>,
    ecosystem: Option<String>,
    purl: Option<String>,
}

/// Many questions.
#[derive(Debug, Deserialize)]
struct Questions {
    queries: Vec<Question>,
}

/// What a question is about.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    name: PackageName,
    /// Every version, where none is named.
    version: Option<String>,
}

type Body = Result<Bytes, axum::extract::rejection::BytesRejection>;

/// `POST /v1/query`: every advisory of a package at a version, whole.
pub async fn query(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let question: Question = read(body)?;
    let index = service.advisories()?;
    in_the_back(move || answer(&index, &question, record)).await
}

/// `POST /v1/querybatch`: ids only, one answer for each question in its order.
pub async fn query_batch(
    State(service): State<Arc<Service>>,
    Reader(_): Reader,
    body: Body,
) -> Result<Json<Value>, ApiError> {
    let Questions { queries } = read(body)?;
    if queries.len() > QUERIES {
        return Err(ApiError::Invalid(format!("queries: more than {QUERIES}")));
    }
    let index = service.advisories()?;
    in_the_back(move || {
        let short = |record: &Advisory| json!({"id": record.id, "modified": record.modified});
        let results = queries.iter().map(|question| answer(&index, question, short));
        Ok(json!({"results": results.collect::<Result<Vec<Value>, ApiError>>()?}))
    })
    .await
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
    own.map(|own| Json(record(own))).ok_or(ApiError::NoRoute)
}

fn read<T: DeserializeOwned>(body: Body) -> Result<T, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Invalid("the body ended before it was complete".to_owned()),
    })?;
    serde_json::from_slice(&body).map_err(|error| ApiError::Invalid(error.to_string()))
}

/// Matching and inflating records is work for another thread than the one that answers.
async fn in_the_back(work: impl FnOnce() -> Result<Value, ApiError> + Send + 'static) -> Result<Json<Value>, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ApiError::Internal(error.to_string()))).map(Json)
}

/// One page of the records that a question finds.
fn answer(index: &AdvisoryIndex, question: &Question, show: impl Fn(&Advisory) -> Value) -> Result<Value, ApiError> {
    let Some(subject) = subject(question)? else { return Ok(json!({})) };
    let numbers = match &subject.version {
        Some(version) => index.affecting(&subject.name, &Version::new(version)),
        None => index.about(&subject.name),
    };
    let list = format!("osv {} {}", subject.name, subject.version.as_deref().unwrap_or_default());
    let begin = match question.page_token.as_deref().filter(|token| !token.is_empty()) {
        Some(token) => number(&list, token)?,
        None => 0,
    };
    let mut page: Vec<u32> = numbers.into_iter().filter(|number| *number >= begin).take(PAGE + 1).collect();
    let next = if page.len() > PAGE { page.pop() } else { None };
    let mut vulns = Vec::with_capacity(page.len());
    for number in page {
        vulns.push(show(&index.record(number).map_err(|error| ApiError::Internal(error.to_string()))?));
    }
    let mut answer = if vulns.is_empty() { json!({}) } else { json!({"vulns": vulns}) };
    if let Some(next) = next {
        answer["next_page_token"] = json!(cursor::seal(&list, &next.to_be_bytes()));
    }
    Ok(answer)
}

fn number(list: &str, token: &str) -> Result<u32, ApiError> {
    let wrong = || ApiError::Invalid("page_token: not one of this query".to_owned());
    let bytes = cursor::open(list, token).map_err(|_| wrong())?;
    Ok(u32::from_be_bytes(bytes.try_into().map_err(|_| wrong())?))
}

/// What a question is about; `None` for another ecosystem, of which this index knows nothing.
fn subject(question: &Question) -> Result<Option<Subject>, ApiError> {
    let invalid = |reason: &str| Err(ApiError::Invalid(reason.to_owned()));
    if question.commit.is_some() {
        // an empty answer would say that the commit is affected by nothing
        return invalid("commit: this index answers packages and versions, not commits");
    }
    let Some(package) = &question.package else { return invalid("package: missing") };
    let version = question.version.clone().filter(|version| !version.is_empty());
    let (name, version) = match &package.purl {
        Some(_) if package.name.is_some() || package.ecosystem.is_some() => {
            return invalid("package: a purl says the name and the ecosystem; give either");
        }
        Some(purl) => {
            let Some(rest) = purl.strip_prefix("pkg:") else { return invalid("package.purl: not a package URL") };
            let Some(rest) = rest.trim_start_matches('/').strip_prefix("pypi/") else { return Ok(None) };
            let rest = rest.split(['?', '#']).next().unwrap_or_default();
            let (name, in_purl) = rest.split_once('@').map_or((rest, None), |(name, version)| (name, Some(version)));
            if in_purl.is_some() && version.is_some() {
                return invalid("version: the purl says one already");
            }
            (name, version.or_else(|| in_purl.map(unescaped)))
        }
        None => {
            let Some(ecosystem) = &package.ecosystem else { return invalid("package.ecosystem: missing") };
            let Some(name) = &package.name else { return invalid("package.name: missing") };
            if ecosystem != "PyPI" {
                return Ok(None);
            }
            (name.as_str(), version)
        }
    };
    match PackageName::new(name) {
        Ok(name) => Ok(Some(Subject { name, version })),
        Err(_) => invalid("package.name: not the name of a Python package"),
    }
}

/// Percent-encoding of a purl's version: `1.0%2Blocal`.
fn unescaped(text: &str) -> String {
    let pair = format!("v={}", text.replace('+', "%2B"));
    let decoded = url::form_urlencoded::parse(pair.as_bytes()).next();
    decoded.map_or_else(|| text.to_owned(), |(_, value)| value.into_owned())
}

fn range(range: &advisories::range::Range) -> Value {
    let mut value = json!({"type": range.kind, "events": range.events});
    if let (Some(repo), Some(fields)) = (&range.repo, value.as_object_mut()) {
        fields.insert("repo".to_owned(), json!(repo));
    }
    value
}

/// A record in OSV's schema (<https://ossf.github.io/osv-schema/>), as far as the index keeps it.
pub fn record(record: &Advisory) -> Value {
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
                Ok(Some(("jinja2", Some("2.4.1")))),
            ),
            (json!({"version": "2.4.1", "package": {"purl": "pkg:pypi/jinja2"}}), Ok(Some(("jinja2", Some("2.4.1"))))),
            (json!({"package": {"purl": "pkg:pypi/jinja2@3.1.4?x=y"}}), Ok(Some(("jinja2", Some("3.1.4"))))),
            (json!({"package": {"purl": "pkg:pypi/jinja2@3.1%2Blocal"}}), Ok(Some(("jinja2", Some("3.1+local"))))),
            (json!({"package": {"name": "jinja2", "ecosystem": "PyPI"}}), Ok(Some(("jinja2", None)))),
            (json!({"version": "1", "package": {"name": "left-pad", "ecosystem": "npm"}}), Ok(None)),
            (json!({"package": {"purl": "pkg:npm/left-pad@1"}}), Ok(None)),
            (json!({"version": "1"}), Err(())),
            (json!({"commit": "6879efc2c1596d11a6a6ad296f80063b558d5e0f"}), Err(())),
            (json!({"version": "1", "package": {"name": "x"}}), Err(())),
            (json!({"version": "1", "package": {"purl": "pkg:pypi/jinja2@3"}}), Err(())),
            (json!({"version": "1", "package": {"purl": "pkg:pypi/jinja2", "ecosystem": "PyPI"}}), Err(())),
            (json!({"version": "1", "package": {"purl": "jinja2"}}), Err(())),
            (json!({"version": "1", "package": {"name": "-", "ecosystem": "PyPI"}}), Err(())),
        ];
        for (body, expected) in cases {
            let question: Question = serde_json::from_value(body.clone()).expect("question");
            let expected = expected.map(|found| {
                found.map(|(name, version)| Subject {
                    name: PackageName::new(name).expect("name"),
                    version: version.map(str::to_owned),
                })
            });
            assert_eq!(subject(&question).map_err(|_| ()), expected, "{body}");
        }
    }
}
