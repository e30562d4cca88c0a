//! `secretarybird scan` from outside: real git repositories, the real binary, its report and its exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod bad_input;
mod command;
mod findings;
mod hard_places;
#[allow(dead_code, reason = "the faults are for the tests of the client itself")]
#[path = "../package_index/server.rs"]
mod index_server;
mod package_index;
mod plaintext;
mod resolve;
mod transports;
mod verification;
mod verify_fix;
