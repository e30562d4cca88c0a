//! Usage over a large repository beside deptry, in the same run: files a second, and the ratio of CPU times (user and system, of all
//! threads and children), which a busy machine disturbs less than the clock does. The target is a third of deptry's time.
//!
//! The repository is `SECRETARYBIRD_BENCH_CHECKOUT`, or one made here of 4,000 files. deptry (PyPI) is taken from `SECRETARYBIRD_TEST_VENV`
//! or the PATH, and left out with a word when it is nowhere.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and stops when it cannot go on")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use scanner::inventory;
use scanner::repository::{DirectorySnapshot, Snapshot};
use scanner::usage::{WellKnown, judge};

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RUNS: usize = 3;

/// CPU seconds of this process so far, and those of its ended children.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // behind the program's name, which may hold spaces, fields 14 to 17 are utime, stime, cutime, cstime
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse().unwrap())
        .collect();
    // Linux counts in hundredths wherever it reports to programs
    fields.iter().sum::<u64>() as f64 / 100.0
}

/// The least CPU time and the least clock time of some runs.
fn least(mut run: impl FnMut()) -> (f64, f64) {
    let once = |_| {
        let (cpu, clock) = (cpu_seconds(), Instant::now());
        run();
        (cpu_seconds() - cpu, clock.elapsed().as_secs_f64())
    };
    let runs: Vec<(f64, f64)> = (0..RUNS).map(once).collect();
    let least = |of: fn(&(f64, f64)) -> f64| runs.iter().map(of).fold(f64::INFINITY, f64::min);
    (least(|run| run.0), least(|run| run.1))
}

/// A repository of `files` modules, each with some imports, functions and strings.
fn made(directory: &Path, files: usize) {
    let modules = ["requests", "yaml", "numpy as np", "pandas as pd", "click", "sqlalchemy", "jinja2", "attr"];
    std::fs::write(
        directory.join("pyproject.toml"),
        "[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"requests\", \"pyyaml\", \"numpy\", \"pandas\", \"click\", \"sqlalchemy\", \"jinja2\", \"attrs\", \"boto3\"]\n",
    )
    .unwrap();
    for number in 0..files {
        let package = directory.join(format!("app/part_{}", number / 100));
        std::fs::create_dir_all(&package).unwrap();
        std::fs::write(package.join("__init__.py"), "").unwrap();
        let mut text = String::from("import os\nimport typing as t\n");
        for step in 0..3 {
            writeln!(text, "import {}", modules[(number + step) % modules.len()]).unwrap();
        }
        for function in 0..40 {
            writeln!(
                text,
                "\n\ndef work_{function}(left: int, right: t.Optional[str] = None) -> dict:\n    \"\"\"Does {function}.\"\"\"\n    values = [item * {function} for item in range(left) if item % 2]\n    if right is None:\n        return {{\"path\": os.path.join(\"a\", f\"{{left}}\"), \"values\": values}}\n    return {{\"right\": right, \"sum\": sum(values)}}"
            )
            .unwrap();
        }
        std::fs::write(package.join(format!("module_{number}.py")), text).unwrap();
    }
}

fn deptry() -> Option<PathBuf> {
    let in_environment = std::env::var_os("SECRETARYBIRD_TEST_VENV").map(|venv| PathBuf::from(venv).join("bin/deptry"));
    let program = in_environment.filter(|program| program.is_file()).unwrap_or_else(|| PathBuf::from("deptry"));
    Command::new(&program).arg("--version").output().ok().filter(|said| said.status.success()).map(|_| program)
}

fn main() {
    let own = tempfile::tempdir().unwrap();
    let directory = match std::env::var_os("SECRETARYBIRD_BENCH_CHECKOUT") {
        Some(directory) => PathBuf::from(directory),
        None => {
            made(own.path(), 4_000);
            own.path().to_owned()
        }
    };
    let snapshot = DirectorySnapshot::open(&directory).unwrap();
    let files = snapshot.entries().iter().filter(|entry| entry.path.ends_with(".py")).count();
    let (cpu, clock) = least(|| {
        let snapshot = DirectorySnapshot::open(&directory).unwrap();
        let usage = judge(&snapshot, &inventory::read(&snapshot), &WellKnown);
        std::hint::black_box(usage.verdicts.len());
    });
    let rate = |seconds: f64| files as f64 / seconds.max(0.01);
    println!("{files} Python files: usage {cpu:.2} s CPU, {clock:.2} s, {:.0} files a CPU second", rate(cpu));
    let Some(program) = deptry() else {
        println!("deptry is neither in SECRETARYBIRD_TEST_VENV nor on the PATH: left out");
        return;
    };
    let (theirs, their_clock) = least(|| {
        let mut command = Command::new(&program);
        // it leaves tests out unless it is told otherwise, and answers 1 when it finds something
        command
            .args([".", "--exclude", "^\\.git/"])
            .current_dir(&directory)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
    });
    println!("deptry {theirs:.2} s CPU, {their_clock:.2} s, {:.0} files a CPU second", rate(theirs));
    println!("ratio of CPU times {:.1}, of clock times {:.1} (target 3)", theirs / cpu.max(0.01), their_clock / clock);
}
