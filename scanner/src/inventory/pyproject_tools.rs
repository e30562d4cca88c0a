//! The tables of tools in a `pyproject.toml`: uv, PDM, Hatch, Flit and setuptools. Poetry's are in `pyproject_poetry.rs`.
//!
//! Specifications: <https://docs.astral.sh/uv/reference/settings/>, <https://pdm-project.org/latest/reference/pep621/>,
//! <https://hatch.pypa.io/latest/config/environment/overview/>, <https://flit.pypa.io/en/stable/pyproject_toml.html>,
//! <https://setuptools.pypa.io/en/latest/userguide/pyproject_config.html#dynamic-metadata>.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use toml::de::{DeTable, DeValue};

use super::follow::Follow;
use super::markers::{self, Rest};
use super::origin;
use super::package::{Package, Source};
use super::pyproject::{BUILD_GROUP, CONSTRAINTS, OVERRIDES, Reader, Serves, normalised};
use super::requirement::pinned;
use super::source_table;
use super::toml_file;

/// Sources of one name: markers and extras part a handful.
const MAX_SOURCES: usize = 64;

/// Reads the tables into the manifest.
pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    uv(reader, root);
    pdm(reader, root);
    hatch(reader, root);
    flit(reader, root);
    setuptools(reader, root);
}

fn uv(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let Some(uv) = reader.table(root, &["tool", "uv"]) else { return };
    reader.requirements(uv, "dev-dependencies", &Serves::group("dev"));
    for kind in [CONSTRAINTS, OVERRIDES, "build-constraint-dependencies"] {
        reader.requirements(uv, kind, &Serves::bound(kind));
    }
    if let Some(workspace) = reader.table(uv, &["workspace"]) {
        let globs = |key| toml_file::texts(workspace, key).iter().map(|(glob, _)| (*glob).to_owned()).collect();
        let project = reader.manifest.project.get_or_insert_default();
        (project.members, project.excluded_members) = (globs("members"), globs("exclude"));
    }
}

fn pdm(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    for (group, _, value) in reader.entries(root, &["tool", "pdm", "dev-dependencies"]) {
        reader.list(value, &Serves::group(group));
    }
    for (name, at, value) in reader.entries(root, &["tool", "pdm", "resolution", "overrides"]) {
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
    for (name, _, value) in reader.entries(root, &["tool", "hatch", "envs"]) {
        if let Some(table) = value.get_ref().as_table() {
            reader.requirements(table, "dependencies", &Serves::group(name));
            reader.requirements(table, "extra-dependencies", &Serves::group(name));
        }
    }
    // what build hooks and targets need beside `[build-system]`
    let Some(build) = reader.table(root, &["tool", "hatch", "build"]) else { return };
    let targets =
        reader.entries(build, &["targets"]).into_iter().filter_map(|(_, _, value)| value.get_ref().as_table());
    for table in std::iter::once(build).chain(targets) {
        reader.requirements(table, "dependencies", &Serves::group(BUILD_GROUP));
        for hook in reader.entries(table, &["hooks"]).iter().filter_map(|(_, _, value)| value.get_ref().as_table()) {
            reader.requirements(hook, "dependencies", &Serves::group(BUILD_GROUP));
        }
    }
}

fn flit(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let Some(flit) = reader.table(root, &["tool", "flit", "metadata"]) else { return };
    let name = if flit.contains_key("dist-name") { "dist-name" } else { "module" };
    reader.name_project(flit, name, "requires-python");
    reader.requirements(flit, "requires", &Serves::main());
    reader.requirements(flit, "dev-requires", &Serves::group("dev"));
    for (extra, _, value) in reader.entries(flit, &["requires-extra"]) {
        reader.list(value, &Serves::extra(extra));
    }
}

/// `dynamic = ["dependencies"]` with the files to take them from, and Hatch's plugin that does the same.
fn setuptools(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    if let Some(dynamic) = reader.table(root, &["tool", "setuptools", "dynamic"]) {
        if let Some(dependencies) = reader.table(dynamic, &["dependencies"]) {
            follow(reader, toml_file::texts(dependencies, "file"), &Serves::main());
        }
        for (extra, _, value) in reader.entries(dynamic, &["optional-dependencies"]) {
            if let Some(table) = value.get_ref().as_table() {
                follow(reader, toml_file::texts(table, "file"), &Serves::extra(extra));
            }
        }
    }
    if let Some(hook) = reader.table(root, &["tool", "hatch", "metadata", "hooks", "requirements_txt"]) {
        follow(reader, toml_file::texts(hook, "files"), &Serves::main());
        follow(reader, toml_file::texts(hook, "filename"), &Serves::main());
        for (extra, _, _) in reader.entries(hook, &["optional-dependencies"]) {
            if let Some(table) = toml_file::table(hook, &["optional-dependencies"]) {
                follow(reader, toml_file::texts(table, extra), &Serves::extra(extra));
            }
        }
    }
}

fn follow(reader: &mut Reader<'_>, files: Vec<(&str, usize)>, serves: &Serves) {
    for (path, at) in files {
        let place = reader.file.position(at);
        reader.follows.push(Follow { path: path.to_owned(), place, serves: serves.clone() });
    }
}

/// One of the sources of `[tool.uv.sources]`, and where it holds.
struct UvSource {
    source: Source,
    version: Option<Version>,
    marker: Option<String>,
    /// Only what this extra of the project asks for is taken from it.
    extra: Option<String>,
    /// The same for a dependency group.
    group: Option<String>,
}

/// `[tool.uv.sources]` says where a declared name is taken from, perhaps one place by each marker, extra or group; `[[tool.uv.index]]` names
/// indexes.
pub(super) fn apply_uv_sources(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let mut indexes = HashMap::new();
    if let Some(uv) = reader.table(root, &["tool", "uv"]) {
        toml_file::expect(reader.file, uv, "index", "an array of tables", DeValue::is_array, reader.diagnostics);
        for table in toml_file::items(uv, "index").iter().filter_map(|item| item.get_ref().as_table()) {
            if let (Some(name), Some(url)) = (toml_file::text(table, "name"), toml_file::text(table, "url")) {
                indexes.insert(name, url);
            }
        }
    }
    let mut sources: HashMap<PackageName, Vec<UvSource>> = HashMap::new();
    for (name, at, value) in reader.entries(root, &["tool", "uv", "sources"]) {
        let Ok(name) = PackageName::new(name) else {
            reader.diagnostics.push(reader.file.gap(at, "expected a package's name (PEP 508)"));
            continue;
        };
        let several = value.get_ref().as_array().map_or(std::slice::from_ref(value), |array| array);
        for one in several.iter().take(MAX_SOURCES) {
            match one.get_ref().as_table().and_then(|table| uv_source(table, &indexes)) {
                Some(source) => sources.entry(name.clone()).or_default().push(source),
                None => reader.diagnostics.push(
                    reader
                        .file
                        .gap(one.span().start, "expected a source: `git`, `url`, `path`, `index` or `workspace`"),
                ),
            }
        }
        if several.len() > MAX_SOURCES {
            reader
                .diagnostics
                .push(reader.file.gap(at, format!("expected no more than {MAX_SOURCES} sources of {name}")));
        }
    }
    for package in std::mem::take(&mut reader.manifest.packages) {
        match sources.get(&package.name) {
            Some(sources) => reader.manifest.packages.extend(from_sources(&package, sources)),
            None => reader.manifest.packages.push(package),
        }
    }
}

/// The package as it is taken from each source that holds for it, and from the default index where none does.
fn from_sources(package: &Package, sources: &[UvSource]) -> Vec<Package> {
    let serves = |names: &[String], wanted: &Option<String>| {
        wanted.as_deref().is_none_or(|wanted| names.iter().any(|name| normalised(name) == normalised(wanted)))
    };
    let holding: Vec<&UvSource> = sources
        .iter()
        .filter(|source| serves(&package.extras, &source.extra) && serves(&package.groups, &source.group))
        .collect();
    let markers: Vec<Option<&str>> = holding.iter().map(|source| source.marker.as_deref()).collect();
    let under = |marker: Option<&str>| markers::both(package.marker.as_deref(), marker);
    let mut found: Vec<Package> = holding
        .iter()
        .map(|from| Package {
            source: from.source.clone(),
            version: package.version.clone().or_else(|| from.version.clone()),
            marker: under(from.marker.as_deref()),
            ..package.clone()
        })
        .collect();
    match markers::beside(&markers) {
        Rest::Nothing => {}
        Rest::When(rest) => found.push(Package { marker: under(Some(&rest)), ..package.clone() }),
        Rest::Unknown => found.push(package.clone()),
    }
    found
}

fn uv_source(table: &DeTable<'_>, indexes: &HashMap<&str, &str>) -> Option<UvSource> {
    let text = |key: &str| toml_file::text(table, key).map(str::to_owned);
    let is_member = table.get("workspace").and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
    let (source, version) = match source_table::place(table, "editable") {
        _ if is_member => (Source::Editable { path: String::new() }, None),
        Some(place) => place,
        // the workspace's root may know the address of a name that this file does not tell
        None => {
            let name = text("index")?;
            (
                indexes.get(name.as_str()).map_or(Source::Index { url: Some(name.clone()) }, |url| Source::index(url)),
                None,
            )
        }
    };
    Some(UvSource { source, version, marker: text("marker"), extra: text("extra"), group: text("group") })
}
