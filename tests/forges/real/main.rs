//! Forges with real parts: GitHub's own example payloads and description of its REST, git over HTTP and SSH by the servers that people
//! run. `tests/run` installs what these need.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod mail;
mod payloads;
mod rest;
#[path = "../../service/running.rs"]
#[allow(dead_code, reason = "the service's own tests use all of it")]
mod running;
mod server;
#[path = "../stub.rs"]
#[allow(dead_code, reason = "other tests use all of it")]
mod stub;
mod transports;
#[path = "../work.rs"]
mod work;

use std::path::PathBuf;

/// Where `tests/run` put the npm packages.
fn node_modules() -> PathBuf {
    let set = std::env::var_os("SECRETARYBIRD_TEST_NODE").map(PathBuf::from);
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/test-node");
    let found = set.unwrap_or(own).join("node_modules");
    assert!(found.is_dir(), "{} is not there: `tests/run` installs it", found.display());
    found
}
