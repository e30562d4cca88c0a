//! API tokens: made (and shown once), listed, revoked.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::auth::Owner;
use super::error::ApiError;
use super::extract::{Json, Path, Query, location};
use super::service::Service;
use super::wire::{CreatedToken, NewToken, Page, Paging, TokenView};
use super::writes::Unrepeatable;

/// Makes a token. Its text is in this answer and never again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken, security(("token" = ["admin"])),
    responses((status = 201, body = CreatedToken)))]
pub async fn create(
    State(service): State<Arc<Service>>,
    _: Owner,
    Json(asked): Json<NewToken>,
) -> Result<Response, ApiError> {
    let created = service.create_token(asked).await?;
    let place = location(&format!("/api/v1/tokens/{}", created.view.id))?;
    let mut response = (StatusCode::CREATED, place, Json(created)).into_response();
    response.extensions_mut().insert(Unrepeatable);
    Ok(response)
}

/// Lists tokens, without their text.
#[utoipa::path(get, path = "/tokens", tag = "tokens", params(Paging), security(("token" = ["admin"])), responses((status = 200, body = Page<TokenView>)))]
pub async fn list(
    State(service): State<Arc<Service>>,
    _: Owner,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<TokenView>>, ApiError> {
    Ok(Json(service.tokens(&paging).await?))
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path)), security(("token" = ["admin"])),
    responses((status = 204, description = "Revoked"), (status = 404, description = "No such token")))]
pub async fn revoke(
    State(service): State<Arc<Service>>,
    _: Owner,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    service.revoke_token(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
