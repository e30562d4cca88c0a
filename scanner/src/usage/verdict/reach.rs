//! Which files the declarations of a project are for: those in its directory, and those that run with them from elsewhere.

use std::collections::BTreeSet;

use super::Judge;
use crate::usage::first_party::Origin;
use crate::usage::projects::Project;

/// Where the declarations of one project count.
pub(super) struct Reach<'p> {
    project: &'p Project,
    /// Modules and packages of ours outside the directory that run with the declarations, by their paths without an ending.
    beyond: BTreeSet<String>,
    /// Nobody else declares anything for the code that no project holds.
    ownerless: bool,
    /// Projects beside and inside this one.
    others: Vec<&'p Project>,
}

impl Reach<'_> {
    /// True when the file at `path` may use what the project declares.
    pub(super) fn holds(&self, path: &str) -> bool {
        self.project.holds(path)
            || self.beyond.iter().any(|module| is_of(path, module))
            || self.ownerless && !self.others.iter().any(|other| other.holds(path))
    }
}

/// True for `a/b.py` and `a/b/c.py` of `a/b`.
fn is_of(path: &str, module: &str) -> bool {
    path.strip_prefix(module).is_some_and(|rest| rest.starts_with('/') || rest == ".py")
}

impl Judge<'_> {
    /// A bare list of requirements says what is installed, and not into which directory: `docker/requirements.txt` is for the whole
    /// repository where no other list is, and `backend/requirements.txt` is for the packages too that the code there imports. A
    /// project of its own names its dependencies for itself.
    pub(super) fn reach<'p>(&self, project: &'p Project, projects: &'p [Project]) -> Reach<'p> {
        let declares = |other: &Project| !other.script && other.declared.iter().any(|declared| declared.main);
        let others: Vec<&Project> = projects
            .iter()
            .filter(|other| other.directory != project.directory && !other.directory.is_empty() && declares(other))
            .collect();
        let is_list = !project.whole && !project.script && !project.directory.is_empty();
        let is_inside = |other: &Project| other.directory != project.directory && other.holds(&project.directory);
        let ownerless = is_list && !projects.iter().any(|other| is_inside(other) && declares(other));
        let beyond = if is_list { self.imported_from_outside(project) } else { BTreeSet::new() };
        Reach { project, beyond, ownerless, others }
    }

    /// What the code in a project's directory imports of ours outside of it, and what that imports in turn.
    fn imported_from_outside(&self, project: &Project) -> BTreeSet<String> {
        let mut beyond: BTreeSet<String> = BTreeSet::new();
        loop {
            let before = beyond.len();
            let runs = |path: &str| project.holds(path) || beyond.iter().any(|module| is_of(path, module));
            let own = self.uses.iter().filter(|place| place.origin == Origin::Regular && runs(place.path));
            let resolved =
                own.flat_map(|place| place.modules.first().and_then(|module| self.own.resolve(place.path, module).1));
            let outside: Vec<String> = resolved.filter(|path| !project.holds(path) && !runs(path)).collect();
            beyond.extend(outside);
            if beyond.len() == before {
                return beyond;
            }
        }
    }
}
