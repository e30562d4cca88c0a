//! VEX documents taken in: what their statements close is accepted, in their words.

use std::sync::Arc;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::auth::Triager;
use super::error::ApiError;
use super::extract::{Json, Query};
use super::service::Service;

/// Where the statements hold.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedVex {
    /// A repository's id; everywhere the identity sees when not given.
    pub repository: Option<String>,
}

/// What a document has closed.
#[derive(Debug, Serialize, ToSchema)]
pub struct VexTaken {
    /// Statements that close a question: `not_affected` and `fixed`, CycloneDX's `false_positive` and `resolved` too.
    pub statements: usize,
    /// Findings that are accepted now, with the statement's words as the reason.
    pub accepted: Vec<String>,
    /// Findings that the statements speak of and that were decided about before; they stay as they were.
    pub decided_before: usize,
    /// Vulnerabilities of statements that speak of no finding here.
    pub without_finding: Vec<String>,
}

/// Takes an OpenVEX or CycloneDX document in as decisions about the findings that are open now.
#[utoipa::path(post, path = "/vex", tag = "findings", params(WantedVex), request_body = Object, security(("token" = ["triage"])),
    responses((status = 200, body = VexTaken), (status = 404, description = "No such repository"), (status = 422, description = "No VEX document")))]
pub async fn take(
    State(service): State<Arc<Service>>,
    Triager(identity): Triager,
    Query(wanted): Query<WantedVex>,
    Json(document): Json<Value>,
) -> Result<Json<VexTaken>, ApiError> {
    Ok(Json(service.take_vex(&identity, wanted.repository.as_deref(), &document).await?))
}
