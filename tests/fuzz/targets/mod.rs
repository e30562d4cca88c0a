//! What is fuzzed, and which real files the corpus of each target begins with.
//!
//! A target takes any bytes. It must not panic, hang or grow without bound, and it checks what has to hold of any answer. Both drivers
//! use these functions: `main.rs` with damage of its own on a stable toolchain, `fuzz_targets/` with cargo-fuzz.

mod manifests;
#[path = "../../advisories/invariants.rs"]
mod osv;
mod secrets;
mod usage;

use manifests::manifest;

/// A target, and whether a file's name makes it a seed of its corpus.
pub struct Target {
    /// By which `run` asks for it.
    pub name: &'static str,
    pub run: fn(&[u8]),
    #[allow(dead_code, reason = "cargo-fuzz is given the corpus that the test wrote")]
    pub takes: fn(&str) -> bool,
}

pub const ALL: &[Target] = &[
    target("uv", |bytes| manifest("uv.lock", bytes), |name| name == "uv.lock"),
    target("poetry", |bytes| manifest("poetry.lock", bytes), |name| name == "poetry.lock"),
    target("pdm", |bytes| manifest("pdm.lock", bytes), |name| name == "pdm.lock"),
    target("pylock", |bytes| manifest("pylock.toml", bytes), |name| name.starts_with("pylock")),
    target("pipfile", |bytes| manifest("Pipfile", bytes), |name| name == "Pipfile"),
    target("pipfile_lock", |bytes| manifest("Pipfile.lock", bytes), |name| name == "Pipfile.lock"),
    target(
        "requirements",
        |bytes| manifest("requirements.txt", bytes),
        |name| name.ends_with(".txt") || name.ends_with(".in"),
    ),
    target("conda", |bytes| manifest("environment.yml", bytes), |name| name.starts_with("environment")),
    target("conda_lock", |bytes| manifest("conda-lock.yml", bytes), |name| name.contains("conda-lock")),
    target("conda_explicit", |bytes| manifest("conda-linux-64.lock", bytes), |name| name.starts_with("conda-")),
    target("pixi", |bytes| manifest("pixi.lock", bytes), |name| name == "pixi.lock"),
    target("pixi_manifest", |bytes| manifest("pixi.toml", bytes), |name| name == "pixi.toml"),
    target("pyproject", |bytes| manifest("pyproject.toml", bytes), |name| name == "pyproject.toml"),
    target("setup_cfg", |bytes| manifest("setup.cfg", bytes), |name| name == "setup.cfg"),
    target("setup_py", |bytes| manifest("setup.py", bytes), |name| name == "setup.py"),
    target("tox", |bytes| manifest("tox.ini", bytes), |name| name == "tox.ini"),
    target("tox_toml", |bytes| manifest("tox.toml", bytes), |name| name == "tox.toml"),
    target("pre_commit", |bytes| manifest(".pre-commit-config.yaml", bytes), |name| name == ".pre-commit-config.yaml"),
    target("script", |bytes| manifest("script.py", bytes), |name| name.ends_with(".py") && name != "setup.py"),
    target("notebook", |bytes| manifest("notebook.ipynb", bytes), |name| name.ends_with(".ipynb")),
    target("dockerfile", |bytes| manifest("Dockerfile", bytes), |name| name.contains("Dockerfile")),
    target("workflow", |bytes| manifest(".github/workflows/ci.yml", bytes), is_yaml),
    target("advisory", osv::advisory, |_| false),
    target(
        "secrets_text",
        |bytes| secrets::of_file("settings.py", bytes),
        |name| name.ends_with(".py") || is_yaml(name),
    ),
    target("secrets_notebook", |bytes| secrets::of_file("notebook.ipynb", bytes), |name| name.ends_with(".ipynb")),
    target("secrets_container", |bytes| secrets::of_file("file", bytes), |_| false),
    target("usage_python", usage::python, |name| name.ends_with(".py")),
    target("usage_notebook", usage::notebook, |name| name.ends_with(".ipynb")),
    target("usage_text_files", usage::text_files, |name| {
        is_yaml(name) || name.ends_with(".toml") || name.ends_with(".cfg")
    }),
];

const fn target(name: &'static str, run: fn(&[u8]), takes: fn(&str) -> bool) -> Target {
    Target { name, run, takes }
}

fn is_yaml(name: &str) -> bool {
    name.ends_with(".yml") || name.ends_with(".yaml")
}

/// Gives bytes to the target of this name.
#[allow(dead_code, reason = "the test has the targets themselves")]
pub fn run(name: &str, bytes: &[u8]) {
    let target = ALL.iter().find(|target| target.name == name);
    (target.expect("the name of a target").run)(bytes);
}
