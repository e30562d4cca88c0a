//! Which of a forge's repositories are watched.

use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::config::ForgeAccess;
use crate::forges::RemoteRepository;

/// Whether a repository is watched; if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It is.
    Watched,
    /// Archived ones are not.
    Archived,
    /// Forks are not.
    Fork,
    /// `include` does not name it, or `exclude` does.
    Excluded,
}

/// The rules of one forge's configuration.
#[derive(Debug, Clone)]
pub struct Selection {
    include: Option<GlobSet>,
    exclude: GlobSet,
    archived: bool,
    forks: bool,
}

impl Selection {
    /// Reads the rules.
    ///
    /// # Errors
    /// A glob that is none.
    pub fn new(access: &ForgeAccess) -> Result<Self, globset::Error> {
        let set = |globs: &[String]| {
            let mut set = GlobSetBuilder::new();
            for glob in globs {
                set.add(Glob::new(&glob.to_lowercase())?);
            }
            set.build()
        };
        let include = (!access.include.is_empty()).then(|| set(&access.include)).transpose()?;
        Ok(Self { include, exclude: set(&access.exclude)?, archived: access.archived, forks: access.forks })
    }

    /// Decides about one repository. Names are compared without regard to case, as forges do.
    #[must_use]
    pub fn choose(&self, repository: &RemoteRepository) -> Choice {
        let name = repository.full_name.to_lowercase();
        let named = self.include.as_ref().is_none_or(|include| include.is_match(&name));
        if !named || self.exclude.is_match(&name) {
            Choice::Excluded
        } else if repository.archived && !self.archived {
            Choice::Archived
        } else if repository.fork && !self.forks {
            Choice::Fork
        } else {
            Choice::Watched
        }
    }
}

impl Choice {
    /// The word in a sweep's report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Archived => "archived",
            Self::Fork => "fork",
            Self::Excluded => "excluded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archived_forks_and_globs() {
        let repository = |name: &str, archived, fork| RemoteRepository {
            forge_id: "1".into(),
            full_name: name.into(),
            clone_url: format!("https://h/{name}"),
            ssh_url: None,
            default_branch: None,
            archived,
            fork,
        };
        let lists = |include: &[&str], exclude: &[&str]| ForgeAccess {
            include: include.iter().map(|glob| (*glob).to_owned()).collect(),
            exclude: exclude.iter().map(|glob| (*glob).to_owned()).collect(),
            ..ForgeAccess::default()
        };
        let all = ForgeAccess { archived: true, forks: true, ..ForgeAccess::default() };
        let cases = [
            (lists(&[], &[]), "acme/site", false, false, Choice::Watched),
            (lists(&[], &[]), "acme/site", true, false, Choice::Archived),
            (lists(&[], &[]), "acme/site", false, true, Choice::Fork),
            (all.clone(), "acme/site", true, true, Choice::Watched),
            (lists(&["acme/*"], &[]), "ACME/Site", false, false, Choice::Watched),
            (lists(&["acme/api-*"], &[]), "acme/site", false, false, Choice::Excluded),
            (lists(&["acme/*"], &["acme/old-*"]), "acme/old-site", false, false, Choice::Excluded),
            (lists(&[], &["acme/old-*"]), "acme/older", false, false, Choice::Watched),
            (lists(&["group/**"], &[]), "group/sub/site", false, false, Choice::Watched),
            // excluded comes first: what is not wanted is not counted as archived
            (lists(&[], &["acme/*"]), "acme/site", true, true, Choice::Excluded),
        ];
        for (access, name, archived, fork, expected) in cases {
            let selection = Selection::new(&access).expect("globs");
            assert_eq!(selection.choose(&repository(name, archived, fork)), expected, "{name} {access:?}");
        }
    }
}
