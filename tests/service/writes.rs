//! What every write promises: carried out once under a key, and written down with who did it.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer};

async fn keyed(running: &Running, key: &str, path: &str, body: &Value) -> (StatusCode, bool, Value) {
    let request = running.request(Method::POST, path).bearer_auth(&running.admin).header("idempotency-key", key);
    let response = request.json(body).send().await.expect("an answer");
    let replayed = response.headers().contains_key("idempotency-replayed");
    let (status, body) = answer(response).await;
    (status, replayed, body)
}

#[tokio::test]
async fn a_request_under_one_key_is_carried_out_once() {
    let running = Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    let id = running.repository("http://127.0.0.1:1/acme/site").await;
    let path = format!("/api/v1/repositories/{id}/scans");
    let commit = |letter: &str| json!({"commit": letter.repeat(40)});
    let (status, replayed, first) = keyed(&running, "one", &path, &commit("a")).await;
    assert_eq!((status, replayed), (StatusCode::ACCEPTED, false), "{first}");
    let (status, replayed, again) = keyed(&running, "one", &path, &commit("a")).await;
    assert_eq!((status, replayed, &again), (StatusCode::ACCEPTED, true, &first));
    let (status, _, problem) = keyed(&running, "one", &path, &commit("b")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    // another identity's key of the same name is another key
    let (token, _) = running.token(&["scan"], None).await;
    let request = running.request(Method::POST, &path).bearer_auth(&token).header("idempotency-key", "one");
    let (status, other) = answer(request.json(&commit("c")).send().await.expect("an answer")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{other}");
    assert_ne!(other["id"], first["id"]);
    // a refused request may be mended under its key
    let (status, _, _) = keyed(&running, "two", &path, &json!({"commit": "HEAD"})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, replayed, _) = keyed(&running, "two", &path, &commit("d")).await;
    assert_eq!((status, replayed), (StatusCode::ACCEPTED, false));
}

#[tokio::test]
async fn a_token_is_not_kept_for_a_replay() {
    let running = Running::start().await;
    let body = json!({"name": "ci", "scopes": ["read"]});
    let (status, _, made) = keyed(&running, "token", "/api/v1/tokens", &body).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let (status, _, again) = keyed(&running, "token", "/api/v1/tokens", &body).await;
    assert_eq!(status, StatusCode::CONFLICT, "{again}");
    assert!(!again.to_string().contains(made["token"].as_str().expect("token")));
    let (_, listed) = running.admin(Method::GET, "/api/v1/tokens", None).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "the first start's and this one: {listed}");
}

#[tokio::test]
async fn every_write_leaves_a_line_and_a_refused_one_does_not() {
    let running = Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    let id = running.repository("http://127.0.0.1:1/acme/site").await;
    let (reader, reader_id) = running.token(&["read"], None).await;
    let path = format!("/api/v1/repositories/{id}/scans");
    let (status, _) = running.with_token(&reader, Method::POST, &path, Some(json!({}))).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let request =
        running.request(Method::POST, &path).bearer_auth(&running.admin).header("x-request-id", "request-0001");
    assert_eq!(request.send().await.expect("an answer").status(), StatusCode::ACCEPTED);
    running.admin(Method::DELETE, &format!("/api/v1/repositories/{id}"), None).await;

    let (status, first) = running.admin(Method::GET, "/api/v1/audit?limit=3", None).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let next = first["next"].as_str().expect("there is more");
    let (_, rest) = running.admin(Method::GET, &format!("/api/v1/audit?limit=3&after={next}"), None).await;
    let lines: Vec<&Value> =
        [&first, &rest].into_iter().flat_map(|page| page["items"].as_array().expect("items")).collect();
    let told: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line["action"].as_str().expect("action"), line["object"].as_str().expect("object")))
        .collect();
    let repository = format!("/api/v1/repositories/{id}");
    let token = format!("/api/v1/tokens/{reader_id}");
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(told[0], ("DELETE /api/v1/repositories/{id}", repository.as_str()));
    assert_eq!(told[1].0, "POST /api/v1/repositories/{id}/scans");
    assert_eq!(lines[1]["request_id"], "request-0001");
    assert!(told[1].1.starts_with("/api/v1/scans/"), "{told:?}");
    assert_eq!(told[2], ("POST /api/v1/tokens", token.as_str()));
    assert_eq!(told[3], ("POST /api/v1/repositories", repository.as_str()));
    assert!(lines.iter().all(|line| line["actor"].as_str().is_some_and(|actor| actor.starts_with("token:"))));
    let (status, _) = running.with_token(&reader, Method::GET, "/api/v1/audit", None).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}
