//! The service over HTTP: all routes in one file, one file per resource.

pub mod error;
pub mod extract;
pub mod observe;
