//! What a wheel provides, by the names of its members: import names, commands, entry points, requirements. Its code is not needed.

use std::collections::{BTreeMap, BTreeSet};

use advisories::PackageName;

use super::modules::{Distribution, Knowledge};
use crate::package_index::{Contents, CoreMetadata};

/// Packages that many distributions share although one of them may ship an `__init__.py` for it (pkgutil and pkg_resources namespaces).
const SHARED: &[&str] = &[
    "google",
    "google.cloud",
    "azure",
    "azure.mgmt",
    "zope",
    "ruamel",
    "backports",
    "jaraco",
    "sphinxcontrib",
    "oslo",
    "repoze",
    "plone",
    "flufl",
    "paste",
    "logilab",
    "mpl_toolkits",
    "opentelemetry",
    "airflow.providers",
];
const BESIDE: &[&str] =
    &["tests", "test", "docs", "doc", "examples", "example", "benchmarks", "scripts", "testing", "samples"];

/// The import names of a wheel by its members' paths; `namespaces` are packages that it says to share with others.
#[must_use]
pub fn modules<'a>(members: impl IntoIterator<Item = &'a str>, namespaces: &[&str]) -> Vec<String> {
    let mut packages: BTreeSet<String> = BTreeSet::new();
    let mut found: BTreeSet<String> = BTreeSet::new();
    let mut files = BTreeSet::new();
    for path in members {
        let path = match path.split_once(".data/") {
            Some((_, rest)) => match rest.split_once('/') {
                Some(("purelib" | "platlib", rest)) => rest,
                _ => continue,
            },
            None => path,
        };
        let (directory, file) = path.rsplit_once('/').unwrap_or(("", path));
        let stem = file.split('.').next().unwrap_or_default();
        let code = [".py", ".pyi", ".so", ".pyd"].iter().any(|end| file.ends_with(end));
        let importable =
            directory.split('/').all(|part| part.is_empty() || super::imports::is_dotted(part) && !part.contains('.'));
        if !code || !importable || stem.is_empty() || directory.contains(".dist-info") {
            continue;
        }
        let directory = directory.replace('/', ".");
        if stem == "__init__" {
            packages.insert(directory);
        } else if super::imports::is_dotted(stem) {
            files.insert((directory, stem.to_owned()));
        }
    }
    let shared = |package: &str| SHARED.contains(&package) || namespaces.contains(&package);
    let outermost = |directory: &str| {
        let ends = directory.match_indices('.').map(|(at, _)| at).chain([directory.len()]);
        ends.map(|end| &directory[..end]).find(|part| packages.contains(*part) && !shared(part)).map(str::to_owned)
    };
    for package in packages.iter().filter(|package| !package.is_empty() && !shared(package)) {
        found.extend(outermost(package));
    }
    let mut beside: BTreeMap<&str, usize> = BTreeMap::new();
    for (directory, _) in &files {
        *beside.entry(directory).or_default() += 1;
    }
    // a few modules put into a directory that another distribution owns (`PyQt6/sip.so`), not a package without `__init__.py`
    let few = beside.into_iter().filter(|(_, modules)| *modules <= 2);
    let guests: BTreeSet<String> = few.map(|(directory, _)| directory.to_owned()).collect();
    for (directory, stem) in files {
        if directory.is_empty() {
            found.insert(stem);
        } else if let Some(outer) = outermost(&directory) {
            found.insert(outer);
        } else if shared(&directory) || guests.contains(&directory) {
            found.insert(format!("{directory}.{stem}"));
        } else {
            found.insert(directory);
        }
    }
    let own = |module: &String| !BESIDE.contains(&module.split('.').next().unwrap_or(module));
    if found.iter().any(own) {
        found.retain(own);
    }
    let kept: Vec<String> = found.iter().cloned().collect();
    found.retain(|module| {
        !kept.iter().any(|other| module.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.')))
    });
    found.into_iter().collect()
}

/// Console scripts and the other groups of an `entry_points.txt`.
#[must_use]
pub fn entry_points(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut commands, mut groups, mut group) = (Vec::new(), Vec::new(), "");
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = header.trim();
            if !matches!(group, "console_scripts" | "gui_scripts") {
                groups.push(group.replace(' ', "_"));
            }
        } else if matches!(group, "console_scripts" | "gui_scripts")
            && let Some((name, _)) = line.split_once('=')
        {
            commands.push(name.trim().replace(' ', "_"));
        }
    }
    (commands, groups)
}

/// Programs that are installed as they are, such as compiled ones: `ruff-0.5.data/scripts/ruff`.
fn scripts<'a>(members: impl IntoIterator<Item = &'a str>) -> impl Iterator<Item = String> {
    members.into_iter().filter_map(|path| {
        let name = path.split_once(".data/scripts/")?.1;
        let name = name.strip_suffix(".exe").unwrap_or(name);
        (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
    })
}

/// Puts a distribution together from what its wheel holds.
#[must_use]
pub fn distribution(contents: &Contents) -> Distribution {
    let (mut commands, groups) = entry_points(&contents.entry_points);
    commands.extend(scripts(contents.paths.iter().map(String::as_str)));
    let (requires, extras) = requirements(&CoreMetadata::read(&contents.metadata));
    let namespaces: Vec<&str> = contents.namespaces.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let mut modules = modules(contents.paths.iter().map(String::as_str), &namespaces);
    if modules.is_empty() {
        // nothing that looks like code by its name: what its builder said
        let said = contents.top_level.lines().map(str::trim).filter(|line| super::imports::is_dotted(line));
        modules = said.map(str::to_owned).collect();
    }
    Distribution { modules, commands, entry_points: groups, requires, extras, knowledge: Knowledge::Wheel }
}

/// Whom it needs in every installation (on some platform), and what its extras bring.
#[must_use]
pub fn requirements(metadata: &CoreMetadata) -> (Vec<PackageName>, BTreeMap<String, Vec<PackageName>>) {
    let mut always = BTreeSet::new();
    let mut extras: BTreeMap<String, Vec<PackageName>> = BTreeMap::new();
    for requires in &metadata.requires {
        if requires.extras.is_empty() {
            always.insert(requires.name.clone());
        }
        for extra in &requires.extras {
            let of_extra = extras.entry(extra.clone()).or_default();
            if !of_extra.contains(&requires.name) {
                of_extra.push(requires.name.clone());
            }
        }
    }
    (always.into_iter().collect(), extras)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_that_are_installed_as_they_are() {
        let members =
            ["ruff/__init__.py", "ruff-0.5.data/scripts/ruff", "ruff-0.5.data/scripts/x/y", "a-1.data/scripts/b.exe"];
        assert_eq!(scripts(members).collect::<Vec<_>>(), ["ruff", "b"]);
    }

    #[test]
    fn a_guest_in_another_package_provides_its_own_modules_only() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["PyQt6/sip.abi3.so", "PyQt6/sip.pyi", "PyQt6/py.typed"], &["PyQt6.sip"]),
            (&["a/b.py", "a/c.py", "a/d.py"], &["a"]),
            (&["a/__init__.py", "a/b.py"], &["a"]),
            (&["google/cloud/storage/__init__.py", "google/cloud/storage/x.py"], &["google.cloud.storage"]),
            (&["six.py"], &["six"]),
            (&["a/__init__.py", "docs/conf.py"], &["a"]),
        ];
        for (members, expected) in cases {
            assert_eq!(modules(members.iter().copied(), &[]), *expected, "{members:?}");
        }
    }
}
