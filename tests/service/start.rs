//! Starting, refusing to start, stopping.

use api::app::{self, StartError};
use api::store::StoreError;
use reqwest::{Method, StatusCode};

use crate::running::{Running, configuration};

#[tokio::test]
async fn an_occupied_port_is_named() {
    let running = Running::start().await;
    let directory = tempfile::tempdir().expect("directory");
    let mut config = configuration(&directory);
    config.listen = running.server.address;
    let refused = app::start(config).await.expect_err("the port is taken");
    assert!(matches!(refused, StartError::Occupied { .. }), "{refused}");
    assert!(refused.to_string().contains(&running.server.address.to_string()), "{refused}");
}

#[tokio::test]
async fn a_data_directory_in_use_is_named() {
    let running = Running::start().await;
    let config = configuration(&running.directory);
    let refused = app::start(config).await.expect_err("the directory is in use");
    assert!(matches!(refused, StartError::Store(StoreError::InUse(_))), "{refused}");
    assert!(refused.to_string().contains("data"), "{refused}");
    // the one that was there goes on
    let ready = running.request(Method::GET, "/readyz").send().await.expect("an answer");
    assert_eq!(ready.status(), StatusCode::OK);
}

#[tokio::test]
async fn health_and_metrics_are_open_and_the_rest_is_not() {
    let running = Running::start().await;
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = running.request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
    }
    for path in ["/api/v1/openapi.json", "/api/v1/docs", "/v1/vulns/x"] {
        let answer = running.request(Method::GET, path).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
    let refused = running.request(Method::GET, "/api/v1/findings").send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["content-type"], "application/problem+json");
    let id = refused.headers()["x-request-id"].to_str().expect("id").to_owned();
    let problem: serde_json::Value = refused.json().await.expect("JSON");
    assert_eq!(problem["request_id"], id);
    assert_eq!(problem["status"], 401);
    let metrics = running.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
    assert!(metrics.contains("secretarybird_http_requests_total"), "{metrics}");
    assert!(metrics.contains("secretarybird_authentication_failures_total"), "{metrics}");
}

#[tokio::test]
async fn errors_of_every_layer_are_problem_documents() {
    let running = Running::start_with(|config| config.limits.body_bytes = 1000).await;
    let long = format!("{{\"url\": \"{}\"}}", "x".repeat(2000));
    for (method, path, body, expected) in [
        (Method::GET, "/api/v1/nothing", None, StatusCode::NOT_FOUND),
        (Method::GET, "/elsewhere", None, StatusCode::NOT_FOUND),
        (Method::PUT, "/api/v1/findings", None, StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/api/v1/findings?colour=blue", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/findings?kind=blue", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/findings?limit=0", None, StatusCode::BAD_REQUEST),
        (Method::GET, "/api/v1/findings?after=xyz", None, StatusCode::UNPROCESSABLE_ENTITY),
        (Method::GET, "/api/v1/findings/00", None, StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/scans/00", None, StatusCode::NOT_FOUND),
        (Method::GET, "/api/v1/packages/-", None, StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/repositories", Some("{".to_owned()), StatusCode::BAD_REQUEST),
        (Method::POST, "/api/v1/repositories", Some("{\"url\": 1}".to_owned()), StatusCode::UNPROCESSABLE_ENTITY),
        (Method::POST, "/v1/query", Some("{}".to_owned()), StatusCode::SERVICE_UNAVAILABLE),
        (Method::POST, "/api/v1/repositories", Some(long), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let mut request = running.request(method.clone(), path).bearer_auth(&running.admin);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let answer = request.send().await.expect("an answer");
        assert_eq!(answer.status(), expected, "{method} {path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(problem["status"], expected.as_u16(), "{problem}");
    }
    let put = running.request(Method::PUT, "/api/v1/findings").bearer_auth(&running.admin).send().await;
    assert_eq!(put.expect("an answer").headers()["allow"], "GET,HEAD", "405 says what there is");
    let text =
        running.request(Method::POST, "/api/v1/repositories").bearer_auth(&running.admin).body("{}").send().await;
    assert_eq!(text.expect("an answer").status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn repositories_out_of_reach_are_refused_and_the_rest_registered_once() {
    let running = Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    for url in ["file:///etc", "http://169.254.169.254/x", "https://user:word@127.0.0.1/x", "--upload-pack=x", ""] {
        let body = serde_json::json!({"url": url});
        let (status, problem) = running.admin(Method::POST, "/api/v1/repositories", Some(body)).await;
        let refused = [StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&status);
        assert!(refused, "{url}: {status} {problem}");
        assert!(!problem.to_string().contains("user:word"), "{problem}");
    }
    let body = serde_json::json!({"url": "http://127.0.0.1:1/a/b.git"});
    let (first, made) = running.admin(Method::POST, "/api/v1/repositories", Some(body.clone())).await;
    let (again, same) = running.admin(Method::POST, "/api/v1/repositories", Some(body)).await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(made["id"], same["id"]);
    let path = format!("/api/v1/repositories/{}", made["id"].as_str().expect("id"));
    assert_eq!(running.admin(Method::GET, &path, None).await.0, StatusCode::OK);
    assert_eq!(running.admin(Method::DELETE, &path, None).await.0, StatusCode::NO_CONTENT);
    assert_eq!(running.admin(Method::GET, &path, None).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_was_registered_outlives_a_restart_and_the_token_too() {
    let Running { server, client, directory, admin } =
        Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    let running = Running { server, client, directory, admin };
    let id = running.repository("http://127.0.0.1:1/a/b").await;
    let Running { server, client, directory, admin } = running;
    assert!(server.shutdown().await, "drained in time");
    let server = app::start(configuration(&directory)).await.expect("starts again");
    assert!(server.first_token.is_none(), "the admin token is made once");
    let running = Running { server, client, directory, admin };
    let (status, _) = running.admin(Method::GET, &format!("/api/v1/repositories/{id}"), None).await;
    assert_eq!(status, StatusCode::OK);
}
