//! Deliveries, jobs, messages, and who leads.

use super::*;

pub async fn a_delivery_is_accepted_once_and_survives_reopening(on: On) {
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

pub async fn pushes_to_one_ref_join_while_they_wait_and_never_run_side_by_side(on: On) {
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

pub async fn turns_go_by_priority_then_round_the_organisations_under_the_host_cap(on: On) {
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
    // an answer goes beside the caps, by its own worker; what it does is not counted to the others
    let answer = NewJob { priority: Priority::Answer, ..push(&urls[3], "answer", "told", Priority::Webhook) };
    store.enqueue(answer, at(4)).await.unwrap();
    let full = || Claim { running_cap: 4, host_cap: 5, ..asks() };
    assert_eq!(store.claim(full(), at(5)).await.unwrap(), None, "four run");
    let told = store.claim(Claim { least: Priority::Answer, ..full() }, at(5)).await.unwrap().unwrap();
    assert_eq!(told.priority, Priority::Answer);
    assert_eq!(store.claim(Claim { least: Priority::Answer, ..full() }, at(5)).await.unwrap(), None);
    let next = store.claim(Claim { running_cap: 5, host_cap: 5, ..asks() }, at(5)).await.unwrap();
    assert!(next.is_some(), "the answer takes nobody's place");
    sound(&store).await;
}

pub async fn a_lost_lease_commits_nothing_and_a_dead_worker_s_job_runs_again_until_it_is_given_up(on: On) {
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

pub async fn cancelling_stops_what_waits_and_tells_what_runs(on: On) {
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

pub async fn jobs_about_a_commit_are_found_by_it(on: On) {
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

pub async fn a_message_is_sent_under_a_lease_until_it_is_delivered_or_given_up(on: On) {
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

pub async fn one_process_leads_until_it_leaves_or_is_silent(on: On) {
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
