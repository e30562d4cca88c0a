//! A scan on the spot while the server cannot be reached, by the policy that it last told.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::report::Format;
use super::subject::Subject;
use super::{Command, Failure};
use crate::cli::directories;
use crate::cli::exit::Exit;
use crate::cli::scan;
use crate::http::wire::Policy;

/// Where the policy of one server about one repository is kept.
fn place(cache: &Path, server: &str, repository: &str) -> PathBuf {
    let name = blake3::hash(format!("{server}\n{repository}").as_bytes()).to_hex();
    cache.join("policies").join(format!("{}.json", &name[..32]))
}

/// Keeps what the server told. That it cannot be kept is said and stops nothing: it is needed only when the server is away.
pub fn keep(command: &Command, server: &str, subject: &Subject, policy: &Policy) -> Result<(), Failure> {
    let path = place(&directories::cache(command.cache_dir.as_deref())?, server, &subject.repository);
    let text = serde_json::to_vec(policy).map_err(Failure::incomplete)?;
    let kept = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
    if let Err(error) = kept {
        tracing::warn!(path = %path.display(), %error, "the server's policy cannot be kept for --local");
    }
    Ok(())
}

fn kept(command: &Command, server: &str, subject: &Subject) -> Result<Option<Policy>, Failure> {
    let path = place(&directories::cache(command.cache_dir.as_deref())?, server, &subject.repository);
    match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("the kept policy {}: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::usage(format!("the kept policy {}: {error}", path.display()))),
    }
}

/// The arguments of `scan`, read as from a command line.
#[derive(Parser)]
struct Scan {
    #[command(flatten)]
    arguments: scan::Arguments,
}

/// Scans the working directory's repository at the commit.
pub async fn look(command: &Command, server: &str, subject: &Subject) -> Result<Exit, Failure> {
    let policy = kept(command, server, subject)?;
    let source = match &policy {
        Some(_) => "by the policy that the server last told",
        None => "by the repository's own policy, for none of the server is kept here",
    };
    super::say(&format!("{server} cannot be reached: scanning here, {source}"));
    let base = subject.base.as_deref().filter(|base| is_here(base));
    let on_error = if command.is_lenient() { "warn" } else { "fail" };
    let format = match command.format {
        Format::Text => "text",
        Format::Json => "json",
        Format::Sarif => "sarif",
        Format::Markdown => "markdown",
        Format::Github => "github",
        Format::Csv => "csv",
        Format::Gitlab => {
            return Err(Failure::usage("a scan on the spot writes no GitLab report; give another --format"));
        }
    };
    let mut line = vec!["gate", ".", "--rev", &subject.commit, "--on-error", on_error, "--format", format];
    if let Some(base) = base {
        line.extend(["--baseline", base, "--new-only"]);
    }
    let mut arguments = Scan::try_parse_from(line).map_err(Failure::usage)?.arguments;
    arguments.fail_on = command.fail_on;
    let layers = policy.map(|policy| policy.layers).unwrap_or_default();
    arguments.layers = layers.into_iter().map(|layer| (layer.name, layer.policy)).collect();
    arguments.output.clone_from(&command.output);
    arguments.cache_dir.clone_from(&command.cache_dir);
    scan::run(arguments).await
}

fn is_here(commit: &str) -> bool {
    let found = git2::Repository::discover(".")
        .and_then(|local| local.revparse_single(commit).and_then(|object| object.peel_to_commit()).map(drop));
    found.is_ok()
}
