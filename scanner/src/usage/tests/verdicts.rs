//! Which verdict is told of what.

use super::*;

/// Directories with a list, the files, what is said unused of the first list.
type ListCase = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static [&'static str]);

#[test]
fn without_any_code_nothing_is_judged_and_that_is_said() {
    let snapshot = MemorySnapshot::new([("Dockerfile", "RUN true")]);
    let usage = judge(&snapshot, &inventory(&["pyyaml"]), &WellKnown);
    assert!(usage.verdicts.is_empty());
    assert!(usage.diagnostics.iter().any(|said| said.reason.contains("no Python file") && !said.gap));
}

#[test]
fn the_other_verdicts() {
    use UsageClass::{Constraint, Stub, TestOnly};
    let cases: &[Case] = &[
        (&["requests"], &[("a.py", "import requests, urllib3")], &[(Kind::Transitive, "urllib3", None)]),
        (&["requests"], &[("a.py", "import requests, yaml")], &[(Kind::Missing, "pyyaml", None)]),
        (&["requests"], &[("a.py", "import requests\ntry:\n    import yaml\nexcept ImportError:\n    pass")], &[]),
        (
            &["requests"],
            &[("a.py", "import requests\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import yaml")],
            &[],
        ),
        (&["requests", "dev:pyyaml"], &[("app/a.py", "import requests, yaml")], &[(Kind::Misplaced, "pyyaml", None)]),
        (&["requests", "dev:pyyaml"], &[("a.py", "import requests"), ("tests/test_a.py", "import yaml")], &[]),
        (
            &["requests", "responses"],
            &[("a.py", "import requests"), ("tests/test_a.py", "import responses")],
            &[(Kind::Unused, "responses", Some(TestOnly))],
        ),
        (&["requests", "urllib3"], &[("a.py", "import requests")], &[(Kind::Unused, "urllib3", Some(Constraint))]),
        (&["requests", "types-requests"], &[("a.py", "import requests")], &[]),
        (&["requests", "requests-types"], &[("a.py", "import requests")], &[]),
        (
            &["requests", "celery-types"],
            &[("a.py", "import requests")],
            &[(Kind::Unused, "celery-types", Some(UsageClass::Dead))],
        ),
        (&["requests", "types-pyyaml"], &[("a.py", "import requests")], &[(Kind::Unused, "types-pyyaml", Some(Stub))]),
        // a set-up with pip uses no declared pip, and a build backend's plugin is no use at run time
        (
            &["requests", "pip"],
            &[("a.py", "import requests"), ("Dockerfile", "RUN pip install -r requirements.txt")],
            &[(Kind::Unused, "pip", Some(UsageClass::Dead))],
        ),
        // an extra of a development tool makes no backend
        (
            &["matplotlib", "dev:ipython"],
            &[("a.py", "import requests"), ("tests/test_a.py", "import IPython")],
            &[(Kind::Unused, "matplotlib", Some(UsageClass::Dead)), (Kind::Missing, "requests", None)],
        ),
        (&["django-ab-cdefgh-ware"], &[("a.py", ""), ("s.py.tpl", "MIDDLEWARE = ['ab_cdefgh.X']")], &[]),
        // the same modules under another name, by its name alone
        (&["python-magic-bin"], &[("a.py", "import magic")], &[]),
        (&["pybars3"], &[("a.py", "import pybars")], &[]),
        (&["drf-some-thing"], &[("a.py", "import rest_some_thing")], &[]),
        (&["drf-some-thing"], &[("a.py", "X = 'rest_framework_some_thing.renderers.R'")], &[]),
        (&["djangorestframework-other-thing"], &[("a.py", "import rest_framework_other_thing")], &[]),
        (
            &["drf-some-thing"],
            &[("a.py", "import some_other")],
            &[(Kind::Unused, "drf-some-thing", Some(UsageClass::Dead)), (Kind::Missing, "some-other", None)],
        ),
        // a module that nobody provides and that has most of the name
        (&["stable-zz"], &[("a.py", "import stable_zwhisper")], &[]),
        (
            &["stable-zz"],
            &[("a.py", "import other_thing")],
            &[(Kind::Unused, "stable-zz", Some(UsageClass::Dead)), (Kind::Missing, "other-thing", None)],
        ),
        // a successor that is known is not its predecessor
        (
            &["boto"],
            &[("a.py", "import boto3")],
            &[(Kind::Unused, "boto", Some(UsageClass::Dead)), (Kind::Missing, "boto3", None)],
        ),
        (&["pyexcel", "pyexcel-zz"], &[("a.py", "import pyexcel")], &[]),
        // the first letters of its words
        (&["zz-agent-protocol"], &[("a.py", "from zap.schema import S")], &[]),
        // a package is installed, whatever some directory is called like
        (&["zzspot-api-client"], &[("app/a.py", "from zzspot import Z"), ("tests/zzspot/b.py", "")], &[]),
        (
            &["zzspot-api-client"],
            &[("app/a.py", "from zzspot import Z"), ("app/zzspot.py", "")],
            &[(Kind::Unused, "zzspot-api-client", Some(UsageClass::Dead))],
        ),
        // a client is called like its service
        (&["zzchatclient"], &[("a.py", "from zzchat import WebClient")], &[]),
        (
            &["zzchatclient"],
            &[("a.py", "import requests")],
            &[(Kind::Unused, "zzchatclient", Some(UsageClass::Dead)), (Kind::Missing, "requests", None)],
        ),
        // the same modules, built for other hardware
        (&["onnxruntime-migraphx"], &[("a.py", "import onnxruntime")], &[]),
        (
            &["onnxruntime-migraphx"],
            &[("a.py", "import os")],
            &[(Kind::Unused, "onnxruntime-migraphx", Some(UsageClass::Dead))],
        ),
        // a module of ours that a setting names by its path in a package of plugins
        (
            &["some-zzloss"],
            &[
                ("app/plugins/zzloss.py", ""),
                ("app/plugins/__init__.py", ""),
                ("a.py", "X = {'module': 'zzloss.Loss'}"),
            ],
            &[(Kind::Unused, "some-zzloss", Some(UsageClass::Dead))],
        ),
        (&["some-zzloss"], &[("a.py", "X = {'module': 'zzloss.Loss'}")], &[]),
        (&["asynczzpool"], &[("a.py", "X = 'sync.thing'")], &[(Kind::Unused, "asynczzpool", Some(UsageClass::Dead))]),
        // a setting decides of an import, and a platform does not
        (&["requests", "dev:pyyaml"], &[("app/a.py", "import requests\nif settings.DEBUG:\n    import yaml")], &[]),
        (
            &["requests", "dev:pyyaml"],
            &[("app/a.py", "import sys, requests\nif sys.platform == 'win32':\n    import yaml")],
            &[(Kind::Misplaced, "pyyaml", None)],
        ),
        (&["requests", "dev:pyyaml"], &[("a.py", "import requests"), ("scripts-dev/b.py", "import yaml")], &[]),
        // a build has its requirements elsewhere
        (&["requests"], &[("a.py", "import requests"), ("setup.py", "import setuptools, Cython")], &[]),
        // what only a development tool brings is not there at run time
        (
            &["urllib3", "dev:requests"],
            &[("a.py", "import os"), ("tests/test_a.py", "import requests")],
            &[(Kind::Unused, "urllib3", Some(UsageClass::Dead))],
        ),
        // a tool of development is nobody's backend
        (&["posthog", "flake8"], &[("a.py", "import posthog")], &[(Kind::Unused, "flake8", Some(UsageClass::Dead))]),
        // what was installed into the tree asks for what it likes
        (
            &["requests"],
            &[("a.py", "import requests"), ("lib/x.py", "import yaml"), ("lib/x-1.0.dist-info/METADATA", "Name: x")],
            &[],
        ),
        (
            &["requests"],
            &[("a.py", "import requests"), ("lib/x.py", "import yaml"), ("x-1.0.dist-info/METADATA", "Name: x")],
            &[(Kind::Missing, "pyyaml", None)],
        ),
        // so does a directory of copies, and what it imports is not misplaced either
        (&["requests"], &[("a.py", "import requests"), ("app/_vendor/x.py", "import yaml")], &[]),
        (&["requests", "dev:pyyaml"], &[("a.py", "import requests"), ("app/_vendor/x.py", "import yaml")], &[]),
        (
            &["requests", "dev:pyyaml"],
            &[("a.py", "import requests"), ("app/vendors/x.py", "import yaml")],
            &[(Kind::Misplaced, "pyyaml", None)],
        ),
        // a plugin of pytest that only the tests' set-up names, and a tool that has one
        (
            &["pytest-html"],
            &[("a.py", ""), ("pytest.ini", "[pytest]\naddopts = --html=x.html")],
            &[(Kind::Unused, "pytest-html", Some(TestOnly))],
        ),
        (&["flake8"], &[("a.py", ""), (".flake8", "[flake8]")], &[(Kind::Misplaced, "flake8", None)]),
        // who runs a tool of development makes no product of it, unless the code does
        (
            &["pytest"],
            &[("a.py", ""), ("Dockerfile", "ENTRYPOINT pytest")],
            &[(Kind::Unused, "pytest", Some(TestOnly))],
        ),
        (&["black"], &[("a.py", ""), ("Makefile", "x:\n\tblack .")], &[(Kind::Misplaced, "black", None)]),
        (&["black"], &[("a.py", "import subprocess\nsubprocess.run(['black', 'x.py'])")], &[]),
        // what a declared package uses where it is installed
        (&["django-phonenumber-field", "phonenumbers"], &[("a.py", "import phonenumber_field")], &[]),
        (
            &["requests", "phonenumbers"],
            &[("a.py", "import requests")],
            &[(Kind::Unused, "phonenumbers", Some(UsageClass::Dead))],
        ),
        (&["ctranslate2", "nvidia-zzlib-cu12"], &[("a.py", "import ctranslate2")], &[]),
        (
            &["requests", "nvidia-zzlib-cu12"],
            &[("a.py", "import requests")],
            &[(Kind::Unused, "nvidia-zzlib-cu12", Some(UsageClass::Dead))],
        ),
        // a module of the standard library that a platform lacks
        (&["windows-curses"], &[("a.py", "import curses")], &[]),
        (&["windows-curses"], &[("a.py", "import os")], &[(Kind::Unused, "windows-curses", Some(UsageClass::Dead))]),
        // a package without modules of its own is there for what it brings
        (&["python-levenshtein"], &[("a.py", "import Levenshtein")], &[(Kind::Transitive, "levenshtein", None)]),
        (
            &["python-levenshtein"],
            &[("a.py", "import os")],
            &[(Kind::Unused, "python-levenshtein", Some(UsageClass::Dead))],
        ),
        // what is left of a makefile's variable
        (
            &["ruff"],
            &[("a.py", "import os"), ("Makefile", "lint:\n\t$(UV) add ruff\n")],
            &[(Kind::Unused, "ruff", Some(UsageClass::Dead))],
        ),
        (
            &["ruff"],
            &[("a.py", "import os"), ("Makefile", "lint:\n\t$(UV) run ruff check .\n")],
            &[(Kind::Misplaced, "ruff", None)],
        ),
        // who made a file is a tool of development, if the head names a program
        (&["ruff-zz"], &[("a.py", "# generated by ruff-zz:\n#   x\n")], &[(Kind::Misplaced, "ruff-zz", None)]),
        (
            &["ruff-zz"],
            &[("a.py", "import os\n# generated by ruff-zz")],
            &[(Kind::Unused, "ruff-zz", Some(UsageClass::Dead))],
        ),
        (&["django"], &[("a.py", "# Generated by Django 4.2")], &[(Kind::Unused, "django", Some(UsageClass::Dead))]),
        // who builds the manual, where no configuration of it is here
        (
            &["sphinx"],
            &[("a.py", ""), (".readthedocs.yaml", "version: 2\nsphinx:\n  configuration: x/conf.py")],
            &[(Kind::Misplaced, "sphinx", None)],
        ),
        (
            &["sphinx"],
            &[("a.py", ""), (".readthedocs.yaml", "version: 2\nmkdocs:\n  configuration: x.yml")],
            &[(Kind::Unused, "sphinx", Some(UsageClass::Dead))],
        ),
        // a module of ours that a path set elsewhere finds, and not merely one whose name is somewhere
        (
            &["requests"],
            &[
                ("a.py", "import requests\nfrom yaml.loader import L"),
                ("lib/yaml/loader.py", ""),
                ("lib/__init__.py", ""),
            ],
            &[],
        ),
        (
            &["requests"],
            &[("a.py", "import requests\nfrom yaml.other import L"), ("lib/yaml.py", ""), ("lib/__init__.py", "")],
            &[(Kind::Missing, "pyyaml", None)],
        ),
        (
            &["requests"],
            &[("a.py", "import requests\nfrom zzown import L"), ("lib/zzown.py", ""), ("lib/__init__.py", "")],
            &[],
        ),
        (
            &["requests"],
            &[("a.py", "import requests\nfrom zzown import L"), ("lib/other.py", ""), ("lib/__init__.py", "")],
            &[(Kind::Missing, "zzown", None)],
        ),
        // what wraps a package is called like it
        (
            &["requests"],
            &[
                ("lib/zzown/a.py", "import requests\nfrom zzown import L"),
                ("lib/zzown/__init__.py", ""),
                ("lib/__init__.py", ""),
            ],
            &[(Kind::Missing, "zzown", None)],
        ),
        // an optional backend of a declared package
        (&["uvicorn", "httptools"], &[("a.py", "import uvicorn")], &[]),
    ];
    for (declared, files, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(kind, name, class)| (*kind, (*name).to_owned(), *class)).collect();
        assert_eq!(verdicts(declared, files), expected, "{declared:?} {files:?}");
    }
}

#[test]
fn a_script_with_its_own_declarations_is_judged_by_itself() {
    let script = |declared: &[&str]| {
        let mut inventory = inventory(&["requests"]);
        let mut manifest = Manifest::new("tools/x.py", Format::Script, Role::Declared);
        for name in declared {
            let mut package = Package::new(PackageName::new(name).unwrap(), Source::DEFAULT_INDEX);
            (package.direct, package.main, package.line) = (true, true, Some(2));
            manifest.packages.push(package);
        }
        inventory.manifests.push(manifest);
        inventory
    };
    let says = |declared: &[&str], files: &[(&str, &str)]| -> Vec<(Kind, String, String)> {
        let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, *text)));
        let usage = judge(&snapshot, &script(declared), &WellKnown);
        let detail = |finding: &Finding| match &finding.detail {
            Detail::Usage(detail) => (finding.kind, detail.package.to_string(), detail.manifest.clone()),
            other => panic!("{other:?}"),
        };
        usage.verdicts.iter().map(detail).collect()
    };
    let said = |kind, package: &str, manifest: &str| vec![(kind, package.to_owned(), manifest.to_owned())];
    let uses = ("main.py", "import requests");
    assert_eq!(says(&["pyyaml"], &[uses, ("tools/x.py", "import yaml")]), []);
    assert_eq!(says(&["pyyaml"], &[uses, ("tools/x.py", "print()")]), said(Kind::Unused, "pyyaml", "tools/x.py"));
    assert_eq!(
        says(&["pyyaml"], &[uses, ("tools/x.py", "import yaml, requests")]),
        said(Kind::Missing, "requests", "tools/x.py"),
    );
    // modules beside the script run with its declarations, if it imports them
    let beside = ("tools/shared.py", "import yaml");
    assert_eq!(says(&["pyyaml"], &[uses, ("tools/x.py", "import shared"), beside]), []);
    assert_eq!(
        says(&["pyyaml"], &[uses, ("tools/x.py", "import re"), beside]),
        [(Kind::Missing, "pyyaml", "requirements.txt"), (Kind::Unused, "pyyaml", "tools/x.py")]
            .map(|(kind, package, manifest)| (kind, package.to_owned(), manifest.to_owned()))
    );
    // what only the script imports is no use of the project's own declaration
    assert_eq!(
        says(&["requests"], &[("main.py", "print()"), ("tools/x.py", "import requests")]),
        said(Kind::Unused, "requests", "requirements.txt"),
    );
}

#[test]
fn what_the_code_of_an_absent_submodule_needs_is_not_told_unused() {
    let modules = (".gitmodules", "[submodule \"e\"]\n\tpath = vendor/some-engine\n\turl = https://example.org/e\n");
    let said = |code: &str, declared: &str| verdicts(&[declared], &[modules, ("a.py", code)]);
    assert_eq!(said("import some_engine.api", "pyyaml"), []);
    assert_eq!(said("import os", "pyyaml"), [(Kind::Unused, "pyyaml".to_owned(), Some(UsageClass::Dead))]);
    // it does not run our tools
    assert_eq!(
        said("from some_engine import api", "flake8"),
        [(Kind::Unused, "flake8".to_owned(), Some(UsageClass::Dead))]
    );
}

#[test]
fn a_list_of_requirements_is_for_the_code_that_runs_with_it() {
    // each list asks for requests and pyyaml
    let cases: &[ListCase] = &[
        // the only list there is
        (&["docker"], &[("docker/x.py", ""), ("app/a.py", "import requests, yaml")], &[]),
        (&["docker"], &[("docker/x.py", ""), ("app/a.py", "import requests")], &["pyyaml"]),
        // code that another list is for
        (&["one", "two"], &[("one/a.py", "import requests"), ("two/b.py", "import yaml")], &["pyyaml"]),
        (&["one", ""], &[("one/a.py", "import requests"), ("b.py", "import yaml")], &["pyyaml"]),
        // unless it is imported, directly or not
        (&["one", ""], &[("one/a.py", "import requests, lib"), ("lib/__init__.py", "import yaml")], &[]),
        (
            &["one", ""],
            &[("one/a.py", "import requests, lib.x"), ("lib/__init__.py", "import more"), ("more.py", "import yaml")],
            &[],
        ),
    ];
    for (directories, files, expected) in cases {
        let mut inventory = inventory(&[]);
        for directory in *directories {
            let path = format!("{directory}/requirements.txt");
            let mut list = Manifest::new(path.trim_start_matches('/'), Format::Requirements, Role::Declared);
            list.packages = super::inventory(&["requests", "pyyaml"]).manifests[1].packages.clone();
            inventory.manifests.push(list);
        }
        let snapshot = MemorySnapshot::new(files.iter().copied());
        let usage = judge(&snapshot, &inventory, &WellKnown);
        let unused = usage.verdicts.iter().filter_map(|finding| match &finding.detail {
            Detail::Usage(detail) if finding.kind == Kind::Unused => Some(detail),
            _ => None,
        });
        let first = unused.filter(|detail| detail.manifest.starts_with(directories[0]));
        let said: Vec<&str> = first.map(|detail| detail.package.as_str()).collect();
        assert_eq!(said, *expected, "{directories:?} {files:?}");
    }
}

#[test]
fn what_starts_a_part_of_the_repository_may_stand_outside_of_it() {
    let said = |lists: &[&str], file: (&str, &str)| {
        let mut inventory = inventory(&[]);
        for directory in lists {
            let mut list = Manifest::new(&format!("{directory}pyproject.toml"), Format::Pyproject, Role::Declared);
            list.packages = super::inventory(&["gunicorn"]).manifests[1].packages.clone();
            inventory.manifests.push(list);
        }
        let snapshot = MemorySnapshot::new([("a.py", ""), ("web/a.py", ""), ("other/a.py", ""), file]);
        let usage = judge(&snapshot, &inventory, &WellKnown);
        let unused = usage.verdicts.iter().filter_map(|finding| match &finding.detail {
            Detail::Usage(detail) if finding.kind == Kind::Unused => Some(detail.manifest.clone()),
            _ => None,
        });
        unused.collect::<Vec<_>>()
    };
    let unit = ("etc/web.service", "[Service]\nExecStart=/opt/bin/gunicorn a:app");
    assert_eq!(said(&["web/"], unit), [""; 0]);
    // it is the root's own
    assert_eq!(said(&["web/", ""], unit), ["web/pyproject.toml"]);
    // a part beside it has a list of its own
    assert_eq!(said(&["web/", "other/"], ("other/run.sh", "gunicorn a:app")), ["web/pyproject.toml"]);
    assert_eq!(said(&["web/"], ("Makefile", "a:\n\tpip install gunicorn")), ["web/pyproject.toml"]);
}

#[test]
fn an_extra_that_is_called_like_a_package_declares_it() {
    // `testing` brings it too, with others, and is not called like it
    for (extra, told) in [("gevent", false), ("tornado", true), ("testing", true)] {
        let mut inventory = inventory(&["gunicorn"]);
        inventory.manifests[1].packages[0].requested_extras = vec![extra.to_owned()];
        let snapshot = MemorySnapshot::new([("a.py", "import gunicorn, gevent")]);
        let usage = judge(&snapshot, &inventory, &WellKnown);
        assert_eq!(usage.verdicts.len(), usize::from(told), "{extra}: {:?}", usage.verdicts);
    }
}

#[test]
fn an_application_may_declare_what_it_runs_with_in_a_group() {
    for (group, told) in [("main", true), ("Production", true), ("dev", false), ("ansible", false)] {
        let mut inventory = inventory(&[]);
        let mut manifest = Manifest::new("pyproject.toml", Format::Pyproject, Role::Declared);
        let mut package = Package::new(PackageName::new("pyyaml").unwrap(), Source::DEFAULT_INDEX);
        (package.direct, package.groups) = (true, vec![group.to_owned()]);
        manifest.packages.push(package);
        inventory.manifests.push(manifest);
        let usage = judge(&MemorySnapshot::new([("a.py", "import os")]), &inventory, &WellKnown);
        assert_eq!(usage.verdicts.iter().any(|finding| finding.kind == Kind::Unused), told, "{group}");
    }
}

#[test]
fn a_plugin_of_the_project_itself_is_found_by_its_name() {
    for (name, told) in [("some-app-extra", false), ("some-apparatus", true), ("other-app", true)] {
        let mut inventory = inventory(&[name]);
        inventory.manifests[1].project =
            Some(crate::inventory::Project { name: PackageName::new("some-app").ok(), ..Default::default() });
        let usage = judge(&MemorySnapshot::new([("a.py", "import os")]), &inventory, &WellKnown);
        assert_eq!(usage.verdicts.iter().any(|finding| finding.kind == Kind::Unused), told, "{name}");
    }
}

#[test]
fn a_list_that_pins_what_its_source_asks_for_declares_nothing() {
    for (pinned, told) in [(true, false), (false, true)] {
        let mut inventory = inventory(&["requests", "pyyaml"]);
        let mut source = Manifest::new("requirements.in", Format::Requirements, Role::Declared);
        source.packages = inventory.manifests[1].packages[..1].to_vec();
        if pinned {
            let pin = |package: &mut Package| package.version = Some(advisories::Version::new("1.0"));
            inventory.manifests[1].packages.iter_mut().for_each(pin);
        }
        inventory.manifests.push(source);
        let usage = judge(&MemorySnapshot::new([("a.py", "import requests")]), &inventory, &WellKnown);
        assert_eq!(usage.verdicts.iter().any(|finding| finding.kind == Kind::Unused), told, "{pinned}");
    }
}

#[test]
fn a_manifest_that_was_copied_into_a_package_with_its_code_declares_nothing() {
    let said = |directory: &str| {
        let mut inventory = inventory(&["requests"]);
        let path = format!("{directory}/requirements.txt");
        let mut copy = Manifest::new(&path, Format::Requirements, Role::Declared);
        copy.packages = inventory.manifests[1].packages.clone();
        inventory.manifests.push(copy);
        let theirs = format!("{directory}/x.py");
        let files = [("app/__init__.py", ""), ("app/a.py", "import requests"), (theirs.as_str(), "")];
        let snapshot = MemorySnapshot::new(files.iter().copied());
        judge(&snapshot, &inventory, &WellKnown).verdicts.len()
    };
    assert_eq!(said("app/nets/copied"), 0);
    // a project of its own beside the package
    assert_eq!(said("other"), 1);
}

#[test]
fn what_an_absent_submodule_imports_is_not_known() {
    use crate::finding::Confidence;
    let modules =
        (".gitmodules", "[submodule \"engine\"]\n\tpath = vendor/engine\n\turl = https://example.org/engine\n");
    let code = ("a.py", "import requests");
    let here = ("vendor/engine/b.py", "print()");
    for (files, absent) in [(vec![modules, code], true), (vec![modules, code, here], false), (vec![code], false)] {
        let snapshot = MemorySnapshot::new(files.iter().copied());
        let usage = judge(&snapshot, &inventory(&["requests", "pyyaml"]), &WellKnown);
        let [unused] = usage.verdicts.as_slice() else { panic!("{:?}", usage.verdicts) };
        let Detail::Usage(detail) = &unused.detail else { panic!() };
        assert_eq!(unused.confidence, if absent { Confidence::Low } else { Confidence::High }, "{files:?}");
        assert_eq!(detail.evidence.iter().any(|said| said.contains("vendor/engine")), absent, "{files:?}");
        assert_eq!(usage.diagnostics.iter().any(|said| said.reason.contains("vendor/engine")), absent, "{files:?}");
        assert_eq!(usage.is_sure_of(&"requests".parse().unwrap()), !absent, "{files:?}");
    }
}
