//! Workers and sweeps over real git repositories and the real store. Only the scanner is replaced, by one that reports what the tree holds.

use std::path::Path;
use std::sync::atomic::AtomicUsize;

use advisories::Severity;
use scanner::finding::{Confidence, Detail, Finding, FindingId, Kind, Location, PostureDetail};
use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};

use super::*;
use crate::store::FindingsQuery;
use crate::store::record::{
    ErrorClass, JobId, JobKind, JobState, NewJob, NewRepository, Priority, ScanSpec, SweepId, SweepState, Trigger,
};

/// Reports every file of the tree as a finding.
#[derive(Default)]
struct Files(AtomicUsize);

impl Look for Files {
    fn digests(&self) -> Digests {
        Digests { rules: "r".into(), advisories: "a".into() }
    }

    fn feeds(&self) -> Vec<FeedFact> {
        Vec::new()
    }

    fn look(
        &self,
        repository: &RepositoryRecord,
        prepared: &Prepared,
        _: Timestamp,
        _: Stop<'_>,
    ) -> Result<Report, RunError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        let commit = prepared.commit.unwrap();
        let snapshot = scanner::repository::GitSnapshot::open(&prepared.mirror, commit)?;
        let finding = |entry: &scanner::repository::Entry| Finding {
            id: FindingId::of(Kind::Posture, &[repository.id.as_str(), &entry.path]),
            kind: Kind::Posture,
            severity: Severity::Low,
            confidence: Confidence::High,
            title: entry.path.clone(),
            rule: "file".into(),
            location: Location { path: Some(entry.path.clone()), ..Location::default() },
            detail: Detail::Posture(Box::new(PostureDetail { check: "file".into(), evidence: vec![] })),
            ignored: None,
        };
        Ok(Report {
            schema_version: 1,
            tool: Tool { name: "t".into(), version: "0".into(), rules_digest: "r".into() },
            target: Target::Git { url: repository.url.clone(), commit: Some(commit.to_string()), committed_at: None },
            advisories: AdvisoriesUsed::default(),
            complete: true,
            policy: scanner::policy::PolicyLayer::default(),
            inventory: vec![],
            resolved: vec![],
            findings: scanner::repository::Snapshot::entries(&snapshot).iter().map(finding).collect(),
            diagnostics: vec![],
            fix_plan: Default::default(),
            stats: Stats::default(),
        })
    }
}

/// Looks until it is told to stop, and keeps that it was.
#[derive(Default)]
struct Endless(AtomicUsize);

impl Look for Endless {
    fn digests(&self) -> Digests {
        Digests { rules: "r".into(), advisories: "a".into() }
    }

    fn feeds(&self) -> Vec<FeedFact> {
        Vec::new()
    }

    fn look(&self, _: &RepositoryRecord, _: &Prepared, _: Timestamp, stop: Stop<'_>) -> Result<Report, RunError> {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_secs(60) {
            if stop.is_asked() {
                self.0.fetch_add(1, Ordering::SeqCst);
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(scanner::repository::RepositoryError::Cancelled.into())
    }
}

fn commit(directory: &Path, file: &str) -> String {
    let git = git2::Repository::init_opts(directory, git2::RepositoryInitOptions::new().initial_head("main")).unwrap();
    std::fs::write(directory.join(file), file).unwrap();
    let mut index = git.index().unwrap();
    index.add_path(Path::new(file)).unwrap();
    let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
    index.write().unwrap();
    let author = git2::Signature::new("A", "a@example.org", &git2::Time::new(1_700_000_000, 0)).unwrap();
    let parent = git.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    git.commit(Some("HEAD"), &author, &author, file, &tree, &parents).unwrap().to_string()
}

struct Bench {
    directory: tempfile::TempDir,
    store: Store,
    look: Arc<Files>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(&directory.path().join("store")).unwrap();
        Self { directory, store, look: Arc::default() }
    }

    fn config(&self) -> ServerConfig {
        let mut config = ServerConfig { data_dir: self.directory.path().join("data"), ..ServerConfig::default() };
        config.sweep.cron = String::new();
        config.reach.allow_directories = vec![self.directory.path().to_owned()];
        config
    }

    fn start(&self) -> Jobs {
        Jobs::start_with(&self.config(), self.store.clone(), Arc::clone(&self.look) as Arc<dyn Look>).unwrap()
    }

    async fn repository(&self, name: &str) -> RepositoryRecord {
        let url = format!("file://{}", self.directory.path().join(name).display());
        let new = NewRepository { tenant: Tenant::default(), url, default_branch: None, name: None, forge: None };
        self.store.register(new, Timestamp::now()).await.unwrap().0
    }

    async fn ask(&self, repository: &RepositoryRecord, kind: JobKind) -> JobId {
        let new = NewJob {
            tenant: Tenant::default(),
            kind,
            priority: Priority::Ci,
            organisation: repository.organisation.clone(),
            host: repository.host.clone(),
            coalesce: None,
            request_id: "r".into(),
            ready_at: Timestamp::now(),
            sweep: None,
        };
        self.store.enqueue(new, Timestamp::now()).await.unwrap().id()
    }

    async fn ended(&self, id: JobId) -> crate::store::record::JobRecord {
        for _ in 0..600 {
            let job = self.store.job(&Tenant::default(), id).await.unwrap().unwrap();
            if job.state.is_final() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the job did not end");
    }
}

fn scan(repository: &RepositoryRecord, reference: Option<&str>, commit: Option<&str>, base: Option<&str>) -> JobKind {
    JobKind::Scan(ScanSpec {
        repository: repository.id.clone(),
        reference: reference.map(str::to_owned),
        commit: commit.map(str::to_owned),
        base: base.map(str::to_owned),
        trigger: Trigger::Rest,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_is_committed_once_judged_against_its_base_and_not_done_twice() {
    let bench = Bench::new();
    let tree = bench.directory.path().join("site");
    let one = commit(&tree, "a");
    let two = commit(&tree, "b");
    let site = bench.repository("site").await;
    let jobs = bench.start();
    let first = bench.ended(bench.ask(&site, scan(&site, Some("refs/heads/main"), Some(&two), None)).await).await;
    assert_eq!((first.state, &first.error), (JobState::Done, &None));
    let kept = bench.store.scan(&site.tenant, first.scan.unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.commit.as_deref(), kept.base.as_deref(), kept.tracked), (Some(&*two), Some(&*one), true));
    let found = bench.store.findings(FindingsQuery::all(site.tenant.clone())).await.unwrap().findings;
    assert_eq!(found.len(), 2);

    let again = bench.ended(bench.ask(&site, scan(&site, Some("refs/heads/main"), Some(&two), None)).await).await;
    assert_eq!((again.state, bench.look.0.load(Ordering::SeqCst)), (JobState::Done, 1), "nothing is scanned again");

    let old = bench.ended(bench.ask(&site, scan(&site, None, Some(&one), None)).await).await;
    let kept = bench.store.scan(&site.tenant, old.scan.unwrap()).await.unwrap().unwrap();
    assert_eq!((kept.tracked, kept.base), (false, None), "an old commit closes nothing");
    let found = bench.store.findings(FindingsQuery::all(site.tenant.clone())).await.unwrap().findings;
    assert!(found.iter().all(|found| found.state.is_open()), "{found:?}");

    let none = "0123456789012345678901234567890123456789";
    let dead = bench.ended(bench.ask(&site, scan(&site, None, Some(none), None)).await).await;
    assert_eq!((dead.state, dead.attempts, dead.error.unwrap().class), (JobState::Dead, 1, ErrorClass::NotFound));
    jobs.shutdown(Duration::from_secs(10)).await;
    assert_eq!(bench.store.verify().await.unwrap().problems, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_lists_everything_and_scans_what_moved() {
    let bench = Bench::new();
    let mut all = Vec::new();
    for name in ["o/a", "o/b", "o/c"] {
        commit(&bench.directory.path().join(name), "x");
        all.push(bench.repository(name).await);
    }
    let gone = bench.repository("o/gone").await;
    let jobs = bench.start();
    let sweep = async |expected: (u64, u64, u64)| {
        let id = SweepId::fresh();
        let job = bench.ended(bench.ask(&all[0], JobKind::Sweep { sweep: id }).await).await;
        assert_eq!(job.state, JobState::Done);
        let record = bench.store.sweep(&Tenant::default(), id).await.unwrap().unwrap();
        assert_eq!((record.listed, record.changed, record.failed), expected, "{record:?}");
        assert_eq!((record.state, &record.failures[0].0), (SweepState::Done, &gone.id));
        for _ in 0..600 {
            let sizes = bench.store.sizes(&Tenant::default()).await.unwrap();
            if sizes.jobs_in(JobState::Ready) + sizes.jobs_in(JobState::Running) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the scans did not end");
    };
    sweep((3, 3, 1)).await;
    assert_eq!(bench.look.0.load(Ordering::SeqCst), 3);
    sweep((3, 0, 1)).await;
    commit(&bench.directory.path().join("o/b"), "y");
    sweep((3, 1, 1)).await;
    assert_eq!(bench.look.0.load(Ordering::SeqCst), 4);
    jobs.shutdown(Duration::from_secs(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_whose_time_is_over_is_told_to_stop_and_tried_again_later() {
    let bench = Bench::new();
    commit(&bench.directory.path().join("site"), "a");
    let site = bench.repository("site").await;
    let mut config = bench.config();
    config.jobs.minutes = 0;
    let look = Arc::new(Endless::default());
    let jobs = Jobs::start_with(&config, bench.store.clone(), Arc::clone(&look) as Arc<dyn Look>).unwrap();
    let id = bench.ask(&site, scan(&site, None, None, None)).await;
    let begun = std::time::Instant::now();
    let job = loop {
        let job = bench.store.job(&site.tenant, id).await.unwrap().unwrap();
        if job.error.is_some() && look.0.load(Ordering::SeqCst) == 1 {
            break job;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{job:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((job.state, job.error.unwrap().class), (JobState::Ready, ErrorClass::TimedOut));
    assert!(job.ready_at > Timestamp::now(), "not at once");
    jobs.shutdown(Duration::from_secs(10)).await;
}
