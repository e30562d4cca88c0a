//! The service and the command line: store, jobs, forges and HTTP around [`scanner`].
//!
//! The binary is `main.rs`, a few lines; everything else is here so that tests and benchmarks can call it.

pub mod answers;
pub mod app;
pub mod asker;
pub mod cli;
pub mod config;
pub mod credential;
pub mod deliveries;
pub mod demo;
pub mod forges;
pub mod gate;
pub mod http;
pub mod identity;
pub mod jobs;
pub mod knowledge;
pub mod look;
pub mod notify;
pub mod package_index;
pub mod reach;
pub mod store;
pub mod telemetry;
