//! Every rule on its own examples, and the look-alikes on all rules.

use super::*;
use crate::secrets::example;

fn scan(rules: &RuleSet, path: Option<&str>, text: &str) -> Vec<(String, String, Confidence)> {
    let engine = Engine::new(rules);
    let mut hits = Vec::new();
    engine.scan(&Text::new(text.as_bytes(), path), &mut hits);
    hits.iter()
        .map(|hit| (rules.get(hit.rule).unwrap().id.clone(), text[hit.secret.clone()].to_owned(), hit.confidence))
        .collect()
}

#[test]
fn every_expression_compiles() {
    let rules = RuleSet::builtin().unwrap();
    for rule in rules.rules() {
        rule.pattern.compile().unwrap_or_else(|error| panic!("{}: {error}", rule.id));
    }
}

#[test]
fn every_rule_holds_its_examples() {
    let rules = RuleSet::builtin().unwrap();
    let failures = crate::secrets::rule_check::check(&rules, |_| true);
    assert!(
        failures.is_empty(),
        "{} of the examples fail:\n{}",
        failures.len(),
        failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    );
}

#[test]
fn overlapping_hits_leave_the_provider() {
    let rules = RuleSet::builtin().unwrap();
    let text = example::fill("github_token = \"{github:ghp_}\"", "overlap");
    let found = scan(&rules, Some("a.py"), &text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0.as_str(), found[0].2), ("github-pat", Confidence::High));
    let lesser = scan(&rules, Some("tests/a.py"), &text);
    assert_eq!(lesser[0].2, Confidence::Medium, "a test lowers, and does not hide");
    let wrong = scan(&rules, Some("a.py"), &example::fill("x = \"ghp_{alnum:36}\"", "overlap"));
    assert_eq!(wrong[0].2, Confidence::Low, "a wrong checksum");
}

#[test]
fn nothing_prints_plaintext() {
    let secret = example::fill("{github:ghp_}", "debug");
    let rules = RuleSet::builtin().unwrap();
    let text = Text::new(secret.as_bytes(), None);
    let mut hits = Vec::new();
    Engine::new(&rules).scan(&text, &mut hits);
    let printed = format!("{text:?} {hits:?}");
    assert!(hits.len() == 1 && !printed.contains(&secret[4..20]), "{printed}");
}
