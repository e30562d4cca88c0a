//! Git repositories made by git itself.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs git in a directory, cut off from the machine's configuration; the output without the last newline.
pub fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = command(directory, arguments).output().expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}

/// The same, not yet run.
pub fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}

/// A working copy.
pub struct Work(pub PathBuf);

impl Work {
    pub fn new(directory: PathBuf) -> Self {
        std::fs::create_dir_all(&directory).expect("directory");
        git(&directory, &["init", "-q", "-b", "main"]);
        Self(directory)
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.0, arguments)
    }

    pub fn commit(&self, name: &str, content: &str) -> String {
        std::fs::write(self.0.join(name), content).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", name]);
        self.git(&["rev-parse", "HEAD"])
    }

    #[allow(dead_code, reason = "the tests over real transports have addresses of their own")]
    pub fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }
}
