//! Repositories: register, list, forget, ask for a scan.

use std::sync::Arc;

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};

use super::auth::{Reader, Scanner};
use super::error::ApiError;
use super::extract::{Json, Path, Query, location};
use super::observe::RequestId;
use super::service::Service;
use super::wire::{Job, NewRepository, NewScan, Page, Paging, Repository};

/// Registers a repository. Registering the same URL again answers the one that is there.
#[utoipa::path(post, path = "/repositories", tag = "repositories", request_body = NewRepository, security(("token" = ["scan"])),
    responses((status = 201, body = Repository), (status = 200, description = "Registered before", body = Repository),
        (status = 400, description = "No URL that can be cloned, or one out of reach")))]
pub async fn register(
    State(service): State<Arc<Service>>,
    Scanner(identity): Scanner,
    Json(asked): Json<NewRepository>,
) -> Result<(StatusCode, HeaderMap, Json<Repository>), ApiError> {
    let (new, repository) = service.register(&identity, asked).await?;
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    let place = location(&format!("/api/v1/repositories/{}", repository.id))?;
    Ok((status, place, Json(repository)))
}

/// Lists the registered repositories.
#[utoipa::path(get, path = "/repositories", tag = "repositories", params(Paging), security(("token" = ["read"])),
    responses((status = 200, body = Page<Repository>)))]
pub async fn list(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<Repository>>, ApiError> {
    Ok(Json(service.repositories(&identity, &paging).await?))
}

/// One repository.
#[utoipa::path(get, path = "/repositories/{id}", tag = "repositories", params(("id" = String, Path)), security(("token" = ["read"])),
    responses((status = 200, body = Repository), (status = 404, description = "No such repository")))]
pub async fn show(
    State(service): State<Arc<Service>>,
    Reader(identity): Reader,
    Path(id): Path<String>,
) -> Result<Json<Repository>, ApiError> {
    Ok(Json(service.repository(&identity, &id).await?.into()))
}

/// Forgets a repository with its scans and findings.
#[utoipa::path(delete, path = "/repositories/{id}", tag = "repositories", params(("id" = String, Path)), security(("token" = ["scan"])),
    responses((status = 204, description = "Forgotten"), (status = 404, description = "No such repository")))]
pub async fn forget(
    State(service): State<Arc<Service>>,
    Scanner(identity): Scanner,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    service.forget(&identity, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks for a scan; `GET /scans/{id}` with the job's id says how it goes.
#[utoipa::path(post, path = "/repositories/{id}/scans", tag = "repositories", params(("id" = String, Path)), request_body = Option<NewScan>,
    security(("token" = ["scan"])), responses((status = 202, body = Job), (status = 404, description = "No such repository")))]
pub async fn scan(
    State(service): State<Arc<Service>>,
    Scanner(identity): Scanner,
    Extension(request): Extension<RequestId>,
    Path(id): Path<String>,
    asked: Option<Json<NewScan>>,
) -> Result<(StatusCode, HeaderMap, Json<Job>), ApiError> {
    let asked = asked.map(|Json(asked)| asked).unwrap_or_default();
    let job = service.ask_for_scan(&identity, &id, asked, &request.0).await?;
    let place = location(&format!("/api/v1/scans/{}", job.id))?;
    Ok((StatusCode::ACCEPTED, place, Json(job)))
}
