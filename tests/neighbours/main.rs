//! The service beside programs that others wrote: an API fuzzer, two auditors that ask the public OSV service, Prometheus' linter.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

#[allow(dead_code, reason = "shared with the service's tests")]
#[path = "../service/running.rs"]
mod running;
#[allow(dead_code, reason = "shared with the service's tests")]
#[path = "../service/work.rs"]
mod work;

mod auditors;
mod fuzzed;
mod metrics;

/// A program of the tests' Python environment.
pub fn program(name: &str) -> std::process::Command {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes the venv");
    std::process::Command::new(std::path::Path::new(&venv).join("bin").join(name))
}

/// What a program said, for a message.
pub fn said(output: &std::process::Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
