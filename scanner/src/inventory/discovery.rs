//! Which files of a repository are manifests, by their path alone.

use super::package::Format;

/// What a path promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// A file of this format.
    Manifest(Format),
    /// A requirements file by its name.
    Requirements,
    /// A conda environment.
    Environment,
    /// A conda lock of the kind whose file is only addresses.
    ExplicitConda,
    /// `conda-lock.yml`
    CondaLock,
    /// `pixi.toml`
    Pixi,
    /// `pixi.lock`
    PixiLock,
    /// `tox.ini`
    Tox,
    /// `tox.toml`
    ToxToml,
    /// `.pre-commit-config.yaml`, and the hooks that a repository offers.
    PreCommit,
    /// `setup.cfg`
    SetupCfg,
    /// `setup.py`
    SetupPy,
    /// A Python file, which may have a PEP 723 block.
    Script,
    /// A notebook.
    Notebook,
    /// A Dockerfile.
    Dockerfile,
    /// A CI workflow.
    Workflow,
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
        .or_else(|| conda(name))
        .or_else(|| program(directory, name))
        .or_else(|| is_workflow(path, directory, name).then_some(Found::Workflow))
}

fn conda(name: &str) -> Option<Found> {
    let lower = name.to_ascii_lowercase();
    if lower == "pixi.lock" {
        return Some(Found::PixiLock);
    }
    if lower.starts_with("conda-") && lower.ends_with(".lock") {
        return Some(Found::ExplicitConda);
    }
    let stem = lower.strip_suffix(".yml").or_else(|| lower.strip_suffix(".yaml"))?;
    if stem.ends_with("conda-lock") {
        return Some(Found::CondaLock);
    }
    let mut words = stem.split(['-', '_', '.']);
    words.any(|word| matches!(word, "environment" | "env" | "conda")).then_some(Found::Environment)
}

fn program(directory: &str, name: &str) -> Option<Found> {
    let lower = name.to_ascii_lowercase();
    let stem = lower.rsplit_once('.').map_or(lower.as_str(), |(stem, _)| stem);
    match name {
        "setup.cfg" => Some(Found::SetupCfg),
        "setup.py" => Some(Found::SetupPy),
        "pixi.toml" => Some(Found::Pixi),
        "tox.ini" => Some(Found::Tox),
        "tox.toml" => Some(Found::ToxToml),
        ".pre-commit-config.yaml" | ".pre-commit-hooks.yaml" => Some(Found::PreCommit),
        _ if lower.ends_with(".py.lock") => Some(Found::Manifest(Format::Uv)),
        _ if lower.ends_with(".py") => Some(Found::Script),
        _ if lower.ends_with(".ipynb") && !directory.ends_with(".ipynb_checkpoints") => Some(Found::Notebook),
        _ if is_dockerfile(&lower, stem) => Some(Found::Dockerfile),
        _ => None,
    }
}

/// `Dockerfile`, `Dockerfile.dev`, `Dockerfile-dev`, `dev.Dockerfile`, and the same for `Containerfile`.
fn is_dockerfile(lower: &str, stem: &str) -> bool {
    ["dockerfile", "containerfile"].iter().any(|name| {
        let rest = stem.strip_prefix(name).or_else(|| lower.strip_prefix(name));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
            || lower.ends_with(&format!(".{name}"))
    })
}

fn is_workflow(path: &str, directory: &str, name: &str) -> bool {
    let is_yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let by_name = matches!(
        name.trim_end_matches(".yaml").trim_end_matches(".yml"),
        ".gitlab-ci"
            | "azure-pipelines"
            | "bitbucket-pipelines"
            | ".travis"
            | "cloudbuild"
            | "buildspec"
            | "action"
            | "appveyor"
            | ".appveyor"
            | ".drone"
            | ".woodpecker"
            | ".readthedocs"
            | "readthedocs"
    ) || name.contains(".gitlab-ci.")
        || name.starts_with("azure-pipelines");
    let in_directory = [
        ".github/workflows",
        ".gitea/workflows",
        ".forgejo/workflows",
        ".circleci",
        ".gitlab/ci",
        ".woodpecker",
        ".azure-pipelines",
    ];
    is_yaml
        && (by_name || in_directory.iter().any(|wanted| directory.ends_with(wanted)) || path == ".circleci/config.yml")
}

fn is_named_pylock(name: &str) -> bool {
    let middle = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
    middle.is_some_and(|middle| !middle.is_empty() && !middle.contains('.'))
}

fn requirements(directory: &str, name: &str) -> Option<Found> {
    let lower = name.to_ascii_lowercase();
    // `.lock`: Rye's, and what people name the output of `uv pip compile`
    let stem = [".txt", ".in", ".pip", ".lock"].iter().find_map(|ending| lower.strip_suffix(ending))?;
    let words = stem.split(['-', '_', '.', ' ']);
    let is_word = |word: &str| matches!(word, "requirements" | "requirement" | "reqs" | "constraints" | "constraint");
    if words.clone().any(is_word) || stem.ends_with("requirements") {
        return Some(Found::Requirements);
    }
    let in_directory = !lower.ends_with(".lock")
        && directory.split('/').any(|part| {
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
            ("requirements.lock", Some(Requirements)), // Rye
            ("requirements-dev.lock", Some(Requirements)),
            ("requirements/yarn.lock", None),
            ("pixi.toml", Some(Found::Pixi)),
            ("a/pixi.lock", Some(Found::PixiLock)),
            ("tox.ini", Some(Found::Tox)),
            ("tox.toml", Some(Found::ToxToml)),
            (".pre-commit-config.yaml", Some(Found::PreCommit)),
            ("pre-commit-config.yaml", None),
            ("mypixi.toml", None),
            ("Cargo.lock", None),
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
