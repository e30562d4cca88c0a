//! `secretarybird worker`: more workers for a PostgreSQL store.

use clap::Args;
use toml::Value;

use super::configured::Configured;
use super::exit::{Exit, Failure, answer};
use crate::{app, telemetry};

/// Runs jobs of a PostgreSQL store that `serve` fills, beside any number of other workers.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    configured: Configured,

    /// Jobs at a time. Default: 1.
    #[arg(long, value_name = "N")]
    workers: Option<u16>,

    /// An OSV archive, a directory of OSV files, or a snapshot; the synced cache when not given.
    #[arg(long, value_name = "PATH")]
    advisories: Option<String>,
}

/// Works until SIGTERM or SIGINT, then drains.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let mut settings = Vec::new();
    if let Some(workers) = arguments.workers {
        settings.push(("workers", Value::Integer(i64::from(workers))));
    }
    if let Some(advisories) = arguments.advisories {
        settings.push(("advisories", Value::String(advisories)));
    }
    let config = arguments.configured.load(settings)?;
    let _written = telemetry::start_logs(&config.log).map_err(Failure::usage)?;
    // a closed stdout is no reason not to work
    app::work(config, || drop(answer("working\n"))).await.map_err(Failure::usage)?;
    Ok(Exit::Clean)
}
