//! `POST /api/v1/webhooks/{forge}`: signature over the raw bytes, then one durable decision, then 202.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::{Json, Path};
use super::observe::RequestId;
use super::service::Service;
use crate::deliveries::{Outcome, Received, Turned};
use crate::forges::ForgeKind;
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
        StatusCode::PAYLOAD_TOO_LARGE => {
            counted.outcome = "too_large";
            ApiError::TooLarge
        }
        _ => ApiError::Invalid("the body ended before it was complete".to_owned()),
    })?;
    let delivery = service.door.verify(forge, &headers, &body).map_err(turned);
    let delivery = delivery.inspect_err(|error| counted.outcome = outcome(error))?;
    counted.event = delivery.event.label();
    let received = service.door.take(delivery, &request.0).await?;
    counted.outcome = match received.outcome {
        Outcome::Accepted => "accepted",
        Outcome::Duplicate => "duplicate",
        Outcome::Ignored => "ignored",
    };
    let status = if received.outcome == Outcome::Duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(received.into())))
}

impl From<Received> for Receipt {
    fn from(received: Received) -> Self {
        let outcome = match received.outcome {
            Outcome::Accepted => Taken::Accepted,
            Outcome::Duplicate => Taken::Duplicate,
            Outcome::Ignored => Taken::Ignored,
        };
        let jobs = received.jobs.iter().map(ToString::to_string).collect();
        Self { outcome, jobs, reason: received.reason }
    }
}

fn turned(turned: Turned) -> ApiError {
    match turned {
        Turned::NotConfigured(forge) => {
            ApiError::NotFound { kind: "webhook secret configured for", name: forge.to_string() }
        }
        Turned::Refused(refusal) => refusal.into(),
    }
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
