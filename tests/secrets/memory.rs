//! Scans that go on from earlier ones give the answer of a scan of everything, and look only at what is new.

use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

use scanner::Stop;
use scanner::repository::Mirror;
use scanner::secrets::{
    Engine, FingerprintKey, History, Looking, Memory, Reading, RuleSet, SecretsFound, scan_history_by,
};

use crate::git::Work;
use crate::token;

/// Their expressions are compiled once.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().unwrap());

fn scan_with(work: &Work, memory: Option<&mut Memory>, key: u8) -> SecretsFound {
    scan_by(work, key, Reading { memory, ..Reading::default() })
}

fn scan_by(work: &Work, key: u8, reading: Reading<'_>) -> SecretsFound {
    let (engine, key) = (Engine::new(&RULES), FingerprintKey::new([key; 32]));
    let mirror = Mirror::open_local(work.path()).unwrap();
    let head = mirror.resolve(None).ok();
    let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
    scan_history_by(&mirror, head, &History::All, reading, &looking)
}

/// Scans with the memory, as the record that it is kept as, and compares with a scan that knows nothing.
fn same(work: &Work, memory: &mut Memory, after: &str) -> SecretsFound {
    let record = serde_json::to_string(&memory).unwrap();
    *memory = serde_json::from_str(&record).unwrap();
    let going_on = scan_with(work, Some(memory), 7);
    let whole = scan_with(work, None, 7);
    let said = |found: &SecretsFound| format!("{:#?}\n{:#?}", found.findings, found.diagnostics);
    assert_eq!(said(&going_on), said(&whole), "after {after}");
    assert_eq!((going_on.blobs, going_on.blob_bytes), (whole.blobs, whole.blob_bytes), "after {after}");
    whole
}

#[test]
fn every_kind_of_push() {
    let work = Work::new();
    let mut memory = Memory::default();
    let [first, second, third, fourth, message, side, tagged] = [61, 62, 63, 64, 65, 66, 67].map(token);
    let base = work.commit(&[("a.py", &format!("A = '{first}'\n")), ("b.txt", "nothing\n")], "base");
    same(&work, &mut memory, "the first scan");
    same(&work, &mut memory, "nothing new");
    work.commit(&[("a.py", &format!("# a line\nA = '{first}'\nB = '{second}'\n"))], "a new secret beside an old one");
    same(&work, &mut memory, "a push");
    work.git(&["mv", "a.py", "settings.py"]);
    work.commit(&[], "a rename: an old blob at a new path");
    same(&work, &mut memory, "a rename");
    work.git(&["checkout", "-q", "-b", "side"]);
    work.commit(&[("c.yml", &format!("token: {side}\n"))], &format!("by {message}"));
    same(&work, &mut memory, "a branch");
    work.git(&["checkout", "-q", "main"]);
    work.commit(&[("settings.py", "A = 1\n")], "taken out again");
    work.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    work.git(&["tag", "-a", "v1", "-m", &format!("release {tagged}")]);
    let found = same(&work, &mut memory, "a merge and a tag");
    assert_eq!(found.findings.len(), 5);
    work.git(&["branch", "-q", "-D", "side"]);
    same(&work, &mut memory, "a branch that was merged is deleted");
    work.git(&["gc", "-q", "--prune=now"]);
    same(&work, &mut memory, "a repack");
    work.commit(&[("d.py", &format!("x = '{third}'\n"))], "onto a pack");
    same(&work, &mut memory, "a push onto a pack");
    // who brought what is out of reach now, and comes back later
    let tip = work.git(&["rev-parse", "HEAD"]);
    work.git(&["tag", "-d", "v1"]);
    work.git(&["reset", "-q", "--hard", &base]);
    let found = same(&work, &mut memory, "a force-push");
    assert_eq!(found.findings.len(), 1);
    work.commit(&[("e.py", &format!("x = '{fourth}'\n"))], "another way");
    same(&work, &mut memory, "a push after it");
    work.git(&["update-ref", "refs/heads/back", &tip]);
    let found = same(&work, &mut memory, "the old way again");
    assert_eq!(found.findings.len(), 6);
    let record = serde_json::to_string(&memory).unwrap();
    assert!(record.len() > 1000);
    for secret in [&first, &second, &third, &fourth, &message, &side, &tagged] {
        assert!(!record.contains(&secret[4..]), "plaintext is remembered");
    }
}

#[test]
fn what_may_not_be_kept_or_was_not_read_is_not_remembered() {
    let work = Work::new();
    let mut memory = Memory::default();
    work.commit(&[("a.py", &format!("A = '{}'\n", token(71)))], "first");
    scan_with(&work, Some(&mut memory), 7);
    assert_ne!(memory, Memory::default());
    // another key: nothing of the memory counts
    assert_eq!(
        format!("{:?}", scan_with(&work, Some(&mut memory.clone()), 8)),
        format!("{:?}", scan_with(&work, None, 8))
    );
    // a path that holds a secret
    work.commit(&[(&format!("{}/a.py", token(72)), &format!("A = '{}'\n", token(73)))], "second");
    scan_with(&work, Some(&mut memory), 7);
    assert_eq!(memory, Memory::default());
    // an object that cannot be read
    let work = Work::new();
    work.commit(&[("a.txt", "one"), ("b.txt", &token(74))], "first");
    work.damage_loose(&work.git(&["rev-parse", "HEAD:a.txt"]));
    scan_with(&work, Some(&mut memory), 7);
    assert_eq!(memory, Memory::default());
}

#[test]
fn a_scan_that_was_told_to_stop_says_so_and_nothing_counts_as_read() {
    let work = Work::new();
    let [first, second] = [71, 72].map(token);
    work.commit(&[("a.py", &format!("A = '{first}'\n"))], "first");
    let mut memory = Memory::default();
    scan_with(&work, Some(&mut memory), 7);
    let before = memory.clone();
    work.commit(&[("b.py", &format!("B = '{second}'\n"))], "second");
    let asked = AtomicBool::new(true);
    let stopped =
        scan_by(&work, 7, Reading { memory: Some(&mut memory), stop: Stop::when(&asked), ..Reading::default() });
    let gaps: Vec<&str> = stopped.diagnostics.iter().filter(|said| said.gap).map(|said| said.reason.as_str()).collect();
    assert_eq!((stopped.findings.len(), gaps), (0, vec!["secrets were not looked for: cancelled"]));
    assert_eq!(memory, before, "the next scan reads what this one did not");
    assert_eq!(same(&work, &mut memory, "a scan that was stopped").findings.len(), 2);
}
