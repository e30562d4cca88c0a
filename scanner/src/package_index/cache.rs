//! Answers kept on disk: pages by index and project with their validators, what was read of a file for ever under its hash.
//!
//! A cache that cannot be written costs the next scan a request and nothing else; what cannot be read back counts as not kept.

use std::io::Write;
use std::path::{Path, PathBuf};

use advisories::PackageName;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::page::Project;

/// Raised when the form of what is kept changes; older files are asked for again.
const SCHEMA: &str = "v1";

#[derive(Debug, Clone)]
pub(super) struct Cache {
    /// `pages/` of this index.
    pages: PathBuf,
    files: PathBuf,
}

/// A page as it was answered.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeptPage {
    /// When the index last said so.
    pub asked: Timestamp,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// `None`: the index has no such project.
    pub project: Option<Project>,
}

impl Cache {
    pub fn new(root: &Path, index: &Url) -> Self {
        let root = root.join("package-index").join(SCHEMA);
        let index = hex::encode(Sha256::digest(index.as_str().as_bytes()));
        Self { pages: root.join("pages").join(&index[..16]), files: root.join("files") }
    }

    pub fn page(&self, package: &PackageName) -> Option<KeptPage> {
        read(&self.page_at(package))
    }

    pub fn keep_page(&self, package: &PackageName, page: &KeptPage) {
        write(&self.page_at(package), page);
    }

    pub fn of_file<T: DeserializeOwned>(&self, sha256: &str, what: &str) -> Option<T> {
        read(&self.file_at(sha256, what))
    }

    pub fn keep_of_file<T: Serialize>(&self, sha256: &str, what: &str, value: &T) {
        write(&self.file_at(sha256, what), value);
    }

    /// Normalised names have no separator and no leading dot.
    fn page_at(&self, package: &PackageName) -> PathBuf {
        self.pages.join(format!("{package}.json"))
    }

    /// `sha256` was checked to be 64 hexadecimal digits where it was read.
    fn file_at(&self, sha256: &str, what: &str) -> PathBuf {
        self.files.join(&sha256[..2]).join(format!("{sha256}.{what}.json"))
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            tracing::debug!(%error, path = %path.display(), "not read from the cache");
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Some(value),
        Err(error) => {
            tracing::debug!(%error, path = %path.display(), "damaged in the cache; asked for again");
            None
        }
    }
}

fn write<T: Serialize>(path: &Path, value: &T) {
    let written = || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        // many processes share the cache: a reader sees the old content or the new
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(value)?)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    if let Err(error) = written() {
        tracing::debug!(%error, path = %path.display(), "not kept");
    }
}
