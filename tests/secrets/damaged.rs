//! Hostile content: nothing hangs, and what could not be looked at is said. Damaged content is for `tests/fuzz`.

use std::io::Write as _;
use std::process::{Command, Stdio};

use scanner::repository::DirectorySnapshot;
use scanner::secrets::{Engine, FingerprintKey, History, Looking, RuleSet, scan_snapshot};

use super::git::Work;
use super::{scan, token};

#[test]
fn a_file_of_two_gigabytes_is_said_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    // one line without end; sparse, so that the test itself costs nothing
    std::fs::File::create(folder.path().join("line.txt")).unwrap().set_len(2 << 30).unwrap();
    std::fs::write(folder.path().join("a.txt"), token(310)).unwrap();
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([7; 32]));
    let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
    let found = scan_snapshot(&DirectorySnapshot::open(folder.path()).unwrap(), &looking);
    assert_eq!(found.findings.len(), 1);
    let gap = found.diagnostics.iter().find(|said| said.gap && said.path.as_deref() == Some("line.txt"));
    assert!(gap.is_some_and(|said| said.reason.contains("limit")), "{:?}", found.diagnostics);
}

/// `SECRETARYBIRD_TINY_BLOBS=10000000` is the long run.
#[test]
fn many_tiny_blobs_end() {
    let count: usize = std::env::var("SECRETARYBIRD_TINY_BLOBS").map_or(20_000, |count| count.parse().unwrap());
    let work = Work::new();
    let mut import = Command::new("git")
        .args(["fast-import", "--quiet"])
        .current_dir(work.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stream = std::io::BufWriter::new(import.stdin.take().unwrap());
    writeln!(stream, "commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 0").unwrap();
    for number in 0..count {
        let text = if number == count / 2 { token(320) } else { number.to_string() };
        writeln!(stream, "M 100644 inline {}/{number}\ndata {}\n{text}", number % 256, text.len()).unwrap();
    }
    drop(stream);
    assert!(import.wait().unwrap().success());
    let found = scan(&work, &History::All);
    assert_eq!((found.blobs, found.findings.len()), (count as u64, 1));
}
