//! Bad input: a clear message that names the thing, the rest goes on, and the exit code says it.

use std::io::Write as _;

use crate::command::{World, git, of_kind};

#[test]
fn a_corrupt_lockfile_does_not_hide_the_others() {
    let world = World::new();
    let path = world.files("app", &[
        ("uv.lock", "version = 1\n\n[[package]]\nname = \"jinja2\"\nversion = \"2.10\"\nsource = { registry = \"https://pypi.org/simple\" }\n\n[[package]\nname = \n"),
        ("requirements.txt", "requests==2.19.1\n"),
    ]);
    let answer = world.scan(path.to_str().unwrap(), &["--format", "json", "--fail-on", "none"]);
    let report = answer.report();
    assert_eq!((answer.code, &report["complete"]), (3, &false.into()));
    let diagnostics = report["diagnostics"].as_array().unwrap();
    let said = diagnostics.iter().find(|d| d["path"] == "uv.lock" && d["gap"] == true).expect("uv.lock is named");
    assert!(said["line"].as_u64().unwrap() >= 8, "{said:#}");
    let packages: Vec<_> = of_kind(&report, "vulnerability").iter().map(|f| f["package"].clone()).collect();
    assert!(packages.contains(&"requests".into()) && packages.contains(&"jinja2".into()), "{packages:?}");
    assert_eq!(world.scan(path.to_str().unwrap(), &["--fail-on", "none", "--on-error", "warn"]).code, 0);
    // who asks for secrets alone is told, and has a whole answer
    for (only, code) in [("secrets", 0), ("secrets,posture", 3), ("usage", 3)] {
        let answer = world.scan(path.to_str().unwrap(), &["--format", "json", "--fail-on", "none", "--only", only]);
        let report = answer.report();
        assert_eq!((answer.code, &report["complete"]), (code, &(code == 0).into()), "{only}");
        let named = report["diagnostics"].as_array().unwrap().iter().filter(|said| said["path"] == "uv.lock").count();
        assert_eq!(named, 1, "{only}: {:#}", report["diagnostics"]);
    }
}

#[test]
fn a_missing_feed_leaves_the_rest() {
    let world = World::new();
    let path = world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("a.py", "import os\n")]);
    let missing = world.path("nothing.zip");
    let arguments = ["scan", path.to_str().unwrap(), "--offline", "--format", "json", "--advisories"];
    let answer = world.run(&[&arguments[..], &[missing.to_str().unwrap()]].concat());
    let report = answer.report();
    assert_eq!((answer.code, &report["complete"]), (3, &false.into()), "{}", answer.err);
    assert!(report["diagnostics"].to_string().contains("nothing.zip"), "{:#}", report["diagnostics"]);
    assert_eq!(report["inventory"][0]["packages"][0]["name"], "requests");
    let no_cache = world.run(&arguments[..arguments.len() - 1]);
    assert_eq!(no_cache.code, 3);
    assert!(no_cache.report()["diagnostics"].to_string().contains("advisories sync"), "{}", no_cache.out);
}

#[test]
fn a_feed_that_is_no_archive_is_named() {
    let world = World::new();
    let path = world.files("app", &[("requirements.txt", "requests==2.19.1\n")]);
    let feed = world.path("feed.zip");
    std::fs::File::create(&feed).unwrap().write_all(b"PK\x03\x04 this is no archive").unwrap();
    let feed = feed.to_str().unwrap();
    let answer = world.run(&["scan", path.to_str().unwrap(), "--offline", "--format", "json", "--advisories", feed]);
    assert_eq!(answer.code, 3);
    assert!(answer.report()["diagnostics"].to_string().contains("feed.zip"), "{}", answer.out);
}

#[test]
fn wrong_targets_and_revisions_are_named() {
    let world = World::new();
    let samples = world.samples();
    let sample = samples[0].path.to_str().unwrap();
    let cases = [
        ("no/such/place", &[][..], 2, "no/such/place"),
        ("gopher://forge.example.org/x", &[], 2, "gopher"),
        ("https://", &[], 2, "https"),
        (sample, &["--rev", "no-such-branch"], 2, "no-such-branch"),
        (sample, &["--since", "no-such-branch"], 2, "no-such-branch"),
        (sample, &["--baseline", "no-such-report.json"], 2, "no-such-report.json"),
        (sample, &["--config", "no-such-config.toml"], 2, "no-such-config.toml"),
        (sample, &["--output", "no/such/directory/report"], 2, "no/such/directory/report"),
    ];
    for (target, arguments, code, named) in cases {
        let answer = world.scan(target, arguments);
        assert_eq!(answer.code, code, "{target} {arguments:?}: {}", answer.err);
        assert!(answer.err.contains(named), "{target} {arguments:?}: {}", answer.err);
        assert!(answer.out.is_empty(), "{}", answer.out);
    }
    let gone = format!("file://{}", world.path("gone").display());
    let answer = world.scan(&gone, &[]);
    assert_eq!(answer.code, 3, "{}", answer.err);
    assert!(answer.err.contains("gone"), "{}", answer.err);
}

#[test]
fn an_unreadable_blob_is_a_gap_and_the_rest_is_scanned() {
    let world = World::new();
    let path = world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("lost.py", "import os  # lost\n")]);
    git(&path, &["init", "-q"]);
    git(&path, &["add", "."]);
    git(&path, &["commit", "-qm", "one"]);
    let repository = git2::Repository::open(&path).unwrap();
    let tree = repository.head().unwrap().peel_to_tree().unwrap();
    let id = tree.get_name("lost.py").unwrap().id().to_string();
    let object = path.join(".git/objects").join(&id[..2]).join(&id[2..]);
    std::fs::remove_file(&object).unwrap();
    std::fs::write(&object, b"garbage").unwrap();
    let answer = world.scan(path.to_str().unwrap(), &["--format", "json"]);
    let report = answer.report();
    assert_eq!(report["complete"], false, "{report:#}");
    assert!(report["diagnostics"].to_string().contains("lost.py"), "{:#}", report["diagnostics"]);
    assert_eq!(of_kind(&report, "vulnerability").len(), 1);
}

#[test]
fn a_work_tree_without_a_commit_is_not_taken_for_clean() {
    let world = World::new();
    let path = world.files("app", &[("requirements.txt", "requests==2.19.1\n")]);
    git(&path, &["init", "-q"]);
    for _ in 0..2 {
        let answer = world.scan(path.to_str().unwrap(), &["--format", "json"]);
        assert_eq!(answer.code, 3, "{}", answer.err);
        assert!(answer.report()["diagnostics"].to_string().contains("nothing is committed yet"));
        // what is staged is no commit either
        git(&path, &["add", "."]);
    }
    git(&path, &["commit", "-qm", "one"]);
    let answer = world.scan(path.to_str().unwrap(), &["--format", "json"]);
    assert_eq!(answer.report()["complete"], true, "{}", answer.err);
}

#[test]
fn an_empty_repository_and_an_empty_directory_are_clean() {
    let world = World::new();
    let repository = world.files("repository", &[]);
    std::fs::create_dir_all(&repository).unwrap();
    git(&repository, &["init", "-q"]);
    let directory = world.path("directory");
    std::fs::create_dir_all(&directory).unwrap();
    for path in [repository, directory] {
        let answer = world.scan(path.to_str().unwrap(), &["--format", "json"]);
        assert_eq!(answer.code, 0, "{}", answer.err);
        assert_eq!(answer.report()["complete"], true);
    }
}
