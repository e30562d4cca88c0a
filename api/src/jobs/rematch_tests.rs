use advisories::Version;
use advisories::git_pin::NoHistory;
use jiff::Timestamp;
use scanner::Kind;
use scanner::finding::Fix;
use scanner::fix::NoReleases;
use serde_json::{Value, json};

use super::*;
use crate::store::life::{self, Sighting};

const REPOSITORY: &str = "forge.example.org/acme/site";

fn record(id: &str, name: &str, fixed: &str) -> Value {
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

fn index(records: &[Value]) -> AdvisoryIndex {
    // an index is never empty
    let all: Vec<Value> = records.iter().cloned().chain([record("PYSEC-0", "of-nobody", "1")]).collect();
    let json = Value::Array(all).to_string();
    advisories::load::load_bytes(json.as_bytes(), std::path::Path::new("test.json"), "2026-11-24T00:00:00Z").unwrap()
}

fn package(name: &str, source: Value) -> Value {
    json!({"name": name, "version": "1.0", "source": source, "direct": true, "groups": [], "extras": [],
        "specifier": null, "marker": null, "line": 3, "via": [], "main": true})
}

/// A scan of `lib` and `evil` 1.0 from the index, `pinned` from a commit, and `loose` that would resolve to 1.0.
fn report(findings: Vec<Finding>) -> Report {
    let index = json!({"kind": "index", "url": null});
    let git = json!({"kind": "git", "url": "https://h.example.org/pinned", "reference": null, "commit": "d".repeat(40), "subdirectory": null});
    let packages = [package("lib", index.clone()), package("evil", index.clone()), package("pinned", git)];
    serde_json::from_value(json!({
        "schema_version": 1, "tool": {"name": "", "version": "", "rules_digest": ""},
        "target": {"kind": "git", "url": "https://forge.example.org/acme/site", "commit": null},
        "advisories": {"records": 1, "modified": null, "source": "s"}, "complete": true,
        "inventory": [{"path": "uv.lock", "format": "uv", "role": "locked", "packages": packages},
            {"path": "api/pyproject.toml", "format": "pyproject", "packages": []}],
        "resolved": [{"path": "api/pyproject.toml", "format": "pyproject", "role": "resolved", "packages": [package("loose", index)]}],
        "findings": findings, "diagnostics": [],
        "stats": {"blobs": 0, "blob_bytes": 0, "packages": 0, "files": 0, "duration_ms": {}}}))
    .unwrap()
}

fn changed(report: &Report, index: &AdvisoryIndex, releases: &dyn Releases) -> Change {
    let repository: RepositoryId = serde_json::from_value(json!(REPOSITORY)).unwrap();
    let at = Sighting { tenant: &Tenant::default(), repository: &repository, scan: None, now: Timestamp::UNIX_EPOCH };
    let records =
        report.findings.iter().map(|finding| (finding.id.clone(), life::seen(None, finding, &at).0)).collect();
    let known = Known { index, ancestry: &NoHistory, releases };
    change(report, &[], &records, &known, &repository, &|_| true).unwrap()
}

/// What a scan of the inventory found.
fn found(index: &AdvisoryIndex) -> Vec<Finding> {
    changed(&report(Vec::new()), index, &NoReleases).opened
}

fn detail(finding: &Finding) -> &VulnerabilityDetail {
    let Detail::Vulnerability(detail) = &finding.detail else { panic!("{finding:?}") };
    detail
}

fn only(findings: &[Finding]) -> &Finding {
    let [finding] = findings else { panic!("{findings:#?}") };
    finding
}

#[test]
fn the_fix_of_a_stored_finding_follows_the_advisories() {
    let before = found(&index(&[record("PYSEC-1", "lib", "2.0")]));
    assert_eq!(detail(only(&before)).fix.as_ref().map(|fix| fix.version.as_str()), Some("2.0"));
    let report = report(before.clone());
    /// advisories now, opened or renewed with which fix, how many withdrawn
    type Case<'c> = (&'c [Value], Vec<(&'c str, &'c str)>, usize);
    let two = [record("PYSEC-1", "lib", "2.0"), record("PYSEC-2", "lib", "3.0")];
    let cases: [Case<'_>; 4] = [
        (&[record("PYSEC-1", "lib", "2.0")], vec![], 0),
        (&[record("PYSEC-1", "lib", "2.0.1")], vec![("PYSEC-1", "2.0.1")], 0),
        // the old finding is renewed beside the new one: only 3.0 clears both
        (&two, vec![("PYSEC-1", "3.0"), ("PYSEC-2", "3.0")], 0),
        (&[], vec![], 1),
    ];
    for (advisories, expected, withdrawn) in cases {
        let change = changed(&report, &index(advisories), &NoReleases);
        let mut opened: Vec<_> = change
            .opened
            .iter()
            .map(|finding| (finding.rule.as_str(), detail(finding).fix.as_ref().map_or("", |fix| fix.version.as_str())))
            .collect();
        opened.sort_unstable();
        assert_eq!((opened, change.withdrawn.len()), (expected, withdrawn), "{advisories:?}");
    }
    let renewed = changed(&report, &index(&[record("PYSEC-1", "lib", "2.0.1")]), &NoReleases);
    let renewed = only(&renewed.opened);
    assert_eq!(renewed.id, before[0].id, "the same problem");
    assert_eq!(detail(renewed).fixed_versions, [Version::new("2.0.1")]);
}

/// An index where 2.0 was taken back and 2.1 is published.
struct Yanked;

impl Releases for Yanked {
    fn is_usable(&self, _: &PackageName, version: &Version) -> Option<bool> {
        Some(*version != Version::new("2.0"))
    }

    fn next(&self, _: &PackageName, version: &Version, _: bool) -> Option<Version> {
        Some(Version::new("2.1")).filter(|next| next > version)
    }
}

#[test]
fn a_release_that_was_taken_back_is_not_advised_by_a_rematch() {
    let index = index(&[record("PYSEC-1", "lib", "2.0")]);
    let change = changed(&report(Vec::new()), &index, &Yanked);
    let fix = Fix { version: Version::new("2.1"), allowed_by_constraints: None, blocked_by: Vec::new() };
    assert_eq!(detail(only(&change.opened)).fix, Some(fix));
}

#[test]
fn what_the_package_index_said_outlives_the_advisories_and_what_they_said_does_not() {
    let mut malicious = found(&index(&[json!({"id": "MAL-2026-1", "modified": "2026-01-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": "PyPI", "name": "evil"}, "versions": ["1.0"]}]})]));
    assert_eq!(only(&malicious).kind, Kind::Malicious);
    let mut quarantined = malicious[0].clone();
    quarantined.id = FindingId::of(Kind::Malicious, &["uv.lock", "evil", "quarantined"]);
    quarantined.rule = "quarantined".to_owned();
    if let Detail::Vulnerability(detail) = &mut quarantined.detail {
        (detail.advisory, detail.aliases) = ("quarantined".to_owned(), Vec::new());
    }
    let by_advisory = malicious[0].id.clone();
    malicious.push(quarantined);
    let change = changed(&report(malicious), &index(&[]), &NoReleases);
    assert_eq!((change.withdrawn, change.opened.len()), (vec![by_advisory], 0));
}

#[test]
fn what_would_resolve_and_how_the_code_uses_it_stand_after_a_rematch() {
    let index = index(&[record("PYSEC-1", "lib", "2.0"), record("PYSEC-3", "loose", "2.0")]);
    let mut before = found(&index);
    assert_eq!(before.iter().filter(|finding| detail(finding).would_resolve).count(), 1, "{before:#?}");
    for finding in &mut before {
        if let Detail::Vulnerability(detail) = &mut finding.detail {
            (detail.used, detail.imported_at) = (UseTier::NotImported, Some(Vec::new()));
        }
    }
    let change = changed(&report(before), &index, &NoReleases);
    assert_eq!((change.opened.len(), change.withdrawn.len()), (0, 0), "{:#?}", change.opened);
}

#[test]
fn a_commit_that_only_a_history_decides_keeps_its_finding_where_none_is_at_hand() {
    let advisory = |fixed: &str| {
        json!({"id": "PYSEC-4", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "PyPI", "name": "pinned"},
            "versions": ["0.1"],
            "ranges": [{"type": "GIT", "repo": "https://h.example.org/pinned", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
    };
    // found by a scan that had the history; its version alone says nothing
    let mut known = found(&index(&[record("PYSEC-4", "pinned", "2.0")]));
    assert_eq!(known.len(), 1);
    let report = report(std::mem::take(&mut known));
    let open = changed(&report, &index(&[advisory(&"c".repeat(40))]), &NoReleases);
    assert_eq!((open.opened.len(), open.withdrawn.len()), (0, 0));
    // the advisory names the commit itself as fixed: that needs no history
    let fixed = changed(&report, &index(&[advisory(&"d".repeat(40))]), &NoReleases);
    assert_eq!((fixed.opened.len(), fixed.withdrawn.len()), (0, 1));
}
