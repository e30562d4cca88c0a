//! One commit in, one report out: the whole flow on one screen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use advisories::git_pin::Ancestry;
use advisories::{AdvisoryIndex, PackageName, Version};
use git2::Oid;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::config::{self, RepositoryConfig};
use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{Detail, Finding, FindingId, Kind, UseTier};
use crate::fix::plan::FixPlan;
use crate::fix::{self, Releases};
use crate::inventory::{self, Inventory};
use crate::package_index::PackageIndex;
use crate::policy::{self, Aspect, PolicyLayer};
use crate::posture;
use crate::report::{AdvisoriesUsed, FeedUsed, Report, SCHEMA_VERSION, Stats, Target, Tool};
use crate::repository::{DirectorySnapshot, GitSnapshot, Mirror, Origin, RepositoryError, Snapshot};
use crate::resolve::{self, Resolver};
use crate::secrets::{self, Engine, FingerprintKey, History, Reading, SecretsFound};
use crate::standing::{self, Answers};
use crate::usage::index_names::IndexNames;
use crate::usage::{self, Usage};
use crate::vulnerabilities::{self, Around, Found};

/// What is scanned.
#[derive(Debug)]
pub enum Source<'a> {
    /// A commit of a repository; `None` where it has no commit yet.
    Commit(&'a Mirror, Option<Oid>),
    /// A plain directory.
    Directory(&'a DirectorySnapshot),
}

/// What a scan knows before it looks.
pub struct Knowledge<'a> {
    /// The advisories, or why there are none.
    pub advisories: Result<&'a AdvisoryIndex, String>,
    /// The secret rules.
    pub engine: &'a Engine<'a>,
    /// Keys the identities of secrets.
    pub key: &'a FingerprintKey,
    /// The package index that is asked what distributions provide and how packages stand; without one the offline table and the names
    /// answer the first.
    pub package_index: Option<&'a PackageIndex>,
    /// Asks providers whether secrets are live; `None`, the default of every command, asks nobody.
    pub provider: Option<&'a dyn secrets::verify::Provider>,
    /// The histories that are at hand, for packages pinned to a commit.
    pub ancestry: &'a dyn Ancestry,
    /// Says what manifests without a lockfile would resolve to; `None` where that is not wanted.
    pub resolver: Option<&'a Resolver>,
}

/// How a scan looks.
#[derive(Debug, Clone)]
pub struct Options {
    /// What is looked at.
    pub aspects: Vec<Aspect>,
    /// How much of the history is read for secrets.
    pub history: History,
    /// The repository's identity in its findings' ids; see [`repository_identity`].
    pub repository: String,
    /// The configuration in force, and what is wrong with it; see [`config_of`].
    pub config: (RepositoryConfig, Vec<Diagnostic>),
}

/// Scans. Whatever could not be looked at is a diagnostic of the report; only a commit that cannot be opened at all is an error.
///
/// # Errors
/// When the commit or its tree cannot be read.
pub fn scan(source: &Source<'_>, knowledge: &Knowledge<'_>, options: &Options) -> Result<Report, RepositoryError> {
    scan_with(source, knowledge, options, Reading::default())
}

/// The same with a choice of how the history is read. With what earlier scans of the repository saw, which is brought up to date, a whole
/// history costs what is new in it.
///
/// # Errors
/// As [`scan`], and [`RepositoryError::Cancelled`] when it was told to stop.
pub fn scan_with(
    source: &Source<'_>,
    knowledge: &Knowledge<'_>,
    options: &Options,
    reading: Reading<'_>,
) -> Result<Report, RepositoryError> {
    let stop = reading.stop;
    let mut stages = Stages::default();
    let git;
    let snapshot: &dyn Snapshot = match source {
        Source::Commit(mirror, Some(commit)) => {
            git = stages.time("repository", || GitSnapshot::open(mirror, *commit))?;
            stages.say(git.diagnostics().to_vec());
            &git
        }
        Source::Commit(_, None) => &crate::repository::MemorySnapshot::default(),
        Source::Directory(directory) => {
            stages.say(directory.diagnostics().to_vec());
            *directory
        }
    };
    let wants = |aspect| options.aspects.contains(&aspect);

    let inventory = stages.time("inventory", || inventory::read(snapshot));
    // where secrets alone are asked for, nothing rests on it
    let asked = options.aspects.iter().any(|aspect| *aspect != Aspect::Secrets);
    stages
        .say(inventory.diagnostics.iter().map(|said| Diagnostic { gap: said.gap && asked, ..said.clone() }).collect());
    let usage = if wants(Aspect::Usage) || wants(Aspect::Vulnerabilities) {
        let names = stages.time("package_index", || import_names(&inventory, knowledge));
        stages.say(names.diagnostics.clone());
        Some(stages.time("usage", || usage::judge(snapshot, &inventory, &names)))
    } else {
        None
    };
    stop.check()?;
    let mut findings = Vec::new();
    let mut resolved = Vec::new();
    // asked before anything is matched, so that what is advised can be had
    let answers =
        if wants(Aspect::Vulnerabilities) { index_answers(&mut stages, &inventory, knowledge) } else { Answers::new() };
    if wants(Aspect::Vulnerabilities) {
        findings.extend(vulnerable(&mut stages, &inventory, usage.as_ref(), knowledge, &answers));
        let standing =
            standing::judge(&inventory, &answers, knowledge.advisories.as_ref().ok().copied(), Timestamp::now());
        stages.say(standing.diagnostics);
        findings.extend(standing.findings);
        stop.check()?;
        if let Some(resolver) = knowledge.resolver {
            let found = stages.time("resolve", || resolve::unlocked(&inventory, resolver, stop));
            stop.check()?;
            stages.say(found.diagnostics);
            let chosen = resolve::beyond(&inventory, &found.manifests);
            findings.extend(vulnerable(&mut stages, &chosen, usage.as_ref(), knowledge, &answers));
            resolved = found.manifests;
        }
    }
    if let (Some(usage), true) = (&usage, wants(Aspect::Usage)) {
        stages.say(usage.diagnostics.clone());
        findings.extend(usage.verdicts.clone());
    }
    let mut stats = Stats { files: snapshot.entries().len() as u64, packages: count(&inventory), ..Stats::default() };
    stop.check()?;
    if wants(Aspect::Secrets) {
        let found = stages.time("secrets", || secrets_of(source, snapshot, knowledge, options, reading));
        // what it says then is that it was broken off
        stop.check()?;
        (stats.blobs, stats.blob_bytes) = (found.blobs, found.blob_bytes);
        stages.say(found.diagnostics);
        findings.extend(found.findings);
    }
    if wants(Aspect::Posture) {
        findings.extend(posture::check(&inventory.manifests));
    }
    let (config, said) = &options.config;
    stages.say(said.clone());
    policy::apply_ignores(&mut findings, &config.ignores);
    for (document, statements) in &config.vex {
        policy::vex::apply(&mut findings, statements, document);
    }
    for finding in &mut findings {
        finding.id = finding.id.within(finding.kind, &options.repository);
    }
    let is_fact = |finding: &&Finding| !matches!(&finding.detail, Detail::Vulnerability(found) if found.would_resolve);
    let facts: Vec<Finding> = findings.iter().filter(is_fact).cloned().collect();
    let fix_plan = planned(&mut stages, &inventory, snapshot, &facts, knowledge, &answers);
    let report = stages.report(source, inventory, findings, stats, knowledge);
    Ok(Report { fix_plan, resolved, policy: config.policy.clone(), ..report })
}

/// The configuration that stands in the source itself.
///
/// # Errors
/// When the commit or its tree cannot be read.
pub fn config_of(source: &Source<'_>, now: Timestamp) -> Result<(RepositoryConfig, Vec<Diagnostic>), RepositoryError> {
    let today = now.to_zoned(TimeZone::UTC).date();
    Ok(match source {
        Source::Commit(mirror, Some(commit)) => config::of_snapshot(&GitSnapshot::open(mirror, *commit)?, today),
        Source::Commit(_, None) => (RepositoryConfig::default(), Vec::new()),
        Source::Directory(directory) => config::of_snapshot(*directory, today),
    })
}

/// What identifies the repository, wherever it is cloned: its address (for a local clone that of its `origin`) without scheme,
/// account, `.git` and trailing slash. A repository without an address, or a plain directory, is known by an empty text.
#[must_use]
pub fn repository_identity(source: &Source<'_>) -> String {
    let Source::Commit(mirror, _) = source else { return String::new() };
    let origin = if mirror.is_local() {
        let repository = mirror.repository().ok();
        repository.and_then(|repository| Some(repository.find_remote("origin").ok()?.url().ok()?.to_owned()))
    } else {
        Some(mirror.location().to_owned())
    };
    match origin.as_deref().map(Origin::parse) {
        Some(Ok((Origin::Remote(url), _))) => address(url.url()),
        _ => String::new(),
    }
}

fn address(url: &url::Url) -> String {
    let path = url.path().trim_end_matches('/').trim_end_matches(".git");
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}{path}"),
        (Some(host), None) => format!("{host}{path}"),
        (None, _) => path.to_owned(),
    }
}

fn count(inventory: &Inventory) -> u64 {
    inventory.manifests.iter().map(|manifest| manifest.packages.len() as u64).sum()
}

fn vulnerable(
    stages: &mut Stages,
    inventory: &Inventory,
    usage: Option<&Usage>,
    knowledge: &Knowledge<'_>,
    releases: &dyn Releases,
) -> Vec<Finding> {
    let imports = usage.map(|usage| &usage.imported_at);
    let around = Around { imports, ancestry: knowledge.ancestry, releases };
    let found = match &knowledge.advisories {
        Ok(index) => stages.time("advisories", || vulnerabilities::find_with(inventory, index, &around)),
        Err(reason) => {
            let reason = format!("no package was checked against advisories: {reason}");
            stages.say(vec![Diagnostic::gap(Stage::Advisories, None, reason)]);
            return Vec::new();
        }
    };
    let mut found = found.unwrap_or_else(|damaged| {
        let reason = format!("no package was checked against advisories: {damaged}");
        stages.say(vec![Diagnostic::gap(Stage::Advisories, None, reason)]);
        Found::default()
    });
    stages.say(found.diagnostics);
    if let Some(usage) = usage {
        usage::vulnerable::place(&mut found.findings, usage);
    }
    found.findings
}

/// What the declared packages provide, and those of the others that an advisory concerns.
fn import_names(inventory: &Inventory, knowledge: &Knowledge<'_>) -> IndexNames {
    let Some(index) = knowledge.package_index.map(PackageIndex::for_one_work) else { return IndexNames::default() };
    // a damaged index is reported where the vulnerabilities are looked for
    let affected = |name: &PackageName, version: &Version| {
        knowledge.advisories.as_ref().is_ok_and(|index| index.is_affected(name, version))
    };
    IndexNames::of_inventory(&index, inventory, affected)
}

/// What the index says about the packages; why it says nothing is a remark.
fn index_answers(stages: &mut Stages, inventory: &Inventory, knowledge: &Knowledge<'_>) -> Answers {
    if inventory.matchable().is_empty() {
        return Answers::new();
    }
    let answers = match knowledge.package_index {
        Some(index) => stages.time("index", || standing::ask(inventory, &index.for_one_work())),
        None => Err("no package index is asked".to_owned()),
    };
    answers.unwrap_or_else(|reason| {
        stages.say(vec![standing::not_looked("all packages", &reason)]);
        Answers::new()
    })
}

/// The upgrades that clear the findings that count.
fn planned(
    stages: &mut Stages,
    inventory: &Inventory,
    snapshot: &dyn Snapshot,
    findings: &[Finding],
    knowledge: &Knowledge<'_>,
    releases: &dyn Releases,
) -> FixPlan {
    let Ok(index) = &knowledge.advisories else { return FixPlan::default() };
    let plan = stages.time("plan", || fix::plan::of(inventory, snapshot, findings, index, releases));
    plan.unwrap_or_else(|damaged| {
        stages.say(vec![Diagnostic::gap(Stage::Advisories, None, format!("no plan of upgrades: {damaged}"))]);
        FixPlan::default()
    })
}

fn secrets_of(
    source: &Source<'_>,
    snapshot: &dyn Snapshot,
    knowledge: &Knowledge<'_>,
    options: &Options,
    reading: Reading<'_>,
) -> SecretsFound {
    let looking = secrets::Looking {
        engine: knowledge.engine,
        key: knowledge.key,
        repository: &options.repository,
        provider: knowledge.provider,
    };
    match source {
        Source::Commit(mirror, head) => secrets::scan_history_by(mirror, *head, &options.history, reading, &looking),
        Source::Directory(_) => secrets::scan_snapshot(snapshot, &looking),
    }
}

/// What the stages said and how long they took.
#[derive(Default)]
struct Stages {
    diagnostics: Vec<Diagnostic>,
    duration_ms: BTreeMap<String, u64>,
}

impl Stages {
    fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = work();
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.duration_ms.insert(stage.to_owned(), took);
        result
    }

    fn say(&mut self, diagnostics: Vec<Diagnostic>) {
        self.diagnostics.extend(diagnostics);
    }

    fn report(
        mut self,
        source: &Source<'_>,
        inventory: Inventory,
        mut findings: Vec<Finding>,
        stats: Stats,
        knowledge: &Knowledge<'_>,
    ) -> Report {
        self.diagnostics.sort();
        self.diagnostics.dedup();
        worst_first(&mut findings);
        Report {
            schema_version: SCHEMA_VERSION,
            tool: Tool {
                name: "secretarybird".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                rules_digest: knowledge.engine.rules().digest(),
            },
            target: target(source),
            advisories: knowledge.advisories.as_ref().map_or_else(|_| AdvisoriesUsed::default(), |index| used(index)),
            complete: !self.diagnostics.iter().any(|diagnostic| diagnostic.gap),
            policy: PolicyLayer::default(),
            inventory: inventory.manifests,
            resolved: Vec::new(),
            findings,
            fix_plan: FixPlan::default(),
            diagnostics: self.diagnostics,
            stats: Stats { duration_ms: self.duration_ms, ..stats },
        }
    }
}

/// The worst first; two findings of one identity (the same package locked twice in a manifest, say) are one.
fn worst_first(findings: &mut Vec<Finding>) {
    let mut seen: BTreeSet<FindingId> = BTreeSet::new();
    findings.sort_by(|a, b| {
        let used = |f: &Finding| match &f.detail {
            Detail::Vulnerability(detail) => detail.used,
            _ => UseTier::default(),
        };
        let key = |f: &Finding| (f.kind == Kind::Malicious, f.severity, f.confidence, used(f));
        key(b)
            .cmp(&key(a))
            .then_with(|| (a.kind, &a.location.path, &a.title, &a.id).cmp(&(b.kind, &b.location.path, &b.title, &b.id)))
    });
    findings.retain(|finding| seen.insert(finding.id.clone()));
}

fn target(source: &Source<'_>) -> Target {
    match source {
        Source::Commit(mirror, commit) => {
            let committed_at = commit.and_then(|commit| committed_at(mirror, commit));
            Target::Git {
                url: mirror.location().to_owned(),
                commit: commit.map(|commit| commit.to_string()),
                committed_at,
            }
        }
        Source::Directory(directory) => {
            Target::Directory { path: directory.root().display().to_string(), commit: None }
        }
    }
}

/// `None` for a time that no calendar has; the commit itself could be read.
fn committed_at(mirror: &Mirror, commit: Oid) -> Option<String> {
    let repository = mirror.repository().ok()?;
    let seconds = repository.find_commit(commit).ok()?.time().seconds();
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

fn used(index: &AdvisoryIndex) -> AdvisoriesUsed {
    AdvisoriesUsed {
        records: index.records() as u64,
        modified: index.modified().map(ToString::to_string),
        source: Some(index.source().to_owned()),
        built: Some(index.built().to_owned()),
        feeds: index.feeds().iter().map(|feed| FeedUsed { feed: feed.clone(), age_seconds: None }).collect(),
    }
}
