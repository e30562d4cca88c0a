//! Notifications on their way, and those that were given up.

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::auth::Owner;
use super::error::ApiError;
use super::extract::{Json, Path, Query};
use super::service::Service;
use super::wire::{Message, Page};

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WantedMessages {
    /// `ready`, `sending` or `dead`; all when not given.
    #[param(pattern = "^(ready|sending|dead)$")]
    pub state: Option<String>,
    /// The `next` of the page before.
    #[param(pattern = "^[0-9a-f]{16,2000}$")]
    pub after: Option<String>,
    /// Items on a page, 1 to 500; 100 when not given.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

/// Lists notifications that are not delivered yet or were given up, of each state the newest first.
#[utoipa::path(get, path = "/messages", tag = "operations", params(WantedMessages), security(("token" = ["admin"])), responses((status = 200, body = Page<Message>)))]
pub async fn list(
    State(service): State<Arc<Service>>,
    _: Owner,
    Query(wanted): Query<WantedMessages>,
) -> Result<Json<Page<Message>>, ApiError> {
    Ok(Json(service.messages(&wanted).await?))
}

/// Sends a notification once more that was given up.
#[utoipa::path(post, path = "/messages/{id}/retry", tag = "operations", params(("id" = String, Path)), security(("token" = ["admin"])),
    responses((status = 200, body = Message), (status = 404, description = "No such message, or it is delivered"), (status = 409, description = "It was not given up")))]
pub async fn retry(
    State(service): State<Arc<Service>>,
    _: Owner,
    Path(id): Path<String>,
) -> Result<Json<Message>, ApiError> {
    Ok(Json(service.retry_message(&id).await?))
}
