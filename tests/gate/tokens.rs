//! `secretarybird token` on a store that nobody serves, and at a running server.

use std::process::{Command, Output};

use api::app;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::command::told;
use crate::running::{Running, configuration};

fn token(arguments: &[&str], secret: Option<&str>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
    command.arg("token").args(arguments).env_clear();
    if let Some(secret) = secret {
        command.env("SECRETARYBIRD_TOKEN", secret);
    }
    command.output().expect("the command runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_listed_and_revoked_in_both_places() {
    let directory = tempfile::tempdir().expect("directory");
    let config = configuration(&directory);
    std::fs::create_dir_all(&config.data_dir).expect("directory");
    let data = config.data_dir.display().to_string();
    // before the first start: the server then makes no token of its own
    let create = ["create", "--name", "first", "--scope", "admin", "--data-dir", &data];
    let (code, out, err) = told(&token(&create, None));
    assert_eq!(code, Some(0), "{err}");
    let admin = out.trim().to_owned();
    assert!(admin.starts_with("sbird_") && !err.contains(&admin), "the token alone is on stdout: {out}{err}");

    let server = app::start(config).await.expect("the service starts");
    assert!(server.first_token.is_none());
    let running = Running { server, client: reqwest::Client::new(), directory, admin: admin.clone() };
    let address = format!("http://{}", running.server.address);
    let (code, _, err) = told(&token(&["list", "--data-dir", &data], None));
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("another process uses this directory") && err.contains("--server"), "{err}");

    let create = ["create", "--name", "ci", "--scope", "read,scan", "--expires", "30d", "--json", "--server", &address];
    let (code, out, err) = told(&token(&create, Some(&admin)));
    assert_eq!(code, Some(0), "{err}");
    let made: Value = serde_json::from_str(&out).expect("JSON");
    let (id, secret) = (made["id"].as_str().expect("id"), made["token"].as_str().expect("token"));
    assert_eq!(running.with_token(secret, Method::GET, "/api/v1/findings", None).await.0, StatusCode::OK);
    let (code, out, _) = told(&token(&["list", "--server", &address], Some(&admin)));
    assert_eq!(code, Some(0));
    assert!(out.contains(id) && out.contains("read,scan") && !out.contains(secret), "{out}");
    let (code, _, _) = told(&token(&["list", "--server", &address], Some(secret)));
    assert_eq!(code, Some(4), "a token that may not");
    let (code, out, _) = told(&token(&["revoke", id, "--server", &address], Some(&admin)));
    assert_eq!((code, out), (Some(0), format!("revoked {id}\n")));
    assert_eq!(running.with_token(secret, Method::GET, "/api/v1/findings", None).await.0, StatusCode::UNAUTHORIZED);

    let (_, trail) = running.admin(Method::GET, "/api/v1/audit", None).await;
    let actions: Vec<&str> =
        trail["items"].as_array().expect("items").iter().filter_map(|line| line["action"].as_str()).collect();
    assert_eq!(actions, ["DELETE /api/v1/tokens/{id}", "POST /api/v1/tokens", "token create"], "{trail}");

    running.server.shutdown().await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    // in one process the lock lasts as long as the last task that is being dropped
    let (code, out, err) = loop {
        let listed = told(&token(&["list", "--data-dir", &data], None));
        if listed.0 == Some(0) || std::time::Instant::now() > deadline {
            break listed;
        }
    };
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("revoked") && !out.contains(&admin), "{out}");
}

#[test]
fn what_makes_no_sense_is_exit_2_and_says_why() {
    let directory = tempfile::tempdir().expect("directory");
    let data = directory.path().display().to_string();
    for (arguments, expected) in [
        (vec!["create", "--name", "x", "--scope", "root", "--data-dir", &data], "read, scan, triage"),
        (vec!["create", "--name", " ", "--scope", "read", "--data-dir", &data], "name"),
        (
            vec!["create", "--name", "x", "--scope", "read", "--expires", "2020-01-01T00:00:00Z", "--data-dir", &data],
            "past",
        ),
        (vec!["revoke", "x", "--data-dir", &data], "no token"),
        (vec!["list", "--data-dir", "/nowhere"], "/nowhere"),
    ] {
        let (code, _, err) = told(&token(&arguments, None));
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
}
