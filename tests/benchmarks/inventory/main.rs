//! A `uv.lock` of 10 MB and 5,000 packages: the inventory beside the `toml` crate alone. The bound is a quarter of its speed.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops when it cannot go on")]

use std::fmt::Write;
use std::time::{Duration, Instant};

use scanner::inventory;
use scanner::repository::MemorySnapshot;

/// A lock of `packages` packages, each with five dependencies and enough wheels to fill the size.
fn lock(packages: usize, wheels: usize) -> String {
    let mut text = "version = 1\nrevision = 3\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"root\"\nversion = \"1\"\nsource = { virtual = \".\" }\ndependencies = [\n".to_owned();
    for index in (0..packages).step_by(50) {
        writeln!(text, "    {{ name = \"package-{index}\" }},").unwrap();
    }
    text.push_str("]\n");
    for index in 0..packages {
        write!(text, "\n[[package]]\nname = \"package-{index}\"\nversion = \"1.{index}.0\"\nsource = {{ registry = \"https://index.example.org/simple\" }}\ndependencies = [\n").unwrap();
        for step in [1, 7, 31, 127, 511] {
            writeln!(text, "    {{ name = \"package-{}\" }},", (index + step) % packages).unwrap();
        }
        text.push_str("]\nwheels = [\n");
        for wheel in 0..wheels {
            writeln!(text, "    {{ url = \"https://files.example.org/packages/00/11/{index:064}/package_{index}-1.{index}.0-cp3{wheel}-cp3{wheel}-manylinux_2_17_x86_64.whl\", hash = \"sha256:{wheel:064}\", size = 123456, upload-time = \"2026-01-01T00:00:00Z\" }},").unwrap();
        }
        text.push_str("]\n");
    }
    text
}

/// The best of seven runs.
fn best(mut run: impl FnMut()) -> Duration {
    (0..7)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed()
        })
        .min()
        .unwrap()
}

fn main() {
    for (packages, wheels) in [(5_000, 6), (10_000, 6)] {
        let text = lock(packages, wheels);
        let megabytes = text.len() as f64 / 1e6;
        let alone = best(|| {
            let value: toml::Table = toml::from_str(&text).unwrap();
            assert!(value.contains_key("package"));
        });
        let snapshot = MemorySnapshot::new([("uv.lock", text.as_str())]);
        let ours = best(|| assert_eq!(inventory::read(&snapshot).manifests[0].packages.len(), packages + 1));
        println!(
            "{packages} packages, {megabytes:.1} MB: toml alone {alone:?}, inventory {ours:?}, ratio of times {:.2} (bound 4)",
            ours.as_secs_f64() / alone.as_secs_f64()
        );
    }
}
