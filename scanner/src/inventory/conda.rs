//! conda: `environment.yml` (with its `pip:` section), `conda-lock.yml`, and explicit locks; pixi's files are in `pixi.rs`.
//!
//! Specifications: <https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html>, conda's match
//! specifications (CEP 29), and conda-lock's `lockfile/v1/models.py`.
//!
//! A conda package is taken from a channel (`conda:` and its address), not from the Python index, and may be no Python package at all.

use std::collections::HashMap;

use advisories::{PackageName, Version};

use super::follow::{Declared, List, Listed};
use super::origin;
use super::package::{Dependency, Format, Manifest, Package, Role, Source};
use super::pyproject::Serves;
use super::requirement::Requirement;
use super::text::SourceText;
use super::yaml_file::{self, Content, Node};
use crate::diagnostic::Diagnostic;

/// conda's packages of software that is no Python distribution but has a name somebody took on the Python index.
const NOT_PYTHON: [&str; 30] = [
    "python",
    "openssl",
    "zlib",
    "bzip2",
    "xz",
    "tk",
    "readline",
    "sqlite",
    "ncurses",
    "libffi",
    "ca-certificates",
    "nodejs",
    "git",
    "gcc",
    "gxx",
    "cmake",
    "make",
    "curl",
    "r-base",
    "openjdk",
    "cuda",
    "cudatoolkit",
    "ffmpeg",
    "gdal",
    "geos",
    "hdf5",
    "postgresql",
    "redis",
    "mkl",
    "boost",
];

/// True for a conda package that is a Python distribution as far as one can tell: a lock says that it depends on `python`.
#[must_use]
pub fn is_python(package: &Package, role: Role) -> bool {
    let from_channel = matches!(&package.source, Source::Index { url: Some(url) } if url.starts_with("conda:"));
    match (from_channel, role) {
        (false, _) => true,
        (true, Role::Locked) => {
            package.dependencies.iter().any(|edge| matches!(edge.name.as_str(), "python" | "python-abi"))
        }
        (true, _) => !NOT_PYTHON.contains(&package.name.as_str()) && !package.name.as_str().starts_with("lib"),
    }
}

pub(super) fn channel(name: &str) -> Source {
    Source::Index { url: Some(format!("conda:{}", origin::without_credentials(name))) }
}

/// Reads an environment; `None` for a YAML file that is none.
pub fn read_environment(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let before = diagnostics.len();
    let documents = yaml_file::parse(file, diagnostics);
    let dependencies = documents.first().and_then(|root| root.get("dependencies"));
    let Some(dependencies) = dependencies.filter(|list| is_environment(file, list)) else {
        // some other tool's `environment.yml`, unless it breaks off where dependencies begin
        if dependencies.is_some() || !file.text.lines().any(|line| line.starts_with("dependencies:")) {
            diagnostics.truncate(before);
        }
        return None;
    };
    let mut declared = Declared::from(Manifest::new(&file.path, Format::Conda, Role::Declared));
    let default = documents[0].get("channels").and_then(|list| list.items().first()?.text()).unwrap_or("defaults");
    let mut expected = |node: &Node, what: &str| {
        diagnostics.push(file.gap(0, format!("expected {what}")).at(node.line, node.column));
    };
    // an empty one is null
    let is_null = matches!(dependencies.content, Content::Scalar(..)) && dependencies.text().is_none();
    if !matches!(dependencies.content, Content::Sequence(_)) && !is_null {
        expected(dependencies, "`dependencies`, a list");
    }
    for item in dependencies.items() {
        if let Some(pip) = item.get("pip") {
            if !matches!(pip.content, Content::Sequence(_)) {
                expected(pip, "`pip`, a list of requirements");
            }
            for entry in pip.items().iter().filter(|entry| entry.text().is_none()) {
                expected(entry, "a requirement, a text");
            }
            let lines = pip.items().iter().filter_map(|entry| pip_line(entry)).collect();
            declared.lists.push(List { lines, serves: Serves::main() });
        } else if let Some(text) = item.text() {
            match match_spec(text, default) {
                Some(mut package) => {
                    package.line = Some(item.line);
                    declared.manifest.packages.push(package);
                }
                None => expected(item, "a conda match specification"),
            }
        } else if item.entries().is_empty() {
            expected(item, "a conda match specification, a text");
        }
    }
    Some(declared)
}

/// Other tools have mappings of that name in files that are called so; conda's is a list, which a person may have got wrong.
fn is_environment(file: &SourceText, dependencies: &Node) -> bool {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path).to_ascii_lowercase();
    matches!(dependencies.content, Content::Sequence(_)) || name.contains("environment") || name.contains("conda")
}

/// A line of the `pip:` section, which is one of a requirements file: a comment needs a blank before it.
fn pip_line(entry: &Node) -> Option<Listed> {
    let text = entry.text()?.split(" #").next().unwrap_or_default().trim().to_owned();
    Some(Listed { text, line: entry.line, column: entry.column })
}

/// `channel::name=1.2=build`, `name 1.2.*`, `name>=1`, `name[version='1.2']`.
pub(super) fn match_spec(text: &str, default: &str) -> Option<Package> {
    let text = text.split(" #").next().unwrap_or_default().trim();
    let (from, spec) = text.rsplit_once("::").unwrap_or((default, text));
    let end = spec.find([' ', '=', '<', '>', '!', '~', '[']).unwrap_or(spec.len());
    let (name, rest) = (spec[..end].trim_start_matches('_'), spec[end..].trim());
    let mut package = Package { direct: true, main: true, ..Package::new(PackageName::new(name).ok()?, channel(from)) };
    let rest = match rest.strip_prefix('[') {
        Some(keys) => keys
            .trim_end_matches(']')
            .split(',')
            .find_map(|key| key.trim().strip_prefix("version="))
            .unwrap_or_default(),
        None => rest,
    };
    let rest = rest.trim_matches(['\'', '"']);
    package.specifier = Some(rest.to_owned()).filter(|text| !text.is_empty());
    let exact = match rest.strip_prefix("==") {
        Some(version) => version.split([' ', '=']).next(),
        // one `=` is a prefix, unless a build stands behind it
        None => rest.strip_prefix('=').and_then(|version| version.split_once('=')).map(|(version, _)| version),
    };
    let is_exact = |version: &&str| !version.is_empty() && !version.contains(['*', ',', '|', '<', '>']);
    package.version = exact.map(str::trim).filter(is_exact).map(Version::new);
    Some(package)
}

/// One package for all platforms it is locked for.
#[derive(Default)]
pub(super) struct Merged {
    packages: Vec<Package>,
    known: HashMap<(PackageName, Option<Version>, bool), usize>,
}

impl Merged {
    /// Adds a package, and says which of [`Merged::packages`] it is.
    pub fn add(&mut self, package: Package) -> usize {
        let from_channel = matches!(&package.source, Source::Index { url: Some(url) } if url.starts_with("conda:"));
        let key = (package.name.clone(), package.version.clone(), from_channel);
        let index = *self.known.entry(key).or_insert(self.packages.len());
        match self.packages.get_mut(index) {
            None => self.packages.push(package),
            Some(same) => {
                same.main |= package.main;
                same.pin_by(package.hashes.iter().map(String::as_str));
                same.groups.extend(package.groups);
                same.dependencies.extend(package.dependencies);
            }
        }
        index
    }

    pub fn into_manifest(mut self, file: &SourceText) -> Manifest {
        for package in &mut self.packages {
            package.groups.sort();
            package.groups.dedup();
            package.dependencies.sort();
            package.dependencies.dedup();
        }
        Manifest { packages: self.packages, ..Manifest::new(&file.path, Format::Conda, Role::Locked) }
    }
}

/// Reads `conda-lock.yml`.
pub fn read_conda_lock(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let documents = yaml_file::parse(file, diagnostics);
    let mut merged = Merged::default();
    for entry in yaml_file::list(file, &documents, "package", diagnostics) {
        let name = entry.field("name").and_then(|name| PackageName::new(name.trim_start_matches('_')).ok());
        let (Some(name), Some(version)) = (name, entry.field("version")) else {
            diagnostics.push(file.gap(0, "expected a package with `name` and `version`").at(entry.line, entry.column));
            continue;
        };
        let url = entry.field("url").unwrap_or_default();
        let source = match entry.field("manager") {
            Some("pip") if url.starts_with("git+") => origin::read(url).source,
            Some("pip") => Source::DEFAULT_INDEX,
            _ => channel(channel_of(url)),
        };
        let mut package = Package::new(name, source);
        package.version = Some(Version::new(version));
        package.line = Some(entry.get("name").map_or(entry.line, |name| name.line));
        let hashes = entry.get("hash").map_or(&[][..], Node::entries).iter();
        let hashes: Vec<String> =
            hashes.filter_map(|(name, digest)| Some(format!("{}:{}", name.text()?, digest.text()?))).collect();
        package.pin_by(hashes.iter().map(String::as_str));
        let category = entry.field("category").unwrap_or("main");
        package.main = category == "main";
        package.groups = Some(category.to_owned()).filter(|category| category != "main").into_iter().collect();
        let edges = entry.get("dependencies").map_or(&[][..], Node::entries);
        package.dependencies = edges.iter().filter_map(|(name, range)| edge(name.text()?, range.text())).collect();
        merged.add(package);
    }
    merged.into_manifest(file)
}

pub(super) fn edge(name: &str, range: Option<&str>) -> Option<Dependency> {
    let specifier = range.map(str::trim).filter(|range| !range.is_empty()).map(str::to_owned);
    let name = PackageName::new(name.trim_start_matches('_').replace("python_abi", "python-abi").as_str()).ok()?;
    Some(Dependency { name, version: None, specifier, marker: None })
}

/// The channel's address: what stands before the platform's directory.
pub(super) fn channel_of(url: &str) -> &str {
    url.rsplitn(3, '/').nth(2).unwrap_or(url)
}

/// Name, version from `name-version-build.conda` or `.tar.bz2`.
pub(super) fn conda_file(url: &str) -> Option<(PackageName, Version)> {
    let file = url.split('#').next()?.rsplit('/').next()?;
    let stem = file.strip_suffix(".conda").or_else(|| file.strip_suffix(".tar.bz2"))?;
    let mut parts = stem.rsplitn(3, '-');
    let (_, version, name) = (parts.next()?, parts.next()?, parts.next()?);
    Some((PackageName::new(name.trim_start_matches('_')).ok()?, Version::new(version)))
}

/// Reads an explicit lock: addresses below `@EXPLICIT`. It has no edges; what is a Python package is not told but by the build.
pub fn read_explicit(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Manifest {
    let mut merged = Merged::default();
    for (index, line) in file.text.lines().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let text = line.trim();
        if let Some(requirement) = text.strip_prefix("# pip ") {
            if let Ok(requirement) = Requirement::parse(requirement.split(" --hash").next().unwrap_or_default()) {
                let (line, direct, main) = (Some(number), false, true);
                let mut package = Package { line, direct, main, ..requirement.into_package() };
                package.pin_by(text.split("--hash").skip(1).map(|hash| hash.trim_start_matches('=').trim()));
                merged.add(package);
            }
            continue;
        }
        if text.is_empty() || text.starts_with(['#', '@']) {
            continue;
        }
        let Some((name, version)) = conda_file(text) else {
            diagnostics.push(file.gap(0, "expected the address of a conda package").at(number, 1));
            continue;
        };
        let mut package = Package::new(name, channel(channel_of(text.split('#').next().unwrap_or(text))));
        (package.version, package.line, package.main) = (Some(version), Some(number), true);
        // conda wrote md5 first, later `#sha256:…` as well
        let digest = text.split_once('#').map(|(_, digest)| digest).filter(|digest| !digest.is_empty());
        let digest = digest.map(|digest| if digest.len() == 32 { format!("md5:{digest}") } else { digest.to_owned() });
        package.pin_by(digest.as_deref());
        // builds of Python packages say so: `py311h…`, `pyhd8ed1ab_0`
        if text.rsplit('-').next().is_some_and(|build| build.starts_with("py")) {
            package.dependencies.extend(edge("python", None));
        }
        merged.add(package);
    }
    merged.into_manifest(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str, text: &str) -> (Vec<String>, usize) {
        let file = SourceText::new(path, text.to_owned());
        let mut diagnostics = Vec::new();
        let manifest = match path {
            "environment.yml" => read_environment(&file, &mut diagnostics).unwrap().manifest,
            "conda-lock.yml" => read_conda_lock(&file, &mut diagnostics),
            _ => read_explicit(&file, &mut diagnostics),
        };
        let row = |p: &Package| {
            let version = p.version.as_ref().map_or("-", Version::as_str);
            format!("{} {version} {} {}", p.name, p.line.unwrap_or(0), is_python(p, manifest.role))
        };
        (manifest.packages.iter().map(row).collect(), diagnostics.len())
    }

    #[test]
    fn environments() {
        let text = "name: x\nchannels: [conda-forge]\ndependencies:\n  - python=3.11\n  - numpy==1.21.0\n  - pandas=1.3.0=py39_0\n  \
                    - conda-forge::scipy=1.7\n  - requests>=2\n  - pip:\n    - Django==4.2\n    - -r r.txt\n    - -e .\n";
        let (rows, faults) = read("environment.yml", text);
        assert_eq!(faults, 0);
        // `=1.7` is a prefix, CEP 29
        let expected =
            ["python - 4 false", "numpy 1.21.0 5 true", "pandas 1.3.0 6 true", "scipy - 7 true", "requests - 8 true"];
        assert_eq!(rows, expected);
        let declared = read_environment(&SourceText::new("environment.yml", text.to_owned()), &mut Vec::new()).unwrap();
        let lines: Vec<_> = declared.lists[0].lines.iter().map(|line| (line.text.as_str(), line.line)).collect();
        assert_eq!(lines, [("Django==4.2", 10), ("-r r.txt", 11), ("-e .", 12)]);
    }

    #[test]
    fn locks() {
        let lock = "version: 1\npackage:\n- name: openssl\n  version: 3.0.1\n  manager: conda\n  platform: linux-64\n  dependencies: {}\n  \
                    url: https://c.example.org/conda-forge/linux-64/openssl-3.0.1-h0.conda\n- name: numpy\n  version: 1.21.0\n  manager: conda\n  \
                    dependencies: {python: '>=3.9'}\n  url: https://c.example.org/conda-forge/linux-64/numpy-1.21.0-py39_0.conda\n- name: numpy\n  \
                    version: 1.21.0\n  manager: conda\n  url: https://c.example.org/conda-forge/osx-64/numpy-1.21.0-py39_0.conda\n- name: django\n  \
                    version: '4.2'\n  manager: pip\n  category: dev\n";
        assert_eq!(
            read("conda-lock.yml", lock),
            (vec!["openssl 3.0.1 3 false".into(), "numpy 1.21.0 9 true".into(), "django 4.2 18 true".into()], 0)
        );
        let explicit = "@EXPLICIT\nhttps://c.example.org/conda-forge/noarch/tqdm-4.65.0-pyhd8ed1ab_1.conda#00\nhttps://c.example.org/x/linux-64/xz-5.2.6-h0_0.tar.bz2\n";
        assert_eq!(
            read("conda-linux-64.lock", explicit),
            (vec!["tqdm 4.65.0 2 true".into(), "xz 5.2.6 3 false".into()], 0)
        );
    }
}
