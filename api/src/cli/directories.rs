//! Where the command line keeps things: the cache (mirrors, advisories) and the key of secrets' identities.

use std::path::{Path, PathBuf};

use super::exit::Failure;

/// The cache directory: the one given, or the user's.
pub fn cache(given: Option<&Path>) -> Result<PathBuf, Failure> {
    match (given, project()) {
        (Some(path), _) => Ok(path.to_owned()),
        (None, Some(project)) => Ok(project.cache_dir().to_owned()),
        (None, None) => Err(Failure::usage("there is no home directory for the cache; give --cache-dir")),
    }
}

/// The file with the key of secrets' identities. It lies apart from the cache, so that emptying the cache changes no identity.
pub fn fingerprint_key(cache: &Path) -> PathBuf {
    project().map_or_else(|| cache.join("fingerprint.key"), |project| project.data_dir().join("fingerprint.key"))
}

fn project() -> Option<directories::ProjectDirs> {
    directories::ProjectDirs::from("", "", "secretarybird")
}
