//! The gate under races: pushes, scans, advisories and decisions at the same time, beside a model that does one thing after the other.
//! A pass must be one that some moment between question and answer would have given; when all is quiet, the answer is the model's.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use advisories::Severity;
use api::config::ServerConfig;
use api::gate::held::Question;
use api::gate::{Asked, InForce, State, Verdicts, ask};
use api::jobs::Digests;
use api::store::record::{
    FindingState, NewRepository, RepositoryRecord, ScanFinding, ScanId, ScanRecord, Tenant, Triage,
};
use api::store::{ScanCommit, Store};
use jiff::Timestamp;
use proptest::prelude::*;
use scanner::finding::{Confidence, Detail, Location, PostureDetail};
use scanner::policy::PolicyLayer;
use scanner::report::{AdvisoriesUsed, Report, Stats, Target, Tool};
use scanner::{Finding, FindingId, Kind};

/// Packages are numbers; a set of them is a mask.
type Packages = u8;
const PACKAGES: u8 = 4;

#[derive(Debug, Clone)]
enum Step {
    /// A commit on top of the last one.
    Push(Packages),
    /// The advisories now name these.
    Advisories(Packages),
    Accept(u8),
    TakeBack(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let some = 0..(1u8 << PACKAGES);
    let step = prop_oneof![
        3 => some.clone().prop_map(Step::Push),
        3 => some.prop_map(Step::Advisories),
        2 => (0..PACKAGES).prop_map(Step::Accept),
        2 => (0..PACKAGES).prop_map(Step::TakeBack),
    ];
    prop::collection::vec(step, 6..20)
}

/// What is true at one moment.
#[derive(Debug, Clone, Default)]
struct Moment {
    commits: Vec<Packages>,
    vulnerable: Packages,
    accepted: Packages,
}

impl Moment {
    /// Whether the gate would let this commit through.
    fn passes(&self, commit: usize) -> bool {
        let Some(own) = self.commits.get(commit) else { return false };
        let base = commit.checked_sub(1).map_or(0, |base| self.commits[base]);
        own & !base & self.vulnerable & !self.accepted == 0
    }
}

struct World {
    store: Store,
    tenant: Tenant,
    repository: RepositoryRecord,
    config: ServerConfig,
    /// What REST remembers.
    verdicts: Verdicts<State>,
    /// The advisories in force: which packages they name, and their edition.
    advisories: Mutex<(Packages, usize)>,
    /// One for each step done, the beginning first.
    moments: Mutex<Vec<Moment>>,
    /// Steps begun.
    begun: AtomicUsize,
    over: AtomicBool,
}

impl World {
    fn digests(&self) -> Digests {
        let edition = self.advisories.lock().expect("advisories").1;
        Digests { rules: "rules".to_owned(), advisories: edition.to_string() }
    }

    fn now(&self) -> Moment {
        self.moments.lock().expect("moments").last().expect("the beginning").clone()
    }

    fn commits(&self) -> usize {
        self.now().commits.len()
    }

    async fn step(&self, step: &Step) {
        let mut next = self.now();
        self.begun.fetch_add(1, Ordering::SeqCst);
        match step {
            Step::Push(packages) => next.commits.push(*packages),
            Step::Advisories(packages) => {
                let mut advisories = self.advisories.lock().expect("advisories");
                *advisories = (*packages, advisories.1 + 1);
                next.vulnerable = *packages;
            }
            Step::Accept(package) => {
                if self.decide(*package, FindingState::Accepted).await {
                    next.accepted |= 1 << package;
                }
            }
            Step::TakeBack(package) => {
                if self.decide(*package, FindingState::Open).await {
                    next.accepted &= !(1 << package);
                }
            }
        }
        self.moments.lock().expect("moments").push(next);
    }

    /// False when nobody has seen the finding yet.
    async fn decide(&self, package: u8, state: FindingState) -> bool {
        let triage =
            Triage { state, reason: "model".to_owned(), until: None, actor: "model".to_owned(), at: Timestamp::now() };
        let decided = self.store.triage(&self.tenant, finding(package).id.as_str(), triage).await.expect("triage");
        decided.is_some_and(|decided| decided.is_ok())
    }

    /// Scans a commit as a worker does: first says with what it looks, then looks, then commits.
    async fn scan(&self, commit: usize, pause: bool) {
        let digests = self.digests();
        let (vulnerable, packages) = (self.advisories.lock().expect("advisories").0, self.now().commits[commit]);
        if pause {
            tokio::task::yield_now().await;
        }
        let found = (0..PACKAGES).filter(|package| packages & vulnerable & (1 << package) != 0).map(finding).collect();
        let report = report(found);
        let now = Timestamp::now();
        let scan = ScanRecord {
            id: ScanId::fresh(),
            tenant: self.tenant.clone(),
            repository: self.repository.id.clone(),
            commit: Some(name(commit)),
            reference: Some("refs/heads/main".to_owned()),
            tracked: commit + 1 == self.commits(),
            base: commit.checked_sub(1).map(name),
            complete: true,
            rules_digest: digests.rules,
            advisories_digest: digests.advisories,
            advisories: AdvisoriesUsed::default(),
            job: None,
            request_id: "model".to_owned(),
            started_at: now,
            committed_at: now,
            findings: report.findings.iter().map(ScanFinding::of).collect(),
            gaps: vec![],
            ignores: vec![],
            report_bytes: 0,
        };
        self.store
            .commit_scan(ScanCommit { job: None, scan, report, follow_up: vec![] }, now)
            .await
            .expect("committed");
    }

    async fn ask(&self, commit: usize) -> Option<State> {
        let (tenant, repository) = (self.repository.tenant.clone(), self.repository.id.clone());
        let question = Question { tenant, repository, commit: name(commit), fail_on: String::new() };
        let open = match self.verdicts.of(question, &self.store, self.digests()) {
            Ok(state) => return Some(state),
            Err(open) => open,
        };
        let digests = || self.digests();
        let in_force = InForce { digests: &digests, feeds: &[] };
        let asked = ask(&self.store, &self.config, &self.repository, &name(commit), None, &in_force).await;
        match asked.expect("asked") {
            Asked::Known(known) => {
                let state = known.judge().state;
                self.verdicts.keep(*open, &known, state, 1);
                Some(state)
            }
            Asked::Lacking(_) => None,
        }
    }
}

fn name(commit: usize) -> String {
    format!("{commit:040x}")
}

fn finding(package: u8) -> Finding {
    let name = format!("package {package}");
    Finding {
        id: FindingId::of(Kind::Posture, &[&name]),
        kind: Kind::Posture,
        severity: Severity::High,
        confidence: Confidence::High,
        title: name.clone(),
        rule: "model".to_owned(),
        location: Location::default(),
        detail: Detail::Posture(Box::new(PostureDetail { check: "model".to_owned(), evidence: vec![] })),
        ignored: None,
    }
}

fn report(findings: Vec<Finding>) -> Report {
    Report {
        schema_version: 1,
        tool: Tool { name: "secretarybird".to_owned(), version: "0".to_owned(), rules_digest: "rules".to_owned() },
        target: Target::Git { url: "https://git.example.org/a".to_owned(), commit: None, committed_at: None },
        advisories: AdvisoriesUsed::default(),
        complete: true,
        policy: PolicyLayer::default(),
        fix_plan: scanner::fix::plan::FixPlan::default(),
        resolved: vec![],
        inventory: vec![],
        findings,
        diagnostics: vec![],
        stats: Stats::default(),
    }
}

async fn world(store: Store) -> Arc<World> {
    let tenant = Tenant::default();
    let new = NewRepository {
        tenant: tenant.clone(),
        url: "https://git.example.org/a".to_owned(),
        default_branch: Some("main".to_owned()),
        name: None,
        forge: None,
    };
    let repository = store.register(new, Timestamp::now()).await.expect("registered").0;
    let beginning = Moment { commits: vec![0], ..Moment::default() };
    let world = World {
        store,
        tenant,
        repository,
        config: ServerConfig::default(),
        verdicts: Verdicts::default(),
        advisories: Mutex::new((0, 0)),
        moments: Mutex::new(vec![beginning]),
        begun: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    };
    Arc::new(world)
}

/// Scans whatever lacks a scan, in the order of a simple hash, and now and then what has one, until told to stop.
async fn work(world: Arc<World>, seed: usize) {
    let mut turn = seed;
    let mut scanned = BTreeSet::new();
    while !world.over.load(Ordering::SeqCst) {
        turn = turn.wrapping_mul(31).wrapping_add(7);
        let what = (turn % world.commits(), world.digests().advisories);
        if !scanned.insert(what) && !turn.is_multiple_of(8) {
            // without a pause between writes nothing would be remembered
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            continue;
        }
        world.scan(turn % world.commits(), turn.is_multiple_of(3)).await;
        tokio::task::yield_now().await;
    }
}

/// Asks about every commit in turn, and holds each pass against the moments that there were.
async fn question(world: Arc<World>, seed: usize) -> Result<usize, String> {
    let (mut turn, mut passes) = (seed, 0);
    while !world.over.load(Ordering::SeqCst) {
        // an answer that is remembered waits for nothing, and would keep the steps from being done
        tokio::task::yield_now().await;
        turn = turn.wrapping_mul(17).wrapping_add(3);
        let commit = turn % world.commits();
        let first = world.moments.lock().expect("moments").len() - 1;
        let state = world.ask(commit).await;
        let last = world.begun.load(Ordering::SeqCst);
        if state != Some(State::Pass) {
            tokio::task::yield_now().await;
            continue;
        }
        passes += 1;
        // a step that had begun may have had its effect already: its moment is written down soon
        while world.moments.lock().expect("moments").len() <= last {
            tokio::task::yield_now().await;
        }
        let moments = world.moments.lock().expect("moments");
        if !moments[first..=last].iter().any(|moment| moment.passes(commit)) {
            return Err(format!("commit {commit} passed, and at no moment of {:?} it would", &moments[first..=last]));
        }
    }
    Ok(passes)
}

async fn run(store: Store, steps: Vec<Step>) -> Result<usize, String> {
    let world = world(store).await;
    let workers: Vec<_> = (1..=2).map(|seed| tokio::spawn(work(Arc::clone(&world), seed))).collect();
    let askers: Vec<_> = (1..=3).map(|seed| tokio::spawn(question(Arc::clone(&world), seed))).collect();
    for step in &steps {
        world.step(step).await;
        // a few scans and answers between two steps
        tokio::time::sleep(std::time::Duration::from_millis(8)).await;
    }
    world.over.store(true, Ordering::SeqCst);
    for worker in workers {
        worker.await.map_err(|error| error.to_string())?;
    }
    let mut passes = 0;
    for asker in askers {
        passes += asker.await.map_err(|error| error.to_string())??;
    }
    // quiet: every commit is scanned with what is in force, and the answer is the model's
    let end = world.now();
    for commit in 0..end.commits.len() {
        world.scan(commit, false).await;
    }
    for commit in 0..end.commits.len() {
        let expected = if end.passes(commit) { State::Pass } else { State::Fail };
        let state = world.ask(commit).await;
        if state != Some(expected) {
            return Err(format!("commit {commit} of {end:?}: {state:?} and not {expected:?}"));
        }
    }
    Ok(passes)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().expect("a runtime")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_pass_is_true_at_some_moment_of_the_question(steps in steps()) {
        let directory = tempfile::tempdir().expect("directory");
        let ended = runtime().block_on(async { run(Store::open(directory.path()).expect("a store"), steps).await });
        prop_assert!(ended.is_ok(), "{}", ended.err().unwrap_or_default());
    }
}

#[cfg(feature = "real-parts")]
#[path = "../postgres/cluster.rs"]
mod cluster;

#[cfg(feature = "real-parts")]
mod on_postgres {
    use std::sync::LazyLock;

    use super::*;

    /// Ends with the process.
    static CLUSTER: LazyLock<cluster::Cluster> = LazyLock::new(cluster::Cluster::start);

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 8, ..ProptestConfig::default() })]

        #[test]
        fn a_pass_is_true_at_some_moment_of_the_question(steps in steps()) {
            let database = CLUSTER.database();
            let ended = runtime().block_on(async {
                run(Store::connect(&database).await.expect("a store"), steps).await
            });
            prop_assert!(ended.is_ok(), "{}", ended.err().unwrap_or_default());
        }
    }
}
