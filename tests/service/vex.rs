//! VEX documents taken in, over two repositories that have the same vulnerable package.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::Running;
use crate::scanned::{gate, start};
use crate::work::Work;

fn openvex(product: &str, status: &str) -> Value {
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/1", "author": "ada",
        "timestamp": "2026-01-01T00:00:00Z", "version": 1, "statements": [{
            "vulnerability": {"name": "PYSEC-2099-1"}, "products": [{"@id": product}], "status": status,
            "justification": "vulnerable_code_not_in_execute_path", "impact_statement": "the widget is never drawn"}]})
}

/// A scanned repository with one finding: its id, and its commit.
pub async fn with_finding(running: &Running, work: &Work) -> (String, String) {
    let commit = work.commit("requirements.txt", "acme-widgets==1.0\n");
    let id = running.repository(&work.url()).await;
    assert_eq!(gate(running, &id, &commit).await["state"], "fail");
    (id, commit)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_statement_closes_is_accepted_and_the_gate_passes() {
    let directory = tempfile::tempdir().expect("directory");
    let (one, two) = (Work::new(&directory.path().join("one")), Work::new(&directory.path().join("two")));
    let running = start(directory.path()).await;
    let (first, commit) = with_finding(&running, &one).await;
    let (second, second_commit) = with_finding(&running, &two).await;
    let take = async |path: &str, document: Value| running.admin(Method::POST, path, Some(document)).await;

    for (document, statements) in [
        (openvex("pkg:pypi/acme-widgets@1.1", "not_affected"), 1),
        (openvex("pkg:npm/acme-widgets@1.0", "not_affected"), 1),
        (openvex("pkg:pypi/acme-widgets@1.0", "under_investigation"), 0),
    ] {
        let (status, taken) = take("/api/v1/vex", document).await;
        assert_eq!(
            (status, &taken["accepted"], &taken["statements"]),
            (StatusCode::OK, &json!([]), &json!(statements))
        );
    }
    let close = openvex("pkg:pypi/acme-widgets@1.0", "not_affected");
    let (status, taken) = take(&format!("/api/v1/vex?repository={first}"), close.clone()).await;
    assert_eq!((status, taken["accepted"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{taken}");
    assert_eq!(gate(&running, &first, &commit).await["state"], "pass");
    assert_eq!(gate(&running, &second, &second_commit).await["state"], "fail");
    let (_, taken) = take("/api/v1/vex", close.clone()).await;
    assert_eq!((taken["accepted"].as_array().map(Vec::len), &taken["decided_before"]), (Some(1), &json!(1)), "{taken}");
    let (_, taken) = take("/api/v1/vex", close.clone()).await;
    assert_eq!((&taken["accepted"], &taken["decided_before"]), (&json!([]), &json!(2)), "{taken}");
    let (_, accepted) = running.admin(Method::GET, "/api/v1/findings?state=accepted", None).await;
    let reason = accepted["items"][0]["triage"]["reason"].as_str().expect("reason");
    assert!(reason.starts_with("VEX: not_affected") && reason.contains("never drawn"), "{reason}");

    // a later scan keeps the decision
    let next = one.commit("README.md", "hello\n");
    assert_eq!(gate(&running, &first, &next).await["state"], "pass");
    let (_, accepted) = running.admin(Method::GET, "/api/v1/findings?state=accepted", None).await;
    assert_eq!(accepted["items"].as_array().map(Vec::len), Some(2), "{accepted}");
}

#[tokio::test]
async fn what_is_no_vex_document_decides_nothing() {
    let running = Running::start().await;
    let broken = json!({"@context": "https://openvex.dev/ns/v0.2.0", "statements": [{"status": "not_affected"}]});
    for (document, expected) in [
        (json!({}), "neither OpenVEX"),
        (json!([1, 2]), "expected a string"),
        (json!({"bomFormat": "SPDX"}), "neither OpenVEX"),
        (broken, "vulnerability"),
        (openvex("pkg:pypi/acme-widgets", "fine"), "statement 1"),
    ] {
        let (status, problem) = running.admin(Method::POST, "/api/v1/vex", Some(document)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(expected)), "{expected}: {problem}");
    }
    let (restricted, _) = running.token(&["read"], None).await;
    let (status, _) = running.with_token(&restricted, Method::POST, "/api/v1/vex", Some(json!({}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
