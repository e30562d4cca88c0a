//! After the look: one finding for one secret, parts of a credential named together, providers asked.

use std::collections::{BTreeMap, BTreeSet};

use crate::Stop;
use crate::finding::{Confidence, Detail, Finding, Verified};
use crate::secrets::engine::is_armour;
use crate::secrets::gather::Gathered;
use crate::secrets::rule::Form;
use crate::secrets::{Looking, RuleIndex, Secret, verify};

/// By rule and fingerprint.
pub(super) type Secrets = BTreeMap<(RuleIndex, String), Gathered>;

/// Plaintext and other part, by rule and fingerprint.
pub(super) type Asked = BTreeMap<(RuleIndex, String), (Secret, Option<Secret>)>;

/// The same secret seen by several rules belongs to the one that says most: a form before a context before the classifier, then the surer.
pub(super) fn one_each(looking: &Looking<'_>, secrets: Secrets) -> Secrets {
    let mut by_fingerprint: BTreeMap<String, Vec<(RuleIndex, Gathered)>> = BTreeMap::new();
    for ((rule, fingerprint), gathered) in secrets {
        by_fingerprint.entry(fingerprint).or_default().push((rule, gathered));
    }
    let rank = |rule: RuleIndex| match looking.engine.rules().get(rule).map(|rule| &rule.form) {
        Some(Form::Literal { .. }) => 2,
        Some(Form::Context { .. }) => 1,
        Some(Form::Generic) | None => 0,
    };
    let mut joined = Secrets::new();
    for (fingerprint, mut seen) in by_fingerprint {
        seen.sort_by_key(|(rule, gathered)| {
            std::cmp::Reverse((gathered.confidence, rank(*rule), std::cmp::Reverse(*rule)))
        });
        let mut seen = seen.into_iter();
        let Some((rule, mut first)) = seen.next() else { continue };
        for (other, gathered) in seen {
            if let Some(other) = looking.engine.rules().get(other) {
                first.evidence.push(format!("elsewhere it looks like {}", other.id));
            }
            first.take_places(gathered);
        }
        first.weigh_tree();
        // what no provider's form vouches for
        let known = looking.engine.rules().get(rule);
        let is_key = known.is_some_and(is_armour);
        if rank(rule) == 0 || is_key || known.is_some_and(|rule| rule.id == "jwt") {
            first.weigh_samples(is_key);
        }
        joined.insert((rule, fingerprint), first);
    }
    joined
}

/// What was asked and answered, by fingerprint; the other part of a credential shares its answer.
pub(super) fn ask(
    looking: &Looking<'_>,
    secrets: &Secrets,
    asked: Asked,
    stop: Stop<'_>,
) -> BTreeMap<String, (Verified, String)> {
    let mut answers = BTreeMap::new();
    let Some(provider) = looking.provider else { return answers };
    for ((rule, fingerprint), (secret, companion)) in asked.iter().take_while(|_| !stop.is_asked()) {
        if !secrets.contains_key(&(*rule, fingerprint.clone())) {
            continue;
        }
        let Some(rule) = looking.engine.rules().get(*rule) else { continue };
        let Some(check) = &rule.verify else { continue };
        let other = companion.as_ref().map(|companion| companion.fingerprint(looking.key));
        let key = format!("{fingerprint} {} {}", other.as_deref().unwrap_or("alone"), rule.id);
        let answer = verify::verify(provider, check, &key, secret, companion.as_ref());
        if let (Some(other), Verified::Live | Verified::Revoked) = (other, answer.0) {
            answers.entry(other).or_insert_with(|| (answer.0, format!("asked with its other part: {}", answer.1)));
        }
        answers.insert(fingerprint.clone(), answer);
    }
    answers
}

/// Writes the answers into the findings.
pub(super) fn tell(findings: &mut [Finding], answers: &BTreeMap<String, (Verified, String)>) {
    for finding in findings {
        if let Detail::Secret(detail) = &mut finding.detail
            && let Some((verified, reason)) = answers.get(&detail.fingerprint)
        {
            detail.verified = *verified;
            detail.evidence.push(reason.clone());
        }
    }
}

/// Rules whose secrets are parts of one credential.
const PAIRS: [(&str, &str); 6] = [
    ("aws-access-key-id", "aws-secret-access-key"),
    ("twilio-api-key", "twilio-auth-token"),
    ("twilio-account-id", "twilio-auth-token"),
    ("datadog-api-key", "datadog-app-key"),
    ("twitter-bearer-token", "twitter-secret"),
    ("plaid-token", "plaid-secret"),
];

/// Further apart, two credentials of one provider are not taken for parts of one.
const PAIR_REACH: u32 = 6;

/// Two parts of one credential name one another in their evidence. An AWS id whose secret stands in none of its files is less sure: it names
/// an account, and opens nothing alone.
pub(super) fn join_pairs(findings: &mut [Finding]) {
    let (id, secret) = PAIRS[0];
    let beside: BTreeSet<String> = places(secret, findings).into_iter().map(|(_, path, _)| path).collect();
    let ids = places(id, findings);
    let whole: BTreeSet<usize> = ids.iter().filter(|(_, path, _)| beside.contains(path)).map(|(at, ..)| *at).collect();
    for (at, finding) in findings.iter_mut().enumerate() {
        let is_lone = finding.rule == id && finding.confidence == Confidence::High && !whole.contains(&at);
        if is_lone && let Detail::Secret(detail) = &mut finding.detail {
            finding.confidence = Confidence::Medium;
            detail.evidence.push("its secret does not stand in the same file".to_owned());
        }
    }
    for (one, other) in PAIRS {
        let others = places(other, findings);
        for (first, path, line) in places(one, findings) {
            for (second, _, _) in others.iter().filter(|place| place.1 == path && place.2.abs_diff(line) <= PAIR_REACH)
            {
                name_partner(findings, first, *second);
                name_partner(findings, *second, first);
            }
        }
    }
}

fn places(rule: &str, findings: &[Finding]) -> Vec<(usize, String, u32)> {
    let of_rule = findings.iter().enumerate().filter(|(_, finding)| finding.rule == rule);
    of_rule
        .flat_map(|(at, finding)| match &finding.detail {
            Detail::Secret(detail) => detail.occurrences.iter().map(move |place| (at, place)).collect(),
            _ => Vec::new(),
        })
        .filter_map(|(at, place)| Some((at, place.path.clone()?, place.line?)))
        .collect()
}

fn name_partner(findings: &mut [Finding], at: usize, partner: usize) {
    let reason = format!("stands beside its other part, {} {}", findings[partner].rule, findings[partner].id);
    if let Detail::Secret(detail) = &mut findings[at].detail
        && !detail.evidence.contains(&reason)
    {
        detail.evidence.push(reason);
    }
}
