//! A sweep of a thousand repositories of which ten changed, killed on its way.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use api::store::Store;
use api::store::record::{JobKind, JobState, SweepId, Tenant};
use serde_json::{Value, json};

use crate::{SECRET, Serving, World};

const REPOSITORIES: usize = 1000;
const CHANGED: usize = 10;
/// So many are listed when the process is killed, or a few more.
const KILLED_AFTER: u64 = 300;
/// Requests under way at once.
const AT_ONCE: usize = 16;
/// The log is read when the process has ended: what it says of thousands of jobs would fill the pipe, and block it.
const SETTINGS: [(&str, &str); 3] = [
    ("SECRETARYBIRD_WORKERS", "3"),
    ("SECRETARYBIRD_LIMITS_REQUESTS_A_MINUTE", "0"),
    ("SECRETARYBIRD_LOG_FILTER", "warn"),
];

/// A bare repository of one commit, as little as git needs.
fn first(path: &Path) {
    let mut options = git2::RepositoryInitOptions::new();
    let git = git2::Repository::init_opts(path, options.bare(true).external_template(false).initial_head("main"));
    commit(&git.unwrap(), "one\n");
}

fn commit(git: &git2::Repository, notes: &str) {
    let blob = git.blob(notes.as_bytes()).unwrap();
    let mut tree = git.treebuilder(None).unwrap();
    tree.insert("notes.txt", blob, 0o100_644).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let author = git2::Signature::new("Ada", "ada@example.org", &git2::Time::new(1_750_000_000, 0)).unwrap();
    let parent = git.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    git.commit(Some("HEAD"), &author, &author, "change", &tree, &parents).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

async fn register(serving: &Serving, directories: &[PathBuf]) {
    let mut lanes = Vec::new();
    for lane in 0..AT_ONCE {
        let own: Vec<PathBuf> = directories.iter().skip(lane).step_by(AT_ONCE).cloned().collect();
        let asking = serving.asking();
        lanes.push(tokio::spawn(async move {
            for directory in own {
                asking.post("repositories", &json!({"url": format!("file://{}", directory.display())})).await;
            }
        }));
    }
    for lane in lanes {
        lane.await.unwrap();
    }
}

async fn begin(serving: &Serving) -> SweepId {
    let begun = serving.asking().post("sweeps", &json!({})).await;
    begun["id"].as_str().unwrap().parse().unwrap()
}

/// The report, once every scan has ended.
async fn report(serving: &Serving, id: SweepId) -> Value {
    let begun = Instant::now();
    loop {
        let sweep = serving.asking().get(&format!("sweeps/{id}")).await;
        if sweep["state"] != "running" {
            let report = serving.asking().get(&format!("sweeps/{id}/report")).await;
            if report["complete"] == true {
                return report;
            }
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "the sweep does not end: {sweep}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

const LISTED: &str = r#"secretarybird_sweep_listings_total{outcome="listed"}"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_repositories_of_which_ten_changed_cost_ten_scans_and_a_killed_sweep_goes_on_where_it_was() {
    let world = World::new();
    let all = world.root.path().join("git");
    let directories: Vec<PathBuf> = (0..REPOSITORIES).map(|number| all.join(format!("r{number}.git"))).collect();
    first(&directories[0]);
    directories[1..].iter().for_each(|directory| copy(&directories[0], directory));
    let mut serving = world.serve_with(&SETTINGS);
    register(&serving, &directories).await;
    let seen = report(&serving, begin(&serving).await).await;
    assert_eq!((&seen["scanned"], &seen["failed"]), (&json!(REPOSITORIES), &json!(0)), "{}", seen["repositories"][0]);

    for directory in directories.iter().step_by(REPOSITORIES / CHANGED) {
        commit(&git2::Repository::open(directory).unwrap(), "two\n");
    }
    let id = begin(&serving).await;
    while serving.asking().get(&format!("sweeps/{id}")).await["listed"].as_u64().unwrap() < KILLED_AFTER {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    drop(serving);
    let tenant = Tenant::default();
    let store = Store::open(&world.data().join("store")).unwrap();
    let killed = store.sweep(&tenant, id).await.unwrap().unwrap();
    let done = store.swept(&tenant, id).await.unwrap().len() as u64;
    drop(store);
    let (first, whole) = (killed.listed, REPOSITORIES as u64);
    assert!((KILLED_AFTER..whole).contains(&first) && done == first, "{first} listed and {done} kept at the kill");

    let again = world.serve_with(&SETTINGS);
    let report = report(&again, id).await;
    let sweep = again.asking().get(&format!("sweeps/{id}")).await;
    let second = again.counted(LISTED).await;
    assert_eq!(sweep["listed"], whole);
    assert_eq!(second, (whole - first) as f64, "what was done is not listed again");
    assert_eq!((&report["scanned"], &report["failed"]), (&json!(CHANGED), &json!(0)), "{}", report["repositories"][0]);
    assert_eq!(report["skipped"], json!({"unchanged": REPOSITORIES - CHANGED}));
    assert_eq!(report["repositories"].as_array().unwrap().len(), REPOSITORIES, "each has one line");
    assert!(again.visitor(SECRET).repository(world.reports()).await.is_err(), "nothing but what was registered");
    assert_eq!(again.stop().0, Some(0));

    let store = Store::open(&world.data().join("store")).unwrap();
    assert_eq!(store.totals(&tenant).await.unwrap().scans, REPOSITORIES + CHANGED);
    let jobs = store.jobs(&tenant, JobState::Done, None, 2 * REPOSITORIES).await.unwrap();
    let scans = jobs.iter().filter(|job| job.sweep == Some(id) && matches!(job.job, JobKind::Scan(_))).count();
    assert_eq!(scans, CHANGED, "one scan for each that changed");
    assert_eq!(store.verify().await.unwrap().problems, []);
}
