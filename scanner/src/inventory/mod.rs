//! Every manifest and lockfile of a snapshot as packages.
//!
//! One file per format, each naming its specification; `requirement.rs` and `origin.rs` are what the formats share (PEP 508 and
//! addresses), `graph.rs` says who pulls in whom, `join.rs` brings manifests and their lockfiles together.

pub mod conda;
pub mod discovery;
pub mod dockerfile;
pub mod follow;
pub mod graph;
mod ini_file;
pub mod join;
mod links;
pub mod markers;
pub mod notebook;
pub mod origin;
pub mod package;
pub mod pdm;
pub mod pip_command;
pub mod pipfile;
pub mod pixi;
pub mod poetry;
pub mod poetry_constraint;
pub mod pre_commit;
pub mod pylock;
pub mod pyproject;
mod pyproject_poetry;
mod pyproject_tools;
pub mod requirement;
pub mod requirements;
pub mod script;
pub mod setup_cfg;
pub mod setup_py;
mod setup_py_values;
mod shell;
mod source_table;
pub mod text;
pub mod toml_file;
pub mod tox;
pub mod uv;
pub mod workflow;
pub mod yaml_file;

use std::collections::{BTreeSet, HashMap, HashSet};

use advisories::{PackageName, Version};

pub use package::{Dependency, Format, Manifest, Package, Project, Role, Source};

use crate::diagnostic::{Diagnostic, Stage};
use crate::isolation::isolated;
use crate::repository::{Entry, EntryKind, Snapshot};
use discovery::Found;
use follow::{Declared, Named};
use join::Locked;
use requirements::joined;
use text::SourceText;

/// A manifest larger than this is no manifest.
const MAX_BYTES: u64 = 128 << 20;

/// All manifests of a snapshot, and what in them was not understood.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Sorted by path.
    pub manifests: Vec<Manifest>,
    /// Faults and remarks.
    pub diagnostics: Vec<Diagnostic>,
}

impl Inventory {
    /// The packages to look up in advisories, each with its manifest: those with a version that are not the repository's own
    /// source trees, nor conda's packages of other software than Python's. A pin that the manifest's lockfile has too, or that an included file reports itself, comes once.
    #[must_use]
    pub fn matchable(&self) -> Vec<(&Manifest, &Package)> {
        let mut pins: HashMap<&str, HashSet<(&PackageName, &Version)>> = HashMap::new();
        for manifest in &self.manifests {
            let of = manifest.packages.iter().filter_map(|package| Some((&package.name, package.version.as_ref()?)));
            pins.insert(&manifest.path, of.collect());
        }
        let mut matchable = Vec::new();
        for manifest in &self.manifests {
            for package in &manifest.packages {
                let is_matched = !package.source.is_own_tree() && conda::is_python(package, manifest.role);
                let Some(version) = package.version.as_ref().filter(|_| is_matched) else {
                    continue;
                };
                let elsewhere = manifest.locked_by.iter().chain(&package.declared_in);
                let repeated = elsewhere
                    .filter_map(|path| pins.get(path.as_str()))
                    .any(|pins| pins.contains(&(&package.name, version)));
                if !repeated {
                    matchable.push((manifest, package));
                }
            }
        }
        matchable
    }

    /// The names of the repository's own projects.
    #[must_use]
    pub fn own_names(&self) -> BTreeSet<PackageName> {
        let named = self.manifests.iter().filter_map(|manifest| manifest.project.as_ref()?.name.clone());
        let trees = self.manifests.iter().flat_map(|manifest| &manifest.packages).filter(|p| p.source.is_own_tree());
        named.chain(trees.map(|package| package.name.clone())).collect()
    }
}

/// Reads every manifest and lockfile of a snapshot.
pub fn read(snapshot: &dyn Snapshot) -> Inventory {
    let mut reading = Reading {
        snapshot,
        requirements: requirements::Reader::new(snapshot),
        manifests: Vec::new(),
        locks: Vec::new(),
        named_files: BTreeSet::new(),
        diagnostics: Vec::new(),
    };
    for entry in snapshot.entries() {
        let read = isolated(|| match (entry.kind, discovery::recognise(&entry.path)) {
            (EntryKind::File, Some(found)) => reading.read(entry, found),
            (EntryKind::Symlink, Some(found)) => reading.read_link(entry, found),
            _ => {}
        });
        if let Err(error) = read {
            let gap = Diagnostic::gap(Stage::Inventory, entry.path.clone(), error.to_string());
            reading.diagnostics.push(gap);
        }
    }
    reading.read_named();
    let Reading { requirements, mut manifests, locks, mut diagnostics, .. } = reading;
    diagnostics.extend(requirements.diagnostics);
    join::join(&mut manifests, locks, &mut diagnostics);
    markers::judge(&mut manifests);
    manifests.sort_by(|left, right| left.path.cmp(&right.path));
    diagnostics.sort();
    diagnostics.dedup();
    Inventory { manifests, diagnostics }
}

struct Reading<'s> {
    snapshot: &'s dyn Snapshot,
    requirements: requirements::Reader<'s>,
    manifests: Vec<Manifest>,
    locks: Vec<Locked>,
    /// Files that commands hand to an installer.
    named_files: BTreeSet<String>,
    diagnostics: Vec<Diagnostic>,
}

impl Reading<'_> {
    fn read(&mut self, entry: &Entry, found: Found) {
        if entry.size > MAX_BYTES {
            let reason = format!("{} bytes are more than a manifest may have ({MAX_BYTES})", entry.size);
            self.diagnostics.push(Diagnostic::gap(Stage::Inventory, entry.path.clone(), reason));
            return;
        }
        match found {
            Found::Requirements => self.manifests.extend(self.requirements.read(&entry.path, true)),
            Found::PerhapsRequirements => self.manifests.extend(self.requirements.read(&entry.path, false)),
            found => self.read_file(&entry.path, found),
        }
    }

    /// A link to a manifest is that manifest, which is read where it stands; one to a file that no name gives away is read by the link's.
    fn read_link(&mut self, entry: &Entry, found: Found) {
        if matches!(found, Found::Script | Found::Notebook | Found::Workflow | Found::PerhapsRequirements) {
            return;
        }
        let reason = match links::target(self.snapshot, &entry.path) {
            Ok(target) if self.snapshot.entry(&target).is_some() => {
                if discovery::recognise(&target).is_none() {
                    self.read(entry, found);
                }
                return;
            }
            Ok(target) => format!("a symbolic link to `{target}`, which is not in the repository"),
            Err(error) => error.to_string(),
        };
        self.diagnostics.push(Diagnostic::gap(Stage::Inventory, entry.path.clone(), reason));
    }

    fn read_file(&mut self, path: &str, found: Found) {
        let bytes = match links::read(self.snapshot, path) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.diagnostics.push(Diagnostic::gap(Stage::Inventory, path.to_owned(), error.to_string()));
                return;
            }
        };
        // nearly all Python files are no scripts; whether they are text at all is for the usage stage to say
        if found == Found::Script && memchr::memmem::find(&bytes, b"# /// script").is_none() {
            return;
        }
        let file = &SourceText::decode(path, &bytes, &mut self.diagnostics);
        let diagnostics = &mut self.diagnostics;
        let named = match found {
            Found::Notebook => notebook::read(file, diagnostics),
            Found::Dockerfile => dockerfile::read(file),
            Found::Workflow => workflow::read(file, diagnostics),
            _ => None,
        };
        let declared = match found {
            Found::Manifest(format) => return self.parse(file, format),
            Found::Notebook | Found::Dockerfile | Found::Workflow => None,
            Found::Environment => conda::read_environment(file, diagnostics),
            Found::ExplicitConda => Some(conda::read_explicit(file, diagnostics).into()),
            Found::CondaLock => Some(conda::read_conda_lock(file, diagnostics).into()),
            Found::Pixi => Some(pixi::read(file, diagnostics).into()),
            Found::PixiLock => {
                self.locks.push(pixi::read_lock(file, diagnostics));
                None
            }
            Found::Tox => tox::read_ini(file, diagnostics),
            Found::ToxToml => tox::read_toml(file, diagnostics),
            Found::PreCommit => pre_commit::read(file, diagnostics),
            Found::SetupCfg => setup_cfg::read(file, diagnostics),
            Found::SetupPy => Some(setup_py::read(file, diagnostics)),
            Found::Script => script::read(file, diagnostics).map(Declared::from),
            Found::Requirements | Found::PerhapsRequirements => None,
        };
        if let Some(declared) = declared {
            self.follow(declared);
        }
        if let Some(named) = named {
            self.named(named);
        }
    }

    /// Takes in what a manifest names as files.
    fn follow(&mut self, mut declared: Declared) {
        let follows = std::mem::take(&mut declared.follows);
        for follow in follows {
            let packages = self.requirements.included(&declared.manifest.path, &follow.path, follow.place);
            declared.take(&follow.serves, packages);
        }
        for list in std::mem::take(&mut declared.lists) {
            let packages = self.requirements.listed(&declared.manifest.path, &list.lines);
            declared.take(&list.serves, packages);
        }
        self.manifests.push(declared.manifest);
    }

    /// Takes in what commands install. A file they name is looked for beside them and at the root; where it is copied to is not known.
    fn named(&mut self, Named { manifest, files }: Named) {
        for (written, _) in files {
            let places = [joined(&manifest.path, &written), joined("", &written)];
            if let Some(path) = places.into_iter().flatten().find(|path| self.snapshot.entry(path).is_some()) {
                self.named_files.insert(path);
            }
        }
        if !manifest.packages.is_empty() {
            self.manifests.push(manifest);
        }
    }

    /// Files that only a command calls requirements.
    fn read_named(&mut self) {
        let known: HashSet<String> = self.manifests.iter().map(|manifest| manifest.path.clone()).collect();
        for path in std::mem::take(&mut self.named_files) {
            if !known.contains(&path) {
                self.manifests.extend(self.requirements.read(&path, true));
            }
        }
    }

    fn parse(&mut self, file: &SourceText, format: Format) {
        match format {
            Format::Uv => self.manifests.push(uv::read(file, &mut self.diagnostics)),
            Format::Poetry => self.locks.push(poetry::read(file, &mut self.diagnostics)),
            Format::Pdm => self.locks.push(pdm::read(file, &mut self.diagnostics)),
            Format::Pylock => self.locks.push(pylock::read(file, &mut self.diagnostics)),
            Format::Pipenv if file.path.ends_with(".lock") => {
                self.locks.push(pipfile::read_lock(file, &mut self.diagnostics));
            }
            Format::Pipenv => self.manifests.push(pipfile::read(file, &mut self.diagnostics)),
            Format::Pyproject => {
                let declared = pyproject::read(file, &mut self.diagnostics);
                self.follow(declared);
            }
            _ => {}
        }
    }
}
