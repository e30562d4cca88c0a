//! API tokens: made (and shown once), listed, revoked.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::auth::Admin;
use super::error::ApiError;
use super::extract::{Json, Path};
use super::service::Service;
use super::wire::{CreatedToken, NewToken, Page, TokenView};

/// Makes a token. Its text is in this answer and never again.
#[utoipa::path(post, path = "/tokens", tag = "tokens", request_body = NewToken, security(("token" = ["admin"])),
    responses((status = 201, body = CreatedToken)))]
pub async fn create(
    State(service): State<Arc<Service>>,
    Admin(identity): Admin,
    Json(asked): Json<NewToken>,
) -> Result<(StatusCode, Json<CreatedToken>), ApiError> {
    Ok((StatusCode::CREATED, Json(service.create_token(&identity, asked).await?)))
}

/// Lists tokens, without their text.
#[utoipa::path(get, path = "/tokens", tag = "tokens", security(("token" = ["admin"])), responses((status = 200, body = Page<TokenView>)))]
pub async fn list(State(service): State<Arc<Service>>, Admin(_): Admin) -> Result<Json<Page<TokenView>>, ApiError> {
    Ok(Json(service.tokens().await?))
}

/// Revokes a token at once.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", params(("id" = String, Path)), security(("token" = ["admin"])),
    responses((status = 204, description = "Revoked"), (status = 404, description = "No such token")))]
pub async fn revoke(
    State(service): State<Arc<Service>>,
    Admin(identity): Admin,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    service.revoke_token(&identity, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
