//! No plaintext secret anywhere: every byte that a scan writes is searched for it.

use std::path::Path;

use crate::command::{World, of_kind};

/// The token that the sample repository once held, read from the repository itself.
fn token(repository: &Path) -> String {
    let repository = git2::Repository::open(repository).unwrap();
    let first = repository.head().unwrap().peel_to_commit().unwrap().parent(0).unwrap();
    let blob = first.tree().unwrap().get_name("publish.py").unwrap().to_object(&repository).unwrap();
    let text = String::from_utf8(blob.as_blob().unwrap().content().to_vec()).unwrap();
    text.split('"').find(|part| part.starts_with("ghp_")).unwrap().to_owned()
}

fn holds(path: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() {
            found.extend(holds(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn reports_errors_and_files_hold_no_secret() {
    let world = World::new();
    let samples = world.samples();
    let sample = samples.iter().find(|sample| sample.name == "reports").unwrap();
    let token = token(&sample.path);
    let url = format!("file://{}", sample.path.display());
    let cache = world.path("cache");
    for format in ["text", "json", "jsonl"] {
        let answer = world.scan(&url, &["--format", format, "--cache-dir", cache.to_str().unwrap()]);
        assert_eq!(answer.code, 1, "{}", answer.err);
        assert!(!answer.out.contains(&token) && !answer.err.contains(&token), "{format}");
        if format == "json" {
            assert_eq!(of_kind(&answer.report(), "secret").len(), 1);
        }
    }
    // a mirror's packs are compressed; whatever else lies there in plain text must not hold it
    assert_eq!(holds(world.root.path(), token.as_bytes()), Vec::<String>::new());
}

#[test]
fn a_password_in_the_target_is_never_printed() {
    let world = World::new();
    let password = ["hunter", "2", "hunter"].concat();
    let target = format!("https://someone:{password}@127.0.0.1:9/repository");
    let advisories = world.advisories();
    let answer = world.run(&["scan", &target, "--advisories", advisories.to_str().unwrap()]);
    assert_eq!(answer.code, 3, "{}", answer.err);
    assert!(answer.err.contains("127.0.0.1"), "{}", answer.err);
    assert!(!answer.err.contains(&password) && !answer.out.contains(&password));
}
