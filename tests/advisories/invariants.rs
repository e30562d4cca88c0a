//! What has to hold of any bytes that claim to be an OSV record; run here over damaged records, and by the fuzzer over anything.

use advisories::signals::Signals;
use advisories::{AdvisoryIndex, Version, osv, snapshot};

/// What is read comes back from the index, every version that a record lists is affected, and the snapshot says the same.
pub fn advisory(bytes: &[u8]) {
    let Ok(read) = osv::read(bytes) else { return };
    let record = read.advisory;
    let index = AdvisoryIndex::build(vec![record.clone()], Signals::default(), Vec::new(), "", "");
    assert_eq!(index.record(0).as_ref(), Ok(&record));
    let opened = snapshot::decode(snapshot::encode(&index)).expect("what was written opens");
    for affected in record.affected.iter().take(4) {
        let Some(name) = &affected.package else { continue };
        for version in affected.versions.iter().take(8).map(|text| Version::new(text)) {
            assert_eq!(index.is_affected(name, &version), record.withdrawn.is_none(), "{name} {version}");
            assert_eq!(opened.matches(name, &version), index.matches(name, &version));
        }
    }
}
