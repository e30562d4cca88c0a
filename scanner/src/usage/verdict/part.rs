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
    let test_words = ["tests", "test", "testing", "e2e", "testsuite"];
    if directory.split(['/', '_', '-']).any(|word| test_words.contains(&word))
        || file.starts_with("test_")
        || ["_test.py", "_tests.py"].iter().any(|end| file.ends_with(end))
        || is_script_of_tests(file)
        || matches!(file, "conftest.py" | "tests.py" | "testlib.py" | "testutils.py" | "pytest.ini")
    {
        Part::Tests
    } else if directory.split('/').any(is_tooling_directory)
        || matches!(
            file,
            "noxfile.py"
                | "setup.py"
                | "hatch_build.py"
                | "tasks.py"
                | "fabfile.py"
                | "tox.ini"
                | ".gitlab-ci.yml"
                | "azure-pipelines.yml"
        )
        || file.starts_with(".pre-commit")
        || file.ends_with(".spec")
    {
        Part::Tooling
    } else {
        Part::Product
    }
}

/// `run_basic_tests.sh`, `test.sh`, `docker-compose.test.yml`
fn is_script_of_tests(file: &str) -> bool {
    let is_compose = file.contains("compose");
    let stem = file.strip_suffix(".sh").or_else(|| file.strip_suffix(".bash"));
    let stem = stem.or_else(|| file.strip_suffix(".yml").or_else(|| file.strip_suffix(".yaml")).filter(|_| is_compose));
    stem.is_some_and(|stem| stem.split(['-', '_', '.']).any(|word| matches!(word, "test" | "tests" | "pytest")))
}

/// True for `scripts`, `scripts-dev`, `dev_tools`: names that are made of such words alone.
fn is_tooling_directory(name: &str) -> bool {
    const WORDS: &[&str] = &[
        "docs",
        "doc",
        "examples",
        "example",
        "benchmarks",
        "benchmark",
        "bench",
        "scripts",
        "tools",
        "github",
        "circleci",
        "gitlab",
        "ci",
        "contrib",
        "dev",
        "development",
        "notebooks",
        "release",
        "maintenance",
        "devtools",
        "builder",
        "packaging",
    ];
    let mut words = name.split(['-', '_', '.']).filter(|word| !word.is_empty()).peekable();
    words.peek().is_some() && words.all(|word| WORDS.contains(&word))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_belongs_to_a_part_by_its_path() {
        for (path, expected) in [
            ("app/main.py", Part::Product),
            ("app/tools_api/main.py", Part::Product),
            ("app/developers/main.py", Part::Product),
            ("scripts/run.py", Part::Tooling),
            ("builder/release.py", Part::Tooling),
            ("scripts-dev/run.py", Part::Tooling),
            ("dev_tools/run.py", Part::Tooling),
            ("notebooks/a.ipynb", Part::Tooling),
            (".github/workflows/x.py", Part::Tooling),
            ("setup.py", Part::Tooling),
            ("app.spec", Part::Tooling),
            ("app/lib/testlib.py", Part::Tests),
            ("app/tests/a.py", Part::Tests),
            ("app/contest/a.py", Part::Product),
            ("app/run_basic_tests.sh", Part::Tests),
            ("app/latest.sh", Part::Product),
            ("docker-compose.test.yaml", Part::Tests),
            ("docker-compose.yaml", Part::Product),
            ("load-test.yaml", Part::Product),
        ] {
            assert_eq!(part(path), expected, "{path}");
        }
    }
}
