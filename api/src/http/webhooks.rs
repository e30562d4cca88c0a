//! `POST /api/v1/webhooks/{forge}`: signature over the raw bytes, then one durable decision, then 202.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::{Json, Path};
use super::observe::RequestId;
use super::service::Service;
use crate::forges::{Event, ForgeKind};
use crate::store::Delivery;
use crate::telemetry::metric;

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It is durable, and what it asks for is queued.
    Accepted,
    /// It was taken before; nothing is queued.
    Duplicate,
    /// It is signed and fine, and asks for nothing.
    Ignored,
}

/// The answer to a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub struct Receipt {
    /// What became of it.
    pub outcome: Taken,
    /// The jobs that it queued or joined.
    pub jobs: Vec<String>,
    /// Why, where nothing is queued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Takes a webhook delivery of a forge.
#[utoipa::path(post, path = "/webhooks/{forge}", tag = "webhooks", params(("forge" = String, Path, description = "github, gitlab, gitea, forgejo or bitbucket")),
    request_body(content = serde_json::Value, description = "The delivery as the forge sends it"),
    responses((status = 202, body = Receipt), (status = 200, description = "Taken before", body = Receipt),
        (status = 401, description = "The signature is missing or wrong"), (status = 404, description = "No such forge, or no secret configured for it"),
        (status = 413, description = "Larger than `limits.webhook_bytes`"), (status = 422, description = "Not what the forge documents")))]
pub async fn receive(
    State(service): State<Arc<Service>>,
    Extension(request): Extension<RequestId>,
    Path(forge): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<(StatusCode, Json<Receipt>), ApiError> {
    let forge = forge.parse::<ForgeKind>().map_err(|_| ApiError::NotFound { kind: "forge", name: forge })?;
    let mut counted = Counted { forge, event: "unread", outcome: "refused" };
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Invalid("the body ended before it was complete".to_owned()),
    })?;
    let event = read(&service, forge, &headers, &body).inspect_err(|error| counted.outcome = outcome(error))?;
    counted.event = event.0.label();
    let receipt = take(&service, forge, event, &request.0).await?;
    counted.outcome = match receipt.outcome {
        Taken::Accepted => "accepted",
        Taken::Duplicate => "duplicate",
        Taken::Ignored => "ignored",
    };
    let status = if receipt.outcome == Taken::Duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(receipt)))
}

/// Verifies first; nothing of the body is looked at before.
fn read(service: &Service, forge: ForgeKind, headers: &HeaderMap, body: &[u8]) -> Result<(Event, String), ApiError> {
    let secrets = service.config.webhooks.secrets(forge);
    if secrets.is_empty() {
        return Err(ApiError::NotFound { kind: "webhook secret configured for", name: forge.to_string() });
    }
    let webhooks = forge.webhooks();
    webhooks.verify(headers, body, secrets, Timestamp::now().as_second())?;
    let id = webhooks.delivery_id(headers)?;
    Ok((webhooks.event(headers, body)?, id))
}

async fn take(
    service: &Service,
    forge: ForgeKind,
    (event, id): (Event, String),
    request_id: &str,
) -> Result<Receipt, ApiError> {
    let planned = service.plan(forge, &event, request_id).await?;
    if planned.jobs.is_empty() {
        return Ok(Receipt { outcome: Taken::Ignored, jobs: vec![], reason: Some(planned.reason) });
    }
    let delivery = Delivery {
        tenant: service.tenant.clone(),
        source: forge.to_string(),
        id,
        request_id: request_id.to_owned(),
        jobs: planned.jobs,
    };
    service.accept(delivery).await
}

fn outcome(error: &ApiError) -> &'static str {
    match error {
        ApiError::Delivery(refusal) => refusal.label(),
        ApiError::NotFound { .. } => "not_configured",
        _ => "refused",
    }
}

/// Counts the delivery when the handler returns, whichever way.
struct Counted {
    forge: ForgeKind,
    event: &'static str,
    outcome: &'static str,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let labels = [("forge", self.forge.as_str()), ("event", self.event), ("outcome", self.outcome)];
        metrics::counter!(metric::DELIVERIES, &labels).increment(1);
    }
}
