//! A real repository all the way: registered, pushed, scanned, judged at the gate.

use std::path::Path;
use std::time::{Duration, Instant};

use api::app::{self, StartError};
use api::store::StoreError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer, webhook_secret};
use crate::work::{Work, advisories};

/// A service that knows one advisory and may read repositories below its directory.
pub async fn start(directory: &Path) -> Running {
    let osv = advisories(directory);
    Running::start_with(|config| {
        config.advisories = Some(osv.display().to_string());
        config.reach.allow_directories = vec![directory.to_owned()];
    })
    .await
}

pub async fn gate(running: &Running, repository: &str, commit: &str) -> Value {
    let path = format!("/api/v1/repositories/{repository}/gate?commit={commit}&wait=60");
    let (status, verdict) = running.admin(Method::GET, &path, None).await;
    assert_eq!(status, StatusCode::OK, "{verdict}");
    verdict
}

async fn push(running: &Running, work: &Work, before: &str, after: &str) -> (StatusCode, Value) {
    let body = json!({"ref": "refs/heads/main", "before": before, "after": after, "forced": false, "repository": {
        "id": 7, "full_name": "acme/site", "clone_url": work.url(), "default_branch": "main"}})
    .to_string();
    let signature = format!("sha256={}", hex::encode(webhook_secret().hmac_sha256(&[body.as_bytes()])));
    let request = running
        .request(Method::POST, "/api/v1/webhooks/github")
        .header("content-type", "application/json")
        .header("x-github-event", "push")
        .header("x-github-delivery", format!("delivery of {after}"))
        .header("x-hub-signature-256", signature);
    answer(request.body(body).send().await.expect("an answer")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_scanned_and_the_gate_judges_what_is_new() {
    let directory = tempfile::tempdir().expect("directory");
    let work = Work::new(directory.path());
    let first = work.commit("requirements.txt", "acme-widgets==1.0\n");
    let running = start(directory.path()).await;
    let (status, taken) = push(&running, &work, &"0".repeat(40), &first).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let (_, repositories) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    let repository = repositories["items"][0]["id"].as_str().expect("id").to_owned();

    let verdict = gate(&running, &repository, &first).await;
    assert_eq!(verdict["state"], "fail", "{verdict}");
    assert!(verdict["new"].to_string().contains("PYSEC-2099-1"), "{verdict}");
    let (_, findings) = running.admin(Method::GET, "/api/v1/findings?kind=vulnerability&state=open", None).await;
    assert_eq!(findings["items"].as_array().map(Vec::len), Some(1), "{findings}");
    let (_, uses) = running.admin(Method::GET, "/api/v1/packages/Acme.Widgets?version=1.0.0", None).await;
    assert_eq!(uses["uses"][0]["manifest"], "requirements.txt", "{uses}");

    // an unrelated commit brings nothing new; the mended one closes the finding
    let second = work.commit("README.md", "hello\n");
    push(&running, &work, &first, &second).await;
    assert_eq!(gate(&running, &repository, &second).await["state"], "pass");
    let third = work.commit("requirements.txt", "acme-widgets==2.0\n");
    push(&running, &work, &second, &third).await;
    assert_eq!(gate(&running, &repository, &third).await["state"], "pass");
    let path = format!("/api/v1/repositories/{repository}/compare?base={first}&head={third}");
    let (_, difference) = running.admin(Method::GET, &path, None).await;
    assert!(
        difference["fixed"].to_string().contains("PYSEC-2099-1") || difference["fixed"][0]["kind"] == "vulnerability",
        "{difference}"
    );
    let (_, fixed) = running.admin(Method::GET, "/api/v1/findings?kind=vulnerability&state=fixed", None).await;
    assert_eq!(fixed["items"].as_array().map(Vec::len), Some(1), "{fixed}");

    let scan = verdict["scan"].as_str().expect("scan");
    for (format, kind) in
        [("json", "application/json"), ("sarif", "application/sarif+json"), ("text", "text/plain; charset=utf-8")]
    {
        let path = format!("/api/v1/scans/{scan}/report?format={format}");
        let report = running.request(Method::GET, &path).bearer_auth(&running.admin).send().await.expect("an answer");
        assert_eq!((report.status(), report.headers()["content-type"].to_str().ok()), (StatusCode::OK, Some(kind)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_scanned_says_why_and_is_never_a_pass() {
    let directory = tempfile::tempdir().expect("directory");
    let running = start(directory.path()).await;
    let gone = format!("file://{}/gone", directory.path().display());
    let id = running.repository(&gone).await;
    let path = format!("/api/v1/repositories/{id}/gate?commit={}&wait=1", "e".repeat(40));
    let mut verdict = Value::Null;
    // at the latest when the first try has failed
    for _ in 0..30 {
        verdict = running.admin(Method::GET, &path, None).await.1;
        assert!(verdict["state"] == "pending" || verdict["state"] == "incomplete", "{verdict}");
        assert_eq!(verdict["complete"], false);
        if verdict["reasons"][0].as_str().is_some_and(|reason| reason.contains("gone")) {
            return;
        }
    }
    panic!("the reason is never said: {verdict}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_under_load_ends_in_time_and_loses_no_delivery() {
    let directory = tempfile::tempdir().expect("directory");
    let work = Work::new(directory.path());
    let commit = work.commit("requirements.txt", "acme-widgets==1.0\n");
    let running = start(directory.path()).await;
    let (status, _) = push(&running, &work, &"0".repeat(40), &commit).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let Running { server, client, directory: data, admin } = running;
    let began = Instant::now();
    server.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(30), "drained in time");
    let mut config = crate::running::configuration(&data);
    config.advisories = Some(directory.path().join("osv").display().to_string());
    config.reach.allow_directories = vec![directory.path().to_owned()];
    // in one process the lock lasts as long as the last task that is being dropped
    let server = loop {
        match app::start(config.clone()).await {
            Err(StartError::Store(StoreError::InUse(_))) if began.elapsed() < Duration::from_secs(30) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            started => break started.expect("starts again"),
        }
    };
    let running = Running { server, client, directory: data, admin };
    let (_, repositories) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    let repository = repositories["items"][0]["id"].as_str().expect("id").to_owned();
    assert_eq!(gate(&running, &repository, &commit).await["state"], "fail");
}
