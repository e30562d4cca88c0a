//! `secretarybird scan`: one repository or directory, one report.

mod arguments;
mod output;
mod target;
mod verify;

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use scanner::baseline::Baseline;
use scanner::config::RepositoryConfig;
use scanner::policy::{self, Circumstances, Policy, PolicyLayer};
use scanner::repository::CachedMirrors;
use scanner::resolve::Resolver;
use scanner::scan::{Knowledge, Options, Source, repository_identity};
use scanner::secrets::verify::Provider;
use scanner::secrets::{Engine, FingerprintKey, History};
use scanner::{Diagnostic, Report, Stage, freshness};

pub use arguments::Arguments;
use arguments::OnError;
use target::Opened;

use super::directories;
use super::exit::{Exit, Failure};
use super::feed::{self, Feed};
use super::rules;
use crate::asker::Asker;
use crate::config::Reach;
use crate::package_index::{self, How};

/// Scans and writes the report; the exit code follows the policy and the report's completeness.
pub async fn run(arguments: Arguments) -> Result<Exit, Failure> {
    let cache = directories::cache(arguments.cache_dir.as_deref())?;
    let feed = feed::load(&feed::Wanted::of(&arguments), &cache).await;
    let asker = asker(&arguments, &cache)?;
    let work = move || scan(&arguments, &cache, feed, asker.as_ref());
    // git, parsing and matching block; they run beside the runtime's own threads
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::incomplete(format!("the scan stopped: {error}")))?
}

fn scan(arguments: &Arguments, cache: &Path, feed: Feed, asker: Option<&Asker>) -> Result<Exit, Failure> {
    let now = Timestamp::now();
    let given = arguments.config.as_deref().map(|path| read_config(path, now)).transpose()?;
    let opened = target::open(&arguments.target, cache, arguments.offline)?;
    let rules = rules::load(&arguments.rules)?;
    let engine = Engine::new(&rules);
    let (key, key_said) = fingerprint_key(cache)?;
    let advisories = feed.index.as_ref().map_err(Clone::clone);
    let provider = asker.map(|asker| asker as &dyn Provider);
    let resolver = arguments.resolve.then(|| resolver(arguments));
    let ancestry = CachedMirrors::new(cache.join("mirrors"));
    let how = match arguments.offline {
        true => How::Offline,
        false => How::Asked { patience: Duration::from_secs(arguments.index_timeout) },
    };
    let index = package_index::open(arguments.index_url.expose(), arguments.index_ca.as_deref(), cache, how)
        .map_err(Failure::usage)?;
    let knowledge = Knowledge {
        advisories,
        engine: &engine,
        key: &key,
        provider,
        package_index: index.as_ref(),
        ancestry: &ancestry,
        resolver: resolver.as_ref(),
    };
    let source = target::source(&opened, arguments.rev.as_deref())?;
    let config = match given {
        Some(given) => given,
        None => scanner::scan::config_of(&source, now).map_err(Failure::incomplete)?,
    };
    let policy = effective_policy(arguments, &config.0);
    let options = Options {
        aspects: arguments.aspects(&config.0.skip),
        history: history(arguments, &source)?,
        repository: repository_identity(&source),
        config,
    };
    let baseline =
        arguments.baseline.as_deref().map(|named| baseline(named, &opened, &knowledge, &options)).transpose()?;
    let mut report = scanner::scan(&source, &knowledge, &options).map_err(Failure::incomplete)?;
    let uncommitted = target::uncommitted(&opened).filter(|_| !arguments.staged);
    report.add_diagnostics(feed.diagnostics.into_iter().chain(key_said).chain(uncommitted));
    if let (Some(baseline), Some(named)) = (baseline, &arguments.baseline) {
        baseline.apply(&mut report.findings, &format!("baseline {named}"));
    }
    for path in &arguments.vex {
        policy::vex::apply(&mut report.findings, &read_vex(path)?, &path.display().to_string());
    }
    if let (true, Ok(index)) = (arguments.verify_fix, &knowledge.advisories) {
        verify::plan(&mut report, index, arguments)?;
    }
    freshness::judge(&mut report, arguments.as_of.unwrap_or(now), policy.max_feed_age());
    output::write(&report, arguments.format, arguments.output.as_deref())?;
    let known = Circumstances { first_seen: None, now };
    Ok(exit(arguments, &report, &policy, known))
}

fn resolver(arguments: &Arguments) -> Resolver {
    let index = Some(arguments.index_url.expose().to_owned()).filter(|url| url != package_index::NONE);
    Resolver { uv: arguments.uv.clone(), index, ..Resolver::default() }
}

/// The repository's policy, and over it what the command line says.
fn effective_policy(arguments: &Arguments, config: &RepositoryConfig) -> Policy {
    let (fail_on, max_feed_age) = (arguments.fail_on, arguments.max_feed_age);
    let given = PolicyLayer { fail_on, max_feed_age, ..PolicyLayer::default() };
    let mut layers: Vec<_> = arguments.layers.iter().map(|(name, layer)| (name.as_str(), layer)).collect();
    layers.extend([("the repository's configuration", &config.policy), ("the command line", &given)]);
    Policy::of(&layers)
}

fn read_vex(path: &Path) -> Result<Vec<policy::vex::Statement>, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    policy::vex::read(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}

/// Who asks the providers, if anybody does.
fn asker(arguments: &Arguments, cache: &Path) -> Result<Option<Asker>, Failure> {
    if !arguments.verify_secrets {
        return Ok(None);
    }
    let memory = cache.join("verified.json");
    Asker::open(Reach::default(), &arguments.verify_endpoints, &memory).map(Some).map_err(Failure::usage)
}

/// What could not be looked at comes first: a verdict on half of the facts is none.
fn exit(arguments: &Arguments, report: &Report, policy: &Policy, known: Circumstances) -> Exit {
    if arguments.exit_zero {
        Exit::Clean
    } else if !report.complete && arguments.on_error == OnError::Fail {
        Exit::Incomplete
    } else if policy::violations(&report.findings, policy, known).next().is_some() {
        Exit::PolicyViolated
    } else {
        Exit::Clean
    }
}

fn read_config(path: &Path, now: Timestamp) -> Result<(RepositoryConfig, Vec<Diagnostic>), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("cannot read the configuration {}: {error}", path.display())))?;
    let name = path.display().to_string();
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let table = path.file_name().filter(|name| *name == "pyproject.toml").map(|_| ["tool", "secretarybird"]);
    let (config, said) = scanner::config::read(&name, &text, table, today);
    // a configuration that was asked for by name has to be right
    match said.iter().find(|diagnostic| diagnostic.gap) {
        Some(wrong) => {
            let line = wrong.line.map_or_else(String::new, |line| format!(":{line}"));
            Err(Failure::usage(format!("{name}{line}: {}", wrong.reason)))
        }
        None => Ok((config, said)),
    }
}

/// The key of secrets' identities. Where it cannot be kept, identities hold for this run only, and the report says so.
fn fingerprint_key(cache: &Path) -> Result<(FingerprintKey, Option<Diagnostic>), Failure> {
    let path = directories::fingerprint_key(cache);
    match FingerprintKey::load_or_create(&path) {
        Ok(key) => Ok((key, None)),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(Failure::usage(format!("the key file {}: {error}", path.display())))
        }
        Err(error) => {
            let reason = format!("secrets' identities hold for this run only: {}: {error}", path.display());
            Ok((FingerprintKey::random(), Some(Diagnostic::remark(Stage::Secrets, None, reason))))
        }
    }
}

fn history(arguments: &Arguments, source: &Source<'_>) -> Result<History, Failure> {
    match (source, &arguments.since) {
        (Source::Commit(mirror, _), Some(since)) => {
            Ok(History::Since(mirror.resolve(Some(since)).map_err(Failure::usage)?))
        }
        (Source::Directory(_), Some(since)) => {
            Err(Failure::usage(format!("a plain directory has no revision {since}")))
        }
        (_, None) if arguments.staged => Ok(History::Staged),
        (_, None) if arguments.no_history => Ok(History::Tree),
        (_, None) => Ok(History::Everything),
    }
}

/// The report of a file, or of a revision that is scanned first. A file wins where both could be meant.
fn baseline(named: &str, opened: &Opened, knowledge: &Knowledge<'_>, options: &Options) -> Result<Baseline, Failure> {
    let path = Path::new(named);
    if path.is_file() {
        let text = std::fs::read(path).map_err(|error| Failure::usage(format!("{named}: {error}")))?;
        return Baseline::from_json(&text).map_err(|error| Failure::usage(format!("{named}: {error}")));
    }
    let source = target::source(opened, Some(named))
        .map_err(|_| Failure::usage(format!("the baseline {named} is neither a report nor a revision")))?;
    Ok(Baseline::of(&scanner::scan(&source, knowledge, options).map_err(Failure::incomplete)?))
}
