//! Repository and installation events of every forge, and deliveries that come twice.

use api::config::ForgeAccess;
use api::credential::Credential;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer, webhook_secret};

async fn start() -> Running {
    Running::start_with(|config| {
        config.webhooks.forgejo.secrets = vec![webhook_secret()];
        config.webhooks.bitbucket.secrets = vec![webhook_secret()];
        // addresses on which nothing listens: the scans fail, and the events are what is looked at
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        let access = |api: &str| ForgeAccess {
            api_url: Some(format!("http://127.0.0.1:1{api}").parse().expect("address")),
            token: Some(Credential::new("a token of the tests")),
            ..ForgeAccess::default()
        };
        config.forges.github = access("/api/v3");
        config.forges.gitlab = access("/api/v4");
        config.forges.gitea = access("/api/v1");
        config.forges.forgejo = access("/api/v1");
        config.forges.bitbucket = access("/2.0");
    })
    .await
}

/// Signs and sends as the forge does.
async fn deliver(running: &Running, forge: &str, event: &str, id: &str, body: &Value) -> (StatusCode, Value) {
    let body = body.to_string();
    let tag = hex::encode(webhook_secret().hmac_sha256(&[body.as_bytes()]));
    let mut request = running.request(Method::POST, &format!("/api/v1/webhooks/{forge}"));
    let headers: Vec<(&str, String)> = match forge {
        "github" => vec![
            ("x-hub-signature-256", format!("sha256={tag}")),
            ("x-github-event", event.into()),
            ("x-github-delivery", id.into()),
        ],
        "gitea" => vec![("x-gitea-signature", tag), ("x-gitea-event", event.into()), ("x-gitea-delivery", id.into())],
        "forgejo" => {
            vec![("x-forgejo-signature", tag), ("x-forgejo-event", event.into()), ("x-forgejo-delivery", id.into())]
        }
        "gitlab" => vec![
            ("x-gitlab-token", webhook_secret().expose().to_owned()),
            ("x-gitlab-event", event.into()),
            ("x-gitlab-event-uuid", id.into()),
        ],
        _ => vec![
            ("x-hub-signature", format!("sha256={tag}")),
            ("x-event-key", event.into()),
            ("x-request-uuid", id.into()),
        ],
    };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    answer(request.header("content-type", "application/json").body(body).send().await.expect("an answer")).await
}

fn hub(action: &str, id: u64, name: &str) -> Value {
    json!({"action": action, "repository": {"id": id, "full_name": name,
        "clone_url": format!("http://127.0.0.1:1/{name}.git"), "ssh_url": null, "default_branch": "main",
        "archived": action == "archived", "fork": false}})
}

fn lab(event: &str, id: u64, name: &str) -> Value {
    json!({"event_name": event, "project_id": id, "path_with_namespace": name, "name": "x"})
}

fn bucket(id: &str, name: &str, renamed: bool) -> Value {
    let mut body = json!({"repository": {"uuid": id, "full_name": name, "parent": null,
        "links": {"html": {"href": format!("http://127.0.0.1:1/{name}")}}}});
    if renamed {
        body["changes"] = json!({"full_name": {"old": "x", "new": name}});
    }
    body
}

async fn repositories(running: &Running) -> Vec<(String, String, String)> {
    let (_, list) = running.admin(Method::GET, "/api/v1/repositories", None).await;
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let items = list["items"].as_array().expect("items");
    let mut all: Vec<_> =
        items.iter().map(|item| (text(&item["name"]), text(&item["standing"]), text(&item["id"]))).collect();
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn repositories_are_created_renamed_archived_and_deleted_on_every_forge() {
    for forge in ["github", "gitea", "forgejo", "gitlab", "bitbucket"] {
        let running = start().await;
        // the event's name and body, then name and standing of the repository
        let mut steps: Vec<(&str, Value, &str, &str)> = match forge {
            "gitlab" => vec![
                ("System Hook", lab("project_create", 7, "acme/one"), "acme/one", "active"),
                ("System Hook", lab("project_rename", 7, "acme/two"), "acme/two", "active"),
                ("System Hook", lab("project_transfer", 7, "corp/two"), "corp/two", "active"),
                ("System Hook", lab("project_destroy", 7, "corp/two"), "corp/two", "deleted"),
            ],
            "bitbucket" => vec![
                ("repo:created", bucket("{7}", "acme/one", false), "acme/one", "active"),
                ("repo:updated", bucket("{7}", "acme/two", true), "acme/two", "active"),
                ("repo:transfer", bucket("{7}", "corp/two", false), "corp/two", "active"),
                ("repo:deleted", bucket("{7}", "corp/two", false), "corp/two", "deleted"),
            ],
            _ => vec![
                ("repository", hub("created", 7, "acme/one"), "acme/one", "active"),
                ("repository", hub("deleted", 7, "acme/one"), "acme/one", "deleted"),
            ],
        };
        if forge == "github" {
            let more = [
                ("repository", hub("renamed", 7, "acme/two"), "acme/two", "active"),
                ("repository", hub("archived", 7, "acme/two"), "acme/two", "archived"),
                ("repository", hub("unarchived", 7, "acme/two"), "acme/two", "active"),
                ("repository", hub("transferred", 7, "corp/two"), "corp/two", "active"),
            ];
            steps.splice(1..1, more);
            steps.last_mut().expect("a step").1 = hub("deleted", 7, "corp/two");
            steps.last_mut().expect("a step").2 = "corp/two";
        }
        let mut identity = None;
        for (number, (event, body, name, standing)) in steps.into_iter().enumerate() {
            let id = format!("delivery {number}");
            let (status, taken) = deliver(&running, forge, event, &id, &body).await;
            assert_eq!(
                (status, &taken["outcome"]),
                (StatusCode::ACCEPTED, &json!("accepted")),
                "{forge} {body}: {taken}"
            );
            let all = repositories(&running).await;
            assert_eq!(all.len(), 1, "{forge} {event}: {all:?}");
            assert_eq!((all[0].0.as_str(), all[0].1.as_str()), (name, standing), "{forge} {body}");
            assert_eq!(identity.get_or_insert_with(|| all[0].2.clone()), &all[0].2, "{forge}: one identity");
            let (status, again) = deliver(&running, forge, event, &id, &body).await;
            assert_eq!((status, &again["outcome"]), (StatusCode::OK, &json!("duplicate")), "{forge} {body}");
        }
    }
}

/// Bitbucket keeps no ref of a request's head: what another repository holds cannot be had from this one.
#[tokio::test(flavor = "multi_thread")]
async fn a_pull_request_from_a_fork_on_bitbucket_is_told_and_not_queued() {
    let running = start().await;
    let side = |branch: &str, repository: Value| json!({"branch": {"name": branch}, "commit": {"hash": "a".repeat(40)}, "repository": repository});
    let body = |source: Value| {
        let mut body = bucket("{7}", "acme/one", false);
        body["pullrequest"] =
            json!({"id": 4, "source": side("change", source), "destination": side("main", json!({"uuid": "{7}"}))});
        body
    };
    for (id, source, outcome) in [
        ("own", json!({"uuid": "{7}"}), "accepted"),
        ("fork", json!({"uuid": "{8}"}), "ignored"),
        ("a fork that is gone", json!(null), "ignored"),
    ] {
        let (answered, said) = deliver(&running, "bitbucket", "pullrequest:created", id, &body(source)).await;
        assert_eq!((answered, said["outcome"].as_str()), (StatusCode::ACCEPTED, Some(outcome)), "{id}: {said}");
        let told =
            said["reason"].as_str().is_some_and(|reason| reason.contains("pull request 4 is in another repository"));
        assert_eq!(told, outcome == "ignored", "{id}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installation_brings_repositories_and_takes_them_away() {
    let running = start().await;
    let body = |action: &str, field: &str| {
        json!({"action": action, "installation": {"id": 5, "account": {"login": "acme"}},
            field: [{"id": 1, "full_name": "acme/one"}, {"id": 2, "full_name": "acme/two"}]})
    };
    let standings = async || repositories(&running).await.into_iter().map(|one| one.1).collect::<Vec<_>>();
    let steps = [
        ("installation", body("created", "repositories"), "active"),
        ("installation", body("suspend", "repositories"), "out_of_reach"),
        ("installation", body("unsuspend", "repositories"), "active"),
        ("installation_repositories", body("removed", "repositories_removed"), "out_of_reach"),
        ("installation_repositories", body("added", "repositories_added"), "active"),
        ("installation", body("deleted", "repositories"), "out_of_reach"),
    ];
    for (number, (event, body, standing)) in steps.into_iter().enumerate() {
        let (status, taken) = deliver(&running, "github", event, &number.to_string(), &body).await;
        assert_eq!((status, &taken["outcome"]), (StatusCode::ACCEPTED, &json!("accepted")), "{body}: {taken}");
        assert_eq!(standings().await, [standing, standing], "{event} {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_delivery_under_another_id_is_still_the_same() {
    let running = start().await;
    let body = json!({"ref": "refs/heads/main", "before": "0".repeat(40), "after": "a".repeat(40),
        "repository": hub("", 7, "acme/one")["repository"]});
    let (status, first) = deliver(&running, "github", "push", "one", &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    let (status, replayed) = deliver(&running, "github", "push", "two", &body).await;
    assert_eq!((status, &replayed["outcome"]), (StatusCode::OK, &json!("duplicate")), "{replayed}");
    assert_eq!(replayed["jobs"], first["jobs"]);
    // the same bytes at another forge's address are not signed for it
    let (status, _) = deliver(&running, "gitea", "push", "three", &json!({"ref": 1})).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let metrics = running.request(Method::GET, "/metrics").send().await.expect("an answer").text().await.expect("text");
    assert!(metrics.contains("outcome=\"duplicate\""), "{metrics}");
}
