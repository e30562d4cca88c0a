//! What the store promises, on each backend: sled in a temporary directory, PostgreSQL as a cluster of its own.

use advisories::{PackageName, Severity, Version};
use scanner::finding::{Confidence, Detail, Location, PostureDetail, VulnerabilityDetail};
use scanner::inventory::Manifest;
use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};
use scanner::{Diagnostic, Kind, Stage};

use jiff::{SignedDuration, Timestamp};
use scanner::{Finding, FindingId, Report};

use super::record::{
    AuditRecord, Enqueued, ErrorClass, EventKind, FindingState, JobError, JobId, JobKind, JobState, LeaseToken,
    MessageId, MessageState, NewJob, NewMessage, NewRepository, Outcome, PackageUse, Priority, RepositoryRecord, ScanId,
    ScanRecord, ScanSpec, StoredResponse, Tenant, Triage, Trigger,
};
use super::*;
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

async fn a_delivery_is_accepted_once_and_survives_reopening(on: On) {
    let (place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let job = push(&site, "refs/heads/main", "c1", Priority::Webhook);
    let first = store.accept_delivery(delivery("d1", vec![job.clone()]), at(1)).await.unwrap();
    let again = store.accept_delivery(delivery("d1", vec![job]), at(2)).await.unwrap();
    assert_eq!((first.duplicate, again.duplicate, &first.jobs), (false, true, &again.jobs));
    drop(store);
    let store = place.open().await;
    let waiting = store.jobs(&Tenant::default(), JobState::Ready, None, 10).await.unwrap();
    assert_eq!(waiting.iter().map(|job| job.id).collect::<Vec<_>>(), first.jobs);
    sound(&store).await;
}

async fn pushes_to_one_ref_join_while_they_wait_and_never_run_side_by_side(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let one = store.enqueue(push(&site, "refs/heads/main", "c1", Priority::Sweep), at(1)).await.unwrap();
    let two = store.enqueue(push(&site, "refs/heads/main", "c2", Priority::Webhook), at(2)).await.unwrap();
    assert_eq!((two, matches!(one, Enqueued::New(_))), (Enqueued::Coalesced(one.id()), true));
    let claim = asks();
    let job = store.claim(claim.clone(), at(3)).await.unwrap().unwrap();
    let JobKind::Scan(spec) = &job.job else { panic!("a scan") };
    assert_eq!((spec.commit.as_deref(), spec.base.as_deref()), (Some("c2"), Some("before c1")));
    assert_eq!((job.priority, job.coalesced), (Priority::Webhook, 1));
    let three = store.enqueue(push(&site, "refs/heads/main", "c3", Priority::Webhook), at(4)).await.unwrap();
    assert!(matches!(three, Enqueued::New(_)), "what runs is not changed any more");
    assert_eq!(store.claim(asks(), at(5)).await.unwrap(), None, "the same ref is under way");
    assert_eq!(store.finish(job.id, claim.token, Outcome::Done, at(6)).await.unwrap(), Some(JobState::Done));
    assert_eq!(store.claim(asks(), at(7)).await.unwrap().unwrap().id, three.id());
    sound(&store).await;
}

async fn turns_go_by_priority_then_round_the_organisations_under_the_host_cap(on: On) {
    let (_place, store) = open(on).await;
    let mut urls = Vec::new();
    for name in ["big/a", "big/b", "big/c", "small/x"] {
        let repository = registered(&store, name).await;
        store.enqueue(push(&repository, "refs/heads/main", name, Priority::Sweep), at(1)).await.unwrap();
        urls.push(repository);
    }
    let urgent = push(&urls[2], "refs/heads/fix", "urgent", Priority::Webhook);
    store.enqueue(urgent, at(2)).await.unwrap();
    let roomy = || Claim { host_cap: 4, ..asks() };
    let mut order = Vec::new();
    while let Some(job) = store.claim(roomy(), at(3)).await.unwrap() {
        let JobKind::Scan(spec) = job.job else { panic!("a scan") };
        order.push(spec.commit.unwrap());
    }
    assert_eq!(order, ["urgent", "big/a", "small/x", "big/b"], "the cap of the host leaves one waiting");
    sound(&store).await;
}

async fn a_lost_lease_commits_nothing_and_a_dead_worker_s_job_runs_again_until_it_is_given_up(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let id = store.enqueue(push(&site, "refs/heads/main", "c1", Priority::Ci), at(0)).await.unwrap().id();
    let stale = asks();
    store.claim(stale.clone(), at(1)).await.unwrap().unwrap();
    assert_eq!(store.heartbeat(id, stale.token, SignedDuration::from_secs(30), at(20)).await.unwrap(), Some(false));
    assert_eq!(store.claim(asks(), at(45)).await.unwrap(), None, "the heartbeat keeps it");
    let fresh = asks();
    assert_eq!(store.claim(fresh.clone(), at(51)).await.unwrap().unwrap().attempts, 2);
    let commit =
        |token| ScanCommit { job: Some((id, token)), ..scanned(&site, "c1", vec![check(&site, "x", Severity::Low)]) };
    assert_eq!(store.heartbeat(id, stale.token, SignedDuration::from_secs(30), at(52)).await.unwrap(), None);
    assert_eq!(store.commit_scan(commit(stale.token), at(53)).await.unwrap(), None);
    assert_eq!(store.scan_of_commit(&site.tenant, &site.id, "c1").await.unwrap(), None, "pending, not passed");
    let error = JobError { class: ErrorClass::Transient, reason: "no route".into(), at: at(54) };
    let retry = Outcome::Retry { at: at(100), error };
    assert_eq!(store.finish(id, fresh.token, retry, at(54)).await.unwrap(), Some(JobState::Ready));
    assert_eq!(store.claim(asks(), at(99)).await.unwrap(), None, "it waits for its time");
    assert_eq!(store.claim(asks(), at(100)).await.unwrap().unwrap().attempts, 3);
    assert_eq!(store.claim(asks(), at(200)).await.unwrap(), None);
    let dead = store.job(&site.tenant, id).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.error.unwrap().class), (JobState::Dead, ErrorClass::Lost));
    assert_eq!(store.retry_job(&site.tenant, id, at(201)).await.unwrap(), Some(true));
    let last = asks();
    store.claim(last.clone(), at(202)).await.unwrap().unwrap();
    let committed = store.commit_scan(commit(last.token), at(203)).await.unwrap().unwrap();
    assert_eq!(committed.opened, 1);
    assert_eq!(store.commit_scan(commit(last.token), at(204)).await.unwrap(), None, "never twice");
    assert_eq!(store.job(&site.tenant, id).await.unwrap().unwrap().state, JobState::Done);
    sound(&store).await;
}

async fn cancelling_stops_what_waits_and_tells_what_runs(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let tenant = &site.tenant;
    let waiting = store.enqueue(push(&site, "refs/heads/a", "a", Priority::Ci), at(0)).await.unwrap().id();
    assert_eq!(store.cancel_job(tenant, waiting, at(1)).await.unwrap(), Some(true));
    assert_eq!(store.cancel_job(tenant, waiting, at(1)).await.unwrap(), Some(false));
    assert_eq!(store.cancel_job(tenant, JobId::fresh(), at(1)).await.unwrap(), None);
    assert_eq!(store.cancel_job(&Tenant::new("other").unwrap(), waiting, at(1)).await.unwrap(), None);
    assert_eq!(store.claim(asks(), at(2)).await.unwrap(), None);
    let running = store.enqueue(push(&site, "refs/heads/b", "b", Priority::Ci), at(2)).await.unwrap().id();
    let claim = asks();
    store.claim(claim.clone(), at(3)).await.unwrap().unwrap();
    store.cancel_job(tenant, running, at(4)).await.unwrap();
    let length = SignedDuration::from_secs(30);
    assert_eq!(store.heartbeat(running, claim.token, length, at(5)).await.unwrap(), Some(true));
    let ended = store.finish(running, claim.token, Outcome::Cancelled, at(6)).await.unwrap();
    assert_eq!(ended, Some(JobState::Cancelled));
    sound(&store).await;
}

async fn scans_open_fix_and_reopen_findings_and_events_go_out_once(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let found = vulnerability(&site, "PYSEC-1", &["PYSEC-1", "CVE-1"]);
    let state = async |id: &FindingId| store.finding(&site.tenant, id.as_str()).await.unwrap().unwrap();
    let one = scanned(&site, "c1", vec![found.clone()]);
    store.commit_scan(one.clone(), at(1)).await.unwrap();
    let json = store.report(&site.tenant, one.scan.id).await.unwrap().unwrap();
    assert_eq!(serde_json::from_slice::<Report>(&json).unwrap(), one.report);
    store.commit_scan(scanned(&site, "c2", vec![found.clone()]), at(2)).await.unwrap();
    let record = state(&found.id).await;
    assert_eq!((record.state, record.first_seen, record.last_seen), (FindingState::Open, at(1), at(2)));

    let mut blind = scanned(&site, "c3", vec![]);
    blind.report.diagnostics = vec![Diagnostic::gap(Stage::Inventory, "uv.lock".to_owned(), "no TOML")];
    store.commit_scan(blind, at(3)).await.unwrap();
    assert_eq!(state(&found.id).await.state, FindingState::Open, "could not look is not fixed");

    let mut branch = scanned(&site, "c4", vec![]);
    branch.scan.tracked = false;
    store.commit_scan(branch, at(4)).await.unwrap();
    assert_eq!(state(&found.id).await.state, FindingState::Open, "a branch fixes nothing on the default one");

    store.commit_scan(scanned(&site, "c5", vec![]), at(5)).await.unwrap();
    assert_eq!(state(&found.id).await.state, FindingState::Fixed);
    store.commit_scan(scanned(&site, "c6", vec![found.clone()]), at(6)).await.unwrap();
    assert_eq!((state(&found.id).await.state, state(&found.id).await.reopened), (FindingState::Reopened, 1));
    let events = store.drain_outbox(20).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.event).collect();
    use EventKind::{Fixed, Opened, Reopened, Scanned};
    assert_eq!(kinds, [Scanned, Opened, Scanned, Scanned, Scanned, Scanned, Fixed, Scanned, Reopened]);
    let ids: Vec<_> = events.iter().map(|event| event.id).collect();
    assert!(store.route(ids.clone(), vec![], at(7)).await.unwrap());
    assert!(!store.route(ids, vec![], at(7)).await.unwrap(), "each event once");
    assert_eq!(store.drain_outbox(20).await.unwrap(), []);
    sound(&store).await;
}

async fn triage_survives_scans_and_a_new_canonical_id_and_ends_on_its_day(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let old = vulnerability(&site, "PYSEC-1", &["CVE-1", "PYSEC-1"]);
    store.commit_scan(scanned(&site, "c1", vec![old.clone()]), at(1)).await.unwrap();
    let accept = Triage {
        state: FindingState::Accepted,
        reason: "tolerable_risk".into(),
        until: Some(at(100)),
        actor: "ada".into(),
        at: at(2),
    };
    let id = old.id.as_str();
    store.triage(&site.tenant, id, accept.clone()).await.unwrap().unwrap().unwrap();
    let refused = store.triage(&site.tenant, id, Triage { reason: " ".into(), ..accept.clone() }).await.unwrap();
    assert_eq!(refused.unwrap().unwrap_err(), TriageRefused::NoReason);
    assert!(store.triage(&site.tenant, "ffff", accept.clone()).await.unwrap().is_none());

    let new = vulnerability(&site, "GHSA-1", &["CVE-1", "GHSA-1", "PYSEC-1"]);
    let committed = store.commit_scan(scanned(&site, "c2", vec![new.clone()]), at(3)).await.unwrap().unwrap();
    assert_eq!(committed, Committed::default(), "nothing opened, nothing fixed");
    assert!(store.finding(&site.tenant, id).await.unwrap().is_none());
    let record = store.finding(&site.tenant, new.id.as_str()).await.unwrap().unwrap();
    assert_eq!((record.state, record.first_seen, record.triage), (FindingState::Accepted, at(1), Some(accept)));

    assert_eq!(store.expire_acceptances(at(99), 10).await.unwrap(), 0);
    assert_eq!(store.expire_acceptances(at(100), 10).await.unwrap(), 1);
    assert_eq!(store.expire_acceptances(at(101), 10).await.unwrap(), 0);
    let record = store.finding(&site.tenant, new.id.as_str()).await.unwrap().unwrap();
    assert_eq!(record.state, FindingState::Reopened);
    sound(&store).await;
}

async fn a_manifest_that_was_renamed_takes_its_findings_along(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let old = vulnerability(&site, "PYSEC-1", &["PYSEC-1"]);
    store.commit_scan(scanned(&site, "c1", vec![old.clone()]), at(1)).await.unwrap();
    let accept = Triage {
        state: FindingState::Accepted,
        reason: "tolerable_risk".into(),
        until: None,
        actor: "ada".into(),
        at: at(2),
    };
    store.triage(&site.tenant, old.id.as_str(), accept.clone()).await.unwrap().unwrap().unwrap();
    let mut new = old.clone();
    new.id = FindingId::of(Kind::Vulnerability, &[site.id.as_str(), "app/uv.lock", "jinja2", "PYSEC-1"]);
    new.location.path = Some("app/uv.lock".into());
    let mut renamed = scanned(&site, "c2", vec![new.clone()]);
    renamed.report.inventory[0].path = "app/uv.lock".into();
    assert_eq!(store.commit_scan(renamed, at(3)).await.unwrap().unwrap(), Committed::default());
    let record = store.finding(&site.tenant, new.id.as_str()).await.unwrap().unwrap();
    assert_eq!((record.state, record.first_seen, record.triage), (FindingState::Accepted, at(1), Some(accept)));
    assert_eq!(record.moved_from.as_deref(), Some("uv.lock"));
    assert!(store.finding(&site.tenant, old.id.as_str()).await.unwrap().is_none());

    // a copy is a finding of its own, while the first one stands
    let mut copied = scanned(&site, "c3", vec![new.clone(), old.clone()]);
    let mut copy = copied.report.inventory[0].clone();
    copy.path = "app/uv.lock".into();
    copied.report.inventory.push(copy);
    assert_eq!(store.commit_scan(copied, at(4)).await.unwrap().unwrap().opened, 1);
    sound(&store).await;
}

async fn lists_page_through_everything_once_in_order_and_a_cursor_fits_its_list_only(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let severities = [Severity::Low, Severity::Critical, Severity::Unknown, Severity::Medium];
    let mut findings: Vec<_> =
        (0..40).map(|n| check(&site, &format!("check {n}"), severities[n % severities.len()])).collect();
    findings.push(vulnerability(&site, "PYSEC-1", &["PYSEC-1"]));
    store.commit_scan(scanned(&site, "c1", findings), at(1)).await.unwrap();
    let all = FindingsQuery::all(site.tenant.clone());
    let lists = [
        (all.clone(), 41),
        (FindingsQuery { repository: Some(site.id.clone()), ..all.clone() }, 41),
        (FindingsQuery { kind: Some(Kind::Posture), ..all.clone() }, 40),
        (FindingsQuery { severity: Some(Severity::Low), ..all.clone() }, 10),
        (FindingsQuery { package: Some("jinja2".into()), ..all.clone() }, 1),
        (FindingsQuery { rule: Some("check 7".into()), ..all.clone() }, 1),
        (FindingsQuery { repository: Some(site.id.clone()), kind: Some(Kind::Vulnerability), ..all.clone() }, 1),
        (FindingsQuery { state: Some(FindingState::Fixed), ..all.clone() }, 0),
        (FindingsQuery::all(Tenant::new("other").unwrap()), 0),
    ];
    for (query, expected) in lists {
        let mut query = FindingsQuery { limit: 7, ..query };
        let mut seen = Vec::new();
        loop {
            let page = store.findings(query.clone()).await.unwrap();
            seen.extend(page.findings.into_iter().map(|found| (255 - found.severity() as u8, found.finding.id)));
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!((seen.len(), &seen), (expected, &sorted), "{query:?}");
    }
    let after = store.findings(FindingsQuery { limit: 1, ..all.clone() }).await.unwrap().next;
    for (kind, after) in [(Some(Kind::Secret), after), (None, Some("zz".into())), (None, Some("00".into()))] {
        let query = FindingsQuery { kind, after, ..all.clone() };
        assert!(matches!(store.findings(query).await, Err(StoreError::Cursor)));
    }
}

async fn who_has_a_package_follows_the_head_and_a_rematch_reaches_it_once(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let first = scanned(&site, "c1", vec![]);
    let head = first.scan.id;
    store.commit_scan(first, at(1)).await.unwrap();
    let uses = store.affected_by(&site.tenant, "jinja2", None, 10).await.unwrap();
    let of = |uses: &[PackageUse]| uses.iter().map(|found| (found.manifest.clone(), found.would_resolve)).collect::<Vec<_>>();
    assert_eq!(of(&uses), [("uv.lock".to_owned(), false)]);
    let uses = store.affected_by(&site.tenant, "markupsafe", None, 10).await.unwrap();
    assert_eq!(of(&uses), [("open.txt".to_owned(), true)], "an advisory about it finds its repository");
    let found = vulnerability(&site, "PYSEC-9", &["PYSEC-9"]);
    for expected in [1, 0] {
        let change = Change { opened: vec![found.clone()], withdrawn: vec![] };
        let committed = store.rematch(&site.tenant, &site.id, (head, false), change, at(2)).await.unwrap();
        assert_eq!(committed.unwrap().opened, expected);
    }
    let renamed = vulnerability(&site, "GHSA-9", &["GHSA-9", "PYSEC-9"]);
    let change = Change { opened: vec![renamed.clone()], withdrawn: vec![found.id.clone()] };
    let moved = store.rematch(&site.tenant, &site.id, (ScanId::fresh(), false), change.clone(), at(3)).await.unwrap();
    assert_eq!(moved, None, "it was worked out on another scan than the head's");
    let carried = store.rematch(&site.tenant, &site.id, (head, false), change, at(3)).await.unwrap();
    assert_eq!(carried, Some(Committed::default()), "a new canonical id is no new finding");
    let change = Change { opened: vec![], withdrawn: vec![renamed.id.clone()] };
    let closed = store.rematch(&site.tenant, &site.id, (head, false), change, at(4)).await.unwrap();
    assert_eq!(closed.unwrap().fixed, 1);
    let told = store.drain_outbox(10).await.unwrap();
    assert_eq!(told.iter().filter(|event| event.finding.is_some()).count(), 2);
    let mut without = scanned(&site, "c2", vec![]);
    without.report.inventory.clear();
    store.commit_scan(without, at(4)).await.unwrap();
    assert_eq!(store.affected_by(&site.tenant, "jinja2", None, 10).await.unwrap(), []);
    sound(&store).await;
    assert!(store.delete_repository(&site.tenant, &site.id).await.unwrap());
    assert!(!store.delete_repository(&site.tenant, &site.id).await.unwrap());
    assert!(store.findings(FindingsQuery::all(site.tenant.clone())).await.unwrap().findings.is_empty());
    assert_eq!(store.scans(&site.tenant, &site.id, None, 10).await.unwrap(), []);
    sound(&store).await;
}

async fn a_key_answers_the_same_request_again_and_no_other(on: On) {
    let (_place, store) = open(on).await;
    let tenant = Tenant::default();
    let begin = async |print: &str, now| store.begin_request(&tenant, "k", print, at(now)).await.unwrap();
    assert_eq!(begin("post a", 0).await, Idempotency::Fresh);
    assert_eq!(begin("post a", 1).await, Idempotency::UnderWay);
    assert_eq!(begin("post b", 1).await, Idempotency::Mismatch);
    assert_eq!(begin("post a", 90).await, Idempotency::Fresh, "whoever began it has died");
    let answer =
        StoredResponse { status: 201, content_type: "application/json".into(), body: "{}".into(), location: None };
    store.remember(&tenant, "k", answer.clone()).await.unwrap();
    assert_eq!(begin("post a", 99).await, Idempotency::Replay(answer));
}

async fn an_export_comes_back_byte_equal_and_a_cut_one_is_refused(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    store.commit_scan(scanned(&site, "c1", vec![check(&site, "x", Severity::Low)]), at(1)).await.unwrap();
    store.accept_delivery(delivery("d", vec![push(&site, "r", "c", Priority::Ci)]), at(2)).await.unwrap();
    let mut exported = Vec::new();
    store.export(&mut exported).await.unwrap();
    let (_other, copy) = open(on).await;
    copy.import(exported.as_slice()).await.unwrap();
    let mut again = Vec::new();
    copy.export(&mut again).await.unwrap();
    assert_eq!(exported, again);
    sound(&copy).await;
    assert!(copy.claim(asks(), at(3)).await.unwrap().is_some(), "its queue goes on");
    assert!(copy.import(exported.as_slice()).await.is_err(), "only into an empty store");
    let (_third, cut) = open(on).await;
    assert!(cut.import(&exported[..exported.len() / 2]).await.is_err());
}

async fn reindexing_changes_nothing_of_a_sound_store_and_retention_spares_findings_and_the_head(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    for commit in ["c1", "c2", "c3"] {
        let found = check(&site, "x", Severity::Low);
        store.commit_scan(scanned(&site, commit, vec![found]), at(1)).await.unwrap();
    }
    store.accept_delivery(delivery("d", vec![push(&site, "r", "c", Priority::Ci)]), at(2)).await.unwrap();
    let before = store.verify().await.unwrap();
    assert_eq!(store.reindex().await.unwrap(), before.indexed);
    assert_eq!(store.verify().await.unwrap(), before);
    let hour = SignedDuration::from_hours(1);
    for second in [1, 5_000] {
        let line = AuditRecord {
            id: Uuid::now_v7(),
            tenant: site.tenant.clone(),
            at: at(second),
            actor: "token:a".into(),
            action: "POST /api/v1/sweeps".into(),
            object: String::new(),
            request_id: "r".into(),
        };
        store.append_audit(line).await.unwrap();
    }
    let kept = Retention { records: hour, scans: 1, fixed: hour, events: hour * 3, audit: hour };
    let gone = store.retain(&site.tenant, kept, at(7_300)).await.unwrap();
    assert_eq!(gone, 4, "two scans, a delivery and an old line of the audit trail");
    assert_eq!(store.audit(&site.tenant, None, 10).await.unwrap().len(), 1);
    assert_eq!(store.scans(&site.tenant, &site.id, None, 10).await.unwrap().len(), 1);
    assert_eq!(store.findings(FindingsQuery::all(site.tenant.clone())).await.unwrap().findings.len(), 1);
    assert_eq!(store.jobs(&site.tenant, JobState::Ready, None, 10).await.unwrap().len(), 1);
    sound(&store).await;
}

async fn a_scan_with_other_advisories_than_those_in_force_is_noted_until_it_was_matched(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let noted = async || store.stragglers(&site.tenant, 10).await.unwrap();
    store.commit_scan(scanned(&site, "c1", vec![]), at(1)).await.unwrap();
    assert_eq!(noted().await, [], "nobody has said what is in force");
    store.advisories_in_force("a").await.unwrap();
    store.commit_scan(scanned(&site, "c2", vec![]), at(2)).await.unwrap();
    assert_eq!(noted().await, []);
    store.advisories_in_force("b").await.unwrap();
    let late = scanned(&site, "c3", vec![]);
    let head = late.scan.id;
    store.commit_scan(late, at(3)).await.unwrap();
    assert_eq!(noted().await, std::slice::from_ref(&site.id));
    for (whole, left) in [(false, 1), (true, 0)] {
        let change = Change::default();
        store.rematch(&site.tenant, &site.id, (head, whole), change, at(4)).await.unwrap().unwrap();
        assert_eq!(noted().await.len(), left);
    }
}

async fn jobs_about_a_commit_are_found_by_it(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let about = async |commit: &str| store.jobs_of_commit(&site.tenant, &site.id, commit, 10).await.unwrap();
    let one = store.enqueue(push(&site, "refs/heads/main", "c1", Priority::Ci), at(1)).await.unwrap().id();
    assert_eq!(about("c1").await.iter().map(|job| job.id).collect::<Vec<_>>(), [one]);
    store.enqueue(push(&site, "refs/heads/main", "c2", Priority::Ci), at(2)).await.unwrap();
    assert_eq!((about("c1").await.len(), about("c2").await.len()), (0, 1), "joined: the job is about the newer commit");
    let other = store.enqueue(push(&site, "refs/heads/b", "c2", Priority::Ci), at(3)).await.unwrap().id();
    assert_eq!(about("c2").await.iter().map(|job| job.id).collect::<Vec<_>>(), [other, one], "the newest first");
    sound(&store).await;
}

async fn a_message_is_sent_under_a_lease_until_it_is_delivered_or_given_up(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let tenant = &site.tenant;
    store.commit_scan(scanned(&site, "c1", vec![check(&site, "x", Severity::Low)]), at(1)).await.unwrap();
    let ids: Vec<_> = store.drain_outbox(10).await.unwrap().iter().map(|event| event.id).collect();
    let message = |channel: &str| NewMessage {
        tenant: tenant.clone(),
        channel: channel.into(),
        content: serde_json::json!({"text": channel}),
        ready_at: at(2),
    };
    assert!(store.route(ids, vec![message("chat"), message("mail")], at(2)).await.unwrap());
    assert_eq!(store.claim_message(asks(), at(1)).await.unwrap(), None, "not before its time");
    let (one, other) = (asks(), asks());
    let first = store.claim_message(one.clone(), at(3)).await.unwrap().unwrap();
    let second = store.claim_message(other.clone(), at(3)).await.unwrap().unwrap();
    assert!(first.channel != second.channel);
    assert_eq!(store.claim_message(asks(), at(4)).await.unwrap(), None);
    let end = async |id, token, outcome, now| store.finish_message(id, token, outcome, at(now)).await.unwrap();
    assert_eq!(end(first.id, other.token, Outcome::Done, 5).await, None, "another one's lease");
    assert_eq!(end(first.id, one.token, Outcome::Done, 5).await, Some(MessageState::Sent));
    assert_eq!(end(first.id, one.token, Outcome::Done, 6).await, None, "once");
    // its sender died, twice; the third one is refused
    for (now, attempts) in [(40, 2), (80, 3)] {
        let again = store.claim_message(asks(), at(now)).await.unwrap().unwrap();
        assert_eq!((again.id, again.attempts), (second.id, attempts));
    }
    assert_eq!(store.claim_message(asks(), at(120)).await.unwrap(), None);
    let dead = store.messages(tenant, MessageState::Dead, None, 10).await.unwrap();
    assert_eq!(dead.iter().map(|message| message.id).collect::<Vec<_>>(), [second.id]);
    assert_eq!(store.retry_message(tenant, second.id, at(121)).await.unwrap(), Some(true));
    assert_eq!(store.retry_message(tenant, second.id, at(121)).await.unwrap(), Some(false));
    assert_eq!(store.retry_message(tenant, MessageId::fresh(), at(121)).await.unwrap(), None);
    assert_eq!(store.claim_message(asks(), at(122)).await.unwrap().unwrap().attempts, 1);
    sound(&store).await;
}

async fn one_process_leads_until_it_leaves_or_is_silent(on: On) {
    let (_place, store) = open(on).await;
    let lease = SignedDuration::from_secs(60);
    let attend = async |name: &str, now| store.attend(name, lease, at(now)).await.unwrap();
    assert_eq!((attend("a", 0).await, attend("b", 1).await, attend("a", 30).await), (true, false, true));
    assert_eq!(store.at_work(at(31)).await.unwrap(), ["a", "b"]);
    assert!(attend("b", 95).await, "it was silent for too long");
    assert!(!attend("a", 96).await);
    store.leave("b").await.unwrap();
    assert_eq!((attend("a", 97).await, store.at_work(at(98)).await.unwrap()), (true, vec!["a".to_owned()]));
}

async fn a_store_of_another_version_is_brought_forward_or_refused(on: On) {
    let (place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    store.accept_delivery(delivery("d", vec![push(&site, "r", "c", Priority::Ci)]), at(1)).await.unwrap();
    // as version 1 wrote it: no format, an event counted, its key a number
    let event = serde_json::json!({"id": 7, "tenant": "default", "repository": site.id, "event": "fixed", "at": at(1),
        "finding": {"id": "0".repeat(32), "kind": "posture", "severity": "low", "title": "x", "ignored": false}});
    store
        .write(move |rows| {
            let mut bytes = record::codec::encode(&event).unwrap();
            bytes[1..3].copy_from_slice(&1_u16.to_be_bytes());
            rows.put(rows::Key::table(keys::OUTBOX).number(7).done(), bytes);
            rows.delete(format::key().done());
            Ok(())
        })
        .await
        .unwrap();
    drop(store);
    let store = place.open().await;
    assert_eq!(store.format().await.unwrap(), Some(format::FORMAT));
    let events = store.drain_outbox(10).await.unwrap();
    assert_eq!((events.len(), events[0].event, events[0].scan), (1, EventKind::Fixed, None));
    assert!(store.route(vec![events[0].id], vec![], at(2)).await.unwrap(), "it has its new key");
    assert!(store.claim(asks(), at(3)).await.unwrap().is_some(), "the queue goes on");
    sound(&store).await;
    store.write(|rows| rows::save(rows, format::key(), &(format::FORMAT + 1))).await.unwrap();
    drop(store);
    let refused = match &place {
        Place::Directory(directory) => Store::open(directory.path()),
        #[cfg(feature = "real-parts")]
        Place::Database(address) => Store::connect(address).await,
    };
    assert!(matches!(refused, Err(StoreError::Newer { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_second_opener_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let _store = Store::open(directory.path()).unwrap();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    assert!(error.to_string().contains("another process uses this directory"));
}

#[tokio::test]
async fn a_store_that_is_cut_short_is_refused_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let site = registered(&store, "acme/site").await;
    store.commit_scan(scanned(&site, "c1", vec![check(&site, "x", Severity::Low)]), at(1)).await.unwrap();
    drop(store);
    let file = std::fs::OpenOptions::new().write(true).open(directory.path().join("db")).unwrap();
    file.set_len(1000).unwrap();
    let said = match Store::open(directory.path()) {
        Err(error) => error.to_string(),
        Ok(store) => store
            .repository(&site.tenant, &site.id)
            .await
            .map(|found| format!("{found:?}"))
            .unwrap_or_else(|error| error.to_string()),
    };
    assert!(said.contains("damaged"), "{said}");
}
