//! A whole history for secrets, side by side with reading alone: `cargo bench -p scanner --bench history -- REPOSITORY…`.
//!
//! Each way runs as a process of its own, one after the other, so that CPU time (user and system) and memory are its own:
//! `read` inflates every blob and looks at none, `gix` is gitoxide's traversal of the packs (all objects, for it has no other), `scan` is what a scan does, `full` is the same with every version of a file
//! looked at as a whole, and kingfisher, with validation off, where `KINGFISHER` names its program. Memory is the peak of what is not a mapped
//! file. `scan` and `full` must find the same; whether they do is printed. `first` is a scan that remembers what it saw, and `push` the one after
//! it when one commit came on top, with reading the rules and the memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, missing_docs)]

mod gix;
mod process;
mod push;

use std::path::Path;

use process::{Cost, Run};
use scanner::repository::Mirror;
use scanner::repository::pack::{ObjectKind, ObjectStore};
use scanner::secrets::{
    Engine, FingerprintKey, History, Looking, Reading, RuleSet, SecretsFound, Versions, scan_history_by,
};

/// As the program itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [way, repository, memory @ ..] = &arguments[..]
        && let Some(way) = way.strip_prefix("--only=")
    {
        println!("{}", run(way, Path::new(repository), memory.first().map(Path::new)));
        return;
    }
    if arguments.is_empty() {
        println!("nothing to measure: name one or more repositories");
    }
    for repository in arguments {
        compare(&repository);
    }
}

fn compare(repository: &str) {
    println!("{repository}");
    let ours = |way: &str, arguments: &[&str]| {
        let way_of = format!("--only={way}");
        let all = [&[&*way_of][..], arguments].concat();
        let run = Run::of(&std::env::current_exe().unwrap(), &all);
        println!("  {way:<11} {}   {}", run.cost, run.said);
        run
    };
    let [read, gix, scan, full] = ["read", "gix", "scan", "full"].map(|way| ours(way, &[repository]));
    let ratio = |one: &Cost, other: &Cost| one.cpu.as_secs_f64() / other.cpu.as_secs_f64();
    println!("  scan : read {:.2}   full : read {:.2}", ratio(&scan.cost, &read.cost), ratio(&full.cost, &read.cost));
    println!("  scan : gix {:.2}", ratio(&scan.cost, &gix.cost));
    println!("  scan and full find the same: {}", scan.said == full.said);
    let copy = push::Copy::of(Path::new(repository));
    let (path, memory) = (copy.path().to_str().unwrap(), copy.memory());
    let first = ours("first", &[path, memory.to_str().unwrap()]);
    copy.commit();
    let push = ours("push", &[path, memory.to_str().unwrap()]);
    println!("  push : first {:.4}, a memory of {} KB", ratio(&push.cost, &first.cost), copy.memory_size() >> 10);
    if let Some(program) = std::env::var_os("KINGFISHER") {
        let options = ["scan", "--no-validate", "--git-history", "full", "--no-update-check", "--quiet"];
        let run = Run::of(Path::new(&program), &[&options[..], &[repository]].concat());
        println!("  kingfisher  {}", run.cost);
        println!("  kingfisher : scan {:.1}", ratio(&run.cost, &scan.cost));
    }
}

fn run(way: &str, path: &Path, memory: Option<&Path>) -> String {
    let mirror = Mirror::open_local(path).unwrap();
    let versions = match way {
        "scan" | "first" | "push" => Versions::ByChanges,
        "full" => Versions::InFull,
        "gix" => return gix::read(&mirror.repository().unwrap().commondir().join("objects")),
        _ => {
            let objects = mirror.repository().unwrap().commondir().join("objects");
            let visit = |_, _: &_, bytes: &[u8]| {
                std::hint::black_box(bytes.len());
            };
            let (read, _) = ObjectStore::open(&objects).visit(128 << 20, |kind| kind == ObjectKind::Blob, visit);
            return format!("{} blobs, {} MB", read.objects, read.bytes >> 20);
        }
    };
    let rules = RuleSet::builtin().unwrap();
    let (engine, key) = (Engine::new(&rules), FingerprintKey::new([0; 32]));
    let looking = Looking { engine: &engine, key: &key, repository: "benchmark", provider: None };
    let head = mirror.resolve(None).ok();
    let mut known = memory.map(push::recall);
    let reading = Reading { versions, memory: known.as_mut(), ..Reading::default() };
    let found = scan_history_by(&mirror, head, &History::All, reading, &looking);
    if let (Some(path), Some(known)) = (memory, known) {
        push::keep(path, &known);
    }
    said(&found)
}

/// Numbers, and a hash over everything that was found, occurrences included.
fn said(found: &SecretsFound) -> String {
    let gaps = found.diagnostics.iter().filter(|said| said.gap).count();
    let hash = blake3::hash(format!("{:?} {:?}", found.findings, found.diagnostics).as_bytes()).to_hex();
    format!("{} blobs, {} findings, {gaps} gaps, all of it {}", found.blobs, found.findings.len(), &hash[..12])
}
