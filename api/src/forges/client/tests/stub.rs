//! A small server of the tests' own, and what they send to it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::super::*;
use crate::config::Reach;
use crate::credential::Credential;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub authorization: String,
    pub if_none_match: Option<String>,
    pub body: Value,
}

pub type Answer = Box<dyn FnMut(&Asked, usize) -> (u16, Vec<(&'static str, String)>, Value) + Send>;

/// A server that keeps what it was asked and answers by a closure, which is told how often its method and path came before.
pub struct Stub {
    pub asked: Mutex<Vec<Asked>>,
    answer: Mutex<Answer>,
}

pub struct Running {
    pub base: String,
    pub stub: Arc<Stub>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn handle(State(stub): State<Arc<Stub>>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let asked = Asked {
        method,
        path: uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        authorization: text("authorization").unwrap_or_default(),
        if_none_match: text("if-none-match"),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let mut all = stub.asked.lock().unwrap();
    let before = all.iter().filter(|one| one.method == asked.method && one.path == asked.path).count();
    all.push(asked.clone());
    drop(all);
    let (status, headers, body) = (stub.answer.lock().unwrap())(&asked, before);
    let mut response = (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response();
    for (name, value) in headers {
        response.headers_mut().append(name, value.parse().unwrap());
    }
    response
}

impl Running {
    pub async fn start(
        answer: impl FnMut(&Asked, usize) -> (u16, Vec<(&'static str, String)>, Value) + Send + 'static,
    ) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let stub = Arc::new(Stub { asked: Mutex::default(), answer: Mutex::new(Box::new(answer)) });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&stub));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, stub, task }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.stub.asked.lock().unwrap().clone()
    }

    pub fn paths(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| format!("{} {}", asked.method, asked.path)).collect()
    }

    pub fn access(&self) -> ForgeAccess {
        ForgeAccess {
            api_url: Some(self.base.parse().unwrap()),
            token: Some(Credential::new("the-token")),
            ..ForgeAccess::default()
        }
    }

    pub fn open(&self, kind: ForgeKind, access: &ForgeAccess) -> Box<dyn Forge> {
        let reach = Reach { allow_hosts: vec!["127.0.0.1".into()], allow_directories: vec![] };
        open(kind, access, &Guard::new(reach), patience()).unwrap()
    }

    pub fn github(&self) -> Box<dyn Forge> {
        self.open(ForgeKind::Github, &self.access())
    }
}

pub fn patience() -> Patience {
    Patience {
        tries: 3,
        first_pause: Duration::from_millis(5),
        longest_wait: Duration::from_secs(5),
        timeout: Duration::from_secs(5),
    }
}

pub fn repository(number: u64) -> Value {
    json!({"id": number, "full_name": format!("acme/r{number}"), "clone_url": format!("https://h/acme/r{number}.git"),
        "ssh_url": null, "default_branch": "main", "archived": number == 2, "fork": number == 3})
}

pub fn subject(pull_request: Option<u64>) -> Subject {
    Subject {
        full_name: "acme/site".into(),
        forge_id: Some("7".into()),
        commit: "c".repeat(40),
        reference: Some("refs/heads/main".into()),
        pull_request,
    }
}
