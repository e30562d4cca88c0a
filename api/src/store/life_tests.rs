//! The life of a finding against a simple model, and the refusals as a table.

use advisories::Severity;
use proptest::prelude::*;
use scanner::FindingId;
use scanner::finding::{Confidence, Location, PostureDetail, SecretDetail};

use super::*;

fn finding(kind: Kind) -> Finding {
    let detail = match kind {
        Kind::Secret => Detail::Secret(Box::new(SecretDetail {
            provider: "p".into(),
            redacted: "…".into(),
            fingerprint: "00".into(),
            occurrences: vec![],
            in_head: true,
            verified: Verified::NotTried,
            evidence: vec![],
            remedy: None,
        })),
        _ => Detail::Posture(Box::new(PostureDetail { check: "c".into(), evidence: vec![] })),
    };
    Finding {
        id: FindingId::of(kind, &["x"]),
        kind,
        severity: Severity::High,
        confidence: Confidence::High,
        title: "t".into(),
        rule: "r".into(),
        location: Location::default(),
        detail,
        ignored: None,
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Seen,
    Gone,
    Accept(Option<i64>),
    Revoke,
    TakeBack,
    Wait(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Seen),
        3 => Just(Step::Gone),
        2 => prop::option::of(1..50_i64).prop_map(Step::Accept),
        1 => Just(Step::Revoke),
        1 => Just(Step::TakeBack),
        2 => (1..40_i64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..40)
}

/// The model: three facts, from which the state follows.
#[derive(Debug, Default)]
struct Model {
    present: bool,
    came_back: bool,
    decision: Option<(FindingState, Option<i64>)>,
}

impl Model {
    fn state(&self, kind: Kind) -> FindingState {
        let secret = kind == Kind::Secret;
        match (self.present, self.decision) {
            (false, Some((FindingState::Revoked, _))) => FindingState::Fixed,
            (false, _) if !secret => FindingState::Fixed,
            (_, Some((state, _))) => state,
            (_, None) if self.came_back => FindingState::Reopened,
            (_, None) => FindingState::Open,
        }
    }
}

fn run(kind: Kind, script: &[Step]) {
    let (tenant, repository) = (Tenant::default(), RepositoryId::from_text("r"));
    let sighting = |now| Sighting { tenant: &tenant, repository: &repository, scan: None, now };
    let mut clock = 0;
    let (mut record, event) = seen(None, &finding(kind), &sighting(at(clock)));
    assert_eq!(event, Some(EventKind::Opened));
    let mut model = Model { present: true, ..Model::default() };
    for step in script {
        clock += 1;
        let expired = expire(record.clone(), at(clock));
        if model.decision.is_some_and(|(_, until)| until.is_some_and(|until| until <= clock)) {
            model.came_back |= record.state == FindingState::Accepted;
            model.decision = None;
        }
        record = expired.map_or(record, |(record, _)| record);
        let triage = |state, until: Option<i64>| Triage {
            state,
            reason: "because".into(),
            until: until.map(at),
            actor: "a".into(),
            at: at(clock),
        };
        match *step {
            Step::Seen => {
                model.came_back |= record.state == FindingState::Fixed;
                model.present = true;
                record = seen(Some(record), &finding(kind), &sighting(at(clock))).0;
            }
            Step::Gone => {
                model.present = false;
                record = gone(record.clone(), &sighting(at(clock))).map_or(record, |(record, _)| record);
            }
            Step::Accept(length) => {
                let until = length.map(|length| clock + length);
                model.decision = Some((FindingState::Accepted, until));
                let fixed = record.state == FindingState::Fixed;
                record = decide(record, triage(FindingState::Accepted, until)).unwrap();
                assert_eq!(record.state == FindingState::Fixed, fixed, "a decision never says that something is back");
                if kind == Kind::Secret && fixed {
                    return;
                }
            }
            Step::Revoke if kind == Kind::Secret => {
                model.decision = Some((FindingState::Revoked, None));
                record = decide(record, triage(FindingState::Revoked, None)).unwrap();
                if !model.present {
                    record = gone(record.clone(), &sighting(at(clock))).map_or(record, |(record, _)| record);
                }
            }
            Step::Revoke => {
                assert_eq!(decide(record.clone(), triage(FindingState::Revoked, None)), Err(TriageRefused::NotASecret));
            }
            Step::TakeBack if record.state == FindingState::Fixed && kind == Kind::Secret => return,
            Step::TakeBack => {
                model.decision = None;
                record = decide(record, triage(FindingState::Open, None)).unwrap();
            }
            Step::Wait(seconds) => {
                clock += seconds;
                continue;
            }
        }
        assert_eq!(record.state, model.state(kind), "after {step:?} in {script:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_finding_lives_as_the_model_says(script in steps()) {
        run(Kind::Posture, &script);
    }

    #[test]
    fn a_secret_stays_until_it_is_revoked(script in steps()) {
        run(Kind::Secret, &script);
    }
}

#[test]
fn a_gap_hides_only_what_it_could_hide() {
    let mut unused = finding(Kind::Unused);
    unused.location.path = Some("pyproject.toml".into());
    let gap = |stage, path: Option<&str>| Diagnostic::gap(stage, path.map(str::to_owned), "broken");
    let cases = [
        (gap(Stage::Inventory, Some("pyproject.toml")), false),
        (gap(Stage::Inventory, Some("uv.lock")), true),
        (gap(Stage::Usage, Some("a.py")), false),
        (gap(Stage::Secrets, None), true),
        (gap(Stage::Repository, None), false),
        (Diagnostic::remark(Stage::Usage, None, "by the way"), true),
    ];
    for (diagnostic, expected) in cases {
        assert_eq!(looked_at(&unused, std::slice::from_ref(&diagnostic)), expected, "{diagnostic:?}");
    }
}

#[test]
fn what_only_the_package_index_tells_is_not_gone_because_it_did_not_answer() {
    let silent = Diagnostic::remark(Stage::PackageIndex, None, "the index did not answer");
    // (kind, rule, looked at)
    for (kind, rule, expected) in [
        (Kind::Yanked, "yanked", false),
        (Kind::Malicious, "quarantined", false),
        (Kind::Malicious, "MAL-2026-1", true),
        (Kind::Posture, "archived-package", false),
        (Kind::Posture, "typosquat", false),
        (Kind::Posture, "unlocked", true),
        (Kind::Vulnerability, "PYSEC-2026-1", true),
    ] {
        let told = Finding { rule: rule.to_owned(), ..finding(kind) };
        assert_eq!(looked_at(&told, std::slice::from_ref(&silent)), expected, "{kind} {rule}");
        assert!(looked_at(&told, &[]), "{kind} {rule}");
    }
}
