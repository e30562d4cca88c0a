//! A forge's REST on loopback, as far as a test wants it, that keeps what it was asked.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;

/// One request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Value,
}

/// What is answered: a status, headers and a body; `None` never answers.
pub type Answer = Option<(u16, Vec<(&'static str, String)>, Value)>;

struct Shared {
    asked: Mutex<Vec<Asked>>,
    answer: Box<dyn Fn(&Asked) -> Answer + Send + Sync>,
}

/// The running stub; it ends when dropped.
pub struct Stub {
    pub base: String,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Stub {
    pub async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared { asked: Mutex::default(), answer: Box::new(answer) });
        let router = Router::new().fallback(handle).with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { base, shared, task }
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("not poisoned").clone()
    }

    /// Waits until a request fits.
    pub async fn wait_for(&self, what: &str, fits: impl Fn(&Asked) -> bool) -> Asked {
        for _ in 0..1200 {
            if let Some(found) = self.asked().into_iter().find(&fits) {
                return found;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("never asked for {what}; asked: {:?}", self.asked());
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let asked = Asked { method, path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) };
    shared.asked.lock().expect("not poisoned").push(asked.clone());
    let Some((status, headers, body)) = (shared.answer)(&asked) else {
        return std::future::pending().await;
    };
    let mut response = (StatusCode::from_u16(status).expect("status"), body.to_string()).into_response();
    for (name, value) in headers {
        response.headers_mut().append(name, value.parse().expect("header"));
    }
    response
}
