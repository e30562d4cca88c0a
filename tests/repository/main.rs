//! Mirrors and snapshots against real git: the `git` program makes the repositories, libgit2 reads them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod git;

use std::path::Path;

use git::Work;
use scanner::repository::{
    Access, DirectorySnapshot, EntryKind, GitSnapshot, Mirror, Origin, ReadError, RemoteUrl, RepositoryError, Snapshot,
};

fn remote(path: &Path) -> RemoteUrl {
    match Origin::parse(&format!("file://{}", path.display())).unwrap().0 {
        Origin::Remote(url) => url,
        Origin::Local(_) => unreachable!(),
    }
}

fn fetch(path: &Path, cache: &Path) -> Result<Mirror, RepositoryError> {
    Mirror::fetch(&remote(path), cache, &Access::default(), &mut |_| true)
}

#[test]
fn a_mirror_follows_its_origin_and_keeps_what_a_force_push_drops() {
    let work = Work::new();
    let cache = tempfile::tempdir().unwrap();
    let first = work.commit(&[("a.txt", "one")], "first");
    let left_over = work.commit(&[("a.txt", "two")], "second");
    work.git(&["tag", "-a", "v1", "-m", "release", &first]);
    work.git(&["update-ref", "refs/pull/7/head", &left_over]);
    let mirror = fetch(work.path(), cache.path()).unwrap();
    assert_eq!(mirror.resolve(None).unwrap().to_string(), left_over);
    assert_eq!(mirror.resolve(Some("v1")).unwrap().to_string(), first);
    assert_eq!(mirror.resolve(Some(&first[..9])).unwrap().to_string(), first);
    assert_eq!(mirror.resolve(Some("refs/pull/7/head")).unwrap().to_string(), left_over);

    work.git(&["update-ref", "-d", "refs/pull/7/head"]);
    work.git(&["reset", "-q", "--hard", &first]);
    let third = work.commit(&[("b.txt", "three")], "third");
    let mirror = fetch(work.path(), cache.path()).unwrap();
    assert_eq!(mirror.resolve(Some("main")).unwrap().to_string(), third);
    assert!(mirror.resolve(Some("refs/pull/7/head")).is_err(), "a ref that the origin dropped is dropped");
    assert_eq!(mirror.resolve(Some(&left_over)).unwrap().to_string(), left_over, "its objects are kept");
    let config = std::fs::read_to_string(mirror.git_dir().join("config")).unwrap();
    assert!(!config.contains("url"), "{config}");
}

#[test]
fn revisions_that_name_nothing_say_so() {
    let work = Work::new();
    let local = || Mirror::open_local(work.path()).unwrap();
    assert!(matches!(local().resolve(None), Err(RepositoryError::Empty)));
    assert!(matches!(local().resolve(Some("main")), Err(RepositoryError::Empty)));
    work.commit(&[("a.txt", "one")], "first");
    let error = local().resolve(Some("mian")).unwrap_err();
    assert_eq!(error.to_string(), "no commit, tag or branch `mian`; there are: main");
    assert!(matches!(local().resolve(Some("HEAD:a.txt")), Err(RepositoryError::NotACommit { .. })));
    let cache = tempfile::tempdir().unwrap();
    let empty = Work::new();
    assert!(matches!(fetch(empty.path(), cache.path()).unwrap().resolve(None), Err(RepositoryError::Empty)));
}

#[test]
fn targets_that_are_no_repository_say_which_and_why() {
    let plain = tempfile::tempdir().unwrap();
    let error = Mirror::open_local(plain.path()).unwrap_err();
    assert!(matches!(error, RepositoryError::NotARepository { .. }), "{error}");
    let absent = plain.path().join("absent");
    assert!(Mirror::open_local(&absent).unwrap_err().to_string().contains("absent"));
    let error = fetch(&absent, plain.path()).unwrap_err();
    assert!(matches!(error, RepositoryError::NoSuchRepository { .. }), "{error}");
    let sha256 = plain.path().join("sha256");
    git::run(plain.path(), &["init", "-q", "--object-format=sha256", "sha256"]);
    let error = Mirror::open_local(&sha256).unwrap_err();
    assert!(matches!(error, RepositoryError::Sha256 { .. }), "{error}");
}

#[test]
fn detached_heads_bare_repositories_and_worktrees() {
    let work = Work::new();
    let first = work.commit(&[("a.txt", "one")], "first");
    let second = work.commit(&[("a.txt", "two")], "second");
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    work.git(&["worktree", "add", "-q", "--detach", tree.to_str().unwrap(), &first]);
    assert_eq!(Mirror::open_local(&tree).unwrap().resolve(None).unwrap().to_string(), first);
    assert_eq!(Mirror::open_local(work.path()).unwrap().resolve(None).unwrap().to_string(), second);
    let bare = folder.path().join("bare.git");
    work.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    assert_eq!(Mirror::open_local(&bare).unwrap().resolve(None).unwrap().to_string(), second);
    work.git(&["checkout", "-q", "--detach"]);
    let loose = work.commit(&[("a.txt", "three")], "on no branch");
    let cache = folder.path().join("cache");
    assert_eq!(fetch(work.path(), &cache).unwrap().resolve(None).unwrap().to_string(), loose);
}

#[test]
fn a_damaged_mirror_is_made_anew_and_a_cancelled_fetch_leaves_none_of_it() {
    let work = Work::new();
    let commit = work.commit(&[("a.txt", "one")], "first");
    let cache = tempfile::tempdir().unwrap();
    let cancelled = Mirror::fetch(&remote(work.path()), cache.path(), &Access::default(), &mut |_| false);
    assert!(matches!(cancelled, Err(RepositoryError::Cancelled)), "{cancelled:?}");
    let mirror = fetch(work.path(), cache.path()).unwrap();
    std::fs::remove_file(mirror.git_dir().join("HEAD")).unwrap();
    std::fs::write(mirror.git_dir().join("objects/pack/pack_git2_left"), "half").unwrap();
    let mirror = fetch(work.path(), cache.path()).unwrap();
    assert_eq!(mirror.resolve(None).unwrap().to_string(), commit);
    assert!(!mirror.git_dir().join("objects/pack/pack_git2_left").exists());
}

#[test]
fn the_tree_of_a_commit() {
    let work = Work::new();
    work.write("src/a.py", "import os\n");
    work.git(&["add", "."]);
    std::os::unix::fs::symlink("/etc/passwd", work.path().join("link")).unwrap();
    std::fs::create_dir(work.path().join("vendored")).unwrap();
    let sub = "1234567890123456789012345678901234567890";
    work.git(&["update-index", "--add", "--cacheinfo", &format!("160000,{sub},vendored")]);
    let commit = work.commit(&[], "tree");
    let mirror = Mirror::open_local(work.path()).unwrap();
    let snapshot = GitSnapshot::open(&mirror, commit.parse().unwrap()).unwrap();
    let listed: Vec<_> = snapshot.entries().iter().map(|entry| (entry.path.as_str(), entry.kind, entry.size)).collect();
    let expected =
        [("link", EntryKind::Symlink, 11), ("src/a.py", EntryKind::File, 10), ("vendored", EntryKind::Submodule, 0)];
    assert_eq!(listed, expected);
    assert_eq!(snapshot.read("src/a.py").unwrap(), b"import os\n");
    assert_eq!(snapshot.read("link").unwrap(), b"/etc/passwd");
    assert!(matches!(snapshot.read("vendored"), Err(ReadError::NotAFile)));
    assert!(matches!(snapshot.read("src"), Err(ReadError::NotFound)));
    assert!(snapshot.diagnostics().iter().any(|said| said.path.as_deref() == Some("vendored") && !said.gap));
}

#[test]
fn a_blob_that_cannot_be_read_is_an_error_and_not_an_empty_file() {
    let work = Work::new();
    let commit = work.commit(&[("a.txt", "one"), ("b.txt", "two")], "first");
    let blob = work.git(&["rev-parse", "HEAD:a.txt"]);
    work.damage_loose(&blob);
    let snapshot = GitSnapshot::open(&Mirror::open_local(work.path()).unwrap(), commit.parse().unwrap()).unwrap();
    assert!(matches!(snapshot.read("a.txt"), Err(ReadError::Unreadable(_))));
    assert_eq!(snapshot.read("b.txt").unwrap(), b"two");
}

#[test]
fn a_plain_directory() {
    let folder = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("far"), "far").unwrap();
    let at = |path: &str| folder.path().join(path);
    for below in [".git", "venv/lib", "src"] {
        std::fs::create_dir_all(at(below)).unwrap();
    }
    for (path, text) in [(".git/config", "x"), ("venv/pyvenv.cfg", "x"), ("venv/lib/a.py", "x"), ("src/a.py", "a")] {
        std::fs::write(at(path), text).unwrap();
    }
    std::os::unix::fs::symlink(outside.path(), at("out")).unwrap();
    let status = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
    assert!(status.success());
    let snapshot = DirectorySnapshot::open(folder.path()).unwrap();
    let listed: Vec<_> = snapshot.entries().iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(listed, ["out", "src/a.py"]);
    assert_eq!(snapshot.read("src/a.py").unwrap(), b"a");
    assert!(matches!(snapshot.read("out/far"), Err(ReadError::NotFound)));
    assert_eq!(snapshot.diagnostics().len(), 2, "{:?}", snapshot.diagnostics());
}
