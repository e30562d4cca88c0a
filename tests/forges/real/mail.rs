//! E-mail by a real mail server, with STARTTLS and a password: away, refusing one receiver, taking for another.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::{free_port, wait_for};
use crate::work::Work;

const USER: &str = "bird";

/// The password of the mail account, put together at run time.
fn password() -> String {
    ["the-pass", "word-of-", "the-mailbox"].concat()
}

/// A process that ends when dropped.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn openssl(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().expect("openssl runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority, and a certificate of it for the mail server.
fn certificates(directory: &Path) {
    std::fs::write(directory.join("server.ext"), "subjectAltName=IP:127.0.0.1\n").expect("written");
    let new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj"];
    openssl(
        directory,
        &[&new[..], &["/CN=authority", "-x509", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"]].concat(),
    );
    openssl(directory, &[&new[..], &["/CN=mail", "-keyout", "server.key", "-out", "server.csr"]].concat());
    let signed = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(directory, &[&signed[..], &["-days", "2", "-extfile", "server.ext", "-out", "server.pem"]].concat());
}

fn mail_server(directory: &Path, port: u16) -> Ending {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes the venv");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/forges/real/mail_server.py");
    let child = Command::new(PathBuf::from(venv).join("bin/python"))
        .arg(script)
        .arg(port.to_string())
        .args([directory.join("server.pem"), directory.join("server.key")])
        .args([USER, &password()])
        .arg(directory.join("mailbox"))
        .spawn()
        .expect("the mail server runs");
    let running = Ending(child);
    wait_for(port);
    running
}

struct Serving {
    _child: Ending,
    base: String,
}

impl Serving {
    fn start(root: &Path, port: u16, osv: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_secretarybird"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(root.join("data"))
            .arg("--advisories")
            .arg(osv)
            .env_clear()
            .env("HOME", root)
            .env("SSL_CERT_FILE", root.join("ca.pem"))
            .env("SECRETARYBIRD_AUTH_OPEN_ON_LOOPBACK", "true")
            .env("SECRETARYBIRD_REACH_ALLOW_DIRECTORIES", root)
            .env("SECRETARYBIRD_SWEEP_CRON", "")
            .env("SECRETARYBIRD_INDEX_URL", "none")
            .env(
                "SECRETARYBIRD_NOTIFICATIONS_EMAIL_SMTP_URL",
                format!("smtp://{USER}:{}@127.0.0.1:{port}?tls=required", password()),
            )
            .env("SECRETARYBIRD_NOTIFICATIONS_EMAIL_FROM", "Secretarybird <bird@acme.example>")
            .env("SECRETARYBIRD_NOTIFICATIONS_EMAIL_TO", "security@acme.example,refused@acme.example")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(root.join("log")).expect("log"));
        let mut child = Ending(command.spawn().expect("it starts"));
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
        let log = || std::fs::read_to_string(root.join("log")).unwrap_or_default();
        let base = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?} {}", log())).to_owned();
        Self { _child: child, base }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let sent = reqwest::Client::new().post(format!("{}/api/v1/{path}", self.base)).json(body).send().await;
        sent.expect("an answer").error_for_status().expect("accepted").json().await.expect("JSON")
    }

    /// The messages, once they are as wanted.
    async fn messages(&self, what: &str, fits: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let begun = Instant::now();
        loop {
            let page = reqwest::get(format!("{}/api/v1/messages", self.base)).await.expect("an answer");
            let page: Value = page.json().await.expect("JSON");
            let items = page["items"].as_array().expect("items").clone();
            if fits(&items) {
                return items;
            }
            assert!(begun.elapsed() < Duration::from_secs(150), "{what}: {page}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_kept_while_its_server_is_away_and_one_refused_receiver_keeps_it_from_nobody_else() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path();
    certificates(root);
    let work = Work::new(root.join("work"));
    let token = ["AKIA", "Q3EGRZ7XW4N5TD6P"].concat();
    work.commit("settings.py", &format!("nobody_else_reads_this = 1\nAWS_ACCESS_KEY_ID = \"{token}\"\n"));
    let osv = root.join("osv");
    std::fs::create_dir_all(&osv).expect("directory");
    let port = free_port();
    let serving = Serving::start(root, port, &osv);
    let repository = serving.post("repositories", &json!({"url": work.url()})).await;
    serving.post(&format!("repositories/{}/scans", repository["id"].as_str().expect("id")), &json!({})).await;

    // nobody listens: both wait for another try
    let tried = |items: &[Value]| items.len() == 2 && items.iter().all(|item| !item["error"].is_null());
    let waiting = serving.messages("both were tried", tried).await;
    let channels: Vec<_> = waiting.iter().map(|item| item["channel"].as_str().expect("text")).collect();
    assert!(channels.contains(&"email security@acme.example") && channels.contains(&"email refused@acme.example"));
    for item in &waiting {
        assert_eq!((&item["state"], &item["attempts"]), (&json!("ready"), &json!(1)), "{item}");
        assert!(item["ready_at"].as_str() > item["updated_at"].as_str(), "not at once: {item}");
    }

    let _mail = mail_server(root, port);
    let ended = |items: &[Value]| items.len() == 1 && items[0]["state"] == "dead";
    let dead = serving.messages("the one delivered, the other given up", ended).await.remove(0);
    assert_eq!((&dead["channel"], &dead["attempts"]), (&json!("email refused@acme.example"), &json!(2)), "{dead}");
    assert!(dead["error"].as_str().is_some_and(|error| error.contains("no such mailbox")), "{dead}");
    let mailbox = std::fs::read_to_string(root.join("mailbox")).expect("mails");
    let mails: Vec<Value> = mailbox.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let [mail] = &mails[..] else { panic!("{mails:?}") };
    assert_eq!(mail["to"], json!(["security@acme.example"]));
    assert_eq!((&mail["encrypted"], &mail["authenticated"]), (&json!(true), &json!(true)), "{mail}");
    assert!(!mail["receivers"].as_str().expect("text").contains("refused"), "nobody sees who else is told: {mail}");
    let text = mail["text"].as_str().expect("text");
    assert!(text.contains("settings.py:2"), "{text}");
    for hidden in [token.as_str(), &token[4..], "nobody_else_reads_this"] {
        assert!(!mail.to_string().contains(hidden), "no secret, and no content but path and line: {mail}");
    }

    // asked for once more it is refused once more
    serving.post(&format!("messages/{}/retry", dead["id"].as_str().expect("id")), &json!({})).await;
    let again = serving.messages("given up again", |items| ended(items) && items[0]["attempts"] == 1).await;
    assert_eq!(again[0]["id"], dead["id"]);
    let log = std::fs::read_to_string(root.join("log")).expect("log");
    let said = format!("{log}{waiting:?}{again:?}");
    assert!(!said.contains(&password()) && !said.contains(&token), "{said}");
}
