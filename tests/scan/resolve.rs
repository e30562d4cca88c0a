//! `scan --resolve`: what an unlocked manifest would resolve to, apart from what a lockfile fixes. The real uv is in `tests/resolve`; here a
//! program stands in its place that answers what it is told to, and says what it was given.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::command::{Answer, World, of_kind};

/// A program that answers like `uv pip compile`, and writes its arguments, environment and input beside itself.
pub fn program(world: &World, body: &str) -> String {
    let path = world.path("program");
    let text = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\necho \"$@\" > \"$here/arguments\"; env > \"$here/environment\"; cat > \"$here/input\"\n{body}\n"
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

fn scan(world: &World, target: &str, arguments: &[&str]) -> Answer {
    let advisories = world.advisories();
    let fixed = [
        "scan",
        target,
        "--only",
        "vulnerabilities",
        "--format",
        "json",
        "--resolve",
        "--advisories",
        advisories.to_str().unwrap(),
    ];
    // no other index is asked unless a test names one
    let index: &[&str] = if arguments.contains(&"--index-url") { &[] } else { &["--index-url", "none"] };
    world.run(&[&fixed[..], index, arguments].concat())
}

const PROJECT: &str =
    "[project]\nname = \"app\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask>=1\", \"requests==2.19.1\"]\n";

#[test]
fn what_would_be_resolved_is_reported_apart_from_facts() {
    let world = World::new();
    let path = world.files("app", &[("pyproject.toml", PROJECT)]);
    let target = path.to_str().unwrap();
    let uv = program(
        &world,
        "printf 'flask==3.0.0\\n    # via -r -\\njinja2==2.10\\n    # via flask\\nrequests==2.19.1\\n    # via -r -\\n'",
    );
    let answer = scan(&world, target, &["--uv", &uv, "--fail-on", "none"]);
    let report = answer.report();
    assert_eq!((answer.code, &report["complete"]), (0, &Value::Bool(true)), "{}", report["diagnostics"]);
    // facts stay what they were
    let inventory = report["inventory"].as_array().unwrap();
    assert_eq!(inventory.len(), 1);
    assert_eq!(inventory[0]["packages"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&report["resolved"][0]["path"], &report["resolved"][0]["role"]),
        (&"pyproject.toml".into(), &"resolved".into())
    );
    let found = of_kind(&report, "vulnerability");
    let would: Vec<_> = found.iter().filter(|finding| finding["would_resolve"] == true).collect();
    assert_eq!(would.len(), 1, "{found:#?}");
    assert_eq!((&would[0]["package"], &would[0]["via"]), (&"jinja2".into(), &serde_json::json!([["flask", "jinja2"]])));
    assert!(would[0]["title"].as_str().unwrap().starts_with("would resolve to jinja2 2.10: "));
    // what the manifest pins itself is a fact, once
    let facts: Vec<_> = found.iter().filter(|finding| finding["package"] == "requests").collect();
    assert!(!facts.is_empty() && facts.iter().all(|finding| finding.get("would_resolve").is_none()));
    let read = |name: &str| std::fs::read_to_string(world.path(name)).unwrap();
    assert_eq!(read("input"), "flask>=1\nrequests==2.19.1\n");
    assert!(
        ["--no-build", "--no-config", "--python-version 3.11"].iter().all(|word| read("arguments").contains(word)),
        "{}",
        read("arguments")
    );
    // neither without the flag nor for a locked project
    assert!(world.scan(target, &["--format", "json"]).report().get("resolved").is_none());
}

#[test]
fn credentials_come_from_the_configuration_and_go_nowhere_else() {
    let world = World::new();
    let path = world.files(
        "app",
        &[
            ("requirements.txt", "--index-url https://packages.example.org/simple\nown>=1\n"),
            ("pyproject.toml", PROJECT),
        ],
    );
    let word = ["pass", "phrase"].concat();
    let index = format!("https://someone:{word}@index.example.org/simple");
    let uv = program(&world, "echo \"error: $UV_DEFAULT_INDEX refused\" >&2; exit 1");
    let answer = scan(&world, path.to_str().unwrap(), &["--uv", &uv, "--index-url", &index]);
    let environment = std::fs::read_to_string(world.path("environment")).unwrap();
    assert!(environment.contains(&format!("UV_DEFAULT_INDEX={index}")));
    assert!(!std::fs::read_to_string(world.path("arguments")).unwrap().contains(&word));
    assert_eq!(answer.code, 3);
    assert!(!answer.out.contains(&word) && !answer.err.contains(&word), "{}", answer.out);
    let said = answer.report()["diagnostics"].to_string();
    assert!(said.contains("not resolved: uv found no resolution: error: the index refused"), "{said}");
    assert!(said.contains("own is left out of what would be resolved: it is taken from another index"), "{said}");
}

#[test]
fn a_missing_uv_is_said() {
    let world = World::new();
    let path = world.files("app", &[("pyproject.toml", PROJECT)]);
    let target = path.to_str().unwrap();
    let answer = scan(&world, target, &["--uv", "/nowhere/uv"]);
    let report = answer.report();
    assert_eq!((answer.code, &report["complete"]), (3, &Value::Bool(false)));
    assert!(report["diagnostics"].to_string().contains("`/nowhere/uv` is not installed"), "{}", report["diagnostics"]);
    let usage = world.scan(target, &["--resolve"]);
    assert_eq!(usage.code, 2, "--offline and --resolve: {}", usage.err);
}
