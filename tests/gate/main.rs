//! The gate from a pipeline's side: the real command against a live server and against broken ones; and its answers under races.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod command;
mod faults;
mod races;
#[allow(dead_code, reason = "shared with the service's tests")]
#[path = "../service/running.rs"]
mod running;
mod tokens;
#[allow(dead_code, reason = "shared with the service's tests")]
#[path = "../service/work.rs"]
mod work;
