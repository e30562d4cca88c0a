//! The tables of tools in a `pyproject.toml`: uv, PDM, Hatch, Flit and setuptools. Poetry's are in `pyproject_poetry.rs`.
//!
//! Specifications: <https://docs.astral.sh/uv/reference/settings/>, <https://pdm-project.org/latest/reference/pep621/>,
//! <https://hatch.pypa.io/latest/config/environment/overview/>, <https://flit.pypa.io/en/stable/pyproject_toml.html>,
//! <https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata>.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use toml::de::DeTable;

use super::follow::Follow;
use super::origin;
use super::package::{Package, Source};
use super::pyproject::{BUILD_GROUP, CONSTRAINTS, OVERRIDES, Reader, Serves, entries};
use super::requirement::pinned;
use super::toml_file::{self, Value};

/// Reads the tables into the manifest.
pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    uv(reader, root);
    pdm(reader, root);
    hatch(reader, root);
    flit(reader, root);
    setuptools(reader, root);
}

fn uv(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let Some(uv) = toml_file::table(root, &["tool", "uv"]) else { return };
    reader.requirements(uv, "dev-dependencies", &Serves::group("dev"));
    for kind in [CONSTRAINTS, OVERRIDES, "build-constraint-dependencies"] {
        reader.requirements(uv, kind, &Serves::bound(kind));
    }
    if let Some(workspace) = toml_file::table(uv, &["workspace"]) {
        let globs = |key| toml_file::texts(workspace, key).iter().map(|(glob, _)| (*glob).to_owned()).collect();
        let project = reader.manifest.project.get_or_insert_default();
        (project.members, project.excluded_members) = (globs("members"), globs("exclude"));
    }
}

fn pdm(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    for (group, _, value) in entries(root, &["tool", "pdm", "dev-dependencies"]) {
        reader.list(value, &Serves::group(group));
    }
    for (name, at, value) in entries(root, &["tool", "pdm", "resolution", "overrides"]) {
        // a bare version is exact; an address replaces the source, and says no version
        let (Ok(name), Some(text)) = (PackageName::new(name), value.get_ref().as_str()) else { continue };
        let mut package = Package::new(name, Source::DEFAULT_INDEX);
        let is_bare = text.trim().starts_with(|first: char| first.is_ascii_digit());
        package.version = if is_bare { Some(Version::new(text.trim())) } else { pinned(text) };
        package.specifier =
            (!text.contains("://")).then(|| if is_bare { format!("=={}", text.trim()) } else { text.to_owned() });
        if text.contains("://") {
            package.source = origin::read(text).source;
        }
        reader.push(package, at, &Serves::bound(OVERRIDES));
    }
}

fn hatch(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    for (name, _, value) in entries(root, &["tool", "hatch", "envs"]) {
        if let Some(table) = value.get_ref().as_table() {
            reader.requirements(table, "dependencies", &Serves::group(name));
            reader.requirements(table, "extra-dependencies", &Serves::group(name));
        }
    }
    // what build hooks and targets need beside `[build-system]`
    let Some(build) = toml_file::table(root, &["tool", "hatch", "build"]) else { return };
    let targets = entries(build, &["targets"]).into_iter().filter_map(|(_, _, value)| value.get_ref().as_table());
    for table in std::iter::once(build).chain(targets) {
        reader.requirements(table, "dependencies", &Serves::group(BUILD_GROUP));
        for hook in entries(table, &["hooks"]).iter().filter_map(|(_, _, value)| value.get_ref().as_table()) {
            reader.requirements(hook, "dependencies", &Serves::group(BUILD_GROUP));
        }
    }
}

fn flit(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let Some(flit) = toml_file::table(root, &["tool", "flit", "metadata"]) else { return };
    let name = if flit.contains_key("dist-name") { "dist-name" } else { "module" };
    reader.name_project(flit, name, "requires-python");
    reader.requirements(flit, "requires", &Serves::main());
    reader.requirements(flit, "dev-requires", &Serves::group("dev"));
    for (extra, _, value) in entries(flit, &["requires-extra"]) {
        reader.list(value, &Serves::extra(extra));
    }
}

/// `dynamic = ["dependencies"]` with the files to take them from, and Hatch's plugin that does the same.
fn setuptools(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    if let Some(dynamic) = toml_file::table(root, &["tool", "setuptools", "dynamic"]) {
        if let Some(dependencies) = toml_file::table(dynamic, &["dependencies"]) {
            follow(reader, toml_file::texts(dependencies, "file"), &Serves::main());
        }
        for (extra, _, value) in entries(dynamic, &["optional-dependencies"]) {
            if let Some(table) = value.get_ref().as_table() {
                follow(reader, toml_file::texts(table, "file"), &Serves::extra(extra));
            }
        }
    }
    if let Some(hook) = toml_file::table(root, &["tool", "hatch", "metadata", "hooks", "requirements_txt"]) {
        follow(reader, toml_file::texts(hook, "files"), &Serves::main());
        follow(reader, toml_file::texts(hook, "filename"), &Serves::main());
        for (extra, _, _) in entries(hook, &["optional-dependencies"]) {
            if let Some(table) = toml_file::table(hook, &["optional-dependencies"]) {
                follow(reader, toml_file::texts(table, extra), &Serves::extra(extra));
            }
        }
    }
}

fn follow(reader: &mut Reader<'_>, files: Vec<(&str, usize)>, serves: &Serves) {
    for (path, at) in files {
        let line = reader.file.line(at);
        reader.follows.push(Follow { path: path.to_owned(), line, serves: serves.clone() });
    }
}

/// `[tool.uv.sources]` says where a declared name is taken from; `[[tool.uv.index]]` names indexes.
pub(super) fn apply_uv_sources(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let mut indexes = HashMap::new();
    if let Some(uv) = toml_file::table(root, &["tool", "uv"]) {
        for table in toml_file::items(uv, "index").iter().filter_map(|item| item.get_ref().as_table()) {
            if let (Some(name), Some(url)) = (toml_file::text(table, "name"), toml_file::text(table, "url")) {
                indexes.insert(name, url);
            }
        }
    }
    let mut sources = HashMap::new();
    for (name, _, value) in entries(root, &["tool", "uv", "sources"]) {
        if let (Ok(name), Some(source)) =
            (PackageName::new(name), first_table(value).and_then(|t| uv_source(t, &indexes)))
        {
            sources.insert(name, source);
        }
    }
    for package in &mut reader.manifest.packages {
        if let Some(source) = sources.get(&package.name) {
            package.source = source.clone();
        }
    }
}

/// One source, or the first of several that markers part.
fn first_table<'t, 'i>(value: &'t Value<'i>) -> Option<&'t DeTable<'i>> {
    value.get_ref().as_table().or_else(|| value.get_ref().as_array()?.first()?.get_ref().as_table())
}

fn uv_source(table: &DeTable<'_>, indexes: &HashMap<&str, &str>) -> Option<Source> {
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
    if let Some(url) = text("url") {
        return Some(Source::Url { url: origin::without_credentials(&url) });
    }
    indexes.get(text("index")?.as_str()).map(|url| Source::index(url))
}
