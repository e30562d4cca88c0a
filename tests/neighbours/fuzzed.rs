//! schemathesis: requests made from the API's own description, valid and broken ones, as every kind of identity.
//!
//! Every check runs but for those of the stateful phase, which needs links between operations that the description does not have.
//! `SECRETARYBIRD_FUZZ_EXAMPLES` asks for longer runs.

use reqwest::Method;
use tempfile::TempDir;

use crate::running::Running;
use crate::work::advisories;
use crate::{program, said};

/// What the fuzzer cannot know from the description: a request may be readable and still mean nothing (a cursor of another list, a host
/// that does not exist, a key of another request), which is 422, or not be possible now, which is 409.
const SETTINGS: &str = "[checks.positive_data_acceptance]\n\
    expected-statuses = [\"2xx\", \"401\", \"403\", \"404\", \"409\", \"422\", \"503\"]\n";

struct Fuzzer {
    directory: TempDir,
    url: String,
}

impl Fuzzer {
    async fn new(running: &Running) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let (_, description) = running.admin(Method::GET, "/api/v1/openapi.json", None).await;
        std::fs::write(directory.path().join("openapi.json"), description.to_string()).expect("written");
        std::fs::write(directory.path().join("schemathesis.toml"), SETTINGS).expect("written");
        Self { directory, url: format!("http://{}", running.server.address) }
    }

    fn run(&self, who: &str, token: &str, examples: usize) {
        let output = program("schemathesis")
            .args(["run", "openapi.json", "--url", &self.url, "--header", &format!("Authorization: Bearer {token}")])
            .args(["--checks", "all", "--phases", "examples,coverage,fuzzing", "--continue-on-failure"])
            .args(["--max-examples", &examples.to_string(), "--seed", "1", "--workers", "1", "--no-color"])
            .current_dir(self.directory.path())
            .output()
            .expect("schemathesis runs");
        assert!(output.status.success(), "as {who}: {}", said(&output));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_finds_a_fault_whoever_sends_it() {
    let examples = std::env::var("SECRETARYBIRD_FUZZ_EXAMPLES").ok();
    let examples = examples.map_or(8, |text| text.parse().expect("SECRETARYBIRD_FUZZ_EXAMPLES: a number"));
    let root = tempfile::tempdir().expect("directory");
    let osv = advisories(root.path());
    let running = Running::start_with(|config| {
        config.advisories = Some(osv.display().to_string());
        config.reach.allow_hosts = vec!["127.0.0.1".into()];
        config.limits.requests_a_minute = 0;
        // the fuzzer tries broken credentials too
        config.limits.failures_a_minute = 1_000_000;
    })
    .await;
    running.repository("http://127.0.0.1:1/acme/site").await;
    let fuzzer = Fuzzer::new(&running).await;
    fuzzer.run("admin", &running.admin, examples);
    for scope in ["read", "scan", "triage"] {
        let (token, _) = running.token(&[scope], None).await;
        fuzzer.run(scope, &token, examples.div_ceil(4));
    }
    let health = running.request(Method::GET, "/readyz").send().await.expect("an answer");
    assert!(health.status().is_success(), "the service is as well as before");
}
