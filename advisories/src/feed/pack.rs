//! Feeds that are no single file: a git repository or a directory of records, packed into the archive that a feed's content is.
//!
//! A repository is kept as a bare mirror beside the content and only what is new is fetched; nothing of it is checked out. Its archive is
//! the same for the same commit, so that its digest tells whether something changed. libgit2 takes its proxy and certificates from
//! the environment (`HTTPS_PROXY`, `SSL_CERT_FILE`).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use git2::{FetchOptions, ProxyOptions, Repository, Tree};
use url::Url;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::FeedKind;
use super::download::Validators;

const HEAD: &str = "refs/secretarybird/head";
/// Directories deeper than this are no advisory database.
const DEPTH: usize = 16;
const RECORD_LIMIT: u64 = 64 << 20;

/// The address of a git repository, where the feed's is one (`git+https://…`).
#[must_use]
pub fn git_address(url: &Url) -> Option<&str> {
    url.as_str().strip_prefix("git+")
}

/// Fetches the repository's default branch and packs its records to `part`. `None` when it is the commit that `known` names.
///
/// # Errors
/// In a sentence.
pub fn fetch(
    address: &str,
    kind: FeedKind,
    known: &Validators,
    mirror: &Path,
    part: &Path,
) -> Result<Option<Validators>, String> {
    let said = |error: git2::Error| error.message().to_owned();
    let repository = Repository::open_bare(mirror).or_else(|_| Repository::init_bare(mirror)).map_err(said)?;
    let mut remote = repository.remote_anonymous(address).map_err(said)?;
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    let mut options = FetchOptions::new();
    options.proxy_options(proxy).download_tags(git2::AutotagOption::None).update_fetchhead(false);
    // libgit2's transport for directories knows no shallow fetch
    if !address.starts_with("file:") {
        options.depth(1);
    }
    remote.fetch(&[format!("+HEAD:{HEAD}")], Some(&mut options), None).map_err(said)?;
    let commit = repository.find_reference(HEAD).and_then(|head| head.peel_to_commit()).map_err(said)?;
    let version = commit.id().to_string();
    if known.etag.as_ref() == Some(&version) {
        return Ok(None);
    }
    let mut archive = Archive::create(part).map_err(|error| error.to_string())?;
    archive.tree(&repository, &commit.tree().map_err(said)?, "repository", kind, 0)?;
    archive.finish().map_err(|error| error.to_string())?;
    Ok(Some(Validators { etag: Some(version), last_modified: None }))
}

/// Packs the records below a directory to `part`; symbolic links are not followed.
///
/// # Errors
/// When the directory or a file of it cannot be read.
pub fn directory(root: &Path, part: &Path) -> io::Result<()> {
    let mut archive = Archive::create(part)?;
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        let mut entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type()?);
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if kind.is_dir() && !hidden {
                waiting.push(path);
            } else if kind.is_file() && is_record(&name) && entry.metadata()?.len() <= RECORD_LIMIT {
                archive.file(&format!("directory/{name}"), &fs::read(&path)?)?;
            }
        }
    }
    archive.finish()
}

fn is_record(name: &str) -> bool {
    [".json", ".yaml", ".yml"].iter().any(|ending| name.ends_with(ending))
}

struct Archive(ZipWriter<File>);

impl Archive {
    fn create(path: &Path) -> io::Result<Self> {
        Ok(Self(ZipWriter::new(File::create(path)?)))
    }

    fn file(&mut self, name: &str, bytes: &[u8]) -> io::Result<()> {
        // without times, so that equal records are equal archives
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(zip::DateTime::default());
        self.0.start_file(name, options).map_err(io::Error::other)?;
        self.0.write_all(bytes)
    }

    fn tree(
        &mut self,
        repository: &Repository,
        tree: &Tree<'_>,
        folder: &str,
        kind: FeedKind,
        depth: usize,
    ) -> Result<(), String> {
        for entry in tree {
            let Ok(name) = entry.name() else { continue };
            let path = format!("{folder}/{name}");
            match entry.kind() {
                Some(git2::ObjectType::Tree) if depth < DEPTH && leads_to_records(kind, &path) => {
                    let inner =
                        repository.find_tree(entry.id()).map_err(|error| format!("{path}: {}", error.message()))?;
                    self.tree(repository, &inner, &path, kind, depth + 1)?;
                }
                Some(git2::ObjectType::Blob) if is_record(name) && leads_to_records(kind, &path) => {
                    let blob =
                        repository.find_blob(entry.id()).map_err(|error| format!("{path}: {}", error.message()))?;
                    self.file(&path, blob.content()).map_err(|error| format!("{path}: {error}"))?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        self.0.finish().map_err(io::Error::other)?.sync_all()
    }
}

/// Whether the path is inside the folder that the feed's records are in, or above it.
fn leads_to_records(kind: FeedKind, path: &str) -> bool {
    kind.folder().is_none_or(|folder| {
        let wanted = format!("repository{folder}");
        wanted.starts_with(&format!("{path}/")) || path.starts_with(&wanted)
    })
}
