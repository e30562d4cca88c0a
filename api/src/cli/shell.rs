//! `secretarybird completions` and `secretarybird man`: what a package puts beside the binary.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;

use super::exit::{Exit, Failure, answer};

#[derive(Debug, Args)]
pub struct Completions {
    /// Of which shell.
    shell: Shell,
}

#[derive(Debug, Args)]
pub struct Man {
    /// An existing directory; one page a command is written there.
    directory: PathBuf,
}

/// Prints the completions of a shell.
pub fn completions(arguments: &Completions, mut command: Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "secretarybird", &mut script);
    answer(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}

/// Writes `secretarybird.1`, `secretarybird-scan.1` and so on.
pub fn man(arguments: &Man, command: Command) -> Result<Exit, Failure> {
    let command = command.disable_help_subcommand(true);
    page(&arguments.directory, &command, "secretarybird")
        .map_err(|error| Failure::usage(format!("cannot write to {}: {error}", arguments.directory.display())))?;
    Ok(Exit::Clean)
}

fn page(directory: &Path, command: &Command, name: &str) -> io::Result<()> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone().name(name.to_owned())).render(&mut text)?;
    std::fs::write(directory.join(format!("{name}.1")), text)?;
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
        page(directory, inner, &format!("{name}-{}", inner.get_name()))?;
    }
    Ok(())
}
