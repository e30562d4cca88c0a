//! `serve --demo` as the README's first command shows it: from nothing to findings, offline, and a clean end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        // only where the test failed: the process has ended otherwise
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn finds_what_it_planted_answers_rest_and_ends_on_sigterm() {
    let home = tempfile::tempdir().unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_secretarybird"))
        .args(["serve", "--demo", "--listen", "127.0.0.1:0"])
        .env_clear()
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .current_dir(home.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut demo = Demo(child);
    let mut lines = BufReader::new(demo.0.stdout.take().unwrap()).lines();
    let mut story = String::new();
    for line in &mut lines {
        let line = line.unwrap();
        let last = line.starts_with("Ctrl-C");
        story.push_str(&line);
        story.push('\n');
        if last {
            break;
        }
    }
    assert_eq!(story.matches("202 Accepted").count(), 3, "{story}");
    for found in ["jinja2 2.10", "pyyaml 5.3", "requests 2.19.1", "python-slugify", "GitHub", "publish.py:3"] {
        assert!(story.contains(found), "{found} is not in\n{story}");
    }
    let curls: Vec<&str> =
        story.lines().filter_map(|line| line.trim().strip_prefix("curl ")).map(|url| url.trim_matches('\'')).collect();
    assert_eq!(curls.len(), 3, "{story}");
    for url in curls {
        let answer = get(url);
        assert!(answer.starts_with("HTTP/1.1 200"), "{url}: {answer}");
    }
    let pid = demo.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(demo.0.wait().unwrap().code(), Some(0));
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "the demo leaves nothing behind");
}

/// One request as `curl` sends it.
fn get(url: &str) -> String {
    use std::io::{Read as _, Write as _};
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}
