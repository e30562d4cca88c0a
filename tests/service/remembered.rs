//! Answers that are remembered: as many are given as asked for, none is older than the last write, none is somebody else's.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::running::{Running, answer};
use crate::scanned::start;
use crate::vex::with_finding;
use crate::work::Work;

/// The states of the findings on a page, asked for twice.
async fn states(running: &Running, token: &str, path: &str) -> Vec<String> {
    let mut pages = Vec::new();
    for _ in 0..2 {
        let asked = running.request(Method::GET, path).bearer_auth(token);
        let (status, page) = answer(asked.send().await.expect("an answer")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let items = page["items"].as_array().expect("items");
        pages.push(items.iter().map(|item| item["state"].as_str().expect("state").to_owned()).collect::<Vec<_>>());
    }
    assert_eq!(pages[0], pages[1]);
    pages.swap_remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_never_older_than_the_last_write_nor_that_of_another_identity() {
    let directory = tempfile::tempdir().expect("directory");
    let (one, two) = (Work::new(&directory.path().join("one")), Work::new(&directory.path().join("two")));
    let running = start(directory.path()).await;
    let (first, _) = with_finding(&running, &one).await;
    let (second, _) = with_finding(&running, &two).await;
    let (own, _) = running.token(&["read"], Some(&[&first])).await;
    let of = |id: &str| format!("/api/v1/findings?kind=vulnerability&repository={id}");
    let all = "/api/v1/findings?kind=vulnerability";
    let admin = running.admin.as_str();

    // whoever asks first, the other gets a page of one's own
    assert_eq!(states(&running, admin, all).await, ["open", "open"]);
    assert_eq!(states(&running, &own, all).await, ["open"]);
    assert_eq!(states(&running, admin, all).await, ["open", "open"]);
    for id in [&first, &second] {
        assert_eq!(states(&running, admin, &of(id)).await, ["open"]);
    }
    assert_eq!(states(&running, &own, &of(&first)).await, ["open"]);
    let hidden = running.request(Method::GET, &of(&second)).bearer_auth(&own).send().await.expect("an answer");
    assert_eq!(hidden.status(), StatusCode::NOT_FOUND, "remembered for others");

    let (_, page) = running.admin(Method::GET, &of(&first), None).await;
    let id = page["items"][0]["id"].as_str().expect("id");
    let decision = json!({"state": "accepted", "reason": "tolerable"});
    let (status, decided) = running.admin(Method::PATCH, &format!("/api/v1/findings/{id}"), Some(decision)).await;
    assert_eq!(status, StatusCode::OK, "{decided}");
    assert_eq!(states(&running, admin, &of(&first)).await, ["accepted"]);
    assert_eq!(states(&running, &own, all).await, ["accepted"]);
    assert_eq!(states(&running, admin, &of(&second)).await, ["open"]);
    let mut both = states(&running, admin, all).await;
    both.sort();
    assert_eq!(both, ["accepted", "open"]);

    let (status, _) = running.admin(Method::DELETE, &format!("/api/v1/repositories/{first}"), None).await;
    assert!(status.is_success(), "{status}");
    assert_eq!(running.admin(Method::GET, &of(&first), None).await.0, StatusCode::NOT_FOUND);
    assert_eq!(states(&running, admin, all).await, ["open"]);
}
