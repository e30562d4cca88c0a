use super::layout::{WIDTH, bytes, plural, wrapped};
use super::*;
use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{FindingId, Fix, Location, Occurrence, Site, UsageClass, UseTier, Verified};
use crate::fix::plan::FixPlan;
use crate::report::{AdvisoriesUsed, SCHEMA_VERSION, Stats, Tool};
use advisories::Version;

fn finding(kind: Kind, severity: Severity, title: &str, path: &str, detail: Detail) -> Finding {
    Finding {
        id: FindingId::of(kind, &[title, path]),
        kind,
        severity,
        confidence: Confidence::High,
        title: title.to_owned(),
        rule: "rule".to_owned(),
        location: Location { path: Some(path.to_owned()), line: Some(7), ..Location::default() },
        detail,
        ignored: None,
    }
}

fn vulnerability() -> Finding {
    let detail = VulnerabilityDetail {
        package: "django".parse().unwrap(),
        version: Some(Version::new("3.2.1")),
        advisory: "PYSEC-2021-9".to_owned(),
        aliases: vec!["CVE-2021-1".to_owned(), "PYSEC-2021-9".to_owned()],
        fixed_versions: vec![Version::new("3.2.2")],
        fix: Some(Fix { version: Version::new("3.2.2"), allowed_by_constraints: Some(true), blocked_by: Vec::new() }),
        cvss: None,
        epss: Some(0.123),
        kev: Some(true),
        used: UseTier::NotImported,
        symbols_at: Vec::new(),
        imported_at: Some(vec![
            Site {
                path: "a/very/long/path/to/some/module/in/the/tree/of/the/project/views.py".to_owned(),
                line: 3
            };
            4
        ]),
        would_resolve: false,
        direct: true,
        main: true,
        via: Vec::new(),
        evidence: Vec::new(),
        affected_symbols: Vec::new(),
        references: Vec::new(),
    };
    finding(
        Kind::Vulnerability,
        Severity::High,
        "a title that goes on for quite a while so that it has to be broken over at least two lines of text",
        "uv.lock",
        Detail::Vulnerability(Box::new(detail)),
    )
}

fn plan() -> FixPlan {
    let json = r#"{"steps":[{"package":"django","version":"3.2.2","jump":"patch","severity":"high","kev":true,"epss":null,
        "clears":["PYSEC-2021-9"],"remains":[],"places":[{"manifest":"uv.lock","from":"3.2.1","direct":true,
        "allowed_by_constraints":true,"blocked_by":[],"commands":["uv lock --upgrade-package django==3.2.2"]}]}],
        "manifests":[{"manifest":"uv.lock","commands":["uv lock --upgrade-package django==3.2.2"],"verification":"resolves"}],
        "unfixed":[{"package":"left","version":"1.0","manifest":"uv.lock","advisories":["PYSEC-1"],"reason":"no fix"}]}"#;
    serde_json::from_str(json).unwrap()
}

fn secret() -> Finding {
    let occurrence = Occurrence {
        commit: Some("0123456789abcdef0123".to_owned()),
        path: Some("settings.py".to_owned()),
        line: Some(7),
        line_in_commit: None,
        column: None,
        cell: None,
        in_head: false,
        author: Some("Ada <ada@example.org>".to_owned()),
        time: Some("2024-05-06T07:08:09Z".to_owned()),
        place: None,
    };
    let detail = SecretDetail {
        provider: "GitHub".to_owned(),
        redacted: "ghp_…".to_owned(),
        fingerprint: "00".to_owned(),
        occurrences: vec![occurrence],
        in_head: false,
        verified: Verified::NotTried,
        evidence: Vec::new(),
        remedy: Some("revoke it at GitHub".to_owned()),
    };
    finding(Kind::Secret, Severity::Critical, "GitHub token", "settings.py", Detail::Secret(Box::new(detail)))
}

fn unused() -> Finding {
    let detail = UsageDetail {
        package: "left-pad".parse().unwrap(),
        manifest: "pyproject.toml".to_owned(),
        usage_class: Some(UsageClass::TestOnly),
        evidence: vec!["declared in pyproject.toml:7".to_owned()],
        modules: Vec::new(),
        remedy: Some("uv remove left-pad".to_owned()),
    };
    finding(Kind::Unused, Severity::Low, "left-pad is unused", "pyproject.toml", Detail::Usage(Box::new(detail)))
}

fn report(findings: Vec<Finding>, diagnostics: Vec<Diagnostic>) -> Report {
    let vulnerable = findings.iter().any(|finding| finding.kind == Kind::Vulnerability);
    let fix_plan = if vulnerable { plan() } else { FixPlan::default() };
    Report {
        schema_version: SCHEMA_VERSION,
        tool: Tool { name: "secretarybird".to_owned(), version: "0".to_owned(), rules_digest: "0".to_owned() },
        target: Target::Git {
            url: "https://forge.example.org/team/app".to_owned(),
            commit: Some("f".repeat(40)),
            committed_at: None,
        },
        advisories: AdvisoriesUsed {
            records: 2,
            modified: None,
            source: Some("a.zip".to_owned()),
            ..AdvisoriesUsed::default()
        },
        complete: diagnostics.iter().all(|diagnostic| !diagnostic.gap),
        policy: crate::policy::PolicyLayer::default(),
        inventory: Vec::new(),
        resolved: Vec::new(),
        findings,
        diagnostics,
        fix_plan,
        stats: Stats::default(),
    }
}

fn plain(report: &Report) -> String {
    anstream::adapter::strip_str(&render(report)).to_string()
}

#[test]
fn everything_is_said_within_eighty_columns() {
    let gap = Diagnostic::gap(Stage::Inventory, "poetry.lock".to_owned(), "expected `=`").at(3, 9);
    let text = plain(&report(vec![secret(), vulnerability(), unused()], vec![gap]));
    let said = [
        "https://forge.example.org/team/app at ffffffffff",
        "2 advisory records, newest of no date, from a.zip",
        "VULNERABLE PACKAGES (1)",
        "high     django 3.2.1  uv.lock:7",
        "and 3 more",
        "PYSEC-2021-9 (CVE-2021-1), exploited in the wild (KEV), EPSS 12.3%",
        "fix: django 3.2.2",
        "SECRETS (1)",
        "since 2024-05-06 in 0123456789 by Ada <ada@example.org>, gone from the",
        "left-pad (test-only)",
        "uv remove left-pad",
        "NOT LOOKED AT (1)",
        "- poetry.lock:3:9: expected `=`",
    ];
    for part in said {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    for line in text.lines() {
        let one_long_word = line.split_whitespace().count() == 1;
        assert!(line.chars().count() <= WIDTH || one_long_word, "{line}");
    }
}

#[test]
fn the_last_line_names_the_first_step() {
    let last = |findings, diagnostics| plain(&report(findings, diagnostics)).lines().last().map(str::to_owned).unwrap();
    let gap = || vec![Diagnostic::gap(Stage::Inventory, None, "the disk is gone")];
    assert!(last(vec![unused(), vulnerability(), secret()], gap()).starts_with("First: revoke the GitHub token"));
    assert_eq!(last(vec![unused(), vulnerability()], gap()), "First: upgrade django to 3.2.2.");
    assert_eq!(last(vec![unused()], gap()), "First: mend what could not be looked at: the disk is gone.");
    assert_eq!(last(vec![unused()], vec![]), "First: remove left-pad from pyproject.toml, nothing uses it.");
    assert!(last(vec![], vec![]).starts_with("Nothing to do"));
    let mut ignored = unused();
    ignored.ignored = Some(crate::finding::Ignored { by: "inline".to_owned(), reason: "known".to_owned() });
    assert!(last(vec![ignored], vec![]).starts_with("Nothing to do"));
}

#[test]
fn a_repository_cannot_steer_the_terminal() {
    let mut out = String::new();
    wrapped(&mut out, "", "evil\u{1b}]0;title\u{7} name", Style::Plain);
    assert_eq!(out, "evil\u{fffd}]0;title\u{fffd} name\n");
}

#[test]
fn numbers() {
    assert_eq!([plural(1, "file"), plural(2, "file"), plural(0, "advisory")], ["1 file", "2 files", "0 advisories"]);
    assert_eq!([bytes(999), bytes(1_500), bytes(2_340_000)], ["999 B", "1.5 kB", "2.3 MB"]);
}
