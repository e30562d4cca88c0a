//! Keeping: answers to repeated requests, exports, indexes, versions, damage.

use super::*;

pub async fn a_key_answers_the_same_request_again_and_no_other(on: On) {
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

pub async fn an_export_comes_back_byte_equal_and_a_cut_one_is_refused(on: On) {
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

pub async fn reindexing_changes_nothing_of_a_sound_store_and_retention_spares_findings_and_the_head(on: On) {
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

pub async fn a_store_of_another_version_is_brought_forward_or_refused(on: On) {
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
