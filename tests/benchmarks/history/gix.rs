//! What reading alone costs by gitoxide.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use gix_features::progress::Discard;
use gix_pack::index::traverse::{SafetyCheck, with_index};

/// Reads every object of all packs along the trees of their deltas, on all cores, and checks no checksum, for we check none either.
pub fn read(objects: &Path) -> String {
    let (count, size) = (AtomicU64::new(0), AtomicU64::new(0));
    let files = std::fs::read_dir(objects.join("pack")).unwrap().map(|entry| entry.unwrap().path());
    for index in files.filter(|path| path.extension().is_some_and(|kind| kind == "idx")) {
        let pack = gix_pack::data::File::at(index.with_extension("pack"), Default::default()).unwrap();
        let index = gix_pack::index::File::at(&index, Default::default()).unwrap();
        let check = SafetyCheck::SkipFileAndObjectChecksumVerification;
        let options = with_index::Options { check, ..Default::default() };
        let read = index.traverse_with_index(
            &pack,
            |_, bytes, _, _| {
                count.fetch_add(1, Ordering::Relaxed);
                size.fetch_add(std::hint::black_box(bytes.len()) as u64, Ordering::Relaxed);
                Ok::<_, std::io::Error>(())
            },
            &mut Discard,
            &AtomicBool::new(false),
            options,
        );
        read.unwrap();
    }
    format!("{} objects, {} MB", count.into_inner(), size.into_inner() >> 20)
}
