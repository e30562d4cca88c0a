//! Every form of the report, checked by its own validator; and that the bills of materials depend on the commit alone.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "../scan/command.rs"]
#[allow(dead_code, reason = "shared with the other tests of the command")]
mod command;

use std::path::{Path, PathBuf};
use std::process::Command;

use command::{World, git};
use serde_json::Value;

/// A repository with everything that a document has to carry: hashes, groups, extras, edges, a git source, a private index, an own
/// source tree, an ignored finding and one that stands open.
fn repository(world: &World) -> PathBuf {
    let digest = |letter: &str| letter.repeat(64);
    let lock = format!(
        r#"version = 1
requires-python = ">=3.11"

[[package]]
name = "app"
version = "0.1.0"
source = {{ virtual = "." }}
dependencies = [{{ name = "jinja2" }}, {{ name = "requests" }}, {{ name = "inner" }}, {{ name = "tool" }}]

[package.dev-dependencies]
dev = [{{ name = "pyyaml" }}]

[[package]]
name = "jinja2"
version = "2.10"
source = {{ registry = "https://pypi.org/simple" }}
dependencies = [{{ name = "markupsafe" }}]
sdist = {{ url = "https://files.example.org/Jinja2-2.10.tar.gz", hash = "sha256:{}", size = 1 }}

[[package]]
name = "markupsafe"
version = "2.0.1"
source = {{ registry = "https://pypi.org/simple" }}
wheels = [{{ url = "https://files.example.org/MarkupSafe-2.0.1-py3-none-any.whl", hash = "sha256:{}", size = 1 }}]

[[package]]
name = "requests"
version = "2.19.1"
source = {{ registry = "https://pypi.org/simple" }}

[[package]]
name = "inner"
version = "1.0+local.1"
source = {{ registry = "https://index.example.org/simple" }}

[[package]]
name = "tool"
version = "3.0"
source = {{ git = "https://forge.example.org/team/tool?rev=v3#0123456789abcdef0123456789abcdef01234567" }}

[[package]]
name = "pyyaml"
version = "5.3"
source = {{ registry = "https://pypi.org/simple" }}
"#,
        digest("a"),
        digest("b")
    );
    let manifest = "[project]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"jinja2\", \"requests\", \"inner\", \"tool\"]\n\
                    [dependency-groups]\ndev = [\"pyyaml\"]\n";
    let config = "[[ignore]]\nid = \"requests\"\nreason = \"replaced next week, \\\"promised\\\"\"\n";
    let directory = world.files(
        "app",
        &[
            ("uv.lock", &lock),
            ("pyproject.toml", manifest),
            ("secretarybird.toml", config),
            ("app.py", "import jinja2\nimport requests\n"),
        ],
    );
    git(&directory, &["init", "--quiet"]);
    git(&directory, &["add", "."]);
    git(&directory, &["commit", "--quiet", "--message", "first", "--date", "2026-03-04T05:06:07Z"]);
    directory
}

fn export(world: &World, target: &Path, format: &str) -> String {
    let answer = world.scan(target.to_str().unwrap(), &["--format", format, "--exit-zero"]);
    assert_eq!(answer.code, 0, "{format}: {}", answer.err);
    answer.out
}

fn json(world: &World, target: &Path, format: &str) -> Value {
    serde_json::from_str(&export(world, target, format)).unwrap()
}

#[cfg(feature = "real-parts")]
#[test]
fn every_form_passes_its_own_validator() {
    let world = World::new();
    let target = repository(&world);
    for format in FORMATS {
        validated(&world, format, &export(&world, &target, format)).unwrap_or_else(|said| panic!("{format}: {said}"));
    }
}

#[cfg(feature = "real-parts")]
const FORMATS: [&str; 9] = [
    "sarif",
    "cyclonedx",
    "cyclonedx-1.7",
    "spdx",
    "openvex",
    "csv",
    "badge",
    "gitlab-code-quality",
    "gitlab-dependency-scanning",
];

/// What the format's validator says against a document.
#[cfg(feature = "real-parts")]
fn validated(world: &World, format: &str, document: &str) -> Result<(), String> {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes the venv");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/exports/validate.py");
    let file = world.path(&format!("report.{}.{}", format, if format == "spdx" { "spdx.json" } else { "json" }));
    std::fs::write(&file, document).unwrap();
    let mut command = Command::new(Path::new(&venv).join("bin/python"));
    command.arg(&script).arg(format).arg(&file);
    if format == "sarif" {
        command.arg(sarif_schema());
    }
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(said) }
}

/// Records say what they like; GitLab refuses a whole report for one name that is too long.
#[cfg(feature = "real-parts")]
#[test]
fn gitlab_takes_long_names_and_odd_references() {
    let world = World::new();
    let record = serde_json::json!({"id": "PYSEC-2099-7", "modified": "2026-01-02T00:00:00Z", "summary": "ä".repeat(400),
        "references": [{"type": "WEB", "url": "gopher://example.org/1"}, {"type": "WEB", "url": "https://example.org/2"}],
        "affected": [{"package": {"ecosystem": "PyPI", "name": "jinja2"}, "versions": ["2.10"]}]});
    let advisories = world.path("odd.json");
    std::fs::write(&advisories, serde_json::json!([record]).to_string()).unwrap();
    let target = world.files("odd", &[("requirements.txt", "jinja2==2.10\n"), ("app.py", "import jinja2\n")]);
    for format in ["gitlab-dependency-scanning", "gitlab-code-quality"] {
        let arguments = ["scan", target.to_str().unwrap(), "--offline", "--advisories", advisories.to_str().unwrap()];
        let answer = world.run(&[&arguments[..], &["--format", format, "--exit-zero"]].concat());
        assert_eq!(answer.code, 0, "{}", answer.err);
        validated(&world, format, &answer.out).unwrap_or_else(|said| panic!("{format}: {said}"));
        if format == "gitlab-dependency-scanning" {
            let links = &serde_json::from_str::<Value>(&answer.out).unwrap()["vulnerabilities"][0]["links"];
            assert_eq!(*links, serde_json::json!([{"url": "https://example.org/2"}]));
            let broken = answer.out.replacen("\"name\"", "\"called\"", 1);
            assert!(validated(&world, format, &broken).is_err(), "the validator refuses what lacks a name");
        }
    }
}

/// The schema stands in the sources of the crate that is made from it.
#[cfg(feature = "real-parts")]
fn sarif_schema() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|package| package["name"] == "serde-sarif").unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).with_file_name("src").join("schema.json")
}

#[test]
fn sarif_is_read_by_types_made_from_its_schema() {
    let world = World::new();
    let target = repository(&world);
    let sarif: serde_sarif::sarif::Sarif = serde_json::from_str(&export(&world, &target, "sarif")).unwrap();
    let results = sarif.runs[0].results.as_ref().unwrap();
    assert!(results.len() >= 3, "{results:?}");
    assert!(results.iter().any(|result| result.suppressions.is_some()));
}

#[test]
fn documents_of_one_commit_are_equal_to_the_byte() {
    let world = World::new();
    let target = repository(&world);
    for format in ["cyclonedx", "cyclonedx-1.7", "spdx", "openvex", "sarif", "csv"] {
        let first = export(&world, &target, format);
        std::fs::remove_dir_all(world.path("home")).unwrap();
        assert_eq!(first, export(&world, &target, format), "{format}");
    }
}

#[test]
fn a_cyclonedx_component_carries_url_hashes_groups_and_edges() {
    let world = World::new();
    let target = repository(&world);
    let document = json(&world, &target, "cyclonedx");
    assert_eq!(document["specVersion"], "1.6");
    assert_eq!(json(&world, &target, "cyclonedx-1.7")["specVersion"], "1.7");
    let components = document["components"].as_array().unwrap();
    let named = |name: &str| {
        let mut found = components.iter().filter(|component| component["name"] == name);
        let first = found.next().unwrap_or_else(|| panic!("{name}"));
        assert!(found.next().is_none(), "{name} is there twice");
        first
    };
    let references = [
        ("jinja2", "pkg:pypi/jinja2@2.10"),
        ("inner", "pkg:pypi/inner@1.0%2Blocal.1?repository_url=https:%2F%2Findex.example.org%2Fsimple"),
        (
            "tool",
            "pkg:pypi/tool@3.0?vcs_url=git%2Bhttps:%2F%2Fforge.example.org%2Fteam%2Ftool%400123456789abcdef0123456789abcdef01234567",
        ),
    ];
    for (name, expected) in references {
        assert_eq!(named(name)["purl"], expected);
    }
    assert!(named("app").get("purl").is_none(), "an own source tree is on no index");
    assert_eq!(named("jinja2")["externalReferences"][0]["hashes"][0]["content"], "a".repeat(64));
    assert_eq!(named("pyyaml")["scope"], "optional");
    let properties = named("pyyaml")["properties"].as_array().unwrap();
    assert!(properties.iter().any(|it| it["name"] == "secretarybird:group" && it["value"] == "dev"), "{properties:?}");
    let edges = document["dependencies"].as_array().unwrap();
    let jinja2 = edges.iter().find(|edge| edge["ref"] == "pkg:pypi/jinja2@2.10").unwrap();
    assert_eq!(jinja2["dependsOn"], serde_json::json!(["pkg:pypi/markupsafe@2.0.1"]));
    let root = edges.iter().find(|edge| edge["ref"] == "repository").unwrap();
    assert!(root["dependsOn"].as_array().unwrap().contains(&"pkg:pypi/requests@2.19.1".into()), "{root}");

    let vulnerabilities = document["vulnerabilities"].as_array().unwrap();
    let analysis = |id: &str| {
        let found = vulnerabilities.iter().find(|found| found["id"] == id).unwrap_or_else(|| panic!("{id}"));
        found["analysis"].clone()
    };
    assert_eq!(analysis("CVE-2019-10906")["state"], "in_triage");
    assert_eq!(analysis("CVE-2018-18074")["response"][0], "will_not_fix");
    assert!(document["metadata"]["timestamp"].as_str().unwrap().starts_with("20"));
}

#[test]
fn spdx_says_who_depends_on_whom() {
    let world = World::new();
    let target = repository(&world);
    let document = json(&world, &target, "spdx");
    let id = |name: &str| {
        let packages = document["packages"].as_array().unwrap();
        packages.iter().find(|package| package["name"] == name).unwrap_or_else(|| panic!("{name}"))["SPDXID"].clone()
    };
    let related =
        |from: &Value, kind: &str, to: &Value| {
            document["relationships"].as_array().unwrap().iter().any(|it| {
                it["spdxElementId"] == *from && it["relationshipType"] == kind && it["relatedSpdxElement"] == *to
            })
        };
    let root = Value::from("SPDXRef-Repository");
    assert!(related(&root, "DEPENDS_ON", &id("jinja2")));
    assert!(related(&id("jinja2"), "DEPENDS_ON", &id("markupsafe")));
    assert!(related(&id("pyyaml"), "DEV_DEPENDENCY_OF", &root));
    assert!(!related(&root, "DEPENDS_ON", &id("markupsafe")));
}

#[test]
fn the_badge_does_not_call_clean_what_was_not_looked_at() {
    let world = World::new();
    let clean = world.files("clean", &[("a.py", "import os\n")]);
    let broken = world.files("broken", &[("uv.lock", "version = \n")]);
    let badge = |target: &Path| world.scan(target.to_str().unwrap(), &["--format", "badge", "--on-error", "warn"]).out;
    assert!(badge(&clean).contains(">clean<"));
    assert!(badge(&broken).contains(">incomplete<"));
    assert!(badge(&repository(&world)).contains("findings<"));
}
