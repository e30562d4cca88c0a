//! Advisories in our words: how fresh they are, and what a record says.

use std::sync::Arc;

use advisories::{Advisory, AdvisoryIndex};
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::auth::{Owner, Reader};
use super::error::ApiError;
use super::extract::{Json, Path};
use super::osv;
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
    /// Whether they are being brought up to date.
    pub syncing: bool,
    /// When that last ended, RFC 3339.
    pub synced_at: Option<String>,
    /// What went wrong with it; the advisories from before stay in force.
    pub sync_error: Option<String>,
}

/// How many advisories there are, and how fresh they are.
#[utoipa::path(get, path = "/advisories/status", tag = "advisories", security(("token" = ["read"])), responses((status = 200, body = Status)))]
pub async fn status(State(service): State<Arc<Service>>, Reader(_): Reader) -> Json<Status> {
    Json(current(&service))
}

/// Brings the advisories up to date; `GET /advisories/status` says how it goes.
#[utoipa::path(post, path = "/advisories/sync", tag = "advisories", security(("token" = ["admin"])),
    responses((status = 202, description = "It has begun, or was under way", body = Status)))]
pub async fn sync(State(service): State<Arc<Service>>, _: Owner) -> Result<(StatusCode, Json<Status>), ApiError> {
    // what the configuration names was checked at the start
    service.feeds.begin_fetch(service.config.feeds.parsed().map_err(ApiError::Internal)?);
    Ok((StatusCode::ACCEPTED, Json(current(&service))))
}

fn current(service: &Service) -> Status {
    let fetch = service.feeds.fetch();
    let index = service.feeds.index();
    let there = index.as_ref().ok();
    Status {
        records: there.map(|index| index.records()),
        modified: there.and_then(|index| index.modified().map(str::to_owned)),
        source: there.map(|index| index.source().to_owned()),
        built: there.map(|index| index.built().to_owned()),
        problems: there.map_or(0, |index| index.problems().len()),
        error: index.as_ref().err().cloned(),
        syncing: fetch.under_way,
        synced_at: fetch.ended.map(|at| at.to_string()),
        sync_error: fetch.error,
    }
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
    Ok(Json(found(&index, &id)?.iter().map(osv::record).collect()))
}

/// The records with an id or alias.
///
/// # Errors
/// [`ApiError::NotFound`].
pub fn found(index: &AdvisoryIndex, id: &str) -> Result<Vec<Advisory>, ApiError> {
    let records = index.find(id).map_err(|error| ApiError::Internal(error.to_string()))?;
    if records.is_empty() {
        return Err(ApiError::NotFound { kind: "advisory", name: id.chars().take(80).collect() });
    }
    Ok(records)
}
