//! The package index that scans ask, from a configured address.

use std::path::{Path, PathBuf};
use std::time::Duration;

use scanner::package_index::{IndexAddress, PackageIndex, Settings};

/// The address that switches the index off.
pub const NONE: &str = "none";
/// The address that counts when none is configured.
pub const DEFAULT: &str = Settings::PUBLIC;
/// How many seconds one piece of work waits for the index when nothing else is configured.
pub const PATIENCE: u64 = Settings::PATIENCE;

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

/// Whether and how long an index is asked.
#[derive(Debug, Clone, Copy)]
pub enum How {
    /// Only what is kept answers.
    Offline,
    /// It is asked.
    Asked {
        /// How long one piece of work waits for all of its questions together.
        patience: Duration,
    },
}

impl Default for How {
    fn default() -> Self {
        Self::Asked { patience: Duration::from_secs(PATIENCE) }
    }
}

/// The index at `address`, kept below `cache`; `None` when it is switched off.
///
/// # Errors
/// [`IndexConfigError`].
pub fn open(
    address: &str,
    ca: Option<&Path>,
    cache: &Path,
    how: How,
) -> Result<Option<PackageIndex>, IndexConfigError> {
    if address == NONE {
        return Ok(None);
    }
    let mut settings = Settings::new(address.parse().map_err(|_| IndexConfigError::Address)?);
    settings.cache = Some(cache.to_owned());
    match how {
        How::Offline => settings.offline = true,
        How::Asked { patience } => settings.patience = patience,
    }
    let read = |path: &Path| {
        std::fs::read(path).map_err(|source| IndexConfigError::Certificates { path: path.to_owned(), source })
    };
    settings.ca = ca.map(read).transpose()?;
    PackageIndex::new(settings).map(Some).map_err(IndexConfigError::Client)
}
