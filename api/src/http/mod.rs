//! The service over HTTP: all routes in one file, one file per resource, one service value behind them.

#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod advisories;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod audit;
mod auth;
mod cursor;
mod describe;
mod docs;
pub mod error;
mod etag;
mod extract;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod findings;
mod health;
mod limits;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod messages;
mod observe;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod operations;
mod osv;
mod report;
mod repositories;
mod routes;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod scans;
mod service;
mod tokens;
#[allow(unused_qualifications, reason = "utoipa's macro writes them")]
mod vex;
mod webhooks;
pub mod wire;
mod writes;

use std::sync::Arc;

pub use service::{Parts, Service};

/// The service's router.
///
/// # Errors
/// When the API's description cannot be written as JSON.
pub fn router(service: Arc<Service>) -> Result<axum::Router, serde_json::Error> {
    routes::build(service).map(|(router, _)| router)
}
