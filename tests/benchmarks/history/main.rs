//! A whole history for secrets, side by side with reading alone: `cargo bench --bench history -- REPOSITORY…`.
//!
//! Prints wall and CPU seconds of this process and their ratio. With `KINGFISHER` naming its program, kingfisher runs on the same
//! repository with validation off. Without arguments nothing is measured.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::time::{Duration, Instant};

use scanner::repository::Mirror;
use scanner::repository::pack::{ObjectKind, ObjectStore};
use scanner::secrets::{Engine, FingerprintKey, History, Looking, RuleSet, scan_history};

fn main() {
    let repositories: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    if repositories.is_empty() {
        println!("nothing to measure: name one or more repositories");
    }
    for repository in repositories {
        measure(Path::new(&repository));
    }
}

fn measure(path: &Path) {
    let mirror = Mirror::open_local(path).unwrap();
    let objects = mirror.repository().unwrap().commondir().join("objects");
    let ((read, _), reading) = timed(|| {
        ObjectStore::open(&objects).visit(
            1 << 30,
            |kind| kind == ObjectKind::Blob,
            |_, _, bytes| {
                std::hint::black_box(bytes.len());
            },
        )
    });
    println!("{}: {} blobs, {} MB", path.display(), read.objects, read.bytes >> 20);
    println!("  reading alone      {reading}");
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([0; 32]));
    let looking = Looking { engine: &engine, key: &key, repository: "benchmark" };
    let head = mirror.resolve(None).ok();
    let (found, scanning) = timed(|| scan_history(&mirror, head, &History::All, &looking));
    let gaps = found.diagnostics.iter().filter(|said| said.gap).count();
    println!("  secretarybird      {scanning}; {} findings, {gaps} gaps", found.findings.len());
    println!("  ratio of CPU to reading alone: {:.1}", scanning.cpu.as_secs_f64() / reading.cpu.as_secs_f64());
    if let Some(program) = std::env::var_os("KINGFISHER") {
        let (_, other) = timed(|| {
            std::process::Command::new(program)
                .args(["scan", "--no-validate", "--git-history", "full", "--quiet"])
                .arg(path)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .status()
        });
        println!("  kingfisher         {other}");
        println!("  ratio of its CPU to ours: {:.1}", other.cpu.as_secs_f64() / scanning.cpu.as_secs_f64());
    }
}

struct Cost {
    wall: Duration,
    cpu: Duration,
}

impl std::fmt::Display for Cost {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:7.2} s wall {:7.2} s CPU", self.wall.as_secs_f64(), self.cpu.as_secs_f64())
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Cost) {
    let (start, before) = (Instant::now(), cpu());
    let result = work();
    (result, Cost { wall: start.elapsed(), cpu: cpu().saturating_sub(before) })
}

/// CPU time of this process and its finished children: fields 14 to 17 of proc_pid_stat(5), in ticks of 10 ms.
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}
