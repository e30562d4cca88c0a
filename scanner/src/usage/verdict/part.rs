//! Which part of a repository a file belongs to, by its path.

/// Where in a repository a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Product,
    Tests,
    Tooling,
}

pub(super) fn part(path: &str) -> Part {
    let lower = path.to_ascii_lowercase();
    let (directory, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let within = |names: &[&str]| directory.split('/').any(|part| names.contains(&part));
    let test_words = ["tests", "test", "testing", "e2e", "testsuite"];
    if directory.split(['/', '_', '-']).any(|word| test_words.contains(&word))
        || file.starts_with("test_")
        || ["_test.py", "_tests.py"].iter().any(|end| file.ends_with(end))
        || matches!(file, "conftest.py" | "tests.py" | "pytest.ini")
    {
        Part::Tests
    } else if within(&[
        "docs",
        "doc",
        "examples",
        "example",
        "benchmarks",
        "scripts",
        "tools",
        ".github",
        ".circleci",
        ".gitlab",
        "ci",
        "contrib",
        "dev",
        "release",
    ]) || matches!(
        file,
        "noxfile.py" | "setup.py" | "tasks.py" | "fabfile.py" | "tox.ini" | ".gitlab-ci.yml" | "azure-pipelines.yml"
    ) || file.starts_with(".pre-commit")
    {
        Part::Tooling
    } else {
        Part::Product
    }
}

/// Files of automation: what they run is no part of the product.
pub(super) fn is_automation(path: &str) -> bool {
    path.starts_with(".github/")
        || path.starts_with(".circleci/")
        || path.starts_with(".gitlab")
        || path.contains(".pre-commit")
        || path.ends_with("tox.ini")
        || path.ends_with("noxfile.py")
}
