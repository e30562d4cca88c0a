//! The one middleware around everything: request id, span, metrics, problem documents, log line.

use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

use super::error::{ApiError, REQUEST_ID};
use crate::telemetry::metric;

/// The id of the request under way; handlers find it in the extensions.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Takes a proxy's request id when it is a plain word, so that a caller cannot write into the log, else makes one.
fn request_id(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |text: &&str| {
        (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    given.filter(plain).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Runs a request and says how it went: to the caller, to the log, to the metrics.
pub async fn observe(mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    // the pattern and not the path: a path would make a metric for each repository
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    metrics::gauge!(metric::REQUESTS_UNDER_WAY).increment(1);
    let _under_way = UnderWay;
    let span = tracing::info_span!("request", request_id = %id, method = %method, route = %route);
    let response = next.run(request).instrument(span.clone()).await;
    let response = span.in_scope(|| finish(response, &path, &id));
    let seconds = started.elapsed().as_secs_f64();
    let status = response.status();
    let labels = [("method", method.to_string()), ("route", route), ("status", status.as_str().to_owned())];
    metrics::histogram!(metric::REQUEST_SECONDS, &labels[..2]).record(seconds);
    metrics::counter!(metric::REQUESTS, &labels).increment(1);
    span.in_scope(|| tracing::debug!(status = status.as_u16(), seconds, "answered"));
    response
}

/// Counts down even when the caller went away and the request's future was dropped.
struct UnderWay;

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::gauge!(metric::REQUESTS_UNDER_WAY).decrement(1);
    }
}

fn finish(mut response: Response, path: &str, id: &str) -> Response {
    let status = response.status();
    let error = response.extensions_mut().remove::<ApiError>();
    let error = error.or_else(|| {
        let bare = status.is_client_error() || status.is_server_error();
        let documented = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == PROBLEM);
        (bare && !documented && response.extensions().get::<Deliberate>().is_none())
            .then(|| ApiError::from_status(status))
    });
    if let Some(error) = error {
        if let ApiError::Internal(cause) = &error {
            tracing::error!(%cause, "request failed");
        }
        let problem = error.problem(path, id);
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, PROBLEM);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        *response.body_mut() = Body::from(body);
        *response.status_mut() = error.status();
    }
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Marks an answer whose status is an error's and whose body is meant, such as `/readyz` while not ready.
#[derive(Debug, Clone, Copy)]
pub struct Deliberate;

const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_request_id_is_kept_only_when_it_is_a_plain_word() {
        for (given, kept) in [
            ("0123abcd-ef", true),
            ("short", false),
            ("with space in it", false),
            ("line\u{a0}break", false),
            (&"x".repeat(65), false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(given.as_bytes()).expect("header"));
            assert_eq!(request_id(&headers) == given, kept, "{given:?}");
        }
    }
}
