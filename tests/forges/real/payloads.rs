//! Every example of GitHub's deliveries that we read is read, and says what it should.

use api::forges::{Event, ForgeKind};
use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;

#[test]
fn every_example_of_the_events_that_we_act_on_is_read() {
    let path = crate::node_modules().join("@octokit/webhooks-examples/api.github.com/index.json");
    let all: Value = serde_json::from_slice(&std::fs::read(path).expect("the examples")).expect("JSON");
    let mut read = std::collections::BTreeMap::<String, usize>::new();
    let mut others = 0;
    for group in all.as_array().expect("a list") {
        let name = group["name"].as_str().expect("a name");
        let mut headers = HeaderMap::new();
        headers.insert("x-github-event", HeaderValue::from_str(name).expect("a header"));
        for example in group["examples"].as_array().expect("examples") {
            let body = example.to_string();
            let event = ForgeKind::Github.webhooks().event(&headers, body.as_bytes());
            let event = event.unwrap_or_else(|refusal| panic!("{name}: {refusal}: {body}"));
            *read.entry(name.to_owned()).or_default() += 1;
            let repository = &example["repository"];
            match (name, event) {
                ("push", Event::Push { pushes }) => {
                    assert_eq!(pushes.len(), 1);
                    assert_eq!(pushes[0].reference, example["ref"], "{name}");
                    assert_eq!(pushes[0].after.is_none(), example["deleted"] == true);
                    assert_eq!(pushes[0].before.is_none(), example["created"] == true);
                    assert_eq!(pushes[0].repository.full_name, repository["full_name"]);
                    assert_eq!(pushes[0].repository.clone_url, repository["clone_url"]);
                }
                ("pull_request", Event::PullRequest(request)) => {
                    assert_eq!(request.number, example["number"]);
                    assert_eq!(request.head_commit, example["pull_request"]["head"]["sha"]);
                    assert_eq!(request.base_branch, example["pull_request"]["base"]["ref"]);
                    let moved =
                        ["opened", "reopened", "synchronize"].contains(&example["action"].as_str().expect("action"));
                    assert_eq!(request.head_moved, moved, "{}", example["action"]);
                }
                ("repository", Event::Repository(event)) => {
                    assert_eq!(event.repository.forge_id, repository["id"].to_string());
                    assert_eq!(event.repository.full_name, repository["full_name"]);
                }
                ("installation" | "installation_repositories", Event::Installation(event)) => {
                    assert_eq!(event.id, example["installation"]["id"]);
                    assert_eq!(event.action, example["action"]);
                    let listed = ["repositories", "repositories_added", "repositories_removed"]
                        .iter()
                        .filter_map(|field| example[*field].as_array().map(Vec::len))
                        .sum::<usize>();
                    let acted = event.added.len() + event.removed.len();
                    assert!(
                        acted == listed || event.action == "new_permissions_accepted",
                        "{name} {}: {acted} of {listed}",
                        event.action
                    );
                }
                ("ping", Event::Ping) => {}
                (_, Event::Unhandled { name: named }) => {
                    assert_eq!(named, name);
                    others += 1;
                }
                (name, event) => panic!("{name} was read as {event:?}"),
            }
        }
    }
    for (name, least) in
        [("push", 7), ("pull_request", 29), ("repository", 13), ("installation", 7), ("installation_repositories", 3)]
    {
        assert!(read.get(name).is_some_and(|count| *count >= least), "{name}: {read:?}");
    }
    assert!(others > 100, "{others}");
}
