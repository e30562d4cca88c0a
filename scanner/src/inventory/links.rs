//! Symbolic links, followed inside the repository and never out of it.

use super::requirements::joined;
use crate::repository::{EntryKind, ReadError, Snapshot};

/// Links on one way, as Linux has it.
const MAX_LINKS: usize = 40;

/// The path that another leads to.
///
/// # Errors
/// When a link on the way leaves the repository, is one of a circle, or cannot be read.
pub(super) fn target(snapshot: &dyn Snapshot, path: &str) -> Result<String, ReadError> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let parts = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let is_link = |end: &usize| snapshot.entry(&path[..*end]).is_some_and(|found| found.kind == EntryKind::Symlink);
        let Some(end) = parts.into_iter().find(is_link) else { return Ok(path) };
        let to = snapshot.read(&path[..end])?;
        let to = String::from_utf8_lossy(&to);
        let within = (!to.starts_with('/')).then(|| joined(&path[..end], &to)).flatten();
        let left = || ReadError::Unreadable("a symbolic link that leaves the repository".to_owned());
        path = format!("{}{}", within.ok_or_else(left)?, &path[end..]);
    }
    Err(ReadError::Unreadable("a symbolic link that leads in a circle".to_owned()))
}

/// The content of a file, through links.
///
/// # Errors
/// [`ReadError`]
pub(super) fn read(snapshot: &dyn Snapshot, path: &str) -> Result<Vec<u8>, ReadError> {
    snapshot.read(&target(snapshot, path)?)
}
