//! What has to hold of the packages of any bytes that claim to be a manifest.

use scanner::inventory::{self, Inventory, Manifest};
use scanner::isolation::OwnError;
use scanner::repository::MemorySnapshot;

/// Reads one file as a repository of its own and checks the answer.
pub fn manifest(path: &str, bytes: &[u8]) {
    let inventory = inventory::read(&MemorySnapshot::new([(path, bytes)]));
    // pip ends lines at all that Python does, form feeds too
    let ends = |letter: char| matches!(letter, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let lines = u32::try_from(String::from_utf8_lossy(bytes).split(ends).count()).unwrap_or(u32::MAX);
    for package in inventory.manifests.iter().flat_map(|manifest| &manifest.packages) {
        // UTF-16 has a line end in every other byte only
        assert!(package.line.is_none_or(|line| (1..=lines.saturating_mul(2)).contains(&line)), "{package:?}");
        assert!(package.via.iter().all(|way| way.len() > 1 && way.last() == Some(&package.name)), "{package:?}");
        assert!(!package.name.as_str().is_empty(), "{package:?}");
    }
    assert!(inventory.diagnostics.iter().all(|said| said.path.as_deref() == Some(path) && !said.reason.is_empty()));
    // what is isolated for users must not be hidden from a fuzzer
    assert!(
        inventory.diagnostics.iter().all(|said| said.reason != OwnError.to_string()),
        "{:?}",
        inventory.diagnostics
    );
    keeps_its_form(&inventory);
}

/// What is stored is what is read back.
fn keeps_its_form(inventory: &Inventory) {
    let written = serde_json::to_string(&inventory.manifests).unwrap_or_default();
    let read: Vec<Manifest> = serde_json::from_str(&written).unwrap_or_default();
    assert_eq!(read, inventory.manifests);
}
