//! The clients against a small server: pages, conditional requests, rate limits, tokens that end, failures, answers.

mod stub;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::Method;
use serde_json::{Value, json};
use stub::{Running, patience, repository, subject};

use super::*;
use crate::config::Reach;

#[tokio::test]
async fn github_lists_page_by_links_and_what_did_not_change_is_not_sent_again() {
    let running = Running::start(|asked, _| {
        if asked.if_none_match.as_deref() == Some("\"e1\"") {
            return (304, vec![], Value::Null);
        }
        match asked.path.as_str() {
            "/orgs/acme/repos?per_page=100&type=all" => (
                200,
                vec![
                    ("link", "</orgs/acme/repos?page=2>; rel=\"next\", </x>; rel=\"last\"".into()),
                    ("etag", "\"e1\"".into()),
                ],
                json!([repository(1), repository(2)]),
            ),
            "/orgs/acme/repos?page=2" => (200, vec![("etag", "\"e2\"".into())], json!([repository(3)])),
            _ => (404, vec![], json!({"message": "Not Found"})),
        }
    })
    .await;
    let github = running.github();
    for _ in 0..2 {
        let found = github.repositories("acme").await.unwrap();
        let names: Vec<_> = found.iter().map(|one| (one.full_name.as_str(), one.archived, one.fork)).collect();
        assert_eq!(names, [("acme/r1", false, false), ("acme/r2", true, false), ("acme/r3", false, true)]);
    }
    let asked = running.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|one| one.authorization == "Bearer the-token"));
    assert_eq!((asked[0].if_none_match.as_deref(), asked[2].if_none_match.as_deref()), (None, Some("\"e1\"")));
}

#[tokio::test]
async fn lists_of_the_other_forges() {
    let running = Running::start(|asked, _| {
        let next = |path: &str| vec![("link", format!("<{path}>; rel=\"next\""))];
        match asked.path.split('?').next().unwrap_or_default() {
            "/groups/acme%2Fsub/projects" if asked.path.contains("page=2") => (
                200,
                vec![],
                json!([{"id": 2, "path_with_namespace": "acme/sub/b", "http_url_to_repo": "https://h/acme/sub/b.git",
                    "default_branch": null, "archived": true, "forked_from_project": {"id": 1}}]),
            ),
            "/groups/acme%2Fsub/projects" => (
                200,
                next("/groups/acme%2Fsub/projects?page=2"),
                json!([{"id": 1, "path_with_namespace": "acme/sub/a", "http_url_to_repo": "https://h/acme/sub/a.git",
                    "ssh_url_to_repo": "git@h:acme/sub/a.git", "default_branch": "main", "archived": false}]),
            ),
            "/orgs/acme/repos" => (200, vec![], json!([repository(1), repository(2)])),
            // a person's repositories, after a 404 for an organisation
            "/users/me/repos" => (200, vec![], json!([repository(3)])),
            "/repositories/acme" => {
                let link = |name: &str, href: &str| json!({"name": name, "href": href});
                let one = json!({"uuid": "{u1}", "full_name": "acme/a", "mainbranch": {"name": "main"}, "parent": null,
                    "links": {"clone": [link("https", "https://me@h/acme/a.git"), link("ssh", "git@h:acme/a.git")]}});
                (200, vec![], json!({"values": [one]}))
            }
            _ => (404, vec![], json!({})),
        }
    })
    .await;
    let access = running.access();
    let gitlab = running.open(ForgeKind::Gitlab, &access).repositories("acme/sub").await.unwrap();
    assert_eq!(gitlab.iter().map(|one| (one.archived, one.fork)).collect::<Vec<_>>(), [(false, false), (true, true)]);
    assert_eq!(gitlab[0].ssh_url.as_deref(), Some("git@h:acme/sub/a.git"));
    for kind in [ForgeKind::Gitea, ForgeKind::Forgejo] {
        assert_eq!(running.open(kind, &access).repositories("acme").await.unwrap().len(), 2);
        assert_eq!(running.open(kind, &access).repositories("me").await.unwrap()[0].forge_id, "3");
    }
    let bitbucket = running.open(ForgeKind::Bitbucket, &access).repositories("acme").await.unwrap();
    assert_eq!(bitbucket[0].clone_url, "https://h/acme/a.git", "the account in Bitbucket's address is left out");
    let missing = running.open(ForgeKind::Bitbucket, &access).repositories("nobody").await.unwrap_err();
    assert_eq!(missing.status(), Some(404));
}

#[tokio::test]
async fn pages_never_lead_credentials_elsewhere_or_in_circles() {
    for (next, expected) in
        [("https://elsewhere.example/orgs/acme/repos", "another host"), ("/orgs/acme/repos?page=2", "circle")]
    {
        let running = Running::start(move |_, _| {
            (200, vec![("link", format!("<{next}>; rel=\"next\""))], json!([repository(1)]))
        })
        .await;
        let refused = running.github().repositories("acme").await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    let elsewhere = Running::start(|_, _| (200, vec![], json!([]))).await;
    let target = format!("{}/stolen", elsewhere.base);
    let running = Running::start(move |_, _| (302, vec![("location", target.clone())], Value::Null)).await;
    let refused = running.github().repositories("acme").await.unwrap_err().to_string();
    assert!(refused.contains("another host"), "{refused}");
    assert_eq!(elsewhere.asked().len(), 0, "a redirect to another host is not followed");
    assert!(!refused.contains("the-token"));
}

#[tokio::test]
async fn rate_limits_are_waited_for_or_told() {
    let now = || u64::try_from(Timestamp::now().as_second()).unwrap();
    /// status, headers → waits and goes on, or the class of the error
    type Case = (u16, Vec<(&'static str, String)>, Value, Result<(), &'static str>);
    let cases: Vec<Case> = vec![
        (429, vec![("retry-after", "1".into())], json!({}), Ok(())),
        (403, vec![("retry-after", "1".into())], json!({"message": "secondary"}), Ok(())),
        (403, vec![("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", now().to_string())], json!({}), Ok(())),
        (429, vec![("ratelimit-remaining", "0".into()), ("ratelimit-reset", now().to_string())], json!({}), Ok(())),
        (429, vec![("retry-after", "3600".into())], json!({}), Err("used up")),
        (403, vec![], json!({"message": "You have exceeded a secondary rate limit"}), Err("used up")),
        (403, vec![], json!({"message": "Resource not accessible"}), Err("Resource not accessible")),
        (503, vec![("retry-after", "1".into())], json!({}), Ok(())),
    ];
    for (status, headers, body, expected) in cases {
        let (told, words) = (headers.clone(), body.clone());
        let running = Running::start(move |_, before| match before {
            0 => (status, told.clone(), words.clone()),
            _ => (200, vec![], json!([repository(1)])),
        })
        .await;
        let begun = Instant::now();
        let found = running.github().repositories("acme").await;
        match (expected, found) {
            (Ok(()), Ok(found)) => {
                assert_eq!(found.len(), 1);
                assert!(begun.elapsed() >= Duration::from_millis(500), "{status} {headers:?}: it waits");
            }
            (Err(words), Err(error)) => assert!(error.to_string().contains(words), "{error}"),
            (expected, found) => panic!("{status} {headers:?}: expected {expected:?}, was {found:?}"),
        }
    }
    // the last request of a window is good, and the next one waits
    let running = Running::start(move |_, before| {
        let left = vec![("x-ratelimit-remaining", "0".into()), ("x-ratelimit-reset", "1".into())];
        (200, if before == 0 { left } else { vec![] }, json!([]))
    })
    .await;
    let (github, begun) = (running.github(), Instant::now());
    github.repositories("acme").await.unwrap();
    github.repositories("acme").await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn failures_are_tried_again_where_that_does_no_harm() {
    let running = Running::start(|_, before| match before {
        0 => (502, vec![], json!({})),
        1 => (500, vec![], json!({})),
        _ => (200, vec![], json!([repository(1)])),
    })
    .await;
    assert_eq!(running.github().repositories("acme").await.unwrap().len(), 1);
    let down = Running::start(|_, _| (500, vec![], json!({}))).await;
    let error = down.github().repositories("acme").await.unwrap_err();
    assert_eq!((error.class(), down.asked().len()), (crate::store::record::ErrorClass::Transient, 3));
    // a comment that may have been made is not made again
    let running = Running::start(|asked, _| match asked.method {
        Method::GET => (200, vec![], json!([])),
        _ => (500, vec![], json!({})),
    })
    .await;
    assert!(running.github().keep_comment(&subject(Some(4)), Some("text")).await.is_err());
    assert_eq!(running.asked().iter().filter(|asked| asked.method == Method::POST).count(), 1);
    let odd = Running::start(|_, _| (200, vec![], json!({"not": "a list"}))).await;
    let unreadable = odd.github().repositories("acme").await.unwrap_err();
    assert!(matches!(unreadable, ForgeError::Unreadable { .. }), "never an empty list: {unreadable}");
    let nobody = ForgeAccess { api_url: Some("http://127.0.0.1:9/".parse().unwrap()), ..running.access() };
    let error = running.open(ForgeKind::Github, &nobody).repositories("acme").await.unwrap_err();
    assert!(matches!(error, ForgeError::Unreachable { .. }), "{error}");
    assert!(!error.to_string().contains("the-token"), "{error}");
}

#[tokio::test]
async fn an_address_out_of_reach_is_not_asked() {
    let running = Running::start(|_, _| (200, vec![], json!([]))).await;
    let guard = Guard::new(Reach::default());
    for (base, expected) in [
        (running.base.clone(), "loopback"),
        (running.base.replace("127.0.0.1", "localhost"), "loopback"),
        ("http://169.254.169.254/".to_owned(), "link-local"),
    ] {
        let access = ForgeAccess { api_url: Some(base.parse().unwrap()), ..running.access() };
        let patient = Patience { tries: 1, ..patience() };
        let forge = open(ForgeKind::Github, &access, &guard, patient).unwrap();
        let refused = forge.repositories("acme").await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{base}: {refused}");
    }
    assert_eq!(running.asked().len(), 0);
}

fn app(running: &Running, directory: &std::path::Path) -> ForgeAccess {
    let key = directory.join("app.pem");
    std::fs::write(&key, app_key()).unwrap();
    ForgeAccess { token: None, app_id: Some(12), private_key_file: Some(key), ..running.access() }
}

/// An RSA key made for this run alone, by the same library that signs with it in TLS.
fn app_key() -> Vec<u8> {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use base64::Engine as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    ["-----BEGIN PRIV", "ATE KEY-----\n", &lines.join("\n"), "\n-----END PRIV", "ATE KEY-----\n"].concat().into_bytes()
}

fn token_of_hour(name: &str, minutes: i64) -> Value {
    let until = Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
    json!({"token": name, "expires_at": until.to_string()})
}

#[tokio::test]
async fn an_app_mints_tokens_keeps_them_an_hour_and_replaces_those_that_ended() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(|asked, before| match asked.path.as_str() {
        "/orgs/acme/installation" => (200, vec![], json!({"id": 5})),
        // the first ends too soon to be used twice; the third was revoked before its time
        "/app/installations/5/access_tokens" => {
            (201, vec![], token_of_hour(&format!("minted-{before}"), if before == 0 { 4 } else { 60 }))
        }
        "/installation/repositories?per_page=100" => (200, vec![], json!({"repositories": [repository(1)]})),
        path if path.contains("/statuses/") && asked.authorization == "Bearer minted-1" => (401, vec![], json!({})),
        _ => (201, vec![], json!({"id": 1})),
    })
    .await;
    let github = running.open(ForgeKind::Github, &app(&running, directory.path()));
    for _ in 0..3 {
        assert_eq!(github.repositories("acme").await.unwrap().len(), 1);
    }
    let status = Status { standing: Standing::Success, description: "x".into(), link: None };
    github.set_status(&subject(None), &status).await.unwrap();
    let asked = running.asked();
    let minted: Vec<_> = asked.iter().filter(|one| one.path.ends_with("access_tokens")).collect();
    assert_eq!(minted.len(), 3, "{:?}", running.paths());
    let logins: Vec<_> = asked
        .iter()
        .filter(|one| one.path.starts_with("/installation/") || one.path.contains("/statuses/"))
        .map(|one| one.authorization.as_str())
        .collect();
    let bearer = |number| format!("Bearer minted-{number}");
    assert_eq!(logins, [bearer(0), bearer(1), bearer(1), bearer(1), bearer(2)]);
    let jwt = minted[0].authorization.strip_prefix("Bearer ").unwrap();
    assert_eq!(jwt.split('.').count(), 3, "minting is asked for by the App itself");
}

#[tokio::test]
async fn clone_tokens_read_one_repository_and_are_minted_for_each_job() {
    let directory = tempfile::tempdir().unwrap();
    let running = Running::start(|asked, before| match asked.path.as_str() {
        "/orgs/acme/installation" => (404, vec![], json!({})),
        "/users/acme/installation" => (200, vec![], json!({"id": 5})),
        _ => (201, vec![], token_of_hour(&format!("clone-{before}"), 60)),
    })
    .await;
    let github = running.open(ForgeKind::Github, &app(&running, directory.path()));
    for number in 0..2 {
        let id = (number == 0).then_some("77");
        let credentials = github.clone_credentials("acme/site", id).await.unwrap();
        assert_eq!(credentials.username.as_deref(), Some("x-access-token"));
        assert_eq!(credentials.password.as_deref().map(String::as_str), Some(format!("clone-{number}").as_str()));
        assert!(!format!("{credentials:?}").contains("clone-"));
    }
    let bodies: Vec<_> =
        running.asked().into_iter().filter(|one| one.path.ends_with("access_tokens")).map(|one| one.body).collect();
    let read = json!({"contents": "read"});
    assert_eq!(bodies[0], json!({"permissions": read, "repository_ids": [77]}));
    assert_eq!(bodies[1], json!({"permissions": read, "repositories": ["site"]}));
}

#[tokio::test]
async fn one_comment_is_made_then_updated_then_left_alone() {
    for kind in [ForgeKind::Github, ForgeKind::Gitea, ForgeKind::Gitlab, ForgeKind::Bitbucket] {
        let kept = Arc::new(Mutex::new(None::<String>));
        let comments = Arc::clone(&kept);
        let text_of = |body: &Value| body["body"].as_str().or(body["content"]["raw"].as_str()).map(str::to_owned);
        let running = Running::start(move |asked, _| {
            let mut kept = comments.lock().unwrap();
            if asked.method == Method::GET {
                let other = json!({"id": 1, "body": "LGTM", "content": {"raw": "LGTM"}});
                let ours = kept.iter().map(|text| json!({"id": 2, "body": text, "content": {"raw": text}}));
                let all: Vec<Value> = std::iter::once(other).chain(ours).collect();
                return (200, vec![], if kind == ForgeKind::Bitbucket { json!({"values": all}) } else { json!(all) });
            }
            *kept = text_of(&asked.body);
            (200, vec![], json!({"id": 2}))
        })
        .await;
        let forge = running.open(kind, &running.access());
        let written = || running.asked().iter().filter(|asked| asked.method != Method::GET).count();
        let subject = subject(Some(4));
        // text, writes so far
        for (text, expected) in [(None, 0), (Some("one"), 1), (Some("one"), 1), (Some("two"), 2), (None, 3), (None, 3)]
        {
            forge.keep_comment(&subject, text).await.unwrap();
            assert_eq!(written(), expected, "{kind} {text:?}: {:?}", running.paths());
        }
        let left = kept.lock().unwrap().clone().unwrap();
        assert!(left.starts_with(COMMENT_MARK) && left.contains("nothing new"), "{left}");
        let other = running.asked().iter().any(|asked| asked.method != Method::GET && asked.path.ends_with("/1"));
        assert!(!other, "somebody else's comment stays");
    }
}

#[tokio::test]
async fn statuses_in_the_words_of_each_forge() {
    let cases = [
        (ForgeKind::Github, "/repos/acme/site/statuses/", "state", ["pending", "success", "failure", "error"]),
        (ForgeKind::Gitea, "/repos/acme/site/statuses/", "state", ["pending", "success", "failure", "error"]),
        (ForgeKind::Gitlab, "/projects/7/statuses/", "state", ["running", "success", "failed", "failed"]),
        (
            ForgeKind::Bitbucket,
            "/repositories/acme/site/commit/",
            "state",
            ["INPROGRESS", "SUCCESSFUL", "FAILED", "FAILED"],
        ),
    ];
    for (kind, path, field, words) in cases {
        let running = Running::start(|_, _| (201, vec![], json!({}))).await;
        let forge = running.open(kind, &running.access());
        let standings = [Standing::Pending, Standing::Success, Standing::Failure, Standing::Error];
        for (standing, word) in standings.into_iter().zip(words) {
            let link = Some("https://s/scan".to_owned());
            let status = Status { standing, description: "d".repeat(500), link };
            forge.set_status(&subject(None), &status).await.unwrap();
            let asked = running.asked().pop().unwrap();
            assert!(asked.path.starts_with(path), "{kind}: {}", asked.path);
            assert_eq!(asked.body[field], word, "{kind}");
            assert!(asked.body["description"].as_str().unwrap().chars().count() <= 255);
            assert!(asked.body.to_string().contains("https://s/scan"), "{kind}: {}", asked.body);
        }
    }
}

#[tokio::test]
async fn a_check_run_sends_fifty_annotations_a_request_and_ends_once() {
    let running = Running::start(|_, _| (201, vec![], json!({"id": 9}))).await;
    let github = running.github();
    let annotation = |number: u32| Annotation {
        path: "a.py".into(),
        line: number + 1,
        level: Level::Warning,
        title: "t".into(),
        message: "m".into(),
    };
    for (count, requests) in [(0, 2), (1, 2), (50, 2), (51, 3), (120, 4)] {
        let before = running.asked().len();
        let check = Check {
            status: Status { standing: Standing::Failure, description: "d".into(), link: Some("https://s/x".into()) },
            summary: "s".into(),
            annotations: (0..count).map(annotation).collect(),
            external_id: "scan".into(),
        };
        github.make_check(&subject(None), &check).await.unwrap();
        let asked = &running.asked()[before..];
        assert_eq!(asked.len(), requests, "{count}");
        let sent: Vec<usize> =
            asked.iter().map(|one| one.body["output"]["annotations"].as_array().map_or(0, Vec::len)).collect();
        assert_eq!(sent.iter().sum::<usize>(), count as usize);
        assert!(sent.iter().all(|sent| *sent <= 50), "{sent:?}");
        let ended: Vec<_> = asked.iter().filter(|one| one.body["status"] == "completed").collect();
        assert_eq!(ended.len(), 1);
        assert_eq!((ended[0].method.as_str(), &ended[0].body["conclusion"]), ("PATCH", &json!("failure")));
    }
}

#[tokio::test]
async fn code_scanning_is_told_the_ref() {
    let running = Running::start(|_, _| (202, vec![], json!({"id": "x"}))).await;
    let upload = Upload { sarif: "packed".into(), results: 1, left_out: 0 };
    for (subject, expected) in [
        (subject(Some(4)), Some("refs/pull/4/head")),
        (subject(None), Some("refs/heads/main")),
        (Subject { reference: None, ..subject(None) }, None),
    ] {
        let before = running.asked().len();
        running.github().upload_code_scanning(&subject, &upload).await.unwrap();
        let sent = running.asked()[before..].first().map(|asked| asked.body["ref"].as_str().unwrap().to_owned());
        assert_eq!(sent.as_deref(), expected);
    }
    let gitlab = running.open(ForgeKind::Gitlab, &running.access());
    let refused = gitlab.upload_code_scanning(&subject(None), &upload).await.unwrap_err();
    assert!(matches!(refused, ForgeError::Unsupported { .. }));
}

#[tokio::test]
async fn the_delivery_list_is_read_back_to_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let at = |hours: i64| (Timestamp::now() - jiff::SignedDuration::from_hours(hours)).to_string();
    let attempt = move |id: u64, guid: &str, hours, status: u16| json!({"id": id, "guid": guid, "delivered_at": at(hours), "status_code": status});
    let running = Running::start(move |asked, _| match asked.path.as_str() {
        "/app/hook/deliveries?per_page=100" => (
            200,
            vec![("link", "</app/hook/deliveries?cursor=2>; rel=\"next\"".into())],
            json!([attempt(4, "d", 1, 202), attempt(3, "c", 2, 0)]),
        ),
        "/app/hook/deliveries?cursor=2" => (
            200,
            vec![("link", "</app/hook/deliveries?cursor=3>; rel=\"next\"".into())],
            json!([attempt(2, "b", 9, 500), attempt(1, "a", 30, 502)]),
        ),
        "/app/hook/deliveries/3" => (
            200,
            vec![],
            json!({"request": {"headers": {"X-GitHub-Event": "push", "X-GitHub-Delivery": "c"}, "payload": {"ref": "x"}}}),
        ),
        path => panic!("asked for {path}"),
    })
    .await;
    let github = running.open(ForgeKind::Github, &app(&running, directory.path()));
    let log = github.delivery_log().unwrap();
    let since = Timestamp::now() - jiff::SignedDuration::from_hours(24);
    let found: HashMap<_, _> = log.since(since).await.unwrap().into_iter().map(|one| (one.id, one.taken)).collect();
    assert_eq!(found, HashMap::from([("d".into(), true), ("c".into(), false), ("b".into(), false)]));
    let PastContent { headers, body } = log.content(3).await.unwrap();
    assert!(headers.contains(&("x-github-event".to_owned(), "push".to_owned())), "{headers:?}");
    assert_eq!(body, br#"{"ref":"x"}"#);
    assert!(running.github().delivery_log().is_none(), "a token reads no list of deliveries");
}
