//! A repository made by the real `git`, cut off from the machine's configuration.
#![allow(dead_code, reason = "shared by two test programs, each of which needs a part of it")]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Runs git in `folder` and returns what it printed, trimmed.
pub fn run(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is installed");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A working tree with a repository.
pub struct Work(TempDir);

impl Work {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(folder.path(), &["init", "-q", "-b", "main"]);
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        run(self.path(), arguments)
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let full = self.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, content).unwrap();
    }

    /// Writes the files, commits everything, and returns the commit's id.
    pub fn commit(&self, files: &[(&str, &str)], message: &str) -> String {
        for (path, content) in files {
            self.write(path, content);
        }
        self.git(&["add", "--ignore-errors", "."]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Overwrites the middle of a loose object.
    pub fn damage_loose(&self, id: &str) {
        let path = self.path().join(".git/objects").join(&id[..2]).join(&id[2..]);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    }

    /// Overwrites bytes in the middle of the only pack.
    pub fn damage_pack(&self) {
        let folder = self.path().join(".git/objects/pack");
        let entries = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let pack = entries.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "pack")).unwrap();
        let mut bytes = std::fs::read(&pack).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8].fill(0xff);
        std::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, bytes).unwrap();
    }
}
