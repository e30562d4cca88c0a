//! Our answers against an independent evaluation (Python and `packaging`), over the real archive and the real lockfiles.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use advisories::range::{Event, RangeKind};
use advisories::{AdvisoryIndex, PackageName, Version, load};
use scanner::inventory;
use scanner::repository::DirectorySnapshot;

/// ids of a group, and its lowest fix.
type Group = (Vec<String>, Option<String>);

fn data() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    path.exists().then_some(path)
}

/// The archive: the shared one, or our own small one on a machine without it.
fn archive() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/advisories/records.json");
    data().map_or(own, |data| data.join("advisories/pypi-all.zip"))
}

fn python(arguments: &[&str], input: String) -> String {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes the venv");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/evaluation/evaluation.py");
    let mut command = Command::new(Path::new(&venv).join("bin/python"));
    let mut child = command
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "the evaluation failed");
    String::from_utf8(output.stdout).unwrap()
}

fn ours(index: &AdvisoryIndex, name: &PackageName, version: &Version) -> Vec<Group> {
    let matches = index.matches(name, version).unwrap();
    let canonical = |fix: Version| fix.pep440().map_or_else(|| fix.to_string(), ToString::to_string);
    let mut groups: Vec<Group> = matches.into_iter().map(|it| (it.ids, it.closing_fix.map(canonical))).collect();
    groups.sort();
    groups
}

/// Every package of the archive with versions at, just below and just above its events, with and without local parts; of packages with very
/// many of them every n-th, to this many; `SECRETARYBIRD_VERSIONS` asks for more.
fn pairs(index: &AdvisoryIndex) -> Vec<(PackageName, String)> {
    let each: usize = std::env::var("SECRETARYBIRD_VERSIONS").map_or(5, |each| each.parse().expect("a number"));
    let mut asked: BTreeMap<PackageName, BTreeSet<String>> = BTreeMap::new();
    for number in 0..index.records() {
        let record = index.record(u32::try_from(number).unwrap()).unwrap();
        for affected in record.affected {
            let Some(name) = affected.package else { continue };
            let versions = asked.entry(name).or_insert_with(|| ["1!0.0.1".to_owned(), "2004d.x-q".to_owned()].into());
            versions.extend(affected.versions.iter().step_by(7).cloned());
            for event in
                affected.ranges.iter().filter(|range| range.kind != RangeKind::Git).flat_map(|range| &range.events)
            {
                let (Event::Introduced(text) | Event::Fixed(text) | Event::LastAffected(text) | Event::Limit(text)) =
                    event;
                versions.insert(text.clone());
                versions
                    .extend(["rc1", ".dev1", ".post1", ".1", "+cu118", ".0"].map(|suffix| format!("{text}{suffix}")));
            }
        }
    }
    let few = asked.into_iter().flat_map(|(name, versions)| {
        let step = versions.len().div_ceil(each);
        versions.into_iter().step_by(step).map(move |version| (name.clone(), version))
    });
    few.collect()
}

#[test]
fn matching_agrees_for_versions_around_every_event() {
    let archive = archive();
    let index = load(&archive, "2026-01-01T00:00:00Z").unwrap();
    let pairs = pairs(&index);
    let mut input = String::new();
    for (name, version) in &pairs {
        writeln!(input, "{}", serde_json::json!([name.as_str(), version])).unwrap();
    }
    let answer = python(&[archive.to_str().unwrap(), "pairs"], input);
    let theirs: Vec<Vec<Group>> = answer.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(theirs.len(), pairs.len());
    let mut hits = 0;
    let mut different = Vec::new();
    for ((name, version), theirs) in pairs.iter().zip(theirs) {
        let ours = ours(&index, name, &Version::new(version));
        hits += ours.len();
        if ours != theirs {
            different.push(format!("{name} {version}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}:\n{}",
        different.len(),
        pairs.len(),
        different[..different.len().min(10)].join("\n")
    );
    assert!(hits > 0);
    println!("{} pairs, {hits} groups, no difference", pairs.len());
}

#[test]
fn every_lockfile_has_the_same_packages_and_groups() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/advisories/locks");
    let root = data().map_or(own, |data| data.join("lockfiles"));
    let archive = archive();
    let index = load(&archive, "2026-01-01T00:00:00Z").unwrap();
    let snapshot = DirectorySnapshot::open(&root).unwrap();
    let mut found: BTreeMap<(String, String, String), Vec<Group>> = BTreeMap::new();
    for manifest in inventory::read(&snapshot).manifests {
        if !manifest.path.ends_with("uv.lock") && !manifest.path.ends_with("poetry.lock") {
            continue;
        }
        for package in manifest.packages.iter().filter(|package| !package.source.is_own_tree()) {
            if let Some(version) = &package.version {
                let key = (manifest.path.clone(), package.name.to_string(), version.to_string());
                found.insert(key, ours(&index, &package.name, version));
            }
        }
    }
    let answer = python(&[archive.to_str().unwrap(), "locks", root.to_str().unwrap()], String::new());
    let lines = answer.lines().map(|line| serde_json::from_str::<(String, String, String, Vec<Group>)>(line).unwrap());
    let theirs: BTreeMap<_, _> = lines.map(|(path, name, version, groups)| ((path, name, version), groups)).collect();
    assert!(!theirs.is_empty());
    let different: Vec<String> = found
        .keys()
        .chain(theirs.keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .filter(|key| found.get(*key) != theirs.get(*key))
        .map(|key| format!("{key:?}: ours {:?}, theirs {:?}", found.get(key), theirs.get(key)))
        .collect();
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different[..different.len().min(10)].join("\n"));
    let groups: usize = found.values().map(Vec::len).sum();
    println!("{} packages, {groups} groups, no difference", found.len());
}
