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

pub(super) fn check(cases: &[Repository<'_>]) {
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
fn what_somebody_is_known_to_provide_is_of_no_package_that_shares_a_word_with_it() {
    check(&[
        (&[("requirements.txt", "zzweb-babel\n"), ("a.py", "import zzweb_babel, babel")], &["missing babel"]),
        (&[("requirements.txt", "babel-nightly\n"), ("a.py", "import babel")], &[]),
        (&[("requirements.txt", "python-babel\n"), ("a.py", "import babel")], &[]),
        // of what else would it be
        (&[("requirements.txt", "zzweb-babel\n"), ("a.py", "import babel")], &[]),
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
fn what_only_an_extra_brings_is_judged_too() {
    let project = "[project]\nname = \"a\"\ndependencies = [\"requests\"]\n[project.optional-dependencies]\n\
        more = [\"pyyaml\", \"idna\", \"pymysql\"]\ndev = [\"lxml\"]\n";
    check(&[
        // requests brings idna, and a driver is chosen elsewhere
        (&[("pyproject.toml", project), ("a.py", "import requests")], &["unused pyyaml"]),
        (
            &[
                ("pyproject.toml", project),
                ("a.py", "import requests\ntry:\n    import yaml\nexcept ImportError:\n    pass"),
            ],
            &[],
        ),
    ]);
}

#[test]
fn a_list_beside_no_code_repeats_what_the_project_around_it_uses() {
    let project = ("pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"requests\"]\n");
    let list = ("deploy/image/requirements.txt", "requests\npyyaml\n");
    check(&[
        (&[project, list, ("a.py", "import requests"), ("deploy/run.py", "")], &["unused pyyaml"]),
        (
            &[project, list, ("a.py", ""), ("deploy/run.py", "")],
            &["unused pyyaml", "unused requests", "unused requests"],
        ),
        // beside code it is for that code
        (&[project, list, ("a.py", "import requests"), ("deploy/image/run.py", "import yaml")], &["unused requests"]),
    ]);
}

#[test]
fn what_a_declaration_around_may_provide_is_not_missing() {
    check(&[(
        &[
            ("pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"strangething3\"]\n"),
            ("tools/requirements.txt", "requests\n"),
            ("tools/run.py", "import requests, strange_thing"),
            ("a.py", "import strange_thing"),
        ],
        &[],
    )]);
}

#[test]
fn what_a_declaration_around_brings_is_transitive() {
    check(&[(
        &[
            ("setup.py", "from setuptools import setup\nsetup(name='a', install_requires=['requests'])"),
            ("app/bots/x/requirements.txt", "lxml\n"),
            ("app/bots/x/bot.py", "import lxml, requests, urllib3"),
            ("app/main.py", "import requests"),
        ],
        &["transitive urllib3"],
    )]);
}

#[test]
fn a_lock_tells_whose_module_it_likely_is() {
    let manifest = ("pyproject.toml", "[project]\nname = \"a\"\ndependencies = [\"requests\"]\n");
    let lock = "version = 1\n[[package]]\nname = \"a\"\nversion = \"0\"\nsource = { virtual = \".\" }\ndependencies = [{ name = \"requests\" }]\n\
        [[package]]\nname = \"requests\"\nversion = \"2\"\nsource = { registry = \"https://pypi.org/simple\" }\ndependencies = [{ name = \"kingdom-cup\" }]\n\
        [[package]]\nname = \"kingdom-cup\"\nversion = \"1\"\nsource = { registry = \"https://pypi.org/simple\" }\n";
    check(&[
        (&[manifest, ("uv.lock", lock), ("a.py", "import requests, Cup.model")], &["transitive kingdom-cup"]),
        (&[manifest, ("a.py", "import requests, Cup.model")], &["missing cup"]),
    ]);
}

#[test]
fn several_modules_of_one_package_are_one_finding() {
    check(&[
        (&[("requirements.txt", "requests\n"), ("a.py", "import requests, win32api, win32con")], &["missing pywin32"]),
        (
            &[
                ("requirements.txt", "requests\n"),
                ("a.py", "import requests, google.auth\nfrom google.cloud import storage"),
            ],
            &["missing google-auth", "missing google-cloud-storage"],
        ),
    ]);
}

#[test]
fn what_git_ignores_is_kept_elsewhere() {
    let list = ("requirements.txt", "requests\n");
    let code = ("a.py", "import requests\nif settings.SOLD:\n    import sold_part, yaml");
    check(&[
        (&[list, code, (".gitignore", "*.pyc\nplugins/sold_part/\nyaml.py")], &["missing pyyaml"]),
        (&[list, code, (".gitignore", "*_part")], &["missing pyyaml", "missing sold-part"]),
        (&[list, code, ("Dockerfile", "COPY --from=kit /kit/a.py /app/sold_part.py")], &["missing pyyaml"]),
        (&[list, code, ("Dockerfile", "COPY sold_part.py /app/")], &["missing pyyaml", "missing sold-part"]),
    ]);
}

#[test]
fn a_project_inside_of_tests_is_for_them_and_a_stub_for_type_checkers() {
    let project = "[project]\nname = \"a\"\ndependencies = [\"requests\"]\n";
    check(&[
        (&[("app/tests/pyproject.toml", project), ("app/tests/test_a.py", "import requests")], &[]),
        (
            &[("app/contest/pyproject.toml", project), ("app/contest/test_a.py", "import requests")],
            &["unused requests"],
        ),
        (&[("requirements.txt", "requests\n"), ("a.py", "import requests"), ("typings/x/a.pyi", "import yaml")], &[]),
    ]);
}

#[test]
fn a_directory_of_a_package_does_not_hide_what_is_called_like_it() {
    let list = ("requirements.txt", "redis\n");
    let package = [("app/__init__.py", ""), ("app/backends/redis/__init__.py", "")];
    check(&[(&[list, package[0], package[1], ("app/backends/redis/a.py", "from redis import Redis")], &[])]);
}

#[test]
fn a_name_that_is_ours_elsewhere_is_ours() {
    let list = ("requirements.txt", "requests\n");
    let ours = [("apps/__init__.py", ""), ("apps/shop/__init__.py", ""), ("apps/shop/models.py", "import requests")];
    let gone = ("apps/shop/tests/tree.py", "from shop.tree import Tree");
    check(&[
        (&[list, ours[0], ours[1], ours[2], gone, ("apps/main.py", "from shop.models import A")], &[]),
        (
            &[list, ("a.py", "import requests"), ("shop/tests/tree.py", "from shopping.tree import T")],
            &["missing shopping"],
        ),
    ]);
}

#[test]
fn a_part_that_a_package_is_there_for_needs_no_declaration() {
    let grpc = "from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter";
    check(&[
        (&[("requirements.txt", "opentelemetry-exporter-otlp\n"), ("a.py", grpc)], &[]),
        (
            &[("requirements.txt", "pydantic\n"), ("a.py", "import pydantic, pydantic_core")],
            &["transitive pydantic-core"],
        ),
    ]);
}

#[test]
fn makers_of_test_data_and_scripts_of_automation_are_no_product() {
    let lists = [("requirements.txt", "requests\n"), ("requirements-dev.txt", "factory-boy\n")];
    let code = ("shop/models.py", "import requests");
    check(&[
        (&[lists[0], lists[1], code, ("shop/factories.py", "import factory")], &[]),
        (&[lists[0], lists[1], code, ("shop/views.py", "import factory")], &["misplaced factory-boy"]),
        (&[lists[0], lists[1], code, ("shop/management/commands/fill.py", "import factory")], &[]),
        (&[lists[0], code, (".github/scripts/x.py", "import paramiko")], &[]),
    ]);
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
fn what_the_program_around_the_code_gives_is_not_missing() {
    let list = ("requirements.txt", "requests\n");
    check(&[
        (&[list, ("a.py", "import requests, cfnresponse, bpy")], &[]),
        (&[list, ("a.py", "import requests, cfnresponses")], &["missing cfnresponses"]),
    ]);
}

#[test]
fn an_address_without_a_name_may_be_what_is_imported() {
    check(&[
        (
            &[
                ("requirements.txt", "requests\ngit+https://example.org/o/strange-thing.git\n"),
                ("a.py", "import requests, strange_thing"),
            ],
            &[],
        ),
        (
            &[
                ("requirements.txt", "requests\ngit+https://example.org/o/other.git\n"),
                ("a.py", "import requests, strange_thing"),
            ],
            &["missing strange-thing"],
        ),
    ]);
}

#[test]
fn a_comment_says_that_an_absent_submodule_needs_it() {
    let modules = ("plain.txt", "");
    let absent = (".gitmodules", "[submodule \"x\"]\n\tpath = plugins/debrief\n\turl = https://example.org/x\n");
    let list = ("requirements.txt", "requests\nlxml==5.0  # debrief\nsvglib==1.0\n");
    let code = ("a.py", "import requests");
    check(&[(&[absent, list, code], &["unused svglib"]), (&[modules, list, code], &["unused lxml", "unused svglib"])]);
}
