//! The real `serve` as a process: killed, drained, refused, and searched for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

mod core_files;
mod stopping;
mod sweep;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use api::demo::organisation::{self, Sample};
use api::demo::visitor::Visitor;
use serde_json::Value;
use tempfile::TempDir;

const SECRET: &str = "a webhook secret of the tests";

/// A data directory with sample repositories and advisories beside it.
struct World {
    root: TempDir,
    samples: Vec<Sample>,
}

impl World {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let samples = organisation::create(&root.path().join("samples")).unwrap();
        std::fs::write(root.path().join("advisories.json"), api::demo::ADVISORIES).unwrap();
        Self { root, samples }
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn command(&self, listen: &str) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_secretarybird")), listen)
    }

    fn command_of(&self, program: &Path, listen: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(self.data())
            .arg("--advisories")
            .arg(self.root.path().join("advisories.json"))
            .env_clear()
            .env("HOME", self.root.path().join("home"))
            .env("SECRETARYBIRD_AUTH_OPEN_ON_LOOPBACK", "true")
            .env("SECRETARYBIRD_WEBHOOKS_GITHUB_SECRETS", SECRET)
            .env("SECRETARYBIRD_REACH_ALLOW_DIRECTORIES", self.root.path())
            .env("SECRETARYBIRD_SWEEP_CRON", "")
            .env("SECRETARYBIRD_INDEX_URL", "none")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn serve(&self) -> Serving {
        self.serve_with(&[])
    }

    fn serve_with(&self, settings: &[(&str, &str)]) -> Serving {
        let mut child = self.command("127.0.0.1:0").envs(settings.iter().copied()).spawn().unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let base = line.trim().strip_prefix("listening on ").map(str::to_owned);
        let base = base.unwrap_or_else(|| panic!("{line:?}"));
        Serving { child, base }
    }

    fn reports(&self) -> &Sample {
        self.samples.iter().find(|sample| sample.name == "reports").unwrap()
    }
}

struct Serving {
    child: Child,
    base: String,
}

/// A client of a running service.
#[derive(Clone)]
struct Asking {
    client: reqwest::Client,
    base: String,
}

impl Asking {
    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}/api/v1/{path}", self.base)).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let answer = self.client.post(format!("{}/api/v1/{path}", self.base)).json(body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

impl Serving {
    fn asking(&self) -> Asking {
        Asking { client: reqwest::Client::new(), base: self.base.clone() }
    }

    /// What this process measured, under a metric's name with its labels; nothing measured is zero.
    async fn counted(&self, sample: &str) -> f64 {
        let text = reqwest::get(format!("{}/metrics", self.base)).await.unwrap().text().await.unwrap();
        let value = text.lines().find_map(|line| line.strip_prefix(sample));
        value.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    fn visitor(&self, secret: &str) -> Visitor {
        Visitor::new(&self.base, secret.to_owned())
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Ends the process by SIGTERM; its exit code and what it logged.
    fn stop(mut self) -> (Option<i32>, String) {
        self.signal("-TERM");
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn an_accepted_webhook_survives_kill_9() {
    let world = World::new();
    let serving = world.serve();
    for sample in &world.samples {
        serving.visitor(SECRET).push(sample).await.unwrap();
    }
    serving.signal("-KILL");
    drop(serving);
    let again = world.serve();
    let visitor = again.visitor(SECRET);
    for sample in &world.samples {
        let repository = visitor.repository(sample).await.unwrap();
        let verdict = visitor.gate(&repository, &sample.head.to_string()).await.unwrap();
        assert!(verdict.starts_with("pass") || verdict.starts_with("fail"), "{}: {verdict}", sample.name);
        assert!(!visitor.findings(&repository).await.unwrap().is_empty(), "{}", sample.name);
    }
    let (code, log) = again.stop();
    assert_eq!(code, Some(0), "SIGTERM drains: {log}");
}

#[tokio::test]
async fn a_log_that_nobody_reads_stops_nothing() {
    let world = World::new();
    let serving = world.serve_with(&[("SECRETARYBIRD_LOG_FILTER", "debug")]);
    let asking = serving.asking();
    // the pipe holds 64 KiB
    for _ in 0..2_000 {
        asking.get("repositories").await;
    }
    serving.visitor(SECRET).push(world.reports()).await.unwrap();
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0));
    assert!(log.len() > 64 << 10, "{} bytes: the log was too small to fill the pipe", log.len());
    assert!(log.contains("draining"), "the end is told when it is read after all");
}

#[tokio::test]
async fn a_wrong_signature_is_refused_and_registers_nothing() {
    let world = World::new();
    let serving = world.serve();
    let refused = serving.visitor("another secret altogether").push(world.reports()).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");
    assert!(serving.visitor(SECRET).repository(world.reports()).await.is_err());
}

#[tokio::test]
async fn no_secret_in_store_logs_or_answers() {
    let world = World::new();
    let serving = world.serve();
    let visitor = serving.visitor(SECRET);
    visitor.push(world.reports()).await.unwrap();
    let repository = visitor.repository(world.reports()).await.unwrap();
    visitor.gate(&repository, &world.reports().head.to_string()).await.unwrap();
    let findings = visitor.findings(&repository).await.unwrap().join("\n");
    assert!(findings.contains("secret"), "{findings}");
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0));
    let token = token(&world.reports().path);
    assert!(!log.contains(&token) && !findings.contains(&token));
    let holding = files_with(&world.data(), token.as_bytes());
    assert_eq!(holding, Vec::<PathBuf>::new());
}

#[test]
fn an_occupied_port_and_a_data_directory_in_use_are_named() {
    let world = World::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = world.command(&address).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&address), "{said}");

    let _serving = world.serve();
    let output = world.command("127.0.0.1:0").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(world.data().to_str().unwrap()), "{said}");
}

/// The state of the finding of an advisory, once it is one of `states`.
async fn becomes(base: &str, advisory: &str, states: &[&str]) -> String {
    let url = format!("{base}/api/v1/findings?rule={advisory}");
    let begun = std::time::Instant::now();
    let mut last = String::new();
    while begun.elapsed() < std::time::Duration::from_secs(60) {
        let page: Value = reqwest::get(&url).await.unwrap().json().await.unwrap();
        last = page["items"][0]["state"].as_str().unwrap_or("not there").to_owned();
        if states.contains(&last.as_str()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    last
}

#[tokio::test]
async fn a_new_advisory_opens_findings_without_a_scan_and_a_withdrawn_one_closes_them() {
    let world = World::new();
    let serving = world.serve();
    let visitor = serving.visitor(SECRET);
    visitor.push(world.reports()).await.unwrap();
    let repository = visitor.repository(world.reports()).await.unwrap();
    visitor.gate(&repository, &world.reports().head.to_string()).await.unwrap();
    let file = world.root.path().join("advisories.json");
    let replace = |records: &Value| {
        // in one step, as a sync does
        let part = file.with_extension("part");
        std::fs::write(&part, records.to_string()).unwrap();
        std::fs::rename(&part, &file).unwrap();
    };
    let known: Value = serde_json::from_str(api::demo::ADVISORIES).unwrap();
    let mut records = known.clone();
    records.as_array_mut().unwrap().push(serde_json::json!({
        "schema_version": "1.6.0",
        "id": "PYSEC-2026-1",
        "modified": "2026-11-20T00:00:00Z",
        "summary": "urllib3 before 1.25 answers a question of the tests",
        "affected": [{
            "package": {"ecosystem": "PyPI", "name": "urllib3"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.25"}]}],
        }],
    }));
    assert_eq!(becomes(&serving.base, "CVE-2018-18074", &["open"]).await, "open");
    replace(&records);
    assert_eq!(becomes(&serving.base, "PYSEC-2026-1", &["open"]).await, "open");
    replace(&known);
    assert_eq!(becomes(&serving.base, "PYSEC-2026-1", &["fixed"]).await, "fixed");
    assert_eq!(becomes(&serving.base, "CVE-2018-18074", &["open"]).await, "open", "what was not withdrawn stays");
    // no scan has brought it
    let jobs: Value =
        reqwest::get(format!("{}/api/v1/jobs?limit=100", serving.base)).await.unwrap().json().await.unwrap();
    let finished = jobs["items"].as_array().unwrap().iter().filter(|job| job["kind"] == "scan").count();
    let (code, log) = serving.stop();
    assert_eq!(code, Some(0), "{log}");
    assert!(finished <= 2, "the push, and the commit it is judged against: {jobs}");
}

#[tokio::test]
async fn the_store_is_verified_exported_and_imported_by_commands() {
    let world = World::new();
    let serving = world.serve();
    let visitor = serving.visitor(SECRET);
    visitor.push(world.reports()).await.unwrap();
    let repository = visitor.repository(world.reports()).await.unwrap();
    visitor.gate(&repository, &world.reports().head.to_string()).await.unwrap();
    let command = |data: &Path, arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_secretarybird"))
            .arg("store")
            .args(arguments)
            .arg("--data-dir")
            .arg(data)
            .env_clear()
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let (code, said) = command(&world.data(), &["verify"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("another process uses this directory"), "{said}");
    assert_eq!(serving.stop().0, Some(0));
    let (first, second) = (world.root.path().join("one.export"), world.root.path().join("two.export"));
    let other = world.root.path().join("other");
    let (first_name, second_name) = (first.to_str().unwrap(), second.to_str().unwrap());
    for (data, arguments, expected) in [
        (world.data(), vec!["verify"], "no problem"),
        (world.data(), vec!["reindex"], "index rows made"),
        (world.data(), vec!["migrate"], "the newest"),
        (world.data(), vec!["export", first_name], "records written"),
        (other.clone(), vec!["import", first_name], "records read"),
        (other.clone(), vec!["verify"], "no problem"),
        (other.clone(), vec!["export", second_name], "records written"),
    ] {
        let (code, said) = command(&data, &arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap());
    let (code, said) = command(&other, &["import", first_name]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("not empty"), "{said}");
    let output = Command::new(env!("CARGO_BIN_EXE_secretarybird")).arg("worker").env_clear().output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("needs a PostgreSQL store"), "{said}");
}

/// The token that the sample repository once held, read from its first commit.
fn token(repository: &Path) -> String {
    let repository = git2::Repository::open(repository).unwrap();
    let first = repository.head().unwrap().peel_to_commit().unwrap().parent(0).unwrap();
    let blob = first.tree().unwrap().get_name("publish.py").unwrap().to_object(&repository).unwrap();
    let text = String::from_utf8(blob.as_blob().unwrap().content().to_vec()).unwrap();
    text.split('"').find(|part| part.starts_with("ghp_")).unwrap().to_owned()
}

fn files_with(directory: &Path, needle: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files_with(&entry.path(), needle));
        } else if std::fs::read(entry.path()).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(entry.path());
        }
    }
    found
}
