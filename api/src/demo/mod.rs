//! `serve --demo`: a sample organisation, offline, from nothing to findings. Everything goes the way of a real installation: signed
//! webhooks over HTTP, the queue, a worker, the store, REST.

pub mod organisation;
pub mod visitor;

use std::fmt::Write as _;
use std::path::Path;

use toml::Value;

use crate::app::{self, RunningServer};
use crate::config::{ConfigError, ServerConfig};
use organisation::Sample;
use visitor::{Visitor, VisitorError};

/// The demo's advisories: a JSON array of OSV records of our own wording.
pub const ADVISORIES: &str = include_str!("advisories.json");

/// Why the demo does not run.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A file of the demo cannot be written.
    #[error("cannot write {path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A sample repository cannot be made.
    #[error("cannot make the sample repositories: {0}")]
    Git(#[from] git2::Error),
    /// The demo's settings do not fit.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The service does not start.
    #[error(transparent)]
    Start(#[from] app::StartError),
    /// The service did not answer as it should.
    #[error(transparent)]
    Visit(#[from] VisitorError),
}

/// A demo that runs: the service, and what it found so far as text for a person.
pub struct Demo {
    /// The service; it goes on answering.
    pub server: RunningServer,
    /// What was done and found, with lines to try.
    pub story: String,
}

/// Makes the organisation under `directory`, starts the service there, sends a webhook for each repository and waits for the scans.
/// `settings` are the server's other settings, such as where to listen.
///
/// # Errors
/// [`DemoError`]
pub async fn start(directory: &Path, settings: Vec<(&'static str, Value)>) -> Result<Demo, DemoError> {
    let samples = organisation::create(&directory.join(organisation::ORGANISATION))?;
    let advisories = directory.join("advisories.json");
    let file = |source| DemoError::File { path: advisories.display().to_string(), source };
    std::fs::write(&advisories, ADVISORIES).map_err(file)?;
    // made up at each start; forge and service of the demo are the only ones who know it
    let secret = uuid::Uuid::new_v4().simple().to_string();
    let config = configuration(directory, &advisories, &secret, settings)?;
    let server = app::start(config).await?;
    let visitor = Visitor::new(&server.base_url, secret);
    let story = tell(&visitor, &samples, &server.base_url).await;
    match story {
        Ok(story) => Ok(Demo { server, story }),
        Err(error) => {
            server.shutdown().await;
            Err(error.into())
        }
    }
}

fn configuration(
    directory: &Path,
    advisories: &Path,
    secret: &str,
    settings: Vec<(&'static str, Value)>,
) -> Result<ServerConfig, ConfigError> {
    let text = |path: &Path| Value::String(path.display().to_string());
    let own = vec![
        ("data_dir", text(&directory.join("data"))),
        ("advisories", text(advisories)),
        ("index_url", Value::String(crate::package_index::NONE.to_owned())),
        ("auth.open_on_loopback", Value::Boolean(true)),
        // the samples are shown without any network
        ("resolve", Value::Boolean(false)),
        ("webhooks.github.secrets", Value::Array(vec![Value::String(secret.to_owned())])),
        ("reach.allow_directories", Value::Array(vec![text(directory)])),
        ("log.filter", Value::String("warn".to_owned())),
    ];
    ServerConfig::load(None, &std::collections::BTreeMap::new(), own.into_iter().chain(settings).collect())
}

async fn tell(visitor: &Visitor, samples: &[Sample], base_url: &str) -> Result<String, VisitorError> {
    let mut story =
        format!("The sample organisation has {} repositories. For each, a signed push webhook:\n", samples.len());
    for sample in samples {
        let status = visitor.push(sample).await?;
        let _ = writeln!(story, "  {:<9} {} -> {status}", sample.name, &sample.head.to_string()[..10]);
    }
    let mut gate_line = String::new();
    for sample in samples {
        let repository = visitor.repository(sample).await?;
        let head = sample.head.to_string();
        let gate = visitor.gate(&repository, &head).await?;
        let _ = writeln!(story, "\n{} ({repository}), gate: {gate}", sample.name);
        for line in visitor.findings(&repository).await? {
            let _ = writeln!(story, "  {line}");
        }
        gate_line = format!("curl '{base_url}/api/v1/repositories/{repository}/gate?commit={head}'");
    }
    let _ = write!(
        story,
        "\nThe service answers at {base_url}. Try:\n  curl {base_url}/api/v1/packages/requests\n  curl '{base_url}/api/v1/findings?kind=secret'\n  {gate_line}\n",
    );
    Ok(story)
}
