//! A store of many repositories with many findings each, as scans would have made it.

use std::path::{Path, PathBuf};

use advisories::Severity;
use api::config::ServerConfig;
use api::jobs::{Digests, Look as _};
use api::knowledge::Advisories;
use api::look::Scanner;
use api::store::record::{NewRepository, RepositoryId, ScanFinding, ScanId, ScanRecord, Tenant};
use api::store::{ScanCommit, Store};
use jiff::Timestamp;
use scanner::finding::{Confidence, Detail, Location, PostureDetail};
use scanner::report::{AdvisoriesUsed, Report, Stats, Target, Tool};
use scanner::{Finding, FindingId, Kind};

/// How large.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Repositories.
    pub repositories: usize,
    /// Findings of each.
    pub findings: usize,
}

/// A repository that was scanned.
pub struct Scanned {
    pub id: RepositoryId,
    pub commit: String,
}

/// A directory with one advisory, so that there are some.
pub fn advisories(directory: &Path) -> PathBuf {
    let osv = directory.join("osv");
    std::fs::create_dir_all(&osv).unwrap();
    let record = serde_json::json!({"id": "PYSEC-2099-1", "modified": "2026-01-02T00:00:00Z", "affected": [
        {"package": {"name": "acme", "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]});
    std::fs::write(osv.join("PYSEC-2099-1.json"), record.to_string()).unwrap();
    osv
}

/// With what a service of this configuration looks, so that it takes the scans for current.
pub fn digests(config: &ServerConfig) -> Digests {
    let known = std::sync::Arc::new(Advisories::open(config));
    Scanner::open(config, known).unwrap().digests()
}

/// Commits two scans for each repository; a store that has them already is left as it is.
pub async fn build(store: &Store, size: Size, digests: &Digests) -> Vec<Scanned> {
    let mut scanned = Vec::with_capacity(size.repositories);
    for number in 0..size.repositories {
        let new = NewRepository {
            tenant: Tenant::default(),
            url: format!("https://git.example.org/organisation-{}/repository-{number}", number % 100),
            default_branch: Some("main".to_owned()),
            name: None,
            forge: None,
        };
        let (record, fresh) = store.register(new, Timestamp::now()).await.unwrap();
        let commit = format!("{number:040x}");
        if fresh {
            // the commit before has all but the last five, so that the gate has something new to tell
            let before =
                scan(&record.id, &base_of(number), None, report(number, size.findings.saturating_sub(5)), digests);
            store.commit_scan(before, Timestamp::now()).await.unwrap();
            let head = scan(&record.id, &commit, Some(base_of(number)), report(number, size.findings), digests);
            store.commit_scan(head, Timestamp::now()).await.unwrap();
        }
        scanned.push(Scanned { id: record.id, commit });
    }
    scanned
}

fn base_of(number: usize) -> String {
    format!("b{number:039x}")
}

fn scan(
    repository: &RepositoryId,
    commit: &str,
    base: Option<String>,
    report: Report,
    digests: &Digests,
) -> ScanCommit {
    let now = Timestamp::now();
    let scan = ScanRecord {
        id: ScanId::fresh(),
        tenant: Tenant::default(),
        repository: repository.clone(),
        commit: Some(commit.to_owned()),
        reference: Some("refs/heads/main".to_owned()),
        tracked: base.is_some(),
        base,
        complete: true,
        rules_digest: digests.rules.clone(),
        advisories_digest: digests.advisories.clone(),
        advisories: AdvisoriesUsed::default(),
        job: None,
        request_id: "benchmark".to_owned(),
        started_at: now,
        committed_at: now,
        findings: report.findings.iter().map(ScanFinding::of).collect(),
        gaps: vec![],
        ignores: vec![],
        report_bytes: 0,
    };
    ScanCommit { job: None, scan, report, follow_up: vec![] }
}

/// Most findings of a real store are old and low: one in fifty counts at the gate.
fn report(repository: usize, findings: usize) -> Report {
    let finding = |number: usize| {
        let name = format!("check {repository} {number}");
        Finding {
            id: FindingId::of(Kind::Posture, &[&name]),
            kind: Kind::Posture,
            severity: if number.is_multiple_of(50) { Severity::High } else { Severity::Low },
            confidence: Confidence::High,
            title: format!("A workflow runs an action that is pinned to no commit ({number})"),
            rule: format!("check-{}", number % 20),
            location: Location {
                path: Some(format!(".github/workflows/build-{number}.yml")),
                line: Some(12),
                ..Location::default()
            },
            detail: Detail::Posture(Box::new(PostureDetail {
                check: "actions-pinned".to_owned(),
                evidence: vec!["uses: acme/action@v4".to_owned(), "the tag can be moved".to_owned()],
            })),
            ignored: None,
        }
    };
    Report {
        schema_version: 1,
        tool: Tool { name: "secretarybird".to_owned(), version: "0".to_owned(), rules_digest: "rules".to_owned() },
        target: Target::Git { url: "https://git.example.org/a".to_owned(), commit: None, committed_at: None },
        advisories: AdvisoriesUsed::default(),
        complete: true,
        policy: scanner::policy::PolicyLayer::default(),
        inventory: vec![],
        fix_plan: scanner::fix::plan::FixPlan::default(),
        resolved: vec![],
        findings: (0..findings).map(finding).collect(),
        diagnostics: vec![],
        stats: Stats::default(),
    }
}
