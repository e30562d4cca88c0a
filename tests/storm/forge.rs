//! A forge for the tests: git repositories on this machine, pushes to them, and the webhooks about those.

use std::path::{Path, PathBuf};

use api::credential::Credential;
use api::store::record::Tenant;
use api::store::{Delivery, Store};
use jiff::Timestamp;
use serde_json::json;

/// What webhooks are signed with.
pub const SECRET: &str = "a webhook secret of the tests";

/// A push, and the delivery that tells of it.
#[derive(Debug, Clone)]
pub struct Push {
    /// The delivery's id.
    pub delivery: String,
    body: String,
}

/// Repositories, each with its newest commit.
pub struct Forge {
    repositories: Vec<(PathBuf, git2::Oid)>,
    client: reqwest::Client,
    pushes: usize,
}

impl Forge {
    /// Makes `count` repositories of one commit.
    pub fn new(root: &Path, count: usize) -> Self {
        let repositories = (0..count).map(|number| {
            let path = root.join(format!("repository{number}"));
            let git =
                git2::Repository::init_opts(&path, git2::RepositoryInitOptions::new().initial_head("main")).unwrap();
            let first = commit(&git, 0);
            (path, first)
        });
        Self { repositories: repositories.collect(), client: reqwest::Client::new(), pushes: 0 }
    }

    /// Commits to a repository.
    pub fn push(&mut self, number: usize) -> Push {
        self.pushes += 1;
        let (path, head) = &mut self.repositories[number];
        let before = *head;
        *head = commit(&git2::Repository::open(&*path).unwrap(), self.pushes);
        let body = json!({
            "ref": "refs/heads/main",
            "before": before.to_string(),
            "after": head.to_string(),
            "deleted": false,
            "repository": {
                "id": number + 1,
                "name": format!("repository{number}"),
                "full_name": format!("acme/repository{number}"),
                "clone_url": format!("file://{}", path.display()),
                "default_branch": "main",
                "archived": false,
                "fork": false,
                "private": true,
                "owner": {"login": "acme"},
            },
        });
        Push { delivery: format!("delivery-{}", self.pushes), body: body.to_string() }
    }

    /// Sends the webhook. True when it was accepted, now or before.
    pub async fn deliver(&self, base: &str, push: &Push) -> bool {
        let signature = hex::encode(Credential::new(SECRET).hmac_sha256(&[push.body.as_bytes()]));
        let sent = self
            .client
            .post(format!("{base}/api/v1/webhooks/github"))
            .header("content-type", "application/json")
            .header("x-github-event", "push")
            .header("x-github-delivery", &push.delivery)
            .header("x-hub-signature-256", format!("sha256={signature}"))
            .body(push.body.clone())
            .send()
            .await;
        sent.is_ok_and(|response| response.status().is_success())
    }

    /// The newest commit of the repository at an address.
    #[allow(dead_code, reason = "not every test asks")]
    pub fn head(&self, url: &str) -> String {
        let path = url.trim_start_matches("file://");
        let found = self.repositories.iter().find(|(known, _)| known == Path::new(path));
        found.unwrap_or_else(|| panic!("{url} is none of the forge's")).1.to_string()
    }

    /// Whether the store has accepted the delivery.
    pub async fn is_known(&self, store: &Store, push: &Push) -> bool {
        let again = Delivery {
            tenant: Tenant::default(),
            source: "github".into(),
            id: push.delivery.clone(),
            also: vec![],
            request_id: "the test".into(),
            jobs: vec![],
        };
        store.accept_delivery(again, Timestamp::now()).await.unwrap().duplicate
    }
}

fn commit(git: &git2::Repository, number: usize) -> git2::Oid {
    let text = format!("# {number}\nrequests==2.19.1\n");
    let blob = git.blob(text.as_bytes()).unwrap();
    let mut tree = git.treebuilder(None).unwrap();
    tree.insert("requirements.txt", blob, 0o100_644).unwrap();
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let author = git2::Signature::new("Ada", "ada@example.org", &git2::Time::new(1_750_000_000, 0)).unwrap();
    let parent = git.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<_> = parent.iter().collect();
    git.commit(Some("HEAD"), &author, &author, &format!("change {number}"), &tree, &parents).unwrap()
}
