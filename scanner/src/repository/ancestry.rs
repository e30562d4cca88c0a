//! The histories of mirrors that are here anyway, for packages pinned to a commit. Nothing is fetched for it.

use std::path::PathBuf;

use advisories::git_pin::Ancestry;

use super::{Mirror, Origin};

/// The mirrors below a directory.
#[derive(Debug, Clone)]
pub struct CachedMirrors {
    folder: PathBuf,
}

impl CachedMirrors {
    /// Those of earlier scans, below `folder`, which need not exist.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn mirror(&self, url: &str) -> Option<Mirror> {
        let plain = url.trim_end_matches('/').trim_end_matches(".git");
        [url, plain, &format!("{plain}.git")].into_iter().find_map(|spelling| match Origin::parse(spelling) {
            Ok((Origin::Remote(url), _)) => Mirror::open_cached(&url, &self.folder).ok(),
            _ => None,
        })
    }
}

impl Ancestry for CachedMirrors {
    fn reaches(&self, url: &str, commit: &str, ancestor: &str) -> Option<bool> {
        let repository = self.mirror(url)?.repository().ok()?;
        let id = |text: &str| Some(repository.revparse_single(text).ok()?.peel_to_commit().ok()?.id());
        let (commit, ancestor) = (id(commit)?, id(ancestor)?);
        if commit == ancestor {
            return Some(true);
        }
        repository.graph_descendant_of(commit, ancestor).ok()
    }
}
