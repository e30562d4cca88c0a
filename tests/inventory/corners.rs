//! Corner cases of whole repositories, one file set each: what is found, and why it is there.

use scanner::inventory::{self, Package};
use scanner::repository::MemorySnapshot;

fn row(package: &Package) -> String {
    let version = package.version.as_ref().map_or("-", |version| version.as_str());
    let via: Vec<String> =
        package.via.iter().map(|path| path.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(">")).collect();
    let flags = [
        (package.direct, "direct"),
        (package.main, "main"),
        (package.hashed, "hashed"),
        (package.source.is_own_tree(), "own"),
    ];
    let mut words: Vec<String> = flags.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect();
    words.extend(package.groups.iter().map(|group| format!("+{group}")));
    words.extend(package.extras.iter().map(|extra| format!("[{extra}]")));
    words.extend(via.iter().map(|path| format!("via {path}")));
    format!("{} {version}: {}", package.name, words.join(" "))
}

/// The rows of one manifest of a repository, which is understood whole.
pub fn rows(path: &str, files: &[(&str, &str)]) -> Vec<String> {
    let inventory = inventory::read(&MemorySnapshot::new(files.iter().copied()));
    let gaps: Vec<_> = inventory.diagnostics.iter().filter(|found| found.gap).collect();
    assert!(gaps.is_empty(), "{path}: {gaps:?}");
    let manifest = inventory.manifests.iter().find(|manifest| manifest.path == path).unwrap();
    manifest.packages.iter().map(row).collect()
}

#[test]
fn uv_forks_members_groups_extras_and_sources() {
    // uv: several versions by marker, a workspace, extras on edges, dev-dependencies; sources as uv's lock tests write them
    let lock = r#"
version = 1
revision = 3
[manifest]
members = ["app", "lib"]
[[package]]
name = "app"
version = "0.1"
source = { virtual = "." }
dependencies = [
  { name = "lib" },
  { name = "numpy", version = "1.26", source = { registry = "r" }, marker = "python_full_version < '3.12'" },
  { name = "numpy", version = "2.1", source = { registry = "r" }, marker = "python_full_version >= '3.12'" },
  { name = "web", extra = ["fast"] },
]
[package.optional-dependencies]
gpu = [{ name = "cu" }]
[package.dev-dependencies]
test = [{ name = "pytest" }]
[[package]]
name = "lib"
source = { editable = "lib" }
[[package]]
name = "numpy"
version = "1.26"
source = { registry = "r" }
resolution-markers = ["python_full_version < '3.12'"]
sdist = { url = "u", hash = "sha256:0" }
[[package]]
name = "numpy"
version = "2.1"
source = { registry = "r" }
[[package]]
name = "web"
version = "1"
source = { git = "https://h.example.org/web?rev=v1#0123456789012345678901234567890123456789" }
[package.optional-dependencies]
fast = [{ name = "speed" }]
slow = [{ name = "snail" }]
[[package]]
name = "speed"
version = "3"
source = { url = "https://h.example.org/speed-3-py3-none-any.whl" }
[[package]]
name = "snail"
version = "4"
source = { path = "snail-4-py3-none-any.whl" }
[[package]]
name = "cu"
version = "5"
source = { registry = "r" }
[[package]]
name = "pytest"
version = "6"
source = { registry = "r" }
"#;
    let expected = [
        "app 0.1: own",
        "lib -: direct main own",
        "numpy 1.26: direct main hashed",
        "numpy 2.1: direct main",
        "web 1: direct main",
        "speed 3: main via web>speed",
        "snail 4: ",
        "cu 5: direct [gpu]",
        "pytest 6: direct +test",
    ];
    assert_eq!(rows("uv.lock", &[("uv.lock", lock)]), expected);
}

#[test]
fn poetry_takes_its_roots_from_pyproject() {
    let lock = "[[package]]\nname = \"Flask\"\nversion = \"2.0\"\ncategory = \"main\"\n[package.dependencies]\nJinja2 = \">=3\"\n\
                [[package]]\nname = \"jinja2\"\nversion = \"3.0\"\ncategory = \"main\"\n[[package]]\nname = \"pytest\"\nversion = \"7\"\ncategory = \"dev\"\n\
                [metadata]\nlock-version = \"1.1\"\n[metadata.files]\nFlask = [{file = \"f\", hash = \"sha256:0\"}]\n";
    let project = "[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = \"^2\"\n[tool.poetry.dev-dependencies]\npytest = \"7\"\n";
    let files = [("poetry.lock", lock), ("pyproject.toml", project)];
    assert_eq!(
        rows("poetry.lock", &files),
        ["flask 2.0: direct main hashed", "jinja2 3.0: main via flask>jinja2", "pytest 7: direct +dev"]
    );
    // a bare version is exact in Poetry, and the lock answers for it
    assert_eq!(rows("pyproject.toml", &files), ["flask -: direct main", "pytest 7: direct +dev"]);
    let inventory = inventory::read(&MemorySnapshot::new(files));
    let matched: Vec<_> =
        inventory.matchable().iter().map(|(manifest, package)| format!("{} {}", manifest.path, package.name)).collect();
    assert_eq!(matched, ["poetry.lock flask", "poetry.lock jinja2", "poetry.lock pytest"]);
}

#[test]
fn requirements_includes_constraints_and_via() {
    let files = [
        ("requirements/base.txt", "django  # bare, pinned by the constraints\nrequests>=2\nflask>=3\n"),
        ("requirements/prod.txt", "-r base.txt\n-c ../constraints.txt\ngunicorn==20.1 --hash=sha256:00\nidna == 3.*\n"),
        ("constraints.txt", "django==4.2\nflask==2.0\nrequests==2.31\nunused==1\n"),
    ];
    // pip: constraints hold for the whole run; a pin outside the range would be a conflict and is not taken
    assert_eq!(
        rows("requirements/prod.txt", &files),
        [
            "gunicorn 20.1: direct main hashed",
            "idna -: direct main",
            "django 4.2: direct main",
            "requests 2.31: direct main",
            "flask -: direct main"
        ]
    );
    assert_eq!(
        rows("requirements/base.txt", &files),
        ["django -: direct main", "requests -: direct main", "flask -: direct main"]
    );
    let compiled = "# This file was autogenerated by uv via the following command:\na==1\n    # via -r base.in\nb==2\n    # via a\nc==3\n    # via\n    #   a\n    #   b\n";
    assert_eq!(
        rows("requirements.txt", &[("requirements.txt", compiled)]),
        ["a 1: direct main", "b 2: main via a>b", "c 3: main via a>c"]
    );
}

#[test]
fn pyproject_dialects() {
    let text = r#"
[project]
name = "My.App"
dependencies = ["a>=1", "b @ git+https://h.example.org/b@v1"]
[project.optional-dependencies]
fast = ["c==2"]
[dependency-groups]
test = ["d", { include-group = "base" }]
base = ["e"]
[tool.uv]
dev-dependencies = ["f"]
[tool.uv.sources]
a = { path = "libs/a", editable = true }
[tool.hatch.envs.lint]
dependencies = ["g"]
[tool.pdm.dev-dependencies]
doc = ["-e file:///x#egg=h"]
[build-system]
requires = ["hatchling"]
"#;
    let expected = [
        "a -: direct main own",
        "b -: direct main",
        "c 2: direct [fast]",
        "d -: direct +test",
        "e -: direct +base +test",
        "f -: direct +dev",
        "h -: direct own +doc",
        "g -: direct +lint",
        "hatchling -: direct +build-system",
    ];
    assert_eq!(rows("pyproject.toml", &[("pyproject.toml", text)]), expected);
}

#[test]
fn poetry_two_beside_project_declares_nothing_twice() {
    // Poetry 2: `[tool.poetry.dependencies]` enriches `[project]`; a group of its own still counts
    let text = "[project]\nname = \"x\"\ndependencies = [\"a>=1\"]\n[tool.poetry.dependencies]\na = { git = \"https://h.example.org/a.git\" }\n\
                z = { version = \"*\", optional = true }\n[tool.poetry.extras]\nfast = [\"z\"]\n[tool.poetry.group.dev.dependencies]\na = \"^1\"\n";
    let expected = ["a -: direct main", "z -: direct [fast]", "a -: direct +dev"];
    assert_eq!(rows("pyproject.toml", &[("pyproject.toml", text)]), expected);
}

#[test]
fn extras_asked_for_bring_what_they_add() {
    // Poetry and osv-scanner's readers of it: `uvicorn[standard]` brings httptools, `uvicorn` alone does not
    let lock = "[[package]]\nname = \"uvicorn\"\nversion = \"1\"\n[package.dependencies]\nhttptools = {version = \"*\", optional = true}\n\
                [package.extras]\nstandard = [\"httptools\"]\n[[package]]\nname = \"httptools\"\nversion = \"2\"\n";
    let project = |value: &str| format!("[tool.poetry]\nname = \"x\"\n[tool.poetry.dependencies]\nuvicorn = {value}\n");
    let found = |value: &str| rows("poetry.lock", &[("poetry.lock", lock), ("pyproject.toml", &project(value))]);
    let with = found("{ version = \"*\", extras = [\"standard\"] }");
    assert_eq!(with, ["uvicorn 1: direct main", "httptools 2: main via uvicorn>httptools"]);
    assert_eq!(found("\"*\""), ["uvicorn 1: direct main", "httptools 2: "]);
}

#[test]
fn a_constraints_file_brings_requirements_by_r_alone() {
    // pip, req_file.py: `_parse_and_recurse` takes the kind from the option that names the file, and from nothing above it
    let files = [
        ("requirements.txt", "-c constraints.txt\na\n"),
        ("constraints.txt", "-r more.txt\n-c deeper.txt\na==1\nx==9\n"),
        ("more.txt", "b\n-c deeper.txt\n"),
        ("deeper.txt", "b==2\nc==3\n"),
    ];
    assert_eq!(rows("requirements.txt", &files), ["a 1: direct main", "b 2: direct main"]);
}

#[test]
fn every_source_of_uv_is_kept() {
    // uv docs, concepts/projects/dependencies: multiple sources, by marker, extra and group; and what no marker covers comes from the index
    let text = r#"
[project]
name = "x"
dependencies = ["a>=1", "b ; python_version > '3.9'", "d"]
[project.optional-dependencies]
cpu = ["c"]
cu = ["c"]
[dependency-groups]
dev = ["d"]
[tool.uv.sources]
a = [
  { git = "https://h.example.org/a", tag = "1", marker = "sys_platform == 'darwin'" },
  { git = "https://h.example.org/a", tag = "2", marker = "sys_platform == 'linux'" },
]
b = [
  { index = "one", marker = "sys_platform == 'linux'" },
  { index = "two", marker = "sys_platform != 'linux'" },
]
c = [{ index = "one", extra = "cpu" }, { index = "elsewhere", extra = "cu" }]
d = { path = "wheels/d-3-py3-none-any.whl", group = "dev" }
[[tool.uv.index]]
name = "one"
url = "https://one.example.org/simple"
[[tool.uv.index]]
name = "two"
url = "https://two.example.org/simple"
"#;
    let inventory = inventory::read(&MemorySnapshot::new([("pyproject.toml", text)]));
    assert_eq!(inventory.diagnostics, []);
    let row = |package: &Package| {
        let place = match &package.source {
            inventory::Source::Index { url } => url.clone().unwrap_or("index".to_owned()),
            inventory::Source::Git { reference, .. } => format!("git {}", reference.as_deref().unwrap_or_default()),
            inventory::Source::Path { path, .. } => path.clone(),
            other => format!("{other:?}"),
        };
        let version = package.version.as_ref().map_or("-", |version| version.as_str());
        format!("{} {version} from {place} if {}", package.name, package.marker.as_deref().unwrap_or("always"))
    };
    let found: Vec<String> = inventory.manifests[0].packages.iter().map(row).collect();
    assert_eq!(
        found,
        [
            "a - from git 1 if sys_platform == 'darwin'",
            "a - from git 2 if sys_platform == 'linux'",
            "a - from index if sys_platform != 'darwin' and sys_platform != 'linux'",
            "b - from https://one.example.org/simple if python_version > '3.9' and sys_platform == 'linux'",
            "b - from https://two.example.org/simple if python_version > '3.9' and sys_platform != 'linux'",
            "d - from index if always",
            "c - from https://one.example.org/simple if always",
            "c - from elsewhere if always",
            "d 3 from wheels/d-3-py3-none-any.whl if always",
        ]
    );
    // each that is none is a gap with its place; the name stays
    let odd = "[project]\ndependencies = [\"a\", \"b\"]\n[tool.uv.sources]\na = [{ marker = \"x\" }, 3]\n\"a b\" = { index = \"x\" }\nb = \"x\"\n";
    let inventory = inventory::read(&MemorySnapshot::new([("pyproject.toml", odd)]));
    let places: Vec<_> = inventory.diagnostics.iter().map(|said| (said.line, said.column, said.gap)).collect();
    let at = |line, column| (Some(line), Some(column), true);
    assert_eq!(places.len(), 4, "{:?}", inventory.diagnostics);
    assert!([at(4, 6), at(4, 24), at(5, 1), at(6, 5)].iter().all(|place| places.contains(place)), "{places:?}");
    assert_eq!(inventory.manifests[0].packages.len(), 2);
}
