//! A labelled truth set of our own making (`truth.txt`): lines as they stand in repositories, secrets filled in at run time. F1 is printed
//! and asserted.

use std::collections::BTreeMap;

use scanner::secrets::{Engine, RuleSet, Text, example};

/// Path, template, whether it holds a secret.
fn cases(text: &str) -> Vec<(&str, &str, bool)> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (sign, rest) = line.split_at(2);
            let (path, template) = rest.split_once(" | ").unwrap_or_else(|| panic!("no path: {line}"));
            (path, template, sign == "+ ")
        })
        .collect()
}

#[test]
fn precision_and_recall() {
    // read when the test runs: `TRUTH` may name another set of the same form
    let path =
        std::env::var("TRUTH").unwrap_or(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/secrets/truth.txt").into());
    let text = std::fs::read_to_string(path).unwrap();
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let (mut right, mut false_alarms, mut missed) = (0u32, 0u32, 0u32);
    let mut errors = BTreeMap::<String, u32>::new();
    let mut unseen = BTreeMap::<String, u32>::new();
    let cases = cases(&text);
    for (position, (path, template, secret)) in cases.iter().enumerate() {
        // five fillings each: a verdict should not hang on the luck of one
        for seed in 0..5 {
            let line = example::fill(template, &format!("{position} {seed}"));
            let mut hits = Vec::new();
            engine.scan(&Text::new(line.as_bytes(), Some(path)), &mut hits);
            // a history is first read without knowing paths: what a path would show must be seen then
            let mut blind = Vec::new();
            engine.scan(&Text::new(line.as_bytes(), None), &mut blind);
            if blind.is_empty() && !hits.is_empty() {
                *unseen.entry(format!("{path}: {template}")).or_default() += 1;
            }
            match (hits.is_empty(), secret) {
                (false, true) => right += 1,
                (false, false) => false_alarms += 1,
                (true, true) => missed += 1,
                (true, false) => continue,
            }
            if hits.is_empty() == *secret {
                let what = if *secret { "missed" } else { "false alarm" };
                let rules: Vec<_> = hits.iter().map(|hit| rules.get(hit.rule).unwrap().id.as_str()).collect();
                *errors.entry(format!("{what} {path}: {template} {rules:?}")).or_default() += 1;
            }
        }
    }
    let errors: Vec<String> = errors.iter().map(|(error, count)| format!("{count} of 5 {error}")).collect();
    let precision = f64::from(right) / f64::from(right + false_alarms);
    let recall = f64::from(right) / f64::from(right + missed);
    let f1 = 2.0 * precision * recall / (precision + recall);
    #[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
    {
        println!(
            "{} cases: precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}\n{}",
            cases.len(),
            errors.join("\n")
        );
    }
    assert!(unseen.is_empty(), "found with a path alone: {unseen:#?}");
    assert!(
        precision >= 0.97 && recall >= 0.95,
        "precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}\n{}",
        errors.join("\n")
    );
}
