use super::*;
use crate::inventory;
use crate::repository::MemorySnapshot;

const NOW: &str = "2026-06-01T00:00:00Z";

/// A project with (version, upload day, yanked) files and a status.
fn project(name: &str, files: &[(&str, &str, &str)], status: &str) -> (PackageName, Result<Project, IndexError>) {
    let file = |(version, day, yanked): &(&str, &str, &str)| {
        format!(
            r#"{{"filename":"{}-{version}-py3-none-any.whl","url":"https://files.example.org/x","hashes":{{}},"upload-time":"{day}T00:00:00Z","yanked":{yanked}}}"#,
            name.replace('-', "_")
        )
    };
    let files: Vec<String> = files.iter().map(file).collect();
    let page = format!(
        r#"{{"meta":{{"api-version":"1.4"}},"name":"{name}","files":[{}],"project-status":{status}}}"#,
        files.join(",")
    );
    let name: PackageName = name.parse().unwrap();
    let base = url::Url::parse("https://index.example.org/simple/x/").unwrap();
    (name.clone(), Ok(Project::read(&name, &base, page.as_bytes()).unwrap()))
}

fn found(pins: &str, answers: &[(PackageName, Result<Project, IndexError>)]) -> Vec<String> {
    let inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", pins.as_bytes())]));
    let answers: Answers = answers.iter().cloned().collect();
    let standing = judge(&inventory, &answers, None, NOW.parse().unwrap());
    let row = |finding: &Finding| {
        let fix = match &finding.detail {
            Detail::Vulnerability(detail) => detail.fix.as_ref().map(|fix| format!(" -> {}", fix.version)),
            _ => None,
        };
        format!("{} {} {:?}{}", finding.kind, finding.rule, finding.confidence, fix.unwrap_or_default())
    };
    standing.findings.iter().map(row).collect()
}

#[test]
fn releases_taken_back_and_projects_that_stand_badly() {
    const ACTIVE: &str = r#"{"status":"active"}"#;
    let (old, young) = ("2015-01-01", "2026-05-01");
    let releases: Vec<(&str, &str, &str)> =
        vec![("1.0", old, "\"broken\""), ("1.1", old, "true"), ("1.2rc1", old, "false"), ("1.2", old, "false")];
    // (pins, the index's answer, what is found)
    let cases = [
        ("a==1.0", project("a", &releases, ACTIVE), vec!["yanked yanked High -> 1.2"]),
        ("a==1.2", project("a", &releases, ACTIVE), vec![]),
        ("a>=1.0", project("a", &releases, ACTIVE), vec![]),
        ("a==1.0", project("a", &releases[..1], ACTIVE), vec!["yanked yanked High"]),
        (
            "a==1.2",
            project("a", &releases, r#"{"status":"quarantined","reason":"malware"}"#),
            vec!["malicious quarantined Medium"],
        ),
        ("a==1.2", project("a", &releases, r#"{"status":"archived"}"#), vec!["posture archived-package High"]),
        ("a==1.2", project("a", &releases, r#"{"status":"deprecated"}"#), vec!["posture deprecated-package High"]),
        ("a==1.2", project("a", &releases, r#"{"status":"something new"}"#), vec![]),
        ("reqeusts==1.0", project("reqeusts", &[("1.0", young, "false")], ACTIVE), vec!["posture typosquat Medium"]),
        (
            "reqeusts==1.0",
            project("reqeusts", &[("1.0", "2025-12-01", "false")], ACTIVE),
            vec!["posture typosquat Low"],
        ),
        // an old project is no attack, however it is called
        ("reqeusts==1.0", project("reqeusts", &[("1.0", old, "false")], ACTIVE), vec![]),
        ("requests==1.0", project("requests", &[("1.0", young, "false")], ACTIVE), vec![]),
    ];
    for (pins, answer, expected) in cases {
        assert_eq!(found(pins, std::slice::from_ref(&answer)), expected, "{pins} {answer:?}");
    }
}

#[test]
fn other_indexes_are_not_asked_about_and_silence_is_said() {
    let (name, _) = project("a", &[], "{}");
    let pins = "--index-url https://packages.example.org/simple\na==1.0\n";
    let inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", pins.as_bytes())]));
    let of_index = inventory.manifests[0].packages[0].source != Source::DEFAULT_INDEX;
    assert!(!of_index || wanted(&inventory).next().is_none());

    let inventory = inventory::read(&MemorySnapshot::new([("requirements.txt", &b"a==1.0\n"[..])]));
    let said = |error: IndexError| {
        let answers: Answers = [(name.clone(), Err(error))].into();
        judge(&inventory, &answers, None, NOW.parse().unwrap()).diagnostics
    };
    let offline = said(IndexError::Offline { what: "a".to_owned() });
    assert!(offline[0].reason.contains("not looked at") && !offline[0].gap, "{offline:?}");
    assert!(said(IndexError::Absent { what: "a".to_owned() }).is_empty());
}
