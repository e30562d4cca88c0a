//! `scan --verify-fix`: the plan of upgrades, resolved. The real uv is in `tests/resolve`; here a program stands in its place.

use serde_json::{Value, json};

use crate::command::{Answer, World};
use crate::resolve::program;

fn scan(world: &World, arguments: &[&str]) -> Answer {
    let path = world.files("app", &[("requirements.txt", "jinja2==2.10\nrequests==2.19.1\n")]);
    let advisories = world.advisories();
    let fixed = ["scan", path.to_str().unwrap(), "--only", "vulnerabilities", "--fail-on", "none"];
    let fixed = [&fixed[..], &["--advisories", advisories.to_str().unwrap(), "--index-timeout", "1"]].concat();
    world.run(&[&fixed[..], arguments].concat())
}

/// Nobody listens there: the program that stands for uv asks nobody.
const INDEX: [&str; 2] = ["--index-url", "http://127.0.0.1:9/simple/"];

#[test]
fn every_step_the_manifests_and_the_whole_say_what_came_of_it() {
    let world = World::new();
    let takes_all = program(&world, "cat \"$here/input\"");
    let report =
        scan(&world, &[&INDEX[..], &["--format", "json", "--verify-fix", "--uv", &takes_all]].concat()).report();
    let plan = &report["fix_plan"];
    assert_eq!((&plan["verification"], &report["complete"]), (&json!("resolves"), &json!(true)), "{plan:#}");
    let steps = plan["steps"].as_array().unwrap();
    assert!(steps.len() > 1 && steps.iter().all(|step| step["verification"] == "resolves"), "{plan:#}");
    assert!(steps.iter().all(|step| step["places"][0]["verification"] == "resolves"), "{plan:#}");
    assert_eq!(plan["manifests"][0]["verification"], "resolves");
    // the pins as the plan has them
    let asked = std::fs::read_to_string(world.path("input")).unwrap();
    let planned =
        |step: &Value| format!("{}=={}", step["package"].as_str().unwrap(), step["version"].as_str().unwrap());
    assert!(steps.iter().all(|step| asked.contains(&planned(step))), "{asked}");
    // nothing is said without the flag
    let report = scan(&world, &[&INDEX[..], &["--format", "json"]].concat()).report();
    assert_eq!(report["fix_plan"]["verification"], "not_tried");
}

#[test]
fn a_plan_that_does_not_resolve_says_which_step_and_why() {
    let world = World::new();
    let body = "if grep -q 'requests==2.19.1' \"$here/input\"; then cat \"$here/input\"; else echo 'error: No solution found: because odd requires requests<2.20' >&2; exit 1; fi";
    let uv = program(&world, body);
    let arguments = ["--verify-fix", "--uv", &uv];
    let answer = scan(&world, &[&INDEX[..], &["--format", "json"], &arguments[..]].concat());
    let report = answer.report();
    assert_eq!(answer.code, 0, "a plan that does not resolve is a result, and no gap: {}", report["diagnostics"]);
    let plan = &report["fix_plan"];
    assert_eq!(plan["verification"], "does_not_resolve");
    for step in plan["steps"].as_array().unwrap() {
        let expected = if step["package"] == "requests" { "does_not_resolve" } else { "resolves" };
        assert_eq!(step["verification"], expected, "{step:#}");
    }
    let text = scan(&world, &[&INDEX[..], &arguments[..]].concat()).out;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("DOES NOT RESOLVE") && text.contains("because odd requires requests<2.20"), "{text}");
}

#[test]
fn what_could_not_be_looked_at_is_no_success() {
    let world = World::new();
    let stuck = program(&world, "echo 'error: Failed to fetch: connection refused' >&2; exit 2");
    let cases: [(&[&str], &str); 3] = [
        (&["--uv", "/nowhere/uv", INDEX[0], INDEX[1]], "`/nowhere/uv` is not installed"),
        (&["--uv", &stuck, INDEX[0], INDEX[1]], "connection refused"),
        (&["--uv", &stuck, "--index-url", "none"], "there is no package index to ask"),
    ];
    for (arguments, reason) in cases {
        let answer = scan(&world, &[&["--verify-fix", "--format", "json"], arguments].concat());
        let report = answer.report();
        assert_eq!((answer.code, &report["complete"]), (3, &json!(false)), "{reason}");
        assert_eq!(report["fix_plan"]["verification"], "could_not_look", "{reason}");
        assert!(report["diagnostics"].to_string().contains(reason), "{}", report["diagnostics"]);
    }
    let usage = scan(&world, &["--verify-fix", "--offline"]);
    assert_eq!(usage.code, 2, "--offline and --verify-fix: {}", usage.err);
}
