use super::*;
use crate::finding::Ignored;
use crate::inventory;
use crate::repository::MemorySnapshot;
use crate::vulnerabilities;

/// `a` is fixed in 1.5 (low), 2.5 (critical, exploited) from 2.0 on; `b` in 3.0; `c` partly; `d` not at all; `evil` is malicious.
fn index() -> AdvisoryIndex {
    let record = |id: &str, name: &str, events: &str, more: &str| {
        let json = format!(
            r#"{{"id":"{id}","affected":[{{"package":{{"ecosystem":"PyPI","name":"{name}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{events}]}}]}}]{more}}}"#
        );
        advisories::osv::read(json.as_bytes()).unwrap().advisory
    };
    let rated = |word: &str| format!(r#","database_specific":{{"severity":"{word}"}}"#);
    let records = vec![
        record("X-A1", "a", r#"{"introduced":"0"},{"fixed":"1.5"}"#, &rated("LOW")),
        record("X-A2", "a", r#"{"introduced":"2.0"},{"fixed":"2.5.1"}"#, &rated("HIGH")),
        record("X-B", "b", r#"{"introduced":"0"},{"fixed":"3.0"}"#, &rated("CRITICAL")),
        record("X-C1", "c", r#"{"introduced":"0"},{"fixed":"1.1"}"#, &rated("LOW")),
        record("X-C2", "c", r#"{"introduced":"0"}"#, &rated("LOW")),
        record("X-D", "d", r#"{"introduced":"0"},{"last_affected":"1.0"}"#, ""),
        record("MAL-1", "evil", r#"{"introduced":"0"}"#, ""),
    ];
    let kev = [("X-A2".to_owned(), String::new())].into();
    let signals = advisories::signals::Signals { kev: Some(kev), epss: None };
    AdvisoryIndex::build(records, signals, Vec::new(), "", "")
}

fn plan_of(files: &[(&str, &str)], ignore: &[&str]) -> FixPlan {
    let snapshot = MemorySnapshot::new(files.iter().map(|(path, text)| (*path, text.as_bytes())));
    let inventory = inventory::read(&snapshot);
    let mut findings = vulnerabilities::find(&inventory, &index(), None).unwrap();
    for finding in findings.iter_mut().filter(|finding| ignore.contains(&finding.rule.as_str())) {
        finding.ignored = Some(Ignored { by: "test".to_owned(), reason: String::new() });
    }
    of(&inventory, &snapshot, &findings, &index(), &crate::fix::NoReleases).unwrap()
}

fn rows(plan: &FixPlan) -> Vec<String> {
    let row = |step: &Step| {
        let places: Vec<String> =
            step.places.iter().map(|place| format!("{} {}", place.manifest, place.from)).collect();
        format!("{} {} {} [{}]", step.package, step.version, step.clears.join(","), places.join(", "))
    };
    plan.steps.iter().map(row).collect()
}

#[test]
fn risk_orders_and_one_version_serves_several_places() {
    let plan = plan_of(
        &[
            ("requirements.txt", "a==2.1\nb==2.0\nc==1.0\nd==1.0\nevil==1.0\n"),
            ("old/requirements.txt", "a==1.0\n"),
            ("new/requirements.txt", "a==2.5\n"),
        ],
        &[],
    );
    assert_eq!(
        rows(&plan),
        [
            "a 2.5.1 X-A2 [new/requirements.txt 2.5, requirements.txt 2.1]",
            "b 3.0 X-B [requirements.txt 2.0]",
            // not joined with 2.5.1: that is another major version
            "a 1.5 X-A1 [old/requirements.txt 1.0]",
            "c 1.1 X-C1 [requirements.txt 1.0]",
        ]
    );
    assert_eq!(plan.steps[3].remains, ["X-C2"]);
    let unfixed: Vec<String> =
        plan.unfixed.iter().map(|it| format!("{} {}", it.package, it.advisories.join(","))).collect();
    assert_eq!(unfixed, ["c X-C2", "d X-D", "evil MAL-1"]);
    assert_eq!((plan.steps[0].kev, plan.steps[0].jump), (true, Jump::Minor));
}

#[test]
fn what_is_pinned_to_a_commit_is_not_left_out() {
    let snapshot = MemorySnapshot::new([("requirements.txt", &b"a==2.1\nevil==1.0\n"[..])]);
    let inventory = inventory::read(&snapshot);
    let mut findings = vulnerabilities::find(&inventory, &index(), None).unwrap();
    for finding in &mut findings {
        // as of a package that a git history matched
        if let Detail::Vulnerability(detail) = &mut finding.detail {
            detail.version = None;
        }
    }
    let plan = of(&inventory, &snapshot, &findings, &index(), &crate::fix::NoReleases).unwrap();
    let unfixed: Vec<_> =
        plan.unfixed.iter().map(|it| (it.what(), it.manifest.as_str(), it.reason.split(':').next())).collect();
    let expected = |what: &str, reason| (what.to_owned(), "requirements.txt", Some(reason));
    assert_eq!(unfixed, [expected("a", "it is pinned to a commit"), expected("evil", "it is malicious")]);
    assert!(plan.steps.is_empty());
}

#[test]
fn what_is_ignored_needs_no_upgrade() {
    let files = [("requirements.txt", "a==2.1\nb==2.0\n")];
    assert_eq!(rows(&plan_of(&files, &["X-A2"])), ["b 3.0 X-B [requirements.txt 2.0]"]);
}

const UV: &str = r#"version = 1
[[package]]
name = "shop"
version = "0.1.0"
source = { virtual = "." }
dependencies = [{ name = "b" }, { name = "m" }]
[package.metadata]
requires-dist = [{ name = "b", specifier = "B_RANGE" }, { name = "m" }]
[[package]]
name = "b"
version = "2.0"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "m"
version = "1.0"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "a" }]
[[package]]
name = "a"
version = "2.1"
source = { registry = "https://pypi.org/simple" }
"#;

const POETRY: &str = r#"[[package]]
name = "m"
version = "1.0"
[package.dependencies]
a = "<2.5"
b = "*"
[[package]]
name = "a"
version = "2.1"
[[package]]
name = "b"
version = "2.0"
[metadata]
lock-version = "2.1"
"#;

type Files<'a> = Vec<(&'a str, String)>;

#[test]
fn commands_are_those_of_the_tool_that_made_the_lock() {
    let pyproject = |range: &str| {
        format!("[project]\nname = \"shop\"\nversion = \"0.1.0\"\ndependencies = [\"b[x]{range}\", \"m\"]\n")
    };
    let uv = |range: &str| UV.replace("B_RANGE", range);
    let poetry = "[tool.poetry]\nname = \"shop\"\n[tool.poetry.dependencies]\nm = \"*\"\n".to_owned();
    let compiled = "# This file is autogenerated by pip-compile\na==2.1\n    # via -r requirements.in\n".to_owned();
    let by_uv = "# This file was autogenerated by uv via the following command:\n#    uv pip compile x.in\na==2.1\n    # via -r x.in\n".to_owned();
    // (files, the commands for all steps of the first)
    let cases: Vec<(Files<'_>, Vec<&str>)> = vec![
        (
            vec![("uv.lock", uv(">=1")), ("pyproject.toml", pyproject(">=1"))],
            vec!["uv lock --upgrade-package a==2.5.1 --upgrade-package b==3.0"],
        ),
        (
            vec![("api dir/uv.lock", uv("<3")), ("api dir/pyproject.toml", pyproject("<3"))],
            vec![
                "uv add --no-sync --project 'api dir' 'b[x]>=3.0'",
                "uv lock --project 'api dir' --upgrade-package a==2.5.1",
            ],
        ),
        // who blocks is upgraded along
        (vec![("poetry.lock", POETRY.to_owned()), ("pyproject.toml", poetry)], vec!["poetry update --lock a b m"]),
        (
            vec![("x/requirements.txt", compiled), ("x/requirements.in", "a\n".to_owned())],
            vec!["pip-compile --upgrade-package a==2.5.1 --output-file x/requirements.txt x/requirements.in"],
        ),
        (
            vec![("x.txt", by_uv.clone()), ("requirements/x.txt", by_uv), ("requirements/x.in", "a\n".to_owned())],
            vec!["uv pip compile --upgrade-package a==2.5.1 --output-file requirements/x.txt requirements/x.in"],
        ),
        (
            vec![("requirements.txt", "# pins\na==2.1\nb==2.0\n".to_owned())],
            vec!["sed -i '2s/2\\.1/2.5.1/' requirements.txt", "sed -i '3s/2\\.0/3.0/' requirements.txt"],
        ),
        (
            vec![("it's/requirements.txt", "a==2.1\n".to_owned())],
            vec![r"sed -i '1s/2\.1/2.5.1/' 'it'\''s/requirements.txt'"],
        ),
    ];
    for (files, expected) in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let plan = plan_of(&files, &[]);
        let commands: Vec<&String> = plan.manifests.iter().flat_map(|manifest| &manifest.commands).collect();
        assert_eq!(commands, expected, "{}", files[0].0);
    }
}

#[test]
fn who_blocks_is_said() {
    let poetry = "[tool.poetry]\nname = \"shop\"\n[tool.poetry.dependencies]\nm = \"*\"\n";
    let plan = plan_of(&[("poetry.lock", POETRY), ("pyproject.toml", poetry)], &[]);
    let place = &plan.steps[0].places[0];
    assert_eq!(place.blocked_by, ["m 1.0 requires a<2.5"]);
    assert_eq!((place.allowed_by_constraints, place.direct), (Some(false), false));
    assert!(place.note.as_ref().is_some_and(|note| note.contains("blocks")));
}

#[test]
fn what_the_project_itself_asks_for_stands_in_the_way() {
    let compiled = "# This file is autogenerated by pip-compile\na==2.1\n    # via -r requirements.in\n";
    let poetry = |range: &str| format!("[tool.poetry]\nname = \"shop\"\n[tool.poetry.dependencies]\na = \"{range}\"\n");
    let lock = "[[package]]\nname = \"a\"\nversion = \"2.1\"\n[metadata]\nlock-version = \"2.1\"\n";
    let (bare, caret, open) = (poetry("2.1"), poetry("~2.1"), poetry(">=2"));
    /// files, who blocks, the beginning of the command
    type Case<'c> = (Vec<(&'c str, &'c str)>, &'c [&'c str], &'c str);
    let cases: [Case<'_>; 7] = [
        (
            vec![("requirements.txt", compiled), ("requirements.in", "a<2.5\n")],
            &["requirements.in requires a<2.5"],
            "pip-compile",
        ),
        (
            vec![("requirements.txt", compiled), ("requirements.in", "a==2.1\n")],
            &["requirements.in requires a==2.1"],
            "pip-compile",
        ),
        (vec![("requirements.txt", compiled), ("requirements.in", "a>=2\n")], &[], "pip-compile"),
        (
            vec![("poetry.lock", lock), ("pyproject.toml", &bare)],
            &["poetry.lock requires a 2.1"],
            "poetry add --lock a==2.5.1",
        ),
        (
            vec![("poetry.lock", lock), ("pyproject.toml", &caret)],
            &["poetry.lock requires a ~2.1"],
            "poetry add --lock 'a>=2.5.1'",
        ),
        (vec![("poetry.lock", lock), ("pyproject.toml", &open)], &[], "poetry update --lock a"),
        // the pin is what is replaced
        (vec![("pyproject.toml", &bare)], &[], ""),
    ];
    for (files, blocked_by, command) in cases {
        let plan = plan_of(&files, &[]);
        let place = &plan.steps[0].places[0];
        assert_eq!(place.blocked_by, blocked_by, "{files:?}");
        assert!(place.commands.first().map_or("", String::as_str).starts_with(command), "{:?}", place.commands);
        let widened =
            place.note.as_deref().is_some_and(|note| note.contains("widen the range of a in requirements.in first"));
        assert_eq!(widened, command == "pip-compile" && !blocked_by.is_empty(), "{:?}", place.note);
    }
}
