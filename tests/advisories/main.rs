//! Feeds over a real (loopback) server, and the real archive where it is there.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod archive;
mod feeds;
mod server;
