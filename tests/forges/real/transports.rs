//! A push by a real git to a real server, its webhook, the scan over the same server, and the status that the forge gets.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use api::config::{Answer, CloneOver};
use api::credential::Credential;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::running::{Running, answer, webhook_secret};
use crate::server;
use crate::stub::Stub;
use crate::work::{Work, command, git};

/// A service, a forge's REST, and a git server.
struct Place {
    directory: tempfile::TempDir,
    forge: Stub,
    service: Running,
    git: server::Running,
    ssh: Option<server::Ssh>,
}

impl Place {
    async fn start(over_ssh: bool) -> Self {
        let directory = tempfile::tempdir().expect("directory");
        let root = directory.path().join("repositories");
        std::fs::create_dir_all(&root).expect("directory");
        let git = server::http(directory.path(), &root);
        let ssh = over_ssh.then(|| server::ssh(directory.path()));
        let forge = Stub::start(|_| Some((201, vec![], json!([])))).await;
        let osv = directory.path().join("osv");
        std::fs::create_dir_all(&osv).expect("directory");
        let record = json!({"id": "PYSEC-2099-1", "modified": "2026-01-02T00:00:00Z", "summary": "An example",
            "affected": [{"package": {"name": "acme-widgets", "ecosystem": "PyPI"},
                "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.0"}]}]}],
            "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]});
        std::fs::write(osv.join("PYSEC-2099-1.json"), record.to_string()).expect("record");
        let (base, port) = (forge.base.clone(), git.port);
        let keys = ssh.as_ref().map(|ssh| (ssh.key.clone(), ssh.known_hosts.clone(), ssh.user.clone()));
        let service = Running::start_with(move |config| {
            config.advisories = Some(osv.display().to_string());
            config.reach.allow_hosts = vec!["127.0.0.1".into()];
            config.public_url = Some("https://secretarybird.example".parse().expect("address"));
            let access = &mut config.forges.gitea;
            access.api_url = Some(format!("{base}/api/v1").parse().expect("address"));
            access.web_url = Some(format!("http://127.0.0.1:{port}").parse().expect("address"));
            access.token = Some(Credential::new(server::password()));
            access.username = Some(server::USER.into());
            access.answers = vec![Answer::Status, Answer::Comment];
            if let Some((key, known_hosts, user)) = keys {
                access.clone_over = CloneOver::Ssh;
                access.ssh_key_file = Some(key);
                access.known_hosts_file = Some(known_hosts);
                access.username = Some(user);
                // nothing of this comes over HTTP: the password is wrong there
                access.token = Some(Credential::new("not the password"));
            }
        })
        .await;
        Self { directory, forge, service, git, ssh }
    }

    fn bare(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("repositories/acme/{name}.git"))
    }

    /// A bare repository on the server, and its address for `git push`.
    fn repository(&self, name: &str, more: &[&str]) -> String {
        let bare = self.bare(name);
        std::fs::create_dir_all(&bare).expect("directory");
        git(&bare, &[&["init", "-q", "--bare", "-b", "main"], more].concat());
        git(&bare, &["config", "http.receivepack", "true"]);
        format!("http://{}:{}@127.0.0.1:{}/acme/{name}.git", server::USER, server::password(), self.git.port)
    }

    /// The webhook of a push, signed as the forge signs it.
    async fn tell(&self, name: &str, reference: &str, before: &str, after: &str) -> (StatusCode, Value) {
        let ssh_url = self
            .ssh
            .as_ref()
            .map(|ssh| format!("ssh://{}@127.0.0.1:{}{}", ssh.user, ssh.running.port, self.bare(name).display()));
        let body = json!({"ref": reference, "before": before, "after": after, "repository": {
            "id": name.bytes().map(u64::from).sum::<u64>(), "full_name": format!("acme/{name}"),
            "clone_url": format!("http://127.0.0.1:{}/acme/{name}.git", self.git.port),
            "ssh_url": ssh_url, "default_branch": "main", "archived": false, "fork": false}})
        .to_string();
        let tag = hex::encode(webhook_secret().hmac_sha256(&[body.as_bytes()]));
        let request = self
            .service
            .request(Method::POST, "/api/v1/webhooks/gitea")
            .header("x-gitea-signature", tag)
            .header("x-gitea-event", "push")
            .header("x-gitea-delivery", format!("{reference} {before} {after}"));
        answer(request.body(body).send().await.expect("an answer")).await
    }

    /// The last status of a commit, once it is no longer pending.
    async fn status(&self, commit: &str) -> Value {
        let path = format!("/statuses/{commit}");
        let asked =
            self.forge.wait_for(&path, |asked| asked.path.ends_with(&path) && asked.body["state"] != "pending").await;
        asked.body
    }

    /// Pushes, tells, and gives the status.
    async fn pushed(&self, work: &Work, name: &str, address: &str, before: &str) -> (String, Value) {
        work.git(&["push", "-q", "-f", address, "HEAD:refs/heads/main"]);
        let commit = work.git(&["rev-parse", "HEAD"]);
        let (status, taken) = self.tell(name, "refs/heads/main", before, &commit).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
        let status = self.status(&commit).await;
        (commit, status)
    }

    async fn job_errors(&self) -> String {
        self.service.admin(Method::GET, "/api/v1/jobs?state=dead", None).await.1.to_string()
    }

    /// Waits until a job has failed for this reason: the status that says so goes out first.
    async fn failed_for(&self, reason: &str) {
        for _ in 0..200 {
            if self.job_errors().await.contains(reason) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no job failed for {reason}: {}", self.job_errors().await);
    }
}

fn zero() -> String {
    "0".repeat(40)
}

fn files_with(directory: &Path, word: &str) -> Vec<PathBuf> {
    let mut found = vec![];
    let Ok(entries) = std::fs::read_dir(directory) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, word));
        } else if std::fs::read(&path).is_ok_and(|bytes| bytes.windows(word.len()).any(|part| part == word.as_bytes()))
        {
            found.push(path);
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_with_a_password_a_push_comes_back_as_a_status() {
    let place = Place::start(false).await;
    let address = place.repository("site", &[]);
    let work = Work::new(place.directory.path().join("work"));
    work.commit("requirements.txt", "acme-widgets==2.1\n");
    let (first, status) = place.pushed(&work, "site", &address, &zero()).await;
    assert_eq!((&status["state"], &status["context"]), (&json!("success"), &json!("secretarybird")), "{status}");

    work.commit("requirements.txt", "acme-widgets==1.0\n");
    let (second, status) = place.pushed(&work, "site", &address, &first).await;
    assert_eq!(status["state"], "failure", "{status}");
    let link = status["target_url"].as_str().expect("a link");
    assert!(link.starts_with("https://secretarybird.example/api/v1/scans/"), "{link}");

    // the same problem once more is not new
    work.commit("README.md", "hello\n");
    let (third, status) = place.pushed(&work, "site", &address, &second).await;
    assert_eq!(status["state"], "success", "{status}");

    // a force-push to where it was fine, and mended otherwise
    work.git(&["reset", "-q", "--hard", &first]);
    work.commit("other.txt", "another way\n");
    let (fourth, status) = place.pushed(&work, "site", &address, &third).await;
    assert_eq!(status["state"], "success", "{status}");

    // a deleted branch asks for nothing
    work.git(&["push", "-q", &address, "HEAD:refs/heads/gone"]);
    work.git(&["push", "-q", &address, ":refs/heads/gone"]);
    let (status, taken) = place.tell("site", "refs/heads/gone", &fourth, &zero()).await;
    assert_eq!((status, &taken["outcome"]), (StatusCode::ACCEPTED, &json!("ignored")), "{taken}");

    // the password was sent to the server and is nowhere else
    let data = place.service.directory.path().join("data");
    assert_eq!(files_with(&data, &server::password()), Vec::<PathBuf>::new());
    assert_eq!(place.job_errors().await, json!({"items": []}).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ssh_with_a_deploy_key_a_push_comes_back_as_a_status() {
    let place = Place::start(true).await;
    place.repository("site", &[]);
    let ssh = place.ssh.as_ref().expect("ssh");
    let address = format!("ssh://{}@127.0.0.1:{}{}", ssh.user, ssh.running.port, place.bare("site").display());
    let work = Work::new(place.directory.path().join("work"));
    let commit = work.commit("requirements.txt", "acme-widgets==1.0\n");
    let transport = format!(
        "ssh -i {} -o IdentitiesOnly=yes -o UserKnownHostsFile={} -o BatchMode=yes",
        ssh.key.display(),
        ssh.known_hosts.display()
    );
    let pushed = command(&work.0, &["push", "-q", &address, "HEAD:refs/heads/main"])
        .env("GIT_SSH_COMMAND", transport)
        .output()
        .expect("git runs");
    assert!(pushed.status.success(), "{}", String::from_utf8_lossy(&pushed.stderr));
    let (status, taken) = place.tell("site", "refs/heads/main", &zero(), &commit).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let status = place.status(&commit).await;
    assert_eq!(status["state"], "failure", "{status}: {}", place.job_errors().await);

    // a server with another host key is not believed
    let line = std::fs::read_to_string(place.directory.path().join("deploy_key.pub")).expect("key");
    let wrong = format!("[127.0.0.1]:{} {line}", ssh.running.port);
    let access = scanner::repository::Access {
        credentials: scanner::repository::Credentials {
            ssh_key: Some(std::fs::read_to_string(&ssh.key).expect("key").into()),
            ..Default::default()
        },
        host_keys: scanner::repository::HostKeys::Text(wrong.into()),
        ..Default::default()
    };
    let (origin, _) = scanner::repository::Origin::parse(&address).expect("address");
    let refused = scanner::repository::listing::list(&origin, &access).expect_err("another key").to_string();
    assert!(refused.contains("hostkey"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_repositories_are_scanned_or_said_to_be_odd() {
    let place = Place::start(false).await;

    // empty: registered by hand, scanned, nothing found and nothing wrong
    place.repository("empty", &[]);
    let url = format!("http://127.0.0.1:{}/acme/empty.git", place.git.port);
    let (_, made) = place.service.admin(Method::POST, "/api/v1/repositories", Some(json!({"url": url}))).await;
    let path = format!("/api/v1/repositories/{}/scans", made["id"].as_str().expect("id"));
    let (_, job) = place.service.admin(Method::POST, &path, Some(json!({}))).await;
    let path = "/api/v1/jobs?state=done";
    for _ in 0..400 {
        if place.service.admin(Method::GET, path, None).await.1.to_string().contains(job["id"].as_str().expect("id")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(place.job_errors().await, json!({"items": []}).to_string());

    // submodules and LFS pointers: they are entries and small texts, and nobody follows them
    let address = place.repository("modules", &[]);
    let inner = Work::new(place.directory.path().join("inner"));
    inner.commit("requirements.txt", "acme-widgets==1.0\n");
    let outer = Work::new(place.directory.path().join("outer"));
    outer.git(&["submodule", "--quiet", "add", &inner.url(), "inner"]);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "ab".repeat(32));
    std::fs::write(outer.0.join(".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n").expect("written");
    outer.commit("large.bin", &pointer);
    let (_, status) = place.pushed(&outer, "modules", &address, &zero()).await;
    assert_eq!(status["state"], "success", "the submodule's packages are another repository's: {status}");

    // a shallow repository on the server
    let address = place.repository("deep", &[]);
    let deep = Work::new(place.directory.path().join("deep"));
    for number in 0..5 {
        deep.commit("requirements.txt", &format!("acme-widgets==2.{number}\n"));
    }
    deep.git(&["push", "-q", &address, "HEAD:refs/heads/main"]);
    let shallow = place.bare("shallow");
    let from = format!("file://{}", place.bare("deep").display());
    git(place.directory.path(), &["clone", "-q", "--bare", "--depth", "2", &from, &shallow.display().to_string()]);
    let head = git(&shallow, &["rev-parse", "HEAD"]);
    let (status, taken) = place.tell("shallow", "refs/heads/main", &zero(), &head).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{taken}");
    let status = place.status(&head).await;
    assert_eq!(status["state"], "error", "half a history is not taken for the whole: {status}");
    place.failed_for("shallow on its server").await;

    // SHA-256: a diagnostic that names the reason
    let address = place.repository("long", &["--object-format=sha256"]);
    let long = Work(place.directory.path().join("long"));
    std::fs::create_dir_all(&long.0).expect("directory");
    git(&long.0, &["init", "-q", "-b", "main", "--object-format=sha256"]);
    let commit = long.commit("requirements.txt", "acme-widgets==1.0\n");
    long.git(&["push", "-q", &address, "HEAD:refs/heads/main"]);
    place.tell("long", "refs/heads/main", &"0".repeat(64), &commit).await;
    let status = place.status(&commit).await;
    assert_eq!(status["state"], "error", "{status}");
    place.failed_for("SHA-256").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_scanned() {
    let place = Place::start(false).await;
    place.repository("history", &[]);
    let bare = place.bare("history");
    let mut import = command(&bare, &["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().expect("git runs");
    {
        use std::io::Write as _;
        let mut out = std::io::BufWriter::new(import.stdin.take().expect("stdin"));
        for number in 0..20_000 {
            let text = format!("acme-widgets==2.{number}\n");
            write!(
                out,
                "commit refs/heads/main\ncommitter A <a@example.org> {} +0000\ndata 1\nx\nM 100644 inline requirements.txt\ndata {}\n{text}\n",
                1_700_000_000 + number,
                text.len()
            )
            .expect("written");
        }
    }
    assert!(import.wait().expect("ends").success());
    let head = git(&bare, &["rev-parse", "main"]);
    let count =
        Command::new("git").current_dir(&bare).args(["rev-list", "--count", "main"]).output().expect("git runs");
    assert_eq!(String::from_utf8_lossy(&count.stdout).trim(), "20000");
    place.tell("history", "refs/heads/main", &zero(), &head).await;
    let status = place.status(&head).await;
    assert_eq!(status["state"], "success", "{status}: {}", place.job_errors().await);
}
