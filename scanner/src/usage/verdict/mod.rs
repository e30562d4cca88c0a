//! The verdict on every declared package and every import.
//!
//! `declared.rs` judges what a manifest asks for, `imported.rs` what the code imports; `part.rs` tells product, tests and tooling apart,
//! `reach.rs` whose declarations a file runs with; `wording.rs` says it.

mod declared;
mod imported;
mod part;
mod reach;
mod wording;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::PackageName;

use super::first_party::{FirstParty, Origin};
use super::mention::{Mention, Named};
use super::modules::{Distribution, Knowledge, ModuleNames};
use super::projects::{Declared, Project};
use super::source_files::SourceFiles;
use super::standard_library;
use crate::finding::{Finding, Site};
use crate::inventory::Inventory;

/// One place that uses something outside the repository.
struct Use<'s> {
    /// Dotted candidates: the module, or module and name for `from module import name`.
    modules: Vec<String>,
    path: &'s str,
    line: u32,
    cell: Option<u32>,
    /// Neither optional nor for type checkers only.
    needed: bool,
    /// Under an `if` that a setting decides.
    conditional: bool,
    origin: Origin,
}

/// Everything the verdicts are reached from.
pub struct Judge<'s> {
    pub(super) inventory: &'s Inventory,
    pub(super) files: &'s SourceFiles,
    pub(super) names: &'s dyn ModuleNames,
    uses: Vec<Use<'s>>,
    /// Places in `uses` by the top-level name of what is imported there: few of them can be of one distribution.
    uses_by_top: HashMap<String, Vec<usize>>,
    /// Places in the mentions: of modules by their top-level name, and all others.
    mentions_by_top: HashMap<String, Vec<usize>>,
    other_mentions: Vec<usize>,
    own: FirstParty,
    /// What submodules that are not here would be imported as.
    absent: Vec<String>,
    /// The code, or how it is packed, names one of them.
    runs_absent_code: bool,
}

impl<'s> Judge<'s> {
    /// Resolves every import once.
    pub fn new(inventory: &'s Inventory, files: &'s SourceFiles, names: &'s dyn ModuleNames) -> Self {
        let own = FirstParty::new(files.python.iter().map(|file| file.path.as_str()));
        let mut uses = Vec::new();
        for file in &files.python {
            for import in &file.text.imports {
                if import.level > 0 || import.module.is_empty() || standard_library::contains(&import.module) {
                    continue;
                }
                let origin = own.origin(&file.path, &import.module);
                let joined =
                    import.names.iter().filter(|name| *name != "*").map(|name| format!("{}.{name}", import.module));
                let mut modules: Vec<String> = joined.collect();
                if modules.is_empty() {
                    modules.push(import.module.clone());
                }
                let needed = !import.optional && !import.type_checking;
                uses.push(Use {
                    modules,
                    path: &file.path,
                    line: import.line,
                    cell: import.cell,
                    needed,
                    conditional: import.conditional,
                    origin,
                });
            }
        }
        let mut uses_by_top: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, place) in uses.iter().enumerate() {
            // all candidates of one place are of one import
            if let Some(module) = place.modules.first() {
                uses_by_top.entry(top(module)).or_default().push(at);
            }
        }
        let mut mentions_by_top: HashMap<String, Vec<usize>> = HashMap::new();
        let mut other_mentions = Vec::new();
        for (at, mention) in files.mentions.iter().enumerate() {
            match &mention.named {
                Named::Module(module) => mentions_by_top.entry(top(module)).or_default().push(at),
                _ => other_mentions.push(at),
            }
        }
        let absent: Vec<String> = files
            .absent
            .iter()
            .map(|path| path.rsplit('/').next().unwrap_or(path).replace('-', "_").to_ascii_lowercase())
            .collect();
        let mentioned = files.mentions.iter().filter_map(|mention| match &mention.named {
            Named::Module(module) if !mention.tooling => Some(module),
            _ => None,
        });
        let named = uses.iter().flat_map(|place| &place.modules).chain(mentioned);
        let runs_absent_code = !absent.is_empty() && named.into_iter().any(|module| absent.contains(&top(module)));
        Self {
            inventory,
            files,
            names,
            uses,
            uses_by_top,
            mentions_by_top,
            other_mentions,
            own,
            absent,
            runs_absent_code,
        }
    }

    /// The places that may import from a distribution, in the order of the files.
    fn uses_of(&self, distribution: &Distribution) -> impl Iterator<Item = &Use<'s>> {
        let tops: BTreeSet<String> = distribution.modules.iter().map(|module| top(module)).collect();
        let mut places: Vec<usize> =
            tops.iter().filter_map(|top| self.uses_by_top.get(top)).flatten().copied().collect();
        places.sort_unstable();
        places.into_iter().map(|at| &self.uses[at])
    }

    /// The mentions that may name a distribution, in the order of the files.
    fn mentions_of(&self, distribution: &Distribution) -> impl Iterator<Item = &'s Mention> {
        let tops: BTreeSet<String> = distribution.modules.iter().map(|module| top(module)).collect();
        let of_modules = tops.iter().filter_map(|top| self.mentions_by_top.get(top)).flatten();
        let mut places: Vec<usize> = of_modules.chain(&self.other_mentions).copied().collect();
        places.sort_unstable();
        let mentions = &self.files.mentions;
        places.into_iter().map(|at| &mentions[at])
    }

    /// Where each package of the inventory is imported.
    pub fn imported_at(&self) -> BTreeMap<PackageName, Vec<Site>> {
        let packages: BTreeMap<&PackageName, _> = self
            .inventory
            .manifests
            .iter()
            .flat_map(|manifest| &manifest.packages)
            .map(|package| (&package.name, package.version.as_ref()))
            .collect();
        let mut by_top: BTreeMap<String, Vec<(&PackageName, Distribution)>> = BTreeMap::new();
        for (name, version) in packages {
            let distribution = self.names.distribution(name, version);
            let tops: BTreeSet<String> = distribution.modules.iter().map(|module| top(module)).collect();
            for top in tops {
                by_top.entry(top).or_default().push((name, distribution.clone()));
            }
        }
        let mut sites: BTreeMap<PackageName, BTreeSet<Site>> = BTreeMap::new();
        for place in self.uses.iter().filter(|place| place.origin != Origin::Regular) {
            for module in &place.modules {
                for (name, distribution) in by_top.get(&top(module)).into_iter().flatten() {
                    if distribution.provides(module) {
                        sites
                            .entry((*name).clone())
                            .or_default()
                            .insert(Site { path: place.path.to_owned(), line: place.line });
                    }
                }
            }
        }
        sites.into_iter().map(|(name, sites)| (name, sites.into_iter().collect())).collect()
    }

    /// Packages of the inventory whose import names are more than a guess.
    pub fn known_packages(&self) -> BTreeSet<PackageName> {
        let packages = self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
        let known = packages.filter(|package| {
            self.names.distribution(&package.name, package.version.as_ref()).knowledge != Knowledge::Guess
        });
        known.map(|package| package.name.clone()).collect()
    }

    /// All verdicts on all projects.
    pub fn findings(&self, projects: &[Project]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for project in projects {
            let known: Vec<(&Declared, Distribution)> = project
                .declared
                .iter()
                .map(|declared| (declared, self.names.distribution(&declared.name, declared.version.as_ref())))
                .collect();
            self.judge_declared(project, projects, &known, &mut findings);
            self.judge_imports(project, projects, &known, &mut findings);
        }
        findings
    }
}

fn top(module: &str) -> String {
    module.split('.').next().unwrap_or(module).to_ascii_lowercase()
}

/// The deepest project that holds a path.
fn owner<'p>(projects: &'p [Project], path: &str) -> Option<&'p String> {
    projects
        .iter()
        .filter(|project| project.holds(path))
        .map(|project| &project.directory)
        .max_by_key(|directory| directory.len())
}
