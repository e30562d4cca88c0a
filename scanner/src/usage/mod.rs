//! Which declared packages are used, which used ones are not declared, and where each is imported.
//!
//! `source_files.rs` reads every Python text (`imports.rs`, `notebook.rs`) and every configuration file (`evidence/`) once;
//! `modules.rs`, `wheel.rs` and `index_names.rs` know what a distribution provides; `projects.rs` says which declarations answer for
//! which files, `first_party.rs` which imports are our own; `verdict.rs` judges.

pub mod evidence;
pub mod first_party;
pub mod imports;
pub mod index_names;
pub mod mention;
pub mod modules;
pub mod name_filter;
pub mod notebook;
pub mod projects;
pub mod remedy;
pub mod source_files;
pub mod standard_library;
pub mod verdict;
pub mod vulnerable;
pub mod wheel;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::PackageName;
pub use modules::{ModuleNames, WellKnown};

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{Finding, Site};
use crate::inventory::Inventory;
use crate::repository::Snapshot;

/// What usage has to say about one snapshot.
#[derive(Debug, Default)]
pub struct Usage {
    /// `unused`, `missing`, `transitive` and `misplaced` findings.
    pub verdicts: Vec<Finding>,
    /// Where each package of the inventory is imported; one that is absent is imported nowhere.
    pub imported_at: BTreeMap<PackageName, Vec<Site>>,
    /// What the code of each file refers to, as [`imports::PythonText::references`].
    references: Vec<(String, HashMap<String, u32>)>,
    /// Packages whose import names are known, so that no import of them means something.
    known: BTreeSet<PackageName>,
    /// Every Python file was read whole, and there is one.
    whole: bool,
    /// Files that were not read, or not wholly.
    pub diagnostics: Vec<Diagnostic>,
}

impl Usage {
    /// Where the code refers to `symbol` (`yaml.load`) by name. Empty says that no reference was seen, never that none can be reached.
    #[must_use]
    /// A shorter path to the same name counts (`jinja2.Environment` for `jinja2.environment.Environment`): packages re-export.
    pub fn referenced_at(&self, symbol: &str) -> Vec<Site> {
        let ends = |name: &str| {
            (name.split('.').next().unwrap_or(name).to_owned(), name.rsplit('.').next().unwrap_or(name).to_owned())
        };
        let wanted = ends(symbol);
        let is_bound = |name: &str| name.contains('.') && !name.starts_with('.') && !name.ends_with(')');
        let named =
            self.references.iter().flat_map(|(path, names)| names.iter().map(move |(name, line)| (path, name, line)));
        let mut sites: Vec<Site> = named
            .filter(|(_, name, _)| is_bound(name) && ends(name) == wanted)
            .map(|(path, _, line)| Site { path: path.clone(), line: *line })
            .collect();
        sites.sort();
        sites.dedup();
        sites
    }

    /// True when a package would have been seen if the code imported it.
    #[must_use]
    pub fn is_sure_of(&self, package: &PackageName) -> bool {
        self.whole && self.known.contains(package)
    }
}

/// Judges every declared package and every import of a snapshot. Nothing is installed, run or fetched.
#[must_use]
pub fn judge(snapshot: &dyn Snapshot, inventory: &Inventory, names: &dyn ModuleNames) -> Usage {
    let files = source_files::read_all(snapshot);
    let paths: Vec<&str> = files.python.iter().map(|file| file.path.as_str()).collect();
    let projects = projects::projects(inventory, &paths);
    let judge = verdict::Judge::new(inventory, &files, names);
    let (mut verdicts, imported_at) = (judge.findings(&projects), judge.imported_at());
    let mut diagnostics = files.diagnostics.clone();
    if files.python.is_empty() && !verdicts.is_empty() {
        // manifests without the code they are for, such as a deployment repository: nothing can be said of use
        verdicts.clear();
        let reason = "there is no Python file, so that no declared package was judged used or unused";
        diagnostics.push(Diagnostic::remark(Stage::Usage, None, reason));
    }
    let whole = !files.python.is_empty() && diagnostics.is_empty();
    let known = judge.known_packages();
    let references = files.python.into_iter().map(|file| (file.path, file.text.references)).collect();
    Usage { verdicts, imported_at, references, known, whole, diagnostics }
}
