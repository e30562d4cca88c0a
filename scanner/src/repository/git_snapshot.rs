//! A commit's tree as a snapshot, read from git's objects.

use std::sync::{Mutex, PoisonError};

use git2::{ObjectType, Oid, Repository};

use super::{Entry, EntryKind, Mirror, ReadError, RepositoryError, Snapshot};
use crate::diagnostic::{Diagnostic, Stage};

/// Files above this are not read whole.
const LARGEST_FILE: u64 = 256 << 20;
/// Directories nest at most so deep; git itself gives up earlier on most systems.
const DEEPEST: usize = 512;
/// More entries than any real tree has; trees that name one another can unfold into billions.
/// An entry takes some 300 bytes, several times over in the course of a scan.
const MOST_ENTRIES: usize = 1_000_000;

const MODE_TYPE: i32 = 0o170_000;
const MODE_SYMLINK: i32 = 0o120_000;

/// One commit, read-only.
pub struct GitSnapshot {
    mirror: Mirror,
    commit: Oid,
    entries: Vec<Entry>,
    diagnostics: Vec<Diagnostic>,
    idle: Mutex<Vec<Repository>>,
}

impl GitSnapshot {
    /// Lists the tree of `commit`. What of it cannot be read becomes a diagnostic.
    ///
    /// # Errors
    /// When the commit or its root tree cannot be read.
    pub fn open(mirror: &Mirror, commit: Oid) -> Result<Self, RepositoryError> {
        let repository = mirror.repository()?;
        let tree = repository
            .find_commit(commit)
            .and_then(|commit| commit.tree())
            .map_err(RepositoryError::git(format!("cannot read commit {commit}")))?;
        let mut listing = Listing { repository: &repository, entries: Vec::new(), diagnostics: Vec::new() };
        listing.add_root(&tree)?;
        let Listing { mut entries, diagnostics, .. } = listing;
        drop(tree);
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { mirror: mirror.clone(), commit, entries, diagnostics, idle: Mutex::new(vec![repository]) })
    }

    /// The commit.
    #[must_use]
    pub fn commit(&self) -> Oid {
        self.commit
    }

    /// What of the tree could not be listed, and submodules, whose content is elsewhere.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// One handle of libgit2 for each thread that reads at the same time.
    fn with_repository<T>(&self, work: impl FnOnce(&Repository) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let repository = match idle {
            Some(repository) => repository,
            None => self.mirror.repository().map_err(|error| ReadError::Unreadable(error.to_string()))?,
        };
        let outcome = work(&repository);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(repository);
        outcome
    }
}

impl Snapshot for GitSnapshot {
    fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, ReadError> {
        let entry = self.entry(path).ok_or(ReadError::NotFound)?;
        let (Some(id), EntryKind::File | EntryKind::Symlink) = (&entry.blob, entry.kind) else {
            return Err(ReadError::NotAFile);
        };
        if entry.size > LARGEST_FILE {
            return Err(ReadError::TooLarge { size: entry.size, limit: LARGEST_FILE });
        }
        let unreadable = |error: git2::Error| ReadError::Unreadable(error.message().to_owned());
        self.with_repository(|repository| {
            let blob = repository.find_blob(Oid::from_str(id).map_err(unreadable)?).map_err(unreadable)?;
            Ok(blob.content().to_vec())
        })
    }
}

struct Listing<'r> {
    repository: &'r Repository,
    entries: Vec<Entry>,
    diagnostics: Vec<Diagnostic>,
}

impl<'r> Listing<'r> {
    fn add_root(&mut self, root: &git2::Tree<'r>) -> Result<(), RepositoryError> {
        let odb = self.repository.odb().map_err(RepositoryError::git("cannot open the objects"))?;
        let mut waiting = vec![(String::new(), root.id(), 0)];
        while let Some((folder, id, depth)) = waiting.pop() {
            if depth > DEEPEST || self.entries.len() > MOST_ENTRIES {
                self.gap(&folder, "the tree is too deep or too large to be listed whole");
                if self.entries.len() > MOST_ENTRIES {
                    break;
                }
                continue;
            }
            match self.repository.find_tree(id) {
                Ok(tree) => {
                    for entry in &tree {
                        let path = join(&folder, entry.name_bytes());
                        if entry.kind() == Some(ObjectType::Tree) {
                            waiting.push((path, entry.id(), depth + 1));
                        } else {
                            self.add(&odb, path, &entry);
                        }
                    }
                }
                Err(error) => {
                    self.gap(&folder, &format!("the directory's tree {id} cannot be read: {}", error.message()))
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, odb: &git2::Odb<'_>, path: String, entry: &git2::TreeEntry<'_>) {
        if entry.kind() == Some(ObjectType::Commit) {
            let reason =
                format!("a submodule at {}; its content is another repository and was not looked at", entry.id());
            self.diagnostics.push(Diagnostic::remark(Stage::Repository, path.clone(), reason));
            self.entries.push(Entry { path, kind: EntryKind::Submodule, size: 0, blob: None });
            return;
        }
        let kind = if entry.filemode() & MODE_TYPE == MODE_SYMLINK { EntryKind::Symlink } else { EntryKind::File };
        // An unreadable blob stays listed: reading it gives the error, so that no stage takes it for absent.
        let size = odb.read_header(entry.id()).map_or(0, |(size, _)| size as u64);
        self.entries.push(Entry { path, kind, size, blob: Some(entry.id().to_string()) });
    }

    fn gap(&mut self, folder: &str, reason: &str) {
        self.diagnostics.push(Diagnostic::gap(Stage::Repository, folder.to_owned(), reason));
    }
}

fn join(folder: &str, name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    if folder.is_empty() { name.into_owned() } else { format!("{folder}/{name}") }
}
