//! The description and the routes agree; every route has its rule of who may.

use std::path::Path;

use reqwest::Method;
use serde_json::Value;

use crate::running::Running;

pub async fn description(running: &Running) -> Value {
    running.admin(Method::GET, "/api/v1/openapi.json", None).await.1
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
    let difference = difference(&pinned, &text);
    assert!(
        difference.is_empty(),
        "the API changed; if it is meant, set SECRETARYBIRD_UPDATE_SNAPSHOTS=1:\n{difference}"
    );
}

/// The lines that differ, with a few of those around them.
fn difference(pinned: &str, served: &str) -> String {
    let directory = tempfile::tempdir().expect("directory");
    let write = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).expect("written");
    };
    write("pinned", pinned);
    write("served", served);
    let output = std::process::Command::new("git")
        .args(["diff", "--no-index", "--no-color", "--unified=3", "pinned", "served"])
        .current_dir(directory.path())
        .output()
        .expect("git runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_difference_is_shown_and_none_is_not() {
    assert_eq!(difference("a\nb\n", "a\nb\n"), "");
    let shown = difference("a\nb\n", "a\nc\n");
    assert!(shown.contains("-b") && shown.contains("+c"), "{shown}");
}
