//! Questions and verdicts, with a provider that answers from a table.

use std::collections::HashMap;
use std::sync::Mutex;

use super::*;
use crate::secrets::{RuleSet, example};

struct Table {
    endpoints: Vec<String>,
    answers: HashMap<String, (u16, &'static str)>,
    asked: Mutex<Vec<String>>,
    memory: Mutex<HashMap<String, Verified>>,
}

impl Table {
    fn new(answers: &[(&str, u16, &'static str)]) -> Self {
        Self {
            endpoints: answers.iter().map(|(origin, ..)| (*origin).to_owned()).collect(),
            answers: answers.iter().map(|(origin, status, body)| ((*origin).to_owned(), (*status, *body))).collect(),
            asked: Mutex::default(),
            memory: Mutex::default(),
        }
    }
}

impl Provider for Table {
    fn endpoints(&self, _: &str) -> Vec<String> {
        self.endpoints.clone()
    }
    fn ask(&self, question: &Question) -> Result<Answer, String> {
        self.asked.lock().unwrap().push(question.origin.clone());
        let (status, body) = self.answers[&question.origin];
        if status == 0 { Err(body.to_owned()) } else { Ok(Answer { status, body: body.into() }) }
    }
    fn known(&self, key: &str) -> Option<Verified> {
        self.memory.lock().unwrap().get(key).copied()
    }
    fn learned(&self, key: &str, verified: Verified) {
        self.memory.lock().unwrap().insert(key.to_owned(), verified);
    }
    fn now(&self) -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }
}

fn check_of(rules: &RuleSet, id: &str) -> Check {
    rules.by_id(id).unwrap().1.verify.clone().unwrap_or_else(|| panic!("{id} has no verify"))
}

#[test]
fn at_least_fifteen_providers_can_be_asked() {
    let rules = RuleSet::builtin().unwrap();
    let mut providers: Vec<_> =
        rules.rules().iter().filter(|rule| rule.verify.is_some()).map(|rule| rule.provider.as_str()).collect();
    providers.sort_unstable();
    providers.dedup();
    assert!(providers.len() >= 15, "{providers:?}");
    for rule in rules.rules() {
        let Some(check) = &rule.verify else { continue };
        let secret = Secret::new(example::fill("{alnum:30}", &rule.id).as_bytes());
        let question = check.question(check.origin(), &secret, Some(&Secret::new(b"ID")), Timestamp::UNIX_EPOCH);
        let question = question.unwrap_or_else(|| panic!("{}", rule.id));
        let plain = String::from_utf8_lossy(secret.expose()).into_owned();
        assert!(!format!("{question:?}").contains(&plain), "{}", rule.id);
        // unless it is signed with, the secret goes somewhere
        let carried = question.url.contains(&plain)
            || question.body.contains(&plain)
            || question
                .headers
                .iter()
                .any(|(_, value)| value.contains(&plain) || value.starts_with("Basic ") || value.starts_with("AWS4"));
        assert!(carried, "{}", rule.id);
    }
}

#[test]
fn answers_as_the_providers_document_them() {
    let rules = RuleSet::builtin().unwrap();
    let cases = [
        ("github-pat", 200, "{}", Verified::Live),
        ("github-pat", 401, "Bad credentials", Verified::Revoked),
        ("github-pat", 403, "rate limit", Verified::Unknown),
        ("github-pat", 500, "", Verified::Unknown),
        ("gitlab-pat", 403, "{\"error\":\"insufficient_scope\"}", Verified::Live),
        ("gitlab-pat", 401, "", Verified::Revoked),
        ("slack-bot-token", 200, "{\"ok\":true}", Verified::Live),
        ("slack-bot-token", 200, "{\"ok\":false,\"error\":\"token_revoked\"}", Verified::Revoked),
        ("slack-bot-token", 200, "{\"ok\":false,\"error\":\"ratelimited\"}", Verified::Unknown),
        ("aws-secret-access-key", 200, "<GetCallerIdentityResponse>", Verified::Live),
        ("aws-secret-access-key", 403, "<Code>InvalidClientTokenId</Code>", Verified::Revoked),
        ("aws-secret-access-key", 403, "<Code>SignatureDoesNotMatch</Code>", Verified::Revoked),
        ("aws-secret-access-key", 503, "", Verified::Unknown),
        ("datadog-api-key", 403, "", Verified::Revoked),
        ("telegram-bot-token", 401, "", Verified::Revoked),
        ("pypi-token", 400, "", Verified::Live),
        ("pypi-token", 403, "", Verified::Revoked),
        ("stripe-live-key", 403, "more_permissions_required", Verified::Live),
    ];
    for (rule, status, body, expected) in cases {
        let verdict = check_of(&rules, rule).judge(&Answer { status, body: body.into() });
        assert_eq!(verdict, expected, "{rule} {status} {body}");
    }
}

#[test]
fn endpoints_memory_and_silence() {
    let rules = RuleSet::builtin().unwrap();
    let check = check_of(&rules, "github-pat");
    let secret = Secret::new(b"x");
    let ask = |table: &Table| verify(table, &check, "fingerprint rule", &secret, None);
    let (dead, live) = ("https://a.example", "https://b.example");
    let both = Table::new(&[(dead, 401, ""), (live, 200, "")]);
    assert_eq!(ask(&both).0, Verified::Live);
    assert_eq!(ask(&both).0, Verified::Live);
    assert_eq!(both.asked.lock().unwrap().len(), 2, "the second time it is known");
    assert_eq!(ask(&Table::new(&[(dead, 401, "")])).0, Verified::Revoked);
    let mute = Table::new(&[(dead, 0, "it is out of reach")]);
    let (verdict, reason) = ask(&mute);
    assert_eq!((verdict, reason.contains("out of reach")), (Verified::Unknown, true));
    assert!(mute.memory.lock().unwrap().is_empty(), "no answer is not remembered");
    let unsure = Table::new(&[(dead, 401, ""), (live, 500, "")]);
    assert_eq!(ask(&unsure).0, Verified::Unknown);
    let aws = check_of(&rules, "aws-secret-access-key");
    assert_eq!(
        verify(&both, &aws, "other", &secret, None).0,
        Verified::Unknown,
        "half of a credential is not asked about"
    );
}

/// The signature of a request that was computed apart, with Python's hmac and hashlib, from the documented steps.
#[test]
fn aws_signature() {
    let rules = RuleSet::builtin().unwrap();
    let check = check_of(&rules, "aws-secret-access-key");
    let secret = Secret::new("k".repeat(40).as_bytes());
    let now = "2026-01-02T03:04:05Z".parse().unwrap();
    let question = check.question(check.origin(), &secret, Some(&Secret::new(b"AKIDEXAMPLE")), now).unwrap();
    let header = |name: &str| question.headers.iter().find(|(known, _)| known == name).unwrap().1.to_string();
    assert_eq!(header("X-Amz-Date"), "20260102T030405Z");
    let signature = header("Authorization");
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/sts/aws4_request, "));
    assert!(signature.ends_with(AWS_SIGNATURE), "{signature}");
}

const AWS_SIGNATURE: &str = "Signature=a4dcb3b733f7d4247699146c70fc36cb1afb0af9d547f97c4cd35c92a8bcb3dc";
