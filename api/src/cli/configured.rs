//! Where a command finds the server's configuration.

use std::path::PathBuf;

use clap::Args;
use toml::Value;

use super::exit::Failure;
use crate::config::ServerConfig;

/// The configuration that `serve` has too.
#[derive(Debug, Args)]
pub struct Configured {
    /// Where the store, the mirrors and the keys are kept. Default: ./secretarybird-data.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// `sled`, or the address of a PostgreSQL database (rather in the environment: others see arguments).
    #[arg(long, value_name = "sled|postgres://…")]
    store: Option<String>,

    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_CONFIG")]
    config: Option<PathBuf>,
}

impl Configured {
    /// Reads it, with `settings` over everything else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(&self, mut settings: Vec<(&'static str, Value)>) -> Result<ServerConfig, Failure> {
        if let Some(path) = &self.data_dir {
            settings.push(("data_dir", Value::String(path.display().to_string())));
        }
        if let Some(store) = &self.store {
            settings.push(("store", Value::String(store.clone())));
        }
        let environment = std::env::vars().collect();
        ServerConfig::load(self.config.as_deref(), &environment, settings).map_err(Failure::usage)
    }
}
