use super::*;
use crate::signals::Signals;

fn index(records: &[&str]) -> AdvisoryIndex {
    let records = records.iter().map(|text| crate::osv::read(text.as_bytes()).unwrap().advisory).collect();
    let signals = Signals {
        kev: Some([("CVE-1".to_owned(), "2024-01-01".to_owned())].into()),
        epss: Some([("CVE-1".to_owned(), 0.5)].into()),
    };
    AdvisoryIndex::build(records, signals, Vec::new(), "test", "2026-01-01T00:00:00Z")
}

fn record(id: &str, aliases: &str, published: &str, body: &str) -> String {
    format!(
        r#"{{"id":"{id}","aliases":[{aliases}],"published":"{published}","summary":"s {id}","affected":[{{"package":{{"ecosystem":"PyPI","name":"Pkg"}},{body}}}]}}"#
    )
}

const BELOW_2: &str = r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]"#;
const BELOW_3: &str = r#""ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"3.0"}]}]"#;

fn ask(index: &AdvisoryIndex, version: &str) -> Vec<Match> {
    index.matches(&"pkg".parse().unwrap(), &Version::new(version)).unwrap()
}

#[test]
fn aliases_join_transitively_and_the_union_decides() {
    let texts = [
        record("PYSEC-1", r#""CVE-1""#, "2024-01-02T00:00:00Z", BELOW_2),
        record("GHSA-1", r#""CVE-2""#, "2024-01-03T00:00:00Z", BELOW_3),
        record("GHSA-2", r#""CVE-1","CVE-2""#, "2024-01-04T00:00:00Z", BELOW_2),
        record("PYSEC-9", "", "2024-01-01T00:00:00Z", BELOW_2),
    ];
    let index = index(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let found = ask(&index, "1.0");
    assert_eq!(found.len(), 2);
    let group = found.iter().find(|it| it.canonical == "PYSEC-1").unwrap();
    assert_eq!(group.ids, ["CVE-1", "CVE-2", "GHSA-1", "GHSA-2", "PYSEC-1"]);
    assert_eq!(group.closing_fix, Some(Version::new("3.0")));
    assert_eq!((group.kev, group.epss), (Some(true), Some(0.5)));
    assert!(group.evidence.iter().any(|line| line == "GHSA-1 says <3.0"), "{:?}", group.evidence);

    let found = ask(&index, "2.5");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].canonical.as_str(), found[0].kev), ("GHSA-1", Some(false)));
    assert_eq!(
        found[0].evidence,
        ["GHSA-1 says <3.0", "GHSA-2 says <2.0", "GHSA-2, of the same problem, does not count 2.5 as affected"]
    );
    assert!(ask(&index, "3.0").is_empty());
}

#[test]
fn the_canonical_id_stays_when_a_feed_adds_an_alias_or_a_record() {
    let before = record("GHSA-1", "", "2024-01-01T00:00:00Z", BELOW_2);
    let after = record("GHSA-1", r#""CVE-1","PYSEC-1","AAA-1""#, "2024-01-01T00:00:00Z", BELOW_2);
    let later = record("PYSEC-1", r#""GHSA-1""#, "2024-01-05T00:00:00Z", BELOW_2);
    for records in [vec![before.as_str()], vec![after.as_str()], vec![after.as_str(), later.as_str()]] {
        let found = ask(&index(&records), "1.0");
        assert_eq!((found.len(), found[0].canonical.as_str()), (1, "GHSA-1"));
    }
}

#[test]
fn entries_by_table() {
    // (what, entry, affected, not affected)
    let cases: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "versions only",
            r#""versions":["1.0","2.0+cu118","2004d.x-q"]"#,
            &["1.0.0", "1.0+x", "2.0+cu118", "2004d.x-q"],
            &["1.1", "2.0", "2.0+cpu", "2004d.x-r"],
        ),
        (
            "versions beside a range",
            r#""versions":["5.0","1.0"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]"#,
            &["1.0", "1.5", "5.0"],
            &["2.0", "5.0.1"],
        ),
        (
            "a git range first is skipped",
            r#""ranges":[{"type":"GIT","repo":"r","events":[{"introduced":"0"}]},{"type":"ECOSYSTEM","events":[{"introduced":"1"},{"fixed":"2"}]}]"#,
            &["1.0"],
            &["0.9", "2"],
        ),
        (
            "SEMVER is read as PEP 440",
            r#""ranges":[{"type":"SEMVER","events":[{"introduced":"1.0.0"},{"fixed":"2.0.0"}]}]"#,
            &["1", "1.5"],
            &["2"],
        ),
        ("neither", r#""versions":[]"#, &[], &["1.0"]),
    ];
    for (what, entry, affected, free) in cases {
        let text = record("PYSEC-1", "", "2024-01-01T00:00:00Z", entry);
        let index = index(&[&text]);
        for version in *affected {
            assert_eq!(ask(&index, version).len(), 1, "{what}: {version}");
        }
        for version in *free {
            assert_eq!(ask(&index, version).len(), 0, "{what}: {version}");
        }
    }
}

#[test]
fn withdrawn_and_foreign_records_match_nothing_and_the_newer_copy_counts() {
    let withdrawn = record("PYSEC-1", "", "2024-01-01T00:00:00Z", BELOW_2).replacen(
        '{',
        r#"{"withdrawn":"2024-02-01T00:00:00Z","#,
        1,
    );
    let foreign = record("PYSEC-2", "", "2024-01-01T00:00:00Z", BELOW_2).replace("PyPI", "npm");
    let old = record("PYSEC-3", "", "2024-01-01T00:00:00Z", BELOW_3).replacen(
        '{',
        r#"{"modified":"2024-02-01T00:00:00Z","#,
        1,
    );
    let new = record("PYSEC-3", "", "2024-01-01T00:00:00Z", BELOW_2).replacen(
        '{',
        r#"{"modified":"2024-02-01T00:00:00.5Z","#,
        1,
    );
    let index = index(&[&withdrawn, &foreign, &new, &old]);
    assert_eq!(index.records(), 3);
    assert_eq!(ask(&index, "1.0").len(), 1);
    assert!(ask(&index, "2.0").is_empty());
    assert!(index.find("pysec-1").unwrap()[0].withdrawn.is_some());
}

#[test]
fn malicious_packages_are_critical() {
    let text = record("MAL-2024-1", "", "2024-01-01T00:00:00Z", r#""versions":["1.0"]"#);
    let found = ask(&index(&[&text]), "1.0");
    assert!(found[0].malicious);
    assert_eq!(found[0].severity, Severity::Critical);
}

#[test]
fn a_commit_decides_over_the_version_and_over_records_of_the_same_problem() {
    const COMMITS: &str = r#""ranges":[{"type":"GIT","repo":"https://h.example.org/pkg","events":[{"introduced":"0"},{"fixed":"ccccccccccccccccccccc"}]},
        {"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"2.0"}]}]"#;
    const ENUMERATED: &str = r#""versions":["ddddddddddddddddddddd"],"ranges":[{"type":"GIT","repo":"https://h.example.org/pkg","events":[{"introduced":"0"},{"fixed":"eeeeeeeeeeeeeeeeeeeee"}]}]"#;
    let texts = [
        record("PYSEC-1", r#""CVE-1""#, "2024-01-01T00:00:00Z", COMMITS),
        record("GHSA-1", r#""CVE-1""#, "2024-01-02T00:00:00Z", BELOW_2),
        record("PYSEC-2", "", "2024-01-03T00:00:00Z", ENUMERATED),
    ];
    let index = index(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let name = "pkg".parse().unwrap();
    let ask = |version: Option<&str>, url: &str, letter: &str| {
        let commit = letter.repeat(21);
        let pin = Pin { url, commit: &commit };
        let version = version.map(Version::new);
        let found = index.matches_pinned(&name, version.as_ref(), &pin, &git_pin::NoHistory).unwrap();
        let ids: Vec<String> = found.matches.iter().map(|it| it.records.join("+")).collect();
        (ids, found)
    };
    let here = "git@h.example.org:pkg.git";
    // (version, where, commit, the groups that match)
    let cases = [
        (Some("1.0"), here, "a", vec!["PYSEC-1+GHSA-1"]),
        (Some("1.0"), here, "c", vec![]),
        (Some("1.0"), "https://h.example.org/fork", "c", vec!["PYSEC-1+GHSA-1"]),
        (Some("2.0"), here, "d", vec!["PYSEC-2"]),
        (None, here, "d", vec!["PYSEC-2"]),
        (None, here, "a", vec![]),
    ];
    for (version, url, commit, expected) in cases {
        assert_eq!(ask(version, url, commit).0, expected, "{version:?} {url} {commit}");
    }
    let (_, cleared) = ask(Some("1.0"), here, "c");
    assert_eq!(cleared.cleared, ["the commit cccccccccc is the one that fixes PYSEC-1"]);
    let (_, open) = ask(Some("1.0"), here, "a");
    assert!(open.matches[0].evidence.iter().any(|line| line.starts_with("the version decides")), "{open:?}");
    let (_, named) = ask(None, here, "d");
    assert_eq!(named.matches[0].evidence, ["PYSEC-2 lists the commit dddddddddd"]);
}
