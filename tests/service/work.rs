//! A git repository to work in.

use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Work(pub PathBuf);

impl Work {
    /// A new repository below `directory`.
    pub fn new(directory: &Path) -> Self {
        let work = Self(directory.join("work"));
        std::fs::create_dir_all(&work.0).expect("directory");
        work.git(&["init", "-q", "-b", "main"]);
        work
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(&self.0)
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .expect("git runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }

    /// Writes a file and commits it; the commit's id.
    pub fn commit(&self, name: &str, content: &str) -> String {
        std::fs::write(self.0.join(name), content).expect("written");
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", name]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.0.display())
    }
}

/// A directory with one advisory: acme-widgets below 2.0.
pub fn advisories(directory: &Path) -> PathBuf {
    let record = serde_json::json!({"id": "PYSEC-2099-1", "modified": "2026-01-02T00:00:00Z", "summary": "An example",
        "details": "", "affected": [{"package": {"name": "acme-widgets", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]});
    let osv = directory.join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    std::fs::write(osv.join("PYSEC-2099-1.json"), record.to_string()).expect("record");
    osv
}
