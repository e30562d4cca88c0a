//! Which verdict is told of what.

use super::*;

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
        (&["ruff"], &[("a.py", "import os"), ("Makefile", "lint:\n\t$(UV) run ruff check .\n")], &[]),
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
