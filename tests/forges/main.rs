//! Forges from outside: their events, the sweep over what they list, the answers they get. Needs nothing but git.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod documented;
mod events;
mod notifications;
mod replay;
#[path = "../service/running.rs"]
#[allow(dead_code, reason = "the service's own tests use all of it")]
mod running;
#[allow(dead_code, reason = "the tests over real transports use all of it")]
mod stub;
mod sweep;
mod work;
