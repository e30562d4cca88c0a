//! Feeds over a real (loopback) server, and the real archive where it is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod archive;
mod faults;
mod feeds;
mod hostile;
mod invariants;
mod records;
mod server;
mod tls;
