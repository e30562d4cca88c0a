//! What runs: jobs, sweeps, the advisories in force; and who has a package.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Admin, Reader};
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::observe::RequestId;
use super::service::Service;
use super::wire::{Job, Page, Sweep};

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedJobs {
    /// `ready`, `running`, `done`, `dead` or `cancelled`; all when not given.
    pub state: Option<String>,
    /// The `next` of the page before.
    pub after: Option<String>,
    /// Items on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

/// Lists jobs, the newest first.
#[utoipa::path(get, path = "/jobs", tag = "operations", params(WantedJobs), security(("token" = ["read"])), responses((status = 200, body = Page<Job>)))]
pub async fn jobs(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Query(wanted): Query<WantedJobs>,
) -> Result<Json<Page<Job>>, ApiError> {
    Ok(Json(service.jobs(&identity, &wanted).await?))
}

/// Tries a job once more that was given up or cancelled.
#[utoipa::path(post, path = "/jobs/{id}/retry", tag = "operations", params(("id" = String, Path)), security(("token" = ["admin"])),
    responses((status = 200, body = Job), (status = 404, description = "No such job"), (status = 409, description = "Not from its present state")))]
pub async fn retry(
    State(service): State<Arc<Service>>,
    Admin(identity): Admin,
    Path(id): Path<String>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(service.retry(&identity, &id).await?))
}

/// Cancels a job: at once while it waits, soon while it runs.
#[utoipa::path(post, path = "/jobs/{id}/cancel", tag = "operations", params(("id" = String, Path)), security(("token" = ["admin"])),
    responses((status = 200, body = Job), (status = 404, description = "No such job"), (status = 409, description = "Not from its present state")))]
pub async fn cancel(
    State(service): State<Arc<Service>>,
    Admin(identity): Admin,
    Path(id): Path<String>,
) -> Result<Json<Job>, ApiError> {
    Ok(Json(service.cancel(&identity, &id).await?))
}

/// Starts a sweep over all repositories.
#[utoipa::path(post, path = "/sweeps", tag = "operations", security(("token" = ["admin"])), responses((status = 202, body = Sweep)))]
pub async fn start_sweep(
    State(service): State<Arc<Service>>,
    Admin(identity): Admin,
    Extension(request): Extension<RequestId>,
) -> Result<(StatusCode, Json<Sweep>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(service.start_sweep(&identity, &request.0).await?)))
}

/// How a sweep goes.
#[utoipa::path(get, path = "/sweeps/{id}", tag = "operations", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = Sweep), (status = 404, description = "No such sweep")))]
pub async fn sweep(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
) -> Result<Json<Sweep>, ApiError> {
    Ok(Json(service.sweep(&identity, &id).await?))
}

/// Which version.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedVersion {
    /// Only this version, compared by PEP 440.
    pub version: Option<String>,
}

/// Who has a package.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageUses {
    /// The normalised name.
    pub package: String,
    /// One for each manifest that has it.
    #[schema(value_type = Vec<Object>)]
    pub uses: Vec<crate::store::record::PackageUse>,
}

/// Who has a package, at which version, imported where.
#[utoipa::path(get, path = "/packages/{name}", tag = "packages", params(("name" = String, Path), WantedVersion), security(("token" = ["read"])),
    responses((status = 200, body = PackageUses), (status = 400, description = "No package name")))]
pub async fn package(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(name): Path<String>,
    Query(wanted): Query<WantedVersion>,
) -> Result<Json<PackageUses>, ApiError> {
    Ok(Json(service.package(&identity, &name, wanted.version.as_deref()).await?))
}
