//! The command line: one file per subcommand.

mod advisories;
mod config;
mod configured;
mod directories;
mod exit;
mod feed;
mod gate;
mod policy;
mod report_format;
mod rules;
mod scan;
mod serve;
mod server;
mod shell;
mod store;
mod sweep;
mod token;
mod worker;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub use exit::{Exit, Failure};

/// Watches over an organisation's Python repositories: exact inventory, advisories, unused packages, committed secrets.
#[derive(Debug, Parser)]
#[command(name = "secretarybird", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The advisory feeds: fetch them, say how old they are, look one up.
    #[command(subcommand)]
    Advisories(advisories::Command),
    /// Asks a server about a commit, waits for the answer, and exits by it (for CI).
    Gate(gate::Command),
    /// The secret rules: list them, try a rule file on its examples.
    #[command(subcommand)]
    Rules(rules::Command),
    /// Look at one repository or directory.
    Scan(Box<scan::Arguments>),
    /// Run the service: REST, webhooks, workers, the nightly sweep.
    Serve(serve::Arguments),
    /// Start an organisation-wide sweep on a server, or watch one.
    Sweep(sweep::Command),
    /// The service's store: verify, export, import, reindex, migrate.
    #[command(subcommand)]
    Store(store::Command),
    /// Run more workers for a PostgreSQL store.
    Worker(worker::Arguments),
    /// API tokens: make one, list them, revoke one.
    #[command(subcommand)]
    Token(token::Command),
    /// The server's configuration.
    #[command(subcommand)]
    Config(config::Command),
    /// The policy: which rule decided about a finding.
    #[command(subcommand)]
    Policy(policy::Command),
    /// Prints completions for a shell.
    Completions(shell::Completions),
    /// Writes manual pages into a directory.
    Man(shell::Man),
}

/// Parses the arguments, runs the subcommand and answers its exit code (design: 0 clean, 1 policy violated, 2 usage or
/// configuration, 3 incomplete, 4 server or authentication unreachable).
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // --help and --version are no errors: clap knows where each goes
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Clean };
            return if error.print().is_ok() { exit.into() } else { Exit::Usage.into() };
        }
    };
    std::panic::set_hook(Box::new(|panic| {
        // nothing can be done where not even this can be said
        let _ = writeln!(std::io::stderr(), "{}", said_of(panic));
    }));
    if let Err(error) = forbid_core_files() {
        return Failure::usage(format!("cannot forbid core files: {error}")).report();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::usage(format!("cannot start the runtime: {error}")).report(),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(exit) => exit.into(),
        Err(failure) => failure.report(),
    }
}

/// What is said of an error of this program's own: a text that was put together may quote what is scanned, a fixed one cannot.
fn said_of(panic: &std::panic::PanicHookInfo<'_>) -> String {
    let place = panic.location().map_or_else(String::new, |place| format!(" at {place}"));
    let what = panic.payload().downcast_ref::<&'static str>().copied();
    let what = what.unwrap_or("what it says is kept back, for it may quote what was scanned");
    format!("secretarybird has an error of its own{place}: {what}")
}

/// A core file would hold the content that is being looked at, secrets and all. Linux alone can be told so, whatever it does with them.
fn forbid_core_files() -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

async fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Advisories(command) => advisories::run(command).await,
        Command::Gate(command) => gate::run(command).await,
        Command::Rules(command) => rules::run(command),
        Command::Scan(arguments) => scan::run(*arguments).await,
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Sweep(command) => sweep::run(command).await,
        Command::Store(command) => store::run(command).await,
        Command::Worker(arguments) => worker::run(arguments).await,
        Command::Token(command) => token::run(command).await,
        Command::Config(command) => config::run(command),
        Command::Policy(command) => policy::run(command),
        Command::Completions(arguments) => shell::completions(&arguments, Cli::command()),
        Command::Man(arguments) => shell::man(&arguments, Cli::command()),
    }
}
