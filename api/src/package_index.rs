//! The package index that scans ask, from a configured address.

use std::path::{Path, PathBuf};

use scanner::package_index::{IndexAddress, PackageIndex, Settings};

/// The address that switches the index off.
pub const NONE: &str = "none";
/// The address that counts when none is configured.
pub const DEFAULT: &str = Settings::PUBLIC;

/// Why a configured index cannot be used. Never quotes the address, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum IndexConfigError {
    /// The address is none.
    #[error("expected the address of a package index, such as {DEFAULT}, or {NONE}")]
    Address,
    /// The certificates cannot be read.
    #[error("cannot read the certificates {path}: {source}")]
    Certificates {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// No client can be built.
    #[error("no client for the package index: {0}")]
    Client(String),
}

/// Checks an address without using it.
///
/// # Errors
/// [`IndexConfigError::Address`].
pub fn check(address: &str) -> Result<(), IndexConfigError> {
    if address == NONE {
        return Ok(());
    }
    address.parse::<IndexAddress>().map(|_| ()).map_err(|_| IndexConfigError::Address)
}

/// The index at `address`, kept below `cache`; `None` when it is switched off.
///
/// # Errors
/// [`IndexConfigError`].
pub fn open(
    address: &str,
    ca: Option<&Path>,
    cache: &Path,
    offline: bool,
) -> Result<Option<PackageIndex>, IndexConfigError> {
    if address == NONE {
        return Ok(None);
    }
    let mut settings = Settings::new(address.parse().map_err(|_| IndexConfigError::Address)?);
    settings.cache = Some(cache.to_owned());
    settings.offline = offline;
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| IndexConfigError::Certificates { path: path.to_owned(), source })
    };
    settings.ca = ca.map(read).transpose()?;
    PackageIndex::new(settings).map(Some).map_err(IndexConfigError::Client)
}
