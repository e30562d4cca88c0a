//! What every answer to a reader promises: tags, cursors, a pace; and the page to read the API in.

use std::collections::BTreeSet;

use reqwest::{Method, StatusCode};

use crate::running::Running;

async fn with_repositories(count: usize) -> Running {
    let running = Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    for number in 0..count {
        running.repository(&format!("http://127.0.0.1:1/acme/{number}")).await;
    }
    running
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let running = with_repositories(1).await;
    let get = || running.request(Method::GET, "/api/v1/repositories").bearer_auth(&running.admin);
    let first = get().send().await.expect("an answer");
    let tag = first.headers()["etag"].clone();
    let again = get().header("if-none-match", &tag).send().await.expect("an answer");
    assert_eq!((again.status(), &again.headers()["etag"]), (StatusCode::NOT_MODIFIED, &tag));
    assert_eq!(again.text().await.expect("text"), "");
    running.repository("http://127.0.0.1:1/acme/another").await;
    let changed = get().header("if-none-match", &tag).send().await.expect("an answer");
    assert_eq!(changed.status(), StatusCode::OK);
    assert_ne!(changed.headers()["etag"], tag);
}

#[tokio::test]
async fn pages_follow_each_other_by_a_cursor_of_their_list_only() {
    let running = with_repositories(5).await;
    let (mut seen, mut after) = (BTreeSet::new(), String::new());
    for _ in 0..3 {
        let path = format!("/api/v1/repositories?limit=2{after}");
        let (status, page) = running.admin(Method::GET, &path, None).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        seen.extend(page["items"].as_array().expect("items").iter().map(|item| item["id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        assert!(!seen.iter().any(|id| next.contains(id.trim_matches('"'))), "a cursor is opaque");
        after = format!("&after={next}");
    }
    assert_eq!(seen.len(), 5);
    for list in ["jobs", "tokens", "audit", "findings", "packages/x"] {
        let path = format!("/api/v1/{list}?limit=2{after}");
        assert_eq!(running.admin(Method::GET, &path, None).await.0, StatusCode::UNPROCESSABLE_ENTITY, "{list}");
    }
}

#[tokio::test]
async fn an_identity_that_asks_too_fast_is_told_to_wait() {
    let running = Running::start_with(|config| config.limits.requests_a_minute = 3).await;
    let get = |token: &str| running.request(Method::GET, "/api/v1/findings").bearer_auth(token);
    let (token, _) = running.token(&["read"], None).await;
    for _ in 0..3 {
        assert_eq!(get(&token).send().await.expect("an answer").status(), StatusCode::OK);
    }
    let slow = get(&token).send().await.expect("an answer");
    assert_eq!(slow.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait: u64 = slow.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert_eq!(slow.headers()["content-type"], "application/problem+json");
    assert_eq!(get(&running.admin).send().await.expect("an answer").status(), StatusCode::OK, "others go on");
}

#[tokio::test]
async fn the_page_of_the_api_needs_a_token_and_nothing_from_elsewhere() {
    let running = Running::start().await;
    let get = || running.request(Method::GET, "/api/v1/docs");
    let refused = get().send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let asked: Vec<_> =
        refused.headers().get_all("www-authenticate").iter().filter_map(|value| value.to_str().ok()).collect();
    assert!(asked.iter().any(|scheme| scheme.starts_with("Basic")), "a browser asks for the token: {asked:?}");
    let page = get().basic_auth("token", Some(&running.admin)).send().await.expect("an answer");
    assert_eq!(page.status(), StatusCode::OK);
    assert!(page.headers()["content-security-policy"].to_str().expect("text").contains("default-src 'none'"));
    let html = page.text().await.expect("text");
    for expected in ["/api/v1/repositories/{id}/gate", "/api/v1/findings/{id}", "schema-Repository"] {
        assert!(html.contains(expected), "{expected}");
    }
    assert!(!html.contains("<script") && !html.contains("src="), "nothing is loaded");
}

#[tokio::test]
async fn basic_credentials_change_nothing() {
    let running = Running::start().await;
    let get = running.request(Method::GET, "/api/v1/findings").basic_auth("x", Some(&running.admin));
    assert_eq!(get.send().await.expect("an answer").status(), StatusCode::OK);
    let post = running.request(Method::POST, "/api/v1/sweeps").basic_auth("x", Some(&running.admin));
    assert_eq!(post.send().await.expect("an answer").status(), StatusCode::UNAUTHORIZED);
}
