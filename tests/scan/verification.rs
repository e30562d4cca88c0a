//! `--verify-secrets` against a server of ours that answers as the providers document, and what must never be written while it asks.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use scanner::secrets::example::fill;

use crate::command::{World, of_kind};
use crate::plaintext::holds;

/// A loopback server: path and headers in, status and body out. It remembers what it was asked.
struct Server {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str) -> (u16, &'static str) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&asked);
        // ends with the test program
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream);
                let (mut request, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                        length = value.trim().parse().unwrap();
                    }
                    request.push_str(&line);
                }
                let mut body = vec![0; length];
                let _ = reader.read_exact(&mut body);
                request.push_str(&String::from_utf8_lossy(&body));
                let (status, body) = answer(&request);
                seen.lock().unwrap().push(request);
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
                let _ = reader.into_inner().write_all(format!("{head}{body}").as_bytes());
            }
        });
        Self { address, asked }
    }

    fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// File, secret, what the provider says.
fn secrets() -> Vec<(&'static str, String, &'static str)> {
    vec![
        ("github-live.txt", fill("{github:ghp_}", "v1"), "live"),
        ("github-revoked.txt", fill("{github:ghp_}", "v2"), "revoked"),
        ("github-odd.txt", fill("{github:ghp_}", "v3"), "unknown"),
        ("slack.txt", fill("xoxb-{digit:12}-{digit:12}-{alnum:24}", "v4"), "live"),
        ("slack-revoked.txt", fill("xoxb-{digit:12}-{digit:12}-{alnum:24}", "v5"), "revoked"),
        ("telegram.txt", fill("{digit:9}:AA{alnum:33}", "v6"), "live"),
        ("npm.txt", fill("{npm}", "v7"), "revoked"),
        ("stripe.txt", fill("sk_live_{alnum:40}", "v8"), "live"),
        ("aws.ini", fill("{b64:40}", "v10"), "live"),
    ]
}

fn answer(request: &str) -> (u16, &'static str) {
    let carries = |file: &str| secrets().iter().any(|(known, secret, _)| *known == file && request.contains(secret));
    let path = request.split(' ').nth(1).unwrap_or_default();
    match path {
        "/user" if carries("github-live.txt") => (200, "{\"login\":\"octocat\"}"),
        "/user" if carries("github-odd.txt") => (500, ""),
        "/user" => (401, "{\"message\":\"Bad credentials\"}"),
        "/api/auth.test" if carries("slack.txt") => (200, "{\"ok\":true}"),
        "/api/auth.test" => (200, "{\"ok\":false,\"error\":\"account_inactive\"}"),
        "/-/whoami" => (401, "{}"),
        "/v1/balance" => (403, "{\"error\":{\"code\":\"more_permissions_required\"}}"),
        // the signature's own test compares it with one computed apart; here the scope must be right
        "/" if request.contains("Action=GetCallerIdentity") && request.contains("/us-east-1/sts/aws4_request") => {
            (200, "<Arn/>")
        }
        _ if path.starts_with("/bot") && path.ends_with("/getMe") => (200, "{\"ok\":true}"),
        _ => (404, ""),
    }
}

const ORIGINS: [&str; 6] = [
    "https://api.github.com",
    "https://slack.com",
    "https://api.telegram.org",
    "https://registry.npmjs.org",
    "https://api.stripe.com",
    "https://sts.amazonaws.com",
];

fn repository(world: &World) -> PathBuf {
    let id = ["AKIA", "QNZGKIQY56JQ7WML"].concat();
    let texts: Vec<(&str, String)> = secrets()
        .iter()
        .map(|(path, secret, _)| match *path {
            "aws.ini" => (*path, format!("aws_access_key_id = {id}\naws_secret_access_key = {secret}\n")),
            _ => (*path, format!("{secret}\n")),
        })
        .collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
    world.files("tree", &files)
}

#[test]
fn providers_are_asked_once_and_nothing_is_written() {
    let world = World::new();
    let server = Server::start(answer);
    let tree = repository(&world);
    let (cache, advisories) = (world.path("cache"), world.advisories());
    let endpoints: Vec<String> = ORIGINS.iter().map(|origin| format!("{origin}={}", server.address)).collect();
    let mut arguments = vec!["scan", tree.to_str().unwrap(), "--only", "secrets", "--format", "json", "--exit-zero"];
    arguments.extend(["--cache-dir", cache.to_str().unwrap(), "--advisories", advisories.to_str().unwrap()]);
    let quiet = world.run(&arguments);
    assert_eq!(server.count(), 0, "nobody is asked unless somebody says so");
    assert!(of_kind(&quiet.report(), "secret").iter().all(|finding| finding["verified"] == "not_tried"));
    arguments.push("--verify-secrets");
    for endpoint in &endpoints {
        arguments.extend(["--verify-endpoint", endpoint]);
    }
    let answer = world.run(&arguments);
    let report = answer.report();
    let told: BTreeMap<_, _> = of_kind(&report, "secret")
        .iter()
        .map(|finding| {
            (
                finding["location"]["path"].as_str().unwrap(),
                (finding["verified"].as_str().unwrap(), finding["evidence"].to_string()),
            )
        })
        .collect();
    for (path, _, expected) in secrets() {
        assert_eq!(told[path].0, expected, "{path} {told:#?}");
    }
    let aws: Vec<_> =
        of_kind(&report, "secret").into_iter().filter(|finding| finding["location"]["path"] == "aws.ini").collect();
    assert!(
        aws.len() == 2 && aws.iter().all(|finding| finding["verified"] == "live"),
        "both parts share the answer: {aws:#?}"
    );
    assert_eq!(server.count(), secrets().len(), "one question a secret");
    world.run(&arguments);
    assert_eq!(server.count(), secrets().len() + 1, "only what was not learned is asked again");
    let written: Vec<_> = secrets().iter().flat_map(|(_, secret, _)| holds(&cache, secret.as_bytes())).collect();
    assert!(written.is_empty(), "{written:?}");
    for (_, secret, _) in secrets() {
        assert!(!answer.out.contains(&secret) && !answer.err.contains(&secret));
    }
}

#[test]
fn a_rule_cannot_make_us_reach_inside() {
    let world = World::new();
    let rules = world.files(
        "rules",
        &[(
            "own.toml",
            r#"
[[provider]]
name = "Corp"
remedy = "Ask the platform team"
[[provider.rule]]
id = "corp-token"
name = "token"
severity = "high"
literals = ["corp_"]
regex = 'corp_[a-z0-9]{24}'
positive = ["corp_{lowernum:24}"]
negative = ["corp_{lowernum:4}"]
verify = { url = "https://127.0.0.1:9/me", headers = { Authorization = "Bearer {secret}" } }
"#,
        )],
    );
    let own = rules.join("own.toml");
    let tested = world.run(&["rules", "test", own.to_str().unwrap()]);
    assert_eq!(tested.code, 0, "{}{}", tested.out, tested.err);
    let tree = world.files("tree", &[("a.txt", &fill("corp_{lowernum:24}\n", "own"))]);
    let advisories = world.advisories();
    let mut arguments = vec!["scan", tree.to_str().unwrap(), "--only", "secrets", "--format", "json", "--exit-zero"];
    arguments.extend(["--advisories", advisories.to_str().unwrap()]);
    let digest = world.run(&arguments).report()["tool"]["rules_digest"].clone();
    arguments.extend(["--rules", own.to_str().unwrap(), "--verify-secrets"]);
    let report = world.run(&arguments).report();
    let finding = of_kind(&report, "secret")[0].clone();
    assert_eq!((finding["rule"].as_str(), finding["verified"].as_str()), (Some("corp-token"), Some("unknown")));
    assert!(finding["evidence"].to_string().contains("loopback"), "{finding:#}");
    assert_ne!(report["tool"]["rules_digest"], digest, "own rules are part of the digest");
    for (content, expected) in [("[[provider]]\nname = 1", "own.toml"), ("nonsense", "own.toml")] {
        std::fs::write(&own, content).unwrap();
        let answer = world.run(&arguments);
        assert!(answer.code == 2 && answer.err.contains(expected), "{} {}", answer.code, answer.err);
    }
    let answer = world.run(&["scan", tree.to_str().unwrap(), "--verify-secrets", "--offline"]);
    assert_eq!(answer.code, 2, "{}", answer.err);
}
