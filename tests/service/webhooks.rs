//! Webhook deliveries as a forge sends them.

use api::forges::ForgeKind;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer, webhook_secret};

fn push(commit: &str) -> String {
    json!({"ref": "refs/heads/main", "before": "0".repeat(40), "after": commit, "forced": false,
        "repository": {"id": 1, "full_name": "acme/site", "clone_url": "http://127.0.0.1:1/acme/site.git",
            "ssh_url": null, "default_branch": "main", "archived": false, "fork": false}})
    .to_string()
}

fn signature(body: &str) -> String {
    format!("sha256={}", hex::encode(webhook_secret().hmac_sha256(&[body.as_bytes()])))
}

struct Given<'g> {
    forge: ForgeKind,
    signature: Option<&'g str>,
    delivery: Option<&'g str>,
    event: &'g str,
    body: &'g str,
}

async fn deliver(running: &Running, given: &Given<'_>) -> (StatusCode, Value) {
    let mut request = running.request(Method::POST, &format!("/api/v1/webhooks/{}", given.forge));
    request = request.header("content-type", "application/json").header("x-github-event", given.event);
    if let Some(signature) = given.signature {
        request = request.header("x-hub-signature-256", signature);
    }
    if let Some(delivery) = given.delivery {
        request = request.header("x-github-delivery", delivery);
    }
    answer(request.body(given.body.to_owned()).send().await.expect("an answer")).await
}

async fn start() -> Running {
    Running::start_with(|config| {
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.limits.webhook_bytes = 10_000;
    })
    .await
}

#[tokio::test]
async fn a_signed_push_is_taken_once() {
    let running = start().await;
    let body = push(&"a".repeat(40));
    let signature = signature(&body);
    let given = Given {
        forge: ForgeKind::Github,
        signature: Some(&signature),
        delivery: Some("72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        event: "push",
        body: &body,
    };
    let (status, first) = deliver(&running, &given).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!((first["outcome"].as_str(), first["jobs"].as_array().map(Vec::len)), (Some("accepted"), Some(1)));
    let (status, again) = deliver(&running, &given).await;
    assert_eq!((status, again["outcome"].as_str()), (StatusCode::OK, Some("duplicate")));
    assert_eq!(again["jobs"], first["jobs"]);
    let job = first["jobs"][0].as_str().expect("job");
    let (_, jobs) = running.admin(Method::GET, "/api/v1/jobs", None).await;
    let ids: Vec<&str> = jobs["items"].as_array().expect("items").iter().filter_map(|job| job["id"].as_str()).collect();
    assert_eq!(ids, [job], "one delivery, one job");
    let (_, repositories) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    assert_eq!(repositories["items"][0]["name"], "acme/site", "the push registered it");
}

#[tokio::test]
async fn what_must_not_be_taken_queues_nothing_and_is_counted() {
    let running = start().await;
    let body = push(&"b".repeat(40));
    let good = signature(&body);
    let other = signature("another body");
    let long = format!("{}{}", body, " ".repeat(10_000));
    let long_signature = signature(&long);
    let odd = "{}";
    let odd_signature = signature(odd);
    let gone = push(&"0".repeat(40));
    let gone_signature = signature(&gone);
    let github = ForgeKind::Github;
    let id = Some("one");
    let case = |forge, signature, delivery, event, body| Given { forge, signature, delivery, event, body };
    for (name, given, expected) in [
        ("wrong signature", case(github, Some(other.as_str()), id, "push", body.as_str()), 401),
        ("no signature", case(github, None, id, "push", &body), 401),
        ("no delivery id", case(github, Some(&good), None, "push", &body), 400),
        ("oversized", case(github, Some(&long_signature), id, "push", &long), 413),
        ("not a push", case(github, Some(&odd_signature), id, "push", odd), 422),
        ("an unknown event", case(github, Some(&odd_signature), id, "star", odd), 202),
        ("a ping", case(github, Some(&odd_signature), id, "ping", odd), 202),
        ("a deleted branch", case(github, Some(&gone_signature), id, "push", &gone), 202),
        ("GitHub's headers at Gitea's address", case(ForgeKind::Gitea, Some(&good), id, "push", &body), 401),
        ("a forge without a secret", case(ForgeKind::Forgejo, Some(&good), id, "push", &body), 404),
    ] {
        let (status, answer) = deliver(&running, &given).await;
        assert_eq!(status.as_u16(), expected, "{name}: {answer}");
        if status.is_success() {
            assert_eq!(answer["outcome"], "ignored", "{name}");
        }
    }
    let (_, jobs) = running.admin(Method::GET, "/api/v1/jobs", None).await;
    assert_eq!(jobs["items"], json!([]), "nothing is queued");
    let metrics = running.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
    for outcome in ["wrong_signature", "unsigned", "missing_header", "unreadable", "ignored", "not_configured"] {
        assert!(metrics.contains(&format!("outcome=\"{outcome}\"")), "{outcome} is counted");
    }
    assert!(!metrics.contains("acme"), "metrics name no repository");
}
