//! The target that `SECRETARYBIRD_FUZZ_TARGET` names. One program has all of them: each would be the whole scanner again.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

use std::sync::LazyLock;

static TARGET: LazyLock<String> = LazyLock::new(|| {
    std::env::var("SECRETARYBIRD_FUZZ_TARGET").expect("SECRETARYBIRD_FUZZ_TARGET names a target of targets/mod.rs")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::run(&TARGET, bytes));
