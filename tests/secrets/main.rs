//! Secrets in the places where real git keeps them. Every secret is made at run time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod content;
mod damaged;
#[path = "../repository/git.rs"]
mod git;
mod memory;
mod places;
mod samples;
mod truth;
mod versions;

use content::token;
use git::Work;
use scanner::finding::{Confidence, Detail, SecretDetail};
use scanner::repository::{DirectorySnapshot, Mirror};
use scanner::secrets::{Engine, FingerprintKey, History, Looking, RuleSet, SecretsFound, scan_history, scan_snapshot};

/// Scans the repository's own directory.
pub fn scan(work: &Work, history: &History) -> SecretsFound {
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let key = FingerprintKey::new([7; 32]);
    let mirror = Mirror::open_local(work.path()).unwrap();
    let head = mirror.resolve(None).ok();
    scan_history(&mirror, head, history, &Looking { engine: &engine, key: &key, repository: "test", provider: None })
}

/// The one finding of this secret.
pub fn of<'f>(found: &'f SecretsFound, secret: &str) -> &'f SecretDetail {
    let fingerprint = scanner::secrets::Secret::new(secret.as_bytes()).fingerprint(&FingerprintKey::new([7; 32]));
    let mut details = found.findings.iter().filter_map(|finding| match &finding.detail {
        Detail::Secret(detail) if detail.fingerprint == fingerprint => Some(&**detail),
        _ => None,
    });
    let detail =
        details.next().unwrap_or_else(|| panic!("not found among {:#?} {:?}", found.findings, found.diagnostics));
    assert!(details.next().is_none(), "one secret is one finding");
    detail
}

#[test]
fn one_secret_is_one_finding_with_who_when_and_whether_it_is_still_there() {
    let work = Work::new();
    let (kept, deleted) = (token(1), token(2));
    let first = work.commit(&[("a.py", &format!("A = '{kept}'\nB = '{deleted}'\n"))], "first");
    work.commit(&[("a.py", &format!("# a comment\nA = '{kept}'\n"))], "second");
    let third = work.commit(&[("sub/b.py", &format!("x = 1\ny = '{kept}'\n"))], "third");
    let found = scan(&work, &History::All);
    assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
    assert_eq!(found.findings.len(), 2, "{:#?}", found.findings);
    let detail = of(&found, &kept);
    let places: Vec<_> = detail
        .occurrences
        .iter()
        .map(|place| {
            (place.path.as_deref().unwrap(), place.line.unwrap(), place.in_head, place.commit.clone().unwrap())
        })
        .collect();
    assert_eq!(places, [("a.py", 2, true, first.clone()), ("sub/b.py", 2, true, third)]);
    assert_eq!(detail.occurrences[0].author.as_deref(), Some("Ada <ada@example.org>"));
    assert!(detail.occurrences[0].time.is_some());
    let detail = of(&found, &deleted);
    assert!(!detail.in_head);
    assert_eq!(detail.occurrences.len(), 1);
    assert_eq!((detail.occurrences[0].line, detail.occurrences[0].commit.as_ref()), (Some(2), Some(&first)));
    assert_eq!(found.blobs, 3);
}

#[test]
fn merges_evil_ones_stashes_notes_pull_requests_and_leftovers() {
    let work = Work::new();
    let [evil, stashed, older, noted, pulled, left] = [3, 4, 5, 6, 7, 8].map(token);
    work.commit(&[("a.txt", "base\n")], "base");
    work.git(&["checkout", "-q", "-b", "side"]);
    work.commit(&[("b.txt", "side\n")], "side");
    work.git(&["checkout", "-q", "main"]);
    work.commit(&[("a.txt", "main\n")], "main");
    work.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
    let merge = work.commit(&[("a.txt", &format!("main {evil}\n"))], "merge");
    for secret in [&older, &stashed] {
        work.write("a.txt", format!("wip {secret}\n"));
        work.git(&["stash", "-q"]);
    }
    work.git(&["notes", "add", "-m", &noted]);
    work.git(&["checkout", "-q", "-b", "topic"]);
    let pull = work.commit(&[("c.txt", &pulled)], "topic");
    work.git(&["update-ref", "refs/pull/1/head", &pull]);
    let gone = work.commit(&[("d.txt", &left)], "gone");
    work.git(&["checkout", "-q", "main"]);
    work.git(&["branch", "-q", "-D", "topic"]);
    let found = scan(&work, &History::All);
    let place = &of(&found, &evil).occurrences[0];
    assert_eq!((place.commit.as_deref(), place.in_head), (Some(merge.as_str()), true));
    for secret in [&stashed, &older, &noted, &pulled] {
        assert!(!of(&found, secret).in_head);
    }
    assert_eq!(found.findings.len(), 5, "what no ref reaches is not told unless asked for: {gone}");
    let found = scan(&work, &History::Everything);
    assert_eq!(found.findings.len(), 6);
    let place = &of(&found, &left).occurrences[0];
    assert_eq!(place.place.as_deref(), Some("left behind, no ref reaches it"));
    work.git(&["gc", "-q", "--prune=now"]);
    assert_eq!(scan(&work, &History::All).findings.len(), 5, "packed and loose are the same");
}

#[test]
fn messages_names_and_refs() {
    let work = Work::new();
    let [message, author, tag, branch, file] = [11, 12, 13, 14, 15].map(token);
    work.commit(&[("a.txt", "x")], "first");
    let second = work.commit(&[(&format!("sub/{file}"), "y")], &format!("use\n\nthe token {message}"));
    work.git(&["commit", "-q", "--allow-empty", "--author", &format!("{author} <x@example.org>"), "-m", "third"]);
    work.git(&["tag", "-a", "v1", "-m", &format!("release {tag}")]);
    work.git(&["branch", &format!("try-{branch}")]);
    let found = scan(&work, &History::All);
    let first_place = |secret: &str| of(&found, secret).occurrences[0].clone();
    let place = first_place(&message);
    assert_eq!(
        (place.place.as_deref(), place.commit.as_deref(), place.line),
        (Some("commit message"), Some(&*second), Some(3))
    );
    assert_eq!(first_place(&author).place.as_deref(), Some("author or committer name"));
    assert_eq!(first_place(&tag).place.as_deref(), Some("tag message"));
    assert_eq!(first_place(&branch).place.as_deref(), Some("ref name"));
    let place = first_place(&file);
    assert_eq!((place.place.as_deref(), place.path.as_deref()), (Some("file name"), Some("sub")));
}

/// A name is new where no parent has it: in another folder, not with another content.
#[test]
fn names_that_hold_a_secret_are_told_by_who_brought_them() {
    let work = Work::new();
    let [file, folder, moved] = [16, 17, 18].map(token);
    let first = work.commit(&[(&format!("a/{file}"), "x"), ("a/b/c.txt", &token(19))], "first");
    work.commit(&[(&format!("a/{file}"), "y")], "another content");
    work.git(&["mv", "a", "z"]);
    let third = work.commit(&[], "another folder");
    work.git(&["checkout", "-q", "-b", "side"]);
    let fourth = work.commit(&[(&format!("{folder}/{moved}/x.txt"), "x")], "folders");
    work.git(&["checkout", "-q", "main"]);
    work.commit(&[("d.txt", "x")], "beside");
    work.git(&["merge", "-q", "--no-ff", "-m", "merge", "side"]);
    for packed in [false, true] {
        let found = scan(&work, &History::All);
        assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
        let places = |secret: &str| -> Vec<(String, String)> {
            let occurrences = of(&found, secret).occurrences.clone();
            occurrences.into_iter().map(|place| (place.path.unwrap(), place.commit.unwrap())).collect()
        };
        let expected = |all: &[(&str, &String)]| -> Vec<(String, String)> {
            all.iter().map(|(path, commit)| ((*path).to_owned(), (*commit).clone())).collect()
        };
        assert_eq!(places(&file), expected(&[("a", &first), ("z", &third)]), "packed: {packed}");
        assert_eq!(places(&folder), expected(&[(".", &fourth)]), "packed: {packed}");
        assert_eq!(places(&moved), expected(&[("(a name that holds a secret)", &fourth)]), "packed: {packed}");
        assert_eq!(places(&token(19)), expected(&[("a/b/c.txt", &first), ("z/b/c.txt", &third)]), "packed: {packed}");
        work.git(&["repack", "-q", "-a", "-d", "-f"]);
    }
}

#[test]
fn since_staged_and_the_tree_alone() {
    let work = Work::new();
    let [old, new, staged] = [21, 22, 23].map(token);
    let first = work.commit(&[("a.txt", &old), ("b.txt", "x")], "first");
    work.commit(&[("b.txt", &new)], "second");
    work.write("a.txt", format!("{old}\n{staged}\n"));
    work.git(&["add", "a.txt"]);
    work.write("c.txt", token(24));
    let since = scan(&work, &History::Since(first.parse().unwrap()));
    assert_eq!((since.findings.len(), since.blobs), (1, 1));
    of(&since, &new);
    let found = scan(&work, &History::Staged);
    assert_eq!(found.findings.len(), 1);
    assert_eq!(of(&found, &staged).occurrences[0].line, Some(2));
    let tree = scan(&work, &History::Tree);
    assert_eq!(tree.findings.len(), 2);
    assert!(of(&tree, &old).in_head);
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([7; 32]));
    let directory = DirectorySnapshot::open(work.path()).unwrap();
    let plain = scan_snapshot(&directory, &Looking { engine: &engine, key: &key, repository: "test", provider: None });
    assert_eq!(plain.findings.len(), 4, "the directory as it is, the unstaged file too");
}

#[test]
fn what_cannot_be_read_is_said() {
    let work = Work::new();
    let secret = token(31);
    work.commit(&[("a.txt", "one"), ("b.txt", &secret)], "first");
    let blob = work.git(&["rev-parse", "HEAD:a.txt"]);
    work.damage_loose(&blob);
    let found = scan(&work, &History::All);
    of(&found, &secret);
    let gaps: Vec<_> = found.diagnostics.iter().filter(|said| said.gap).collect();
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(gaps[0].path.as_deref(), Some("a.txt"));

    let work = Work::new();
    for number in 0..30 {
        work.commit(&[("a.txt", &format!("{}\n", token(100 + number)))], "next");
    }
    work.git(&["gc", "-q"]);
    assert_eq!(scan(&work, &History::All).findings.len(), 30);
    work.damage_pack();
    let found = scan(&work, &History::All);
    assert!(found.diagnostics.iter().any(|said| said.gap), "{:?}", found.diagnostics);

    let clone = tempfile::tempdir().unwrap();
    let work = Work::new();
    work.commit(&[("a.txt", "one")], "first");
    work.commit(&[("a.txt", "two")], "second");
    git::run(clone.path(), &["clone", "-q", "--depth", "1", &format!("file://{}", work.path().display()), "c"]);
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([7; 32]));
    let mirror = Mirror::open_local(&clone.path().join("c")).unwrap();
    let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
    let found = scan_history(&mirror, mirror.resolve(None).ok(), &History::All, &looking);
    assert!(found.diagnostics.iter().any(|said| said.gap && said.reason.contains("shallow")));
}

#[test]
fn no_plaintext_leaves() {
    let work = Work::new();
    let secrets: Vec<String> = (40..60).map(token).collect();
    for (number, secret) in secrets.iter().enumerate() {
        work.commit(&[(&format!("{number}/{secret}.txt"), secret)], &format!("message {secret}"));
    }
    let found = scan(&work, &History::Everything);
    let report = serde_json::to_string(&found.findings).unwrap();
    let said = format!("{found:?}{report}");
    assert!(found.findings.len() >= secrets.len());
    for secret in &secrets {
        assert!(!said.contains(secret.as_str()));
        assert!(!said.contains(&secret[4..]));
    }
}

/// Whoever clones this repository and scans it is told of no secret that counts: those of the tests are made when they run.
#[test]
fn our_own_sources_hold_none() {
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let key = FingerprintKey::new([7; 32]);
    for folder in ["advisories", "scanner", "api", "deploy"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        let looking = Looking { engine: &engine, key: &key, repository: "test", provider: None };
        let found = scan_snapshot(&DirectorySnapshot::open(&path).unwrap(), &looking);
        assert!(found.blobs > 0, "{folder}");
        let sure = found.findings.iter().filter(|finding| finding.confidence == Confidence::High);
        let places: Vec<_> = sure.map(|finding| (&finding.rule, &finding.location)).collect();
        assert!(places.is_empty(), "{folder}: {places:?}");
    }
}
