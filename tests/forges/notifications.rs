//! What a scan finds is told once, signed, and without any secret.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::credential::Credential;
use api::forges::standard_webhooks;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::Running;
use crate::stub::Stub;
use crate::work::Work;

fn key() -> Credential {
    Credential::new(["whsec_", "bm90aWZpY2F0aW9ucw", "=="].concat())
}

/// A directory with one advisory: acme-widgets below 2.0.
fn advisories(directory: &Path) -> String {
    let osv = directory.join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    let record = json!({"id": "PYSEC-2099-1", "modified": "2026-01-02T00:00:00Z", "summary": "An example",
        "affected": [{"package": {"name": "acme-widgets", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}],
        "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]});
    std::fs::write(osv.join("PYSEC-2099-1.json"), record.to_string()).expect("record");
    osv.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn findings_are_told_signed_and_without_the_secret() {
    let directory = tempfile::tempdir().expect("directory");
    let work = Work::new(directory.path().join("work"));
    // made at run time: a token that the rules know by its checksum-free form
    let token = ["AKIA", "Q3EGRZ7XW4N5TD6P"].concat();
    work.commit("settings.py", &format!("AWS_ACCESS_KEY_ID = \"{token}\"\n"));
    work.commit("requirements.txt", "acme-widgets==1.0\n");
    let receiver = Stub::start(|_| Some((200, vec![], json!({})))).await;
    let chat = Stub::start(|_| Some((200, vec![], json!("ok")))).await;
    let osv = advisories(directory.path());
    let (hook, chat_url) = (format!("{}/hook", receiver.base), format!("{}/chat", chat.base));
    let root = directory.path().to_owned();
    let running = Running::start_with(move |config| {
        config.advisories = Some(osv);
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.reach.allow_directories = vec![root];
        config.public_url = Some("https://secretarybird.example".parse().expect("address"));
        config.notifications.webhook.url = Some(Credential::new(hook));
        config.notifications.webhook.secret = Some(key());
        config.notifications.slack.url = Some(Credential::new(chat_url));
        config.notifications.slack.told.kinds = vec!["vulnerability".into()];
    })
    .await;
    let repository = running.repository(&work.url()).await;
    let path = format!("/api/v1/repositories/{repository}/scans");
    running.admin(Method::POST, &path, Some(json!({}))).await;

    let told = receiver.wait_for("a notification", |asked| asked.path == "/hook").await;
    let text = |name: &str| told.headers[name].to_str().expect("text").to_owned();
    let (id, time) = (text("webhook-id"), text("webhook-timestamp").parse::<i64>().expect("seconds"));
    let expected = standard_webhooks::sign(&key(), &id, time, told.body.to_string().as_bytes());
    assert_eq!(text("webhook-signature"), expected, "the signature is over the body as it was sent");
    let items = told.body["data"]["items"].as_array().expect("items");
    let vulnerable = items.iter().find(|item| item["kind"] == "vulnerability").expect("the vulnerability");
    assert_eq!(
        (&vulnerable["event"], &vulnerable["path"], &vulnerable["line"]),
        (&json!("opened"), &json!("requirements.txt"), &json!(1))
    );
    let link = vulnerable["link"].as_str().expect("a link");
    assert!(link.starts_with("https://secretarybird.example/api/v1/findings/"), "{link}");

    let message = chat.wait_for("a message", |asked| asked.path == "/chat").await;
    let message = message.body["text"].as_str().expect("text").to_owned();
    assert!(message.contains("vulnerability") && !message.contains("secret:"), "{message}");
    for asked in receiver.asked().iter().chain(&chat.asked()) {
        assert!(!asked.body.to_string().contains(&token), "a notification never carries the secret");
    }
    // a second scan of the same commit tells nothing
    let before = receiver.asked().len();
    running.admin(Method::POST, &path, Some(json!({}))).await;
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    assert_eq!(receiver.asked().len(), before);
}

/// The messages of a state, once there are `count` of them.
async fn messages(running: &Running, state: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v1/messages?state={state}");
    for _ in 0..600 {
        let (_, page) = running.admin(Method::GET, &path, None).await;
        let items = page["items"].as_array().expect("items").clone();
        if items.len() == count {
            return items;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{count} {state} messages: {}", running.admin(Method::GET, "/api/v1/messages", None).await.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_up_is_shown_and_sent_again_when_asked() {
    let directory = tempfile::tempdir().expect("directory");
    let work = Work::new(directory.path().join("work"));
    work.commit("requirements.txt", "acme-widgets==1.0\n");
    let gone = Arc::new(AtomicBool::new(true));
    let now = Arc::clone(&gone);
    let receiver = Stub::start(move |_| Some((if now.load(Ordering::SeqCst) { 410 } else { 200 }, vec![], json!({}))));
    let receiver = receiver.await;
    let (osv, root, hook) =
        (advisories(directory.path()), directory.path().to_owned(), format!("{}/hook", receiver.base));
    let running = Running::start_with(move |config| {
        config.advisories = Some(osv);
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.reach.allow_directories = vec![root];
        config.notifications.webhook.url = Some(Credential::new(hook));
        config.notifications.webhook.secret = Some(key());
    })
    .await;
    let repository = running.repository(&work.url()).await;
    running.admin(Method::POST, &format!("/api/v1/repositories/{repository}/scans"), Some(json!({}))).await;
    let dead = messages(&running, "dead", 1).await.remove(0);
    assert_eq!((&dead["channel"], &dead["repository"]), (&json!("webhook"), &json!(repository)), "{dead}");
    assert!(dead["error"].as_str().is_some_and(|error| error.contains("410")), "{dead}");
    assert!(!dead.to_string().contains(&receiver.base), "the address of a channel may be a secret: {dead}");
    let first = receiver.asked();
    let retry = format!("/api/v1/messages/{}/retry", dead["id"].as_str().expect("id"));

    // it is still gone: given up again
    let (status, again) = running.admin(Method::POST, &retry, None).await;
    assert_eq!(status, StatusCode::OK, "{again}");
    receiver.wait_for("another try", |_| receiver.asked().len() > first.len()).await;
    messages(&running, "dead", 1).await;
    gone.store(false, Ordering::SeqCst);
    let (status, _) = running.admin(Method::POST, &retry, None).await;
    assert_eq!(status, StatusCode::OK);
    messages(&running, "dead", 0).await;
    messages(&running, "ready", 0).await;
    messages(&running, "sending", 0).await;
    let ids: Vec<_> = receiver.asked().iter().map(|asked| asked.headers["webhook-id"].clone()).collect();
    assert_eq!(ids, vec![ids[0].clone(); 3], "one message, tried three times");
    let (status, _) = running.admin(Method::POST, &retry, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is delivered");
    let (status, _) = running.admin(Method::GET, "/api/v1/messages?state=lost", None).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}
