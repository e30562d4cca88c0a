//! `[tool.poetry]` of a `pyproject.toml`.
//!
//! Specification: <https://python-poetry.org/docs/pyproject/> and <https://python-poetry.org/docs/dependency-specification/>.

use std::collections::HashMap;

use advisories::{PackageName, Version};
use toml::de::DeTable;

use super::package::{Package, Source};
use super::poetry_constraint::Constraint;
use super::pyproject::{Reader, Serves};
use super::requirement::pinned;
use super::source_table;
use super::toml_file::{self, Value};

/// Groups of one project.
const MAX_GROUPS: usize = 256;

/// Reads the tables into the manifest.
pub(super) fn read(reader: &mut Reader<'_>, root: &DeTable<'_>) {
    let Some(poetry) = reader.table(root, &["tool", "poetry"]) else { return };
    reader.name_project(poetry, "name", "python");
    let extras = extras(reader, poetry);
    // what `[project]` declares, by its place
    let declared = reader.manifest.packages.iter().enumerate().filter(|(_, package)| package.main);
    let known: HashMap<PackageName, usize> = declared.map(|(index, package)| (package.name.clone(), index)).collect();
    let none = HashMap::new();
    // `[[tool.poetry.source]]` names indexes
    let sources = toml_file::items(poetry, "source").iter().filter_map(|item| item.get_ref().as_table());
    let indexes: HashMap<&str, &str> =
        sources.filter_map(|table| Some((toml_file::text(table, "name")?, toml_file::text(table, "url")?))).collect();
    let dependencies = reader.entries(poetry, &["dependencies"]);
    if let Some((_, _, python)) = dependencies.iter().find(|(name, _, _)| *name == "python") {
        let python = python.get_ref().as_str().map(str::to_owned);
        let project = reader.manifest.project.get_or_insert_default();
        project.requires_python = project.requires_python.take().or(python);
    }
    for (name, at, value) in dependencies {
        let brought_by = PackageName::new(name).ok().and_then(|name| extras.get(&name).cloned()).unwrap_or_default();
        declare(reader, (&known, &indexes), (name, at, value), &|is_optional| match is_optional {
            true => Serves { extras: brought_by.clone(), ..Serves::default() },
            false => Serves::main(),
        });
    }
    for (name, at, value) in reader.entries(poetry, &["dev-dependencies"]) {
        declare(reader, (&none, &indexes), (name, at, value), &|_| Serves::group("dev"));
    }
    let groups = reader.entries(poetry, &["group"]);
    for (group, _, _) in &groups {
        let Some(table) = reader.table(poetry, &["group", group]) else { continue };
        let serves = Serves { groups: groups_with(&groups, group), ..Serves::default() };
        for (name, at, value) in reader.entries(table, &["dependencies"]) {
            declare(reader, (&none, &indexes), (name, at, value), &|_| serves.clone());
        }
    }
}

/// A group, and those that include it (`include-groups`, Poetry 2.2).
fn groups_with(groups: &[(&str, usize, &Value<'_>)], group: &str) -> Vec<String> {
    let mut with = vec![group];
    let mut at = 0;
    while let Some(&wanted) = with.get(at) {
        at += 1;
        for (outer, _, value) in groups.iter().take(MAX_GROUPS) {
            let included =
                value.get_ref().as_table().map_or_else(Vec::new, |table| toml_file::texts(table, "include-groups"));
            if !with.contains(outer) && included.iter().any(|(name, _)| *name == wanted) {
                with.push(outer);
            }
        }
    }
    let mut names: Vec<String> = with.into_iter().map(str::to_owned).collect();
    names.sort();
    names
}

/// Which extras bring an optional dependency.
fn extras(reader: &mut Reader<'_>, poetry: &DeTable<'_>) -> HashMap<PackageName, Vec<String>> {
    let mut brought_by: HashMap<PackageName, Vec<String>> = HashMap::new();
    for (extra, _, value) in reader.entries(poetry, &["extras"]) {
        for item in value.get_ref().as_array().map_or(&[][..], |array| array) {
            let text = item.get_ref().as_str().unwrap_or_default();
            let name = PackageName::new(text.split(['[', ' ', '<', '>', '=', '(']).next().unwrap_or_default());
            if let Ok(name) = name {
                brought_by.entry(name).or_default().push(extra.to_owned());
            }
        }
    }
    brought_by
}

/// `name = "^1"`, `name = {version = "^1", …}`, or an array of such tables.
fn declare(
    reader: &mut Reader<'_>,
    (known, indexes): (&HashMap<PackageName, usize>, &HashMap<&str, &str>),
    (name, at, value): (&str, usize, &Value<'_>),
    serves: &dyn Fn(bool) -> Serves,
) {
    if name == "python" {
        return;
    }
    let Ok(name) = PackageName::new(name) else {
        reader.diagnostics.push(reader.file.gap(at, "expected a package's name (PEP 508)"));
        return;
    };
    let several = value.get_ref().as_array().map_or(std::slice::from_ref(value), |array| array);
    for one in several {
        let table = one.get_ref().as_table();
        let specifier = one.get_ref().as_str().or_else(|| toml_file::text(table?, "version"));
        if table.is_none() && specifier.is_none() {
            reader.diagnostics.push(reader.file.gap(one.span().start, format!("expected a constraint for {name}")));
            continue;
        }
        let (place, of_file) = table.and_then(|table| source_table::place(table, "develop")).unzip();
        let named = table.and_then(|table| indexes.get(toml_file::text(table, "source")?));
        let index = named.map(|url| Source::index(url));
        let mut package = Package::new(name.clone(), place.or(index).unwrap_or(Source::DEFAULT_INDEX));
        package.version = specifier.and_then(exact).or(of_file.flatten());
        package.specifier = specifier.map(str::to_owned);
        package.marker = table.and_then(marker);
        package.requested_extras = table
            .map_or_else(Vec::new, |table| toml_file::texts(table, "extras"))
            .iter()
            .map(|(extra, _)| (*extra).to_owned())
            .collect();
        let is_optional = table.and_then(|table| table.get("optional")?.get_ref().as_bool()).unwrap_or(false);
        // Poetry 2: beside `[project]`, this table only adds to what is declared there
        if let Some(&index) = known.get(&name).filter(|_| several.len() == 1) {
            let declared = &mut reader.manifest.packages[index];
            declared.source = package.source;
            declared.marker = declared.marker.take().or(package.marker);
            continue;
        }
        let line = if several.len() > 1 { one.span().start } else { at };
        reader.push(package, line, &serves(is_optional));
    }
}

/// `markers`, and the shorter `python` and `platform`, as one marker.
fn marker(table: &DeTable<'_>) -> Option<String> {
    let text = |key: &str| toml_file::text(table, key);
    let python = text("python").and_then(|range| Constraint::parse(range)?.pep440()).map(|range| {
        let clauses = range.split(", ").filter(|clause| !clause.is_empty());
        let clauses: Vec<String> = clauses.map(python_clause).collect();
        clauses.join(" and ")
    });
    let platform = text("platform").map(|platform| format!("sys_platform == '{platform}'"));
    let written =
        text("markers").map(|marker| if marker.contains(" or ") { format!("({marker})") } else { marker.to_owned() });
    let all: Vec<String> = [written, python, platform].into_iter().flatten().filter(|text| !text.is_empty()).collect();
    match all.as_slice() {
        [] => None,
        [_] if text("markers").is_some() => text("markers").map(str::to_owned),
        all => Some(all.join(" and ")),
    }
}

/// `>=3.8` as a marker: two numbers are a minor version, more are a full one.
fn python_clause(clause: &str) -> String {
    let at = clause.find(|first: char| first.is_ascii_digit()).unwrap_or(clause.len());
    let (operator, version) = clause.split_at(at);
    let variable = if version.matches('.').count() > 1 { "python_full_version" } else { "python_version" };
    format!("{variable} {} '{version}'", operator.trim())
}

/// A bare version is exact in Poetry.
fn exact(specifier: &str) -> Option<Version> {
    let text = specifier.trim();
    let text = text.strip_prefix('=').filter(|rest| !rest.starts_with('=')).unwrap_or(text).trim();
    if text.starts_with(|first: char| first.is_ascii_digit()) && !text.contains(['*', ',', '|', ' ', '<', '>']) {
        return Some(Version::new(text));
    }
    if text.contains('|') { None } else { pinned(text) }
}
