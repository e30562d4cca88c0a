//! The same report over every way to a repository that needs nothing but git itself.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{World, of_kind};

/// `git daemon` on a free loopback port; ends with the test.
struct Daemon {
    child: Child,
    port: u16,
}

impl Daemon {
    fn start(base: &std::path::Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("git")
            .args(["daemon", "--listen=127.0.0.1", "--export-all", "--reuseaddr"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", base.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "git daemon did not come up");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // git-daemon is a child of the git we started; both must go
        let _ = Command::new("pkill").args(["-P", &self.child.id().to_string()]).status();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_path_a_file_url_and_a_git_url_give_the_same_findings() {
    let world = World::new();
    let samples = world.samples();
    let sample = samples.iter().find(|sample| sample.name == "reports").unwrap();
    let daemon = Daemon::start(&world.path("samples"));
    let cache = world.path("cache");
    let cache = cache.to_str().unwrap();
    let advisories = world.advisories();
    let advisories = advisories.to_str().unwrap();
    let scan = |target: &str, rev: &[&str]| {
        let arguments = ["scan", target, "--format", "json", "--cache-dir", cache, "--advisories", advisories];
        let answer = world.run(&[&arguments[..], rev].concat());
        assert_eq!(answer.code, 1, "{target}: {}", answer.err);
        let report = answer.report();
        let kinds = ["vulnerability", "secret"].map(|kind| of_kind(&report, kind).len());
        (report["target"]["commit"].clone(), kinds)
    };
    let path = sample.path.to_str().unwrap();
    let expected = scan(path, &[]);
    assert_eq!(expected.0, sample.head.to_string());
    assert_eq!(scan(&format!("file://{path}"), &[]), expected);
    let address = format!("git://127.0.0.1:{}/reports", daemon.port);
    assert_eq!(scan(&address, &[]), expected);
    assert_eq!(scan(&address, &[]), expected, "the second time updates the mirror");
    let before = sample.before.to_string();
    assert_eq!(scan(&address, &["--rev", &before]).0, before);
    assert_eq!(scan(&address, &["--rev", "main"]), expected);
}
