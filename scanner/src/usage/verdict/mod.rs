//! The verdict on every declared package and every import.
//!
//! `declared.rs` judges what a manifest asks for, `backend.rs` what is there for another package, `imported.rs` what the code imports; `likely.rs` guesses where the modules of a package
//! are not known; `part.rs` tells product, tests and tooling apart, `reach.rs` whose declarations a file runs with; `wording.rs` says it.

mod backend;
mod declared;
mod imported;
mod likely;
mod part;
mod reach;
mod wording;

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::PackageName;

use super::first_party::{FirstParty, Origin, parent};
use super::mention::{Mention, Named};
use super::modules::{Distribution, Knowledge, ModuleNames};
use super::projects::{Declared, Project};
use super::source_files::SourceFiles;
use super::standard_library;
use crate::finding::{Finding, Site};
use crate::inventory::{Inventory, Package};

/// One place that uses something outside the repository.
struct Use<'s> {
    /// Dotted candidates: the module, or module and name for `from module import name`.
    modules: Vec<String>,
    path: &'s str,
    line: u32,
    cell: Option<u32>,
    /// Neither optional nor for type checkers only.
    needed: bool,
    /// May fail.
    optional: bool,
    /// Inside a function.
    lazy: bool,
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
    /// Places in the mentions: of modules by their top-level name, of packages and of commands by theirs.
    mentions_by_top: HashMap<String, Vec<usize>>,
    mentions_of_packages: HashMap<&'s str, Vec<usize>>,
    mentions_of_commands: BTreeMap<&'s str, Vec<usize>>,
    own: FirstParty,
    /// What submodules that are not here would be imported as.
    absent: Vec<String>,
    /// The code, or how it is packed, names one of them.
    runs_absent_code: bool,
    /// The packages of all manifests and locks.
    packages: HashMap<&'s PackageName, Vec<&'s Package>>,
    /// Whether a module may be of a distribution, as far as it was asked.
    asked: RefCell<HashMap<PackageName, HashMap<String, bool>>>,
    /// Sought when the first package is asked for that only they may use.
    adaptations: OnceCell<backend::Adaptations>,
}

impl<'s> Judge<'s> {
    /// Resolves every import once.
    pub fn new(inventory: &'s Inventory, files: &'s SourceFiles, names: &'s dyn ModuleNames) -> Self {
        let own = FirstParty::new(files.python.iter().map(|file| file.path.as_str()));
        let uses = uses_in(files, &own);
        let absent: Vec<String> = files
            .absent
            .iter()
            .map(|path| path.rsplit('/').next().unwrap_or(path).replace('-', "_").to_ascii_lowercase())
            .collect();
        let mut judge = Self {
            inventory,
            files,
            names,
            uses,
            uses_by_top: HashMap::new(),
            mentions_by_top: HashMap::new(),
            mentions_of_packages: HashMap::new(),
            mentions_of_commands: BTreeMap::new(),
            own,
            absent,
            runs_absent_code: false,
            packages: HashMap::new(),
            asked: RefCell::default(),
            adaptations: OnceCell::new(),
        };
        judge.index();
        judge.runs_absent_code = judge.absent.iter().any(|absent| {
            let mentioned = judge.mentions_by_top.get(absent).into_iter().flatten();
            judge.uses_by_top.contains_key(absent) || mentioned.into_iter().any(|at| !files.mentions[*at].tooling)
        });
        judge
    }

    /// Where to find uses, mentions and packages by their names.
    fn index(&mut self) {
        for (at, place) in self.uses.iter().enumerate() {
            // all candidates of one place are of one import
            if let Some(module) = place.modules.first() {
                self.uses_by_top.entry(top(module)).or_default().push(at);
            }
        }
        for (at, mention) in self.files.mentions.iter().enumerate() {
            match &mention.named {
                Named::Module(module) => self.mentions_by_top.entry(top(module)).or_default().push(at),
                Named::Package(package) => self.mentions_of_packages.entry(package).or_default().push(at),
                Named::Command(command) => self.mentions_of_commands.entry(command).or_default().push(at),
            }
        }
        for package in self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages) {
            self.packages.entry(&package.name).or_default().push(package);
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
    fn mentions_of(&self, name: &PackageName, distribution: &Distribution) -> impl Iterator<Item = &'s Mention> {
        let tops: BTreeSet<String> = distribution.modules.iter().map(|module| top(module)).collect();
        let of_modules = tops.iter().filter_map(|top| self.mentions_by_top.get(top));
        let of_packages = self.mentions_of_packages.get(name.as_str());
        let of_commands = distribution.commands.iter().filter_map(|own| self.mentions_of_commands.get(own.as_str()));
        // commands that begin with the name are likely of it
        let named = self.mentions_of_commands.range(name.as_str()..);
        let named = named.take_while(|(command, _)| command.starts_with(name.as_str())).map(|(_, places)| places);
        let mut places: Vec<usize> =
            of_modules.chain(of_packages).chain(of_commands).chain(named).flatten().copied().collect();
        places.sort_unstable();
        places.dedup();
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
        let owners: HashMap<&str, Option<&String>> =
            self.files.python.iter().map(|file| (file.path.as_str(), owner(projects, &file.path))).collect();
        for project in projects {
            let known: Vec<(&Declared, Distribution)> = project
                .declared
                .iter()
                .map(|declared| (declared, self.names.distribution(&declared.name, declared.version.as_ref())))
                .collect();
            self.judge_declared(project, projects, &known, &mut findings);
            self.judge_imports(project, projects, &owners, &known, &mut findings);
        }
        findings
    }
}

/// What the files import that is none of the standard library, nor relative.
fn uses_in<'s>(files: &'s SourceFiles, own: &FirstParty) -> Vec<Use<'s>> {
    let mut uses = Vec::new();
    // a directory's files import the same packages over and over
    let mut origins: HashMap<(&str, &str), Origin> = HashMap::new();
    for file in &files.python {
        for import in &file.text.imports {
            if import.level > 0 || import.module.is_empty() || standard_library::contains(&import.module) {
                continue;
            }
            let joined =
                import.names.iter().filter(|name| *name != "*").map(|name| format!("{}.{name}", import.module));
            let mut modules: Vec<String> = joined.collect();
            if modules.is_empty() {
                modules.push(import.module.clone());
            }
            let first = import.module.split('.').next().unwrap_or(&import.module);
            let origin = match stem(&file.path) == first {
                // a module that imports its own name means another one
                true => own.origin(&file.path, first),
                false => *origins.entry((parent(&file.path), first)).or_insert_with(|| own.origin(&file.path, first)),
            };
            uses.push(Use {
                modules,
                path: &file.path,
                line: import.line,
                cell: import.cell,
                // what a stub imports is for type checkers
                needed: !import.optional && !import.type_checking && !file.path.ends_with(".pyi"),
                optional: import.optional,
                lazy: import.lazy,
                conditional: import.conditional,
                origin,
            });
        }
    }
    uses
}

/// `x` for `a/x.py`
fn stem(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
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
