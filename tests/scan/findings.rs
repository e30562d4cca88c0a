//! What a scan of real repositories finds, and how it is said.

use serde_json::Value;

use crate::command::{World, of_kind};

fn sample(world: &World, name: &str, arguments: &[&str]) -> (i32, Value) {
    let samples = world.samples();
    let sample = samples.iter().find(|sample| sample.name == name).unwrap();
    let mut all = vec!["--format", "json"];
    all.extend(arguments);
    let answer = world.scan(sample.path.to_str().unwrap(), &all);
    (answer.code, answer.report())
}

#[test]
fn a_vulnerable_pin_in_each_lock_format() {
    let cases = [
        ("shop", "uv.lock", "uv", "jinja2", "2.10", "CVE-2019-10906", "2.10.1"),
        ("invoices", "poetry.lock", "poetry", "pyyaml", "5.3", "CVE-2020-14343", "5.4"),
        ("reports", "requirements.txt", "requirements", "requests", "2.19.1", "CVE-2018-18074", "2.20.0"),
    ];
    for (name, path, format, package, version, advisory, fixed) in cases {
        let world = World::new();
        let (code, report) = sample(&world, name, &[]);
        assert_eq!((code, &report["complete"]), (1, &Value::Bool(true)), "{name}: {:#}", report["diagnostics"]);
        let manifests = report["inventory"].as_array().unwrap();
        assert!(manifests.iter().any(|manifest| manifest["path"] == path && manifest["format"] == format), "{name}");
        let found = of_kind(&report, "vulnerability");
        let finding = found.iter().find(|finding| finding["package"] == package).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(finding["version"], version);
        assert_eq!(finding["advisory"], advisory);
        assert_eq!(finding["fix"]["version"], fixed);
        assert_eq!(finding["location"]["path"], path);
        assert_eq!(finding["direct"], true, "{name}");
        assert!(finding["location"]["line"].as_u64().unwrap() >= 1);
        assert!(!finding["imported_at"].as_array().unwrap().is_empty(), "{name}: {finding:#}");
        assert!(["high", "critical", "medium"].contains(&finding["severity"].as_str().unwrap()), "{finding:#}");
    }
}

#[test]
fn a_package_that_nobody_imports() {
    let world = World::new();
    let (_, report) = sample(&world, "shop", &[]);
    let unused: Vec<_> = of_kind(&report, "unused").iter().map(|finding| finding["package"].clone()).collect();
    assert_eq!(unused, ["python-slugify"]);
}

#[test]
fn a_secret_that_was_committed_and_deleted() {
    let world = World::new();
    let (_, report) = sample(&world, "reports", &[]);
    let secrets = of_kind(&report, "secret");
    assert_eq!(secrets.len(), 1, "{secrets:#?}");
    let (secret, occurrence) = (secrets[0], &secrets[0]["occurrences"][0]);
    assert_eq!(secret["in_head"], false);
    assert_eq!(secret["provider"].as_str().unwrap().to_lowercase(), "github");
    assert_eq!(occurrence["path"], "publish.py");
    assert_eq!(occurrence["line"], 3);
    assert!(occurrence["author"].as_str().unwrap().contains("Ada Sample"));
    assert_eq!(occurrence["commit"].as_str().unwrap().len(), 40);
    assert!(secret["fingerprint"].as_str().unwrap().len() >= 32);

    let (_, tree_only) = sample(&World::new(), "reports", &["--no-history"]);
    assert_eq!(of_kind(&tree_only, "secret").len(), 0, "it is gone from the tree");
}

#[test]
fn identities_outlive_unrelated_changes_and_new_lines() {
    let world = World::new();
    let before = world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("a.py", "import requests\n")]);
    let first = world.scan(before.to_str().unwrap(), &["--format", "json"]).report();
    world.files("app", &[("requirements.txt", "# a comment\n\nrequests==2.19.1\n"), ("b.py", "import os\n")]);
    let second = world.scan(before.to_str().unwrap(), &["--format", "json"]).report();
    let ids = |report: &Value| {
        let all = report["findings"].as_array().unwrap().iter();
        all.map(|finding| finding["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ids(&second));
    assert!(!ids(&first).is_empty());
    assert!(ids(&first).iter().all(|id| id.len() >= 32));
}

#[test]
fn the_policy_decides_the_exit_code() {
    let world = World::new();
    let path = world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("a.py", "import requests\n")]);
    let path = path.to_str().unwrap();
    for (arguments, code) in [
        (&[][..], 1),
        (&["--fail-on", "none"], 0),
        (&["--fail-on", "critical"], 0),
        (&["--exit-zero"], 0),
        (&["--skip", "vulnerabilities"], 0),
        (&["--only", "secrets,usage"], 0),
        (&["--only", "surprises"], 2),
        (&["--fail-on", "always"], 2),
    ] {
        assert_eq!(world.scan(path, arguments).code, code, "{arguments:?}");
    }
    let ignore = "[[ignore]]\nid = \"CVE-2018-18074\"\nreason = \"no redirects here\"\n";
    world.files("app", &[("secretarybird.toml", ignore)]);
    let answer = world.scan(path, &["--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.out);
    assert_eq!(of_kind(&answer.report(), "vulnerability")[0]["ignored"]["by"], "secretarybird.toml:1");
}

#[test]
fn a_baseline_leaves_only_what_is_new() {
    let world = World::new();
    let path =
        world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("a.py", "import requests, urllib3\n")]);
    let path = path.to_str().unwrap();
    let baseline = world.path("baseline.json");
    let baseline = baseline.to_str().unwrap();
    assert_eq!(world.scan(path, &["--format", "json", "--output", baseline]).code, 1);
    assert_eq!(world.scan(path, &["--baseline", baseline, "--new-only"]).code, 0);
    world.files("app", &[("requirements.txt", "requests==2.19.1\nurllib3==1.23\n")]);
    let answer = world.scan(path, &["--baseline", baseline, "--new-only", "--format", "json"]);
    assert_eq!(answer.code, 1);
    let report = answer.report();
    let new: Vec<_> = of_kind(&report, "vulnerability").into_iter().filter(|f| f["ignored"].is_null()).collect();
    assert_eq!(new.len(), 1, "{new:#?}");
    assert_eq!(new[0]["package"], "urllib3");
}

#[test]
fn the_text_fits_a_terminal_and_ends_with_the_first_step() {
    let world = World::new();
    let samples = world.samples();
    let answer = world.scan(samples[2].path.to_str().unwrap(), &[]);
    for line in answer.out.lines() {
        assert!(line.chars().count() <= 80 || line.split_whitespace().count() == 1, "{line}");
    }
    assert!(!answer.out.contains('\u{1b}'), "no colours where there is no terminal");
    let last = answer.out.lines().last().unwrap();
    assert!(last.starts_with("First: revoke the GitHub"), "{last}");
    assert!(answer.err.is_empty(), "{}", answer.err);
}
