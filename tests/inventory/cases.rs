//! Corner cases of each format, each with the text of a specification or the report in a tracker that it comes from.

use scanner::inventory;
use scanner::repository::MemorySnapshot;

/// (source, path, text, "name version" of each package, gaps)
pub type Case = (&'static str, &'static str, &'static str, &'static str, usize);

pub fn check(cases: &[Case]) {
    for (source, path, text, expected, gaps) in cases {
        let inventory = inventory::read(&MemorySnapshot::new([(*path, *text)]));
        let packages = inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
        let row = |package: &inventory::Package| match &package.version {
            Some(version) => format!("{} {version}", package.name),
            None => package.name.to_string(),
        };
        let found: Vec<String> = packages.map(row).collect();
        let said: Vec<_> = inventory.diagnostics.iter().filter(|said| said.gap).collect();
        assert_eq!((found.join(", ").as_str(), said.len()), (*expected, *gaps), "{source}: {text}\n{said:?}");
        assert!(said.iter().all(|said| said.line.is_some() && said.column.is_some()), "{source}: {said:?}");
    }
}

#[test]
fn requirements() {
    let path = "requirements.txt";
    check(&[
        (
            "pip docs, example",
            path,
            "pytest\nbeautifulsoup4\ndocopt == 0.6.1\nrequests [security] >= 2.8.1, == 2.8.* ; python_version < \"2.7\"\n",
            "pytest, beautifulsoup4, docopt 0.6.1, requests",
            0,
        ),
        (
            "pip docs, example",
            path,
            "urllib3 @ https://github.com/urllib3/urllib3/archive/refs/tags/1.26.8.zip\n./downloads/numpy-1.9.2-cp34-none-win32.whl\n",
            "urllib3, numpy 1.9.2",
            0,
        ),
        (
            "pip docs, example",
            path,
            "http://wxpython.example.org/Phoenix/wxPython_Phoenix-3.0.3.dev1820+49a8884-cp34-none-win_amd64.whl\n",
            "wxpython-phoenix 3.0.3.dev1820+49a8884",
            0,
        ),
        (
            "osv-scanner #369",
            path,
            "boto3==1.26.121 --hash=sha256:f87d694c351eba1dfd19b5bef5892a1047e7adb09c57c2c00049de209a8ab55d\n",
            "boto3 1.26.121",
            0,
        ),
        (
            "osv-scanner #379",
            path,
            "foo==1.2 --global-option=\"--no-user-cfg\" \\\n  --config-settings \"a=b\"\n",
            "foo 1.2",
            0,
        ),
        ("osv-scanner #1483", path, "docopt == 0.6.0, <1\n", "docopt 0.6.0", 0),
        (
            "FawltyDeps #225",
            path,
            "black==23.1.0 \\\n    --hash=sha256:0052dba51dec07ed029ed61b18183942043e00008ec65d5028814afaab9a22fd\n",
            "black 23.1.0",
            0,
        ),
        ("requirements-parser #52", path, "requests==2.25.0 \\\n# comment\n", "requests 2.25.0", 0),
        (
            "spectrometer PR 183",
            path,
            "three==3.0.0 \\\n  --hash=sha256:30639c035cdb23534cd4aa2dd52c3bf48f06e5f4a941509c8bafd8ce11080259 \\\n  # via python-dateutil\nfour==4.0.0 #help\n",
            "three 3.0.0, four 4.0.0",
            0,
        ),
        ("pip #5895: a variable for the name", path, "${PKG}==2.3\na==1\n", "a 1", 1),
        (
            "uv #1473: a variable for the version",
            path,
            "mod-wsgi==${MOD_WSGI_WINDOWS_VERSION} ; sys_platform=='win32'\n",
            "mod-wsgi",
            1,
        ),
        ("uv #1473: a variable for a file", path, "-r ${OTHERPKG}/requirements/dev.in\na==1\n", "a 1", 1),
        (
            "pip #5895: credentials from the environment",
            path,
            "git+https://${USER}:${PASS}@h.example.org/c/t.git@master#egg=test\n",
            "test",
            0,
        ),
        ("PEP 440, arbitrary equality", path, "foo===2.0-custom\nbar==1!2.0\n", "foo 2.0-custom, bar 1!2.0", 0),
        ("PEP 508, parentheses", path, "foo (==1.0) ; python_version>'3'\nbar[x,y](>=1)\n", "foo 1.0, bar", 0),
        ("PEP 503", path, "Foo.Bar_baz==1\n", "foo-bar-baz 1", 0),
        ("pip, req_file.py: comments", path, "a==1#no comment\nb==2 # a comment\n", "b 2", 1),
        (
            "cookiecutter templates",
            path,
            "{% if cookiecutter.x %}\na==1\n{% endif %}\nb=={{ cookiecutter.b }}\n",
            "a 1, b",
            1,
        ),
    ]);
    // encodings: pip's `auto_decode`, and pip PR 12795 for the comment
    let latin1 = b"# -*- coding: latin-1 -*-\n# caf\xe9\na==1\n".to_vec();
    let utf16 = [vec![0xFF, 0xFE], "a==1\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    for bytes in [latin1, utf16, b"\xEF\xBB\xBFa==1\r".to_vec()] {
        let inventory = inventory::read(&MemorySnapshot::new([(path, bytes)]));
        assert_eq!(inventory.manifests[0].packages[0].version.as_ref().map(|version| version.as_str()), Some("1"));
        assert!(inventory.diagnostics.is_empty(), "{:?}", inventory.diagnostics);
    }
}

#[test]
fn uv_locks() {
    let path = "uv.lock";
    check(&[
        (
            "uv #11460: a dynamic version is left out",
            path,
            "version = 1\n[[package]]\nname = \"uv-more-dynamic\"\nsource = { editable = \".\" }\n",
            "uv-more-dynamic",
            0,
        ),
        (
            "uv #11460: and sometimes is not",
            path,
            "version = 1\n[[package]]\nname = \"uv-more-dynamic\"\nversion = \"0.1.dev0+d20250212\"\nsource = { editable = \".\" }\n",
            "uv-more-dynamic 0.1.dev0+d20250212",
            0,
        ),
        (
            "pysentry #50: a member without version among others",
            path,
            "version = 1\nrevision = 3\n[[package]]\nname = \"mypackage\"\nsource = { editable = \"m\" }\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"https://pypi.org/simple\" }\n",
            "mypackage, a 1",
            0,
        ),
        (
            "uv PR 19855: a registry's package needs a version",
            path,
            "version = 1\n[[package]]\nname = \"anyio\"\nsource = { registry = \"https://pypi.org/simple\" }\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { url = \"https://h.example.org/a-1.tar.gz\" }\n",
            "anyio, a 1",
            1,
        ),
        (
            "uv PR 11400: dynamic packages of one name by source",
            path,
            "version = 1\n[[package]]\nname = \"d\"\nsource = { editable = \"one\" }\n[[package]]\nname = \"d\"\nsource = { directory = \"two\" }\n",
            "d, d",
            0,
        ),
        (
            "uv, conflicts",
            path,
            "version = 1\nrevision = 1\nconflicts = [[{ package = \"p\", extra = \"cpu\" }, { package = \"p\", extra = \"gpu\" }]]\n[[package]]\nname = \"torch\"\nversion = \"2.5.1\"\nsource = { registry = \"r\" }\n[[package]]\nname = \"torch\"\nversion = \"2.5.1+cpu\"\nsource = { registry = \"s\" }\n",
            "torch 2.5.1, torch 2.5.1+cpu",
            0,
        ),
        (
            "uv before 0.2.30: [[distribution]] and texts for sources",
            path,
            "version = 1\n[[distribution]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+https://pypi.org/simple\"\n",
            "a 1",
            0,
        ),
        (
            "a kind of source of a later uv",
            path,
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { teleport = \"x\" }\n",
            "a 1",
            1,
        ),
        (
            "an unmerged lock",
            path,
            "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\nsource = { registry = \"r\" }\n<<<<<<< HEAD\n[[package]]\nname = \"b\"\nversion = \"2\"\nsource = { registry = \"r\" }\n=======\n[[package]]\nname = \"b\"\nversion = \"3\"\nsource = { registry = \"r\" }\n>>>>>>> theirs\n",
            "a 1, b 2, b 3",
            3,
        ),
    ]);
}

#[test]
fn poetry_locks() {
    let path = "poetry.lock";
    check(&[
        (
            "dparse #67: no category since Poetry 1.5",
            path,
            "[[package]]\nname = \"a\"\nversion = \"1\"\noptional = false\npython-versions = \"*\"\nfiles = []\n[metadata]\nlock-version = \"2.0\"\n",
            "a 1",
            0,
        ),
        (
            "Poetry #1728: a marker of 1.0 that is none",
            path,
            "[[package]]\ncategory = \"main\"\nmarker = \"python_version < \\\"3.8\\\" and ()\"\nname = \"unicodedata2\"\noptional = false\npython-versions = \"*\"\nversion = \"12.1.0\"\n",
            "unicodedata2 12.1.0",
            0,
        ),
        (
            "osv-scanner PR 1477: one name by marker",
            path,
            "[[package]]\nname = \"proto-plus\"\nversion = \"1.22.0\"\ngroups = [\"main\"]\nmarkers = \"python_version < \\\"3.10\\\"\"\n[[package]]\nname = \"proto-plus\"\nversion = \"1.23.0\"\ngroups = [\"main\", \"dev\"]\n[package.dependencies]\nx = \"*\"\n[metadata]\nlock-version = \"2.1\"\n",
            "proto-plus 1.22.0, proto-plus 1.23.0",
            0,
        ),
        (
            "Poetry, locker.py: sources",
            path,
            "[[package]]\nname = \"a\"\nversion = \"1\"\n[package.source]\ntype = \"git\"\nurl = \"https://h.example.org/a\"\nreference = \"main\"\nresolved_reference = \"0\"\n[[package]]\nname = \"b\"\nversion = \"2\"\n[package.source]\ntype = \"directory\"\nurl = \"../b\"\n[[package]]\nname = \"c\"\nversion = \"3\"\n[package.source]\ntype = \"legacy\"\nurl = \"https://packages.example.org/simple\"\nreference = \"own\"\n",
            "a 1, b 2, c 3",
            0,
        ),
        (
            "Poetry, locker.py: a type of later",
            path,
            "[[package]]\nname = \"a\"\nversion = \"1\"\n[package.source]\ntype = \"teleport\"\nurl = \"x\"\n",
            "a 1",
            1,
        ),
    ]);
}

#[test]
fn other_locks() {
    check(&[
        (
            "syft PR 4352: PDM writes a package once more for its extras",
            "pdm.lock",
            "[[package]]\nname = \"coverage\"\nversion = \"7.4.1\"\n[[package]]\nname = \"coverage\"\nversion = \"7.4.1\"\nextras = [\"toml\"]\ndependencies = [\"coverage==7.4.1\", \"tomli; python_full_version <= \\\"3.11.0a6\\\"\"]\n[[package]]\nname = \"tomli\"\nversion = \"2.0.1\"\n",
            "coverage 7.4.1, tomli 2.0.1",
            0,
        ),
        (
            "osv-scanner PR 297: develop packages without versions",
            "Pipfile.lock",
            "{\"_meta\": {}, \"default\": {}, \"develop\": {\"markupsafe\": {\"editable\": true, \"git\": \"https://h.example.org/m\", \"ref\": \"main\"}}}",
            "markupsafe",
            0,
        ),
        (
            "pipenv #1782: the project itself",
            "Pipfile.lock",
            "{\"_meta\": {}, \"default\": {\"app\": {\"editable\": true, \"path\": \".\"}}, \"develop\": {\"pylint\": {\"index\": \"pypi\", \"version\": \"==1.8.3\"}}}",
            "app, pylint 1.8.3",
            0,
        ),
        (
            "vuls PR 2548: a named lock",
            "pylock.uv.toml",
            "lock-version = \"1.0\"\ncreated-by = \"uv\"\n[[packages]]\nname = \"a\"\nversion = \"1\"\n",
            "a 1",
            0,
        ),
        (
            "vuls PR 2548: no name has dots",
            "pylock.foo.bar.toml",
            "[[packages]]\nname = \"a\"\nversion = \"1\"\n",
            "",
            0,
        ),
        (
            "PEP 751: the version is left out where it can change",
            "pylock.toml",
            "lock-version = \"1.0\"\n[[packages]]\nname = \"here\"\n[packages.directory]\npath = \".\"\n[[packages]]\nname = \"there\"\n[packages.vcs]\ntype = \"git\"\nurl = \"https://h.example.org/t\"\ncommit-id = \"0\"\n[[packages]]\nname = \"file\"\n[packages.archive]\nurl = \"https://h.example.org/file-3.1.tar.gz\"\n[packages.archive.hashes]\nsha256 = \"0\"\n",
            "here, there, file 3.1",
            0,
        ),
        (
            "CEP 29: match specifications",
            "environment.yml",
            "channels: [c]\ndependencies:\n- a\n- b 1.2\n- c==1.3\n- d=1.4=py_0\n- e=1.5\n- x::f>=1.6\n- g[version='==1.7']\n- pip:\n  - h==1.8\n  - --extra-index-url https://packages.example.org/simple\n  - -e git+https://h.example.org/i#egg=i\n",
            "a, b, c 1.3, d 1.4, e, f, g 1.7, h 1.8, i",
            0,
        ),
        (
            "conda-lock, explicit locks of 0.x with pip's lines",
            "conda-linux-64.lock",
            "@EXPLICIT\nhttps://c.example.org/conda-forge/noarch/tqdm-4.65.0-pyhd8ed1ab_1.conda#00\n# pip idna==3.10 --hash=sha256:00\n",
            "tqdm 4.65.0, idna 3.10",
            0,
        ),
        (
            "rattler_lock, version 5: kinds, and names of the file's own",
            "pixi.lock",
            "version: 5\nenvironments: {}\npackages:\n- kind: conda\n  name: tqdm\n  version: 4.65.0\n  build: pyhd8ed1ab_1\n  url: https://c.example.org/conda-forge/noarch/tqdm-4.65.0-pyhd8ed1ab_1.conda\n- kind: pypi\n  name: flask\n  version: 3.0.3\n  url: https://f.example.org/flask-3.0.3-py3-none-any.whl\n- kind: pypi\n  name: own\n  version: 0.1.0\n  path: .\n  editable: true\n",
            "tqdm 4.65.0, flask 3.0.3, own 0.1.0",
            0,
        ),
    ]);
}

#[test]
fn manifests() {
    check(&[
        (
            "Pipfile's own example",
            "Pipfile",
            "[[source]]\nurl = 'https://pypi.python.org/simple'\nname = 'pypi'\n[packages]\nrequests = { extras = ['socks'] }\nrecords = '>0.5.0'\ndjango = { git = 'https://github.com/django/django.git', ref = '1.11.4', editable = true }\n\"e682b37\" = {file = \"https://github.com/divio/django-cms/archive/release/3.4.x.zip\"}\npywinusb = { version = \"*\", os_name = \"=='nt'\", index=\"pypi\"}\n[dev-packages]\nnose = '==1.3'\n",
            "requests, records, django, e682b37, pywinusb, nose 1.3",
            0,
        ),
        (
            "PEP 735: includes in a circle",
            "pyproject.toml",
            "[dependency-groups]\na = [\"x==1\", {include-group = \"b\"}]\nb = [{include-group = \"a\"}, \"y\"]\n",
            "x 1, y",
            0,
        ),
        (
            "PEP 735: a group that does not exist",
            "pyproject.toml",
            "[dependency-groups]\na = [\"x==1\", {include-group = \"c\"}]\n",
            "x 1",
            1,
        ),
        (
            "uv settings: bounds and what replaces",
            "pyproject.toml",
            "[project]\nname = \"p\"\ndependencies = [\"a\"]\n[tool.uv]\nconstraint-dependencies = [\"grpcio<1.65\"]\noverride-dependencies = [\"werkzeug==2.3.0\"]\nbuild-constraint-dependencies = [\"setuptools==60.0.0\"]\n",
            "a, grpcio, werkzeug 2.3.0, setuptools 60.0.0",
            0,
        ),
        (
            "PDM, resolution overrides",
            "pyproject.toml",
            "[project]\nname = \"p\"\n[tool.pdm.resolution.overrides]\nasgiref = \"3.2.10\"\nurllib3 = \">=1.26.2\"\npytz = \"https://h.example.org/pytz-2020.9-py2.py3-none-any.whl\"\n",
            "asgiref 3.2.10, urllib3, pytz",
            0,
        ),
        (
            "Flit's old table",
            "pyproject.toml",
            "[tool.flit.metadata]\nmodule = \"m\"\nrequires = [\"requests >=2.6\"]\n[tool.flit.metadata.requires-extra]\ntest = [\"pytest ==7\"]\n",
            "requests, pytest 7",
            0,
        ),
        (
            "Hatch: environments and what builds need",
            "pyproject.toml",
            "[tool.hatch.envs.test]\ndependencies = [\"a==1\"]\nextra-dependencies = [\"b\"]\n[tool.hatch.build.targets.wheel.hooks.mypyc]\ndependencies = [\"c\"]\n",
            "a 1, b, c",
            0,
        ),
        (
            "Poetry docs: multiple constraints, and python",
            "pyproject.toml",
            "[tool.poetry]\nname = \"p\"\n[tool.poetry.dependencies]\npython = \"^3.8\"\nfoo = [{version = \"<=1.9\", python = \">=3.6,<3.8\"}, {version = \"2.0\", python = \">=3.8\"}]\n",
            "foo, foo 2.0",
            0,
        ),
        (
            "configparser: no inline comments, values below their key",
            "setup.cfg",
            "[options]\ninstall_requires =\n  a==1\n  # c\n\n  b\n[options.extras_require]\nx: c==2\n",
            "a 1, b, c 2",
            0,
        ),
        (
            "PEP 723: blocks of other kinds",
            "x.py",
            "# /// other\n# dependencies = [\"no\"]\n# ///\n\n# /// script\n# dependencies = [\"a==1\"]\n# ///\n",
            "a 1",
            0,
        ),
        ("PEP 723: not closed", "x.py", "# /// script\n# dependencies = [\"a==1\"]\n", "a 1", 1),
    ]);
}

#[test]
fn files_that_other_manifests_name() {
    let read = |files: &[(&str, &str)]| {
        let inventory = inventory::read(&MemorySnapshot::new(files.iter().copied()));
        let manifests = inventory.manifests.iter().map(|manifest| {
            let row = |p: &inventory::Package| {
                let version = p.version.as_ref().map_or("-", |version| version.as_str());
                format!("{} {version} {} {}", p.name, p.extras.join(","), p.declared_in.as_deref().unwrap_or("."))
            };
            format!("{}: {}", manifest.path, manifest.packages.iter().map(row).collect::<Vec<_>>().join("; "))
        });
        (manifests.collect::<Vec<_>>(), inventory.diagnostics.iter().filter(|said| said.gap).count())
    };
    // setuptools, "Configuring setuptools using pyproject.toml files", dynamic metadata
    let dynamic = "[project]\nname = \"p\"\ndynamic = [\"dependencies\"]\n[tool.setuptools.dynamic]\ndependencies = {file = [\"deps.txt\"]}\n\
                   optional-dependencies.dev = {file = [\"dev/deps.txt\"]}\n";
    assert_eq!(
        read(&[
            ("pyproject.toml", dynamic),
            ("deps.txt", "a==1\n-r more.txt\n"),
            ("more.txt", "m\n"),
            ("dev/deps.txt", "b==2\n")
        ]),
        (vec!["pyproject.toml: a 1  deps.txt; m -  more.txt; b 2 dev dev/deps.txt".to_owned()], 0)
    );
    // one that is not there is said
    assert_eq!(
        read(&[("pyproject.toml", dynamic), ("deps.txt", "a==1\n")]),
        (vec!["pyproject.toml: a 1  deps.txt".to_owned()], 1)
    );
    let cfg = "[options]\ninstall_requires = file: requirements.txt\n";
    assert_eq!(
        read(&[("setup.cfg", cfg), ("requirements.txt", "a==1\n")]),
        (vec!["requirements.txt: a 1  .".to_owned(), "setup.cfg: a 1  requirements.txt".to_owned()], 0)
    );
    let py = "from setuptools import setup\nsetup(install_requires=open('deps.txt').read().split())\n";
    assert_eq!(read(&[("setup.py", py), ("deps.txt", "a==1\n")]), (vec!["setup.py: a 1  deps.txt".to_owned()], 0));
    // a Dockerfile's `-r` names a manifest that its name does not tell
    assert_eq!(
        read(&[("docker/Dockerfile", "FROM x\nRUN pip install -r deps.txt\n"), ("deps.txt", "a==1\n")]),
        (vec!["deps.txt: a 1  .".to_owned()], 0)
    );
    let environment = "dependencies:\n- pip:\n  - -r deps.txt\n";
    assert_eq!(
        read(&[("environment.yml", environment), ("deps.txt", "a==1\n")]),
        (vec!["environment.yml: a 1  deps.txt".to_owned()], 0)
    );
}
