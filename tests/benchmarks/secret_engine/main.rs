//! How fast secrets are looked for, beside what the same bytes cost to merely pass over.
//!
//!     cargo bench -p scanner --bench secret_engine -- DIRECTORY...        (default: this repository's own sources)
//!     cargo bench -p scanner --bench secret_engine -- --list DIRECTORY    places of the hits instead of times, never their text

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a program for the terminal")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use scanner::secrets::rule::Form;
use scanner::secrets::{Engine, RuleSet, Text};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let list = arguments.iter().any(|argument| argument == "--list");
    let mut roots: Vec<PathBuf> =
        arguments.iter().filter(|argument| !argument.starts_with("--")).map(PathBuf::from).collect();
    if roots.is_empty() {
        roots.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    }
    let rules = RuleSet::builtin().expect("the built-in rules load");
    let started = Instant::now();
    let engine = Engine::new(&rules);
    let ready = started.elapsed();
    for root in roots {
        let mut files = Vec::new();
        read(&root, &mut files);
        if list { places(&engine, &root, &files) } else { times(&engine, &root, &files) }
    }
    if !list {
        println!("{} rules, engine ready in {:.1} ms", rules.rules().len(), ready.as_secs_f64() * 1e3);
    }
}

fn read(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_symlink() || path.file_name().is_some_and(|name| name == ".git" || name == "target") {
            continue;
        }
        if path.is_dir() {
            read(&path, files);
        } else if let Ok(bytes) = std::fs::read(&path) {
            files.push((path.to_string_lossy().into_owned(), bytes));
        }
    }
}

fn times(engine: &Engine<'_>, root: &Path, files: &[(String, Vec<u8>)]) {
    let megabytes = files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() as f64 / 1e6;
    let words: Vec<String> = engine
        .rules()
        .rules()
        .iter()
        .flat_map(|rule| match &rule.form {
            Form::Literal { literals, .. } => literals.clone(),
            Form::Context { keywords } => keywords.clone(),
            Form::Generic => Vec::new(),
        })
        .collect();
    let automaton = AhoCorasick::builder()
        .kind(Some(AhoCorasickKind::DFA))
        .ascii_case_insensitive(true)
        .build(words)
        .expect("words");
    let measure = |name: &str, run: &dyn Fn(&str, &[u8]) -> usize| {
        let mut best = f64::MAX;
        let mut count = 0;
        for _ in 0..3 {
            let started = Instant::now();
            count = files.iter().map(|(path, bytes)| run(path, bytes)).sum();
            best = best.min(started.elapsed().as_secs_f64());
        }
        println!("  {name:<34} {:>8.0} MB/s   {count} found", megabytes / best);
        best
    };
    println!("{}: {} files, {megabytes:.1} MB", root.display(), files.len());
    let lines = measure("memchr, line ends counted", &|_, bytes| memchr::memchr_iter(b'\n', bytes).count());
    let words = measure("aho-corasick DFA, all anchors", &|_, bytes| automaton.find_iter(bytes).count());
    let anchors = measure("our prefilter, anchors and cues", &|_, bytes| engine.anchors(bytes));
    let hits = measure("the whole engine", &|path, bytes| {
        let mut hits = Vec::new();
        engine.scan(&Text::new(bytes, Some(path)), &mut hits);
        hits.len()
    });
    println!(
        "  engine : memchr {:.1}×   engine : aho-corasick {:.2}×   engine : prefilter {:.2}×",
        hits / lines,
        hits / words,
        hits / anchors
    );
}

fn places(engine: &Engine<'_>, root: &Path, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        let mut hits = Vec::new();
        let shown = path.strip_prefix(&*root.to_string_lossy()).unwrap_or(path).trim_start_matches('/');
        engine.scan(&Text::new(bytes, Some(shown)), &mut hits);
        for hit in hits {
            let line = memchr::memchr_iter(b'\n', &bytes[..hit.secret.start]).count() + 1;
            let rule = engine.rules().get(hit.rule).map_or("", |rule| rule.id.as_str());
            println!(
                "{:?}\t{rule}\t{shown}:{line}\t{} bytes\t{}",
                hit.confidence,
                hit.secret.len(),
                hit.evidence.join("; ")
            );
        }
    }
}
