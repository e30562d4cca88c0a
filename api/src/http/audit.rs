//! The audit trail: every write, by whom and when.

use std::sync::Arc;

use axum::extract::State;

use super::auth::Owner;
use super::error::ApiError;
use super::extract::{Json, Query};
use super::service::Service;
use super::wire::{AuditLine, Page, Paging};

/// Lists what was changed, by whom and when, the newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Paging), security(("token" = ["admin"])),
    responses((status = 200, body = Page<AuditLine>)))]
pub async fn list(
    State(service): State<Arc<Service>>,
    _: Owner,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AuditLine>>, ApiError> {
    Ok(Json(service.audit_lines(&paging).await?))
}
