//! What holds for every request that changes something: it runs to its end even when the caller goes away, it is carried out once
//! under one `Idempotency-Key`, and it leaves a line in the audit trail.

use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::error::ApiError;
use super::observe::RequestId;
use super::service::Service;
use crate::identity::Identity;
use crate::store::Idempotency;
use crate::store::record::StoredResponse;

/// The request's key, draft-ietf-httpapi-idempotency-key-header.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is the one of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Marks an answer that holds a credential: it is given once and never kept.
#[derive(Debug, Clone, Copy)]
pub struct Unrepeatable;

/// Runs a write in a task of its own, so that neither a time limit nor a caller that hangs up cuts it in half.
pub async fn whole(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let task = tokio::spawn(once(service, request, next).in_current_span());
    let failed = |error: tokio::task::JoinError| ApiError::Internal(format!("a write ended badly: {error}"));
    task.await.map_err(failed).and_then(|answered| answered).unwrap_or_else(IntoResponse::into_response)
}

async fn once(service: Arc<Service>, request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(identity) = request.extensions().get::<Identity>().cloned() else {
        return Err(ApiError::Unauthenticated("a write needs an identity".into()));
    };
    let Some(key) = key(request.headers())? else {
        return recorded(&service, &identity, request, next).await;
    };
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, service.config.limits.body_bytes).await.map_err(|_| ApiError::TooLarge)?;
    let fingerprint = fingerprint(&parts, &body);
    // two callers may choose the same key
    let key = format!("{} {key}", identity.actor);
    match service.store.begin_request(&service.tenant, &key, &fingerprint, Timestamp::now()).await? {
        Idempotency::Fresh => {}
        Idempotency::Replay(stored) => return replay(stored),
        Idempotency::UnderWay => {
            return Err(ApiError::Conflict("the first request with this Idempotency-Key is under way".to_owned()));
        }
        Idempotency::Mismatch => {
            let reason = "Idempotency-Key: it was used for another request";
            return Err(ApiError::Unprocessable(reason.to_owned()));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    let answered = recorded(&service, &identity, request, next).await;
    match answered {
        Ok(response) if response.status().is_success() => keep(&service, &key, response).await,
        // nothing was carried out: the caller may mend the request and send it under the same key
        refused => {
            service.store.release_request(&service.tenant, &key).await?;
            refused
        }
    }
}

/// Runs the handler, and writes down what it did.
async fn recorded(service: &Service, identity: &Identity, request: Request, next: Next) -> Result<Response, ApiError> {
    let route = request.extensions().get::<MatchedPath>().map_or("?", MatchedPath::as_str);
    let action = format!("{} {route}", request.method());
    let path = request.uri().path().to_owned();
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let response = next.run(request).await;
    if response.status().is_success() {
        let made = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
        service.record(identity, &action, made.unwrap_or(&path), &request_id).await?;
    }
    Ok(response)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(KEY) else { return Ok(None) };
    let visible = |text: &&str| (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    match value.to_str().ok().filter(visible) {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(ApiError::Invalid("Idempotency-Key: expected 1 to 255 visible characters".to_owned())),
    }
}

/// Another request under the same key is a mistake of the caller's.
fn fingerprint(parts: &axum::http::request::Parts, body: &Bytes) -> String {
    let mut hash = blake3::Hasher::new();
    for part in [parts.method.as_str().as_bytes(), parts.uri.to_string().as_bytes(), body] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().to_hex().to_string()
}

async fn keep(service: &Service, key: &str, response: Response) -> Result<Response, ApiError> {
    let (parts, body) = response.into_parts();
    let lost = |error: axum::Error| ApiError::Internal(format!("an answer without its body: {error}"));
    let body = to_bytes(body, usize::MAX).await.map_err(lost)?;
    let text = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let stored = if parts.extensions.get::<Unrepeatable>().is_some() {
        StoredResponse {
            status: StatusCode::CONFLICT.as_u16(),
            content_type: String::new(),
            body: String::new(),
            location: None,
        }
    } else {
        StoredResponse {
            status: parts.status.as_u16(),
            content_type: text(header::CONTENT_TYPE).unwrap_or_default(),
            body: String::from_utf8_lossy(&body).into_owned(),
            location: text(header::LOCATION),
        }
    };
    service.store.remember(&service.tenant, key, stored).await?;
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn replay(stored: StoredResponse) -> Result<Response, ApiError> {
    let status = StatusCode::from_u16(stored.status).map_err(|error| ApiError::Internal(error.to_string()))?;
    if status == StatusCode::CONFLICT {
        let reason = "the request with this Idempotency-Key was carried out, and its answer is given once only";
        return Err(ApiError::Conflict(reason.to_owned()));
    }
    let mut response = (status, stored.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    let content_type = Some(stored.content_type).filter(|text| !text.is_empty());
    for (name, text) in [(header::CONTENT_TYPE, content_type), (header::LOCATION, stored.location)] {
        if let Some(value) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
