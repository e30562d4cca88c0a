//! Which files of a repository are manifests, by their path alone.

use super::package::Format;

/// What a path promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A file of this format.
    Manifest(Format),
    /// A requirements file by its name.
    Requirements,
    /// A text file in a directory called `requirements`: perhaps a requirements file.
    PerhapsRequirements,
}

/// Recognises a path.
#[must_use]
pub fn recognise(path: &str) -> Option<Found> {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let exact = match name {
        "uv.lock" => Some(Format::Uv),
        "poetry.lock" => Some(Format::Poetry),
        "pyproject.toml" => Some(Format::Pyproject),
        "pdm.lock" => Some(Format::Pdm),
        "Pipfile" | "Pipfile.lock" => Some(Format::Pipenv),
        // PEP 751: `pylock.toml`, or one name without dots between
        name if name == "pylock.toml" || is_named_pylock(name) => Some(Format::Pylock),
        _ => None,
    };
    if let Some(format) = exact {
        return Some(Found::Manifest(format));
    }
    requirements(directory, name)
}

fn is_named_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('.'))
}

fn requirements(directory: &str, name: &str) -> Option<Found> {
    let lower = name.to_ascii_lowercase();
    let stem = [".txt", ".in", ".pip"].iter().find_map(|ending| lower.strip_suffix(ending))?;
    let words = stem.split(['-', '_', '.', ' ']);
    let is_word = |word: &str| matches!(word, "requirements" | "requirement" | "reqs" | "constraints" | "constraint");
    if words.clone().any(is_word) || stem.ends_with("requirements") {
        return Some(Found::Requirements);
    }
    let in_directory = directory.split('/').any(|part| {
        let part = part.to_ascii_lowercase();
        part.split(['-', '_', '.']).any(|word| matches!(word, "requirements" | "reqs" | "constraints"))
    });
    in_directory.then_some(Found::PerhapsRequirements)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_promise_a_manifest() {
        use Found::{Manifest, PerhapsRequirements, Requirements};
        let cases = [
            ("uv.lock", Some(Manifest(Format::Uv))),
            ("a/b/poetry.lock", Some(Manifest(Format::Poetry))),
            ("pyproject.toml", Some(Manifest(Format::Pyproject))),
            ("requirements.txt", Some(Requirements)),
            ("dev-requirements.txt", Some(Requirements)),
            ("requirements_dev.txt", Some(Requirements)),
            ("requirements-py3.10.in", Some(Requirements)),
            ("constraints.txt", Some(Requirements)),
            ("test_constraints.txt", Some(Requirements)),
            ("devrequirements.txt", Some(Requirements)),
            ("requirements/base.in", Some(PerhapsRequirements)),
            ("requirements/py3/dev.txt", Some(PerhapsRequirements)),
            ("docs/robots.txt", None),
            ("notes.txt", None),
            ("requirements.yml", None),
            ("requirements/README.md", None),
        ];
        for (path, expected) in cases {
            assert_eq!(recognise(path), expected, "{path}");
        }
    }
}
