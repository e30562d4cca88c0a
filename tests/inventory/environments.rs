//! What tools install into environments of their own: pixi, tox and pre-commit.

use crate::cases::{Case, check};
use crate::corners::rows;
use scanner::inventory;
use scanner::repository::MemorySnapshot;

#[test]
fn pixi_manifests() {
    let path = "pixi.toml";
    check(&[
        (
            "pixi docs, manifest reference: dependencies",
            path,
            "[dependencies]\npython = \">3.9,<=3.11\"\nrust = \"==1.72\"\nbar = \"1.2.3\"\npytorch-cpu = { version = \"~=1.1\", channel = \"pytorch\" }\n",
            "python, rust 1.72, bar 1.2.3, pytorch-cpu",
            0,
        ),
        (
            "pixi docs, manifest reference: pypi-dependencies",
            path,
            "[pypi-dependencies]\nfastapi = \"*\"\npandas = { version = \">=1.0.0\", extras = [\"dataframe\", \"sql\"] }\nflask = { git = \"ssh://git@github.com/pallets/flask\", branch = \"main\" }\nhttpx = \"==0.27\"\nclick = { url = \"https://h.example.org/click-8.1.7-py3-none-any.whl\" }\nminimal = { path = \"./minimal\", editable = true }\n",
            "fastapi, pandas, flask, httpx 0.27, click 8.1.7, minimal",
            0,
        ),
        (
            "pixi docs: target, feature, build and host tables",
            path,
            "[target.win-64.dependencies]\na = \"*\"\n[feature.test.dependencies]\nb = \"1\"\n[feature.test.target.osx.pypi-dependencies]\nc = \"==2\"\n[host-dependencies]\nd = \"*\"\n[build-dependencies]\ne = \"*\"\n[package.run-dependencies]\nf = \"*\"\n",
            "d, e, a, b 1, c 2, f",
            0,
        ),
        ("pixi_pypi_spec, toml.rs: a bare version", path, "[pypi-dependencies]\na = \"1.2\"\nb = \"==1\"\n", "b 1", 1),
        ("conda names that begin with `_`", path, "[dependencies]\n_openmp_mutex = \"*\"\n", "openmp-mutex", 0),
        ("no dependencies at all", path, "[workspace]\nchannels = []\n[tasks]\na = \"pip install x==1\"\n", "", 0),
        ("not a table", path, "[feature.x]\ndependencies = 3\n[dependencies]\na = \"*\"\n", "a", 1),
        ("not a version", path, "[dependencies]\na = 3\nb = [\"x\"]\nc = \"*\"\n", "c", 2),
        ("not a name", path, "[pypi-dependencies]\n\"a b\" = \"*\"\nc = \"*\"\n", "c", 1),
        (
            "pixi docs, pyproject.toml: the tables below [tool.pixi]",
            "pyproject.toml",
            "[project]\nname = \"x\"\ndependencies = [\"a\"]\n[tool.pixi.pypi-dependencies]\nx = { path = \".\", editable = true }\n[tool.pixi.dependencies]\nb = \"==2\"\n[tool.pixi.feature.t.pypi-dependencies]\nc = \"==3\"\n",
            "a, b 2, x, c 3",
            0,
        ),
    ]);
}

#[test]
fn a_pixi_lock_takes_its_roots_from_its_manifest() {
    let lock = "version: 6\npackages:\n\
                - conda: https://c.example.org/conda-forge/noarch/tqdm-4.65.0-pyhd8ed1ab_1.conda\n  depends:\n  - python >=3.8\n  - colorama\n\
                - conda: https://c.example.org/conda-forge/noarch/colorama-0.4.6-pyhd8ed1ab_1.conda\n\
                - pypi: https://f.example.org/packages/a/flask-2.0.0-py3-none-any.whl\n  name: flask\n  version: 2.0.0\n  requires_dist:\n  - jinja2>=3\n  - asgiref ; extra == 'async'\n\
                - pypi: https://f.example.org/packages/a/jinja2-3.0-py3-none-any.whl\n  name: jinja2\n  version: '3.0'\n\
                - pypi: https://f.example.org/packages/a/asgiref-3.1-py3-none-any.whl\n  name: asgiref\n  version: '3.1'\n";
    let manifest = |flask: &str| {
        format!(
            "[dependencies]\ntqdm = \"*\"\n[feature.web.pypi-dependencies]\nflask = {{ version = \"*\", extras = [{flask}] }}\n"
        )
    };
    let found = |flask: &str| rows("pixi.lock", &[("pixi.lock", lock), ("pixi.toml", &manifest(flask))]);
    assert_eq!(
        found(""),
        [
            "tqdm 4.65.0: direct main",
            "colorama 0.4.6: main via tqdm>colorama",
            "flask 2.0.0: direct +web",
            "jinja2 3.0: +web via flask>jinja2",
            "asgiref 3.1: "
        ]
    );
    assert_eq!(found("\"async\"")[4], "asgiref 3.1: +web via flask>asgiref");
    let inventory = inventory::read(&MemorySnapshot::new([("pixi.lock", lock), ("pixi.toml", &manifest(""))]));
    let declared = inventory.manifests.iter().find(|manifest| manifest.path == "pixi.toml").unwrap();
    assert_eq!(declared.locked_by.as_deref(), Some("pixi.lock"));
}

#[test]
fn tox_configurations() {
    let path = "tox.ini";
    let cases: &[Case] = &[
        (
            "tox docs, config: deps",
            path,
            "[tox]\nrequires = tox>=4\n  tox-uv==1.2\n[testenv]\ndeps =\n  pytest>=7,<8\n  # a comment\n  coverage==7.1 # another\n  ; and another\ncommands = pip install x==1\n",
            "tox, tox-uv 1.2, pytest, coverage 7.1",
            0,
        ),
        (
            "tox docs, conditional settings",
            path,
            "[testenv]\ndeps =\n  pytest\n  django42: Django==4.2\n  py{38,39}-!lint,mypy: mock==4.0\n  django42:\n",
            "pytest, django 4.2, mock 4.0",
            0,
        ),
        (
            "tox docs, a section takes in another",
            path,
            "[base]\ndeps = a==1\n[testenv]\ndeps = {[base]deps}\n  b==2\n[testenv:lint]\ndeps =\n  {[testenv]deps}\n  c==3\n[other]\ndeps = d==4\n",
            "a 1, b 2, c 3",
            0,
        ),
        (
            "a circle of sections",
            path,
            "[testenv:a]\ndeps = {[testenv:b]deps}\n  x==1\n[testenv:b]\ndeps = {[testenv:a]deps}\n",
            "x 1",
            0,
        ),
        ("a section that is missing", path, "[testenv]\ndeps = {[base]deps}\n  a==1\n", "a 1", 1),
        (
            "tox docs, substitutions",
            path,
            "[testenv]\ndeps = {env:DJANGO:django==4.2}\n  {env:X}\n  a=={posargs:3}\n",
            "django 4.2, a 3",
            1,
        ),
        ("tox, loader/ini: a line that goes on", path, "[testenv]\ndeps = a \\\n    ==1\n  b==2\n", "a 1, b 2", 0),
        (
            "pip's options",
            path,
            "[testenv]\ndeps =\n  -i https://h.example.org/simple\n  --pre\n  -e .[dev]\n  ./libs/a\n  a==1 --hash=sha256:00\n",
            "a 1",
            0,
        ),
        ("what is no requirement", path, "[testenv]\ndeps =\n  a==1\n  === what\n  b==2\n", "a 1, b 2", 1),
        ("no environment", path, "[flake8]\ndeps = a==1\n[pytest]\naddopts = -x\n", "", 0),
        (
            "tox docs, tox.toml",
            "tox.toml",
            "requires = [\"tox>=4.21\"]\n[env_run_base]\ndeps = [\"pytest==8\", { replace = \"env\", name = \"X\", default = \"z==9\" }]\n[env.lint]\ndeps = [{ replace = \"ref\", of = [\"env_run_base\", \"deps\"], extend = true }, \"ruff==0.1\"]\n[env.text]\ndeps = \"\"\"a==1\nb==2\"\"\"\n",
            "tox, pytest 8, z 9, ruff 0.1, a 1, b 2",
            0,
        ),
        (
            "tox.toml, not a requirement",
            "tox.toml",
            "[env.a]\ndeps = [3, \"a==1\", { replace = \"posargs\" }]\n",
            "a 1",
            2,
        ),
        (
            "tox.toml, a missing reference",
            "tox.toml",
            "[env.a]\ndeps = [{ replace = \"ref\", env = \"b\", key = \"deps\" }]\n",
            "",
            1,
        ),
        (
            "tox docs, pyproject.toml: legacy_tox_ini",
            "pyproject.toml",
            "[tool.tox]\nlegacy_tox_ini = \"\"\"\n[testenv]\ndeps = pytest==7\n\"\"\"\n",
            "pytest 7",
            0,
        ),
        (
            "tox docs, pyproject.toml: native",
            "pyproject.toml",
            "[project]\nname = \"x\"\ndependencies = [\"a==1\"]\n[tool.tox.env_run_base]\ndeps = [\"b==2\"]\n[tool.tox.env.c]\ndeps = [{ replace = \"ref\", of = [\"tool\", \"tox\", \"env_run_base\", \"deps\"] }, \"c==3\"]\n",
            "a 1, b 2, c 3",
            0,
        ),
        (
            "tox docs, config: setup.cfg",
            "setup.cfg",
            "[metadata]\nname = x\n[options]\ninstall_requires = a==1\n[tox:tox]\nrequires = tox-uv==1.2\n[testenv]\ndeps =\n  b==2\n[testenv:lint]\ndeps =\n  {[testenv]deps}\n  ruff==3\n",
            "a 1, tox-uv 1.2, b 2, ruff 3",
            0,
        ),
        (
            "tox docs, config: setup.cfg, which is tox's by [tox:tox] only",
            "setup.cfg",
            "[metadata]\nname = x\n[options]\ninstall_requires = a==1\n[testenv]\ndeps = b==2\n",
            "a 1",
            0,
        ),
    ];
    check(cases);
    // files are followed as pip does, groups are the environments, and lines are the file's own
    let files = [
        (
            "tox.ini",
            "[testenv]\ndeps =\n  -r{toxinidir}/dev.txt\n  -c{env:C:bounds.txt}\n  b\n[testenv:docs]\ndeps =\n  {[testenv]deps}\n  sphinx\n",
        ),
        ("dev.txt", "a\n"),
        ("bounds.txt", "a==1\nb==2\nsphinx==7\n"),
    ];
    assert_eq!(
        rows("tox.ini", &files),
        ["b 2: direct +tox +tox-docs", "a 1: direct +tox +tox-docs", "sphinx 7: direct +tox-docs"]
    );
    let inventory = inventory::read(&MemorySnapshot::new([(
        "pyproject.toml",
        "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\ndeps =\n  pytest==7\n  === what\n'''\n",
    )]));
    assert_eq!(inventory.manifests[0].packages[0].line, Some(5));
    let places: Vec<_> = inventory.diagnostics.iter().map(|said| (said.line, said.column)).collect();
    assert_eq!(places, [(Some(6), Some(3))]);
}

#[test]
fn hooks_of_pre_commit() {
    let path = ".pre-commit-config.yaml";
    check(&[
        (
            "pre-commit docs, config",
            path,
            "repos:\n- repo: https://github.com/pre-commit/mirrors-mypy\n  rev: v1.0\n  hooks:\n  - id: mypy\n    additional_dependencies: [types-requests==2.31, 'pydantic[email]>=2', -e ., \"x @ https://h.example.org/x-3-py3-none-any.whl\"]\n  - id: other\n",
            "types-requests 2.31, pydantic, x 3",
            0,
        ),
        (
            "pre-commit docs, languages: node, golang, ruby, rust",
            path,
            "repos:\n- repo: r\n  hooks:\n  - id: a\n    additional_dependencies: [eslint@4.15.0, 'eslint-config-google']\n  - id: prettier\n    additional_dependencies: [prettier]\n  - id: b\n    additional_dependencies: ['@scope/x']\n  - id: c\n    additional_dependencies: ['cli:typos']\n  - id: d\n    language: node\n    additional_dependencies: [x]\n  - id: e\n    language: python\n    additional_dependencies: [y==1]\n",
            "y 1",
            0,
        ),
        (
            "pre-commit docs, hooks that a repository offers",
            ".pre-commit-hooks.yaml",
            "- id: a\n  language: python\n  additional_dependencies:\n  - a==1\n- id: b\n  language: system\n",
            "a 1",
            0,
        ),
        (
            "language: conda",
            path,
            "repos:\n- repo: r\n  hooks:\n  - id: a\n    language: conda\n    additional_dependencies: [numpy==1.2]\n",
            "numpy 1.2",
            0,
        ),
        (
            "no list",
            path,
            "repos:\n- repo: r\n  hooks:\n  - id: a\n    additional_dependencies: x==1\n  - id: b\n    additional_dependencies: [y==2, [z], '=== what']\n",
            "y 2",
            3,
        ),
        ("no repositories", path, "repos: x\n", "", 1),
        ("another file of that name", path, "a: b\n", "", 1),
        ("nothing to install", path, "repos:\n- repo: r\n  hooks:\n  - id: a\n", "", 0),
        (
            "not YAML",
            path,
            "repos:\n- repo: r\n  hooks:\n  - id: a\n    additional_dependencies: [x==1, y==2\n",
            "x 1, y 2",
            1,
        ),
        ("an empty file", path, "", "", 0),
    ]);
}
