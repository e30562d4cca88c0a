//! Records that stand in a git repository or a directory.

use std::path::Path;

use advisories::feed::FeedKind;
use advisories::feed::sync::Outcome;

use crate::feeds::{affected, record, run};

fn commit(repository: &git2::Repository, files: &[(&str, &str)]) {
    let root = repository.workdir().unwrap();
    let mut index = repository.index().unwrap();
    for (path, text) in files {
        std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        std::fs::write(root.join(path), text).unwrap();
        index.add_path(Path::new(path)).unwrap();
    }
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::new("a", "a@example.org", &git2::Time::new(0, 0)).unwrap();
    let parent = repository.head().ok().map(|head| head.peel_to_commit().unwrap());
    repository.commit(Some("HEAD"), &who, &who, "m", &tree, &parent.iter().collect::<Vec<_>>()).unwrap();
}

const YAML: &str = "id: PYSEC-2024-1\naffected:\n- package: {name: pkg1, ecosystem: PyPI}\n  ranges:\n  - type: ECOSYSTEM\n    events:\n    - introduced: \"0\"\n    - fixed: \"FIX\"\n";

#[test]
fn a_repository_is_fetched_and_read_where_its_records_are() {
    let (upstream, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let repository = git2::Repository::init(upstream.path()).unwrap();
    let old = YAML.replace("FIX", "2.0");
    commit(
        &repository,
        &[("vulns/pkg1/PYSEC-2024-1.yaml", &old), ("README.yaml", "no: record"), (".github/x.yml", "a: b")],
    );
    let feeds = [format!("pypa=git+file://{}", upstream.path().display())];
    assert_eq!(run(state.path(), &feeds, 1_000).unwrap(), [(FeedKind::Pypa, Outcome::Updated { records: 1 })]);
    assert!(affected(state.path(), "1.0") && !affected(state.path(), "2.5"));
    assert_eq!(run(state.path(), &feeds, 2_000).unwrap(), [(FeedKind::Pypa, Outcome::Unchanged)]);

    commit(&repository, &[("README.md", "nothing that is a record")]);
    assert_eq!(run(state.path(), &feeds, 3_000).unwrap(), [(FeedKind::Pypa, Outcome::Unchanged)]);
    let new = YAML.replace("FIX", "3.0");
    commit(&repository, &[("vulns/pkg1/PYSEC-2024-1.yaml", &new), ("vulns/bad.yaml", "id: [")]);
    assert_eq!(run(state.path(), &feeds, 4_000).unwrap(), [(FeedKind::Pypa, Outcome::Updated { records: 1 })]);
    assert!(affected(state.path(), "2.5"));

    std::fs::remove_dir_all(upstream.path().join(".git")).unwrap();
    let outcome = run(state.path(), &feeds, 5_000).unwrap();
    assert!(matches!(&outcome[0].1, Outcome::Failed { .. }), "{outcome:?}");
    assert!(affected(state.path(), "2.5"), "the old content stays");
}

#[test]
fn a_directory_of_an_organisations_own_records() {
    let (own, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(own.path().join("python")).unwrap();
    std::fs::write(own.path().join("python/one.json"), record(1, "2.0")).unwrap();
    std::fs::write(own.path().join("two.yaml"), YAML.replace("2024-1", "2024-2").replace("FIX", "1.5")).unwrap();
    std::fs::write(own.path().join("notes.txt"), "no record").unwrap();
    let feeds = [format!("own=file://{}", own.path().display())];
    assert_eq!(run(state.path(), &feeds, 1_000).unwrap(), [(FeedKind::Own, Outcome::Updated { records: 2 })]);
    assert_eq!(run(state.path(), &feeds, 2_000).unwrap(), [(FeedKind::Own, Outcome::Unchanged)]);
    std::fs::write(own.path().join("python/one.json"), record(1, "3.0")).unwrap();
    assert_eq!(run(state.path(), &feeds, 3_000).unwrap(), [(FeedKind::Own, Outcome::Updated { records: 2 })]);
    assert!(affected(state.path(), "2.5"));
}
