//! A plain directory as a snapshot.

use std::fs::{self, Metadata};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Entry, EntryKind, ReadError, RepositoryError, Snapshot};
use crate::diagnostic::{Diagnostic, Stage};

/// Files above this are not read whole.
const LARGEST_FILE: u64 = 256 << 20;
const DEEPEST: usize = 512;
/// An entry takes some 300 bytes, several times over in the course of a scan.
const MOST_ENTRIES: usize = 1_000_000;

/// The files below a directory as they are now. `.git` and virtual environments are left out; `.gitignore` is not asked, since an
/// ignored `.env` is what somebody commits next. Symbolic links are listed and never followed.
#[derive(Debug)]
pub struct DirectorySnapshot {
    root: PathBuf,
    entries: Vec<Entry>,
    diagnostics: Vec<Diagnostic>,
}

impl DirectorySnapshot {
    /// Lists the directory. What of it cannot be read becomes a diagnostic.
    ///
    /// # Errors
    /// When `root` is no directory that can be read.
    pub fn open(root: &Path) -> Result<Self, RepositoryError> {
        let root = root.canonicalize().map_err(RepositoryError::io("cannot open", root))?;
        fs::read_dir(&root).map_err(RepositoryError::io("cannot list", &root))?;
        let mut snapshot = Self { root, entries: Vec::new(), diagnostics: Vec::new() };
        let mut waiting = vec![(String::new(), 0)];
        while let Some((folder, depth)) = waiting.pop() {
            if depth > DEEPEST || snapshot.entries.len() > MOST_ENTRIES {
                snapshot.gap(&folder, "the directory is too deep or too large to be listed whole");
                break;
            }
            waiting.extend(snapshot.list(&folder).into_iter().map(|below| (below, depth + 1)));
        }
        snapshot.entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(snapshot)
    }

    /// The directory, as the system calls it.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What could not be listed, and what was left out.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Adds what stands in `folder` and returns the directories in it.
    fn list(&mut self, folder: &str) -> Vec<String> {
        let mut below = Vec::new();
        let listing = match fs::read_dir(self.root.join(folder)) {
            Ok(listing) => listing,
            Err(error) => {
                self.gap(folder, &format!("cannot be listed: {error}"));
                return below;
            }
        };
        for entry in listing {
            let found = entry.and_then(|entry| Ok((entry.file_name(), entry.metadata()?)));
            match found {
                Ok((name, metadata)) => {
                    let Some(name) = name.to_str() else {
                        self.gap(folder, &format!("the name {name:?} is not UTF-8; the file was not looked at"));
                        continue;
                    };
                    let path = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                    if self.take(&path, name, &metadata) {
                        below.push(path);
                    }
                }
                Err(error) => self.gap(folder, &format!("an entry cannot be read: {error}")),
            }
        }
        below
    }

    /// Takes one path in; true for a directory to go into.
    fn take(&mut self, path: &str, name: &str, metadata: &Metadata) -> bool {
        let kind = metadata.file_type();
        if name == ".git" {
            return false;
        }
        if kind.is_dir() {
            let is_environment = self.root.join(path).join("pyvenv.cfg").is_file();
            if is_environment {
                self.remark(path, "a virtual environment; it was not looked at");
            }
            return !is_environment;
        }
        let kind = match (kind.is_file(), kind.is_symlink()) {
            (true, _) => EntryKind::File,
            (_, true) => EntryKind::Symlink,
            _ => {
                self.remark(path, "a socket, pipe or device; it was not looked at");
                return false;
            }
        };
        self.entries.push(Entry { path: path.to_owned(), kind, size: metadata.len(), blob: None });
        false
    }

    fn gap(&mut self, path: &str, reason: &str) {
        self.diagnostics.push(Diagnostic::gap(Stage::Repository, path.to_owned(), reason));
    }

    fn remark(&mut self, path: &str, reason: &str) {
        self.diagnostics.push(Diagnostic::remark(Stage::Repository, path.to_owned(), reason));
    }
}

impl Snapshot for DirectorySnapshot {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let entry = self.entry(path).ok_or(ReadError::NotFound)?;
        let unreadable = |error: std::io::Error| ReadError::Unreadable(error.to_string());
        let full = self.root.join(path);
        let metadata = fs::symlink_metadata(&full).map_err(unreadable)?;
        if metadata.is_symlink() {
            let target = fs::read_link(&full).map_err(unreadable)?;
            return Ok(target.to_string_lossy().into_owned().into_bytes());
        }
        if entry.kind != EntryKind::File || !metadata.is_file() {
            return Err(ReadError::NotAFile);
        }
        if metadata.len() > LARGEST_FILE {
            return Err(ReadError::TooLarge { size: metadata.len(), limit: LARGEST_FILE });
        }
        // one byte more, where the end is seen without growing
        let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
        fs::File::open(&full)
            .and_then(|file| file.take(LARGEST_FILE + 1).read_to_end(&mut bytes))
            .map_err(unreadable)?;
        match bytes.len() as u64 {
            size if size > LARGEST_FILE => Err(ReadError::TooLarge { size, limit: LARGEST_FILE }),
            _ => Ok(bytes),
        }
    }
}
