//! Ignores: reasoned exceptions.

use advisories::PackageName;
use globset::{Glob, GlobMatcher};
use jiff::civil::Date;

use crate::finding::{Detail, Finding, Ignored};

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

    /// What it names, as it was written.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
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

#[cfg(test)]
mod tests {
    use advisories::Severity;

    use super::*;
    use crate::finding::{Confidence, FindingId, Kind, Location, UsageDetail};

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
    fn the_first_mark_stays() {
        let mut findings =
            vec![unused("a", Severity::High, Confidence::High), unused("b", Severity::High, Confidence::High)];
        let ignore = |by: &str| Ignore::new("a", "known", None, by.to_owned()).unwrap();
        apply_ignores(&mut findings, &[ignore("test:1")]);
        apply_ignores(&mut findings, &[ignore("test:2")]);
        let marks: Vec<_> = findings.iter().map(|finding| finding.ignored.as_ref().map(|it| it.by.as_str())).collect();
        assert_eq!(marks, [Some("test:1"), None]);
    }
}
