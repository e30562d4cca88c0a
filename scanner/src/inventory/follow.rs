//! Requirements files that another kind of manifest takes its dependencies from, and lines of their grammar in it.
//!
//! setuptools' `file:` directives, `setup.py`'s `open("requirements.txt")`, tox's `-r`. What such a file asks for, the project asks for, so it
//! is counted to the manifest that names it, with the file it stands in.

use super::package::{Manifest, Package};
use super::pyproject::Serves;

/// One file that is named.
#[derive(Debug, Clone)]
pub struct Follow {
    /// As written, from the manifest's own directory.
    pub path: String,
    /// The 1-based line and column it is named at.
    pub place: (u32, u32),
    /// Whom its requirements serve.
    pub serves: Serves,
}

/// Lines of pip's grammar that stand in another kind of file: an environment's `pip:` section, tox's `deps`.
#[derive(Debug, Clone)]
pub struct List {
    /// The lines, which are read together: a `-c` among them holds for all.
    pub lines: Vec<Listed>,
    /// Whom they serve.
    pub serves: Serves,
}

/// One of these lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Without a comment.
    pub text: String,
    /// 1-based.
    pub line: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// A manifest, and what it takes from elsewhere.
#[derive(Debug)]
pub struct Declared {
    /// What it says itself.
    pub manifest: Manifest,
    /// The files it names.
    pub follows: Vec<Follow>,
    /// What in it is written as in a requirements file.
    pub lists: Vec<List>,
}

impl From<Manifest> for Declared {
    fn from(manifest: Manifest) -> Self {
        Self { manifest, follows: Vec::new(), lists: Vec::new() }
    }
}

impl Declared {
    /// Takes in the requirements of a file or a list.
    pub(super) fn take(&mut self, serves: &Serves, packages: Vec<Package>) {
        self.manifest.packages.extend(packages.into_iter().map(|mut package| {
            serves.mark(&mut package);
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
