//! The advisories over HTTP, and as the public OSV service answers.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::running::Running;

async fn start() -> Running {
    let record = json!({
        "schema_version": "1.7.0", "id": "PYSEC-2099-1", "aliases": ["CVE-2099-0001"], "modified": "2026-01-02T00:00:00Z",
        "published": "2026-01-01T00:00:00Z", "summary": "An example", "details": "An example of the tests.",
        "affected": [{"package": {"name": "Acme_Widgets", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}]});
    Running::start_with(|config| {
        let directory = config.data_dir.with_file_name("osv");
        std::fs::create_dir_all(&directory).expect("directory");
        std::fs::write(directory.join("PYSEC-2099-1.json"), record.to_string()).expect("record");
        config.advisories = Some(directory.display().to_string());
    })
    .await
}

#[tokio::test]
async fn osv_questions_are_answered_from_the_own_index() {
    let running = start().await;
    let package = json!({"name": "acme.widgets", "ecosystem": "PyPI"});
    let ask = |path: &'static str, body: serde_json::Value| running.admin(Method::POST, path, Some(body));
    let (status, whole) = ask("/v1/query", json!({"version": "1.9", "package": package})).await;
    assert_eq!(status, StatusCode::OK, "{whole}");
    assert_eq!(whole["vulns"][0]["id"], "PYSEC-2099-1");
    assert_eq!(whole["vulns"][0]["affected"][0]["ranges"][0]["type"], "ECOSYSTEM");
    assert_eq!(whole["vulns"][0]["affected"][0]["ranges"][0]["events"][1]["fixed"], "2.0");
    let (_, fixed) = ask("/v1/query", json!({"version": "2.0", "package": package})).await;
    assert_eq!(fixed, json!({}));
    let queries = json!({"queries": [
        {"version": "2.0", "package": package}, {"version": "1.0", "package": package},
        {"version": "1.0", "package": {"name": "acme-widgets", "ecosystem": "npm"}}]});
    let (_, batch) = ask("/v1/querybatch", queries).await;
    assert_eq!(batch["results"][0], json!({}));
    assert_eq!(batch["results"][1]["vulns"][0]["id"], "PYSEC-2099-1");
    assert_eq!(batch["results"][2], json!({}));
    let (_, record) = running.admin(Method::GET, "/v1/vulns/CVE-2099-0001", None).await;
    assert_eq!(record["id"], "PYSEC-2099-1");
    let (status, _) = running.admin(Method::GET, "/v1/vulns/CVE-2099-9999", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, status) = running.admin(Method::GET, "/api/v1/advisories/status", None).await;
    assert_eq!(status["records"], 1);
}

#[tokio::test]
async fn without_advisories_the_answer_is_not_an_empty_one() {
    let running = Running::start().await;
    let body = json!({"version": "1", "package": {"name": "x", "ecosystem": "PyPI"}});
    let (status, problem) = running.admin(Method::POST, "/v1/query", Some(body)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{problem}");
    let (_, status) = running.admin(Method::GET, "/api/v1/advisories/status", None).await;
    assert!(status["error"].is_string() && status["records"].is_null(), "{status}");
}
