//! What is fuzzed: one function for each family of parsers, and which real files its corpus begins with.
//!
//! A target takes any bytes. It must not panic, hang or grow without bound, and it checks what has to hold of any answer. Both drivers
//! use these functions: `main.rs` with damage of its own on a stable toolchain, `fuzz_targets/` with cargo-fuzz.

use scanner::inventory::{self, Inventory};
use scanner::repository::MemorySnapshot;

/// A target, and whether a file's name makes it a seed of its corpus.
pub struct Target {
    /// Also the name of its program under `fuzz_targets/`.
    pub name: &'static str,
    pub run: fn(&[u8]),
    pub takes: fn(&str) -> bool,
}

pub const ALL: &[Target] = &[
    Target { name: "uv", run: uv, takes: |name| name == "uv.lock" },
    Target { name: "poetry", run: poetry, takes: |name| name == "poetry.lock" },
    Target { name: "pdm", run: pdm, takes: |name| name == "pdm.lock" },
    Target { name: "pylock", run: pylock, takes: |name| name.starts_with("pylock") },
    Target { name: "pipfile", run: pipfile, takes: |name| name == "Pipfile" },
    Target { name: "pipfile_lock", run: pipfile_lock, takes: |name| name == "Pipfile.lock" },
    Target { name: "requirements", run: requirements, takes: |name| name.ends_with(".txt") || name.ends_with(".in") },
    Target { name: "conda", run: conda, takes: |name| name.starts_with("environment") },
    Target { name: "conda_lock", run: conda_lock, takes: |name| name.contains("conda-lock") },
    Target { name: "conda_explicit", run: conda_explicit, takes: |name| name.starts_with("conda-") },
    Target { name: "pixi", run: pixi, takes: |name| name == "pixi.lock" },
    Target { name: "pyproject", run: pyproject, takes: |name| name == "pyproject.toml" },
    Target { name: "setup_cfg", run: setup_cfg, takes: |name| name == "setup.cfg" },
    Target { name: "setup_py", run: setup_py, takes: |name| name == "setup.py" },
    Target { name: "script", run: script, takes: |name| name.ends_with(".py") && name != "setup.py" },
    Target { name: "notebook", run: notebook, takes: |name| name.ends_with(".ipynb") },
    Target { name: "dockerfile", run: dockerfile, takes: |name| name.contains("Dockerfile") },
    Target { name: "workflow", run: workflow, takes: |name| name.ends_with(".yml") || name.ends_with(".yaml") },
];

pub fn uv(bytes: &[u8]) {
    manifest("uv.lock", bytes);
}

pub fn poetry(bytes: &[u8]) {
    manifest("poetry.lock", bytes);
}

pub fn pdm(bytes: &[u8]) {
    manifest("pdm.lock", bytes);
}

pub fn pylock(bytes: &[u8]) {
    manifest("pylock.toml", bytes);
}

pub fn pipfile(bytes: &[u8]) {
    manifest("Pipfile", bytes);
}

pub fn pipfile_lock(bytes: &[u8]) {
    manifest("Pipfile.lock", bytes);
}

pub fn requirements(bytes: &[u8]) {
    manifest("requirements.txt", bytes);
}

pub fn conda(bytes: &[u8]) {
    manifest("environment.yml", bytes);
}

pub fn conda_lock(bytes: &[u8]) {
    manifest("conda-lock.yml", bytes);
}

pub fn conda_explicit(bytes: &[u8]) {
    manifest("conda-linux-64.lock", bytes);
}

pub fn pixi(bytes: &[u8]) {
    manifest("pixi.lock", bytes);
}

pub fn pyproject(bytes: &[u8]) {
    manifest("pyproject.toml", bytes);
}

pub fn setup_cfg(bytes: &[u8]) {
    manifest("setup.cfg", bytes);
}

pub fn setup_py(bytes: &[u8]) {
    manifest("setup.py", bytes);
}

pub fn script(bytes: &[u8]) {
    manifest("script.py", bytes);
}

pub fn notebook(bytes: &[u8]) {
    manifest("notebook.ipynb", bytes);
}

pub fn dockerfile(bytes: &[u8]) {
    manifest("Dockerfile", bytes);
}

pub fn workflow(bytes: &[u8]) {
    manifest(".github/workflows/ci.yml", bytes);
}

/// Reads one file as a repository of its own and checks the answer.
fn manifest(path: &str, bytes: &[u8]) {
    let inventory = inventory::read(&MemorySnapshot::new([(path, bytes)]));
    let lines = u32::try_from(String::from_utf8_lossy(bytes).split(['\n', '\r']).count()).unwrap_or(u32::MAX);
    for package in inventory.manifests.iter().flat_map(|manifest| &manifest.packages) {
        // UTF-16 has a line end in every other byte only
        assert!(package.line.is_none_or(|line| (1..=lines.saturating_mul(2)).contains(&line)), "{package:?}");
        assert!(package.via.iter().all(|way| way.len() > 1 && way.last() == Some(&package.name)), "{package:?}");
        assert!(!package.name.as_str().is_empty(), "{package:?}");
    }
    assert!(inventory.diagnostics.iter().all(|said| said.path.as_deref() == Some(path) && !said.reason.is_empty()));
    keeps_its_form(&inventory);
}

/// What is stored is what is read back.
fn keeps_its_form(inventory: &Inventory) {
    let written = serde_json::to_string(&inventory.manifests).unwrap_or_default();
    let read: Vec<inventory::Manifest> = serde_json::from_str(&written).unwrap_or_default();
    assert_eq!(read, inventory.manifests);
}
