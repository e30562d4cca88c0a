//! What a remote repository has, without fetching it.

use std::collections::BTreeMap;
use std::path::Path;

use git2::{Direction, Remote, Repository};

use super::mirror::fetch_error;
use super::settings::prepare;
use super::{Access, Origin, RepositoryError};

/// The refs of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refs {
    /// The full name of the ref that HEAD stands on.
    pub head: Option<String>,
    /// Full ref name → commit (or tag object).
    pub refs: BTreeMap<String, String>,
}

/// Asks for the refs.
///
/// # Errors
/// What the server, the network or the disk said.
pub fn list(origin: &Origin, access: &Access) -> Result<Refs, RepositoryError> {
    prepare();
    match origin {
        Origin::Local(path) => list_local(path),
        Origin::Remote(url) => {
            let failed = |error: git2::Error| fetch_error(url, &error);
            let mut remote = Remote::create_detached(access.address(url)).map_err(failed)?;
            let connection = remote
                .connect_auth(Direction::Fetch, Some(access.callbacks(url)), Some(access.proxy()))
                .map_err(failed)?;
            let mut refs = Refs::default();
            for head in connection.list().map_err(failed)? {
                let name = String::from_utf8_lossy(head.name().as_bytes()).into_owned();
                match (name.as_str(), head.symref_target()) {
                    ("HEAD", target) => refs.head = target.map(str::to_owned),
                    // the commits that annotated tags point to, once more
                    _ if name.ends_with("^{}") => {}
                    _ => {
                        refs.refs.insert(name, head.oid().to_string());
                    }
                }
            }
            Ok(refs)
        }
    }
}

fn list_local(path: &Path) -> Result<Refs, RepositoryError> {
    let mirror = super::Mirror::open_local(path)?;
    let failed = || RepositoryError::git(format!("cannot list the refs of `{}`", path.display()));
    let repository: Repository = mirror.repository()?;
    // a HEAD on a branch without commits names no ref
    let head = repository.head().ok().and_then(|head| head.name().ok().map(str::to_owned));
    let mut refs = Refs { head, ..Refs::default() };
    for reference in repository.references().map_err(failed())? {
        let reference = reference.map_err(failed())?;
        let name = String::from_utf8_lossy(reference.name_bytes()).into_owned();
        if let Some(target) = reference.resolve().map_err(failed())?.target() {
            refs.refs.insert(name, target.to_string());
        }
    }
    Ok(refs)
}
