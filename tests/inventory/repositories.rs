//! The repositories these tests read.

use std::path::{Path, PathBuf};

use scanner::repository::MemorySnapshot;

/// Directories whose subdirectories are repositories: our own fixtures always, the shared real ones where they are, and any other that
/// `SECRETARYBIRD_TEST_LOCKFILES` names.
pub fn collections() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let own = root.join("tests/fixtures/inventory");
    let shared = root.join("../shared/data/lockfiles");
    let given = std::env::var_os("SECRETARYBIRD_TEST_LOCKFILES").map(PathBuf::from);
    [own, shared].into_iter().chain(given).filter(|directory| directory.is_dir()).collect()
}

pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut queue = vec![directory.to_owned()];
    while let Some(next) = queue.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { queue.push(path) } else { files.push(path) }
        }
    }
    files
}

pub fn snapshot_of(repository: &Path) -> MemorySnapshot {
    MemorySnapshot::new(files_below(repository).into_iter().map(|path| {
        let relative = path.strip_prefix(repository).unwrap().to_str().unwrap().to_owned();
        (relative, std::fs::read(&path).unwrap())
    }))
}
