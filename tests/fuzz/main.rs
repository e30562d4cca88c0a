//! Every fuzz target over its corpus, whole and damaged, on a stable toolchain.
//!
//! `SECRETARYBIRD_FUZZ_SECONDS=600 cargo test -p scanner --test fuzz` goes on for that long, each time from another seed;
//! `SECRETARYBIRD_FUZZ_CORPUS=DIR` also writes the seeds there, one directory a target, which is what `tests/fuzz/run` hands to cargo-fuzz.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stderr, reason = "what to run again is said beside the panic")]

#[allow(dead_code, reason = "the targets read single files")]
#[path = "../inventory/repositories.rs"]
mod repositories;

#[path = "../secrets/content.rs"]
mod content;

mod damage;
mod specimens;
mod targets;

use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use damage::Random;
use repositories::{collections, files_below};
use targets::{ALL, Target};

/// Larger files are for the benchmarks.
const MAX_SEED: usize = 60_000;
/// Seeds of one target, and damaged inputs of one target, in a run without `SECRETARYBIRD_FUZZ_SECONDS`.
const MAX_SEEDS: usize = 60;
const ROUNDS: usize = 150;

/// What no file of the fixtures holds: advisories one by one, and secrets, which are made here.
fn made(target: &Target) -> Vec<Vec<u8>> {
    let secrets = |wanted: fn(&str) -> bool| {
        let all = specimens::specimens().into_iter();
        all.filter(|(name, _)| wanted(name)).map(|(_, bytes)| bytes).collect()
    };
    match target.name {
        "advisory" => {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/advisories/records.json");
            let records: Vec<serde_json::Value> = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            records.iter().map(|record| record.to_string().into_bytes()).collect()
        }
        "secrets_text" => secrets(|name| [".py", ".txt", ".json", ".js"].iter().any(|end| name.ends_with(end))),
        "secrets_notebook" => secrets(|name| name.ends_with(".ipynb")),
        "secrets_container" => {
            secrets(|name| [".gz", ".zip", ".tar", ".sqlite", ".pyc"].iter().any(|end| name.ends_with(end)))
        }
        _ => Vec::new(),
    }
}

/// What is made, and the files of the fixtures and of the shared data that a target reads, smallest first.
fn seeds(target: &Target) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = collections().iter().flat_map(|collection| files_below(collection)).collect();
    files.retain(|path| path.file_name().is_some_and(|name| (target.takes)(&name.to_string_lossy())));
    let mut seeds: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).unwrap()).collect();
    seeds.retain(|bytes| !bytes.is_empty() && bytes.len() <= MAX_SEED);
    seeds.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
    seeds.dedup();
    seeds.truncate(MAX_SEEDS);
    [made(target), seeds].concat()
}

fn write(directory: &Path, target: &Target, seeds: &[Vec<u8>]) {
    let directory = directory.join(target.name);
    std::fs::create_dir_all(&directory).unwrap();
    for (number, seed) in seeds.iter().enumerate() {
        std::fs::write(directory.join(format!("seed-{number:03}")), seed).unwrap();
    }
}

#[test]
fn no_input_breaks_a_parser() {
    let seconds =
        std::env::var("SECRETARYBIRD_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let limit = seconds.map(|seconds: u64| Duration::from_secs(seconds) / u32::try_from(ALL.len()).unwrap());
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let number = if limit.is_some() { clock } else { 0x5EC2_E7A2 };
    let mut random = Random::new(number);
    for target in ALL {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "{} has no corpus", target.name);
        if let Some(directory) = std::env::var_os("SECRETARYBIRD_FUZZ_CORPUS") {
            write(Path::new(&directory), target, &seeds);
        }
        seeds.iter().for_each(|seed| (target.run)(seed));
        let start = Instant::now();
        let mut round = 0;
        while limit.map_or(round < ROUNDS, |limit| start.elapsed() < limit) {
            let mut bytes = seeds[random.below(seeds.len())].clone();
            random.damage(&mut bytes);
            run(target, &bytes, number);
            round += 1;
        }
    }
}

/// Runs one input, and keeps it where it can be found when it breaks the target.
fn run(target: &Target, bytes: &[u8], seed: u64) {
    let outcome = std::panic::catch_unwind(|| (target.run)(bytes));
    if let Err(panic) = outcome {
        let path = std::env::temp_dir().join(format!("secretarybird-fuzz-{}", target.name));
        std::fs::write(&path, bytes).unwrap();
        eprintln!("{} (seed {seed}): the input is kept in {}", target.name, path.display());
        std::panic::resume_unwind(panic);
    }
}
