//! What counts: ignores with reasons, and the threshold from which a finding fails a gate.

use std::fmt;
use std::str::FromStr;

use advisories::{PackageName, Severity};
use globset::{Glob, GlobMatcher};
use jiff::civil::Date;

use crate::finding::{Confidence, Detail, Finding, Ignored, Kind};

/// One of the four things a scan looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// Advisories against the inventory.
    Vulnerabilities,
    /// Secrets.
    Secrets,
    /// Imports against declarations.
    Usage,
    /// How the repository is set up.
    Posture,
}

impl Aspect {
    /// All four, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Vulnerabilities, Self::Secrets, Self::Usage, Self::Posture];
}

/// A word that is none of those known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is none of {known}")]
pub struct UnknownWord {
    word: String,
    known: &'static str,
}

impl FromStr for Aspect {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "vulnerabilities" => Self::Vulnerabilities,
            "secrets" => Self::Secrets,
            "usage" => Self::Usage,
            "posture" => Self::Posture,
            _ => {
                return Err(UnknownWord { word: word.to_owned(), known: "vulnerabilities, secrets, usage, posture" });
            }
        })
    }
}

/// The severity from which a finding violates the policy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Threshold {
    /// Everything that is rated at all.
    Low,
    /// The default: unused packages and other low findings are shown and do not fail.
    #[default]
    Medium,
    /// High and critical.
    High,
    /// Critical only.
    Critical,
    /// Nothing fails.
    None,
}

impl FromStr for Threshold {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(match word {
            "low" => Self::Low,
            "medium" => Self::Medium,
            "high" => Self::High,
            "critical" => Self::Critical,
            "none" => Self::None,
            _ => return Err(UnknownWord { word: word.to_owned(), known: "low, medium, high, critical, none" }),
        })
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
            Self::None => "none",
        })
    }
}

impl Threshold {
    /// Whether a finding reaches the threshold. A vulnerability that nobody rated is judged as medium: unrated is not
    /// harmless. A finding of low confidence is shown and never fails.
    #[must_use]
    pub fn is_reached_by(self, finding: &Finding) -> bool {
        let least = match self {
            Self::None => return false,
            Self::Low => Severity::Low,
            Self::Medium => Severity::Medium,
            Self::High => Severity::High,
            Self::Critical => Severity::Critical,
        };
        let judged = match (finding.kind, finding.severity) {
            (Kind::Vulnerability, Severity::Unknown) => Severity::Medium,
            (_, severity) => severity,
        };
        finding.confidence > Confidence::Low && judged >= least
    }
}

/// A reasoned exception: what it names stays in the report, marked, and does not count.
#[derive(Debug, Clone)]
pub struct Ignore {
    id: String,
    package: Option<PackageName>,
    path: GlobMatcher,
    /// The reason given.
    pub reason: String,
    /// The last day it holds.
    pub until: Option<Date>,
    /// Where it stands (`secretarybird.toml:12`).
    pub by: String,
}

impl PartialEq for Ignore {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.reason, self.until, &self.by) == (&other.id, &other.reason, other.until, &other.by)
    }
}

impl Eq for Ignore {}

impl Ignore {
    /// An ignore of a finding id, an advisory id, a rule, a package or a path pattern.
    ///
    /// # Errors
    /// When `id` is a path pattern that does not parse.
    pub fn new(id: &str, reason: &str, until: Option<Date>, by: String) -> Result<Self, globset::Error> {
        Ok(Self {
            id: id.to_owned(),
            package: PackageName::new(id).ok(),
            path: Glob::new(id)?.compile_matcher(),
            reason: reason.to_owned(),
            until,
            by,
        })
    }

    /// Whether this ignore names the finding.
    #[must_use]
    pub fn covers(&self, finding: &Finding) -> bool {
        let names_detail = match &finding.detail {
            Detail::Vulnerability(detail) => {
                self.package.as_ref() == Some(&detail.package)
                    || detail.advisory == self.id
                    || detail.aliases.contains(&self.id)
            }
            Detail::Usage(detail) => self.package.as_ref() == Some(&detail.package),
            Detail::Posture(detail) => detail.check == self.id,
            // A secret counts as ignored by path only where every occurrence stands under it.
            Detail::Secret(detail) => {
                let covered = |path: &Option<String>| path.as_ref().is_some_and(|path| self.path.is_match(path));
                return self.names(finding)
                    || (!detail.occurrences.is_empty() && detail.occurrences.iter().all(|o| covered(&o.path)));
            }
        };
        names_detail
            || self.names(finding)
            || finding.location.path.as_ref().is_some_and(|path| self.path.is_match(path))
    }

    fn names(&self, finding: &Finding) -> bool {
        finding.id.as_str() == self.id || finding.rule == self.id
    }
}

/// Marks every finding that an ignore covers. Findings already marked keep their mark.
pub fn apply_ignores(findings: &mut [Finding], ignores: &[Ignore]) {
    for finding in findings.iter_mut().filter(|finding| finding.ignored.is_none()) {
        if let Some(ignore) = ignores.iter().find(|ignore| ignore.covers(finding)) {
            finding.ignored = Some(Ignored { by: ignore.by.clone(), reason: ignore.reason.clone() });
        }
    }
}

/// The findings that violate a threshold: those that count and reach it.
pub fn violations(findings: &[Finding], threshold: Threshold) -> impl Iterator<Item = &Finding> {
    findings.iter().filter(move |finding| finding.ignored.is_none() && threshold.is_reached_by(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{FindingId, Location, PostureDetail, UsageDetail};

    fn unused(package: &str, severity: Severity, confidence: Confidence) -> Finding {
        Finding {
            id: FindingId::of(Kind::Unused, &[package]),
            kind: Kind::Unused,
            severity,
            confidence,
            title: String::new(),
            rule: "unused".to_owned(),
            location: Location { path: Some("services/web/pyproject.toml".to_owned()), ..Location::default() },
            detail: Detail::Usage(Box::new(UsageDetail {
                package: package.parse().unwrap(),
                manifest: "services/web/pyproject.toml".to_owned(),
                usage_class: None,
                evidence: Vec::new(),
                modules: Vec::new(),
                remedy: None,
            })),
            ignored: None,
        }
    }

    #[test]
    fn ignores_name_findings_rules_packages_and_paths() {
        let finding = unused("left-pad", Severity::Low, Confidence::High);
        let cases = [
            (finding.id.as_str(), true),
            ("Left_Pad", true),
            ("unused", true),
            ("services/**", true),
            ("services/web/pyproject.toml", true),
            ("left-pad-2", false),
            ("pyproject.toml", false),
            ("other/**", false),
        ];
        for (id, covered) in cases {
            let ignore = Ignore::new(id, "because", None, "test".to_owned()).unwrap();
            assert_eq!(ignore.covers(&finding), covered, "{id}");
        }
    }

    #[test]
    fn thresholds() {
        use Severity::{Critical, High, Low, Medium, Unknown};
        let reached =
            |threshold: Threshold, severity| threshold.is_reached_by(&unused("a", severity, Confidence::High));
        assert!(reached(Threshold::Low, Low) && !reached(Threshold::Low, Unknown));
        assert!(!reached(Threshold::Medium, Low) && reached(Threshold::Medium, Medium));
        assert!(!reached(Threshold::Critical, High) && reached(Threshold::Critical, Critical));
        assert!(!reached(Threshold::None, Critical));
        assert!(!Threshold::Low.is_reached_by(&unused("a", Critical, Confidence::Low)));
        let mut unrated = unused("a", Unknown, Confidence::High);
        unrated.kind = Kind::Vulnerability;
        assert!(Threshold::Medium.is_reached_by(&unrated) && !Threshold::High.is_reached_by(&unrated));
    }

    #[test]
    fn ignored_findings_stay_and_do_not_violate() {
        let mut findings =
            vec![unused("a", Severity::High, Confidence::High), unused("b", Severity::High, Confidence::High)];
        findings[1].detail = Detail::Posture(Box::new(PostureDetail { check: "c".to_owned(), evidence: Vec::new() }));
        apply_ignores(&mut findings, &[Ignore::new("a", "known", None, "test:1".to_owned()).unwrap()]);
        assert_eq!(findings[0].ignored.as_ref().map(|ignored| ignored.by.as_str()), Some("test:1"));
        assert_eq!(violations(&findings, Threshold::Low).count(), 1);
    }
}
