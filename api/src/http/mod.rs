//! The service over HTTP: all routes in one file, one file per resource, one service value behind them.

#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod advisories;
mod auth;
pub mod error;
mod extract;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod findings;
mod health;
mod observe;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod operations;
mod report;
mod repositories;
mod routes;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod scans;
mod service;
mod tokens;
mod webhooks;
pub mod wire;

use std::sync::Arc;

pub use service::Service;

/// The service's router.
pub fn router(service: Arc<Service>) -> axum::Router {
    routes::build(service).0
}
