//! `pylock.toml` and `pylock.*.toml`.
//!
//! Specification: PEP 751, <https://packaging.python.org/en/latest/specifications/pylock-toml/>. Edges between packages are optional in it.

use advisories::{PackageName, Version};
use toml::de::DeTable;

use super::graph::{Graph, Label};
use super::join::Locked;
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Project, Role, Source};
use super::text::SourceText;
use super::toml_file;
use crate::diagnostic::Diagnostic;

/// Reads a lock.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Locked {
    let root = toml_file::parse(file, diagnostics);
    let mut manifest = Manifest::new(&file.path, Format::Pylock, Role::Locked);
    let python = toml_file::text(&root, "requires-python").map(str::to_owned);
    manifest.project = Some(Project { requires_python: python, ..Project::default() });
    let mut tables = Vec::new();
    for item in toml_file::packages(file, &root, "packages", diagnostics) {
        match item.get_ref().as_table().and_then(|table| Some((table, read_package(file, table, diagnostics)?))) {
            Some((table, package)) => {
                tables.push(table);
                manifest.packages.push(package);
            }
            None => diagnostics.push(file.gap(item.span().start, "expected a [[packages]] table with a valid `name`")),
        }
    }
    let graph = read_graph(&tables, &mut manifest.packages);
    Locked { manifest, graph }
}

fn read_package(file: &SourceText, table: &DeTable<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<Package> {
    let (name, at) = toml_file::text_at(table, "name")?;
    let name = PackageName::new(name).ok()?;
    let source = source(table);
    let mut package = Package::new(name, source);
    let written = toml_file::text(table, "version").map(Version::new);
    // PEP 751: without `version` an archive's or a wheel's file name may tell it
    package.version = written.or_else(|| version_of_files(table));
    if package.version.is_none() && matches!(package.source, Source::Index { .. }) {
        diagnostics
            .push(file.gap(at, format!("expected the `version` of {}, which comes from an index", package.name)));
    }
    package.line = Some(file.line(at));
    package.marker = toml_file::text(table, "marker").map(str::to_owned);
    let files = toml_file::items(table, "wheels").iter().filter_map(|item| item.get_ref().as_table());
    let single = ["archive", "sdist"].iter().filter_map(|key| toml_file::table(table, &[key]));
    let hashes =
        files.chain(single).filter_map(|file| toml_file::table(file, &["hashes"])).flat_map(toml_file::in_order);
    let hashes: Vec<String> = hashes
        .filter_map(|(algorithm, _, digest)| Some(format!("{algorithm}:{}", digest.get_ref().as_str()?)))
        .collect();
    package.pin_by(hashes.iter().map(String::as_str));
    Some(package)
}

fn source(table: &DeTable<'_>) -> Source {
    let text = |table: &DeTable<'_>, key: &str| toml_file::text(table, key).map(str::to_owned);
    if let Some(vcs) = toml_file::table(table, &["vcs"]) {
        let url = text(vcs, "url").or_else(|| text(vcs, "path")).unwrap_or_default();
        return Source::Git {
            url: origin::without_credentials(&url),
            reference: text(vcs, "requested-revision"),
            commit: text(vcs, "commit-id"),
            subdirectory: text(vcs, "subdirectory"),
        };
    }
    if let Some(directory) = toml_file::table(table, &["directory"]) {
        let path = text(directory, "path").unwrap_or_default();
        let editable = directory.get("editable").and_then(|value| value.get_ref().as_bool()).unwrap_or(false);
        return if editable { Source::Editable { path } } else { Source::Path { path, directory: true } };
    }
    if let Some(archive) = toml_file::table(table, &["archive"]) {
        return match (text(archive, "url"), text(archive, "path")) {
            (Some(url), _) => Source::Url { url: origin::without_credentials(&url) },
            (None, path) => Source::Path { path: path.unwrap_or_default(), directory: false },
        };
    }
    toml_file::text(table, "index").map_or(Source::DEFAULT_INDEX, Source::index)
}

fn version_of_files(table: &DeTable<'_>) -> Option<Version> {
    let wheels = toml_file::items(table, "wheels").iter().filter_map(|item| item.get_ref().as_table());
    let single = ["archive", "sdist"].iter().filter_map(|key| toml_file::table(table, &[key]));
    let mut files = wheels.chain(single);
    files.find_map(|file| {
        let place = ["name", "url", "path"].iter().find_map(|key| toml_file::text(file, key))?;
        origin::read_file_name(place.split(['?', '#']).next().unwrap_or(place)).map(|(_, version)| version)
    })
}

fn read_graph(tables: &[&DeTable<'_>], packages: &mut [Package]) -> Graph {
    let mut graph = Graph::of(packages);
    let mut has_edges = false;
    for (index, table) in tables.iter().enumerate() {
        for item in toml_file::items(table, "dependencies").iter().filter_map(|item| item.get_ref().as_table()) {
            let Some(Ok(name)) = toml_file::text(item, "name").map(PackageName::new) else { continue };
            let version = toml_file::text(item, "version").map(Version::new);
            let fits = |target: &usize| version.is_none() || packages[*target].version == version;
            for target in graph.named(&name).iter().copied().filter(fits).take(64).collect::<Vec<_>>() {
                has_edges = true;
                graph.edge(index, target, &[]);
                let version = packages[target].version.clone();
                packages[index].dependencies.push(Dependency {
                    name: name.clone(),
                    version,
                    specifier: None,
                    marker: None,
                });
            }
        }
    }
    if has_edges {
        for top in graph.tops(packages.len()) {
            graph.root(&Label::Main, top, &[]);
        }
    }
    graph
}
