//! Several processes on one PostgreSQL: two servers and three workers, killed one at a time, and the database restarted under them. Every
//! webhook that was answered is worked off, and each job's result is committed once.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests stand outside of #[test] functions"
)]

#[path = "../postgres/cluster.rs"]
mod cluster;
#[path = "../storm/forge.rs"]
mod forge;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use api::store::Store;
use api::store::record::{JobState, Tenant};
use forge::{Forge, SECRET};

const REPOSITORIES: usize = 6;

/// A process of the product.
struct Process {
    child: Child,
    base: Option<String>,
}

impl Process {
    fn start(kind: &str, root: &Path, name: &str, database: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
        command.arg(kind).arg("--data-dir").arg(root.join(name)).arg("--advisories").arg(root.join("advisories.json"));
        if kind == "serve" {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command
            .env_clear()
            .env("HOME", root)
            .env("SECRETARYBIRD_STORE", database)
            .env("SECRETARYBIRD_AUTH_OPEN_ON_LOOPBACK", "true")
            .env("SECRETARYBIRD_WEBHOOKS_GITHUB_SECRETS", SECRET)
            .env("SECRETARYBIRD_REACH_ALLOW_DIRECTORIES", root)
            .env("SECRETARYBIRD_SWEEP_CRON", "")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(root.join(format!("{name}.log"))).unwrap());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let log = || std::fs::read_to_string(root.join(format!("{name}.log"))).unwrap_or_default();
        assert!(!line.is_empty(), "{kind} {name}: {}", log());
        Self { child, base: line.trim().strip_prefix("listening on ").map(str::to_owned) }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A data directory with the keys of the first process.
fn with_keys(root: &Path, name: &str) -> PathBuf {
    let directory = root.join(name);
    std::fs::create_dir_all(&directory).unwrap();
    for key in ["token.key", "fingerprint.key"] {
        std::fs::copy(root.join("s0").join(key), directory.join(key)).unwrap();
    }
    directory
}

#[tokio::test(flavor = "multi_thread")]
async fn each_result_is_committed_once_whoever_dies() {
    let cluster = cluster::Cluster::start();
    let database = cluster.database();
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    std::fs::write(root.join("advisories.json"), api::demo::ADVISORIES).unwrap();
    let mut forge = Forge::new(&root.join("git"), REPOSITORIES);
    let first = Process::start("serve", root, "s0", &database);

    // another key would make findings that nobody could compare
    std::fs::create_dir_all(root.join("stranger")).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_secretarybird"))
        .args(["worker", "--data-dir"])
        .arg(root.join("stranger"))
        .env_clear()
        .env("SECRETARYBIRD_STORE", &database)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("fingerprint.key"), "{said}");

    let mut servers = vec![first];
    with_keys(root, "s1");
    servers.push(Process::start("serve", root, "s1", &database));
    let mut workers = Vec::new();
    for number in 0..3 {
        let name = format!("w{number}");
        with_keys(root, &name);
        workers.push(Process::start("worker", root, &name, &database));
    }
    let mut bases: Vec<String> = servers.iter().map(|server| server.base.clone().unwrap()).collect();
    let mut answered = Vec::new();
    // one round for each that dies: the workers, a server, the database
    for (round, dies) in ["worker", "worker", "worker", "server", "database"].into_iter().enumerate() {
        for number in 0..12 {
            let push = forge.push(number % REPOSITORIES);
            // what is not answered is sent again, to whoever is there, as a person would ask a forge to
            let begun = Instant::now();
            let mut turn = number;
            while !forge.deliver(&bases[turn % bases.len()], &push).await {
                assert!(begun.elapsed() < Duration::from_secs(60), "no server answers");
                turn += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answered.push(push);
            if number == 6 {
                match dies {
                    "worker" => workers[round].kill(),
                    "server" => servers[1].kill(),
                    _ => cluster.restart(),
                }
            }
        }
        if dies == "worker" {
            let name = format!("w{round}");
            workers[round] = Process::start("worker", root, &name, &database);
        } else if dies == "server" {
            servers[1] = Process::start("serve", root, "s1", &database);
            bases[1] = servers[1].base.clone().unwrap();
        }
    }
    let store = Store::connect(&database).await.unwrap();
    let tenant = Tenant::default();
    let begun = Instant::now();
    loop {
        let sizes = store.sizes(&tenant).await.unwrap();
        if sizes.jobs_in(JobState::Ready) + sizes.jobs_in(JobState::Running) == 0 {
            assert_eq!(sizes.jobs_in(JobState::Dead), 0);
            break;
        }
        // a dead worker's lease runs out after a minute
        assert!(begun.elapsed() < Duration::from_secs(240), "the jobs do not end: {sizes:?}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let mut by_job = BTreeMap::<String, usize>::new();
    let mut heads = 0;
    for repository in store.repositories(&tenant, None, 100).await.unwrap() {
        let scans = store.scans(&tenant, &repository.id, None, 1000).await.unwrap();
        for scan in &scans {
            *by_job.entry(scan.job.unwrap().to_string()).or_default() += 1;
            assert!(store.report(&tenant, scan.id).await.unwrap().is_some());
        }
        let newest = forge.head(&repository.url);
        heads += usize::from(scans.iter().any(|scan| scan.commit.as_deref() == Some(&newest)));
    }
    assert_eq!(heads, REPOSITORIES, "the newest commit of each repository is scanned");
    assert!(by_job.values().all(|count| *count == 1), "{by_job:?}");
    for push in &answered {
        let known = forge.is_known(&store, push).await;
        assert!(known, "the answered delivery {} was lost", push.delivery);
    }
    let verified = store.verify().await.unwrap();
    assert_eq!((verified.problems, verified.indexed), (vec![], verified.index_rows));
    println!("{} deliveries, {} scans, 4 processes killed and the database once", answered.len(), by_job.len());
}
