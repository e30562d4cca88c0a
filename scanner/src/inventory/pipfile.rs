//! `Pipfile` and `Pipfile.lock`.
//!
//! Specification: <https://github.com/pypa/pipfile> and pipenv's manual. The lock has no edges: its packages are direct where the
//! `Pipfile` beside it names them.

use std::collections::HashMap;

use advisories::{PackageName, Version};

use super::graph::Graph;
use super::join::Locked;
use super::origin;
use super::package::{Format, Manifest, Package, Project, Role, Source};
use super::pyproject::Serves;
use super::requirement::pinned;
use super::text::SourceText;
use super::toml_file;
use super::yaml_file::{self, Content, Node};
use crate::diagnostic::Diagnostic;

/// `packages` and `default` are the project's own, `dev-packages` and `develop` its group `dev`; others are groups by their name.
fn serves(section: &str) -> Serves {
    match section {
        "packages" | "default" => Serves::main(),
        "dev-packages" | "develop" => Serves::group("dev"),
        other => Serves::group(other),
    }
}

/// Reads a `Pipfile`.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let root = toml_file::parse(file, diagnostics);
    let mut manifest = Manifest::new(&file.path, Format::Pipenv, Role::Declared);
    let sources = toml_file::items(&root, "source").iter().filter_map(|item| item.get_ref().as_table());
    let indexes: Indexes = sources
        .filter_map(|table| {
            Some((toml_file::text(table, "name")?.to_owned(), toml_file::text(table, "url")?.to_owned()))
        })
        .collect();
    let requires = toml_file::table(&root, &["requires"]);
    let python = requires
        .and_then(|t| toml_file::text(t, "python_full_version").or_else(|| toml_file::text(t, "python_version")));
    manifest.project = Some(Project { requires_python: python.map(str::to_owned), ..Project::default() });
    for (section, _, value) in toml_file::in_order(&root) {
        if matches!(section, "source" | "requires" | "scripts" | "pipenv" | "pipfile" | "build-system") {
            continue;
        }
        let Some(table) = value.get_ref().as_table() else {
            diagnostics.push(file.gap(value.span().start, format!("expected a table `{section}` of packages")));
            continue;
        };
        for (name, at, value) in toml_file::in_order(table) {
            let Ok(name) = PackageName::new(name) else {
                diagnostics.push(file.gap(at, "expected a package's name (PEP 508)"));
                continue;
            };
            let entry = value.get_ref().as_table();
            let specifier = value.get_ref().as_str().or_else(|| toml_file::text(entry?, "version"));
            if entry.is_none() && specifier.is_none() {
                diagnostics.push(file.gap(value.span().start, format!("expected a version or a table for {name}")));
            }
            let field = |key: &str| entry.and_then(|entry| toml_file::text(entry, key)).map(str::to_owned);
            let editable = entry.and_then(|entry| entry.get("editable")?.get_ref().as_bool()).unwrap_or(false);
            let mut package = package(name, specifier, &field, editable);
            apply_index(&mut package, field("index").as_deref(), &indexes);
            package.line = Some(file.line(at));
            serves(section).mark(&mut package);
            manifest.packages.push(package);
        }
    }
    manifest
}

/// Reads a `Pipfile.lock`.
pub fn read_lock(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Locked {
    let mut manifest = Manifest::new(&file.path, Format::Pipenv, Role::Locked);
    let mut known = HashMap::new();
    let documents = yaml_file::parse(file, diagnostics);
    if documents.first().is_none_or(|root| root.entries().is_empty()) {
        diagnostics.push(file.gap(0, "expected a JSON object with `default` and `develop`"));
    }
    let sources = documents.first().and_then(|root| root.get("_meta")?.get("sources")).map_or(&[][..], Node::items);
    let indexes: Indexes = sources
        .iter()
        .filter_map(|item| Some((item.field("name")?.to_owned(), item.field("url")?.to_owned())))
        .collect();
    for (section, packages) in documents.iter().flat_map(|root| root.entries()) {
        let section_name = section.text().unwrap_or_default();
        if !matches!(packages.content, Content::Mapping(_)) {
            let expected = format!("expected `{section_name}`, an object of packages");
            diagnostics.push(file.gap(0, expected).at(packages.line, packages.column));
        }
        for (key, entry) in packages.entries().iter().filter(|_| section_name != "_meta") {
            let Some(Ok(name)) = key.text().map(PackageName::new) else {
                diagnostics.push(file.gap(0, "expected a package's name (PEP 508)").at(key.line, key.column));
                continue;
            };
            let mut package = locked(name, entry);
            let is_placed = !matches!(package.source, Source::Index { .. });
            // pipenv writes `*` where it chose no version
            if package.version.is_none() && !is_placed && entry.field("version") != Some("*") {
                let expected = format!("expected the `version` of {}, a text like `==1.0`", package.name);
                diagnostics.push(file.gap(0, expected).at(entry.line, entry.column));
            }
            apply_index(&mut package, entry.field("index"), &indexes);
            package.line = Some(key.line);
            let serves = serves(section_name);
            (package.main, package.groups) = (serves.main, serves.groups);
            add(&mut manifest.packages, &mut known, package);
        }
    }
    for package in &mut manifest.packages {
        package.groups.sort();
        package.groups.dedup();
    }
    let graph = Graph::of(&manifest.packages);
    Locked { manifest, graph }
}

fn locked(name: PackageName, entry: &Node) -> Package {
    let field = |key: &str| entry.field(key).map(str::to_owned);
    let mut package = package(name, entry.field("version"), &field, entry.field("editable") == Some("true"));
    package.pin_by(entry.get("hashes").into_iter().flat_map(|hashes| hashes.items()).filter_map(|hash| hash.text()));
    // a lock repeats no range
    package.specifier = None;
    package
}

/// Names and addresses of the indexes that a file declares.
type Indexes = HashMap<String, String>;

fn apply_index(package: &mut Package, name: Option<&str>, indexes: &Indexes) {
    let url = name.and_then(|name| indexes.get(name)).filter(|url| !url.contains('$'));
    if let (Source::Index { .. }, Some(url)) = (&package.source, url) {
        package.source = Source::index(url);
    }
}

/// The same package in `default` and `develop` is one package that serves both.
fn add(
    packages: &mut Vec<Package>,
    known: &mut HashMap<(PackageName, Option<Version>, Source), usize>,
    package: Package,
) {
    let key = (package.name.clone(), package.version.clone(), package.source.clone());
    let index = *known.entry(key).or_insert(packages.len());
    match packages.get_mut(index) {
        Some(same) => {
            same.main |= package.main;
            same.groups.extend(package.groups);
        }
        None => packages.push(package),
    }
}

fn package(
    name: PackageName,
    specifier: Option<&str>,
    field: &dyn Fn(&str) -> Option<String>,
    editable: bool,
) -> Package {
    let specifier = specifier.filter(|text| *text != "*");
    let (source, of_file) = place(field, editable);
    let mut package = Package::new(name, source);
    package.version = specifier.and_then(pinned).or(of_file);
    package.specifier = specifier.map(str::to_owned);
    package.marker = marker(field);
    package
}

fn place(field: &dyn Fn(&str) -> Option<String>, editable: bool) -> (Source, Option<Version>) {
    if let Some(url) = field("git") {
        let reference = field("ref");
        let commit = reference.clone().filter(|text| origin::is_commit(text));
        let subdirectory = field("subdirectory");
        let url = origin::without_credentials(url.strip_prefix("git+").unwrap_or(&url));
        let source = Source::Git { url, reference, commit, subdirectory };
        return (source, None);
    }
    if let Some(path) = field("path") {
        let version = origin::read_file_name(&path).map(|(_, version)| version);
        return (if editable { Source::Editable { path } } else { origin::path_source(&path) }, version);
    }
    if let Some(url) = field("file").or_else(|| field("url")) {
        let origin = origin::read(&url);
        return (origin.source, origin.version);
    }
    (Source::DEFAULT_INDEX, None)
}

/// Pipenv allows `markers` and each marker variable as a key of its own (`sys_platform = "== 'win32'"`).
fn marker(field: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let variables = [
        "os_name",
        "sys_platform",
        "platform_machine",
        "platform_system",
        "python_version",
        "platform_python_implementation",
    ];
    let single = variables.iter().filter_map(|name| field(name).map(|condition| format!("{name} {condition}")));
    let all: Vec<String> = field("markers").into_iter().chain(single).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}
