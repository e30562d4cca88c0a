//! The store at scale: pages of lists and what a gate asks, while a worker writes. Prints what it measured; judges nothing.
//!
//! `SECRETARYBIRD_SCALE` says how many repositories, of a hundred findings each (default 200; ten thousand are the target's million);
//! `SECRETARYBIRD_SCALE_STORE` names an empty PostgreSQL database instead of the embedded store.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs,
    reason = "a program that measures"
)]

#[path = "../../store/load.rs"]
mod load;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use advisories::Severity;
use api::store::record::{FindingState, NewRepository, Outcome, RepositoryRecord, Tenant};
use api::store::{Claim, FindingsQuery, Store};
use jiff::{SignedDuration, Timestamp};
use scanner::Kind;

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FINDINGS: usize = 100;
const ASKED: usize = 2_000;
/// Commits under way while the store is filled.
const AT_ONCE: usize = 32;

/// The query of a turn.
type Ask = Box<dyn Fn(usize) -> FindingsQuery>;

#[tokio::main]
async fn main() {
    let count: usize =
        std::env::var("SECRETARYBIRD_SCALE").map_or(200, |text| text.parse().expect("SECRETARYBIRD_SCALE: a number"));
    let directory = tempfile::tempdir().unwrap();
    let embedded = directory.path().to_str().unwrap().to_owned();
    let store = load::open(&std::env::var("SECRETARYBIRD_SCALE_STORE").unwrap_or(embedded)).await;
    let begun = Instant::now();
    let all = Arc::new(fill(&store, count).await);
    println!(
        "{} findings in {count} repositories, written in {:.0} s",
        count * FINDINGS,
        begun.elapsed().as_secs_f64()
    );
    memory("after filling");
    let sizes = store.sizes(&Tenant::default()).await.unwrap();
    println!("{:.0} MB on the disk", sizes.bytes as f64 / 1e6);

    let stop = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicUsize::new(0));
    let writer = {
        let (store, all, stop, written) = (store.clone(), Arc::clone(&all), Arc::clone(&stop), Arc::clone(&written));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let number = written.fetch_add(1, Ordering::Relaxed);
                let repository = &all[number % all.len()];
                let findings = (number % 7..FINDINGS).map(|number| load::finding(repository, number)).collect();
                let scan = load::committed(repository, &format!("{:040x}", number + 1_000_000), findings);
                store.commit_scan(scan, Timestamp::now()).await.unwrap();
            }
        })
    };
    let base = || FindingsQuery { limit: 50, ..FindingsQuery::all(Tenant::default()) };
    let lists: [(&str, Ask); 6] = [
        ("all", Box::new(move |_| base())),
        (
            "open, high",
            Box::new(move |_| FindingsQuery {
                state: Some(FindingState::Open),
                severity: Some(Severity::High),
                ..base()
            }),
        ),
        ("of a severity", Box::new(move |_| FindingsQuery { severity: Some(Severity::Medium), ..base() })),
        ("of a kind", Box::new(move |_| FindingsQuery { kind: Some(Kind::Posture), ..base() })),
        (
            "of a rule",
            Box::new(move |number| FindingsQuery { rule: Some(format!("check {}", number % FINDINGS)), ..base() }),
        ),
        ("of a repository", {
            let all = Arc::clone(&all);
            Box::new(move |number| FindingsQuery {
                repository: Some(all[number * 7919 % all.len()].id.clone()),
                ..base()
            })
        }),
    ];
    for (name, query) in lists {
        let mut times = Vec::new();
        let mut after = None;
        for number in 0..ASKED {
            // page after page, so that the middle of a list is asked for too
            let query = FindingsQuery { after: after.take(), ..query(number) };
            let follows = query.rule.is_none() && query.repository.is_none();
            let asked = Instant::now();
            let page = store.findings(query).await.unwrap();
            times.push(asked.elapsed());
            after = page.next.filter(|_| follows);
        }
        print(&format!("page {name}"), times);
    }
    let mut times = Vec::new();
    for number in 0..ASKED {
        let repository = &all[number * 7919 % all.len()];
        let asked = Instant::now();
        let (commit, now) = (format!("{:040x}", 1), Timestamp::now());
        store.facts_of_commit(&repository.tenant, &repository.id, &commit, false, now).await.unwrap().unwrap();
        times.push(asked.elapsed());
    }
    print("what a gate asks", times);
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    jobs(&store, &all).await;
    println!("{} scans of a hundred findings were committed meanwhile", written.load(Ordering::Relaxed));
    memory("at the end");
}

/// Jobs that are asked for, claimed and ended by several at once.
async fn jobs(store: &Store, all: &[RepositoryRecord]) {
    const JOBS: usize = 1_000;
    let begun = Instant::now();
    let asked = (0..JOBS).map(|number| {
        let (store, delivery) = (store.clone(), load::delivery(all, &format!("scale {number}"), number));
        tokio::spawn(async move { store.accept_delivery(delivery, Timestamp::now()).await.unwrap() })
    });
    for one in asked.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    println!("{JOBS} deliveries accepted at {:.0}/s", JOBS as f64 / begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    let workers = (0..4).map(|_| {
        let store = store.clone();
        tokio::spawn(async move {
            let mut ended = 0;
            loop {
                let claim = Claim { host_cap: 1_000, running_cap: 1_000, ..load::claim(SignedDuration::from_secs(60)) };
                let token = claim.token;
                let Some(job) = store.claim(claim, Timestamp::now()).await.unwrap() else { return ended };
                store.finish(job.id, token, Outcome::Done, Timestamp::now()).await.unwrap();
                ended += 1;
            }
        })
    });
    let mut ended = 0;
    for worker in workers.collect::<Vec<_>>() {
        ended += worker.await.unwrap();
    }
    println!(
        "{ended} jobs claimed and ended by four workers at {:.0}/s",
        f64::from(ended) / begun.elapsed().as_secs_f64()
    );
}

async fn fill(store: &Store, count: usize) -> Vec<RepositoryRecord> {
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        let new = NewRepository {
            tenant: Tenant::default(),
            url: format!("https://git.example.org/o{}/site{number}", number % 100),
            default_branch: Some("main".into()),
            name: None,
            forge: None,
        };
        all.push(store.register(new, Timestamp::now()).await.unwrap().0);
    }
    for some in all.chunks(AT_ONCE) {
        let commits = some.iter().map(|repository| {
            let findings = (0..FINDINGS).map(|number| load::finding(repository, number)).collect();
            let scan = load::committed(repository, &format!("{:040x}", 1), findings);
            let store = store.clone();
            tokio::spawn(async move { store.commit_scan(scan, Timestamp::now()).await })
        });
        for commit in commits.collect::<Vec<_>>() {
            commit.await.unwrap().unwrap();
        }
    }
    all
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |thousandth: usize| times[(times.len() * thousandth / 1000).min(times.len() - 1)];
    println!("{what}: p50 {:?}, p99 {:?}, longest {:?}", at(500), at(990), at(1000));
}

fn memory(when: &str) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
    println!("memory {when}: {} now, {} at most", of("VmRSS:"), of("VmHWM:"));
}
