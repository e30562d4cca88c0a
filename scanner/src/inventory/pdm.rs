//! `pdm.lock`, from the first form (2020: `sections`, dependency tables) to lock version 4.5.
//!
//! Specification: PDM's writer, `src/pdm/project/lockfile/pdmlock.py`. An entry with `extras` is the same package once more, with what the
//! extra adds; both are one package here, and the extra is a node of the graph.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use toml::de::DeTable;

use super::graph::Graph;
use super::graph::Node;
use super::join::Locked;
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Role, Source};
use super::poetry;
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file;
use crate::diagnostic::Diagnostic;

/// Reads a lock.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Locked {
    let root = toml_file::parse(file, diagnostics);
    let mut manifest = Manifest::new(&file.path, Format::Pdm, Role::Locked);
    // the first forms had the files' hashes apart, under "name version"
    let metadata = toml_file::table(&root, &["metadata"]);
    let listed = metadata.and_then(|table| toml_file::table(table, &["files"])).or(metadata);
    let mut known: HashMap<(PackageName, Option<Version>, Source), usize> = HashMap::new();
    let mut entries: Vec<(usize, &DeTable<'_>)> = Vec::new();
    for item in toml_file::packages(file, &root, "package", diagnostics) {
        let read =
            item.get_ref().as_table().and_then(|table| Some((table, read_package(file, table, listed, diagnostics)?)));
        let Some((table, package)) = read else {
            diagnostics.push(file.gap(item.span().start, "expected a [[package]] table with `name` and `version`"));
            continue;
        };
        let key = (package.name.clone(), package.version.clone(), package.source.clone());
        let index = *known.entry(key).or_insert(manifest.packages.len());
        match manifest.packages.get_mut(index) {
            Some(same) => merge(same, package),
            None => manifest.packages.push(package),
        }
        entries.push((index, table));
    }
    let graph = read_graph(&entries, &mut manifest.packages);
    Locked { manifest, graph }
}

fn read_package(
    file: &SourceText,
    table: &DeTable<'_>,
    listed: Option<&DeTable<'_>>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Package> {
    let (written, at) = toml_file::text_at(table, "name")?;
    let name = PackageName::new(written).ok()?;
    let version = toml_file::text(table, "version");
    if version.is_none() {
        diagnostics.push(file.gap(at, format!("expected the `version` of {name}, a text")));
    }
    let mut package = Package::new(name, source(table));
    package.line = Some(file.line(at));
    package.version = version.map(Version::new);
    let key = format!("{written} {}", version.unwrap_or_default());
    let listed = listed.map_or(&[][..], |listed| toml_file::items(listed, &key));
    package.pin_by(toml_file::file_hashes(table).chain(listed.iter().filter_map(toml_file::file_hash)));
    package.marker = toml_file::text(table, "marker").map(str::to_owned);
    for (group, _) in toml_file::texts(table, "groups").into_iter().chain(toml_file::texts(table, "sections")) {
        if group == "default" {
            package.main = true;
        } else {
            package.groups.push(group.to_owned());
        }
    }
    package.groups.sort();
    Some(package)
}

fn source(table: &DeTable<'_>) -> Source {
    let text = |key: &str| toml_file::text(table, key).map(str::to_owned);
    let editable = table.get("editable").and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
    if let Some(url) = text("git") {
        let (reference, commit) = (text("ref"), text("revision"));
        return Source::Git {
            url: origin::without_credentials(&url),
            reference,
            commit,
            subdirectory: text("subdirectory"),
        };
    }
    if let Some(path) = text("path") {
        return if editable { Source::Editable { path } } else { origin::path_source(&path) };
    }
    match text("url") {
        Some(url) => Source::Url { url: origin::without_credentials(&url) },
        None => Source::DEFAULT_INDEX,
    }
}

fn merge(same: &mut Package, again: Package) {
    same.main |= again.main;
    same.pin_by(again.hashes.iter().map(String::as_str));
    same.groups.extend(again.groups);
}

fn read_graph(entries: &[(usize, &DeTable<'_>)], packages: &mut [Package]) -> Graph {
    let mut graph = Graph::of(packages);
    for (index, table) in entries {
        let extras = toml_file::texts(table, "extras");
        let mut nodes: Vec<Node> = extras.iter().map(|(extra, _)| graph.extra(*index, extra)).collect();
        if nodes.is_empty() {
            nodes.push(*index);
        }
        let mut edges = Vec::new();
        for requirement in requirements(table) {
            for target in poetry::chosen(&graph, packages, &requirement.name, requirement.specifier.as_deref()) {
                for &node in nodes.iter().filter(|_| target != *index) {
                    graph.edge(node, target, &requirement.extras);
                }
                edges.push(Dependency {
                    name: requirement.name.clone(),
                    version: packages[target].version.clone(),
                    specifier: requirement.specifier.clone(),
                    marker: requirement.marker.clone(),
                });
            }
        }
        // an extra's entry names its own package, which is no dependency
        edges.retain(|edge| edge.name != packages[*index].name);
        packages[*index].dependencies.append(&mut edges);
    }
    for package in packages {
        package.groups.sort();
        package.groups.dedup();
        package.dependencies.sort();
        package.dependencies.dedup();
    }
    graph
}

/// PEP 508 texts, or, in the first form, a table of name and constraint.
fn requirements(table: &DeTable<'_>) -> Vec<Requirement> {
    if let Some(old) = toml_file::table(table, &["dependencies"]) {
        let read = |(name, _, value): (&str, usize, &toml_file::Value<'_>)| {
            let specifier = value.get_ref().as_str().filter(|text| *text != "*").unwrap_or_default();
            Requirement::parse(&format!("{name}{specifier}")).or_else(|_| Requirement::parse(name)).ok()
        };
        return toml_file::in_order(old).into_iter().filter_map(read).collect();
    }
    toml_file::texts(table, "dependencies").iter().filter_map(|(text, _)| Requirement::parse(text).ok()).collect()
}
