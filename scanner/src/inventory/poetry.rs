//! `poetry.lock`, lock versions 1.0 to 2.1.
//!
//! Specification: Poetry's writer, `src/poetry/packages/locker.py`, over its history: `category` and `[metadata.files]` (or, older,
//! `[metadata.hashes]`) in 1.x, `files` in 2.0, `groups` and `markers` in 2.1. What the project itself asks for stands in
//! `pyproject.toml`, so the roots of the graph are joined from there.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use toml::de::{DeTable, DeValue};

use super::graph::{Graph, Node};
use super::join::Locked;
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Project, Role, Source};
use super::poetry_constraint;
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file::{self, Value};
use crate::diagnostic::Diagnostic;

/// Extras of one package that bring the same dependency.
const MAX_EXTRAS: usize = 256;

/// Reads a lock.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Locked {
    let root = toml_file::parse(file, diagnostics);
    let mut manifest = Manifest::new(&file.path, Format::Poetry, Role::Locked);
    let hashes = ["files", "hashes"].iter().find_map(|key| toml_file::table(&root, &["metadata", key]));
    let mut tables = Vec::new();
    for item in toml_file::packages(file, &root, "package", diagnostics) {
        match item.get_ref().as_table().and_then(|table| Some((table, read_package(file, table, hashes, diagnostics)?)))
        {
            Some((table, package)) => {
                tables.push(table);
                manifest.packages.push(package);
            }
            None => {
                diagnostics.push(file.gap(item.span().start, "expected a [[package]] table with `name` and `version`"));
            }
        }
    }
    let graph = read_graph(&tables, &mut manifest.packages);
    let python = toml_file::table(&root, &["metadata"]).and_then(|table| toml_file::text(table, "python-versions"));
    manifest.project = Some(Project { requires_python: python.map(str::to_owned), ..Project::default() });
    Locked { manifest, graph }
}

fn read_package(
    file: &SourceText,
    table: &DeTable<'_>,
    hashes: Option<&DeTable<'_>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Package> {
    let (written, at) = toml_file::text_at(table, "name")?;
    let name = PackageName::new(written).ok()?;
    let version = toml_file::text(table, "version").map(Version::new);
    if version.is_none() {
        diagnostics.push(file.gap(at, format!("expected the `version` of {name}, a text")));
    }
    let source = match table.get("source") {
        None => Source::DEFAULT_INDEX,
        Some(value) => value.get_ref().as_table().and_then(source).unwrap_or_else(|| {
            let expected = format!("expected the source of {name}, of a type Poetry knows; taken for an index");
            diagnostics.push(file.gap(value.span().start, expected));
            Source::DEFAULT_INDEX
        }),
    };
    let mut package = Package { version, line: Some(file.line(at)), ..Package::new(name, source) };
    let listed = hashes.map_or(&[][..], |hashes| toml_file::items(hashes, written));
    package.pin_by(toml_file::file_hashes(table).chain(listed.iter().filter_map(toml_file::file_hash)));
    package.marker = marker(table);
    toml_file::expect(file, table, "dependencies", "a table", DeValue::is_table, diagnostics);
    let groups = toml_file::texts(table, "groups");
    if groups.is_empty() {
        match toml_file::text(table, "category") {
            Some("main") => package.main = true,
            Some(category) => package.groups.push(category.to_owned()),
            None => {}
        }
    }
    package.main |= groups.iter().any(|(group, _)| *group == "main");
    package.groups.extend(groups.iter().map(|(group, _)| (*group).to_owned()).filter(|group| group != "main"));
    package.groups.sort();
    Some(package)
}

/// Lock 2.1: one marker for all groups, or a table of one for each; 1.0: `marker`.
fn marker(table: &DeTable<'_>) -> Option<String> {
    let value = table.get("markers").or_else(|| table.get("marker"))?.get_ref();
    if let Some(text) = value.as_str() {
        return Some(text.to_owned());
    }
    let mut all: Vec<&str> = value.as_table()?.values().filter_map(|value| value.get_ref().as_str()).collect();
    all.sort_unstable();
    all.dedup();
    match all.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        many => Some(many.iter().map(|marker| format!("({marker})")).collect::<Vec<_>>().join(" or ")),
    }
}

fn source(table: &DeTable<'_>) -> Option<Source> {
    let url = toml_file::text(table, "url").unwrap_or_default();
    let text = |key: &str| toml_file::text(table, key).filter(|text| !text.is_empty()).map(str::to_owned);
    Some(match toml_file::text(table, "type").unwrap_or("legacy") {
        "legacy" => Source::index(url),
        "git" | "hg" => {
            let reference = text("reference");
            // before 1.1 the lock had the commit where the reference now is
            let commit =
                text("resolved_reference").or_else(|| reference.clone().filter(|text| origin::is_commit(text)));
            Source::Git { url: origin::without_credentials(url), reference, commit, subdirectory: text("subdirectory") }
        }
        "url" => Source::Url { url: origin::without_credentials(url) },
        "directory" => Source::Path { path: url.to_owned(), directory: true },
        "file" => Source::Path { path: url.to_owned(), directory: false },
        _ => return None,
    })
}

fn read_graph(tables: &[&DeTable<'_>], packages: &mut [Package]) -> Graph {
    let mut graph = Graph::of(packages);
    for (index, table) in tables.iter().enumerate() {
        let brought_by = read_extras(table, index, &mut graph);
        let mut edges = Vec::new();
        for (name, _, value) in toml_file::table(table, &["dependencies"]).map_or_else(Vec::new, toml_file::in_order) {
            let Ok(name) = PackageName::new(name) else { continue };
            let several = value.get_ref().as_array().map_or(std::slice::from_ref(value), |array| array);
            for wanted in several {
                let extras = brought_by.get(&name).map_or(&[][..], |nodes| &nodes[..nodes.len().min(MAX_EXTRAS)]);
                add_edge(&mut graph, packages, index, extras, &name, wanted, &mut edges);
            }
        }
        edges.sort();
        edges.dedup();
        packages[index].dependencies = edges;
    }
    graph
}

/// Which dependency is brought by which extra: `[package.extras]`.
fn read_extras(table: &DeTable<'_>, index: usize, graph: &mut Graph) -> HashMap<PackageName, Vec<Node>> {
    let mut brought_by: HashMap<PackageName, Vec<Node>> = HashMap::new();
    for (extra, _, value) in toml_file::table(table, &["extras"]).map_or_else(Vec::new, toml_file::in_order) {
        let Ok(extra) = PackageName::new(extra) else { continue };
        let node = graph.extra(index, extra.as_str());
        for item in value.get_ref().as_array().map_or(&[][..], |array| array) {
            if let Some(Ok(requirement)) = item.get_ref().as_str().map(Requirement::parse) {
                brought_by.entry(requirement.name).or_default().push(node);
            }
        }
    }
    brought_by
}

fn add_edge(
    graph: &mut Graph,
    packages: &[Package],
    from: Node,
    from_extras: &[Node],
    name: &PackageName,
    wanted: &Value<'_>,
    edges: &mut Vec<Dependency>,
) {
    let table = wanted.get_ref().as_table();
    let constraint = wanted.get_ref().as_str().or_else(|| toml_file::text(table?, "version"));
    let marker = table.and_then(|table| toml_file::text(table, "markers")).map(str::to_owned);
    let extras: Vec<String> = table
        .map_or_else(Vec::new, |table| toml_file::texts(table, "extras"))
        .iter()
        .map(|(e, _)| (*e).to_owned())
        .collect();
    let is_optional = table.and_then(|table| table.get("optional")?.get_ref().as_bool()).unwrap_or(false);
    for target in chosen(graph, packages, name, constraint) {
        if !is_optional || from_extras.is_empty() {
            graph.edge(from, target, &extras);
        }
        for &extra in from_extras.iter().filter(|_| is_optional) {
            graph.edge(extra, target, &extras);
        }
        edges.push(Dependency {
            name: name.clone(),
            version: packages[target].version.clone(),
            specifier: constraint.map(str::to_owned),
            marker: marker.clone(),
        });
    }
}

/// The locked packages of a name that a constraint allows; all of them where it is not understood.
pub(super) fn chosen(graph: &Graph, packages: &[Package], name: &PackageName, constraint: Option<&str>) -> Vec<usize> {
    let all = graph.named(name);
    if all.len() < 2 {
        return all.to_vec();
    }
    let allowed = constraint.and_then(poetry_constraint::Constraint::parse);
    let fits = |index: &&usize| match (&allowed, packages[**index].version.as_ref()) {
        (Some(allowed), Some(version)) => allowed.allows(version),
        _ => true,
    };
    let fitting: Vec<usize> = all.iter().filter(fits).copied().take(64).collect();
    if fitting.is_empty() { all.iter().copied().take(64).collect() } else { fitting }
}
