use advisories::PackageName;

use super::imports::read_python;
use super::*;
use crate::finding::{Detail, Kind, UsageClass};
use crate::inventory::{Format, Manifest, Package, Role, Source};
use crate::repository::MemorySnapshot;

/// A requirements.txt at the root with these packages, one a line; `dev:x` stands in requirements-dev.txt.
fn inventory(declared: &[&str]) -> Inventory {
    let mut main = Manifest::new("requirements.txt", Format::Requirements, Role::Declared);
    let mut dev = Manifest::new("requirements-dev.txt", Format::Requirements, Role::Declared);
    for (at, name) in declared.iter().enumerate() {
        let (manifest, name) = match name.strip_prefix("dev:") {
            Some(name) => (&mut dev, name),
            None => (&mut main, *name),
        };
        let mut package = Package::new(PackageName::new(name).unwrap(), Source::DEFAULT_INDEX);
        package.direct = true;
        package.line = u32::try_from(at + 1).ok();
        manifest.packages.push(package);
    }
    Inventory { manifests: vec![dev, main], ..Inventory::default() }
}

type Verdict<N> = (Kind, N, Option<UsageClass>);
type Case = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static [Verdict<&'static str>]);

fn verdicts(declared: &[&str], files: &[(&str, &str)]) -> Vec<Verdict<String>> {
    let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, *text)));
    let usage = judge(&snapshot, &inventory(declared), &WellKnown);
    let detail = |finding: &Finding| match &finding.detail {
        Detail::Usage(detail) => (finding.kind, detail.package.to_string(), detail.usage_class),
        other => panic!("{other:?}"),
    };
    usage.verdicts.iter().map(detail).collect()
}

fn is_unused(package: &str, files: &[(&str, &str)]) -> bool {
    // where there is no code at all nothing is judged
    let files = [files, &[("code.py", "print()")]].concat();
    verdicts(&[package], &files).iter().any(|(kind, name, _)| *kind == Kind::Unused && name == package)
}

#[test]
fn every_way_of_use_counts_and_its_negative_does_not() {
    // package, file, a text that uses it, a text that does not
    let cases: &[(&str, &str, &str, &str)] = &[
        ("pyyaml", "a.py", "import yaml", "import yamlish"),
        ("pyyaml", "a.py", "def f():\n    from yaml import load", "text = 'import yaml'"),
        ("pyyaml", "a.py", "from importlib import import_module\nimport_module('yaml')", "call('yaml')"),
        ("pyyaml", "a.py", "__import__('yaml')", "print('yaml')"),
        ("pyyaml", "a.py", "try:\n    import yaml\nexcept ImportError:\n    yaml = None", "# import yaml"),
        (
            "pyyaml",
            "a.ipynb",
            r#"{"cells":[{"cell_type":"code","source":["%matplotlib inline\n","import yaml\n"]}]}"#,
            r#"{"cells":[{"cell_type":"markdown","source":["import yaml"]}]}"#,
        ),
        ("google-cloud-storage", "a.py", "from google.cloud import storage", "from google.cloud import bigquery"),
        ("django-cors-headers", "settings.py", "INSTALLED_APPS = ['corsheaders']", "NAMES = ['corsheaders']"),
        (
            "django-cors-headers",
            "settings.py",
            "MIDDLEWARE = ['corsheaders.middleware.CorsMiddleware']",
            "X = ['corsheadersx.middleware.C']",
        ),
        ("gunicorn", "Dockerfile", "CMD [\"gunicorn\", \"app:app\"]", "RUN pip install gunicorn"),
        ("gunicorn", "Procfile", "web: gunicorn app.wsgi", "web: python gunicorn.py"),
        ("gunicorn", "run.sh", "exec gunicorn app", "echo gunicorn"),
        (
            "gunicorn",
            "docker-compose.yml",
            "services:\n  web:\n    command: gunicorn app",
            "services:\n  gunicorn:\n    image: x",
        ),
        ("gunicorn", "app.service", "[Service]\nExecStart=/usr/bin/gunicorn app", "[Service]\nDescription=gunicorn"),
        ("uvicorn", "start.sh", "gunicorn -k uvicorn.workers.UvicornWorker app:app", "gunicorn app:app"),
        ("celery", "Makefile", "run:\n\tpython -m celery worker", "run:\n\tpython -m other celery"),
        (
            "gunicorn",
            "a.py",
            "import subprocess\nsubprocess.run(['gunicorn', 'x'])",
            "import subprocess\nsubprocess.run(['ls', 'gunicorn'])",
        ),
        ("asyncpg", "a.py", "URL = 'postgresql+asyncpg://host/db'", "URL = 'postgresql://host/db'"),
        ("pymysql", ".env", "DATABASE_URL=mysql+pymysql://host/db", "DATABASE_URL=mysql://host/db"),
        (
            "mysqlclient",
            "settings.py",
            "E = {'ENGINE': 'django.db.backends.mysql'}",
            "E = {'ENGINE': 'django.db.backends.sqlite3'}",
        ),
        ("python-multipart", "a.py", "from fastapi import Form", "from fastapi import Depends"),
        ("email-validator", "a.py", "from pydantic import EmailStr", "from pydantic import BaseModel"),
        (
            "pillow",
            "models.py",
            "from django.db import models\nx = models.ImageField()",
            "from django.db import models\nx = models.TextField()",
        ),
        ("openpyxl", "a.py", "import pandas as pd\npd.read_excel('x')", "import pandas as pd\npd.read_csv('x')"),
        ("furo", "docs/conf.py", "html_theme = 'furo'", "project = 'furo'"),
    ];
    for (package, path, uses, does_not) in cases {
        assert!(!is_unused(package, &[(path, uses)]), "{package}: {uses}");
        assert!(is_unused(package, &[(path, does_not)]), "{package}: {does_not}");
    }
}

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
        (&["requests", "types-pyyaml"], &[("a.py", "import requests")], &[(Kind::Unused, "types-pyyaml", Some(Stub))]),
        // an optional backend of a declared package
        (&["uvicorn", "httptools"], &[("a.py", "import uvicorn")], &[]),
    ];
    for (declared, files, expected) in cases {
        let expected: Vec<_> = expected.iter().map(|(kind, name, class)| (*kind, (*name).to_owned(), *class)).collect();
        assert_eq!(verdicts(declared, files), expected, "{declared:?} {files:?}");
    }
}

#[test]
fn nesting_does_not_overflow_the_stack_and_broken_files_are_read() {
    let deep = 100_000;
    let texts = [
        "(".repeat(deep),
        "[".repeat(1_500) + &"]".repeat(1_500),
        format!("x = {}1", "-".repeat(deep)),
        format!("x = {}1", "not ".repeat(deep)),
        format!("x = 1{}", " + 1".repeat(deep)),
        format!("x = a{}", ".b".repeat(deep)),
        format!("x = a{}", "()".repeat(deep)),
        format!("x = {}1", "lambda: ".repeat(deep)),
        (0..1_000).map(|level| format!("{}if x:\n", " ".repeat(level))).collect(),
    ];
    for text in texts {
        let read = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn(move || read_python(&format!("import yaml\n{text}\n"), false, None))
            .unwrap()
            .join()
            .unwrap();
        assert_eq!(read.imports.first().map(|import| import.module.as_str()), Some("yaml"));
    }
    let python_2 = read_python(
        "import urllib2\nprint 'x'\ntry:\n    import json\nexcept ImportError, e:\n    import simplejson\n",
        false,
        None,
    );
    assert!(python_2.imports.iter().any(|import| import.module == "simplejson" && import.optional));
    assert!(python_2.problems[0].reason.starts_with("Python 2"), "{:?}", python_2.problems);
    let unfinished = read_python("import a\nx = '''never ends\nimport b\n", false, None);
    assert!(unfinished.imports.iter().any(|import| import.module == "b"), "{unfinished:?}");
}

#[test]
fn any_mutation_of_a_notebook_or_a_module_is_answered() {
    let seeds = [
        r#"{"cells":[{"cell_type":"code","source":["import a\n","!pip x\n","%time b()"]}],"nbformat":4}"#,
        "from a.b import (c, d as e)\nif x:\n  try:\n    import f\n  except (ImportError, E):\n    g = f\"{h!r:>{i}}\"\nmatch j:\n  case [k, *_]: pass\n",
    ];
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..1_000 {
        for seed in seeds {
            let mut bytes = seed.as_bytes().to_vec();
            for _ in 0..1 + next() % 4 {
                let at = usize::try_from(next()).unwrap() % bytes.len().max(1);
                if bytes.is_empty() {
                    break;
                }
                match next() % 3 {
                    0 => bytes[at] = b"\"'\\([{}])\n\t:#\0\xff"[usize::try_from(next() % 15).unwrap()],
                    1 => drop(bytes.remove(at)),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let _ = notebook::read_notebook(&bytes);
            let _ = read_python(&String::from_utf8_lossy(&bytes), false, None);
        }
    }
}
