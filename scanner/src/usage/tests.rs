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
        // templates
        ("django-cors-headers", "templates/a.html", "{% load i18n corsheaders %}", "{% load humanize %} corsheaders"),
        ("django-cors-headers", "a.html", "{%- include 'corsheaders/x.html' %}", "{% include 'x/corsheaders.html' %}"),
        // settings of Django and what they need
        (
            "markdown",
            "v.py",
            "from rest_framework import renderers\nr = renderers.BrowsableAPIRenderer",
            "x = BrowsableAPIRenderer",
        ),
        (
            "psycopg",
            "m.py",
            "from django.contrib.postgres.fields import ArrayField",
            "from django.contrib.auth import models",
        ),
        (
            "psycopg",
            "settings.py",
            "INSTALLED_APPS = ['django.contrib.postgres']",
            "INSTALLED_APPS = ['django.contrib.auth']",
        ),
        (
            "boto3",
            "s.py",
            "B = {'BACKEND': 'storages.backends.s3boto3.S3Boto3Storage'}",
            "B = {'BACKEND': 'storages.backends.ftp.FTPStorage'}",
        ),
        ("boto3", "s.py", "from storages.backends.s3 import S3Storage", "from storages.backends.ftp import FTPStorage"),
        (
            "aiohttp",
            "s.py",
            "from sentry_sdk.integrations.aiohttp import AioHttpIntegration",
            "from sentry_sdk.integrations.wsgi import W",
        ),
        ("sqlalchemy", ".env", "BROKER=sqla+sqlite:///x.sqlite", "BROKER=amqp+ssl://x"),
        ("gunicorn", "wsgi.py", "application = None", ""),
        ("gunicorn", "gunicorn.conf.py", "workers = 2", ""),
        // entry points and tasks
        (
            "celery",
            "setup.py",
            "setup(entry_points={'console_scripts': ['w = celery.__main__:main']})",
            "setup(name='celery')",
        ),
        (
            "celery",
            "pyproject.toml",
            "[project.scripts]\nw = \"celery.__main__:main\"",
            "[project]\nname = \"celery.x\"",
        ),
        (
            "pyyaml",
            "pyproject.toml",
            "[tool.app]\nloader = [\n  \"yaml.SafeLoader\",\n]",
            "[[tool.mypy.overrides]]\nmodule = [\n  \"yaml.SafeLoader\",\n]",
        ),
        (
            "pydantic",
            "pyproject.toml",
            "[tool.mypy]\nplugins = [\"pydantic.mypy\"]",
            "[tool.mypy]\nexclude = [\"pydantic.mypy\"]",
        ),
        // python -c, and -m without a space
        ("celery", "run.sh", "python -c 'import celery; print(celery)'", "python -c 'print(1)' celery"),
        ("celery", "run.sh", "python3 -mcelery worker", "python3 -mother celery"),
        // a parser that is chosen, and a word in a list of data
        ("lxml", "a.py", "from bs4 import BeautifulSoup\nBeautifulSoup(x, 'lxml')", "POPULAR = ['lxml', 'requests']"),
        (
            "bcrypt",
            "a.py",
            "from passlib.context import CryptContext\nCryptContext(schemes=['bcrypt'])",
            "WORDS = ('bcrypt',)",
        ),
        // what PyInstaller packs
        ("pyyaml", "app.spec", "a = Analysis(hiddenimports=['yaml'])", "%prep\nhiddenimports=['yaml']"),
        ("pyyaml", "app.spec", "a = Analysis()\nd = copy_metadata('PyYAML')", "a = Analysis()\nd = copy('PyYAML')"),
        ("pyyaml", "app.spec", "a = Analysis()\nd = collect_all('yaml')", "a = Analysis()\nd = collect('yaml')"),
        ("pyyaml", "hook-a.py", "hiddenimports = ['yaml']", "names = ['yaml']"),
        // a command line with places to fill in
        ("gunicorn", "a.py", "import os\nos.system(f'gunicorn {x}')", "import os\nos.system(f'{x} gunicorn')"),
        (
            "gunicorn",
            "a.py",
            "import os\nos.system('gunicorn ' f'{x}')",
            "import os\nos.system('echo ' f'gunicorn {x}')",
        ),
        // templates of Python code
        ("pyyaml", "a.py.j2", "{% if x %}\nimport yaml\n{% endif %}", "{# import yaml #}"),
        (
            "django-cors-headers",
            "settings.py.tpl",
            "INSTALLED_APPS = [\n{% if x %}\n  'corsheaders',\n{% endif %}\n]",
            "X = '{{ corsheaders }}'",
        ),
        // a module that wraps what it is called after
        ("redis", "redis.py", "import redis", "import re"),
        // what a library uses where it is installed, and what a class of it needs
        ("ipython", "settings.py", "SHELL_PLUS = 'ipython'", "SHELLS = ['ipython', 'plain']"),
        ("tensorboard", "a.py", "from torch.utils.tensorboard import SummaryWriter", "from torch.utils.data import D"),
        ("wandb", "a.py", "from transformers import TrainingArguments", "from transformers import AutoModel"),
        ("bitsandbytes", "a.py", "import transformers", "import requests"),
        ("accelerate", "a.py", "M.from_pretrained(x, device_map='auto')", "M.from_pretrained(x)"),
        (
            "cryptography",
            "a.py",
            "import jwt\njwt.algorithms.RSAAlgorithm.from_jwk(x)",
            "import jwt\njwt.encode(x, 'key')",
        ),
        (
            "sentence-transformers",
            "a.py",
            "from chromadb.utils import embedding_functions as e\ne.SentenceTransformerEmbeddingFunction()",
            "from chromadb.utils import embedding_functions as e\ne.OpenAIEmbeddingFunction()",
        ),
        // what Dockerfiles and set-ups do with pip is no use of a declared pip
        ("pip", "a.py", "import subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'list'])", "print()"),
    ];
    for (package, path, uses, does_not) in cases {
        assert!(!is_unused(package, &[(path, uses)]), "{package}: {uses}");
        let negative: &[(&str, &str)] = if does_not.is_empty() { &[] } else { &[(path, does_not)] };
        assert!(is_unused(package, negative), "{package}: {does_not}");
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

#[test]
fn vulnerable_packages_are_imported_referred_to_or_not_known() {
    use crate::finding::{Confidence, FindingId, Location, UseTier, VulnerabilityDetail};
    let vulnerability = |package: &str, symbols: &[&str]| Finding {
        id: FindingId::of(Kind::Vulnerability, &[package]),
        kind: Kind::Vulnerability,
        severity: advisories::Severity::High,
        confidence: Confidence::High,
        title: String::new(),
        rule: String::new(),
        location: Location::default(),
        detail: Detail::Vulnerability(Box::new(VulnerabilityDetail {
            package: package.parse().unwrap(),
            version: None,
            advisory: String::new(),
            aliases: Vec::new(),
            fixed_versions: Vec::new(),
            fix: None,
            cvss: None,
            epss: None,
            kev: None,
            used: UseTier::Unknown,
            symbols_at: Vec::new(),
            imported_at: None,
            direct: true,
            main: true,
            via: Vec::new(),
            evidence: Vec::new(),
            affected_symbols: symbols.iter().map(|symbol| (*symbol).to_owned()).collect(),
            references: Vec::new(),
            would_resolve: false,
        })),
        ignored: None,
    };
    let cases: &[(&str, &[&str], &str, UseTier)] = &[
        ("pyyaml", &[], "import yaml", UseTier::Imported),
        ("pyyaml", &[], "import requests", UseTier::NotImported),
        ("pyyaml", &["yaml.load"], "import yaml\nyaml.load(x)", UseTier::Referenced),
        ("pyyaml", &["yaml.load"], "import yaml\nyaml.dump(x)", UseTier::Imported),
        ("pyyaml", &["yaml.load"], "from yaml import load as l\nl(x)", UseTier::Referenced),
        ("jinja2", &["jinja2.environment.Environment"], "import jinja2\njinja2.Environment()", UseTier::Referenced),
        ("jinja2", &["jinja2.environment.Environment"], "from other import Environment", UseTier::NotImported),
        // a guess of the import name, and a file that was read in part, make nothing sure
        ("nobody-knows-it", &[], "import requests", UseTier::Unknown),
        ("pyyaml", &[], "import requests\ndef broken(:\n", UseTier::Unknown),
    ];
    for (package, symbols, code, expected) in cases {
        let snapshot = MemorySnapshot::new([("a.py", *code)]);
        let usage = judge(&snapshot, &inventory(&["requests", package]), &WellKnown);
        let mut findings = vec![vulnerability(package, symbols)];
        vulnerable::place(&mut findings, &usage);
        let Detail::Vulnerability(detail) = &findings[0].detail else { panic!() };
        assert_eq!(detail.used, *expected, "{package} {symbols:?} {code}");
        assert_eq!(detail.symbols_at.is_empty(), *expected != UseTier::Referenced);
    }
}
