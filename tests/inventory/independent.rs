//! The (name, version) sets of every lockfile against an independent reader in Python.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod repositories;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use repositories::{collections, snapshot_of};
use scanner::inventory::{self, Manifest};

fn set_of(manifest: &Manifest) -> BTreeSet<String> {
    let matched = manifest.packages.iter().filter(|package| !package.source.is_own_tree());
    let text = |package: &inventory::Package| match &package.version {
        Some(version) => format!("{} {version}", package.name),
        None => package.name.to_string(),
    };
    matched.map(text).collect()
}

#[test]
fn every_lockfile_equals_an_independent_reading() {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/inventory/independent_reader.py");
    let (mut compared, mut differing) = (0, Vec::new());
    for collection in collections() {
        let output = Command::new(Path::new(&venv).join("bin/python")).arg(&script).arg(&collection).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let expected: BTreeMap<String, BTreeSet<String>> = serde_json::from_slice(&output.stdout).unwrap();
        let mut found = BTreeMap::new();
        for repository in std::fs::read_dir(&collection).unwrap().map(|entry| entry.unwrap().path()) {
            let name = repository.file_name().unwrap().to_str().unwrap().to_owned();
            for manifest in inventory::read(&snapshot_of(&repository)).manifests {
                found.insert(format!("{name}/{}", manifest.path), set_of(&manifest));
            }
        }
        for (path, expected) in &expected {
            let found = found.get(path).cloned().unwrap_or_default();
            let missing: Vec<_> = expected.difference(&found).collect();
            let invented: Vec<_> = found.difference(expected).collect();
            compared += expected.len();
            if !missing.is_empty() || !invented.is_empty() {
                differing.push(format!("{path}: missing {missing:?}, invented {invented:?}"));
            }
        }
    }
    assert!(differing.is_empty(), "{} files differ:\n{}", differing.len(), differing.join("\n"));
    assert!(compared > 50, "only {compared} packages compared");
}
