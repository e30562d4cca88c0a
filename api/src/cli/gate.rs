//! `secretarybird gate`: asks a server about a commit, waits for the answer, exits by it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use scanner::policy::Threshold;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use super::exit::{Exit, Failure, answer, progress};
use super::server::Server;
use crate::credential::Credential;
use crate::gate::State;
use crate::gate::pipeline::{Pipeline, detect, without_credentials};
use crate::http::wire::Gate;

#[derive(Debug, Args)]
pub struct Command {
    /// The server's address, such as https://secretarybird.example.org.
    #[arg(long, env = "SECRETARYBIRD_SERVER")]
    server: Url,
    /// An API token with the scopes read and scan.
    #[arg(long, env = "SECRETARYBIRD_TOKEN", hide_env_values = true, value_parser = |text: &str| Ok::<_, String>(Credential::new(text)))]
    token: Option<Credential>,
    /// The repository's clone URL; the pipeline's own when not given.
    #[arg(long, env = "SECRETARYBIRD_REPOSITORY")]
    repository: Option<String>,
    /// The full commit id; the pipeline's own when not given, else HEAD of the repository here.
    #[arg(long, env = "SECRETARYBIRD_COMMIT")]
    commit: Option<String>,
    /// Seconds to wait for the scan.
    #[arg(long, env = "SECRETARYBIRD_WAIT", default_value_t = 600)]
    wait: u64,
    /// From which severity on a new finding fails the gate.
    #[arg(long, env = "SECRETARYBIRD_FAIL_ON", default_value_t = Threshold::Medium)]
    fail_on: Threshold,
    /// What an incomplete or missing answer means: fail (exit 3 or 4) or warn (exit 0).
    #[arg(long, env = "SECRETARYBIRD_ON_ERROR", default_value = "fail")]
    on_error: OnError,
    /// Print the server's answer as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    Fail,
    Warn,
}

/// Asks, prints, and answers the exit code.
///
/// # Errors
/// Exit 2 when the repository or commit is not known, 4 when the server does not answer or refuses the token.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    let subject = subject(&command, &std::env::vars().collect())?;
    let lenient = command.on_error == OnError::Warn;
    let verdict = match ask(&command, &subject).await {
        Err(failure) if lenient && failure.is_unreachable() => {
            answer(&format!("gate: not answered, and --on-error warn lets it pass: {failure}\n"))?;
            return Ok(Exit::Clean);
        }
        asked => asked?,
    };
    if command.json {
        let text = serde_json::to_string_pretty(&verdict).map_err(Failure::incomplete)?;
        answer(&format!("{text}\n"))?;
    } else {
        answer(&in_words(&verdict))?;
    }
    Ok(match verdict.state {
        State::Pass => Exit::Clean,
        State::Fail => Exit::PolicyViolated,
        State::Pending | State::Incomplete if lenient => Exit::Clean,
        State::Pending | State::Incomplete => Exit::Incomplete,
    })
}

/// What is asked about.
#[derive(Debug, PartialEq, Eq)]
struct Subject {
    repository: String,
    commit: String,
    base: Option<String>,
    reference: Option<String>,
}

/// Flags first, then the pipeline, then the repository in the working directory.
fn subject(command: &Command, environment: &BTreeMap<String, String>) -> Result<Subject, Failure> {
    let Pipeline { repository, commit, base, reference, .. } = detect(environment);
    let missing =
        |what: &str, flag: &str| Failure::usage(format!("cannot tell which {what} this is about: give {flag}"));
    let repository = command
        .repository
        .clone()
        .or(repository)
        .or_else(|| here(|local| Some(local.find_remote("origin").ok()?.url().ok()?.to_owned())));
    let commit = command
        .commit
        .clone()
        .or(commit)
        .or_else(|| here(|local| Some(local.head().ok()?.peel_to_commit().ok()?.id().to_string())));
    let repository = repository.ok_or_else(|| missing("repository", "--repository"))?;
    let commit = commit.ok_or_else(|| missing("commit", "--commit"))?;
    Ok(Subject { repository: without_credentials(&repository), commit, base, reference })
}

fn here(read: impl FnOnce(&git2::Repository) -> Option<String>) -> Option<String> {
    git2::Repository::discover(".").ok().and_then(|local| read(&local))
}

async fn ask(command: &Command, subject: &Subject) -> Result<Gate, Failure> {
    let server = Server::new(&command.server, command.token.clone())?;
    let repository = register(&server, &subject.repository).await?;
    let path = format!("repositories/{repository}/gate");
    let deadline = Instant::now() + Duration::from_secs(command.wait);
    let mut asked_for_scan = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        // short questions: proxies cut long ones
        let wait = left.min(20).to_string();
        let fail_on = command.fail_on.to_string();
        let query = [("commit", subject.commit.as_str()), ("wait", &wait), ("fail_on", &fail_on)];
        let verdict: Gate = server.get(&path, &query).await?;
        if verdict.state != State::Pending || left == 0 {
            return Ok(verdict);
        }
        if !asked_for_scan {
            asked_for_scan = true;
            ask_for_scan(&server, &repository, subject).await?;
        }
        progress(&format!("waiting for {} ({left} s left)", subject.commit));
    }
}

fn in_words(verdict: &Gate) -> String {
    let state = match verdict.state {
        State::Pass => "pass",
        State::Fail => "fail",
        State::Pending => "pending (the scan did not end in time)",
        State::Incomplete => "incomplete (something could not be looked at)",
    };
    let mut text = format!("gate: {state}, {} new, commit {}\n", verdict.new.len(), verdict.commit);
    for finding in &verdict.new {
        let place = finding.location.path.as_deref().unwrap_or("-");
        let line = finding.location.line.map(|line| format!(":{line}")).unwrap_or_default();
        // writing to a String does not fail
        let _ = writeln!(text, "  {:?} {} {}  {place}{line}", finding.severity, finding.kind, finding.title);
        if let scanner::finding::Detail::Vulnerability(detail) = &finding.detail
            && let Some(fix) = &detail.fix
        {
            let _ = writeln!(text, "      fix: upgrade {} to {}", detail.package, fix.version);
        }
    }
    for reason in &verdict.reasons {
        let _ = writeln!(text, "  {reason}");
    }
    text
}

#[derive(Deserialize)]
struct Registered {
    id: String,
}

async fn register(server: &Server, url: &str) -> Result<String, Failure> {
    let registered: Registered = server.send(Method::POST, "repositories", &[], Some(json!({"url": url}))).await?;
    Ok(registered.id)
}

async fn ask_for_scan(server: &Server, repository: &str, subject: &Subject) -> Result<(), Failure> {
    let body = json!({"commit": subject.commit, "ref": subject.reference, "base": subject.base});
    let path = format!("repositories/{repository}/scans");
    server.send::<serde_json::Value>(Method::POST, &path, &[], Some(body)).await.map(drop)
}
