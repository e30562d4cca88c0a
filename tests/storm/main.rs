//! A storm of webhooks with duplicates on the real `serve`: all answered, coalesced, none lost. The figures are printed; times are not judged.
//!
//! `SECRETARYBIRD_STORM` says how many (default 2000).

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests stand outside of #[test] functions"
)]

mod forge;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::store::Store;
use api::store::record::{JobState, Tenant};
use forge::{Forge, Push, SECRET};

const REPOSITORIES: usize = 20;
/// Requests under way at once.
const AT_ONCE: usize = 16;

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_webhooks_is_answered_coalesced_and_kept() {
    let storm: usize =
        std::env::var("SECRETARYBIRD_STORM").map_or(2000, |text| text.parse().expect("SECRETARYBIRD_STORM: a number"));
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::write(root.join("advisories.json"), api::demo::ADVISORIES).unwrap();
    let mut forge = Forge::new(&root.join("git"), REPOSITORIES);
    // every fourth comes twice
    let mut pushes: Vec<Push> = Vec::new();
    for number in 0..storm {
        let push = match number % 4 {
            3 => pushes[number - 1].clone(),
            _ => forge.push(number % REPOSITORIES),
        };
        pushes.push(push);
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(root.join("data"))
        .arg("--advisories")
        .arg(root.join("advisories.json"))
        .env_clear()
        .env("HOME", root)
        .env("SECRETARYBIRD_AUTH_OPEN_ON_LOOPBACK", "true")
        .env("SECRETARYBIRD_WEBHOOKS_GITHUB_SECRETS", SECRET)
        .env("SECRETARYBIRD_REACH_ALLOW_DIRECTORIES", root)
        .env("SECRETARYBIRD_SWEEP_CRON", "")
        .env("SECRETARYBIRD_LOG_FILTER", "warn")
        .stdout(Stdio::piped());
    let mut serving = Serving(command.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(serving.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim().strip_prefix("listening on ").expect("it listens").to_owned();

    let forge = Arc::new(forge);
    let begun = Instant::now();
    let mut lanes = Vec::new();
    for lane in 0..AT_ONCE {
        let (forge, base) = (Arc::clone(&forge), base.clone());
        let own: Vec<Push> = pushes.iter().skip(lane).step_by(AT_ONCE).cloned().collect();
        lanes.push(tokio::spawn(async move {
            let mut times = Vec::new();
            for push in own {
                let sent = Instant::now();
                assert!(forge.deliver(&base, &push).await, "{} was not accepted", push.delivery);
                times.push(sent.elapsed());
            }
            times
        }));
    }
    let mut times: Vec<Duration> = Vec::new();
    for lane in lanes {
        times.extend(lane.await.unwrap());
    }
    let took = begun.elapsed();
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    drop(serving);

    let store = Store::open(&root.join("data/store")).unwrap();
    for push in &pushes {
        assert!(forge.is_known(&store, push).await, "{} was answered and is not kept", push.delivery);
    }
    let tenant = Tenant::default();
    let sizes = store.sizes(&tenant).await.unwrap();
    let jobs: usize = JobState::ALL.into_iter().map(|state| sizes.jobs_in(state)).sum();
    let asked = storm - storm / 4;
    assert!(jobs < asked, "{jobs} jobs for {asked} pushes: nothing was coalesced");
    let waiting = store.jobs(&tenant, JobState::Ready, None, 500).await.unwrap();
    assert!(waiting.len() <= REPOSITORIES, "{} jobs wait for {REPOSITORIES} refs", waiting.len());
    println!(
        "{storm} webhooks ({asked} pushes to {REPOSITORIES} refs) in {:.1} s: p50 {:?}, p99 {:?}, longest {:?}; {jobs} jobs",
        took.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
}
