//! Which declarations answer for which files.

use std::collections::{BTreeMap, BTreeSet};

use advisories::{PackageName, Version};

use super::first_party::parent;
use crate::inventory::{Format, Inventory, Manifest, Package, Role, Source};

/// One package that a person asked for.
#[derive(Debug, Clone)]
pub struct Declared {
    /// Normalised.
    pub name: PackageName,
    /// Where the lock or the declaration fixes it.
    pub version: Option<Version>,
    /// The manifest's path.
    pub manifest: String,
    /// The manifest's kind.
    pub format: Format,
    /// 1-based.
    pub line: Option<u32>,
    /// Needed at run time by everybody, not only in a group or with an extra.
    pub main: bool,
    /// Only for development: a group, or a requirements file named so.
    pub dev: bool,
    /// Groups it stands in.
    pub groups: Vec<String>,
    /// Extras it stands in.
    pub extras: Vec<String>,
    /// Extras of its own that are asked for (`twisted[tls]`).
    pub requested_extras: Vec<String>,
    /// From a channel of conda, whose names are its own and may be of no Python package.
    pub of_conda: bool,
}

/// A directory whose manifests answer for the files in it.
#[derive(Debug, Default)]
pub struct Project {
    /// From the repository's root; empty for the root itself.
    pub directory: String,
    /// Everything declared there.
    pub declared: Vec<Declared>,
    /// It has a pyproject.toml or setup file of its own, so that its imports are judged by it alone.
    pub whole: bool,
    /// It is one script with its own declarations (PEP 723); `directory` is its path.
    pub script: bool,
}

impl Project {
    /// True when `path` is in this project's directory.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.directory.is_empty()
            || path == self.directory
            || path.strip_prefix(self.directory.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }
}

const DEV_WORDS: &[&str] = &[
    "dev",
    "devel",
    "develop",
    "development",
    "test",
    "tests",
    "testing",
    "lint",
    "linting",
    "doc",
    "docs",
    "ci",
    "typing",
    "mypy",
    "style",
    "build",
    "release",
    "benchmark",
    "bench",
    "local",
    "tools",
    "tooling",
    "qa",
    "quality",
    "format",
    "formatting",
    "types",
    "pre-commit",
    "tox",
    "nox",
    "coverage",
    "debug",
    "build-system",
    "workflow",
    "packaging",
    "pyinstaller",
    "perf",
    "typecheck",
    "check",
    "checks",
    "acceptance",
    "e2e",
    "examples",
    "functest",
    "functests",
    "readthedocs",
    "regression",
    "unittest",
    "unittests",
];

/// Names of groups that are installed to run the product, where an application declares everything in groups.
const RUNTIME_GROUPS: &[&str] = &["main", "prod", "production", "runtime", "default", "base", "core", "deploy"];

/// Words that speak of development only where they stand alone: `tokenizer-local` is an extra of the product.
const ALONE: &[&str] = &[
    "local",
    "build",
    "release",
    "format",
    "types",
    "debug",
    "workflow",
    "packaging",
    "tools",
    "style",
    "quality",
    "check",
    "checks",
];
/// Words of a requirements file's name that say nothing of its purpose.
const NEUTRAL: &[&str] =
    &["requirements", "requirement", "reqs", "deps", "txt", "in", "toml", "cfg", "pip", "constraints"];

/// True for names of groups and files that speak of development.
#[must_use]
pub fn is_dev_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    DEV_WORDS.contains(&lower.as_str())
        || lower.split('/').any(|part| {
            let mut words = part.split(['-', '_', '.']).filter(|word| !NEUTRAL.contains(word)).peekable();
            let alone = words.peek().is_some() && words.clone().all(|word| DEV_WORDS.contains(&word));
            alone || words.any(|word| DEV_WORDS.contains(&word) && !ALONE.contains(&word) || is_two_words(word))
        })
}

/// `checkdocs`, `buildtools`
fn is_two_words(word: &str) -> bool {
    DEV_WORDS.iter().filter_map(|first| word.strip_prefix(first)).any(|rest| DEV_WORDS.contains(&rest))
}

/// Groups the declarations by the directory whose files they answer for. `python` are the paths of all Python files.
#[must_use]
pub fn projects(inventory: &Inventory, python: &[&str]) -> Vec<Project> {
    let mut by_directory: BTreeMap<String, Project> = BTreeMap::new();
    let declaring = inventory.manifests.iter().filter(|manifest| match manifest.format {
        Format::Pyproject | Format::Setup | Format::Pipenv | Format::Conda => manifest.role == Role::Declared,
        Format::Requirements => manifest.role != Role::Constraints,
        // a notebook's `%pip install` installs for whoever runs it: no declaration of what the notebook needs
        Format::Script => !manifest.path.ends_with(".ipynb"),
        _ => false,
    });
    let asked_for: Vec<&str> = inventory
        .manifests
        .iter()
        .filter(|manifest| manifest.role == Role::Declared)
        .map(|manifest| parent(&manifest.path))
        .collect();
    let own: Vec<&PackageName> =
        inventory.manifests.iter().filter_map(|manifest| manifest.project.as_ref()?.name.as_ref()).collect();
    for manifest in declaring {
        // a compiled requirements file beside its source says nothing new; a source that includes a compiled one has a lock of its own
        if manifest.role == Role::Locked && manifest.locked_by.is_none() && asked_for.contains(&parent(&manifest.path))
        {
            continue;
        }
        // nor does one that pins everything and has lost the word of who compiled it
        let source = manifest.path.strip_suffix(".txt").map(|stem| format!("{stem}.in"));
        let is_pinned = |package: &Package| {
            package.version.is_some()
                || package.declared_in.is_some()
                || !matches!(package.source, Source::Index { .. })
        };
        if source.is_some_and(|source| inventory.manifests.iter().any(|other| other.path == source))
            && manifest.packages.iter().all(is_pinned)
        {
            continue;
        }
        if is_export(manifest, inventory) {
            continue;
        }
        let script = manifest.format == Format::Script;
        let directory = if script { manifest.path.clone() } else { scope(&manifest.path, python) };
        let project =
            by_directory.entry(directory.clone()).or_insert_with(|| Project { directory, ..Project::default() });
        project.script |= script;
        project.whole |=
            script || matches!(manifest.format, Format::Pyproject | Format::Setup) && !manifest.packages.is_empty();
        let is_plain = manifest.format == Format::Pyproject
            && manifest
                .packages
                .iter()
                .any(|package| package.direct && package.groups.is_empty() && package.extras.is_empty());
        // a project of its own inside of tests is for them
        let is_of_tests = parent(&manifest.path).split('/').any(|part| matches!(part, "test" | "tests" | "e2e"))
            // an environment of conda beside scripts is for who runs those
            || manifest.format == Format::Conda && parent(&manifest.path).split('/').any(|part| part == "scripts");
        let dev_file = !script && (is_of_tests || manifest.format != Format::Pyproject && is_dev_name(&manifest.path));
        for package in &manifest.packages {
            if !package.direct
                || package.declared_in.is_some()
                || package.source.is_own_tree()
                || own.contains(&&package.name)
            {
                continue;
            }
            // beside dependencies of the product, the default environment (Hatch's) is the one that developers work in
            let is_of_developers = |group: &str| group.eq_ignore_ascii_case("default") && is_plain;
            let runs = package
                .groups
                .iter()
                .any(|group| RUNTIME_GROUPS.contains(&group.to_ascii_lowercase().as_str()) && !is_of_developers(group));
            let main = (runs || package.groups.is_empty() && package.extras.is_empty()) && !dev_file;
            let mut names = package.extras.iter().chain(&package.groups);
            let dev = dev_file || !main && names.all(|name| is_dev_name(name) || is_of_developers(name));
            project.declared.push(Declared {
                name: package.name.clone(),
                version: package.version.clone(),
                manifest: manifest.path.clone(),
                format: manifest.format,
                line: package.line,
                main: main || package.main && !dev_file,
                dev: dev && (dev_file || !package.main),
                groups: package.groups.clone(),
                extras: package.extras.clone(),
                requested_extras: package.requested_extras.clone(),
                of_conda: matches!(&package.source, Source::Index { url: Some(url) } if url.starts_with("conda:")),
            });
        }
    }
    by_directory.into_values().collect()
}

/// A list that was written out of the lock beside it (`pipenv requirements`, `poetry export`): it pins what stands there, and more than
/// somebody asked for. The lock of a Pipfile is often kept out of the repository; the list then pins all that the Pipfile asks for.
fn is_export(list: &Manifest, inventory: &Inventory) -> bool {
    if list.format != Format::Requirements || list.packages.iter().any(|package| package.version.is_none()) {
        return false;
    }
    let beside = |role: Role| {
        inventory.manifests.iter().filter(move |other| {
            other.role == role && other.format != Format::Requirements && parent(&other.path) == parent(&list.path)
        })
    };
    let names = |role: Role| beside(role).flat_map(|other| &other.packages).map(|package| &package.name);
    let (locked, asked_for): (BTreeSet<_>, BTreeSet<_>) =
        (names(Role::Locked).collect(), names(Role::Declared).collect());
    let listed: BTreeSet<_> = list.packages.iter().map(|package| &package.name).collect();
    let mut pipfiles = beside(Role::Declared).filter(|other| other.format == Format::Pipenv);
    let is_whole = |pipfile: &Manifest| {
        let mut main = pipfile.packages.iter().filter(|package| package.groups.is_empty()).peekable();
        main.peek().is_some() && main.all(|package| listed.contains(&package.name))
    };
    listed.iter().any(|name| !asked_for.contains(name))
        && (listed.is_subset(&locked) || locked.is_empty() && pipfiles.any(is_whole))
}

/// The nearest directory above a manifest that has Python files: `requirements/base.txt` answers for what stands beside its folder.
fn scope(manifest: &str, python: &[&str]) -> String {
    let mut directory = parent(manifest);
    loop {
        let holds = |path: &&str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
        if directory.is_empty() || python.iter().any(holds) {
            return directory.to_owned();
        }
        directory = parent(directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_speak_of_development() {
        for (name, expected) in [
            ("dev", true),
            ("test-extras", true),
            ("requirements/local.txt", true),
            ("requirements-local.txt", true),
            ("requirements/base.txt", false),
            ("tokenizer-local", false),
            ("tool-mcp", false),
            ("build-system", true),
            ("pre-commit", true),
            ("lint_types", true),
            ("data-formats", false),
            ("message-format", false),
            ("contest", false),
            ("check", true),
            ("health-check", false),
            ("web/regression/requirements.txt", true),
            ("examples/requirements.txt", true),
            ("functest_requirements.txt", true),
            ("requirements/readthedocs.txt", true),
            ("sample-api/requirements.txt", false),
            ("requirements/checkdocs.in", true),
            ("requirements/checkformatting.in", true),
            ("requirements/checkout.in", false),
            ("pyinstaller/requirements.txt", true),
        ] {
            assert_eq!(is_dev_name(name), expected, "{name}");
        }
    }
}
