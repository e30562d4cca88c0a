//! `secretarybird config check`

use std::path::PathBuf;

use clap::Subcommand;

use super::exit::{Exit, Failure, answer};
use crate::config::ServerConfig;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reads the server's configuration as `serve` would (file < environment) and says what is wrong with it.
    Check {
        /// The configuration file.
        #[arg(long, env = "SECRETARYBIRD_CONFIG")]
        config: Option<PathBuf>,
    },
}

pub fn run(command: Command) -> Result<Exit, Failure> {
    let Command::Check { config } = command;
    let environment = std::env::vars().collect();
    let settings = ServerConfig::load(config.as_deref(), &environment, Vec::new()).map_err(Failure::usage)?;
    answer(&format!("the configuration is valid; the service would listen on {}\n", settings.listen))?;
    Ok(Exit::Clean)
}
