use serde_json::json;

use super::*;

fn claims(value: Value) -> Map<String, Value> {
    value.as_object().cloned().expect("claims")
}

fn issuer(url: &str, rules: Vec<Rule>) -> Issuer {
    Issuer { issuer: url.parse().expect("url"), audience: None, repository: None, rules }
}

fn rule(subject: &str, claims: &[(&str, &str)], repositories: &[&str]) -> Rule {
    Rule {
        subject: subject.to_owned(),
        claims: claims.iter().map(|(name, like)| ((*name).to_owned(), (*like).to_owned())).collect(),
        scopes: vec![crate::identity::Scope::Scan],
        repositories: repositories.iter().map(|url| (*url).to_owned()).collect(),
    }
}

#[test]
fn patterns_stand_for_whole_texts() {
    for (pattern, text, expected) in [
        ("repo:acme/site:*", "repo:acme/site:ref:refs/heads/main", true),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/site:ref:refs/heads/main", true),
        ("repo:acme/*:ref:refs/heads/main", "repo:acme/site:ref:refs/heads/main2", false),
        ("repo:acme/*", "repo:acme-evil/site:x", false),
        ("repo:acme/*", "xrepo:acme/site", false),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("ab*ba", "aba", false),
        ("", "", true),
        ("", "x", false),
        ("*", "", true),
    ] {
        assert_eq!(like(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn times_hold_within_the_skew_of_clocks() {
    let now = 10_000;
    for (value, expected) in [
        (json!({"iat": now - 10, "exp": now + 300}), Ok(())),
        (json!({"iat": now - 10, "nbf": now + 30, "exp": now + 300}), Ok(())),
        (json!({"iat": now - 400, "exp": now - 30}), Ok(())),
        (json!({"iat": now - 400, "exp": now - 60}), Err(Refusal::Time)),
        (json!({"iat": now - 10, "nbf": now + 61, "exp": now + 300}), Err(Refusal::Time)),
        (json!({"iat": now + 61, "exp": now + 300}), Err(Refusal::Time)),
        (json!({"iat": now - 10, "exp": now + LONGEST}), Err(Refusal::Time)),
        (json!({"iat": now - 10}), Err(Refusal::Malformed)),
        (json!({"exp": now + 300}), Err(Refusal::Malformed)),
        (json!({"iat": "soon", "exp": now + 300}), Err(Refusal::Malformed)),
    ] {
        assert_eq!(in_time(&claims(value.clone()), now), expected, "{value}");
    }
}

#[test]
fn the_first_rule_that_fits_decides_and_none_opens_nothing() {
    let tenant = Tenant::default();
    let github = issuer(
        GITHUB,
        vec![
            rule("repo:acme/*", &[("ref", "refs/heads/main")], &[]),
            rule("repo:acme/ops:*", &[], &["*"]),
            rule("repo:acme/docs:*", &[], &["https://github.com/acme/site"]),
        ],
    );
    let told = |subject: &str, reference: &str, repository: &str| {
        let claims = claims(json!({"sub": subject, "ref": reference, "repository": repository}));
        identity(&claims, &github, &tenant).map(|identity| identity.repositories)
    };
    let id = |url: &str| RepositoryId::of(&tenant, &normalise_url(url)).to_string();
    let own = told("repo:acme/site:ref:refs/heads/main", "refs/heads/main", "acme/site").expect("a rule");
    assert_eq!(own, Some(vec![id("https://github.com/acme/site.git"), id("git@github.com:acme/site")]));
    assert_eq!(told("repo:acme/ops:pull_request", "refs/pull/1/merge", "acme/ops"), Ok(None));
    let other = told("repo:acme/docs:pull_request", "refs/pull/1/merge", "acme/docs").expect("a rule");
    assert!(other.is_some_and(|ids| ids.contains(&id("https://github.com/acme/site"))));
    assert_eq!(told("repo:evil/site:ref:refs/heads/main", "refs/heads/main", "evil/site"), Err(Refusal::NoRule));
    assert_eq!(told("repo:acme/x:pull_request", "refs/pull/1/merge", "acme/x"), Err(Refusal::NoRule));
}

#[test]
fn every_system_names_its_repository() {
    let gitlab = issuer("https://gitlab.example", vec![]);
    let given = claims(json!({"iss": "https://gitlab.example", "project_path": "acme/a/site"}));
    assert_eq!(repository(&given, &gitlab).as_deref(), Some("https://gitlab.example/acme/a/site"));
    let enterprise = Issuer {
        repository: Some("https://ghe.corp/{repository}".to_owned()),
        ..issuer("https://ghe.corp/_services/token", vec![])
    };
    assert_eq!(
        repository(&claims(json!({"repository": "acme/site"})), &enterprise).as_deref(),
        Some("https://ghe.corp/acme/site")
    );
    assert_eq!(repository(&claims(json!({})), &gitlab), None);
}
