//! Every route of the service.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::service::Service;
use super::{advisories, findings, health, observe, operations, repositories, scans, tokens, webhooks};

/// The REST routes with their description.
fn rest(service: &Service) -> OpenApiRouter<Arc<Service>> {
    let timed = OpenApiRouter::new()
        .routes(routes!(repositories::register, repositories::list))
        .routes(routes!(repositories::show, repositories::forget))
        .routes(routes!(repositories::scan))
        .routes(routes!(scans::compare))
        .routes(routes!(scans::show))
        .routes(routes!(scans::report))
        .routes(routes!(findings::list))
        .routes(routes!(findings::show, findings::decide))
        .routes(routes!(advisories::status))
        .routes(routes!(advisories::show))
        .routes(routes!(operations::package))
        .routes(routes!(operations::jobs))
        .routes(routes!(operations::retry))
        .routes(routes!(operations::cancel))
        .routes(routes!(operations::start_sweep))
        .routes(routes!(operations::sweep))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .layer(DefaultBodyLimit::max(service.config.limits.body_bytes));
    let deliveries = OpenApiRouter::new()
        .routes(routes!(webhooks::receive))
        .layer(DefaultBodyLimit::max(service.config.limits.webhook_bytes));
    // the gate waits as long as it is asked to
    let waiting = OpenApiRouter::new().routes(routes!(scans::gate));
    let limit = Duration::from_secs(service.config.limits.request_seconds);
    let timeout = middleware::from_fn(move |request: Request, next: Next| in_time(limit, request, next));
    timed.merge(deliveries).layer(timeout).merge(waiting)
}

/// The public OSV service's addresses, for programs that can be pointed elsewhere.
fn osv(service: &Service) -> Router<Arc<Service>> {
    Router::new()
        .route("/v1/query", post(advisories::query))
        .route("/v1/querybatch", post(advisories::query_batch))
        .route("/v1/vulns/{id}", get(advisories::vuln))
        .layer(DefaultBodyLimit::max(service.config.limits.body_bytes))
}

async fn in_time(limit: Duration, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| ApiError::Timeout.into_response())
}

fn describe(paths: OpenApi) -> OpenApi {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("sbird_…");
    let info = InfoBuilder::new().title("Secretarybird").version(env!("CARGO_PKG_VERSION")).description(Some(
        "Errors are problem documents (RFC 9457) with a request id. Lists page by an opaque cursor: send `next` as `after`.",
    ));
    let mut described = OpenApiBuilder::new().info(info).paths(paths.paths).components(paths.components).build();
    let components = described.components.get_or_insert_with(Components::new);
    components.add_security_scheme("token", SecurityScheme::Http(token.build()));
    described
}

/// The OpenAPI 3.1 description and the router of everything.
pub fn build(service: Arc<Service>) -> (Router, OpenApi) {
    let (rest, paths) = OpenApiRouter::new().nest("/api/v1", rest(&service)).split_for_parts();
    let description = describe(paths);
    let served = description.clone();
    let busy = middleware::from_fn_with_state(Arc::clone(&service), under_the_limit);
    let router = rest
        .route("/api/v1/openapi.json", get(move || async move { Json(served) }))
        .merge(osv(&service))
        .layer(busy)
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(|| async { ApiError::NoRoute })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(CatchPanicLayer::custom(|_| ApiError::Internal("a handler panicked".to_owned()).into_response()))
        .layer(middleware::from_fn(observe::observe))
        .with_state(service);
    (router, description)
}

/// Answers 503 rather than queue without end.
async fn under_the_limit(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    match service.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => ApiError::Unavailable("too many requests are under way".to_owned()).into_response(),
    }
}
