//! libgit2's process-wide settings, made once before anything else is asked of it.

use std::sync::Once;

use git2::ConfigLevel;

static PREPARED: Once = Once::new();

/// Cuts libgit2 off from the machine's and the user's git configuration, so that a scan depends on nothing but its arguments, and gives
/// network reads a time limit, so that a silent server cannot hold a worker for ever.
#[expect(
    unsafe_code,
    reason = "libgit2's options are process-wide; `Once` gives the outside synchronisation they ask for"
)]
pub(super) fn prepare() {
    PREPARED.call_once(|| {
        // SAFETY: called once, before any other use of libgit2 by this crate; a failure leaves the default in place.
        unsafe {
            for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
                let _ = git2::opts::set_search_path(level, "");
            }
            // A repository is only read, never checked out or run: whose files they are does not matter, and a container often
            // scans a mounted directory of somebody else.
            let _ = git2::opts::set_verify_owner_validation(false);
            let _ = git2::opts::set_server_connect_timeout_in_milliseconds(30_000);
            let _ = git2::opts::set_server_timeout_in_milliseconds(300_000);
            // The whole history is read once, in pack order: a cache of objects only costs memory.
            let _ = git2::opts::set_cache_max_size(64 << 20);
        }
        // Objects are protected by zlib's checksum; a SHA-1 over everything that is read would cost more than reading it.
        git2::opts::strict_hash_verification(false);
    });
}
