//! Findings: list by what is indexed, show, decide.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::{Reader, Triager};
use super::error::ApiError;
use super::etag::Tagged;
use super::extract::{Json, Path, Query};
use super::service::Service;
use super::wire::{Finding, Page, Triage};

/// Which findings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// `vulnerability`, `malicious`, `yanked`, `secret`, `unused`, `missing`, `transitive`, `misplaced` or `posture`.
    #[param(pattern = "^(malicious|vulnerability|yanked|secret|unused|missing|transitive|misplaced|posture)$")]
    pub kind: Option<String>,
    /// `low`, `medium`, `high`, `critical`, `none` or `unknown`.
    #[param(pattern = "^(critical|high|medium|low|none|unknown)$")]
    pub severity: Option<String>,
    /// `open`, `reopened`, `accepted`, `revoked` or `fixed`; all when not given.
    #[param(pattern = "^(open|reopened|accepted|revoked|fixed)$")]
    pub state: Option<String>,
    /// A repository's id.
    pub repository: Option<String>,
    /// A package's name.
    #[param(pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$")]
    pub package: Option<String>,
    /// A rule, or an advisory's canonical id.
    pub rule: Option<String>,
    /// A secret's `fingerprint`: who else has the same one.
    #[param(pattern = "^[0-9a-f]{64}$")]
    pub fingerprint: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{16,2000}$")]
    pub after: Option<String>,
    /// Items on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

impl Wanted {
    /// What its words take.
    pub(super) fn bytes(&self) -> usize {
        let words = [&self.kind, &self.severity, &self.state, &self.repository];
        let words = words.into_iter().chain([&self.package, &self.rule, &self.fingerprint, &self.after]);
        words.flatten().map(String::len).sum()
    }
}

/// Lists findings.
#[utoipa::path(get, path = "/findings", tag = "findings", params(Wanted), security(("token" = ["read"])),
    responses((status = 200, body = Page<Finding>), (status = 404, description = "No such repository")))]
pub async fn list(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Query(wanted): Query<Wanted>,
) -> Result<Tagged, ApiError> {
    service.findings(&identity, wanted).await
}

/// One finding.
#[utoipa::path(get, path = "/findings/{id}", tag = "findings", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = Finding), (status = 404, description = "No such finding")))]
pub async fn show(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
) -> Result<Json<Finding>, ApiError> {
    Ok(Json(service.finding(&identity, &id).await?.into()))
}

/// Decides about a finding.
#[utoipa::path(patch, path = "/findings/{id}", tag = "findings", params(("id" = String, Path)), request_body = Triage, security(("token" = ["triage"])),
    responses((status = 200, body = Finding), (status = 404, description = "No such finding"), (status = 409, description = "Not from its present state")))]
pub async fn decide(
    State(service): State<Arc<Service>>,
    Triager(identity): Triager,
    Path(id): Path<String>,
    Json(decision): Json<Triage>,
) -> Result<Json<Finding>, ApiError> {
    Ok(Json(service.decide(&identity, &id, decision).await?))
}
