//! Findings: their life, their lists, who has a package.

use std::collections::BTreeMap;

use super::*;

pub async fn scans_open_fix_and_reopen_findings_and_events_go_out_once(on: On) {
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

pub async fn triage_survives_scans_and_a_new_canonical_id_and_ends_on_its_day(on: On) {
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

pub async fn what_is_accepted_together_spares_what_was_decided_before(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let ids = ["PYSEC-1", "PYSEC-2", "PYSEC-3"];
    let found = ids.map(|id| vulnerability(&site, id, &[id]));
    store.commit_scan(scanned(&site, "c1", found.to_vec()), at(1)).await.unwrap();
    store.commit_scan(scanned(&site, "c2", found[..2].to_vec()), at(2)).await.unwrap();
    let before = Triage {
        state: FindingState::Accepted,
        reason: "tolerable_risk".into(),
        until: Some(at(100)),
        actor: "ada".into(),
        at: at(3),
    };
    store.triage(&site.tenant, found[1].id.as_str(), before.clone()).await.unwrap().unwrap().unwrap();
    let mut reasons: BTreeMap<_, _> = found.iter().map(|found| (found.id.clone(), "not_affected".to_owned())).collect();
    reasons.insert(FindingId::of(Kind::Vulnerability, &["elsewhere"]), "not_affected".to_owned());
    let accepted = store.accept(&site.tenant, reasons.clone(), "bob", at(4)).await.unwrap();
    assert_eq!(accepted, [found[0].id.clone()]);
    assert_eq!(store.accept(&site.tenant, reasons, "bob", at(5)).await.unwrap(), [], "once");
    let state = async |at: usize| store.finding(&site.tenant, found[at].id.as_str()).await.unwrap().unwrap();
    let (first, second, third) = (state(0).await, state(1).await, state(2).await);
    let triage = first.triage.unwrap();
    assert_eq!(
        (first.state, triage.reason.as_str(), triage.actor.as_str()),
        (FindingState::Accepted, "not_affected", "bob")
    );
    assert_eq!((triage.until, triage.at), (None, at(4)));
    assert_eq!(second.triage, Some(before));
    assert_eq!((third.state, third.triage), (FindingState::Fixed, None));
    sound(&store).await;
}

pub async fn a_manifest_that_was_renamed_takes_its_findings_along(on: On) {
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

pub async fn one_secret_is_found_in_every_repository_that_has_it(on: On) {
    let (_place, store) = open(on).await;
    let sites = [registered(&store, "acme/site").await, registered(&store, "acme/tool").await];
    for (site, fingerprints) in sites.iter().zip([&["a", "b"][..], &["a"]]) {
        let findings = fingerprints.iter().map(|fingerprint| secret(site, fingerprint)).collect();
        store.commit_scan(scanned(site, "c1", findings), at(1)).await.unwrap();
    }
    let all = FindingsQuery { fingerprint: Some("a".into()), ..FindingsQuery::all(sites[0].tenant.clone()) };
    for (query, expected) in [
        (all.clone(), 2),
        (FindingsQuery { repository: Some(sites[1].id.clone()), ..all.clone() }, 1),
        (FindingsQuery { fingerprint: Some("b".into()), ..all.clone() }, 1),
        (FindingsQuery { fingerprint: Some("b".into()), repository: Some(sites[1].id.clone()), ..all.clone() }, 0),
        (FindingsQuery { fingerprint: Some("c".into()), ..all.clone() }, 0),
        (FindingsQuery { state: Some(FindingState::Fixed), ..all.clone() }, 0),
    ] {
        assert_eq!(store.findings(query.clone()).await.unwrap().findings.len(), expected, "{query:?}");
    }
    store.commit_scan(scanned(&sites[0], "c2", vec![]), at(2)).await.unwrap();
    assert_eq!(store.findings(all).await.unwrap().findings.len(), 2, "history still has it");
    sound(&store).await;
}

pub async fn lists_page_through_everything_once_in_order_and_a_cursor_fits_its_list_only(on: On) {
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

pub async fn who_has_a_package_follows_the_head_and_a_rematch_reaches_it_once(on: On) {
    let (_place, store) = open(on).await;
    let site = registered(&store, "acme/site").await;
    let first = scanned(&site, "c1", vec![]);
    let head = first.scan.id;
    store.commit_scan(first, at(1)).await.unwrap();
    let uses = store.affected_by(&site.tenant, "jinja2", None, 10).await.unwrap();
    let of = |uses: &[PackageUse]| -> Vec<(String, bool)> {
        uses.iter().map(|found| (found.manifest.clone(), found.would_resolve)).collect()
    };
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

pub async fn a_scan_with_other_advisories_than_those_in_force_is_noted_until_it_was_matched(on: On) {
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
