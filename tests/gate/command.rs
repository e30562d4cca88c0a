//! `secretarybird gate` in the environments of CI systems, against a live server.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ::advisories::feed::FeedKind;
use ::advisories::feed::download::Validators;
use ::advisories::feed::state::{FeedState, StateDir};
use ::advisories::load::load;
use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::Running;
use crate::work::{Work, advisories};

/// A server that may read the repository beside it, and a token of its own kind.
pub struct World {
    pub root: TempDir,
    pub work: Work,
    pub running: Running,
    pub token: String,
}

impl World {
    pub async fn new() -> Self {
        let root = tempfile::tempdir().expect("directory");
        let work = Work::new(root.path());
        work.git(&["remote", "add", "origin", &work.url()]);
        let running = serve(root.path()).await;
        let (token, _) = running.token(&["scan"], None).await;
        Self { root, work, running, token }
    }

    pub fn address(&self) -> String {
        format!("http://{}", self.running.server.address)
    }

    /// The command, in the repository, with nothing of this machine's environment.
    pub fn gate(&self, server: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
        command
            .args(["gate", "--server", server])
            .args(arguments)
            .current_dir(&self.work.0)
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("SECRETARYBIRD_TOKEN", &self.token)
            .env("SECRETARYBIRD_WAIT", "60")
            .envs(environment.iter().copied());
        command.output().expect("the command runs")
    }
}

async fn serve(root: &Path) -> Running {
    let osv = advisories(root);
    Running::start_with(|config| {
        config.advisories = Some(osv.display().to_string());
        config.reach.allow_directories = vec![root.to_owned()];
    })
    .await
}

pub fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_git_a_commit_that_the_server_does_not_know_is_scanned_and_judged() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    let bad = world.work.commit("requirements.txt", "acme-widgets==1.0\n");
    let (code, out, err) = told(&world.gate(&world.address(), &[], &[]));
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(out.starts_with("gate: fail, 1 new"), "{out}");
    for expected in [bad.as_str(), "PYSEC-2099-1", "fix: acme-widgets 2.0", "requirements.txt:1"] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert_eq!(err, "", "progress is for terminals");
    // the mended one passes, and so does the one before that was only read
    world.work.commit("requirements.txt", "acme-widgets==2.0\n");
    let (code, out, err) = told(&world.gate(&world.address(), &[], &[]));
    assert_eq!((code, out.starts_with("gate: pass, 0 new")), (Some(0), true), "{out}{err}");
    let (code, out, _) = told(&world.gate(&world.address(), &["--commit", &bad, "--fail-on", "none"], &[]));
    assert_eq!(code, Some(0), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_the_answer_holds_the_new_findings() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    world.work.commit("requirements.txt", "acme-widgets==1.0\n");
    let file = world.root.path().join("answer");
    let path = file.display().to_string();
    for format in ["json", "sarif", "markdown", "github", "gitlab", "csv", "text"] {
        let output = world.gate(&world.address(), &["--format", format, "--output", &path], &[]);
        let (code, out, err) = told(&output);
        assert_eq!(code, Some(1), "{format}: {out}{err}");
        assert!(out.starts_with("gate: fail, 1 new"), "{format}: the verdict goes to stdout: {out}");
        let text = std::fs::read_to_string(&file).expect("written");
        assert!(text.contains("acme-widgets") || text.contains("PYSEC-2099-1"), "{format}: {text}");
        match format {
            "sarif" => {
                let log: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(log["version"], "2.1.0");
                assert_eq!(log["runs"][0]["results"].as_array().map(Vec::len), Some(1), "{log}");
            }
            "gitlab" => {
                let log: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(log[0]["location"], json!({"path": "requirements.txt", "lines": {"begin": 1}}), "{log}");
                assert!(log[0]["fingerprint"].as_str().is_some_and(|id| id.len() >= 32));
            }
            "json" => assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON")["state"], "fail"),
            _ => {}
        }
        // without --output the report alone is on stdout
        let (_, out, _) = told(&world.gate(&world.address(), &["--format", format], &[]));
        assert_eq!(anstream::adapter::strip_str(&out).to_string(), text, "{format}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_say_themselves_what_they_are_about() {
    let world = World::new().await;
    let base = world.work.commit("requirements.txt", "acme-widgets==1.0\n");
    world.work.git(&["checkout", "-q", "-b", "feature"]);
    let head = world.work.commit("README.md", "hello\n");
    world.work.git(&["checkout", "-q", "main"]);
    let event = world.root.path().join("event.json");
    let pull = json!({"pull_request": {"head": {"sha": head}, "base": {"sha": base}}});
    std::fs::write(&event, pull.to_string()).expect("written");
    let (url, event) = (world.work.url(), event.display().to_string());
    let (server, name) = url.rsplit_once('/').expect("a path");
    let zeros = "0".repeat(40);
    let systems: [(&str, Vec<(&str, &str)>); 4] = [
        (
            "GitHub Actions",
            vec![
                ("GITHUB_ACTIONS", "true"),
                ("GITHUB_SERVER_URL", server),
                ("GITHUB_REPOSITORY", name),
                // the merge commit, which no server can fetch by this id
                ("GITHUB_SHA", &zeros),
                ("GITHUB_REF", "refs/pull/1/merge"),
                ("GITHUB_EVENT_PATH", &event),
            ],
        ),
        (
            "GitLab CI",
            vec![
                ("GITLAB_CI", "true"),
                ("CI_PROJECT_URL", &url),
                ("CI_COMMIT_SHA", &zeros),
                ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", &head),
                ("CI_MERGE_REQUEST_DIFF_BASE_SHA", &base),
            ],
        ),
        (
            "Bitbucket Pipelines",
            vec![
                ("BITBUCKET_BUILD_NUMBER", "1"),
                ("BITBUCKET_GIT_HTTP_ORIGIN", &url),
                ("BITBUCKET_COMMIT", &head),
                ("BITBUCKET_BRANCH", "feature"),
            ],
        ),
        (
            "Jenkins",
            vec![("JENKINS_URL", "http://ci"), ("GIT_URL", &url), ("GIT_COMMIT", &head), ("BRANCH_NAME", "feature")],
        ),
    ];
    for (system, environment) in systems {
        let (code, out, err) = told(&world.gate(&world.address(), &[], &environment));
        assert_eq!(code, Some(0), "{system}: what main has already is not new: {out}{err}");
        assert!(out.contains(&head) && out.contains(&base), "{system}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_makes_no_sense_is_exit_2() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    for (arguments, expected) in [
        (vec!["--commit", "HEAD"], "commit"),
        (vec!["--repository", "file:///etc"], "out of reach"),
        (vec!["--format", "pdf"], "pdf"),
    ] {
        let (code, out, err) = told(&world.gate(&world.address(), &arguments, &[]));
        assert_eq!(code, Some(2), "{arguments:?}: {out}{err}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
    let gone = world.root.path().join("event.json").display().to_string();
    let environment = [("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_PATH", gone.as_str())];
    assert_eq!(told(&world.gate(&world.address(), &[], &environment)).0, Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_looked_at_is_exit_3_unless_told_to_warn() {
    let world = World::new().await;
    world.work.commit("README.md", "hello\n");
    world.work.commit("uv.lock", "version = 1\n[[package]\n");
    let (code, out, err) = told(&world.gate(&world.address(), &[], &[]));
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.starts_with("gate: incomplete") && out.contains("uv.lock"), "{out}");
    let (code, out, _) = told(&world.gate(&world.address(), &["--on-error", "warn"], &[]));
    assert_eq!(code, Some(0), "{out}");
    // a commit that is nowhere: pending while it is tried, never a pass
    let nowhere = "e".repeat(40);
    let (code, out, _) = told(&world.gate(&world.address(), &["--commit", &nowhere, "--wait", "1"], &[]));
    assert_eq!(code, Some(3), "{out}");
    let arguments = ["--commit", &nowhere, "--wait", "1", "--format", "sarif"];
    let (code, out, err) = told(&world.gate(&world.address(), &arguments, &[]));
    assert_eq!((code, out.as_str()), (Some(3), ""), "no empty report: {err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn advisories_older_than_the_policy_allows_are_incomplete_until_they_are_asked_for_again() {
    let root = tempfile::tempdir().expect("directory");
    let work = Work::new(root.path());
    work.git(&["remote", "add", "origin", &work.url()]);
    work.commit("requirements.txt", "acme-widgets==2.0\n");
    // synced feeds, as they lie in the data directory: OSV was asked for the last time nine days ago
    let now = Timestamp::now();
    let ago = |days: i64| Some((now - SignedDuration::from_hours(24 * days)).to_string());
    let mut feed = None;
    let running = Running::start_with(|config| {
        let index = load(&advisories(root.path()), &now.to_string()).expect("advisories");
        let state = StateDir::new(&config.data_dir.join("advisories"));
        drop(state.lock().expect("made"));
        state.install(&index, 1).expect("installed");
        let osv = FeedState {
            kind: FeedKind::Osv,
            url: "https://osv.example.org/all.zip".to_owned(),
            validators: Validators::default(),
            sha256: String::new(),
            bytes: 0,
            records: 1,
            fetched: ago(30),
            checked: ago(9),
            error: Some("no route".to_owned()),
            failures: 3,
        };
        state.save(&osv).expect("saved");
        feed = Some((state, osv));
        config.policy.max_feed_age = "7d".parse().ok();
        config.reach.allow_directories = vec![root.path().to_owned()];
    })
    .await;
    let (token, _) = running.token(&["scan", "read"], None).await;
    let world = World { root, work, running, token };
    let (code, out, err) = told(&world.gate(&world.address(), &[], &[]));
    assert_eq!(code, Some(3), "{out}{err}");
    let reason = "not looked at: the advisory feed osv is 9 days old, more than the 7 days allowed; renewing it failed: no route";
    assert!(out.starts_with("gate: incomplete") && out.contains(reason), "{out}");
    let (code, json, _) = told(&world.gate(&world.address(), &["--format", "json"], &[]));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((code, &json["state"], &json["complete"]), (Some(3), &json!("incomplete"), &json!(false)), "{json}");
    assert_eq!(told(&world.gate(&world.address(), &["--on-error", "warn"], &[])).0, Some(0));
    // the report tells the age, too
    let scan = json["scan"].as_str().expect("scan");
    let (_, report) = world.running.admin(Method::GET, &format!("/api/v1/scans/{scan}/report"), None).await;
    let feeds = &report["advisories"]["feeds"];
    let day = 24 * 3600;
    assert!(feeds[0]["age_seconds"].as_i64().is_some_and(|age| age >= 9 * day && age < 10 * day), "{report}");

    // the feed has nothing new, so that no new index is made: its clock alone makes the verdict good
    let (state, osv) = feed.expect("started");
    state.save(&FeedState { checked: Some(Timestamp::now().to_string()), error: None, ..osv }).expect("saved");
    let end = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let (code, out, err) = told(&world.gate(&world.address(), &[], &[]));
        if code == Some(0) {
            break assert!(out.starts_with("gate: pass"), "{out}");
        }
        assert!(std::time::Instant::now() < end, "{out}{err}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
