//! What a manifest says: packages, each with where it stands and why it is there.

use advisories::{PackageName, Version};
use serde::{Deserialize, Serialize};

use super::origin;

/// A kind of manifest or lockfile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `uv.lock`
    Uv,
    /// `poetry.lock`
    Poetry,
    /// `pdm.lock`
    Pdm,
    /// `Pipfile` and `Pipfile.lock`
    Pipenv,
    /// PEP 751
    Pylock,
    /// pip's requirements and constraints files
    Requirements,
    /// `environment.yml`, `conda-lock.yml`, `pixi.toml`, `pixi.lock`
    Conda,
    /// `setup.py` and `setup.cfg`
    Setup,
    /// `pyproject.toml`
    Pyproject,
    /// PEP 723 blocks, notebooks and scripts
    Script,
    /// `pip install` in Dockerfiles and CI workflows, and what tox and pre-commit install into environments of their own
    Dockerfile,
}

/// Where a package is taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// A package index; `None` is the default one.
    Index {
        /// The index's address, without credentials; its name, where a manifest tells no more.
        url: Option<String>,
    },
    /// A git repository.
    Git {
        /// Clone URL, without credentials.
        url: String,
        /// What was asked for: branch, tag or revision.
        reference: Option<String>,
        /// The exact commit, where locked.
        commit: Option<String>,
        /// `#subdirectory=`
        subdirectory: Option<String>,
    },
    /// An archive at a URL.
    Url {
        /// The address, without credentials.
        url: String,
    },
    /// An archive or a source tree at a path.
    Path {
        /// As written.
        path: String,
        /// True for a source tree: inventory, but not matched against advisories.
        directory: bool,
    },
    /// A source tree installed in place (uv's editable and virtual, `-e`): inventory, but not matched.
    Editable {
        /// As written.
        path: String,
    },
}

impl Source {
    /// The default index.
    pub const DEFAULT_INDEX: Self = Self::Index { url: None };

    /// The index at an address. The public one is the default, however it is written: lockfiles name it in full.
    #[must_use]
    pub fn index(address: &str) -> Self {
        let url = origin::without_credentials(address);
        let host = url.split_once("://").and_then(|(_, rest)| rest.split(['/', ':']).next());
        let is_public = host.is_some_and(|host| ["pypi.org", "www.pypi.org", "pypi.python.org"].contains(&host));
        Self::Index { url: Some(url).filter(|url| !is_public && !url.is_empty()) }
    }

    /// True for the repository's own source trees, which are never matched against advisories.
    #[must_use]
    pub fn is_own_tree(&self) -> bool {
        matches!(self, Self::Editable { .. } | Self::Path { directory: true, .. })
    }
}

/// One package as one manifest has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Normalised by PEP 503.
    pub name: PackageName,
    /// The exact version, where the manifest fixes one.
    pub version: Option<Version>,
    /// The range asked for, where it does not (or beside the version, as written).
    pub specifier: Option<String>,
    /// Where it is taken from.
    pub source: Source,
    /// Asked for by the project itself, not only by another package.
    pub direct: bool,
    /// Brought by what the project needs at run time, not only by groups and extras.
    #[serde(default)]
    pub main: bool,
    /// Dependency groups that bring it; `main` is not named. Sorted.
    pub groups: Vec<String>,
    /// The package's own extras that a manifest asks for (`uvicorn[standard]`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requested_extras: Vec<String>,
    /// The project's extras that bring it. Sorted.
    pub extras: Vec<String>,
    /// The environment marker it stands under, as written.
    pub marker: Option<String>,
    /// No environment that the project allows satisfies the marker: it is never installed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsatisfiable: bool,
    /// 1-based line in the manifest, or in `declared_in`.
    pub line: Option<u32>,
    /// The file that `line` counts in, where it is not the manifest itself (`-r base.txt`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_in: Option<String>,
    /// Shortest paths from what the project asked for to this package (both ends included, so that a direct one has none). Sorted.
    pub via: Vec<Vec<PackageName>>,
    /// The manifest pins it by hash.
    #[serde(default)]
    pub hashed: bool,
    /// The hashes of its files as the manifest has them, `sha256:…`. Sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hashes: Vec<String>,
    /// Names and versions it depends on, by the lock's own edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
}

impl Package {
    /// A package of which nothing else is known yet.
    #[must_use]
    pub fn new(name: PackageName, source: Source) -> Self {
        Self {
            name,
            version: None,
            specifier: None,
            source,
            direct: false,
            main: false,
            groups: Vec::new(),
            requested_extras: Vec::new(),
            extras: Vec::new(),
            marker: None,
            unsatisfiable: false,
            line: None,
            declared_in: None,
            via: Vec::new(),
            hashed: false,
            hashes: Vec::new(),
            dependencies: Vec::new(),
        }
    }

    /// Adds the hashes (`algorithm:digest`) that a manifest pins it by. Without an algorithm it is sha256, as in Poetry 1.0.
    pub fn pin_by<'h>(&mut self, hashes: impl IntoIterator<Item = &'h str>) {
        let named = |hash: &str| if hash.contains(':') { hash.to_owned() } else { format!("sha256:{hash}") };
        self.hashes.extend(hashes.into_iter().map(named));
        self.hashes.sort();
        self.hashes.dedup();
        self.hashed |= !self.hashes.is_empty();
    }
}

/// An edge of a lockfile's graph.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Dependency {
    /// Whom it needs.
    pub name: PackageName,
    /// The version chosen for this edge, where the lock says so.
    pub version: Option<Version>,
    /// The range it allows, where the lock says so.
    pub specifier: Option<String>,
    /// The marker the edge stands under.
    pub marker: Option<String>,
}

/// What a file says about its packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// What a person asks for: `pyproject.toml`, `requirements.in`, `Pipfile`.
    #[default]
    Declared,
    /// What a resolver chose: `uv.lock`, or a requirements file compiled by pip-tools or uv.
    Locked,
    /// What a resolver would choose today for a manifest without lockfile: no fact about what is installed.
    Resolved,
    /// Bounds on what may be chosen, which install nothing by themselves: `constraints.txt`.
    Constraints,
}

/// The project a manifest describes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Its own name.
    pub name: Option<PackageName>,
    /// Its own version, where it is written down.
    pub version: Option<Version>,
    /// Which Python versions it allows, as written.
    pub requires_python: Option<String>,
    /// Directories (globs, relative to the manifest) of the workspace's members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<String>,
    /// Globs of directories that are no members after all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_members: Vec<String>,
}

/// A manifest or lockfile and its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// From the repository's root.
    pub path: String,
    /// What it is.
    pub format: Format,
    /// Whether it asks, pins or bounds.
    #[serde(default)]
    pub role: Role,
    /// The project it describes, if it describes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    /// The lockfile (its path) that answers for this manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_by: Option<String>,
    /// In the order of the file.
    pub packages: Vec<Package>,
}

impl Manifest {
    /// A manifest without packages.
    #[must_use]
    pub fn new(path: &str, format: Format, role: Role) -> Self {
        Self { path: path.to_owned(), format, role, project: None, locked_by: None, packages: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_index_is_the_default_one_however_it_is_written() {
        let private = |url: &str| Source::Index { url: Some(url.to_owned()) };
        let cases = [
            ("https://pypi.org/simple", Source::DEFAULT_INDEX),
            ("https://pypi.org/simple/", Source::DEFAULT_INDEX),
            ("https://pypi.python.org/simple", Source::DEFAULT_INDEX),
            ("", Source::DEFAULT_INDEX),
            ("https://pypi.org.example.org/simple", private("https://pypi.org.example.org/simple")),
            ("https://index.example.org/pypi.org/simple", private("https://index.example.org/pypi.org/simple")),
            ("https://user:word@index.example.org/simple", private("https://index.example.org/simple")),
        ];
        for (address, expected) in cases {
            assert_eq!(Source::index(address), expected, "{address}");
        }
    }

    #[test]
    fn hashes_are_kept_once_and_with_their_algorithm() {
        let mut package = Package::new("a".parse().unwrap(), Source::DEFAULT_INDEX);
        package.pin_by(None);
        assert!(!package.hashed);
        package.pin_by(["sha256:22", "11", "sha256:22"]);
        assert_eq!((package.hashed, package.hashes), (true, vec!["sha256:11".to_owned(), "sha256:22".to_owned()]));
    }
}
