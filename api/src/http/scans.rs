//! Scans, their reports, the gate over one commit, and the difference of two.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::Reader;
use super::error::ApiError;
use super::etag::Tagged;
use super::extract::{Json, Path, Query};
use super::observe::RequestId;
use super::service::Service;
use super::wire::{Comparison, Gate, Policy, Scan};

/// A scan, done or (by its job's id) on its way.
#[utoipa::path(get, path = "/scans/{id}", tag = "scans", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = Scan), (status = 404, description = "No such scan")))]
pub async fn show(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
) -> Result<Json<Scan>, ApiError> {
    Ok(Json(service.scan(&identity, &id).await?))
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Form {
    /// `json` (the default), `text`, or another format of the exports; instead of `Accept`.
    #[param(pattern = "^(text|json|jsonl|sarif|cyclonedx|cyclonedx-1.7|spdx|openvex|markdown|github|csv|badge)$")]
    pub format: Option<String>,
}

/// The report of a scan.
#[utoipa::path(get, path = "/scans/{id}/report", tag = "scans", params(("id" = String, Path), Form), security(("token" = ["read"])),
    responses((status = 200, description = "The report", content_type = "application/json"), (status = 404, description = "No such scan"),
        (status = 406, description = "No such format")))]
pub async fn report(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
    Query(form): Query<Form>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let format = super::report::choose(form.format.as_deref(), &headers)?;
    let report = service.report(&identity, &id).await?;
    // a report never changes, so that its scan and form name it
    let tag = format!("\"{id}-{}\"", format.as_str());
    if super::etag::is_known(&headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let body = super::report::render(format, &report)?;
    Ok(([(header::CONTENT_TYPE, format.media_type().to_owned()), (header::ETAG, tag)], body).into_response())
}

/// Which commit, and how long to wait.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Question {
    /// The full commit id.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub commit: String,
    /// Seconds to wait for an answer other than `pending`.
    #[param(maximum = 86_400)]
    pub wait: Option<u64>,
    /// From where on a finding fails; the server's policy when not given.
    #[param(pattern = "^(low|medium|high|critical|none)$")]
    pub fail_on: Option<String>,
    /// The ref that the commit was reached by, for a commit that is not scanned yet.
    #[serde(rename = "ref")]
    #[param(pattern = "^[A-Za-z0-9_]+([/-][A-Za-z0-9_]+)*$")]
    pub reference: Option<String>,
    /// What a commit that is not scanned yet is to be judged against; else where the default branch was left.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub base: Option<String>,
}

/// Judges a commit. A commit that was not scanned yet is scanned, where the token may start scans.
#[utoipa::path(get, path = "/repositories/{id}/gate", tag = "gate", params(("id" = String, Path), Question), security(("token" = ["read"])),
    responses((status = 200, body = Gate), (status = 404, description = "No such repository")))]
pub async fn gate(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Extension(request): Extension<RequestId>,
    Path(id): Path<String>,
    Query(question): Query<Question>,
) -> Result<Tagged, ApiError> {
    let wait = question.wait.unwrap_or(0).min(service.config.limits.gate_wait_seconds);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait);
    loop {
        let answer = service.gate(&identity, &id, &question, &request.0).await?;
        let waited = tokio::time::Instant::now() >= deadline || *service.stopping.borrow();
        if !answer.pending || waited {
            return Ok(answer.told);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// What the server judges the repository's commits by.
#[utoipa::path(get, path = "/repositories/{id}/policy", tag = "gate", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = Policy), (status = 404, description = "No such repository")))]
pub async fn policy(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
) -> Result<Json<Policy>, ApiError> {
    Ok(Json(service.policy(&identity, &id).await?))
}

/// Which two commits.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Two {
    /// The older.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub base: String,
    /// The newer.
    #[param(pattern = "^([0-9a-fA-F]{40}|[0-9a-fA-F]{64})$")]
    pub head: String,
}

/// Compares the findings of two scanned commits.
#[utoipa::path(get, path = "/repositories/{id}/compare", tag = "gate", params(("id" = String, Path), Two), security(("token" = ["read"])),
    responses((status = 200, body = Comparison), (status = 404, description = "No such repository, or a commit that was not scanned")))]
pub async fn compare(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
    Query(two): Query<Two>,
) -> Result<Json<Comparison>, ApiError> {
    Ok(Json(service.compare(&identity, &id, &two.base, &two.head).await?))
}
