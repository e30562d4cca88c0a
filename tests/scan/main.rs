//! `secretarybird scan` from outside: real git repositories, the real binary, its report and its exit codes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod bad_input;
mod command;
mod findings;
mod hard_places;
mod plaintext;
mod resolve;
mod transports;
mod verification;
