//! No plaintext secret anywhere: every byte that a scan writes is searched for it.

use std::path::Path;

use scanner::secrets::{Engine, RuleSet, Text, example};

use crate::command::{World, git, of_kind};

/// The token that the sample repository once held, read from the repository itself.
fn token(repository: &Path) -> String {
    let repository = git2::Repository::open(repository).unwrap();
    let first = repository.head().unwrap().peel_to_commit().unwrap().parent(0).unwrap();
    let blob = first.tree().unwrap().get_name("publish.py").unwrap().to_object(&repository).unwrap();
    let text = String::from_utf8(blob.as_blob().unwrap().content().to_vec()).unwrap();
    text.split('"').find(|part| part.starts_with("ghp_")).unwrap().to_owned()
}

pub fn holds(path: &Path, needle: &[u8]) -> Vec<String> {
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

/// A repository with a secret of every rule, in every form of report and on every path that a secret could take out.
#[test]
fn a_repository_full_of_secrets_gives_none_away() {
    let world = World::new();
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let root = world.path("full");
    std::fs::create_dir_all(&root).unwrap();
    git(&root, &["init", "-q"]);
    let mut secrets = Vec::new();
    for rule in rules.rules() {
        let text = example::fill(&rule.positive[0], &format!("full {}", rule.id));
        let mut hits = Vec::new();
        engine.scan(&Text::new(text.as_bytes(), None), &mut hits);
        secrets.extend(hits.iter().map(|hit| text[hit.secret.clone()].to_owned()).filter(|secret| secret.len() >= 8));
        std::fs::write(root.join(format!("{}.txt", rule.id)), text).unwrap();
    }
    git(&root, &["add", "."]);
    git(&root, &["commit", "-q", "-m", &format!("with {}", secrets[0])]);
    let cache = world.path("cache");
    for format in ["text", "json", "jsonl", "sarif", "markdown", "csv", "github"] {
        let answer = world.scan(root.to_str().unwrap(), &["--format", format, "--cache-dir", cache.to_str().unwrap()]);
        for secret in &secrets {
            let known = answer.out.contains(secret.as_str()) || answer.err.contains(secret.as_str());
            assert!(!known, "{format} tells a secret of {} bytes", secret.len());
        }
        if format == "json" {
            assert!(of_kind(&answer.report(), "secret").len() > rules.rules().len() * 9 / 10);
        }
    }
    let kept = [cache, world.path("home")].into_iter().filter(|folder| folder.exists());
    for folder in kept {
        let written: Vec<_> = secrets.iter().flat_map(|secret| holds(&folder, secret.as_bytes())).collect();
        assert!(written.is_empty(), "{written:?}");
    }
}
