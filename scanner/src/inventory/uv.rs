//! `uv.lock`, every revision of version 1, and the `[[distribution]]` form from before it.
//!
//! Specification: uv's own writer and reader, `crates/uv-resolver/src/lock/mod.rs`; there is no other. A lock is universal: forks
//! of one package by marker stand side by side, and all of them count.

use std::collections::HashSet;

use advisories::{PackageName, Version};
use toml::de::{DeTable, DeValue};

use super::graph::{Graph, Label, Node};
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Project, Role, Source};
use super::text::SourceText;
use super::toml_file::{self, Value};
use crate::diagnostic::Diagnostic;

/// Reads a lock; it is complete in itself, for it names its workspace's members and what they ask for.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let root = toml_file::parse(file, diagnostics);
    if root.get("version").and_then(|version| version.get_ref().as_integer()).is_some_and(|v| v.as_str() != "1") {
        diagnostics.push(file.gap(0, "expected lock version 1: read as far as this one is like it"));
    }
    let mut lock = Lock { file, tables: Vec::new(), manifest: Manifest::new(&file.path, Format::Uv, Role::Locked) };
    lock.read_packages(&root, diagnostics);
    let members =
        toml_file::table(&root, &["manifest"]).map_or_else(Vec::new, |table| toml_file::texts(table, "members"));
    let members: HashSet<PackageName> = members.iter().filter_map(|(name, _)| PackageName::new(name).ok()).collect();
    lock.settle(&root, &members, diagnostics);
    let mut manifest = lock.manifest;
    let python = toml_file::text(&root, "requires-python").map(str::to_owned);
    manifest.project = Some(Project { requires_python: python, ..Project::default() });
    manifest
}

struct Lock<'f, 't, 'i> {
    file: &'f SourceText,
    /// The table of each package.
    tables: Vec<&'t DeTable<'i>>,
    manifest: Manifest,
}

impl<'t, 'i> Lock<'_, 't, 'i> {
    fn read_packages(&mut self, root: &'t DeTable<'i>, diagnostics: &mut Vec<Diagnostic>) {
        let key = if root.contains_key("distribution") { "distribution" } else { "package" };
        for item in toml_file::packages(self.file, root, key, diagnostics) {
            let Some(table) = item.get_ref().as_table() else {
                diagnostics.push(self.file.gap(item.span().start, "expected a [[package]] table"));
                continue;
            };
            let Some((name, at)) = toml_file::text_at(table, "name") else {
                diagnostics.push(self.file.gap(item.span().start, "expected a package's `name`, a text"));
                continue;
            };
            let Ok(name) = PackageName::new(name) else {
                diagnostics.push(self.file.gap(at, "expected a package's name (PEP 508)"));
                continue;
            };
            let Some(source_value) = table.get("source") else {
                diagnostics.push(self.file.gap(at, format!("expected `source` of {name}, a table")));
                continue;
            };
            let source = source(source_value).unwrap_or_else(|| {
                let expected = format!("expected `source` of {name}: a table with a kind uv knows; taken for an index");
                diagnostics.push(self.file.gap(at, expected));
                Source::DEFAULT_INDEX
            });
            let version = toml_file::text(table, "version").map(Version::new);
            if version.is_none() && !source.is_own_tree() {
                diagnostics
                    .push(self.file.gap(at, format!("expected the `version` of {name}, which is no source tree")));
            }
            let mut package = Package::new(name, source);
            package.version = version;
            package.line = Some(self.file.line(at));
            package.pin_by(hashes(table));
            toml_file::expect(self.file, table, "dependencies", "an array", DeValue::is_array, diagnostics);
            let markers = toml_file::texts(table, "resolution-markers");
            package.marker = joined_markers(&markers.iter().map(|(marker, _)| *marker).collect::<Vec<_>>());
            self.tables.push(table);
            self.manifest.packages.push(package);
        }
    }

    fn settle(&mut self, root: &DeTable<'_>, members: &HashSet<PackageName>, diagnostics: &mut Vec<Diagnostic>) {
        let mut graph = Graph::of(&self.manifest.packages);
        let mut chosen: Vec<Vec<Dependency>> = Vec::with_capacity(self.tables.len());
        for (index, table) in self.tables.iter().enumerate() {
            let mut edges = Vec::new();
            self.add_edges(&mut graph, index, toml_file::items(table, "dependencies"), &mut edges);
            for (extra, _, value) in optional(table, &["optional-dependencies"]) {
                let node = graph.extra(index, extra);
                let items = value.get_ref().as_array().map_or(&[][..], |array| array);
                self.add_edges(&mut graph, node, items, &mut edges);
            }
            edges.sort();
            edges.dedup();
            chosen.push(edges);
        }
        for index in self.roots(members) {
            self.add_member(&mut graph, index);
        }
        if let Some(manifest) = toml_file::table(root, &["manifest"]) {
            self.add_requests(&mut graph, &Label::Main, toml_file::items(manifest, "requirements"));
            for (group, _, value) in optional(manifest, &["dependency-groups"]) {
                let items = value.get_ref().as_array().map_or(&[][..], |array| array);
                self.add_requests(&mut graph, &Label::Group(group.to_owned()), items);
            }
        }
        diagnostics.extend(graph.settle(&mut self.manifest.packages).map(|remark| self.file.remark(0, remark)));
        for (package, edges) in self.manifest.packages.iter_mut().zip(chosen) {
            package.dependencies = edges;
        }
    }

    /// The workspace's own packages: its members, else what stands at the lock's own directory, else any source tree that
    /// stands there by its own right.
    fn roots(&self, members: &HashSet<PackageName>) -> Vec<usize> {
        let own = |(index, package): (usize, &Package)| package.source.is_own_tree().then_some(index);
        let own: Vec<usize> = self.manifest.packages.iter().enumerate().filter_map(own).collect();
        if !members.is_empty() {
            return own.into_iter().filter(|&index| members.contains(&self.manifest.packages[index].name)).collect();
        }
        own.into_iter()
            .filter(|&index| match &self.manifest.packages[index].source {
                Source::Editable { path } | Source::Path { path, .. } => path == "." || path.is_empty(),
                _ => false,
            })
            .collect()
    }

    fn add_member(&mut self, graph: &mut Graph, index: usize) {
        let table = self.tables[index];
        self.add_requests(graph, &Label::Main, toml_file::items(table, "dependencies"));
        for (extra, _, value) in optional(table, &["optional-dependencies"]) {
            let items = value.get_ref().as_array().map_or(&[][..], |array| array);
            self.add_requests(graph, &Label::Extra(extra.to_owned()), items);
        }
        for (group, _, value) in optional(table, &["dev-dependencies"]) {
            let items = value.get_ref().as_array().map_or(&[][..], |array| array);
            self.add_requests(graph, &Label::Group(group.to_owned()), items);
        }
        // what the member's own metadata asked for, as ranges
        let asked = toml_file::table(table, &["metadata"])
            .map_or(&[][..], |metadata| toml_file::items(metadata, "requires-dist"));
        self.note_specifiers(graph, asked);
        for (_, _, value) in optional(table, &["metadata", "requires-dev"]) {
            self.note_specifiers(graph, value.get_ref().as_array().map_or(&[][..], |array| array));
        }
    }

    fn note_specifiers(&mut self, graph: &Graph, asked: &[Value<'_>]) {
        for table in asked.iter().filter_map(|item| item.get_ref().as_table()) {
            let name = toml_file::text(table, "name").and_then(|name| PackageName::new(name).ok());
            if let (Some(name), Some(specifier)) = (name, toml_file::text(table, "specifier")) {
                for &index in graph.named(&name) {
                    self.manifest.packages[index].specifier.get_or_insert_with(|| specifier.to_owned());
                }
            }
        }
    }

    fn add_requests(&mut self, graph: &mut Graph, label: &Label, items: &[Value<'_>]) {
        for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
            let extras = extras_of(table);
            let marker = toml_file::text(table, "marker");
            for index in self.targets(graph, table) {
                graph.root(label, index, &extras);
                if let Some(marker) = marker {
                    self.manifest.packages[index].marker.get_or_insert_with(|| marker.to_owned());
                }
            }
        }
    }

    fn add_edges(&self, graph: &mut Graph, from: Node, items: &[Value<'_>], edges: &mut Vec<Dependency>) {
        for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
            let extras = extras_of(table);
            for index in self.targets(graph, table) {
                graph.edge(from, index, &extras);
                let target = &self.manifest.packages[index];
                edges.push(Dependency {
                    name: target.name.clone(),
                    version: target.version.clone(),
                    specifier: None,
                    marker: toml_file::text(table, "marker").map(str::to_owned),
                });
            }
        }
    }

    /// The packages an edge means: by name, and by version and source where the lock needs them to tell forks apart.
    fn targets(&self, graph: &Graph, table: &DeTable<'_>) -> Vec<usize> {
        let Some(name) = toml_file::text(table, "name").and_then(|name| PackageName::new(name).ok()) else {
            return Vec::new();
        };
        let version = toml_file::text(table, "version").map(Version::new);
        let from = table.get("source").and_then(source);
        let fits = |&index: &usize| {
            let package = &self.manifest.packages[index];
            version.as_ref().is_none_or(|version| package.version.as_ref() == Some(version))
                && from.as_ref().is_none_or(|source| package.source == *source)
        };
        graph.named(&name).iter().copied().filter(fits).take(64).collect()
    }
}

fn optional<'t, 'i>(table: &'t DeTable<'i>, path: &[&str]) -> Vec<(&'t str, usize, &'t Value<'i>)> {
    toml_file::table(table, path).map_or_else(Vec::new, toml_file::in_order)
}

fn extras_of(table: &DeTable<'_>) -> Vec<String> {
    // `extras` in requires-dist and in the manifest's requirements, `extra` on edges
    ["extra", "extras"].iter().flat_map(|key| toml_file::texts(table, key)).map(|(extra, _)| extra.to_owned()).collect()
}

/// Several forks' markers as one.
fn joined_markers(markers: &[&str]) -> Option<String> {
    match markers {
        [] => None,
        [one] => Some((*one).to_owned()),
        many => Some(many.iter().map(|marker| format!("({marker})")).collect::<Vec<_>>().join(" or ")),
    }
}

fn hashes<'t>(table: &'t DeTable<'_>) -> impl Iterator<Item = &'t str> {
    let files = table.get("sdist").into_iter().chain(toml_file::items(table, "wheels"));
    files.filter_map(|file| toml_file::text(file.get_ref().as_table()?, "hash"))
}

fn source(value: &Value<'_>) -> Option<Source> {
    if let Some(text) = value.get_ref().as_str() {
        let (kind, address) = text.split_once('+')?;
        return source_of(kind, address, None);
    }
    let table = value.get_ref().as_table()?;
    let subdirectory = toml_file::text(table, "subdirectory").map(str::to_owned);
    ["registry", "git", "url", "path", "directory", "editable", "virtual"]
        .iter()
        .find_map(|kind| source_of(kind, toml_file::text(table, kind)?, subdirectory.clone()))
}

fn source_of(kind: &str, address: &str, subdirectory: Option<String>) -> Option<Source> {
    Some(match kind {
        "registry" => Source::index(address),
        "git" => git(address, subdirectory),
        "url" | "direct" => Source::Url { url: origin::without_credentials(address) },
        "path" => Source::Path { path: address.to_owned(), directory: false },
        "directory" => Source::Path { path: address.to_owned(), directory: true },
        "editable" | "virtual" => Source::Editable { path: address.to_owned() },
        _ => return None,
    })
}

/// `https://host/repository?rev=v1&subdirectory=x#commit`
fn git(address: &str, subdirectory: Option<String>) -> Source {
    let (place, commit) = address.split_once('#').map_or((address, None), |(place, commit)| (place, Some(commit)));
    let (url, query) = place.split_once('?').unwrap_or((place, ""));
    let field = |key: &str| {
        query
            .split('&')
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key).map(|(_, v)| v.to_owned()))
    };
    Source::Git {
        url: origin::without_credentials(url),
        reference: ["rev", "tag", "branch"].into_iter().find_map(field),
        commit: commit.map(str::to_owned),
        subdirectory: subdirectory.or_else(|| field("subdirectory")),
    }
}
