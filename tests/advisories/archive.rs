//! The real archive, where the shared data is there.

use std::path::{Path, PathBuf};

use advisories::{Version, load, load_cached, snapshot};

/// The archive, or nothing on a machine without the shared data.
fn archive() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data/advisories/pypi-all.zip");
    path.exists().then_some(path)
}

#[test]
fn every_record_of_the_real_archive_is_read_and_kept() {
    let Some(path) = archive() else { return };
    let members = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap().len();
    let cache = tempfile::tempdir().unwrap();
    let index = load(&path, "2026-01-01T00:00:00Z").unwrap();
    assert_eq!(index.records(), members);
    assert_eq!(index.problems(), []);
    let matches = index.matches(&"requests".parse().unwrap(), &Version::new("2.31.0")).unwrap();
    let group = matches.iter().find(|it| it.ids.iter().any(|id| id == "CVE-2024-35195")).unwrap();
    assert_eq!(group.closing_fix, Some(Version::new("2.32.2")));

    assert_eq!(load_cached(&path, cache.path(), "2026-01-01T00:00:00Z").unwrap(), index);
    assert_eq!(
        load_cached(&path, cache.path(), "2026-01-02T00:00:00Z").unwrap(),
        index,
        "the second time from the cache"
    );
    assert_eq!(snapshot::decode(snapshot::encode(&index)).unwrap(), index);
}
