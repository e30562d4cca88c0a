//! Every route × every scope × another organisation's data, generated from the API's own description: a new route without a rule of who
//! may fails here.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::openapi::description;
use crate::running::Running;

/// Routes that concern all repositories: a token that is restricted to some may not use them, whatever its scope.
const WHOLE: &[&str] = &[
    "POST /api/v1/sweeps",
    "POST /api/v1/tokens",
    "GET /api/v1/tokens",
    "DELETE /api/v1/tokens/{id}",
    "GET /api/v1/audit",
    "GET /api/v1/messages",
    "POST /api/v1/messages/{id}/retry",
    "POST /api/v1/advisories/sync",
];

/// One route of the description.
struct Route {
    method: Method,
    path: String,
    /// The scope that it asks for; `None` for webhooks.
    scope: Option<String>,
}

impl Route {
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// With parameters: `id` where an identity is asked for.
    fn filled(&self, id: &str) -> String {
        let path = self.path.replace("{forge}", "github").replace("{id}", id).replace("{name}", "x");
        let commit = "a".repeat(40);
        match self.path.rsplit('/').next() {
            Some("gate") => format!("{path}?commit={commit}"),
            Some("compare") => format!("{path}?base={commit}&head={commit}"),
            _ => path,
        }
    }

    /// A body that the route can read; what it says does not matter where the permission is missing.
    fn body(&self) -> Option<Value> {
        match self.name().as_str() {
            "POST /api/v1/repositories" => Some(json!({"url": "http://127.0.0.1:1/acme/third"})),
            "PATCH /api/v1/findings/{id}" => Some(json!({"state": "open", "reason": "x"})),
            "POST /api/v1/vex" => Some(json!({"@context": "https://openvex.dev/ns/v0.2.0", "statements": []})),
            "POST /api/v1/tokens" => Some(json!({"name": "x", "scopes": ["read"]})),
            _ => None,
        }
    }
}

fn routes(description: &Value) -> Vec<Route> {
    let mut routes = Vec::new();
    for (path, methods) in description["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let scope = operation["security"][0]["token"][0].as_str().map(str::to_owned);
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).expect("method");
            routes.push(Route { method, path: path.clone(), scope });
        }
    }
    assert!(routes.len() >= 25, "{} routes are described", routes.len());
    routes
}

async fn start() -> Running {
    Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await
}

#[tokio::test]
async fn every_route_asks_for_the_scope_it_says() {
    let running = start().await;
    let mut tokens = Vec::new();
    for scope in ["read", "scan", "triage", "admin"] {
        tokens.push((scope, running.token(&[scope], None).await.0));
    }
    for route in routes(&description(&running).await) {
        let filled = route.filled("00");
        let open = running.request(route.method.clone(), &filled).send().await.expect("an answer").status();
        let Some(needed) = &route.scope else {
            assert!(filled.starts_with("/api/v1/webhooks/"), "{} has no rule of who may", route.name());
            continue;
        };
        assert_eq!(open, StatusCode::UNAUTHORIZED, "{} without a token", route.name());
        for (scope, token) in &tokens {
            let may = scope == needed || *scope == "admin" || needed == "read";
            let (status, _) = running.with_token(token, route.method.clone(), &filled, route.body()).await;
            assert_eq!(status != StatusCode::FORBIDDEN, may, "{} with `{scope}`: {status}", route.name());
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{} with `{scope}`", route.name());
        }
    }
}

/// A repository with everything that can be asked about it by an identity: a job, a scan, a finding.
struct Owned {
    repository: String,
    job: String,
}

async fn owned(running: &Running, name: &str) -> Owned {
    let repository = running.repository(&format!("http://127.0.0.1:1/{name}/site")).await;
    let path = format!("/api/v1/repositories/{repository}/scans");
    let (status, job) = running.admin(Method::POST, &path, Some(json!({}))).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{job}");
    Owned { repository, job: job["id"].as_str().expect("id").to_owned() }
}

/// A token restricted to one organisation's repository cannot even tell that another's data is there.
#[tokio::test]
async fn another_organisations_data_does_not_exist() {
    let running = start().await;
    let own = owned(&running, "acme").await;
    let other = owned(&running, "other").await;
    let described = description(&running).await;
    for scope in ["read", "scan", "triage", "admin"] {
        let (token, _) = running.token(&[scope], Some(&[&own.repository])).await;
        for route in routes(&described).into_iter().filter(|route| route.scope.is_some()) {
            let name = route.name();
            let (running, token, method) = (&running, &token, &route.method);
            let ask = |path: String, body| async move { running.with_token(token, method.clone(), &path, body).await };
            if WHOLE.contains(&name.as_str()) {
                let (status, _) = ask(route.filled("00"), route.body()).await;
                assert_eq!(status, StatusCode::FORBIDDEN, "{name} with `{scope}`");
                continue;
            }
            let id = if route.path.contains("/repositories/") { &other.repository } else { &other.job };
            let (status, said) = ask(route.filled(id), route.body()).await;
            if route.path.contains("{id}") && !route.path.contains("/advisories/") {
                let hidden = matches!(status, StatusCode::NOT_FOUND | StatusCode::FORBIDDEN);
                assert!(hidden, "{name} with `{scope}` about another's: {status} {said}");
                // the answer is the one for what is not there at all
                let absent = if route.path.contains("/repositories/") { "f".repeat(32) } else { uuid() };
                let (none, _) = ask(route.filled(&absent), route.body()).await;
                assert_eq!(status, none, "{name} with `{scope}` tells that another's data is there");
            } else if status.is_success() {
                let text = said.to_string();
                assert!(
                    !text.contains(&other.repository) && !text.contains(&other.job),
                    "{name} with `{scope}`: {text}"
                );
            }
        }
    }
    let (_, job) = running.admin(Method::GET, &format!("/api/v1/scans/{}", other.job), None).await;
    assert_ne!(job["state"], "cancelled", "nothing was done to it: {job}");
    let (status, _) = running.admin(Method::GET, &format!("/api/v1/repositories/{}", other.repository), None).await;
    assert_eq!(status, StatusCode::OK, "nothing was done to it");
}

fn uuid() -> String {
    "01890000-0000-7000-8000-000000000000".to_owned()
}

/// A restricted administrator cannot hand out more than it has.
#[tokio::test]
async fn nobody_widens_a_token() {
    let running = start().await;
    let own = owned(&running, "acme").await;
    let (token, _) = running.token(&["admin"], Some(&[&own.repository])).await;
    let body = json!({"name": "wider", "scopes": ["admin"]});
    let (status, _) = running.with_token(&token, Method::POST, "/api/v1/tokens", Some(body)).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let unknown = json!({"name": "x", "scopes": ["read"], "repositories": ["nothing"]});
    let (status, problem) = running.admin(Method::POST, "/api/v1/tokens", Some(unknown)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
    for (field, value) in [("scopes", json!([])), ("name", json!(" ")), ("expires_at", json!("2020-01-01T00:00:00Z"))] {
        let mut body = json!({"name": "x", "scopes": ["read"]});
        body[field] = value;
        let (status, problem) = running.admin(Method::POST, "/api/v1/tokens", Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{field}: {problem}");
    }
}
