//! Runs the binary in a world of its own: no home, no environment, no network but loopback.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

/// A place for one test: repositories, cache and home.
pub struct World {
    pub root: TempDir,
}

/// What the binary answered.
pub struct Answer {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Answer {
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {} / {}", self.out, self.err))
    }
}

impl World {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes files below `directory`.
    pub fn files(&self, directory: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = self.path(directory);
        for (path, content) in files {
            let path = directory.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        directory
    }

    /// The advisories of the sample organisation, as an archive's directory.
    pub fn advisories(&self) -> PathBuf {
        let path = self.path("advisories.json");
        std::fs::write(&path, api::demo::ADVISORIES).unwrap();
        path
    }

    pub fn samples(&self) -> Vec<api::demo::organisation::Sample> {
        api::demo::organisation::create(&self.path("samples")).unwrap()
    }

    /// `secretarybird scan …` with the sample advisories, offline.
    pub fn scan(&self, target: &str, arguments: &[&str]) -> Answer {
        let advisories = self.advisories();
        let mut all = vec!["scan", target, "--offline", "--advisories", advisories.to_str().unwrap()];
        all.extend(arguments);
        self.run(&all)
    }

    pub fn run(&self, arguments: &[&str]) -> Answer {
        let output: Output = assert_cmd::Command::cargo_bin("secretarybird")
            .unwrap()
            .env_clear()
            .env("HOME", self.path("home"))
            .env("SECRETARYBIRD_INDEX_URL", "none")
            .args(arguments)
            .current_dir(self.root.path())
            .output()
            .unwrap();
        Answer {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// `git` with a configuration of its own.
pub fn git(directory: &Path, arguments: &[&str]) {
    let output = std::process::Command::new("git")
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Findings of one kind.
pub fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    report["findings"].as_array().unwrap().iter().filter(|finding| finding["kind"] == kind).collect()
}
