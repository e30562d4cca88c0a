//! The description and the routes agree; every route has its rule of who may.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::running::Running;

async fn description(running: &Running) -> Value {
    running.request(Method::GET, "/api/v1/openapi.json").send().await.expect("an answer").json().await.expect("JSON")
}

/// Set `SECRETARYBIRD_UPDATE_SNAPSHOTS` to write the pinned description anew.
#[tokio::test]
async fn the_description_is_pinned() {
    let running = Running::start().await;
    let served = description(&running).await;
    assert!(served["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", served["openapi"]);
    let text = format!("{}\n", serde_json::to_string_pretty(&served).expect("JSON"));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/service/openapi.json");
    if std::env::var_os("SECRETARYBIRD_UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &text).expect("written");
    }
    let pinned = std::fs::read_to_string(&path).expect("the pinned description");
    assert!(pinned == text, "the API changed: look at the difference, then run with SECRETARYBIRD_UPDATE_SNAPSHOTS=1");
}

/// Every route × every scope: what the description promises is what happens. A new route without a rule fails here.
#[tokio::test]
async fn every_route_asks_for_the_scope_it_says() {
    let running = Running::start().await;
    let description = description(&running).await;
    let mut tokens = Vec::new();
    for scope in ["read", "scan", "triage", "admin"] {
        tokens.push((scope, running.token(&[scope], None).await.0));
    }
    let mut routes = 0;
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            routes += 1;
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("method");
            let filled = path.replace("{forge}", "github").replace("{id}", "00").replace("{name}", "x");
            let open = running.request(method.clone(), &filled).send().await.expect("an answer").status();
            let Some(needed) = operation["security"][0]["token"][0].as_str() else {
                assert!(filled.starts_with("/api/v1/webhooks/"), "{method} {path} has no rule of who may");
                continue;
            };
            assert_eq!(open, StatusCode::UNAUTHORIZED, "{method} {path} without a token");
            for (scope, token) in &tokens {
                let may = *scope == needed || *scope == "admin" || needed == "read";
                let (status, _) = running.with_token(token, method.clone(), &filled, None).await;
                assert_eq!(status != StatusCode::FORBIDDEN, may, "{method} {path} with `{scope}`: {status}");
                assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path} with `{scope}`");
            }
        }
    }
    assert!(routes >= 20, "{routes} routes are described");
}
