//! pixi: `pixi.toml`, `[tool.pixi]` of a `pyproject.toml`, and `pixi.lock`.
//!
//! Specifications: <https://pixi.sh/latest/reference/pixi_manifest/>, pixi's `pixi_manifest` and `pixi_pypi_spec`, and rattler_lock for the
//! lock's versions 4 to 6.

use advisories::{PackageName, Version};
use toml::de::{DeTable, DeValue};

use super::conda::{Merged, channel, channel_of, conda_file, edge};
use super::graph::Graph;
use super::join::Locked;
use super::package::{Dependency, Format, Manifest, Package, Role, Source};
use super::pyproject::{BUILD_GROUP, Reader, Serves};
use super::requirement::Requirement;
use super::text::SourceText;
use super::toml_file::{self, Value};
use super::yaml_file::{self, Node};
use super::{markers, origin, source_table};
use crate::diagnostic::Diagnostic;

/// Reads `pixi.toml`.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let root = toml_file::parse(file, diagnostics);
    let mut reader = Reader::new(file, Manifest::new(&file.path, Format::Conda, Role::Declared), diagnostics);
    declare(&mut reader, &root);
    reader.manifest
}

/// Takes in what pixi's tables declare: the default feature's and every other one's dependencies, for all platforms.
pub(super) fn declare(reader: &mut Reader<'_>, pixi: &DeTable<'_>) {
    let workspace = ["workspace", "project"].iter().find_map(|key| toml_file::table(pixi, &[key]));
    if let Some(workspace) = workspace {
        reader.name_project(workspace, "name", "requires-python");
    }
    let channels = workspace.map_or(&[][..], |workspace| toml_file::items(workspace, "channels"));
    let first = channels.first().and_then(|first| match first.get_ref() {
        DeValue::Table(table) => toml_file::text(table, "channel"),
        other => other.as_str(),
    });
    let mut declaring = Declaring { reader, channel: first.unwrap_or("conda-forge") };
    declaring.feature(pixi, &Serves::main());
    for (name, _, value) in declaring.reader.entries(pixi, &["feature"]) {
        if let Some(feature) = value.get_ref().as_table() {
            declaring.feature(feature, &Serves::group(name));
        }
    }
    if let Some(package) = toml_file::table(pixi, &["package"]) {
        declaring.feature(package, &Serves::main());
    }
}

struct Declaring<'r, 'f, 'i> {
    reader: &'r mut Reader<'f>,
    /// The first channel, which is asked first.
    channel: &'i str,
}

/// Where, and what was expected.
type Expected = (usize, String);
/// A package, or what was expected.
type Read = Result<Package, Expected>;

impl Declaring<'_, '_, '_> {
    fn feature(&mut self, feature: &DeTable<'_>, serves: &Serves) {
        self.dependencies(feature, serves, None);
        for (platform, _, value) in self.reader.entries(feature, &["target"]) {
            if let Some(target) = value.get_ref().as_table() {
                self.dependencies(target, serves, marker_of(platform));
            }
        }
    }

    fn dependencies(&mut self, table: &DeTable<'_>, serves: &Serves, marker: Option<&str>) {
        let build = Serves::group(BUILD_GROUP);
        let kinds = [
            ("dependencies", serves),
            ("run-dependencies", serves),
            ("host-dependencies", &build),
            ("build-dependencies", &build),
        ];
        for (key, serves) in kinds {
            for (name, at, value) in self.reader.entries(table, &[key]) {
                let read = named(name, at).and_then(|name| self.conda(name, value));
                self.push(read, at, serves, marker);
            }
        }
        for (name, at, value) in self.reader.entries(table, &["pypi-dependencies"]) {
            self.push(named(name, at).and_then(|name| pypi(name, value)), at, serves, marker);
        }
    }

    fn push(&mut self, read: Read, at: usize, serves: &Serves, marker: Option<&str>) {
        match read {
            Ok(mut package) => {
                package.marker = markers::both(package.marker.as_deref(), marker);
                self.reader.push(package, at, serves);
            }
            Err((at, expected)) => self.reader.diagnostics.push(self.reader.file.gap(at, expected)),
        }
    }

    fn conda(&mut self, name: PackageName, value: &Value<'_>) -> Read {
        let (specifier, table) = written(&name, value)?;
        if name.as_str() == "python" {
            let project = self.reader.manifest.project.get_or_insert_default();
            project.requires_python = project.requires_python.take().or(specifier.map(str::to_owned));
        }
        let from = table.and_then(|table| toml_file::text(table, "channel")).unwrap_or(self.channel);
        let (place, of_file) = table.and_then(|table| source_table::place(table, "editable")).unzip();
        let mut package = Package::new(name, place.unwrap_or_else(|| channel(from)));
        package.version = specifier.and_then(exact).or(of_file.flatten());
        package.specifier = specifier.map(str::to_owned);
        Ok(package)
    }
}

fn named(name: &str, at: usize) -> Result<PackageName, Expected> {
    // conda has names that begin with `_`
    PackageName::new(name.trim_start_matches('_')).map_err(|error| (at, error.to_string()))
}

/// The range, where one is written, and the table, where there is one.
type Written<'t, 'i> = (Option<&'t str>, Option<&'t DeTable<'i>>);

fn written<'t, 'i>(name: &PackageName, value: &'t Value<'i>) -> Result<Written<'t, 'i>, Expected> {
    let table = value.get_ref().as_table();
    let specifier = value.get_ref().as_str().or_else(|| toml_file::text(table?, "version"));
    if table.is_none() && specifier.is_none() {
        return Err((value.span().start, format!("expected a version or a table for {name}")));
    }
    Ok((specifier.map(str::trim).filter(|text| !matches!(*text, "" | "*")), table))
}

/// rattler: a version without an operator is exact.
fn exact(specifier: &str) -> Option<Version> {
    let text = specifier.strip_prefix("==").unwrap_or(specifier).trim();
    let is_exact =
        text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['*', ',', '|', ' ', '<', '>']);
    is_exact.then(|| Version::new(text))
}

fn pypi(name: PackageName, value: &Value<'_>) -> Read {
    let (specifier, table) = written(&name, value)?;
    let parsed = Requirement::parse(&format!("{name} {}", specifier.unwrap_or_default()));
    let requirement = parsed.map_err(|expected| (value.span().start, expected))?;
    let mut package = Package { direct: false, ..requirement.into_package() };
    let Some(table) = table else { return Ok(package) };
    if let Some((source, version)) = source_table::place(table, "editable") {
        package.source = source;
        package.version = package.version.take().or(version);
    } else if let Some(index) = toml_file::text(table, "index") {
        package.source = Source::index(index);
    }
    package.requested_extras = toml_file::texts(table, "extras").iter().map(|(extra, _)| (*extra).to_owned()).collect();
    package.marker = toml_file::text(table, "env-markers").map(str::to_owned);
    Ok(package)
}

/// The marker of a platform, or of a family of them.
fn marker_of(platform: &str) -> Option<&'static str> {
    match platform.split('-').next() {
        Some("linux") => Some("sys_platform == 'linux'"),
        Some("osx") => Some("sys_platform == 'darwin'"),
        Some("win") => Some("sys_platform == 'win32'"),
        Some("unix") => Some("os_name == 'posix'"),
        _ => None,
    }
}

/// Whom a locked package needs: the extra of its own that asks, the name, and that one's extras.
type Edge = (Option<String>, PackageName, Vec<String>);

/// Reads `pixi.lock`.
pub fn read_lock(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Locked {
    let documents = yaml_file::parse(file, diagnostics);
    let mut merged = Merged::default();
    let mut edges: Vec<Vec<Edge>> = Vec::new();
    for entry in yaml_file::list(file, &documents, "packages", diagnostics) {
        let Some(package) = locked(entry) else {
            let expected = "expected a conda or pypi package with name and version";
            diagnostics.push(file.gap(0, expected).at(entry.line, entry.column));
            continue;
        };
        let index = merged.add(package);
        edges.resize(edges.len().max(index + 1), Vec::new());
        edges[index].extend(edges_of(entry));
    }
    let manifest = merged.into_manifest(file);
    let mut graph = Graph::of(&manifest.packages);
    for (index, edges) in edges.into_iter().enumerate() {
        for (extra, name, extras) in edges {
            let from = extra.map_or(index, |extra| graph.extra(index, &extra));
            for target in graph.named(&name).to_vec() {
                graph.edge(from, target, &extras);
            }
        }
    }
    Locked { manifest, graph }
}

fn edges_of(entry: &Node) -> impl Iterator<Item = Edge> {
    let depends =
        texts(entry, "depends").filter_map(|text| Some((None, edge(first_word(text), None)?.name, Vec::new())));
    let requires = texts(entry, "requires_dist").filter_map(|text| {
        let requirement = Requirement::parse(text).ok()?;
        let marker = requirement.marker.as_deref().unwrap_or_default();
        let asked_by = marker.split_once("extra ==").and_then(|(_, rest)| rest.trim_start().split(['\'', '"']).nth(1));
        Some((asked_by.map(str::to_owned), requirement.name, requirement.extras))
    });
    depends.chain(requires)
}

fn texts<'n>(entry: &'n Node, key: &str) -> impl Iterator<Item = &'n str> {
    entry.get(key).map_or(&[][..], Node::items).iter().filter_map(|item| item.text())
}

fn first_word(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

fn locked(entry: &Node) -> Option<Package> {
    let kind = entry.field("kind");
    let is_pypi = kind == Some("pypi") || entry.get("pypi").is_some();
    let address = ["conda", "pypi", "url", "path"].iter().find_map(|key| entry.field(key)).unwrap_or_default();
    let of_file = if is_pypi { origin::read_file_name(address) } else { conda_file(address) };
    let (file_name, file_version) = of_file.unzip();
    let name =
        entry.field("name").and_then(|name| PackageName::new(name.trim_start_matches('_')).ok()).or(file_name)?;
    let version = entry.field("version").map(Version::new).or(file_version);
    let source = match is_pypi {
        false => channel(channel_of(address)),
        true if entry.field("editable") == Some("true") => Source::Editable { path: address.to_owned() },
        true if address.contains("://") => match origin::read(address).source {
            // the file of an index is not a place of its own
            Source::Url { url } if url.contains("/packages/") => Source::DEFAULT_INDEX,
            other => other,
        },
        true if entry.get("path").is_some() || address.starts_with('.') => origin::path_source(address),
        true => Source::DEFAULT_INDEX,
    };
    if version.is_none() && !source.is_own_tree() {
        return None;
    }
    let mut package = Package { version, line: Some(entry.line), ..Package::new(name, source) };
    let digest = |name: &str| entry.field(name).map(|digest| format!("{name}:{digest}"));
    package.pin_by([digest("sha256"), digest("md5")].iter().flatten().map(String::as_str));
    let depends =
        texts(entry, "depends").filter_map(|text| edge(first_word(text), text.split_once(' ').map(|(_, range)| range)));
    let requires = texts(entry, "requires_dist").filter_map(|text| {
        let Requirement { name, specifier, marker, .. } = Requirement::parse(text).ok()?;
        Some(Dependency { name, version: None, specifier, marker })
    });
    package.dependencies = depends.chain(requires).collect();
    // a package that names its Python distribution is one, whatever it depends on
    let is_python = texts(entry, "purls").any(|purl| purl.starts_with("pkg:pypi/"));
    if is_python && !package.dependencies.iter().any(|edge| edge.name.as_str() == "python") {
        package.dependencies.extend(edge("python", None));
    }
    Some(package)
}
