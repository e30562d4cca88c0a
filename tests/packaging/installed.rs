//! Templates against their own schemas, hooks by the real pre-commit, the wheel built, installed in a fresh environment and run.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{World, git};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// A program of the tests' own Python environment.
fn tool(name: &str) -> Command {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes the venv");
    Command::new(Path::new(&venv).join("bin").join(name))
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn templates_fit_the_schemas_of_their_systems() {
    for (schema, file) in [
        ("vendor.github-actions", "deploy/ci/github/action.yml"),
        ("vendor.gitlab-ci", "deploy/ci/gitlab/secretarybird.gitlab-ci.yml"),
    ] {
        let (fits, said) = run(tool("check-jsonschema").args(["--builtin-schema", schema]).arg(root().join(file)));
        assert!(fits, "{file}: {said}");
    }
    let (fits, said) = run(tool("pre-commit").arg("validate-manifest").arg(root().join(".pre-commit-hooks.yaml")));
    assert!(fits, "{said}");
}

/// pre-commit clones this repository as it is committed, as it does for every user.
#[test]
fn the_hook_stops_a_commit_with_a_secret_and_lets_a_clean_one_pass() {
    let world = World::new();
    let repository = world.files("app", &[("app.py", "import os\n")]);
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "."]);
    let binary = Path::new(env!("CARGO_BIN_EXE_secretarybird")).parent().unwrap().to_owned();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let hook = || {
        let mut command = tool("pre-commit");
        command.args(["try-repo", root().to_str().unwrap(), "secretarybird-staged"]).current_dir(&repository);
        command.env("PATH", &path).env("HOME", world.path("home")).env("PRE_COMMIT_HOME", world.path("pre-commit"));
        run(&mut command)
    };
    let (passed, said) = hook();
    assert!(passed, "{said}");
    let password = ["hR7w", "-kQ2z", "-Vb9x"].concat();
    let leak = format!("import psycopg2\npsycopg2.connect(host=\"db\", user=\"app\", password=\"{password}\")\n");
    std::fs::write(repository.join("leak.py"), leak).unwrap();
    git(&repository, &["add", "."]);
    let (passed, said) = hook();
    assert!(!passed && said.contains("leak.py"), "{said}");
    assert!(!said.contains(&password), "the hook prints the secret");
}

#[test]
fn the_wheel_is_built_installed_and_runs() {
    let world = World::new();
    let wheels = world.path("wheels");
    // a debug build with the features of the tests: the same files as the release, and most of it is built already
    let (built, said) = run(tool("maturin")
        .args(["build", "--quiet", "--profile", "dev", "--all-features", "--out"])
        .arg(&wheels)
        .current_dir(root().join("deploy/pypi")));
    assert!(built, "{said}");
    let wheel = std::fs::read_dir(&wheels).unwrap().next().unwrap().unwrap().path();
    let environment = world.path("environment");
    let (made, said) = run(tool("python").args(["-m", "venv"]).arg(&environment));
    assert!(made, "{said}");
    let bin = environment.join("bin");
    let install = ["install", "--quiet", "--no-index", "--disable-pip-version-check"];
    let (installed, said) = run(Command::new(bin.join("pip")).args(install).arg(&wheel));
    assert!(installed, "{said}");
    let (ran, said) = run(Command::new(bin.join("secretarybird")).arg("--version"));
    assert!(ran && said.starts_with("secretarybird 0."), "{said}");
    let target = world.files("app", &[("requirements.txt", "requests==2.19.1\n")]);
    let mut scan = Command::new(bin.join("secretarybird"));
    scan.arg("scan").arg(&target).args(["--offline", "--advisories"]).arg(world.advisories());
    let (clean, said) = run(scan.env("HOME", world.path("home")));
    assert!(!clean && said.contains("CVE-2018-18074"), "{said}");
}
