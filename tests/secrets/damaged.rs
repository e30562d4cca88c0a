//! Damaged and hostile content: nothing panics, nothing hangs, and what could not be looked at is said.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scanner::repository::{DirectorySnapshot, MemorySnapshot};
use scanner::secrets::{Engine, FingerprintKey, History, Looking, RuleSet, scan_snapshot};

use super::git::Work;
use super::places::{gzip, tarred, utf16, zipped};
use super::{scan, token};

/// xorshift64*: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % limit.max(1)
    }

    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(5) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, b"\"[]{}=\n\\#'\x00\xff"[self.below(12)]),
                2 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                3 => {
                    let end = (at + self.below(200)).min(bytes.len());
                    let copy = bytes[at..end].to_vec();
                    bytes.splice(at..at, copy);
                }
                _ => {
                    let end = (at + self.below(200)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
        }
    }
}

/// Whole specimens of every form that is read.
fn specimens() -> Vec<(&'static str, Vec<u8>)> {
    let text = format!("a = '{}'\npassword = \"Xk9!{}\"\nurl = 'postgres://u:Zk8xq2@h/d'\n", token(300), "q7w");
    let notebook = format!(
        "{{\"cells\": [{{\"cell_type\": \"code\", \"source\": [\"k = '{}'\\n\", \"x\"], \"outputs\": [{{\"text\": \"a\\u005fb\"}}]}}]}}",
        token(301)
    );
    let mut sqlite = b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20".to_vec();
    sqlite.resize(56, 0);
    sqlite.extend([0, 0, 0, 1]);
    sqlite.resize(100, 0);
    sqlite.extend([13, 0, 0, 0, 1, 1, 0, 0, 0x6c]);
    sqlite.extend([0x81, 0x10, 1, 3, 0x17, 0x19]);
    sqlite.resize(512 * 3, b'k');
    let mut pyc = vec![0xcb, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    pyc.extend([b'z', 40]);
    pyc.extend(token(302).as_bytes());
    vec![
        ("a.py", text.clone().into()),
        ("a.ipynb", notebook.into()),
        ("a.gz", gzip(text.as_bytes())),
        ("a.zip", zipped("x/y.py", text.as_bytes())),
        ("a.tar.gz", gzip(&tarred("x.py", text.as_bytes()))),
        ("a.tar", tarred("x.py", text.as_bytes())),
        ("a.txt", utf16(&text)),
        ("a.sqlite", sqlite),
        ("a.pyc", pyc),
        ("nested.txt", STANDARD.encode(STANDARD.encode(&text)).into()),
        (
            "escaped.json",
            format!("{{\"k\": \"{}\\n\\u0041%41\"}}", text.replace('\n', "\\n").replace('"', "\\\"")).into(),
        ),
        ("joined.js", text.replace("= '", "= 'a' +\n 'b' +\n '").into()),
    ]
}

#[test]
fn no_damage_makes_a_reader_panic() {
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([7; 32]));
    let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
    let mut random = Random(0x5EC2_E7A3);
    for (path, specimen) in specimens() {
        for _ in 0..150 {
            let mut bytes = specimen.clone();
            random.damage(&mut bytes);
            let found = scan_snapshot(&MemorySnapshot::new([(path, bytes)]), &looking);
            assert_eq!(found.blobs, 1);
        }
    }
}

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
