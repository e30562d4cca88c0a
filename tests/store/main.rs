//! The store keeps its word: `kill -9` at random points under load of deliveries and ending jobs.
//!
//! `SECRETARYBIRD_CRASHES` says how often to kill (default 10).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests stand outside of #[test] functions"
)]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use api::store::record::{
    JobKind, JobState, LeaseToken, NewJob, NewRepository, Outcome, Priority, RepositoryRecord, ScanSpec, Tenant,
    Trigger,
};
use api::store::{Claim, Delivery, Store};
use jiff::{SignedDuration, Timestamp};

const CHILD: &str = "SECRETARYBIRD_CRASH_CHILD";

fn job(repository: &RepositoryRecord, number: usize) -> NewJob {
    NewJob {
        tenant: Tenant::default(),
        kind: JobKind::Scan(ScanSpec {
            repository: repository.id.clone(),
            reference: Some(format!("refs/heads/b{}", number % 7)),
            commit: Some(format!("{number:040x}")),
            base: None,
            trigger: Trigger::Push,
        }),
        priority: Priority::Webhook,
        organisation: repository.organisation.clone(),
        host: repository.host.clone(),
        coalesce: Some(format!("{}|b{}", repository.id, number % 7)),
        request_id: format!("r{number}"),
        ready_at: Timestamp::now(),
        sweep: None,
    }
}

async fn repository(store: &Store) -> RepositoryRecord {
    let new = NewRepository {
        tenant: Tenant::default(),
        url: "https://git.example.org/acme/site".into(),
        default_branch: None,
        name: None,
        forge: None,
    };
    store.register(new, Timestamp::now()).await.unwrap().0
}

fn delivery(repository: &RepositoryRecord, id: &str, number: usize) -> Delivery {
    Delivery {
        tenant: Tenant::default(),
        source: "github".into(),
        id: id.into(),
        also: vec![],
        request_id: id.into(),
        jobs: vec![job(repository, number)],
    }
}

/// Accepts deliveries and works jobs off until it is killed; says on stdout what was acknowledged, after it was.
async fn load(directory: &Path, round: &str) {
    let store = Store::open(directory).unwrap();
    let site = repository(&store).await;
    let mut tasks = Vec::new();
    for lane in 0..4 {
        let (store, site, round) = (store.clone(), site.clone(), round.to_owned());
        tasks.push(tokio::spawn(async move {
            // bounded, so that an orphan ends by itself
            for number in 0..20_000 {
                let id = format!("{round}-{lane}-{number}");
                store.accept_delivery(delivery(&site, &id, number), Timestamp::now()).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "accepted {id}").and_then(|()| out.flush()).unwrap();
            }
        }));
    }
    tasks.push(tokio::spawn(async move {
        for _ in 0..20_000 {
            let claim = Claim {
                worker: "child".into(),
                token: LeaseToken::fresh(),
                lease: SignedDuration::from_secs(1),
                least: Priority::Sweep,
                host_cap: 4,
                running_cap: 4,
                max_attempts: 1_000,
            };
            let token = claim.token;
            if let Some(job) = store.claim(claim, Timestamp::now()).await.unwrap() {
                store.finish(job.id, token, Outcome::Done, Timestamp::now()).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "done {}", job.id).and_then(|()| out.flush()).unwrap();
            }
        }
    }));
    for task in tasks {
        task.await.unwrap();
    }
}

/// Kills a child at a point that `spread` chooses, and gives the lines that it managed to say whole.
fn kill_one(directory: &Path, round: usize, spread: u64) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_acknowledged_is_lost_to_kill_9", "--nocapture"])
        .env(CHILD, directory)
        .env("SECRETARYBIRD_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    let reader = std::thread::spawn(move || {
        let whole = |line: &String| line.starts_with("accepted ") || line.starts_with("done ");
        BufReader::new(out).lines().map_while(Result::ok).filter(whole).collect::<Vec<_>>()
    });
    std::thread::sleep(Duration::from_millis(250 + spread));
    // SIGKILL on Unix
    child.kill().unwrap();
    child.wait().unwrap();
    let mut lines = reader.join().unwrap();
    // the last line may have been cut by the kill
    lines.pop();
    lines
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(CHILD) {
        let round = std::env::var("SECRETARYBIRD_CRASH_ROUND").unwrap();
        return runtime.block_on(load(Path::new(&directory), &round));
    }
    let crashes: usize = std::env::var("SECRETARYBIRD_CRASHES")
        .map_or(10, |text| text.parse().expect("SECRETARYBIRD_CRASHES: a number"));
    let directory = tempfile::tempdir().unwrap();
    let (mut accepted, mut done) = (Vec::new(), Vec::new());
    for round in 0..crashes {
        let spread = u64::from(blake3::hash(&round.to_be_bytes()).as_bytes()[0]) * 2;
        for line in kill_one(directory.path(), round, spread) {
            match line.split_once(' ').unwrap() {
                ("accepted", id) => accepted.push(id.to_owned()),
                (_, id) => done.push(id.to_owned()),
            }
        }
        runtime.block_on(async {
            let store = Store::open(directory.path()).unwrap();
            assert_eq!(store.verify().await.unwrap().problems, [], "round {round}");
        });
    }
    runtime.block_on(async {
        let store = Store::open(directory.path()).unwrap();
        let site = repository(&store).await;
        for (number, id) in accepted.iter().enumerate() {
            let again = store.accept_delivery(delivery(&site, id, number), Timestamp::now()).await.unwrap();
            assert!(again.duplicate, "the acknowledged delivery {id} was lost");
        }
        for id in &done {
            let job = store.job(&site.tenant, id.parse().unwrap()).await.unwrap().expect("the job is kept");
            assert_eq!(job.state, JobState::Done, "{id}");
        }
        // every job ends: what the dead held comes back when its lease has run out
        let later = Timestamp::now() + SignedDuration::from_secs(5);
        for _ in 0..100 {
            let claim = Claim {
                worker: "parent".into(),
                token: LeaseToken::fresh(),
                lease: SignedDuration::from_secs(60),
                least: Priority::Sweep,
                host_cap: 4,
                running_cap: 4,
                max_attempts: 1_000,
            };
            let token = claim.token;
            let Some(job) = store.claim(claim, later).await.unwrap() else { break };
            store.finish(job.id, token, Outcome::Done, later).await.unwrap();
        }
        let sizes = store.sizes(&site.tenant).await.unwrap();
        let open = [JobState::Ready, JobState::Running, JobState::Dead].map(|state| sizes.jobs_in(state));
        assert_eq!(open, [0, 0, 0], "ready, running, dead");
        assert_eq!(store.verify().await.unwrap().problems, []);
    });
    assert!(accepted.len() > crashes && done.len() > crashes, "the load was too small to mean anything");
    println!("{crashes} kills: {} deliveries and {} ends acknowledged, none lost", accepted.len(), done.len());
}
