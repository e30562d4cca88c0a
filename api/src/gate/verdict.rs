//! The verdict over facts that are already gathered: pass, fail, pending or incomplete.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use scanner::policy::{Circumstances, Policy};
use scanner::{Finding, FindingId};
use serde::{Deserialize, Serialize};

/// What the gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Looked at everything; nothing new violates the policy.
    Pass,
    /// Something new violates the policy.
    Fail,
    /// The answer is not there yet.
    Pending,
    /// Something could not be looked at, and what could be looked at does not violate the policy.
    Incomplete,
}

/// What is known about a commit.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'f> {
    /// The findings of the commit.
    pub findings: &'f [Finding],
    /// What of the commit could not be looked at, in words.
    pub gaps: &'f [String],
    /// The findings of the commit it is judged against; `None` when there is none, so that everything is new.
    pub base: Option<&'f BTreeSet<FindingId>>,
    /// Findings that somebody accepted, for a time that has not run out.
    pub accepted: &'f BTreeSet<FindingId>,
    /// Which findings fail.
    pub policy: &'f Policy,
    /// When each was first seen, where that is known.
    pub first_seen: &'f BTreeMap<FindingId, Timestamp>,
    /// The time of the judgement.
    pub now: Timestamp,
}

/// The answer, with the findings that are new (violating or not).
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict<'f> {
    /// What the gate says.
    pub state: State,
    /// New findings, in the report's order.
    pub new: Vec<&'f Finding>,
    /// Why, in words.
    pub reasons: Vec<String>,
}

/// Judges.
#[must_use]
pub fn judge<'f>(facts: &Facts<'f>) -> Verdict<'f> {
    let known = |finding: &Finding| facts.base.is_some_and(|base| base.contains(&finding.id));
    let counts =
        |finding: &&Finding| finding.ignored.is_none() && !facts.accepted.contains(&finding.id) && !known(finding);
    let new: Vec<&Finding> = facts.findings.iter().filter(counts).collect();
    let mut reasons = Vec::new();
    for finding in &new {
        let first_seen = facts.first_seen.get(&finding.id).copied();
        let decision = facts.policy.judge(finding, Circumstances { first_seen, now: facts.now });
        if decision.fails {
            let rule = decision.reasons.last().map_or("", String::as_str);
            reasons.push(format!("{} {}: {} ({rule})", finding.kind, finding.rule, finding.title));
        }
    }
    let state = match (reasons.is_empty(), facts.gaps.is_empty()) {
        // a violation stays one, however much could not be looked at
        (false, _) => State::Fail,
        (true, false) => State::Incomplete,
        (true, true) => State::Pass,
    };
    reasons.extend(facts.gaps.iter().map(|gap| format!("not looked at: {gap}")));
    Verdict { state, new, reasons }
}

#[cfg(test)]
mod tests {
    use advisories::Severity;
    use scanner::Kind;
    use scanner::finding::{Confidence, Detail, Ignored, Location, PostureDetail};
    use scanner::policy::{PolicyLayer, Threshold};

    use super::*;

    fn finding(name: &str, severity: Severity) -> Finding {
        Finding {
            id: FindingId::of(Kind::Posture, &[name]),
            kind: Kind::Posture,
            severity,
            confidence: Confidence::High,
            title: name.to_owned(),
            rule: "a-check".to_owned(),
            location: Location::default(),
            detail: Detail::Posture(Box::new(PostureDetail { check: "a-check".into(), evidence: vec![] })),
            ignored: None,
        }
    }

    #[test]
    fn verdicts() {
        let [high, low, unsure, ignored] = ["high", "low", "unsure", "ignored"]
            .map(|name| finding(name, if name == "low" { Severity::Low } else { Severity::High }));
        let unsure = Finding { confidence: Confidence::Low, ..unsure };
        let ignored = Finding { ignored: Some(Ignored { by: "inline".into(), reason: "known".into() }), ..ignored };
        let gap = ["uv.lock: no TOML".to_owned()];
        let ids = |findings: &[&Finding]| findings.iter().map(|finding| finding.id.clone()).collect::<BTreeSet<_>>();
        let (none, of_high) = (ids(&[]), ids(&[&high]));
        let medium = Threshold::Medium;
        /// findings, gaps, base, accepted, threshold → state, how many are new
        type Case<'c> = (
            Vec<Finding>,
            &'c [String],
            Option<&'c BTreeSet<FindingId>>,
            &'c BTreeSet<FindingId>,
            Threshold,
            State,
            usize,
        );
        let cases: &[Case<'_>] = &[
            (vec![], &[], None, &none, medium, State::Pass, 0),
            (vec![], &gap, None, &none, medium, State::Incomplete, 0),
            (vec![high.clone()], &[], None, &none, medium, State::Fail, 1),
            (vec![high.clone()], &gap, None, &none, medium, State::Fail, 1),
            (vec![high.clone()], &[], Some(&none), &none, medium, State::Fail, 1),
            (vec![high.clone()], &[], Some(&of_high), &none, medium, State::Pass, 0),
            (vec![high.clone()], &gap, Some(&of_high), &none, medium, State::Incomplete, 0),
            (vec![high.clone()], &[], None, &of_high, medium, State::Pass, 0),
            (vec![high.clone()], &[], None, &none, Threshold::Critical, State::Pass, 1),
            (vec![high.clone()], &[], None, &none, Threshold::None, State::Pass, 1),
            (vec![low.clone()], &[], None, &none, medium, State::Pass, 1),
            (vec![low], &[], None, &none, Threshold::Low, State::Fail, 1),
            (vec![unsure], &[], None, &none, medium, State::Pass, 1),
            (vec![ignored], &[], None, &none, medium, State::Pass, 0),
        ];
        for (number, (findings, gaps, base, accepted, threshold, state, new)) in cases.iter().enumerate() {
            let layer = PolicyLayer { fail_on: Some(*threshold), ..PolicyLayer::default() };
            let policy = &Policy::of(&[("case", &layer)]);
            let (first_seen, now) = (&BTreeMap::new(), Timestamp::UNIX_EPOCH);
            let facts = Facts { findings, gaps, base: *base, accepted, policy, first_seen, now };
            let verdict = judge(&facts);
            assert_eq!((verdict.state, verdict.new.len()), (*state, *new), "case {number}");
        }
    }
}
