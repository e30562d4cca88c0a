//! A labelled truth set of our own making: lines as they stand in repositories, secrets filled in at run time. F1 is printed and asserted.

use crate::secrets::{Engine, RuleSet, Text, example};

/// Path, line, whether it holds a secret.
const CASES: &[(&str, &str, bool)] = include!("truth_cases.rs");

#[test]
fn precision_and_recall() {
    let rules = RuleSet::builtin().unwrap();
    let engine = Engine::new(&rules);
    let (mut right, mut false_alarms, mut missed) = (0u32, 0u32, 0u32);
    let mut errors = Vec::new();
    for (position, (path, template, secret)) in CASES.iter().enumerate() {
        // three fillings each: a verdict should not hang on the luck of one
        for seed in 0..3 {
            let line = example::fill(template, &format!("{position} {seed}"));
            let mut hits = Vec::new();
            engine.scan(&Text::new(line.as_bytes(), Some(path)), &mut hits);
            match (hits.is_empty(), secret) {
                (false, true) => right += 1,
                (false, false) => false_alarms += 1,
                (true, true) => missed += 1,
                (true, false) => continue,
            }
            if hits.is_empty() == *secret {
                errors.push(format!("{} {path}: {template}", if *secret { "missed" } else { "false alarm" }));
            }
        }
    }
    errors.dedup();
    let precision = f64::from(right) / f64::from(right + false_alarms);
    let recall = f64::from(right) / f64::from(right + missed);
    let f1 = 2.0 * precision * recall / (precision + recall);
    #[expect(clippy::print_stdout, reason = "the figures are what the test is run for")]
    {
        println!(
            "{} cases: precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}\n{}",
            CASES.len(),
            errors.join("\n")
        );
    }
    assert!(
        precision >= 0.95 && f1 >= 0.9,
        "precision {precision:.3}, recall {recall:.3}, F1 {f1:.3}\n{}",
        errors.join("\n")
    );
}
