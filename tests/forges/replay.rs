//! Deliveries that GitHub could not make while we were away are taken up at the start.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::running::{Running, webhook_secret};
use crate::stub::Stub;

#[tokio::test(flavor = "multi_thread")]
async fn missed_deliveries_come_in_through_the_same_door_once() {
    let contents = Arc::new(AtomicUsize::new(0));
    let read = Arc::clone(&contents);
    let at = jiff::Timestamp::now().to_string();
    let attempt = move |id: u64, guid: &str, status: u16| json!({"id": id, "guid": guid, "delivered_at": at, "status_code": status});
    let forge = Stub::start(move |asked| {
        let repository = |id: u64| {
            json!({"id": id, "full_name": format!("acme/r{id}"), "clone_url": format!("http://127.0.0.1:1/acme/r{id}.git"),
                "ssh_url": null, "default_branch": "main", "archived": false, "fork": false})
        };
        let content = |guid: &str, payload: serde_json::Value| {
            json!({"request": {"headers": {"X-GitHub-Event": "push", "X-GitHub-Delivery": guid}, "payload": payload}})
        };
        let push = |id: u64| json!({"ref": "refs/heads/main", "before": "0".repeat(40), "after": id.to_string().repeat(40), "repository": repository(id)});
        if asked.path.starts_with("/app/hook/deliveries/") {
            read.fetch_add(1, Ordering::SeqCst);
        }
        Some(match asked.path.as_str() {
            // taken; missed twice, then taken; missed; missed and unreadable
            "/app/hook/deliveries?per_page=100" => (
                200,
                vec![],
                json!([
                    attempt(6, "four", 0),
                    attempt(5, "three", 502),
                    attempt(4, "two", 202),
                    attempt(3, "two", 502),
                    attempt(2, "three", 0),
                    attempt(1, "one", 202)
                ]),
            ),
            "/app/hook/deliveries/2" | "/app/hook/deliveries/5" => (200, vec![], content("three", push(3))),
            "/app/hook/deliveries/6" => (200, vec![], content("four", json!({"odd": true}))),
            _ => (404, vec![], json!({})),
        })
    })
    .await;
    let directory = tempfile::tempdir().expect("directory");
    let key = directory.path().join("app.pem");
    std::fs::write(&key, app_key()).expect("key");
    let base = forge.base.clone();
    let running = Running::start_with(move |config| {
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.webhooks.github.secrets = vec![webhook_secret()];
        config.forges.github.api_url = Some(base.parse().expect("address"));
        config.forges.github.app_id = Some(7);
        config.forges.github.private_key_file = Some(key);
        config.forges.github.replay_seconds = 1;
    })
    .await;
    let jobs = async || {
        let (_, jobs) = running.admin(Method::GET, "/api/v1/jobs", None).await;
        jobs["items"].as_array().expect("items").clone()
    };
    for _ in 0..200 {
        if !jobs().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // several more looks change nothing
    tokio::time::sleep(Duration::from_secs(11)).await;
    let jobs = jobs().await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(jobs[0]["commit"], "3".repeat(40));
    assert!(jobs[0]["request_id"].as_str().is_some_and(|id| id.starts_with("replay")), "{jobs:?}");
    let metrics = running.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
    assert!(metrics.contains("event=\"replay\",outcome=\"replayed\""), "{metrics}");
    assert!(contents.load(Ordering::SeqCst) >= 2);
}

fn app_key() -> Vec<u8> {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).expect("key");
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().expect("DER");
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    ["-----BEGIN PRIV", "ATE KEY-----\n", &text, "\n-----END PRIV", "ATE KEY-----\n"].concat().into_bytes()
}
