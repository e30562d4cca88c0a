//! What the store promises, on each backend: sled in a temporary directory, PostgreSQL as a cluster of its own.

mod findings;
mod jobs;
mod keeping;

use advisories::{PackageName, Severity, Version};
use scanner::finding::{Confidence, Detail, Location, PostureDetail, SecretDetail, Verified, VulnerabilityDetail};
use scanner::inventory::Manifest;
use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};
use scanner::{Diagnostic, Kind, Stage};

use jiff::{SignedDuration, Timestamp};
use scanner::{Finding, FindingId, Report};

use super::record::{
    AuditRecord, Enqueued, ErrorClass, EventKind, FindingState, JobError, JobId, JobKind, JobState, LeaseToken,
    MessageId, MessageState, NewJob, NewMessage, NewRepository, Outcome, PackageUse, Priority, RepositoryRecord,
    ScanId, ScanRecord, ScanSpec, StoredResponse, Tenant, Triage, Trigger,
};
use super::*;
use findings::*;
use jobs::*;
use keeping::*;
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

/// Which backend.
#[derive(Debug, Clone, Copy)]
enum On {
    Sled,
    #[cfg(feature = "real-parts")]
    Postgres,
}

/// Where a store is, so that it can be opened again.
enum Place {
    Directory(tempfile::TempDir),
    #[cfg(feature = "real-parts")]
    Database(String),
}

impl Place {
    async fn open(&self) -> Store {
        let store = match self {
            Self::Directory(directory) => Store::open(directory.path()).unwrap(),
            #[cfg(feature = "real-parts")]
            Self::Database(address) => Store::connect(address).await.unwrap(),
        };
        store.bring_forward().await.unwrap();
        store
    }
}

#[cfg(feature = "real-parts")]
#[path = "../../../tests/postgres/cluster.rs"]
mod cluster;

async fn open(on: On) -> (Place, Store) {
    let place = match on {
        On::Sled => Place::Directory(tempfile::tempdir().unwrap()),
        #[cfg(feature = "real-parts")]
        On::Postgres => {
            static CLUSTER: std::sync::OnceLock<cluster::Cluster> = std::sync::OnceLock::new();
            Place::Database(CLUSTER.get_or_init(cluster::Cluster::start).database())
        }
    };
    let store = place.open().await;
    (place, store)
}

/// Every test of the contract, on each backend.
macro_rules! contract {
    ($($name:ident)*) => {
        mod on_sled {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::On::Sled).await;
            })*
        }
        #[cfg(feature = "real-parts")]
        mod on_postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::On::Postgres).await;
            })*
        }
    };
}

contract! {
    what_is_accepted_together_spares_what_was_decided_before
    a_manifest_that_was_renamed_takes_its_findings_along
    a_scan_with_other_advisories_than_those_in_force_is_noted_until_it_was_matched
    jobs_about_a_commit_are_found_by_it
    a_message_is_sent_under_a_lease_until_it_is_delivered_or_given_up
    one_process_leads_until_it_leaves_or_is_silent
    a_store_of_another_version_is_brought_forward_or_refused
    a_delivery_is_accepted_once_and_survives_reopening
    pushes_to_one_ref_join_while_they_wait_and_never_run_side_by_side
    turns_go_by_priority_then_round_the_organisations_under_the_host_cap
    a_lost_lease_commits_nothing_and_a_dead_worker_s_job_runs_again_until_it_is_given_up
    cancelling_stops_what_waits_and_tells_what_runs
    scans_open_fix_and_reopen_findings_and_events_go_out_once
    triage_survives_scans_and_a_new_canonical_id_and_ends_on_its_day
    one_secret_is_found_in_every_repository_that_has_it
    lists_page_through_everything_once_in_order_and_a_cursor_fits_its_list_only
    who_has_a_package_follows_the_head_and_a_rematch_reaches_it_once
    a_key_answers_the_same_request_again_and_no_other
    an_export_comes_back_byte_equal_and_a_cut_one_is_refused
    reindexing_changes_nothing_of_a_sound_store_and_retention_spares_findings_and_the_head
}

async fn registered(store: &Store, name: &str) -> RepositoryRecord {
    let new = NewRepository {
        tenant: Tenant::default(),
        url: format!("https://git.example.org/{name}"),
        default_branch: Some("main".into()),
        name: None,
        forge: None,
    };
    store.register(new, at(0)).await.unwrap().0
}

fn push(repository: &RepositoryRecord, reference: &str, commit: &str, priority: Priority) -> NewJob {
    NewJob {
        tenant: repository.tenant.clone(),
        kind: JobKind::Scan(ScanSpec {
            repository: repository.id.clone(),
            reference: Some(reference.into()),
            commit: Some(commit.into()),
            base: Some(format!("before {commit}")),
            trigger: Trigger::Push,
        }),
        priority,
        organisation: repository.organisation.clone(),
        host: repository.host.clone(),
        coalesce: Some(format!("scan {} {reference}", repository.id)),
        request_id: format!("request {commit}"),
        ready_at: at(0),
        sweep: None,
    }
}

fn asks() -> Claim {
    Claim {
        worker: "w".into(),
        token: LeaseToken::fresh(),
        lease: SignedDuration::from_secs(30),
        least: Priority::Sweep,
        host_cap: 2,
        running_cap: 8,
        max_attempts: 3,
    }
}

fn delivery(id: &str, jobs: Vec<NewJob>) -> Delivery {
    Delivery {
        tenant: Tenant::default(),
        source: "github".into(),
        id: id.into(),
        also: vec![],
        request_id: "r".into(),
        jobs,
    }
}

fn vulnerability(repository: &RepositoryRecord, advisory: &str, aliases: &[&str]) -> Finding {
    Finding {
        id: FindingId::of(Kind::Vulnerability, &[repository.id.as_str(), "uv.lock", "jinja2", advisory]),
        kind: Kind::Vulnerability,
        severity: Severity::High,
        confidence: Confidence::High,
        title: format!("jinja2: {advisory}"),
        rule: advisory.into(),
        location: Location { path: Some("uv.lock".into()), line: Some(3), ..Location::default() },
        detail: Detail::Vulnerability(Box::new(VulnerabilityDetail {
            package: PackageName::new("jinja2").unwrap(),
            version: Some(Version::new("2.4.1")),
            advisory: advisory.into(),
            aliases: aliases.iter().map(|id| (*id).to_owned()).collect(),
            fixed_versions: vec![],
            fix: None,
            cvss: None,
            epss: None,
            kev: None,
            used: scanner::finding::UseTier::Unknown,
            symbols_at: Vec::new(),
            imported_at: None,
            would_resolve: false,
            direct: true,
            main: true,
            via: vec![],
            evidence: vec![],
            affected_symbols: vec![],
            references: vec![],
        })),
        ignored: None,
    }
}

fn secret(repository: &RepositoryRecord, fingerprint: &str) -> Finding {
    let detail = SecretDetail {
        provider: "Acme".into(),
        redacted: "(40 characters)".into(),
        fingerprint: fingerprint.into(),
        occurrences: vec![],
        in_head: true,
        verified: Verified::NotTried,
        evidence: vec![],
        remedy: None,
    };
    Finding {
        id: FindingId::of(Kind::Secret, &[repository.id.as_str(), "acme", fingerprint]),
        kind: Kind::Secret,
        detail: Detail::Secret(Box::new(detail)),
        ..check(repository, "acme", Severity::Critical)
    }
}

fn check(repository: &RepositoryRecord, name: &str, severity: Severity) -> Finding {
    Finding {
        id: FindingId::of(Kind::Posture, &[repository.id.as_str(), name]),
        kind: Kind::Posture,
        severity,
        confidence: Confidence::High,
        title: name.into(),
        rule: name.into(),
        location: Location::default(),
        detail: Detail::Posture(Box::new(PostureDetail { check: name.into(), evidence: vec![] })),
        ignored: None,
    }
}

fn scanned(repository: &RepositoryRecord, commit: &str, findings: Vec<Finding>) -> ScanCommit {
    let manifest = serde_json::json!({"path": "uv.lock", "format": "uv", "packages": [{
        "name": "jinja2", "version": "2.4.1", "source": {"kind": "index", "url": null}, "direct": true,
        "groups": [], "extras": [], "line": 3, "via": [], "main": true }]});
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    let resolved = serde_json::json!({"path": "open.txt", "format": "requirements", "role": "resolved", "packages": [{
        "name": "markupsafe", "version": "2.0", "source": {"kind": "index", "url": null}, "direct": true,
        "groups": [], "extras": [], "line": 1, "via": [] }]});
    let resolved: Manifest = serde_json::from_value(resolved).unwrap();
    let report = Report {
        schema_version: 1,
        tool: Tool { name: "secretarybird".into(), version: "0".into(), rules_digest: "r".into() },
        target: Target::Git { url: repository.url.clone(), commit: Some(commit.into()), committed_at: None },
        advisories: AdvisoriesUsed::default(),
        complete: true,
        policy: scanner::policy::PolicyLayer::default(),
        inventory: vec![manifest],
        resolved: vec![resolved],
        findings,
        diagnostics: vec![],
        fix_plan: Default::default(),
        stats: Stats::default(),
    };
    let scan = ScanRecord {
        id: ScanId::fresh(),
        tenant: repository.tenant.clone(),
        repository: repository.id.clone(),
        commit: Some(commit.into()),
        reference: Some("refs/heads/main".into()),
        tracked: true,
        base: None,
        complete: true,
        rules_digest: "r".into(),
        advisories_digest: "a".into(),
        advisories: AdvisoriesUsed::default(),
        job: None,
        request_id: "r".into(),
        started_at: at(0),
        committed_at: at(0),
        findings: report.findings.iter().map(record::ScanFinding::of).collect(),
        gaps: vec![],
        ignores: vec![],
        report_bytes: 0,
    };
    ScanCommit { job: None, scan, report, follow_up: vec![] }
}

async fn sound(store: &Store) {
    assert_eq!(store.verify().await.unwrap().problems, []);
}
