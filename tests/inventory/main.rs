//! The inventory seen from outside, over real repositories' manifests and damaged ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod cases;
mod corners;
mod damaged;
mod environments;
mod repositories;
mod round_trips;

use repositories::{collections, snapshot_of};
use scanner::inventory::{self, Role};

#[test]
fn real_lockfiles_are_understood_whole() {
    for collection in collections() {
        for repository in std::fs::read_dir(&collection).unwrap().map(|entry| entry.unwrap().path()) {
            let inventory = inventory::read(&snapshot_of(&repository));
            for manifest in inventory.manifests.iter().filter(|manifest| manifest.role == Role::Locked) {
                let gaps: Vec<_> = inventory
                    .diagnostics
                    .iter()
                    .filter(|found| found.gap && found.path.as_deref() == Some(manifest.path.as_str()))
                    .collect();
                assert!(gaps.is_empty(), "{}: {gaps:?}", repository.display());
                for package in manifest.packages.iter().filter(|package| !package.direct) {
                    for path in &package.via {
                        assert!(path.len() > 1 && path.last() == Some(&package.name), "{}: {path:?}", manifest.path);
                    }
                }
            }
        }
    }
}
