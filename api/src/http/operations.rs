//! What runs: jobs, sweeps, the advisories in force; and who has a package.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::auth::{Admin, Owner, Reader};
use super::error::ApiError;
use super::extract::{Json, Path, Query, location};
use super::observe::RequestId;
use super::service::Service;
use super::wire::{Job, Page, Sweep};
use crate::jobs::sweep::report::SweepReport;

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedJobs {
    /// `ready`, `running`, `done`, `dead` or `cancelled`; all when not given.
    #[param(pattern = "^(ready|running|done|dead|cancelled)$")]
    pub state: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{16,2000}$")]
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

/// How to sweep.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedSweep {
    /// Scan everything, moved or not.
    pub full: bool,
}

/// Starts a sweep over all repositories.
#[utoipa::path(post, path = "/sweeps", tag = "operations", params(WantedSweep), security(("token" = ["admin"])), responses((status = 202, body = Sweep)))]
pub async fn start_sweep(
    State(service): State<Arc<Service>>,
    _: Owner,
    Extension(request): Extension<RequestId>,
    Query(wanted): Query<WantedSweep>,
) -> Result<(StatusCode, HeaderMap, Json<Sweep>), ApiError> {
    let sweep = service.start_sweep(wanted.full, &request.0).await?;
    let place = location(&format!("/api/v1/sweeps/{}", sweep.id))?;
    Ok((StatusCode::ACCEPTED, place, Json(sweep)))
}

/// Lists the newest hundred sweeps, the newest first.
#[utoipa::path(get, path = "/sweeps", tag = "operations", security(("token" = ["read"])), responses((status = 200, body = Page<Sweep>)))]
pub async fn sweeps(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
) -> Result<Json<Page<Sweep>>, ApiError> {
    Ok(Json(service.sweeps(&identity).await?))
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedForm {
    /// `json` or `markdown`; JSON when not given.
    #[param(pattern = "^(json|markdown)$")]
    pub format: Option<String>,
}

/// What a sweep did about every repository: scanned, skipped and why, failed and why, new findings.
#[utoipa::path(get, path = "/sweeps/{id}/report", tag = "operations", params(("id" = String, Path), WantedForm), security(("token" = ["read"])),
    responses((status = 200, content((SweepReport = "application/json"), (String = "text/markdown"))), (status = 404, description = "No such sweep")))]
pub async fn sweep_report(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
    Query(wanted): Query<WantedForm>,
) -> Result<Response, ApiError> {
    let report = service.sweep_report(&identity, &id).await?;
    match wanted.format.as_deref() {
        None | Some("json") => Ok(Json(report).into_response()),
        Some("markdown") => {
            Ok(([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], report.markdown()).into_response())
        }
        Some(_) => Err(ApiError::Invalid("format: a sweep's report comes as json or markdown".to_owned())),
    }
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

/// Which uses.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedUses {
    /// Only this version, compared by PEP 440.
    pub version: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{16,2000}$")]
    pub after: Option<String>,
    /// Repositories on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

/// Who has a package.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageUses {
    /// The normalised name.
    pub package: String,
    /// One for each manifest that has it.
    #[schema(value_type = Vec<Object>)]
    pub uses: Vec<crate::store::record::PackageUse>,
    /// Send this as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Who has a package, at which version, imported where.
#[utoipa::path(get, path = "/packages/{name}", tag = "packages", params(("name" = String, Path, pattern = "^[A-Za-z0-9]([A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$"), WantedUses), security(("token" = ["read"])),
    responses((status = 200, body = PackageUses), (status = 400, description = "No package name")))]
pub async fn package(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(name): Path<String>,
    Query(wanted): Query<WantedUses>,
) -> Result<Json<PackageUses>, ApiError> {
    Ok(Json(service.package(&identity, &name, &wanted).await?))
}
