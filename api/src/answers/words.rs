//! A verdict in the words of a status, a check run and a comment. Never a secret, not even its preview.

use scanner::export::markdown;
use scanner::finding::Detail;
use scanner::{Finding, FindingId, Report};

use crate::forges::client::{Annotation, Level, Standing, Status};
use crate::gate::{State, Verdict};

/// Findings that a comment or summary names one by one.
const NAMED: usize = 100;

/// What is told.
pub struct Told<'t> {
    /// The gate's verdict.
    pub verdict: &'t Verdict<'t>,
    /// The findings that are told of.
    pub findings: &'t [&'t Finding],
    /// What could not be looked at.
    pub gaps: &'t [String],
    /// Whether a finding by itself fails the commit.
    pub fails: &'t (dyn Fn(&Finding) -> bool + Sync),
    /// All findings are told of, not only new ones.
    pub all: bool,
    /// Where a finding is described.
    pub link: &'t (dyn Fn(&FindingId) -> Option<String> + Sync),
    /// Where everything is.
    pub more: Option<String>,
}

/// The status while a scan runs.
#[must_use]
pub fn pending() -> Status {
    Status { standing: Standing::Pending, description: "looking".to_owned(), link: None }
}

/// The status after a scan was given up.
pub(super) fn given_up(reason: &str) -> Status {
    Status { standing: Standing::Error, description: format!("could not be scanned: {reason}"), link: None }
}

/// The status of a commit.
#[must_use]
pub fn status(told: &Told<'_>) -> Status {
    let new = told.verdict.new.len();
    let failing = told.verdict.new.iter().filter(|finding| (told.fails)(finding)).count();
    let findings = |count: usize| if count == 1 { "1 new finding".to_owned() } else { format!("{count} new findings") };
    let (standing, description) = match told.verdict.state {
        State::Pass if new == 0 => (Standing::Success, "nothing new".to_owned()),
        State::Pass => (Standing::Success, format!("{}, none of them against the policy", findings(new))),
        State::Fail => (Standing::Failure, format!("{}, {failing} of them against the policy", findings(new))),
        State::Incomplete => {
            let gaps = match told.gaps.len() {
                1 => "1 thing".to_owned(),
                gaps => format!("{gaps} things"),
            };
            (Standing::Error, format!("{}; {gaps} could not be looked at", findings(new)))
        }
        State::Pending => (Standing::Pending, "looking".to_owned()),
    };
    Status { standing, description, link: told.more.clone() }
}

/// The remarks at lines: findings that have a path and a line.
#[must_use]
pub fn annotations(told: &Told<'_>) -> Vec<Annotation> {
    let remark = |finding: &&Finding| {
        // a line of a notebook's cell is no line of the file
        let (path, line) = (finding.location.path.clone()?, finding.location.line?);
        let line = if finding.location.cell.is_some() { 1 } else { line };
        let mut message = finding.title.clone();
        let remedy = match &finding.detail {
            Detail::Vulnerability(detail) => {
                detail.fix.as_ref().map(|fix| format!("Upgrade {} to {}.", detail.package, fix.version))
            }
            Detail::Secret(detail) => detail.remedy.clone(),
            Detail::Usage(detail) => detail.remedy.clone(),
            Detail::Posture(_) => None,
        };
        for more in remedy.into_iter().chain((told.link)(&finding.id)) {
            message.push('\n');
            message.push_str(&more);
        }
        let level = match (told.fails)(finding) {
            true => Level::Failure,
            false if finding.severity >= advisories::Severity::Medium => Level::Warning,
            false => Level::Notice,
        };
        Some(Annotation { path, line, level, title: format!("{} {}", finding.kind, finding.rule), message })
    };
    told.findings.iter().filter_map(remark).collect()
}

/// The comment; `None` when there is nothing to tell.
#[must_use]
pub fn comment(told: &Told<'_>, report: &Report) -> Option<String> {
    (!told.findings.is_empty() || !told.gaps.is_empty()).then(|| summary(told, report))
}

/// The check run's summary, also the comment.
pub(super) fn summary(told: &Told<'_>, report: &Report) -> String {
    let named: Vec<Finding> = told.findings.iter().take(NAMED).map(|finding| (*finding).clone()).collect();
    let left = told.findings.len() - named.len();
    let report = Report { findings: named, ..report.clone() };
    let mut text = markdown::render(&report);
    if left > 0 {
        text.push_str(&format!("\n… and {left} more.\n"));
    }
    let links: Vec<String> = report.findings.iter().filter_map(|finding| (told.link)(&finding.id)).collect();
    let single = links.iter().collect::<std::collections::BTreeSet<_>>();
    if single.len() > 1 {
        let lines = report.findings.iter().zip(&links).map(|(finding, link)| format!("- [{}]({link})\n", finding.id));
        text.push_str(&format!("\n<details><summary>Findings</summary>\n\n{}</details>\n", lines.collect::<String>()));
    }
    if let Some(more) = &told.more {
        text.push_str(&format!("\n[The whole report]({more})"));
    }
    text.push_str(if told.all { "\n\nAll findings of this commit.\n" } else { "\n\nOnly what this change brings.\n" });
    text
}

#[cfg(test)]
mod tests {
    use advisories::Severity;
    use scanner::Kind;
    use scanner::finding::{Confidence, Location, SecretDetail, Verified};
    use scanner::report::{AdvisoriesUsed, Stats, Target, Tool};

    use super::*;

    const PREVIEW: &str = "ghp_…abcd";

    fn secret(name: &str, severity: Severity) -> Finding {
        Finding {
            id: FindingId::of(Kind::Secret, &[name]),
            kind: Kind::Secret,
            severity,
            confidence: Confidence::High,
            title: "GitHub personal access token | <b>".into(),
            rule: "github-pat".into(),
            location: Location { path: Some(format!("{name}.py")), line: Some(3), ..Location::default() },
            detail: Detail::Secret(Box::new(SecretDetail {
                provider: "GitHub".into(),
                redacted: PREVIEW.into(),
                fingerprint: "f".into(),
                occurrences: vec![],
                in_head: true,
                verified: Verified::NotTried,
                evidence: vec![],
                remedy: Some("Revoke it.".into()),
            })),
            ignored: None,
        }
    }

    fn report() -> Report {
        Report {
            schema_version: 1,
            tool: Tool { name: "t".into(), version: "0".into(), rules_digest: "r".into() },
            target: Target::Git { url: "https://h/a/b".into(), commit: None, committed_at: None },
            advisories: AdvisoriesUsed::default(),
            complete: true,
            policy: scanner::policy::PolicyLayer::default(),
            inventory: vec![],
            resolved: Vec::new(),
            findings: vec![],
            diagnostics: vec![],
            fix_plan: Default::default(),
            stats: Stats::default(),
        }
    }

    #[test]
    fn statuses_say_how_a_commit_stands() {
        let (high, low) = (secret("high", Severity::High), secret("low", Severity::Low));
        let gaps = ["uv.lock: no TOML".to_owned()];
        for (state, new, gaps, standing, words) in [
            (State::Pass, vec![], &[][..], Standing::Success, "nothing new"),
            (State::Pass, vec![&low], &[][..], Standing::Success, "1 new finding, none of them against the policy"),
            (
                State::Fail,
                vec![&high, &low],
                &[][..],
                Standing::Failure,
                "2 new findings, 1 of them against the policy",
            ),
            (State::Incomplete, vec![], &gaps[..], Standing::Error, "1 thing could not be looked at"),
        ] {
            let verdict = Verdict { state, new: new.clone(), reasons: vec![] };
            let link = |_: &FindingId| None;
            let told = Told {
                verdict: &verdict,
                findings: &new,
                gaps,
                fails: &|finding| finding.severity >= Severity::Medium,
                all: false,
                link: &link,
                more: Some("https://s/x".into()),
            };
            let status = status(&told);
            assert_eq!(status.standing, standing, "{state:?}");
            assert!(status.description.contains(words), "{}", status.description);
            let told_anything = !new.is_empty() || !gaps.is_empty();
            assert_eq!(comment(&told, &report()).is_some(), told_anything, "{state:?}");
        }
    }

    #[test]
    fn comments_and_annotations_carry_links_and_no_secret() {
        let findings: Vec<Finding> = (0..120).map(|number| secret(&format!("f{number}"), Severity::High)).collect();
        let all: Vec<&Finding> = findings.iter().collect();
        let verdict = Verdict { state: State::Fail, new: all.clone(), reasons: vec![] };
        let link = |id: &FindingId| Some(format!("https://s/findings/{id}"));
        let told = Told {
            verdict: &verdict,
            findings: &all,
            gaps: &[],
            fails: &|_| true,
            all: false,
            link: &link,
            more: None,
        };
        let text = comment(&told, &report()).unwrap();
        assert!(text.contains("and 20 more") && text.len() < 65_000, "{}", text.len());
        assert!(text.contains(&format!("https://s/findings/{}", findings[0].id)));
        let remarks = annotations(&told);
        assert_eq!((remarks.len(), remarks[7].path.as_str(), remarks[7].line), (120, "f7.py", 3));
        assert!(remarks[7].message.contains("Revoke it.") && remarks[7].message.contains("https://s/findings/"));
        assert!(!text.contains(PREVIEW) && !format!("{remarks:?}").contains(PREVIEW));
        assert!(!text.contains("<b>"), "titles do not become markup");
    }
}
