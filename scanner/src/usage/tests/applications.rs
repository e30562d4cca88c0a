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
fn a_part_of_a_namespace_is_used_by_its_own_name() {
    let list = ("requirements.txt", "big-kit.core\nbig-kit.store\nbig-kit.queue\n");
    let code = "from big_kit.core import App\nfrom big_kit import store";
    check(&[
        (&[list, ("a.py", code)], &["unused big-kit-queue"]),
        (&[list, ("a.py", code), ("b.py", "import big_kit.queue")], &[]),
        // where no other part is spelt out, the first word may be all there is
        (&[("requirements.txt", "big-kit-queue\n"), ("a.py", "from big_kit import App")], &[]),
    ]);
}

#[test]
fn tests_that_name_a_guessed_module_do_not_hide_what_the_product_imports() {
    let list = ("requirements.txt", "strange-thing-client\n");
    check(&[
        (&[list, ("a.py", "import strange_thing"), ("tests/test_a.py", "import strange_thing_client")], &[]),
        (&[list, ("a.py", ""), ("tests/test_a.py", "import strange_thing_client")], &["unused strange-thing-client"]),
    ]);
}

#[test]
fn a_dotted_text_says_little_of_a_module_that_is_guessed() {
    for (text, used) in [
        ("zzdata.rows", false),
        ("zzdata.Rows", true),
        ("zzdata:rows", false),
        ("zzdata_tree.rows", true),
        ("tree.rows", false),
    ] {
        let code = format!("import os\nX = '{text}'");
        let expected: &[&str] = if used { &[] } else { &["unused zzdata-tree"] };
        assert_eq!(said(&[("requirements.txt", "zzdata-tree\n"), ("a.py", &code)]), expected, "{text}");
    }
    // a word of Django's own apps is none of a package that shares it
    check(&[(&[("requirements.txt", "itypes\n"), ("a.py", "EXCLUDED_APPS = ['contenttypes']")], &["unused itypes"])]);
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

#[test]
fn a_comment_says_that_an_absent_submodule_needs_it() {
    let modules = ("plain.txt", "");
    let absent = (".gitmodules", "[submodule \"x\"]\n\tpath = plugins/debrief\n\turl = https://example.org/x\n");
    let list = ("requirements.txt", "requests\nlxml==5.0  # debrief\nsvglib==1.0\n");
    let code = ("a.py", "import requests");
    check(&[(&[absent, list, code], &["unused svglib"]), (&[modules, list, code], &["unused lxml", "unused svglib"])]);
}
