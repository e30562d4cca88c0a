//! `pyproject.toml`: what a project declares, in every dialect.
//!
//! Specifications: PEP 621 (`[project]`), PEP 735 (`[dependency-groups]`) and PEP 518 (`[build-system]`); Poetry's tables are in
//! `pyproject_poetry.rs`, those of other tools in `pyproject_tools.rs`, `pixi.rs` and `tox.rs`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::{PackageName, Version};
use toml::de::{DeTable, DeValue};

use super::follow::{Declared, Follow, List};
use super::package::{Format, Manifest, Package, Role, Source};
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file::{self, Value};
use super::{pixi, pyproject_poetry, pyproject_tools, tox};
use crate::diagnostic::Diagnostic;

/// The group that stands for `[build-system] requires`.
pub const BUILD_GROUP: &str = "build-system";

/// uv's bounds on what may be chosen, which ask for nothing by themselves, and what replaces other requirements of its name.
pub const CONSTRAINTS: &str = "constraint-dependencies";
/// See [`CONSTRAINTS`].
pub const OVERRIDES: &str = "override-dependencies";

/// Groups that one declaration is counted to, through groups that include its own.
const MAX_GROUPS: usize = 64;

/// Whom a declaration serves.
#[derive(Debug, Clone, Default)]
pub struct Serves {
    /// The project needs it to run.
    pub main: bool,
    /// Dependency groups.
    pub groups: Vec<String>,
    /// The project's extras.
    pub extras: Vec<String>,
    /// It bounds or replaces what others ask for, and asks for nothing itself.
    pub is_bound: bool,
}

impl Serves {
    /// The project itself.
    #[must_use]
    pub fn main() -> Self {
        Self { main: true, ..Self::default() }
    }

    /// A group.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self { groups: vec![name.to_owned()], ..Self::default() }
    }

    /// An extra.
    #[must_use]
    pub fn extra(name: &str) -> Self {
        Self { extras: vec![name.to_owned()], ..Self::default() }
    }

    /// Bounds of a kind: [`CONSTRAINTS`], [`OVERRIDES`].
    #[must_use]
    pub fn bound(kind: &str) -> Self {
        Self { groups: vec![kind.to_owned()], is_bound: true, ..Self::default() }
    }

    /// Writes it into a package.
    pub fn mark(&self, package: &mut Package) {
        package.direct = !self.is_bound;
        package.main = self.main;
        package.groups.clone_from(&self.groups);
        package.extras.clone_from(&self.extras);
    }
}

/// Reads a manifest.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Declared {
    let root = toml_file::parse(file, diagnostics);
    let manifest = Manifest::new(&file.path, Format::Pyproject, Role::Declared);
    let mut reader = Reader::new(file, manifest, diagnostics);
    reader.read_project(&root);
    reader.read_groups(&root);
    pyproject_poetry::read(&mut reader, &root);
    pyproject_tools::read(&mut reader, &root);
    if let Some(build) = reader.table(&root, &["build-system"]) {
        reader.requirements(build, "requires", &Serves::group(BUILD_GROUP));
    }
    pyproject_tools::apply_uv_sources(&mut reader, &root);
    if let Some(pixi) = reader.table(&root, &["tool", "pixi"]) {
        pixi::declare(&mut reader, pixi);
    }
    if let Some(table) = reader.table(&root, &["tool", "tox"]) {
        let lists = tox::of_table(file, table, reader.diagnostics);
        reader.lists.extend(lists);
    }
    let Reader { manifest, follows, lists, .. } = reader;
    Declared { manifest, follows, lists }
}

pub(super) struct Reader<'f> {
    pub file: &'f SourceText,
    pub manifest: Manifest,
    pub follows: Vec<Follow>,
    pub lists: Vec<List>,
    pub diagnostics: &'f mut Vec<Diagnostic>,
}

impl<'f> Reader<'f> {
    /// A reader that has read nothing yet.
    pub fn new(file: &'f SourceText, manifest: Manifest, diagnostics: &'f mut Vec<Diagnostic>) -> Self {
        Self { file, manifest, follows: Vec::new(), lists: Vec::new(), diagnostics }
    }
}

impl Reader<'_> {
    fn read_project(&mut self, root: &DeTable<'_>) {
        let Some(project) = self.table(root, &["project"]) else { return };
        self.name_project(project, "name", "requires-python");
        self.requirements(project, "dependencies", &Serves::main());
        for (extra, _, value) in self.entries(project, &["optional-dependencies"]) {
            self.list(value, &Serves::extra(extra));
        }
    }

    /// The entries of the table at a path, in the order of the file. Something else that stands there is a gap.
    pub fn entries<'t, 'i>(&mut self, root: &'t DeTable<'i>, path: &[&str]) -> Vec<(&'t str, usize, &'t Value<'i>)> {
        self.table(root, path).map_or_else(Vec::new, toml_file::in_order)
    }

    /// The table at a path. Something else that stands on the way is a gap.
    pub fn table<'t, 'i>(&mut self, root: &'t DeTable<'i>, path: &[&str]) -> Option<&'t DeTable<'i>> {
        path.iter().try_fold(root, |table, key| {
            let value = table.get(*key)?;
            let inner = value.get_ref().as_table();
            if inner.is_none() {
                self.diagnostics.push(self.file.gap(value.span().start, format!("expected a table `{key}`")));
            }
            inner
        })
    }

    /// Fills in what is not known yet of the project itself.
    pub fn name_project(&mut self, table: &DeTable<'_>, name: &str, python: &str) {
        toml_file::expect(self.file, table, name, "a text", DeValue::is_str, self.diagnostics);
        let project = self.manifest.project.get_or_insert_default();
        if let Some((text, at)) = toml_file::text_at(table, name) {
            match PackageName::new(text) {
                Ok(name) => project.name = project.name.take().or(Some(name)),
                // a template's placeholder hides no dependency
                Err(error) => self.diagnostics.push(self.file.remark(at, error.to_string())),
            }
        }
        project.version = project.version.take().or_else(|| toml_file::text(table, "version").map(Version::new));
        let python = toml_file::text(table, python).map(str::to_owned);
        project.requires_python = project.requires_python.take().or(python);
    }

    /// The requirements of the array at a key.
    pub fn requirements(&mut self, table: &DeTable<'_>, key: &str, serves: &Serves) {
        if let Some(value) = table.get(key) {
            self.list(value, serves);
        }
    }

    pub fn list(&mut self, value: &Value<'_>, serves: &Serves) {
        let Some(items) = value.get_ref().as_array() else {
            self.diagnostics.push(self.file.gap(value.span().start, "expected an array of requirements"));
            return;
        };
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => self.requirement(text, item.span().start, serves),
                // PEP 735's includes are followed by `read_groups`
                None if item.get_ref().as_table().is_some_and(|table| table.contains_key("include-group")) => {}
                None => self.diagnostics.push(self.file.gap(item.span().start, "expected a requirement, a text")),
            }
        }
    }

    /// One requirement; PDM allows `-e path` among its development dependencies.
    fn requirement(&mut self, text: &str, at: usize, serves: &Serves) {
        let editable = text.trim().strip_prefix("-e ");
        match Requirement::parse(editable.unwrap_or(text)) {
            Ok(requirement) => {
                let mut package = requirement.into_package();
                if let (Some(_), Source::Path { path, .. }) = (editable, &package.source) {
                    package.source = Source::Editable { path: path.clone() };
                }
                self.push(package, at, serves);
            }
            Err(expected) => self.diagnostics.push(self.file.gap(at, expected)),
        }
    }

    pub fn push(&mut self, mut package: Package, at: usize, serves: &Serves) {
        serves.mark(&mut package);
        package.line = Some(self.file.line(at));
        self.manifest.packages.push(package);
    }

    /// PEP 735: a group that includes another has its members too.
    fn read_groups(&mut self, root: &DeTable<'_>) {
        let groups = self.entries(root, &["dependency-groups"]);
        let by_name: HashMap<String, &str> = groups.iter().map(|(name, _, _)| (normalised(name), *name)).collect();
        let mut included_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (group, _, value) in &groups {
            for item in value.get_ref().as_array().map_or(&[][..], |array| array) {
                let included = item.get_ref().as_table().and_then(|table| toml_file::text(table, "include-group"));
                if let Some(included) = included {
                    match by_name.get(&normalised(included)) {
                        Some(name) => included_by.entry(*name).or_default().push(*group),
                        None => self.diagnostics.push(
                            self.file
                                .gap(item.span().start, format!("expected a group that exists, found `{included}`")),
                        ),
                    }
                }
            }
        }
        for (group, _, value) in &groups {
            let mut serves = BTreeSet::from([*group]);
            let mut queue = vec![*group];
            while let Some(name) = queue.pop() {
                let outer = included_by.get(name).into_iter().flatten();
                if outer.clone().any(|outer| outer == group) {
                    // nothing is lost by it
                    let reason = format!("the group `{group}` includes itself: the circle is cut here");
                    self.diagnostics.push(self.file.remark(value.span().start, reason));
                }
                queue.extend(outer.copied().filter(|outer| serves.len() < MAX_GROUPS && serves.insert(*outer)));
            }
            let groups = serves.into_iter().map(str::to_owned).collect();
            self.list(value, &Serves { groups, ..Serves::default() });
        }
    }
}

pub(super) fn normalised(group: &str) -> String {
    PackageName::new(group).map_or_else(|_| group.to_owned(), |name| name.as_str().to_owned())
}
