//! Rules against their own examples: for our own suite and for `rules test`.

use std::fmt;

use crate::secrets::engine::Engine;
use crate::secrets::example;
use crate::secrets::rule::{Rule, RuleIndex, RuleSet};
use crate::secrets::text::Text;

/// An example that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule's id.
    pub rule: String,
    /// The template, which holds no secret.
    pub template: String,
    /// What was expected, and what happened.
    pub reason: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: `{}`: {}", self.rule, self.template, self.reason)
    }
}

/// Tries the chosen rules on their examples, beside all other rules of the set. A positive one must be found by its rule, or by another that
/// claims the same place more strongly; a negative one must not be found by its rule.
#[must_use]
pub fn check(rules: &RuleSet, chosen: impl Fn(&Rule) -> bool) -> Vec<Failure> {
    let engine = Engine::new(rules);
    let mut failures = Vec::new();
    for (position, rule) in rules.rules().iter().enumerate().filter(|(_, rule)| chosen(rule)) {
        let index = RuleIndex(u16::try_from(position).unwrap_or(u16::MAX));
        let found = |template: &String| {
            let text = example::fill(template, &rule.id);
            let mut hits = Vec::new();
            engine.scan(&Text::new(text.as_bytes(), None), &mut hits);
            hits
        };
        let failure =
            |template: &String, reason: String| Failure { rule: rule.id.clone(), template: template.clone(), reason };
        for template in &rule.positive {
            let hits = found(template);
            let names =
                || hits.iter().filter_map(|hit| Some(rules.get(hit.rule)?.id.as_str())).collect::<Vec<_>>().join(", ");
            if !hits.iter().any(|hit| hit.rule == index) {
                failures.push(failure(template, format!("not found (found instead: [{}])", names())));
            }
        }
        for template in &rule.negative {
            if found(template).iter().any(|hit| hit.rule == index) {
                failures.push(failure(template, "found, though it is no secret".to_owned()));
            }
        }
    }
    failures
}
