//! `secretarybird gate`: asks a server about a commit, waits for the answer, exits by it.

mod local;
mod report;
mod subject;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use reqwest::Method;
use scanner::policy::Threshold;
use scanner::{FindingId, Report};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;
use url::Url;

use super::exit::{Exit, Failure, answer, progress};
use super::server::{Proof, Server};
use crate::credential::Credential;
use crate::gate::State;
use crate::http::wire::{Gate, Policy};
use report::Format;
use subject::Subject;

/// One question lasts no longer: proxies cut long ones.
const QUESTION: u64 = 20;

/// Asks a server about a commit, waits for the answer, and exits by it: 0 pass, 1 something new violates the policy, 2 usage, 3 the
/// answer is incomplete or did not come in time, 4 the server cannot be reached or refuses the token.
///
/// In GitHub Actions, GitLab CI, Bitbucket Pipelines and Jenkins the repository, the commit and what it is judged against are found by
/// themselves; elsewhere the repository in the working directory says them.
#[derive(Debug, Args)]
pub struct Command {
    /// The server's address, such as https://secretarybird.example.org.
    #[arg(long, env = "SECRETARYBIRD_SERVER")]
    server: Url,
    /// An API token with the scope scan. Without one, GitHub Actions is asked for a token of the job (`permissions: id-token: write`),
    /// or SECRETARYBIRD_ID_TOKEN holds GitLab's.
    #[arg(long, env = "SECRETARYBIRD_TOKEN", hide_env_values = true, value_parser = |text: &str| Ok::<_, String>(Credential::new(text)))]
    token: Option<Credential>,
    /// The repository's clone URL; the pipeline's own when not given, else the remote `origin` of the repository here.
    #[arg(long, env = "SECRETARYBIRD_REPOSITORY")]
    repository: Option<String>,
    /// The full commit id; the pipeline's own when not given, else HEAD of the repository here.
    #[arg(long, env = "SECRETARYBIRD_COMMIT")]
    commit: Option<String>,
    /// The commit that a first scan is judged against; the pipeline's own when not given, else where the default branch was left.
    #[arg(long, env = "SECRETARYBIRD_BASE")]
    base: Option<String>,
    /// Seconds to wait for the scan.
    #[arg(long, env = "SECRETARYBIRD_WAIT", default_value_t = 600)]
    wait: u64,
    /// From which severity on a new finding fails the gate; the server's own policy when not given.
    #[arg(long, env = "SECRETARYBIRD_FAIL_ON")]
    fail_on: Option<Threshold>,
    /// What an incomplete or missing answer means: fail (exit 3 or 4) or warn (exit 0).
    #[arg(long, env = "SECRETARYBIRD_ON_ERROR", default_value = "fail")]
    on_error: OnError,
    /// The form of the answer.
    #[arg(long, value_enum, env = "SECRETARYBIRD_FORMAT", default_value = "text")]
    format: Format,
    /// Write the answer to a file; the verdict in words then goes to stdout.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_OUTPUT")]
    output: Option<PathBuf>,
    /// Scan on the spot when the server cannot be reached, by the policy that it last told.
    #[arg(long, env = "SECRETARYBIRD_LOCAL")]
    local: bool,
    /// Where the server's policy, mirrors and advisories are kept; the user's cache directory when not given.
    #[arg(long, value_name = "DIR", env = "SECRETARYBIRD_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum OnError {
    Fail,
    Warn,
}

impl Command {
    fn is_lenient(&self) -> bool {
        self.on_error == OnError::Warn
    }
}

/// Asks, writes, and answers the exit code.
///
/// # Errors
/// Exit 2 when the repository or commit is not known, 4 when the server does not answer or refuses the token.
pub async fn run(command: Command) -> Result<Exit, Failure> {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let subject = Subject::find(&command, &environment)?;
    let mut server = Server::new(&command.server, subject::proof(command.token.as_ref(), &environment)?)?;
    let (verdict, report) = match ask(&command, &mut server, &subject).await {
        Err(failure) if failure.is_unreachable() && command.local => {
            say(&failure.to_string());
            return local::look(&command, server.address(), &subject).await;
        }
        Err(failure) if failure.is_unreachable() && command.is_lenient() => {
            say(&format!("gate: not answered, and --on-error warn lets it pass: {failure}"));
            return Ok(Exit::Clean);
        }
        asked => asked?,
    };
    match report::render(command.format, &verdict, report.as_ref()) {
        Ok(text) => write(&command, &text, &verdict)?,
        Err(failure) if command.is_lenient() => say(&failure.to_string()),
        Err(failure) => return Err(failure),
    }
    Ok(match verdict.state {
        State::Pass => Exit::Clean,
        State::Fail => Exit::PolicyViolated,
        State::Pending | State::Incomplete if command.is_lenient() => Exit::Clean,
        State::Pending | State::Incomplete => Exit::Incomplete,
    })
}

fn write(command: &Command, text: &str, verdict: &Gate) -> Result<(), Failure> {
    let Some(path) = &command.output else { return answer(text) };
    let plain = anstream::adapter::strip_str(text).to_string();
    save(path, &plain)?;
    answer(&report::headline(verdict))
}

fn save(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::usage(format!("cannot write {}: {error}", path.display())))
}

/// Asks until there is an answer or the time is over; the report that goes with it holds the new findings only.
async fn ask(command: &Command, server: &mut Server, subject: &Subject) -> Result<(Gate, Option<Report>), Failure> {
    #[derive(Deserialize)]
    struct Registered {
        id: String,
    }
    let registered: Registered =
        server.change(Method::POST, "repositories", Some(json!({"url": subject.repository}))).await?;
    let repository = registered.id;
    let short = Duration::from_secs(30);
    let policy: Policy = server.get(&format!("repositories/{repository}/policy"), &[], short).await?;
    local::keep(command, server.address(), subject, &policy)?;
    let fail_on = command.fail_on.map(|threshold| threshold.to_string());
    let path = format!("repositories/{repository}/gate");
    let deadline = Instant::now() + Duration::from_secs(command.wait);
    let verdict = loop {
        let left = deadline.saturating_duration_since(Instant::now()).as_secs();
        let wait = left.min(QUESTION);
        let seconds = wait.to_string();
        let mut query = vec![("commit", subject.commit.as_str()), ("wait", &seconds)];
        query.extend(fail_on.as_deref().map(|threshold| ("fail_on", threshold)));
        query.extend(subject.reference.as_deref().map(|reference| ("ref", reference)));
        query.extend(subject.base.as_deref().map(|base| ("base", base)));
        let verdict: Gate = server.get(&path, &query, short + Duration::from_secs(wait)).await?;
        if verdict.state != State::Pending || left == 0 {
            break verdict;
        }
        let why = verdict.reasons.first().map_or("", String::as_str);
        progress(&format!("waiting for {}: {why} ({left} s left)", subject.commit));
    };
    let report = match verdict.scan.as_deref().filter(|_| command.format.needs_report()) {
        Some(scan) => {
            let report: Report = server.get(&format!("scans/{scan}/report"), &[("format", "json")], short).await?;
            Some(only_new(report, &verdict))
        }
        None => None,
    };
    Ok((verdict, report))
}

fn only_new(mut report: Report, verdict: &Gate) -> Report {
    let new: BTreeSet<&FindingId> = verdict.new.iter().map(|finding| &finding.id).collect();
    report.findings.retain(|finding| new.contains(&finding.id));
    report
}

/// Tells whoever reads the log.
pub fn say(line: &str) {
    use std::io::Write as _;
    // nobody is hurt when such a line is lost
    drop(writeln!(std::io::stderr(), "secretarybird: {line}"));
}
