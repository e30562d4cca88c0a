//! What a manifest says: packages, each with where it stands and why it is there.

use advisories::{PackageName, Version};
use serde::{Deserialize, Serialize};

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
    /// `environment.yml`, `conda-lock.yml`, `pixi.lock`
    Conda,
    /// `setup.py` and `setup.cfg`
    Setup,
    /// `pyproject.toml`
    Pyproject,
    /// PEP 723 blocks, notebooks and scripts
    Script,
    /// `pip install` in Dockerfiles and CI workflows
    Dockerfile,
}

/// Where a package is taken from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Source {
    /// A package index; `None` is the default one.
    Index {
        /// The index's address, without credentials.
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
    /// Dependency groups that bring it; `main` is not named. Sorted.
    pub groups: Vec<String>,
    /// The project's extras that bring it. Sorted.
    pub extras: Vec<String>,
    /// The environment marker it stands under, as written.
    pub marker: Option<String>,
    /// 1-based line in the manifest.
    pub line: Option<u32>,
    /// Shortest paths from what the project asked for to this package (both ends included, so that a direct one has none). Sorted.
    pub via: Vec<Vec<PackageName>>,
    /// The manifest pins it by hash.
    #[serde(default)]
    pub hashed: bool,
    /// Names and versions it depends on, by the lock's own edges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dependencies: Vec<Dependency>,
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

/// A manifest or lockfile and its packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// From the repository's root.
    pub path: String,
    /// What it is.
    pub format: Format,
    /// In the order of the file.
    pub packages: Vec<Package>,
}
