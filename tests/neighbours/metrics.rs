//! `promtool check metrics`, Prometheus' own linter, over what the service exposes after some use.

use std::io::Write as _;
use std::process::{Command, Stdio};

use reqwest::Method;

use crate::running::Running;
use crate::said;

#[tokio::test]
async fn prometheus_finds_nothing_wrong_with_the_metrics() {
    let running = Running::start_with(|config| config.reach.allow_hosts = vec!["127.0.0.1".into()]).await;
    let id = running.repository("http://127.0.0.1:1/acme/site").await;
    running.admin(Method::POST, &format!("/api/v1/repositories/{id}/scans"), None).await;
    running.with_token("sbird_nothing", Method::GET, "/api/v1/findings", None).await;
    running.request(Method::POST, "/api/v1/webhooks/github").send().await.expect("an answer");
    let text = running.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool, of Debian's package prometheus");
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("promtool ends");
    assert!(output.status.success() && output.stderr.is_empty(), "{}\n{text}", said(&output));
}
