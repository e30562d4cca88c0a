//! Who may do what, from outside.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::running::Running;

async fn start() -> Running {
    Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await
}

#[tokio::test]
async fn a_token_is_shown_once_and_ends_when_revoked() {
    let running = start().await;
    let (token, id) = running.token(&["read"], None).await;
    let (status, _) = running.with_token(&token, Method::GET, "/api/v1/findings", None).await;
    assert_eq!(status, StatusCode::OK);
    let (_, listed) = running.admin(Method::GET, "/api/v1/tokens", None).await;
    assert!(!listed.to_string().contains(&token), "a list never shows a token");
    let (status, _) = running.admin(Method::DELETE, &format!("/api/v1/tokens/{id}"), None).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, _) = running.with_token(&token, Method::GET, "/api/v1/findings", None).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_restricted_token_cannot_tell_that_other_repositories_are_there() {
    let running = start().await;
    let own = running.repository("http://127.0.0.1:1/acme/own").await;
    let other = running.repository("http://127.0.0.1:1/acme/other").await;
    let (token, _) = running.token(&["scan"], Some(&[&own])).await;
    let commit = "c".repeat(40);
    for (repository, expected) in [(&own, StatusCode::OK), (&other, StatusCode::NOT_FOUND)] {
        for path in ["", &format!("/gate?commit={commit}")] {
            let path = format!("/api/v1/repositories/{repository}{path}");
            assert_eq!(running.with_token(&token, Method::GET, &path, None).await.0, expected, "{path}");
        }
    }
    let path = format!("/api/v1/repositories/{other}");
    assert_eq!(running.with_token(&token, Method::DELETE, &path, None).await.0, StatusCode::NOT_FOUND);
    let (_, listed) = running.with_token(&token, Method::GET, "/api/v1/repositories", None).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    let (_, jobs) = running.admin(Method::GET, "/api/v1/jobs", None).await;
    assert!(!jobs.to_string().contains(&other), "nothing was queued for the other");
    let body = json!({"url": "http://127.0.0.1:1/acme/third"});
    let (status, _) = running.with_token(&token, Method::POST, "/api/v1/repositories", Some(body)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let running = Running::start_with(|config| config.limits.failures_a_minute = 3).await;
    let mut seen = Vec::new();
    // a minute may turn over in between; then it takes three more
    for _ in 0..8 {
        seen.push(running.with_token("sbird_nothing", Method::GET, "/api/v1/findings", None).await.0);
    }
    assert_eq!(seen[0], StatusCode::UNAUTHORIZED);
    assert_eq!(seen[7], StatusCode::TOO_MANY_REQUESTS, "{seen:?}");
}

#[tokio::test]
async fn loopback_is_open_only_where_configured_and_for_no_page_of_another_site() {
    let running = Running::start_with(|config| config.auth.open_on_loopback = true).await;
    assert!(running.server.first_token.is_none());
    let get = || running.request(Method::GET, "/api/v1/tokens");
    assert_eq!(get().send().await.expect("an answer").status(), StatusCode::OK);
    for (name, value) in [("host", "evil.example"), ("sec-fetch-site", "cross-site"), ("x-forwarded-for", "192.0.2.1")]
    {
        let answer = get().header(name, value).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{name}: {value}");
    }
}
