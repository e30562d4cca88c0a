//! `pyproject.toml`: what a project declares, in every dialect.
//!
//! Specifications: PEP 621 (`[project]`), PEP 735 (`[dependency-groups]`), PEP 518 (`[build-system]`), and the manuals of uv, PDM,
//! Hatch and Flit for their tables; Poetry's are in `pyproject_poetry.rs`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::{PackageName, Version};
use toml::de::DeTable;

use super::package::{Format, Manifest, Package, Role, Source};
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file::{self, Value};
use super::{origin, pyproject_poetry};
use crate::diagnostic::Diagnostic;

/// The group that stands for `[build-system] requires`.
pub const BUILD_GROUP: &str = "build-system";

/// Groups that one declaration is counted to, through groups that include its own.
const MAX_GROUPS: usize = 64;

/// Whom a declaration serves.
#[derive(Debug, Clone, Default)]
pub(super) struct Serves {
    pub main: bool,
    pub groups: Vec<String>,
    pub extras: Vec<String>,
}

impl Serves {
    pub fn main() -> Self {
        Self { main: true, ..Self::default() }
    }

    pub fn group(name: &str) -> Self {
        Self { groups: vec![name.to_owned()], ..Self::default() }
    }

    pub fn extra(name: &str) -> Self {
        Self { extras: vec![name.to_owned()], ..Self::default() }
    }

    pub fn mark(&self, package: &mut Package) {
        package.direct = true;
        package.main = self.main;
        package.groups.clone_from(&self.groups);
        package.extras.clone_from(&self.extras);
    }
}

/// Reads a manifest.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let root = toml_file::parse(file, diagnostics);
    let mut reader =
        Reader { file, manifest: Manifest::new(&file.path, Format::Pyproject, Role::Declared), diagnostics };
    reader.read_project(&root);
    reader.read_groups(&root);
    pyproject_poetry::read(&mut reader, &root);
    reader.read_tools(&root);
    if let Some(build) = toml_file::table(&root, &["build-system"]) {
        reader.requirements(build, "requires", &Serves::group(BUILD_GROUP));
    }
    reader.apply_uv_sources(&root);
    reader.manifest
}

pub(super) struct Reader<'f> {
    pub file: &'f SourceText,
    pub manifest: Manifest,
    pub diagnostics: &'f mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn read_project(&mut self, root: &DeTable<'_>) {
        let Some(project) = toml_file::table(root, &["project"]) else { return };
        self.name_project(project, "name", "requires-python");
        self.requirements(project, "dependencies", &Serves::main());
        for (extra, _, value) in entries(project, &["optional-dependencies"]) {
            self.list(value, &Serves::extra(extra));
        }
    }

    /// Fills in what is not known yet of the project itself.
    pub fn name_project(&mut self, table: &DeTable<'_>, name: &str, python: &str) {
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

    fn list(&mut self, value: &Value<'_>, serves: &Serves) {
        let Some(items) = value.get_ref().as_array() else {
            self.diagnostics.push(self.file.gap(value.span().start, "expected an array of requirements"));
            return;
        };
        for item in items.iter() {
            match item.get_ref().as_str() {
                Some(text) => self.requirement(text, item.span().start, serves),
                // PEP 735's includes are followed by `read_groups`
                None if item.get_ref().is_table() => {}
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
        let groups = entries(root, &["dependency-groups"]);
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
                queue.extend(outer.copied().filter(|outer| serves.len() < MAX_GROUPS && serves.insert(*outer)));
            }
            let groups = serves.into_iter().map(str::to_owned).collect();
            self.list(value, &Serves { groups, ..Serves::default() });
        }
    }

    fn read_tools(&mut self, root: &DeTable<'_>) {
        if let Some(uv) = toml_file::table(root, &["tool", "uv"]) {
            self.requirements(uv, "dev-dependencies", &Serves::group("dev"));
            if let Some(workspace) = toml_file::table(uv, &["workspace"]) {
                let globs = |key| toml_file::texts(workspace, key).iter().map(|(glob, _)| (*glob).to_owned()).collect();
                let project = self.manifest.project.get_or_insert_default();
                (project.members, project.excluded_members) = (globs("members"), globs("exclude"));
            }
        }
        for (group, _, value) in entries(root, &["tool", "pdm", "dev-dependencies"]) {
            self.list(value, &Serves::group(group));
        }
        for (name, _, value) in entries(root, &["tool", "hatch", "envs"]) {
            if let Some(table) = value.get_ref().as_table() {
                self.requirements(table, "dependencies", &Serves::group(name));
                self.requirements(table, "extra-dependencies", &Serves::group(name));
            }
        }
        if let Some(flit) = toml_file::table(root, &["tool", "flit", "metadata"]) {
            let name = if flit.contains_key("dist-name") { "dist-name" } else { "module" };
            self.name_project(flit, name, "requires-python");
            self.requirements(flit, "requires", &Serves::main());
            self.requirements(flit, "dev-requires", &Serves::group("dev"));
            for (extra, _, value) in entries(flit, &["requires-extra"]) {
                self.list(value, &Serves::extra(extra));
            }
        }
    }

    /// `[tool.uv.sources]` says where a declared name is taken from.
    fn apply_uv_sources(&mut self, root: &DeTable<'_>) {
        let mut sources = HashMap::new();
        for (name, _, value) in entries(root, &["tool", "uv", "sources"]) {
            let table =
                value.get_ref().as_table().or_else(|| value.get_ref().as_array()?.first()?.get_ref().as_table());
            if let (Ok(name), Some(source)) = (PackageName::new(name), table.and_then(uv_source)) {
                sources.insert(name, source);
            }
        }
        for package in &mut self.manifest.packages {
            if let Some(source) = sources.get(&package.name) {
                package.source = source.clone();
            }
        }
    }
}

fn uv_source(table: &DeTable<'_>) -> Option<Source> {
    let text = |key: &str| toml_file::text(table, key).map(str::to_owned);
    let truth = |key: &str| table.get(key).and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
    if truth("workspace") {
        return Some(Source::Editable { path: String::new() });
    }
    if let Some(url) = text("git") {
        let reference = ["rev", "tag", "branch"].into_iter().find_map(text);
        let commit = reference.clone().filter(|text| origin::is_commit(text));
        let subdirectory = text("subdirectory");
        return Some(Source::Git { url: origin::without_credentials(&url), reference, commit, subdirectory });
    }
    if let Some(path) = text("path") {
        return Some(if truth("editable") { Source::Editable { path } } else { origin::path_source(&path) });
    }
    text("url").map(|url| Source::Url { url: origin::without_credentials(&url) })
}

pub(super) fn entries<'t, 'i>(root: &'t DeTable<'i>, path: &[&str]) -> Vec<(&'t str, usize, &'t Value<'i>)> {
    toml_file::table(root, path).map_or_else(Vec::new, toml_file::in_order)
}

fn normalised(group: &str) -> String {
    PackageName::new(group).map_or_else(|_| group.to_owned(), |name| name.as_str().to_owned())
}
