use advisories::Severity::{Critical, High, Low, Medium, Unknown};

use super::*;
use crate::finding::{FindingId, Ignored, Location, UseTier, VulnerabilityDetail};

fn layer(text: &str) -> PolicyLayer {
    toml::from_str(text).unwrap()
}

fn vulnerability(severity: Severity) -> Finding {
    Finding {
        id: FindingId::of(Kind::Vulnerability, &["a"]),
        kind: Kind::Vulnerability,
        severity,
        confidence: Confidence::High,
        title: String::new(),
        rule: "CVE-1".to_owned(),
        location: Location::default(),
        detail: Detail::Vulnerability(Box::new(VulnerabilityDetail {
            package: "lib".parse().unwrap(),
            version: None,
            advisory: "CVE-1".to_owned(),
            aliases: vec!["CVE-1".to_owned()],
            fixed_versions: Vec::new(),
            fix: None,
            cvss: None,
            epss: None,
            kev: None,
            used: UseTier::Unknown,
            symbols_at: Vec::new(),
            imported_at: None,
            would_resolve: false,
            direct: true,
            main: true,
            via: Vec::new(),
            evidence: Vec::new(),
            affected_symbols: Vec::new(),
            references: Vec::new(),
        })),
        ignored: None,
    }
}

fn with(severity: Severity, change: impl FnOnce(&mut VulnerabilityDetail)) -> Finding {
    let mut finding = vulnerability(severity);
    if let Detail::Vulnerability(detail) = &mut finding.detail {
        change(detail);
    }
    finding
}

fn of_kind(kind: Kind, severity: Severity) -> Finding {
    Finding { kind, ..vulnerability(severity) }
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

fn unseen() -> Circumstances {
    Circumstances { first_seen: None, now: at("2026-11-10T00:00:00Z") }
}

fn first_seen(time: &str) -> Circumstances {
    Circumstances { first_seen: Some(at(time)), ..unseen() }
}

#[test]
fn what_fails_and_by_which_rule() {
    let dev = with(High, |detail| detail.main = false);
    let idle = with(High, |detail| detail.used = UseTier::NotImported);
    let used = with(High, |detail| detail.used = UseTier::Imported);
    let exploited = with(Low, |detail| detail.kev = Some(true));
    let exploited_dev = with(Low, |detail| (detail.kev, detail.main) = (Some(true), false));
    let likely = with(Low, |detail| detail.epss = Some(0.6));
    let ignored = Finding { ignored: Some(Ignored { by: "x".into(), reason: "y".into() }), ..vulnerability(Critical) };
    let unsure = Finding { confidence: Confidence::Low, ..vulnerability(Critical) };
    /// policy, finding, circumstances → fails, judged as, a word of the deciding reason
    type Case<'c> = (&'c str, Finding, Circumstances, bool, Severity, &'c str);
    let cases: Vec<Case<'_>> = vec![
        ("", vulnerability(Medium), unseen(), true, Medium, "fail-on = \"medium\" is reached (the default)"),
        ("", vulnerability(Low), unseen(), false, Low, "is not reached"),
        ("", vulnerability(Unknown), unseen(), true, Medium, "is reached"),
        ("fail-on = \"high\"", vulnerability(Unknown), unseen(), false, Medium, "is not reached (file)"),
        ("fail-on = \"low\"", of_kind(Kind::Posture, Unknown), unseen(), false, Unknown, "is not reached"),
        ("fail-on = \"none\"", vulnerability(Critical), unseen(), false, Critical, "fail-on = \"none\""),
        ("", unsure, unseen(), false, Critical, "low confidence"),
        ("", ignored, unseen(), false, Critical, "ignored by x: y"),
        ("[kinds]\nunused = \"none\"", of_kind(Kind::Unused, High), unseen(), false, High, "kinds.unused"),
        ("[kinds]\nunused = \"none\"", vulnerability(High), unseen(), true, High, "fail-on"),
        (
            "fail-on = \"none\"\n[kinds]\nsecret = \"low\"",
            of_kind(Kind::Secret, Low),
            unseen(),
            true,
            Low,
            "kinds.secret",
        ),
        ("dev = \"low\"", dev.clone(), unseen(), false, Low, "is not reached"),
        ("dev = \"low\"", vulnerability(High), unseen(), true, High, "is reached"),
        ("dev = \"critical\"", dev.clone(), unseen(), true, High, "is reached"),
        ("dev = \"low\"", Finding { kind: Kind::Malicious, ..dev }, unseen(), true, High, "is reached"),
        ("not-imported = \"low\"", idle, unseen(), false, Low, "is not reached"),
        ("not-imported = \"low\"", used, unseen(), true, High, "is reached"),
        ("not-imported = \"low\"", vulnerability(High), unseen(), true, High, "is reached"),
        ("kev = \"critical\"", exploited, unseen(), true, Critical, "is reached"),
        ("kev = \"critical\"\ndev = \"low\"", exploited_dev, unseen(), true, Critical, "is reached"),
        ("kev = \"critical\"", vulnerability(Low), unseen(), false, Low, "is not reached"),
        ("epss = { from = 0.5, severity = \"high\" }", likely.clone(), unseen(), true, High, "is reached"),
        ("epss = { from = 0.7, severity = \"high\" }", likely, unseen(), false, Low, "is not reached"),
        (
            "grace-days = 7",
            vulnerability(High),
            first_seen("2026-11-04T00:00:00Z"),
            false,
            High,
            "passes until 2026-11-11",
        ),
        ("grace-days = 7", vulnerability(High), first_seen("2026-11-03T00:00:00Z"), true, High, "is reached"),
        ("grace-days = 7", vulnerability(High), unseen(), true, High, "is reached"),
        ("grace-days = 7", of_kind(Kind::Secret, High), first_seen("2026-11-09T00:00:00Z"), true, High, "is reached"),
        (
            "grace-days = 7",
            of_kind(Kind::Malicious, High),
            first_seen("2026-11-09T00:00:00Z"),
            true,
            High,
            "is reached",
        ),
    ];
    for (text, finding, known, fails, severity, reason) in cases {
        let decision = Policy::of(&[("file", &layer(text))]).judge(&finding, known);
        assert_eq!((decision.fails, decision.severity), (fails, severity), "{text}: {:?}", decision.reasons);
        let last = decision.reasons.last().unwrap();
        assert!(last.contains(reason), "{text}: {last}");
    }
}

#[test]
fn layers() {
    let judged = |layers: &[(&str, &str)]| {
        let layers: Vec<(&str, PolicyLayer)> = layers.iter().map(|(name, text)| (*name, layer(text))).collect();
        let borrowed: Vec<(&str, &PolicyLayer)> = layers.iter().map(|(name, layer)| (*name, layer)).collect();
        let policy = Policy::of(&borrowed);
        let age = policy.max_feed_age();
        (policy.fail_on.value, policy.fail_on.by.clone(), policy.new_only(), policy.dev.value, age)
    };
    let cases: [(&[(&str, &str)], _); 6] = [
        (&[], (Threshold::Medium, "the default", true, None, None)),
        (
            &[("server", "fail-on = \"high\""), ("repository", "fail-on = \"low\"\nnew-only = false")],
            (Threshold::Low, "repository", false, None, None),
        ),
        (
            &[("server", "fail-on = \"low\"\nmax-feed-age = \"3h\""), ("repository", "fail-on = \"none\"")],
            (Threshold::None, "repository", true, None, Some("3h".parse().unwrap())),
        ),
        (
            &[
                ("server", "fail-on = \"low\"\nnew-only = false\nmax-feed-age = \"3h\"\nstricter-wins = true"),
                ("repository", "fail-on = \"none\"\nnew-only = true\nmax-feed-age = \"9h\"\ndev = \"low\""),
            ],
            (Threshold::Low, "server", false, None, Some("3h".parse().unwrap())),
        ),
        (
            &[
                ("server", "dev = \"low\"\nstricter-wins = true"),
                ("repository", "dev = \"medium\"\nmax-feed-age = \"9h\""),
            ],
            (Threshold::Medium, "the default", true, Some(Medium), Some("9h".parse().unwrap())),
        ),
        (
            &[
                ("server", "fail-on = \"high\""),
                ("organisation", "stricter-wins = true"),
                ("repository", "fail-on = \"critical\""),
                ("command line", "fail-on = \"medium\""),
            ],
            (Threshold::Medium, "command line", true, None, None),
        ),
    ];
    for (written, (threshold, by, new_only, dev, age)) in cases {
        assert_eq!(judged(written), (threshold, by.to_owned(), new_only, dev, age), "{written:?}");
    }
}

#[test]
fn an_unknown_key_or_word_is_refused() {
    for text in ["fail-onn = \"low\"", "fail-on = \"lowish\"", "[kinds]\nsecrets = \"low\"", "epss = { from = 1 }"] {
        assert!(toml::from_str::<PolicyLayer>(text).is_err(), "{text}");
    }
}
