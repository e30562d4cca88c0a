//! What applications taught that nobody had looked at: each case with the manifests that a repository has.

use super::*;

/// The verdicts on whole repositories, each as `kind package`, sorted.
fn said(files: &[(&str, &str)]) -> Vec<String> {
    let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, *text)));
    let usage = judge(&snapshot, &crate::inventory::read(&snapshot), &WellKnown);
    let mut said: Vec<String> = usage
        .verdicts
        .iter()
        .map(|finding| match &finding.detail {
            Detail::Usage(detail) => format!("{} {}", finding.kind.as_str(), detail.package),
            other => panic!("{other:?}"),
        })
        .collect();
    said.sort();
    said
}

/// Files, and what is said of them.
type Repository<'f> = (&'f [(&'f str, &'f str)], &'f [&'f str]);

fn check(cases: &[Repository<'_>]) {
    for (files, expected) in cases {
        assert_eq!(said(files), *expected, "{files:?}");
    }
}

#[test]
fn the_default_environment_beside_dependencies_of_the_product_is_of_developers() {
    let project = "[project]\nname = \"a\"\ndependencies = [\"requests\"]\n[tool.hatch.envs.default]\ndependencies = [\"pyyaml\"]\n";
    let alone = "[project]\nname = \"a\"\n[tool.hatch.envs.default]\ndependencies = [\"pyyaml\"]\n";
    check(&[
        (&[("pyproject.toml", project), ("a.py", "import requests")], &[]),
        (&[("pyproject.toml", project), ("a.py", "import requests, yaml")], &["misplaced pyyaml"]),
        (&[("pyproject.toml", alone), ("a.py", "import os")], &["unused pyyaml"]),
    ]);
}

#[test]
fn a_directory_of_a_package_does_not_hide_what_is_called_like_it() {
    let list = ("requirements.txt", "redis\n");
    let package = [("app/__init__.py", ""), ("app/backends/redis/__init__.py", "")];
    check(&[(&[list, package[0], package[1], ("app/backends/redis/a.py", "from redis import Redis")], &[])]);
}

#[test]
fn an_import_that_may_fail_is_not_missing() {
    let list = ("requirements.txt", "requests\n");
    for (code, missing) in [
        ("import contextlib\nwith contextlib.suppress(ImportError):\n    import yaml", false),
        ("with optional_imports('yaml'):\n    import yaml", false),
        ("with open('x'):\n    import yaml", true),
        ("from importlib.util import find_spec\nif find_spec('yaml'):\n    import yaml", false),
        ("if HAS_YAML:\n    import yaml", false),
        ("if is_yaml_available():\n    import yaml", false),
        ("if has_permission():\n    import yaml", true),
        ("if not HAS_YAML:\n    import yaml", true),
    ] {
        let code = format!("import requests\n{code}");
        let expected: &[&str] = if missing { &["missing pyyaml"] } else { &[] };
        assert_eq!(said(&[list, ("a.py", &code)]), expected, "{code}");
    }
}
