//! The real `serve` as a process: killed, drained, refused, and searched for secrets.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use api::demo::organisation::{self, Sample};
use api::demo::visitor::Visitor;
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
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
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
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn serve(&self) -> Serving {
        let mut child = self.command("127.0.0.1:0").spawn().unwrap();
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

impl Serving {
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
