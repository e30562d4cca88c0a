//! `secretarybird serve`: the service, and its demonstration.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use toml::Value;

use super::exit::{Exit, Failure, answer};
use crate::app::{self, RunningServer, StartError};
use crate::config::ServerConfig;
use crate::demo;
use crate::telemetry;

/// REST, webhooks, workers and the nightly sweep over an embedded store.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Where to listen; port 0 takes a free one. Default: 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Where the store, the mirrors and the keys are kept. Default: ./secretarybird-data.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// An OSV archive, a directory of OSV files, a snapshot, or the URL of one; the synced cache when not given.
    #[arg(long, value_name = "PATH|URL")]
    advisories: Option<String>,

    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_CONFIG")]
    config: Option<PathBuf>,

    /// Shows a sample organisation, offline, in a fresh directory: repositories, signed webhooks, scans, findings.
    #[arg(long, conflicts_with_all = ["config", "advisories"])]
    demo: bool,
}

/// Serves until SIGTERM or SIGINT, then drains.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    if arguments.demo { demonstrate(arguments).await } else { serve(arguments).await }
}

async fn serve(arguments: Arguments) -> Result<Exit, Failure> {
    let environment = std::env::vars().collect();
    let mut settings = listen_setting(&arguments);
    if let Some(path) = &arguments.data_dir {
        settings.push(("data_dir", Value::String(path.display().to_string())));
    }
    if let Some(advisories) = arguments.advisories {
        settings.push(("advisories", Value::String(advisories)));
    }
    let config = ServerConfig::load(arguments.config.as_deref(), &environment, settings).map_err(Failure::usage)?;
    let _written = telemetry::start_logs(&config.log).map_err(Failure::usage)?;
    let drained = app::serve(config, announce).await.map_err(not_started)?;
    if drained {
        Ok(Exit::Clean)
    } else {
        Err(Failure::incomplete("not everything under way ended in time; jobs cut off go on at the next start"))
    }
}

fn listen_setting(arguments: &Arguments) -> Vec<(&'static str, Value)> {
    arguments.listen.iter().map(|address| ("listen", Value::String(address.to_string()))).collect()
}

fn announce(server: &RunningServer) {
    let mut text = format!("listening on {}\n", server.base_url);
    if let Some(token) = &server.first_token {
        text.push_str(&format!("admin token, shown this once: {}\n", token.expose()));
    }
    // a closed stdout is no reason not to serve
    drop(answer(&text));
}

fn not_started(error: StartError) -> Failure {
    Failure::usage(error)
}

async fn demonstrate(arguments: Arguments) -> Result<Exit, Failure> {
    let fresh = tempfile::Builder::new().prefix("secretarybird-demo-").tempdir();
    let fresh = fresh.map_err(|error| Failure::usage(format!("cannot make a directory for the demo: {error}")))?;
    let directory = match &arguments.data_dir {
        Some(path) => {
            let taken = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
            if taken {
                return Err(Failure::usage(format!("--demo wants a fresh directory; {} is not empty", path.display())));
            }
            std::fs::create_dir_all(path)
                .and_then(|()| path.canonicalize())
                .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?
        }
        None => fresh.path().to_owned(),
    };
    let demo = demo::start(&directory, listen_setting(&arguments)).await.map_err(Failure::usage)?;
    answer(&format!("{}Ctrl-C ends it.\n", demo.story))?;
    app::asked_to_stop().await;
    demo.server.shutdown().await;
    Ok(Exit::Clean)
}
