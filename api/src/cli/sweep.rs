//! `secretarybird sweep`: starts an organisation-wide sweep on a server, or watches one, until its scans have ended too.

use std::time::Duration;

use clap::{Args, ValueEnum};
use reqwest::Method;
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::exit::{Exit, Failure, answer, progress};
use super::server::{Proof, Server};
use crate::credential::Credential;

/// Lists the refs of every repository and scans what moved, or whose rules or advisories changed.
#[derive(Debug, Args)]
pub struct Command {
    /// The server's address, such as https://secretarybird.example.org.
    #[arg(long, env = "SECRETARYBIRD_SERVER")]
    server: Url,
    /// An API token: admin to start a sweep, read to watch one.
    #[arg(long, env = "SECRETARYBIRD_TOKEN", hide_env_values = true, value_parser = |text: &str| Ok::<_, String>(Credential::new(text)))]
    token: Option<Credential>,
    /// Watch this sweep instead of starting one.
    #[arg(long, value_name = "ID")]
    watch: Option<String>,
    /// Scan everything, moved or not.
    #[arg(long, conflicts_with = "watch")]
    full: bool,
    /// Seconds to wait for the end; 0 does not wait.
    #[arg(long, default_value_t = 3600)]
    wait: u64,
    /// The form of the report.
    #[arg(long, value_enum, default_value = "markdown")]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people.
    Markdown,
    /// As REST gives it.
    Json,
}

/// Longest that one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Started {
    id: String,
}

#[derive(Deserialize)]
struct Progress {
    complete: bool,
    scanned: u64,
    waiting: u64,
    failed: u64,
    unlisted: Vec<String>,
}

/// Starts or watches, then prints the report.
///
/// # Errors
/// Exit 2 for a sweep that is not there, 4 when the server does not answer or refuses the token.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    let proof = command.token.clone().map_or(Proof::Nothing, Proof::Token);
    let mut server = Server::new(&command.server, proof)?;
    let id = match &command.watch {
        Some(id) => id.clone(),
        None => {
            let full = if command.full { "true" } else { "false" };
            server.change::<Started>(Method::POST, &format!("sweeps?full={full}"), None).await?.id
        }
    };
    let path = format!("sweeps/{id}/report");
    let deadline = Instant::now() + Duration::from_secs(command.wait);
    let reached = loop {
        let reached: Progress = server.get(&path, &[], PATIENCE).await?;
        if reached.complete || Instant::now() >= deadline {
            break reached;
        }
        progress(&format!(
            "sweep {id}: {} scanned, {} waiting, {} failed",
            reached.scanned, reached.waiting, reached.failed
        ));
        tokio::time::sleep(Duration::from_secs(2).min(deadline - Instant::now())).await;
    };
    let format = if command.format == Form::Json { "json" } else { "markdown" };
    let report = server.text(&path, &[("format", format)], PATIENCE).await?;
    // JSON stands alone; a person also wants to know what to watch
    let title = if command.format == Form::Json { String::new() } else { format!("sweep {id}\n\n") };
    answer(&format!("{title}{}\n", report.trim_end()))?;
    let whole = reached.complete && reached.failed == 0 && reached.unlisted.is_empty();
    // whoever does not wait has not asked for the end
    Ok(if whole || command.wait == 0 { Exit::Clean } else { Exit::Incomplete })
}
