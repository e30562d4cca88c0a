//! What has to hold of the secrets of any bytes: text, notebooks, archives and what is encoded in them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use scanner::finding::Detail;
use scanner::isolation::OwnError;
use scanner::repository::MemorySnapshot;
use scanner::secrets::{Engine, FingerprintKey, Looking, RuleSet, scan_snapshot};

static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().expect("the rules of the program are valid"));
static ENGINE: LazyLock<Engine<'static>> = LazyLock::new(|| Engine::new(&RULES));

/// Looks at one file as a directory of its own.
pub fn of_file(path: &str, bytes: &[u8]) {
    let key = FingerprintKey::new([7; 32]);
    let looking = Looking { engine: &ENGINE, key: &key, repository: "fuzzed", provider: None };
    let found = scan_snapshot(&MemorySnapshot::new([(path, bytes)]), &looking);
    assert_eq!((found.blobs, found.blob_bytes), (1, bytes.len() as u64));
    let ids: BTreeSet<_> = found.findings.iter().map(|finding| &finding.id).collect();
    assert_eq!(ids.len(), found.findings.len(), "one secret is one finding");
    for finding in &found.findings {
        let Detail::Secret(detail) = &finding.detail else { panic!("{finding:?}") };
        assert!(!detail.occurrences.is_empty() && detail.in_head, "{finding:?}");
        for place in &detail.occurrences {
            assert_eq!(place.path.as_deref(), Some(path));
            assert!(place.line.is_none_or(|line| line > 0) && place.column.is_none_or(|column| column > 0));
        }
    }
    assert!(found.diagnostics.iter().all(|said| said.path.as_deref() == Some(path) && !said.reason.is_empty()));
    // what is isolated for users must not be hidden from a fuzzer
    assert!(found.diagnostics.iter().all(|said| said.reason != OwnError.to_string()), "{:?}", found.diagnostics);
}
