//! The store keeps its word: `kill -9` at random points under load of deliveries, scans, triage and re-match; a disk that is full; a byte
//! that is flipped.
//!
//! `SECRETARYBIRD_CRASHES` says how often to kill (default 10).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod faults;
mod load;

#[cfg(feature = "real-parts")]
#[path = "../postgres/cluster.rs"]
mod cluster;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use api::store::record::{FindingState, JobState, ScanId, Tenant};
use api::store::{FindingsQuery, Store};
use jiff::{SignedDuration, Timestamp};
use scanner::Report;

const CHILD: &str = "SECRETARYBIRD_CRASH_CHILD";

/// What a child managed to say before it was killed.
#[derive(Default)]
struct Acknowledged {
    accepted: Vec<String>,
    scanned: Vec<String>,
    decided: BTreeSet<String>,
}

/// Kills a child at a point that `spread` chooses, and takes the lines that it managed to say whole.
fn kill_one(test: &str, place: &str, round: usize, spread: u64, said: &mut Acknowledged) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CHILD, place)
        .env("SECRETARYBIRD_CRASH_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = child.stdout.take().unwrap();
    // some die young; the others have committed a scan, however slow the machine is
    let awaited = if round.is_multiple_of(2) { "accepted " } else { "scanned " };
    let (begun, begins) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if line.starts_with(awaited) {
                let _ = begun.send(());
            }
            lines.push(line);
        }
        lines
    });
    // it opens the store first; a bounded wait, for a child that fails says nothing
    let _ = begins.recv_timeout(Duration::from_secs(60));
    std::thread::sleep(Duration::from_millis(100 + spread));
    // SIGKILL on Unix
    child.kill().unwrap();
    child.wait().unwrap();
    let mut lines = reader.join().unwrap();
    // the last line may have been cut by the kill
    lines.pop();
    for line in lines {
        match line.split_once(' ') {
            Some(("accepted", id)) => said.accepted.push(id.to_owned()),
            Some(("scanned", id)) => said.scanned.push(id.to_owned()),
            Some(("decided", id)) => {
                said.decided.insert(id.to_owned());
            }
            _ => {}
        }
    }
}

/// Whether everything that is kept is whole.
async fn sound(store: &Store, context: &str) {
    let verified = store.verify().await.unwrap();
    assert_eq!(verified.problems, [], "{context}");
    assert_eq!(verified.indexed, verified.index_rows, "{context}: no index row is left over");
}

/// No finding twice, no half-written scan, no job committed twice.
async fn whole(store: &Store) -> BTreeMap<String, usize> {
    let mut ids = BTreeSet::new();
    let mut query = FindingsQuery { limit: 500, ..FindingsQuery::all(Tenant::default()) };
    loop {
        let page = store.findings(query.clone()).await.unwrap();
        for record in page.findings {
            assert!(ids.insert(record.finding.id.clone()), "{} is listed twice", record.finding.id);
        }
        query.after = page.next;
        if query.after.is_none() {
            break;
        }
    }
    let mut by_job = BTreeMap::new();
    for repository in load::repositories(store).await {
        let mut after: Option<ScanId> = None;
        loop {
            let page = store.scans(&repository.tenant, &repository.id, after, 500).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            for scan in &page {
                let report =
                    store.report(&repository.tenant, scan.id).await.unwrap().expect("every scan has its report");
                let report: Report = serde_json::from_slice(&report).unwrap();
                assert_eq!(report.findings.len(), load::FINDINGS);
                *by_job.entry(scan.job.unwrap().to_string()).or_default() += 1;
            }
        }
        let head = repository.head_scan;
        if let Some(head) = head {
            for found in store.scan(&repository.tenant, head).await.unwrap().unwrap().findings {
                let record = store.finding(&repository.tenant, found.id.as_str()).await.unwrap().unwrap();
                assert!(record.state != FindingState::Fixed, "the head has it: {record:?}");
            }
        }
    }
    by_job
}

fn crashes(test: &str, place: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if let Ok(place) = std::env::var(CHILD) {
        let round = std::env::var("SECRETARYBIRD_CRASH_ROUND").unwrap();
        return runtime.block_on(load::run(&place, &round));
    }
    let crashes: usize = std::env::var("SECRETARYBIRD_CRASHES")
        .map_or(10, |text| text.parse().expect("SECRETARYBIRD_CRASHES: a number"));
    let mut said = Acknowledged::default();
    for round in 0..crashes {
        let spread = u64::from(blake3::hash(&round.to_be_bytes()).as_bytes()[0]) * 2;
        kill_one(test, place, round, spread, &mut said);
        runtime.block_on(async { sound(&load::open(place).await, &format!("round {round}")).await });
    }
    runtime.block_on(async {
        let store = load::open(place).await;
        let all = load::repositories(&store).await;
        let tenant = Tenant::default();
        for (number, id) in said.accepted.iter().enumerate() {
            let again = store.accept_delivery(load::delivery(&all, id, number), Timestamp::now()).await.unwrap();
            assert!(again.duplicate, "the acknowledged delivery {id} was lost");
        }
        let by_job = whole(&store).await;
        for id in &said.scanned {
            let job = store.job(&tenant, id.parse().unwrap()).await.unwrap().expect("the job is kept");
            assert_eq!(job.state, JobState::Done, "{id}");
            assert_eq!(by_job.get(id), Some(&1), "the acknowledged scan of job {id}, once");
        }
        assert!(by_job.values().all(|count| *count == 1), "a job's result is committed once");
        for id in &said.decided {
            let record = store.finding(&tenant, id).await.unwrap().expect("a decided finding is kept");
            assert!(record.triage.is_some(), "the acknowledged decision about {id} was lost");
        }
        // every job ends: what the dead held comes back when its lease has run out
        load::work_off(&store, Timestamp::now() + SignedDuration::from_secs(5)).await;
        let sizes = store.sizes(&tenant).await.unwrap();
        let open = [JobState::Ready, JobState::Running, JobState::Dead].map(|state| sizes.jobs_in(state));
        assert_eq!(open, [0, 0, 0], "ready, running, dead");
        sound(&store, "at the end").await;
    });
    let Acknowledged { accepted, scanned, decided } = said;
    assert!(accepted.len() > crashes && scanned.len() > crashes, "the load was too small to mean anything");
    println!(
        "{crashes} kills: {} deliveries, {} scans and {} decisions acknowledged, none lost",
        accepted.len(),
        scanned.len(),
        decided.len()
    );
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    let directory = tempfile::tempdir().unwrap();
    crashes("nothing_acknowledged_is_lost_to_kill_9", directory.path().to_str().unwrap());
}

#[cfg(feature = "real-parts")]
#[test]
fn nothing_acknowledged_is_lost_to_kill_9_on_postgresql() {
    // a child works on its parent's database
    if std::env::var_os(CHILD).is_some() {
        return crashes("", "");
    }
    let cluster = cluster::Cluster::start();
    crashes("nothing_acknowledged_is_lost_to_kill_9_on_postgresql", &cluster.database());
}
