//! Whole deliveries of GitLab, Gitea and Bitbucket Cloud, in the form that their documentation prints: each is read, and says what it should.

use std::path::Path;

use api::forges::{Event, ForgeKind};
use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;

/// What a delivery is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Read {
    Push,
    PullRequest { moved: bool },
    Repository,
    Nothing,
}
use Read::{Nothing, PullRequest, Push, Repository};

/// File, the name in the event's header, what it is read as.
const CASES: &[(&str, &str, Read)] = &[
    ("gitlab-push", "Push Hook", Push),
    ("gitlab-tag", "Tag Push Hook", Push),
    ("gitlab-merge-request", "Merge Request Hook", PullRequest { moved: true }),
    ("gitlab-system-push", "System Hook", Push),
    ("gitlab-system-tag", "System Hook", Push),
    ("gitlab-system-merge-request", "System Hook", PullRequest { moved: false }),
    ("gitlab-system-project-created", "System Hook", Repository),
    ("gitlab-system-project-destroyed", "System Hook", Repository),
    ("gitlab-system-project-renamed", "System Hook", Repository),
    ("gitlab-system-project-transferred", "System Hook", Repository),
    ("gitlab-system-project-updated", "System Hook", Repository),
    ("gitea-push", "push", Push),
    ("gitea-pull-request", "pull_request", PullRequest { moved: true }),
    ("gitea-repository", "repository", Repository),
    ("gitea-create", "create", Nothing),
    ("gitea-delete", "delete", Nothing),
    ("bitbucket-repo-push", "repo:push", Push),
    ("bitbucket-pull-request-created", "pullrequest:created", PullRequest { moved: true }),
    ("bitbucket-pull-request-updated", "pullrequest:updated", PullRequest { moved: true }),
    ("bitbucket-pull-request-merged", "pullrequest:fulfilled", Nothing),
    ("bitbucket-pull-request-declined", "pullrequest:rejected", Nothing),
    ("bitbucket-repo-updated", "repo:updated", Repository),
];

/// Where a forge's body says what an event has to say.
struct Fields {
    id: &'static [&'static str],
    full_name: &'static str,
    clone_url: Option<&'static str>,
    number: &'static str,
    head: &'static str,
    base: &'static str,
}

const GITLAB: Fields = Fields {
    id: &["/project/id", "/project_id", "/object_attributes/target_project_id"],
    full_name: "/project/path_with_namespace",
    clone_url: Some("/project/git_http_url"),
    number: "/object_attributes/iid",
    head: "/object_attributes/last_commit/id",
    base: "/object_attributes/target_branch",
};
const GITEA: Fields = Fields {
    id: &["/repository/id"],
    full_name: "/repository/full_name",
    clone_url: Some("/repository/clone_url"),
    number: "/number",
    head: "/pull_request/head/sha",
    base: "/pull_request/base/ref",
};
const BITBUCKET: Fields = Fields {
    id: &["/repository/uuid"],
    full_name: "/repository/full_name",
    clone_url: None,
    number: "/pullrequest/id",
    head: "/pullrequest/source/commit/hash",
    base: "/pullrequest/destination/branch/name",
};

/// A value as text.
fn at(body: &Value, pointer: &str) -> String {
    match body.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// A commit's id; the zeros that stand for none are none.
fn commit(body: &Value, pointer: &str) -> Option<String> {
    Some(at(body, pointer)).filter(|id| !id.is_empty() && id.bytes().any(|byte| byte != b'0'))
}

#[test]
fn every_documented_delivery_is_read() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/forges/whole");
    let files = std::fs::read_dir(&directory).expect("the deliveries").count();
    assert_eq!(files, CASES.len(), "one case for each file");
    for (file, header, expected) in CASES {
        let text = std::fs::read_to_string(directory.join(format!("{file}.json"))).expect("a delivery");
        let body: Value = serde_json::from_str(&text).expect("JSON");
        let (forges, name, fields) = match file.split('-').next() {
            Some("gitlab") => (vec![ForgeKind::Gitlab], "x-gitlab-event", &GITLAB),
            Some("bitbucket") => (vec![ForgeKind::Bitbucket], "x-event-key", &BITBUCKET),
            _ => (vec![ForgeKind::Gitea, ForgeKind::Forgejo], "", &GITEA),
        };
        for forge in forges {
            let name = match forge {
                ForgeKind::Gitea => "x-gitea-event",
                ForgeKind::Forgejo => "x-forgejo-event",
                _ => name,
            };
            let headers = HeaderMap::from_iter([(name.parse().expect("name"), HeaderValue::from_static(header))]);
            let event = forge.webhooks().event(&headers, text.as_bytes());
            let event = event.unwrap_or_else(|refusal| panic!("{file}: {refusal}"));
            assert_eq!(read(file, &event, &body, fields), *expected, "{file}: {event:?}");
        }
    }
}

/// What the event was read as, its fields held against the body's.
fn read(file: &str, event: &Event, body: &Value, fields: &Fields) -> Read {
    let repository = match event {
        Event::Push { pushes } => &pushes[0].repository,
        Event::PullRequest(request) => &request.repository,
        Event::Repository(event) => &event.repository,
        Event::Unhandled { .. } => return Nothing,
        other => panic!("{file}: {other:?}"),
    };
    let id = fields.id.iter().map(|pointer| at(body, pointer)).find(|id| !id.is_empty());
    assert_eq!(Some(&repository.forge_id), id.as_ref(), "{file}");
    // a system hook about a project names it at its top
    let full_name = Some(at(body, fields.full_name)).filter(|name| !name.is_empty());
    assert_eq!(repository.full_name, full_name.unwrap_or_else(|| at(body, "/path_with_namespace")), "{file}");
    if let Some(pointer) = fields.clone_url {
        assert_eq!(repository.clone_url, at(body, pointer), "{file}");
    } else {
        assert!(repository.clone_url.starts_with("https://") && repository.clone_url.ends_with(".git"), "{file}");
    }
    match event {
        Event::Push { pushes } if file.starts_with("bitbucket") => {
            let change = &body["push"]["changes"][0];
            assert_eq!(pushes.len(), body["push"]["changes"].as_array().map_or(0, Vec::len), "{file}");
            assert_eq!(pushes[0].after, commit(change, "/new/target/hash"), "{file}");
            assert_eq!(pushes[0].before, commit(change, "/old/target/hash"), "{file}");
            Push
        }
        Event::Push { pushes } => {
            assert_eq!(pushes[0].reference, at(body, "/ref"), "{file}");
            assert_eq!(
                (&pushes[0].before, &pushes[0].after),
                (&commit(body, "/before"), &commit(body, "/after")),
                "{file}"
            );
            Push
        }
        Event::PullRequest(request) => {
            assert_eq!(request.number.to_string(), at(body, fields.number), "{file}");
            assert_eq!(request.head_commit, at(body, fields.head), "{file}");
            assert_eq!(request.base_branch, at(body, fields.base), "{file}");
            PullRequest { moved: request.head_moved }
        }
        _ => Repository,
    }
}
