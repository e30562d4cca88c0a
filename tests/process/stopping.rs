//! A long scan that is cancelled really stops, and whoever waits behind it has its turn.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Serving, World};

/// Versions of one file, each wholly another, so that all of each is looked at.
const VERSIONS: u64 = 1500;
const LINES: u64 = 600;
/// From the word to stop until the worker is free. The scan by itself takes many times as long.
const STOPPED: Duration = Duration::from_secs(5);
const RUNS: &str = r#"secretarybird_job_duration_seconds_count{kind="scan"}"#;
const SECONDS: &str = r#"secretarybird_job_duration_seconds_sum{kind="scan"}"#;

fn text_of(version: u64) -> String {
    let mut state = version.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::new();
    for line in 0..LINES {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("setting_{line} = {{\"name\": \"{state:016x}\", \"token_{version}\": {line}}}\n"));
    }
    text
}

/// A repository whose history takes long to look through.
fn long(path: &Path) {
    let mut options = git2::RepositoryInitOptions::new();
    let git = git2::Repository::init_opts(path, options.bare(true).initial_head("main")).unwrap();
    let author = git2::Signature::new("Ada", "ada@example.org", &git2::Time::new(1_750_000_000, 0)).unwrap();
    let mut parent = None;
    for version in 0..VERSIONS {
        let blob = git.blob(text_of(version).as_bytes()).unwrap();
        let mut tree = git.treebuilder(None).unwrap();
        tree.insert("settings.py", blob, 0o100_644).unwrap();
        let tree = git.find_tree(tree.write().unwrap()).unwrap();
        let before = parent.map(|parent| git.find_commit(parent).unwrap());
        let parents: Vec<_> = before.iter().collect();
        parent = Some(git.commit(Some("HEAD"), &author, &author, "change", &tree, &parents).unwrap());
    }
}

async fn scanning(serving: &Serving, directory: &Path) -> String {
    let asking = serving.asking();
    let url = format!("file://{}", directory.display());
    let repository = asking.post("repositories", &json!({"url": url})).await;
    let path = format!("repositories/{}/scans", repository["id"].as_str().unwrap());
    let job = asking.post(&path, &json!({})).await;
    job["id"].as_str().unwrap().to_owned()
}

/// The job, once it is in one of the states.
async fn becomes(serving: &Serving, id: &str, states: &[&str]) -> Value {
    let begun = Instant::now();
    loop {
        let jobs = serving.asking().get("jobs").await;
        let job = jobs["items"].as_array().unwrap().iter().find(|job| job["id"] == id).cloned().unwrap();
        if states.contains(&job["state"].as_str().unwrap()) {
            return job;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{job}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Seconds that the scans of this process took, once one has ended: until the work was over, and not only the job's end written.
async fn took(serving: &Serving) -> f64 {
    while serving.counted(RUNS).await == 0.0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    serving.counted(SECONDS).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_scan_ends_in_the_middle_of_the_history() {
    let world = World::new();
    let directory = world.root.path().join("long.git");
    long(&directory);

    let serving = world.serve_with(&[("SECRETARYBIRD_WORKERS", "1")]);
    let job = scanning(&serving, &directory).await;
    becomes(&serving, &job, &["running"]).await;
    let before = Duration::from_secs(3);
    tokio::time::sleep(before).await;
    assert_eq!(serving.counted(RUNS).await, 0.0, "the scan takes longer than this");
    let begun = Instant::now();
    serving.asking().post(&format!("jobs/{job}/cancel"), &json!({})).await;
    becomes(&serving, &job, &["cancelled"]).await;
    let seconds = took(&serving).await;
    let stopped = begun.elapsed();
    assert!(stopped < STOPPED, "cancelled, and over after {stopped:?}; it ran {seconds} s");
    let next = scanning(&serving, &world.reports().path).await;
    becomes(&serving, &next, &["done"]).await;
    let kept = serving.asking().get("jobs?state=cancelled").await;
    assert_eq!((&kept["items"][0]["id"], &kept["items"][0]["scan"]), (&json!(job), &Value::Null), "{kept}");
}
