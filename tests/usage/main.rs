//! The truth set of unused packages: hand judgements on real public applications, kept as names and verdicts.
//!
//! Their code is not in this repository. With `SECRETARYBIRD_USAGE_CHECKOUTS` naming a directory of checkouts (see `compare.py`),
//! precision and recall are measured; without it only the files themselves are checked.

#![allow(clippy::unwrap_used, clippy::print_stderr, missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scanner::finding::{Detail, Kind};
use scanner::inventory;
use scanner::repository::DirectorySnapshot;
use scanner::usage::{WellKnown, judge};

struct Truth {
    name: String,
    unused: BTreeSet<String>,
    used: BTreeSet<String>,
}

fn truths() -> Vec<Truth> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/usage/truth");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let names = |table: &toml::Table, key: &str| table[key].as_table().unwrap().keys().cloned().collect();
    paths
        .iter()
        .map(|path| {
            let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            assert_eq!(table["commit"].as_str().unwrap().len(), 40, "{name}");
            Truth { name, unused: names(&table, "unused"), used: names(&table, "used") }
        })
        .collect()
}

#[test]
fn every_judgement_is_a_name_judged_once() {
    let truths = truths();
    assert!(truths.len() >= 109);
    assert!(truths.iter().map(|truth| truth.unused.len() + truth.used.len()).sum::<usize>() >= 4_800);
    for truth in truths {
        assert!(truth.unused.is_disjoint(&truth.used), "{}", truth.name);
        for name in truth.unused.iter().chain(&truth.used) {
            assert_eq!(advisories::PackageName::new(name).unwrap().as_str(), name, "{}", truth.name);
        }
    }
}

#[test]
fn unused_is_precise_and_complete_with_nothing_installed() {
    let Some(checkouts) = std::env::var_os("SECRETARYBIRD_USAGE_CHECKOUTS") else {
        eprintln!("left out: name a directory of checkouts in SECRETARYBIRD_USAGE_CHECKOUTS");
        return;
    };
    let (mut right, mut wrong, mut missed) = (0usize, 0usize, 0usize);
    for truth in truths() {
        let snapshot = DirectorySnapshot::open(&Path::new(&checkouts).join(&truth.name)).unwrap();
        let usage = judge(&snapshot, &inventory::read(&snapshot), &WellKnown);
        let unused = usage.verdicts.iter().filter(|finding| finding.kind == Kind::Unused);
        let said: BTreeSet<String> = unused
            .filter_map(|finding| match &finding.detail {
                Detail::Usage(detail) => Some(detail.package.to_string()),
                _ => None,
            })
            .filter(|name| truth.unused.contains(name) || truth.used.contains(name))
            .collect();
        right += said.intersection(&truth.unused).count();
        wrong += said.difference(&truth.unused).count();
        missed += truth.unused.difference(&said).count();
    }
    // at least 0.9 precise and 0.9 complete
    assert!(right * 10 >= (right + wrong) * 9, "{right} right, {wrong} wrong");
    assert!(right * 10 >= (right + missed) * 9, "{right} right, {missed} missed");
}
