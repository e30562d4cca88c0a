//! Signatures and payloads as tables.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).expect("header"))
    };
    pairs.iter().map(pair).collect()
}

fn secret() -> Credential {
    Credential::new("It's a Secret to Everybody")
}

fn hex_tag(body: &[u8]) -> String {
    hex::encode(secret().hmac_sha256(&[body]))
}

#[test]
fn github_signature_of_its_own_documentation() {
    // docs.github.com, "Validating webhook deliveries", testing the webhook payload validation
    let tag = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let given = headers(&[("x-hub-signature-256", tag)]);
    assert_eq!(ForgeKind::Github.webhooks().verify(&given, b"Hello, World!", &[secret()], 0), Ok(()));
}

#[test]
fn hex_signatures_fit_or_are_refused() {
    let body = br#"{"ref":"refs/heads/main"}"#;
    let tag = hex_tag(body);
    let good = format!("sha256={tag}");
    let other = hex::encode(Credential::new("another").hmac_sha256(&[body]));
    let cases: &[(ForgeKind, &'static str, &str, Result<(), Refusal>)] = &[
        (ForgeKind::Github, "x-hub-signature-256", &good, Ok(())),
        (ForgeKind::Github, "x-hub-signature-256", &tag, Err(Refusal::WrongSignature)),
        (ForgeKind::Github, "x-hub-signature-256", "sha256=", Err(Refusal::WrongSignature)),
        (ForgeKind::Github, "x-hub-signature-256", &format!("sha256={other}"), Err(Refusal::WrongSignature)),
        (ForgeKind::Github, "x-hub-signature-256", &good[..good.len() - 2], Err(Refusal::WrongSignature)),
        // SHA-1, which GitHub still sends beside the other
        (ForgeKind::Github, "x-hub-signature", &good, Err(Refusal::Unsigned("x-hub-signature-256"))),
        // a Gitea delivery at GitHub's address
        (ForgeKind::Github, "x-gitea-signature", &tag, Err(Refusal::Unsigned("x-hub-signature-256"))),
        (ForgeKind::Gitea, "x-gitea-signature", &tag, Ok(())),
        (ForgeKind::Gitea, "x-gitea-signature", &good, Err(Refusal::WrongSignature)),
        (ForgeKind::Gitea, "x-hub-signature-256", &good, Err(Refusal::Unsigned("x-gitea-signature"))),
        (ForgeKind::Forgejo, "x-forgejo-signature", &tag, Ok(())),
        (ForgeKind::Forgejo, "x-gitea-signature", &tag, Err(Refusal::Unsigned("x-forgejo-signature"))),
        (ForgeKind::Bitbucket, "x-hub-signature", &good, Ok(())),
        (ForgeKind::Bitbucket, "x-hub-signature-256", &good, Err(Refusal::Unsigned("x-hub-signature"))),
    ];
    for (forge, name, value, expected) in cases {
        let given = headers(&[(name, value)]);
        let secrets = [Credential::new("an older one"), secret()];
        assert_eq!(&forge.webhooks().verify(&given, body, &secrets, 0), expected, "{forge} {name}: {value}");
        assert!(forge.webhooks().verify(&given, b"{}", &secrets, 0).is_err(), "{forge}: another body");
        assert!(forge.webhooks().verify(&given, body, &[], 0).is_err(), "{forge}: no secret configured");
        assert!(forge.webhooks().verify(&given, body, &[Credential::new("")], 0).is_err(), "{forge}: empty secret");
    }
}

#[test]
fn gitlab_takes_its_token_or_a_standard_webhooks_signature() {
    let gitlab = ForgeKind::Gitlab.webhooks();
    let plain = headers(&[("x-gitlab-token", secret().expose())]);
    assert_eq!(gitlab.verify(&plain, b"x", &[secret()], 0), Ok(()));
    let wrong = headers(&[("x-gitlab-token", "It's a Secret to Everybodx")]);
    assert_eq!(gitlab.verify(&wrong, b"x", &[secret()], 0), Err(Refusal::WrongSignature));
    assert!(matches!(gitlab.verify(&headers(&[]), b"x", &[secret()], 0), Err(Refusal::Unsigned(_))));

    let signature = standard_webhooks::sign(&secret(), "msg_1", 1_000, b"x");
    let signed = |value: &str, time: &str| {
        headers(&[("webhook-id", "msg_1"), ("webhook-timestamp", time), ("webhook-signature", value)])
    };
    let two = format!("v1,AAAA {signature}");
    let cases = [
        (signed(&signature, "1000"), 1_000, Ok(())),
        (signed(&two, "1000"), 1_299, Ok(())),
        (signed(&signature, "1000"), 1_301, Err(Refusal::Stale(300))),
        (signed(&signature, "1000"), 699, Err(Refusal::Stale(300))),
        (signed(&signature, "1001"), 1_000, Err(Refusal::WrongSignature)),
        (signed("v1,AAAA", "1000"), 1_000, Err(Refusal::WrongSignature)),
        (signed(&signature, "soon"), 1_000, Err(Refusal::NoHeader("webhook-timestamp"))),
    ];
    for (given, now, expected) in cases {
        assert_eq!(gitlab.verify(&given, b"x", &[secret()], now), expected, "{given:?}");
    }
    // a signature that is there and wrong is not mended by a plain token beside it
    let mut both = signed("v1,AAAA", "1000");
    both.extend(plain);
    assert_eq!(gitlab.verify(&both, b"x", &[secret()], 1_000), Err(Refusal::WrongSignature));
}

#[test]
fn standard_webhooks_example_of_the_specification() {
    // github.com/standard-webhooks/standard-webhooks, libraries' shared test vector; the key is put together here
    let key = Credential::new(["whsec_", "MfKQ9r8GKYqrTwjU", "PD8ILPZIo2LaLaSw"].concat());
    let body = br#"{"test": 2432232314}"#;
    let signature = standard_webhooks::sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

fn github_repository() -> serde_json::Value {
    json!({"id": 186_853_002, "full_name": "Codertocat/Hello-World", "clone_url": "https://github.com/Codertocat/Hello-World.git",
        "ssh_url": "git@github.com:Codertocat/Hello-World.git", "default_branch": "master", "archived": false, "fork": false})
}

fn read_event(forge: ForgeKind, header: &'static str, name: &str, body: &serde_json::Value) -> Result<Event, Refusal> {
    forge.webhooks().event(&headers(&[(header, name)]), body.to_string().as_bytes())
}

#[test]
fn github_pushes_say_what_moved() {
    let zero = "0".repeat(40);
    let id = "6113728f27ae82c7b1a177c8d03f9e96e0adf246";
    for (before, after, expected) in
        [(id, id, (Some(id), Some(id))), (zero.as_str(), id, (None, Some(id))), (id, zero.as_str(), (Some(id), None))]
    {
        let body = json!({"ref": "refs/heads/master", "before": before, "after": after, "forced": true,
            "repository": github_repository()});
        let Ok(Event::Push { pushes }) = read_event(ForgeKind::Github, "x-github-event", "push", &body) else {
            panic!("no push: {body}")
        };
        assert_eq!((pushes[0].before.as_deref(), pushes[0].after.as_deref()), expected);
        assert_eq!(pushes[0].repository.forge_id, "186853002");
        assert!(pushes[0].forced);
    }
}

#[test]
fn github_pull_requests_know_forks_and_moved_heads() {
    for (action, head_repo, from_fork, moved) in [
        ("opened", json!({"id": 1}), false, true),
        ("synchronize", json!({"id": 2}), true, true),
        ("closed", json!(null), true, false),
        ("labeled", json!({"id": 1}), false, false),
    ] {
        let body = json!({"action": action, "number": 2, "repository": github_repository(), "pull_request": {
            "head": {"ref": "changes", "sha": "ec26c3e5", "repo": head_repo},
            "base": {"ref": "master", "sha": "f95f852b", "repo": {"id": 1}}}});
        let Ok(Event::PullRequest(request)) = read_event(ForgeKind::Github, "x-github-event", "pull_request", &body)
        else {
            panic!("no pull request: {body}")
        };
        assert_eq!((request.from_fork, request.head_moved), (from_fork, moved), "{action}");
        assert_eq!(request.base_branch, "master");
    }
}

#[test]
fn repository_and_installation_events_of_github() {
    for (action, expected) in [
        ("created", RepositoryChange::Created),
        ("renamed", RepositoryChange::Renamed),
        ("transferred", RepositoryChange::Renamed),
        ("archived", RepositoryChange::Archived),
        ("deleted", RepositoryChange::Deleted),
        ("publicized", RepositoryChange::Other("publicized".into())),
    ] {
        let body = json!({"action": action, "repository": github_repository()});
        let event = read_event(ForgeKind::Github, "x-github-event", "repository", &body);
        assert!(matches!(event, Ok(Event::Repository(ref event)) if event.change == expected), "{action}: {event:?}");
    }
    let body = json!({"action": "created", "installation": {"id": 2, "account": {"login": "octocat"}},
        "repositories": [{"id": 7, "full_name": "octocat/Hello-World"}]});
    let event = read_event(ForgeKind::Github, "x-github-event", "installation", &body);
    assert!(
        matches!(event, Ok(Event::Installation(ref event)) if event.added[0].full_name == "octocat/Hello-World"),
        "{event:?}"
    );
}

#[test]
fn what_is_not_understood_is_named_and_never_quoted() {
    let unknown = read_event(ForgeKind::Github, "x-github-event", "star", &json!({}));
    assert_eq!(unknown, Ok(Event::Unhandled { name: "star".into() }));
    let secret_looking = ["gh", "p_", "0123456789"].concat();
    for body in [json!({"ref": secret_looking}), json!([secret_looking]), json!(secret_looking)] {
        let refused = read_event(ForgeKind::Github, "x-github-event", "push", &body).expect_err("not a push");
        assert!(!refused.to_string().contains(&secret_looking), "{refused}");
    }
    let no_name = ForgeKind::Github.webhooks().event(&headers(&[]), b"{}");
    assert_eq!(no_name, Err(Refusal::NoHeader("x-github-event")));
    let long = "x".repeat(201);
    assert!(ForgeKind::Github.webhooks().delivery_id(&headers(&[("x-github-delivery", &long)])).is_err());
}

/// A payload of `tests/fixtures/forges`, whose README names its source.
macro_rules! payload {
    ($name:literal) => {
        serde_json::from_str::<serde_json::Value>(include_str!(concat!("../../../tests/fixtures/forges/", $name)))
            .expect($name)
    };
}

#[test]
fn gitea_speaks_githubs_words_under_its_own_headers() {
    let body = payload!("gitea-push.json");
    let push = read_event(ForgeKind::Gitea, "x-gitea-event", "push", &body);
    let Ok(Event::Push { pushes }) = &push else { panic!("{push:?}") };
    assert_eq!((pushes[0].reference.as_str(), pushes[0].repository.forge_id.as_str()), ("refs/heads/develop", "140"));
    assert!(read_event(ForgeKind::Gitea, "x-github-event", "push", &body).is_err());
    assert!(read_event(ForgeKind::Forgejo, "x-forgejo-event", "push", &body).is_ok());
}

#[test]
fn gitlab_pushes_merge_requests_and_projects() {
    let push = payload!("gitlab-push.json");
    for header in ["Push Hook", "System Hook"] {
        let event = read_event(ForgeKind::Gitlab, "x-gitlab-event", header, &push);
        let Ok(Event::Push { pushes }) = &event else { panic!("{event:?}") };
        assert_eq!(pushes[0].repository.forge_id, "15");
        assert_eq!(pushes[0].after.as_deref(), Some("da1560886d4f094c3e6c9ef40349f7d38b5d27d7"));
    }
    for (action, oldrev, target, expected) in [
        ("open", None, 14, (true, false)),
        ("open", None, 15, (true, true)),
        ("update", None, 14, (false, false)),
        ("update", Some("a"), 15, (true, true)),
    ] {
        let mut body = payload!("gitlab-merge-request.json");
        let attributes = &mut body["object_attributes"];
        (attributes["action"], attributes["oldrev"]) = (json!(action), json!(oldrev));
        attributes["target_project_id"] = json!(target);
        let event = read_event(ForgeKind::Gitlab, "x-gitlab-event", "Merge Request Hook", &body);
        let Ok(Event::PullRequest(request)) = event else { panic!("{event:?}") };
        assert_eq!((request.head_moved, request.from_fork), expected, "{action} {oldrev:?} {target}");
    }
    // a system hook names the project's id at the request only, and the head of a branch that is gone not at all
    let mut body = payload!("gitlab-merge-request.json");
    body["project"]["id"].take();
    let event = read_event(ForgeKind::Gitlab, "x-gitlab-event", "System Hook", &body);
    assert!(matches!(event, Ok(Event::PullRequest(ref request)) if request.repository.forge_id == "14"), "{event:?}");
    body["object_attributes"]["last_commit"].take();
    let event = read_event(ForgeKind::Gitlab, "x-gitlab-event", "System Hook", &body);
    assert!(matches!(event, Ok(Event::Unhandled { .. })), "{event:?}");
    let renamed = payload!("gitlab-project-rename.json");
    let event = read_event(ForgeKind::Gitlab, "x-gitlab-event", "System Hook", &renamed);
    assert!(
        matches!(event, Ok(Event::Repository(ref event)) if event.change == RepositoryChange::Renamed),
        "{event:?}"
    );
}

#[test]
fn bitbucket_pushes_may_move_several_refs() {
    let side = |kind: &str, name: &str| json!({"type": kind, "name": name, "target": {"hash": "709d658d"}});
    let mut body = payload!("bitbucket-push.json");
    let changes = body["push"]["changes"].as_array_mut().expect("changes");
    changes.extend([
        json!({"new": null, "old": side("branch", "gone")}),
        json!({"new": side("tag", "v1"), "old": null}),
        json!({"new": null, "old": null}),
    ]);
    let event = read_event(ForgeKind::Bitbucket, "x-event-key", "repo:push", &body);
    let Ok(Event::Push { pushes }) = event else { panic!("{event:?}") };
    let references: Vec<_> = pushes.iter().map(|push| push.reference.as_str()).collect();
    assert_eq!(references, ["refs/heads/name-of-branch", "refs/heads/gone", "refs/tags/v1"]);
    assert_eq!(pushes[1].after, None);
    assert_eq!(pushes[0].repository.clone_url, "https://bitbucket.org/team_name/repo_name.git");
}

#[test]
fn bitbucket_pull_requests_know_forks() {
    for (source, from_fork) in [
        (json!({"uuid": "{673a6070-3421-46c9-9d48-90745f7bfe8e}"}), false),
        (json!({"uuid": "{another}"}), true),
        // the fork was deleted
        (json!(null), true),
    ] {
        let mut body = payload!("bitbucket-pull-request.json");
        body["pullrequest"]["source"]["repository"] = source.clone();
        let event = read_event(ForgeKind::Bitbucket, "x-event-key", "pullrequest:created", &body);
        let Ok(Event::PullRequest(request)) = event else { panic!("{event:?}") };
        assert_eq!(
            (request.from_fork, request.number, request.base_branch.as_str()),
            (from_fork, 1, "main"),
            "{source}"
        );
    }
}
