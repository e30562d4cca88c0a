//! Requirements files that another kind of manifest takes its dependencies from.
//!
//! setuptools' `file:` directives, `setup.py`'s `open("requirements.txt")`, an environment's `-r`. What such a file asks for, the project
//! asks for, so it is counted to the manifest that names it, with the file it stands in.

use super::package::{Manifest, Package};
use super::pyproject::Serves;

/// One file that is named.
#[derive(Debug, Clone)]
pub struct Follow {
    /// As written, from the manifest's own directory.
    pub path: String,
    /// The line it is named on.
    pub line: u32,
    /// Whom its requirements serve.
    pub serves: Serves,
}

/// A manifest, and what it takes from elsewhere.
#[derive(Debug)]
pub struct Declared {
    /// What it says itself.
    pub manifest: Manifest,
    /// The files it names.
    pub follows: Vec<Follow>,
}

impl From<Manifest> for Declared {
    fn from(manifest: Manifest) -> Self {
        Self { manifest, follows: Vec::new() }
    }
}

impl Declared {
    /// Takes in the requirements of a file that was followed.
    pub(super) fn take(&mut self, follow: &Follow, packages: Vec<Package>) {
        self.manifest.packages.extend(packages.into_iter().map(|mut package| {
            follow.serves.mark(&mut package);
            package
        }));
    }
}

/// What commands install, and the requirements files they name, which count where they are manifests of the repository and not read as such
/// by their names.
#[derive(Debug)]
pub struct Named {
    /// The packages named on command lines.
    pub manifest: Manifest,
    /// Files, as written, and the line.
    pub files: Vec<(String, u32)>,
}
