//! GitHub's own description of its REST accepts every request that we send.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::config::{ForgeAccess, Reach};
use api::credential::Credential;
use api::forges::ForgeKind;
use api::forges::client::{
    Annotation, Check, Forge, ForgeError, Level, Patience, Standing, Status, Subject, Upload, open,
};
use api::reach::Guard;

/// The paths that the client uses; the whole description takes four times as long to load.
const PATHS: [&str; 14] = [
    "/orgs/{org}/repos",
    "/users/{username}/repos",
    "/orgs/{org}/installation",
    "/users/{username}/installation",
    "/app/installations/{installation_id}/access_tokens",
    "/installation/repositories",
    "/repos/{owner}/{repo}/statuses/{sha}",
    "/repos/{owner}/{repo}/issues/{issue_number}/comments",
    "/repos/{owner}/{repo}/issues/comments/{comment_id}",
    "/repos/{owner}/{repo}/check-runs",
    "/repos/{owner}/{repo}/check-runs/{check_run_id}",
    "/repos/{owner}/{repo}/code-scanning/sarifs",
    "/app/hook/deliveries",
    "/app/hook/deliveries/{delivery_id}",
];

struct Prism {
    child: Child,
    base: String,
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves the slice of GitHub's description; a request that it does not describe is answered 422 or 404.
fn start(directory: &std::path::Path) -> Prism {
    let modules = crate::node_modules();
    let whole = modules.join("@octokit/openapi/generated/api.github.com.deref.json");
    let mut described: serde_json::Value =
        serde_json::from_slice(&std::fs::read(whole).expect("the description")).expect("JSON");
    let paths = described["paths"].as_object_mut().expect("paths");
    paths.retain(|path, _| PATHS.contains(&path.as_str()));
    assert_eq!(paths.len(), PATHS.len(), "GitHub describes every path that we use");
    described["components"] = serde_json::json!({});
    let slice = directory.join("github.json");
    std::fs::write(&slice, described.to_string()).expect("written");
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address").port();
    let mut child = Command::new("node")
        .arg(modules.join("@stoplight/prism-cli/dist/index.js"))
        .args(["mock", "--errors", "-h", "127.0.0.1", "-p", &port.to_string()])
        .arg(&slice)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("node runs");
    let out = child.stdout.take().expect("stdout");
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // read to the end, so that it never blocks on a full pipe
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if line.contains("Prism is listening") {
                let _ = ready.send(());
            }
        }
    });
    is_ready.recv_timeout(Duration::from_secs(90)).expect("prism answers");
    Prism { child, base: format!("http://127.0.0.1:{port}") }
}

fn client(access: &ForgeAccess) -> Box<dyn Forge> {
    let reach = Reach { allow_hosts: vec!["127.0.0.1".into()], allow_directories: vec![] };
    let patience = Patience { tries: 1, timeout: Duration::from_secs(30), ..Patience::default() };
    open(ForgeKind::Github, access, &Guard::new(reach), patience).expect("opens")
}

/// What was sent is in order; of the answer's examples we cannot choose the pages, so that a list may go round.
fn accepted<T: std::fmt::Debug>(what: &str, answer: Result<T, ForgeError>) {
    match answer {
        Ok(_) => {}
        Err(ForgeError::Unreadable { reason, .. }) if reason.contains("circle") || reason.contains("another host") => {}
        Err(error) => panic!("{what}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn githubs_own_description_accepts_every_request() {
    let directory = tempfile::tempdir().expect("directory");
    let prism = start(directory.path());
    let plain = ForgeAccess {
        api_url: Some(prism.base.parse().expect("address")),
        token: Some(Credential::new("a token of the tests")),
        ..ForgeAccess::default()
    };
    let github = client(&plain);
    accepted("list", github.repositories("octocat").await);
    let subject = |pull_request, reference: Option<&str>| Subject {
        full_name: "octocat/hello-world".into(),
        forge_id: Some("1".into()),
        commit: "6dcb09b5b57875f334f61aebed695e2e4193db5e".into(),
        reference: reference.map(str::to_owned),
        pull_request,
    };
    let main = subject(None, Some("refs/heads/main"));
    let request = subject(Some(7), Some("refs/pull/7/head"));
    for standing in [Standing::Pending, Standing::Success, Standing::Failure, Standing::Error] {
        let link = Some("https://secretarybird.example/x".to_owned());
        let status = Status { standing, description: "one new finding".into(), link };
        accepted("status", github.set_status(&main, &status).await);
        let annotation = |line| Annotation {
            path: "uv.lock".into(),
            line,
            level: [Level::Notice, Level::Warning, Level::Failure][line as usize % 3],
            title: "vulnerability PYSEC-1".into(),
            message: "Upgrade it.".into(),
        };
        let check = Check {
            status,
            summary: "# Secretarybird".into(),
            annotations: (1..=120).map(annotation).collect(),
            external_id: "scan".into(),
        };
        accepted("check run", github.make_check(&main, &check).await);
    }
    accepted("comment", github.keep_comment(&request, Some("text")).await);
    // gzip and base64 of an empty run
    let upload = Upload { sarif: "H4sIAAAAAAAA/6uuBQBDv6ajAgAAAA==".into(), results: 0, left_out: 0 };
    accepted("code scanning", github.upload_code_scanning(&main, &upload).await);
    accepted("code scanning of a request", github.upload_code_scanning(&request, &upload).await);

    let key = directory.path().join("app.pem");
    std::fs::write(&key, crate::server::app_key()).expect("key");
    let app = client(&ForgeAccess { token: None, app_id: Some(1), private_key_file: Some(key), ..plain });
    accepted("list of an installation", app.repositories("octocat").await);
    accepted("clone token by id", app.clone_credentials("octocat/hello-world", Some("1296269")).await);
    accepted("clone token by name", app.clone_credentials("octocat/hello-world", None).await);
    let log = app.delivery_log().expect("an App has one");
    let since = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    accepted("deliveries", log.since(since).await);
    let content = log.content(12_345_678).await;
    // the description's example of a payload is null in parts; that it was asked for rightly is what counts
    match content {
        Ok(_) | Err(ForgeError::Unreadable { .. }) => {}
        Err(error) => panic!("delivery: {error}"),
    }
}
