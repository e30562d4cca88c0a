//! What stands around the binary: completions, manual pages, the policy's explanations, CI templates, hooks, the wheel.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends by panicking")]

#[path = "../scan/command.rs"]
#[allow(dead_code, reason = "shared with the other tests of the command")]
mod command;
#[cfg(feature = "real-parts")]
mod installed;

use command::World;

#[test]
fn completions_for_every_shell_know_the_commands() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let answer = world.run(&["completions", shell]);
        assert_eq!(answer.code, 0, "{shell}: {}", answer.err);
        for word in ["scan", "fail-on", "explain"] {
            assert!(answer.out.contains(word), "{shell} does not complete {word}");
        }
    }
    assert_eq!(world.run(&["completions", "cmd"]).code, 2);
}

#[test]
fn a_manual_page_for_every_command() {
    let world = World::new();
    let directory = world.files("man", &[("keep", "")]);
    let answer = world.run(&["man", directory.to_str().unwrap()]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    for name in ["secretarybird", "secretarybird-scan", "secretarybird-advisories-sync", "secretarybird-policy-explain"]
    {
        let page = std::fs::read_to_string(directory.join(format!("{name}.1"))).unwrap();
        assert!(page.contains(".TH"), "{name}");
    }
    let scan = std::fs::read_to_string(directory.join("secretarybird-scan.1")).unwrap();
    assert!(scan.contains("fail") && scan.contains("baseline"));
    let nowhere = world.run(&["man", "nowhere/at/all"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("nowhere/at/all"), "{}", nowhere.err);
}

#[test]
fn help_says_what_each_command_is_for() {
    let world = World::new();
    let help = world.run(&["--help"]);
    assert_eq!(help.code, 0);
    for command in ["scan", "serve", "gate", "advisories", "rules", "config", "policy", "completions", "man"] {
        assert!(help.out.lines().any(|line| line.trim_start().starts_with(command)), "{command}: {}", help.out);
        let answer = world.run(&[command, "--help"]);
        assert!(answer.code == 0 && answer.out.contains("Usage: secretarybird"), "{command}: {}", answer.err);
    }
}

#[test]
fn a_policy_decides_and_says_by_which_rule() {
    let world = World::new();
    let target = world.files(
        "app",
        &[
            ("requirements.txt", "requests==2.19.1\n"),
            ("app.py", "import requests\n"),
            (
                "secretarybird.toml",
                "[policy]\nfail-on = \"low\"\n[policy.kinds]\nvulnerability = \"none\"\nposture = \"none\"\n",
            ),
        ],
    );
    let answer = world.scan(target.to_str().unwrap(), &["--format", "json"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    let report = world.path("report.json");
    std::fs::write(&report, &answer.out).unwrap();
    let found = command::of_kind(&answer.report(), "vulnerability")[0]["id"].as_str().unwrap().to_owned();
    let explain = |id: &str| world.run(&["policy", "explain", id, "--report", report.to_str().unwrap()]);
    let explained = explain(&found);
    assert_eq!(explained.code, 0, "{}", explained.err);
    assert!(
        explained
            .out
            .contains("passes: kinds.vulnerability = \"none\" is not reached (the repository's configuration)")
    );
    assert_eq!(explain(&found[..8]).out, explained.out);
    assert!(explain("ffffffffffff").err.contains("no finding"));
    let broken = world.files("broken", &[("report.json", "{}")]).join("report.json");
    let answer = world.run(&["policy", "explain", &found, "--report", broken.to_str().unwrap()]);
    assert!(answer.code == 2 && answer.err.contains("no JSON report of ours"), "{}", answer.err);
}

#[test]
fn a_vex_statement_closes_a_finding_and_a_broken_one_stops_the_scan() {
    let world = World::new();
    let target = world.files("app", &[("requirements.txt", "requests==2.19.1\n"), ("app.py", "import requests\n")]);
    let vex = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{
        "vulnerability": {"name": "CVE-2018-18074"}, "status": "not_affected", "impact_statement": "no redirects here",
        "products": [{"@id": "pkg:pypi/requests@2.19.1"}]}]}"#;
    let files = world.files("vex", &[("good.json", vex), ("bad.json", "{}")]);
    let scan = |file: &str| {
        let file = files.join(file);
        world.scan(
            target.to_str().unwrap(),
            &["--only", "vulnerabilities", "--format", "json", "--vex", file.to_str().unwrap()],
        )
    };
    assert_eq!(world.scan(target.to_str().unwrap(), &["--only", "vulnerabilities"]).code, 1);
    let good = scan("good.json");
    assert_eq!(good.code, 0, "{}", good.err);
    assert_eq!(good.report()["findings"][0]["ignored"]["reason"], "not_affected: no redirects here");
    let bad = scan("bad.json");
    assert!(bad.code == 2 && bad.err.contains("neither OpenVEX"), "{}", bad.err);
}
