//! Every route of the service, and what stands before them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware;
use axum::response::{Html, IntoResponse};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::error::ApiError;
use super::service::Service;
use super::{
    advisories, audit, auth, describe, docs, etag, findings, health, limits, messages, observe, operations, osv,
    repositories, scans, tokens, vex, webhooks, writes,
};

/// Where the page of the API is.
pub const DOCS: &str = "/api/v1/docs";

/// The REST routes that need an identity, but for the gate.
fn rest() -> OpenApiRouter<Arc<Service>> {
    OpenApiRouter::new()
        .routes(routes!(repositories::register, repositories::list))
        .routes(routes!(repositories::show, repositories::forget))
        .routes(routes!(repositories::scan))
        .routes(routes!(scans::compare))
        .routes(routes!(scans::policy))
        .routes(routes!(scans::show))
        .routes(routes!(scans::report))
        .routes(routes!(findings::list))
        .routes(routes!(findings::show, findings::decide))
        .routes(routes!(vex::take))
        .routes(routes!(advisories::status))
        .routes(routes!(advisories::sync))
        .routes(routes!(advisories::show))
        .routes(routes!(operations::package))
        .routes(routes!(operations::jobs))
        .routes(routes!(operations::retry))
        .routes(routes!(operations::cancel))
        .routes(routes!(messages::list))
        .routes(routes!(messages::retry))
        .routes(routes!(operations::start_sweep, operations::sweeps))
        .routes(routes!(operations::sweep))
        .routes(routes!(operations::sweep_report))
        .routes(routes!(tokens::create, tokens::list))
        .routes(routes!(tokens::revoke))
        .routes(routes!(audit::list))
}

/// The public OSV service's addresses, for programs that can be pointed elsewhere.
fn osv() -> Router<Arc<Service>> {
    Router::new()
        .route("/v1/query", post(osv::query))
        .route("/v1/querybatch", post(osv::query_batch))
        .route("/v1/vulns/{id}", get(osv::vuln))
}

/// The description, as a document and as a page.
fn described(description: Value) -> Router<Arc<Service>> {
    let page = docs::page(&description);
    Router::new()
        .route("/api/v1/openapi.json", get(move || async move { Json(description) }))
        .route(DOCS, get(move || async move { ([(header::CONTENT_SECURITY_POLICY, docs::POLICY)], Html(page)) }))
}

/// Under the address of REST, with the description of it.
fn nested(routes: OpenApiRouter<Arc<Service>>) -> (Router<Arc<Service>>, OpenApi) {
    OpenApiRouter::new().nest("/api/v1", routes).split_for_parts()
}

/// The router of everything, and the OpenAPI 3.1 description.
///
/// # Errors
/// When the description cannot be written as JSON.
pub fn build(service: Arc<Service>) -> Result<(Router, Value), serde_json::Error> {
    let (rest, mut paths) = nested(rest());
    // the gate waits as long as it is asked to
    let (waiting, path) = nested(OpenApiRouter::new().routes(routes!(scans::gate)));
    paths.merge(path);
    // webhooks bring their own proof: a signature
    let (deliveries, path) = nested(OpenApiRouter::new().routes(routes!(webhooks::receive)));
    paths.merge(path);
    let description = describe::complete(paths)?;

    let config = &service.config.limits;
    let body = DefaultBodyLimit::max(config.body_bytes);
    let delivery = DefaultBodyLimit::max(config.webhook_bytes);
    let in_time = middleware::from_fn_with_state(Duration::from_secs(config.request_seconds), limits::in_time);
    let whole = middleware::from_fn_with_state(Arc::clone(&service), writes::whole);
    let paced = middleware::from_fn_with_state(Arc::clone(&service), limits::paced);
    let identified = middleware::from_fn_with_state(Arc::clone(&service), auth::authenticate);
    let busy = middleware::from_fn_with_state(Arc::clone(&service), limits::under_the_limit);
    // what is added last stands first before a request
    let secured = rest
        .layer(whole)
        .merge(osv())
        .layer(in_time.clone())
        .merge(waiting)
        .merge(described(description.clone()))
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(body)
        .layer(middleware::from_fn(etag::tagged))
        .layer(paced)
        .layer(identified);
    let router = secured
        .merge(deliveries.layer(delivery).layer(in_time))
        .layer(busy)
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(health::metrics))
        .fallback(|| async { ApiError::NoRoute })
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(CatchPanicLayer::custom(|_| ApiError::Internal("a handler panicked".to_owned()).into_response()))
        .layer(middleware::from_fn(observe::observe))
        .with_state(service);
    Ok((router, description))
}
