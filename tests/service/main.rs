//! The service from outside: over HTTP, on a store in a fresh directory.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod advisories;
mod identity;
mod oidc;
mod openapi;
mod permissions;
mod reading;
mod remembered;
mod running;
mod scanned;
mod start;
mod vex;
mod webhooks;
mod work;
mod writes;
