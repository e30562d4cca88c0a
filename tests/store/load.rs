//! A load on a store: deliveries, jobs with scans, triage and re-match, each said on stdout once it was acknowledged.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::io::Write as _;
use std::path::Path;

use advisories::Severity;
use api::store::record::{
    FindingState, JobKind, JobRecord, LeaseToken, NewJob, NewRepository, Outcome, Priority, RepositoryRecord,
    ScanFinding, ScanId, ScanRecord, ScanSpec, Tenant, Triage, Trigger,
};
use api::store::{Change, Claim, Delivery, FindingsQuery, ScanCommit, Store};
use jiff::{SignedDuration, Timestamp};
use scanner::finding::{Confidence, Detail, Location, PostureDetail};
use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};
use scanner::{Finding, FindingId, Kind, Report};

/// Repositories of the load.
pub const REPOSITORIES: usize = 5;
/// Findings of one scan.
pub const FINDINGS: usize = 15;
/// So that an orphan ends by itself.
const BOUND: usize = 20_000;

/// Opens the store at a path, or at the address of a database.
pub async fn open(place: &str) -> Store {
    if place.starts_with("postgres://") {
        return Store::connect(place).await.unwrap();
    }
    Store::open(Path::new(place)).unwrap()
}

pub async fn repositories(store: &Store) -> Vec<RepositoryRecord> {
    let mut all = Vec::new();
    for number in 0..REPOSITORIES {
        let new = NewRepository {
            tenant: Tenant::default(),
            url: format!("https://git.example.org/acme{}/site{number}", number % 2),
            default_branch: Some("main".into()),
            name: None,
            forge: None,
        };
        all.push(store.register(new, Timestamp::now()).await.unwrap().0);
    }
    all
}

fn job(repository: &RepositoryRecord, number: usize) -> NewJob {
    let reference = format!("refs/heads/b{}", number % 7);
    NewJob {
        tenant: Tenant::default(),
        kind: JobKind::Scan(ScanSpec {
            repository: repository.id.clone(),
            reference: Some(reference.clone()),
            commit: Some(format!("{number:040x}")),
            base: None,
            trigger: Trigger::Push,
        }),
        priority: if number.is_multiple_of(3) { Priority::Sweep } else { Priority::Webhook },
        organisation: repository.organisation.clone(),
        host: repository.host.clone(),
        coalesce: Some(format!("{}|{reference}", repository.id)),
        request_id: format!("r{number}"),
        ready_at: Timestamp::now(),
        sweep: None,
    }
}

pub fn delivery(repositories: &[RepositoryRecord], id: &str, number: usize) -> Delivery {
    Delivery {
        tenant: Tenant::default(),
        source: "github".into(),
        id: id.into(),
        also: vec![],
        request_id: id.into(),
        jobs: vec![job(&repositories[number % repositories.len()], number)],
    }
}

pub fn claim(lease: SignedDuration) -> Claim {
    Claim {
        worker: "load".into(),
        token: LeaseToken::fresh(),
        lease,
        least: Priority::Sweep,
        host_cap: 4,
        running_cap: 8,
        max_attempts: 100_000,
    }
}

pub fn finding(repository: &RepositoryRecord, number: usize) -> Finding {
    let rule = format!("check {number}");
    Finding {
        id: FindingId::of(Kind::Posture, &[repository.id.as_str(), &rule]),
        kind: Kind::Posture,
        severity: [Severity::Low, Severity::Medium, Severity::High][number % 3],
        confidence: Confidence::High,
        title: rule.clone(),
        rule: rule.clone(),
        location: Location::default(),
        detail: Detail::Posture(Box::new(PostureDetail { check: rule, evidence: vec![] })),
        ignored: None,
    }
}

/// A scan of the job's commit. Its findings slide, so that some open, some stay and some are fixed.
pub fn scanned(repository: &RepositoryRecord, job: &JobRecord, token: LeaseToken) -> ScanCommit {
    let JobKind::Scan(spec) = &job.job else { panic!("the load has scans only") };
    let commit = spec.commit.clone().unwrap();
    let first = usize::from_str_radix(&commit[32..], 16).unwrap() % 40;
    let findings = (first..first + FINDINGS).map(|number| finding(repository, number)).collect();
    let mut scan = committed(repository, &commit, findings);
    scan.job = Some((job.id, token));
    scan.scan.job = Some(job.id);
    scan
}

/// A scan of the default branch.
pub fn committed(repository: &RepositoryRecord, commit: &str, findings: Vec<Finding>) -> ScanCommit {
    let report = Report {
        schema_version: 1,
        tool: Tool { name: "t".into(), version: "0".into(), rules_digest: "r".into() },
        target: Target::Git { url: repository.url.clone(), commit: Some(commit.to_owned()), committed_at: None },
        advisories: AdvisoriesUsed::default(),
        complete: true,
        policy: scanner::policy::PolicyLayer::default(),
        inventory: vec![],
        resolved: vec![],
        findings,
        diagnostics: vec![],
        fix_plan: Default::default(),
        stats: Stats::default(),
    };
    let now = Timestamp::now();
    let scan = ScanRecord {
        id: ScanId::fresh(),
        tenant: Tenant::default(),
        repository: repository.id.clone(),
        commit: Some(commit.to_owned()),
        reference: Some("refs/heads/main".into()),
        tracked: true,
        base: None,
        complete: true,
        rules_digest: "r".into(),
        advisories_digest: "a".into(),
        advisories: AdvisoriesUsed::default(),
        job: None,
        request_id: "load".into(),
        started_at: now,
        committed_at: now,
        findings: report.findings.iter().map(ScanFinding::of).collect(),
        gaps: vec![],
        ignores: vec![],
        report_bytes: 0,
    };
    ScanCommit { job: None, scan, report, follow_up: vec![] }
}

fn say(what: &str, id: &dyn std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what} {id}").and_then(|()| out.flush()).unwrap();
}

/// Runs until it is killed.
pub async fn run(place: &str, round: &str) {
    let store = open(place).await;
    let all = repositories(&store).await;
    let mut tasks = Vec::new();
    for lane in 0..3 {
        let (store, all, round) = (store.clone(), all.clone(), round.to_owned());
        tasks.push(tokio::spawn(async move {
            for number in 0..BOUND {
                let id = format!("{round}-{lane}-{number}");
                store.accept_delivery(delivery(&all, &id, number * 3 + lane), Timestamp::now()).await.unwrap();
                say("accepted", &id);
            }
        }));
    }
    for _ in 0..2 {
        tasks.push(tokio::spawn(work(store.clone(), all.clone())));
    }
    tasks.push(tokio::spawn(decide(store.clone())));
    tasks.push(tokio::spawn(rematch(store, all)));
    for task in tasks {
        task.await.unwrap();
    }
}

async fn work(store: Store, all: Vec<RepositoryRecord>) {
    for _ in 0..BOUND {
        let claim = claim(SignedDuration::from_secs(1));
        let token = claim.token;
        let Some(job) = store.claim(claim, Timestamp::now()).await.unwrap() else {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            continue;
        };
        let repository = all.iter().find(|one| job.job.repository() == Some(&one.id)).unwrap();
        let committed = store.commit_scan(scanned(repository, &job, token), Timestamp::now()).await.unwrap();
        if committed.is_some() {
            say("scanned", &job.id);
        }
    }
}

/// Accepts the findings that are open, one after the other.
async fn decide(store: Store) {
    for _ in 0..BOUND {
        let open = FindingsQuery { state: Some(FindingState::Open), limit: 5, ..FindingsQuery::all(Tenant::default()) };
        let page = store.findings(open).await.unwrap();
        for record in page.findings {
            let triage = Triage {
                state: FindingState::Accepted,
                reason: "tolerable_risk".into(),
                until: None,
                actor: "ada".into(),
                at: Timestamp::now(),
            };
            let id = record.finding.id.clone();
            if store.triage(&Tenant::default(), id.as_str(), triage).await.unwrap().is_some() {
                say("decided", &id);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

/// A finding that comes and goes with the advisories.
async fn rematch(store: Store, all: Vec<RepositoryRecord>) {
    for number in 0..BOUND {
        let repository = store.repository(&Tenant::default(), &all[number % all.len()].id).await.unwrap().unwrap();
        if let Some(head) = repository.head_scan {
            let found = finding(&repository, 900 + number % 2);
            let change = if (number / all.len()).is_multiple_of(2) {
                Change { opened: vec![found], withdrawn: vec![] }
            } else {
                Change { opened: vec![], withdrawn: vec![found.id] }
            };
            store.rematch(&Tenant::default(), &repository.id, (head, true), change, Timestamp::now()).await.unwrap();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Takes and ends jobs until none is left.
pub async fn work_off(store: &Store, now: Timestamp) {
    for _ in 0..1_000 {
        let claim = claim(SignedDuration::from_secs(60));
        let token = claim.token;
        let Some(job) = store.claim(claim, now).await.unwrap() else { return };
        store.finish(job.id, token, Outcome::Done, now).await.unwrap();
    }
    panic!("the jobs do not end");
}
