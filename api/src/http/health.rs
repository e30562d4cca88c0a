//! `/healthz`, `/readyz`, `/metrics`: open, and telling nothing about repositories.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::error::ApiError;
use super::observe::Deliberate;
use super::service::Service;
use crate::telemetry::{self, metric};

/// The process runs.
pub async fn live() -> &'static str {
    "ok\n"
}

/// The service can take work: the store answers and no shutdown is under way.
pub async fn ready(State(service): State<Arc<Service>>) -> Response {
    match service.readiness() {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => {
            let mut response = (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response();
            response.extensions_mut().insert(Deliberate);
            response
        }
    }
}

/// Metrics for Prometheus.
pub async fn metrics(State(service): State<Arc<Service>>) -> Result<Response, ApiError> {
    let handle = service.metrics.ok_or_else(|| ApiError::Unavailable("metrics are not recorded".to_owned()))?;
    metrics::counter!(metric::LOST_LINES).absolute(telemetry::lost_lines() as u64);
    handle.run_upkeep();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, handle.render()).into_response())
}
