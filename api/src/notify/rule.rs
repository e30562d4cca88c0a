//! Which events a channel is told of.

use std::collections::BTreeSet;

use advisories::Severity;
use globset::{Glob, GlobSet, GlobSetBuilder};
use scanner::Kind;

use crate::config::Told;
use crate::store::record::{EventKind, ScanFinding};

/// Kind, severity, repository and what happened.
#[derive(Debug, Clone)]
pub struct Rule {
    kinds: BTreeSet<Kind>,
    least: Severity,
    repositories: Option<GlobSet>,
    events: Vec<EventKind>,
}

impl Rule {
    /// Reads the rule; its words were checked with the configuration.
    ///
    /// # Errors
    /// The word that is none.
    pub fn new(told: &Told) -> Result<Self, String> {
        let word = |text: &String| serde_json::from_value(text.as_str().into()).map_err(|_| format!("{text:?}"));
        let mut globs = GlobSetBuilder::new();
        for glob in &told.repositories {
            globs.add(Glob::new(&glob.to_lowercase()).map_err(|error| error.to_string())?);
        }
        let globs = globs.build().map_err(|error| error.to_string())?;
        Ok(Self {
            kinds: told.kinds.iter().map(word).collect::<Result<_, _>>()?,
            least: serde_json::from_value(told.severity.as_str().into()).map_err(|error| error.to_string())?,
            repositories: (!told.repositories.is_empty()).then_some(globs),
            events: told.events.iter().map(event).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the channel is told.
    #[must_use]
    pub fn fits(&self, event: EventKind, finding: &ScanFinding, repository: &str) -> bool {
        let severity = if finding.severity == Severity::Unknown { Severity::Medium } else { finding.severity };
        self.events.contains(&event)
            && (self.kinds.is_empty() || self.kinds.contains(&finding.kind))
            && severity >= self.least
            && !finding.ignored
            && self.repositories.as_ref().is_none_or(|globs| globs.is_match(repository.to_lowercase()))
    }
}

fn event(text: &String) -> Result<EventKind, String> {
    match text.as_str() {
        "opened" => Ok(EventKind::Opened),
        "reopened" => Ok(EventKind::Reopened),
        "fixed" => Ok(EventKind::Fixed),
        _ => Err(format!("{text:?}")),
    }
}

#[cfg(test)]
mod tests {
    use scanner::FindingId;

    use super::*;

    #[test]
    fn kind_severity_repository_and_event() {
        let told = |text: &str| Rule::new(&toml::from_str::<Told>(text).unwrap()).unwrap();
        let finding = |kind, severity| ScanFinding {
            id: FindingId::of(kind, &["x"]),
            kind,
            severity,
            title: "t".into(),
            ignored: false,
        };
        let (secret, unused) = (finding(Kind::Secret, Severity::High), finding(Kind::Unused, Severity::Low));
        let unrated = finding(Kind::Vulnerability, Severity::Unknown);
        let ignored = ScanFinding { ignored: true, ..secret.clone() };
        for (rule, event, finding, repository, expected) in [
            ("", EventKind::Opened, &secret, "acme/site", true),
            ("", EventKind::Opened, &unused, "acme/site", true),
            ("", EventKind::Fixed, &secret, "acme/site", false),
            ("", EventKind::Opened, &ignored, "acme/site", false),
            ("events = [\"fixed\"]", EventKind::Fixed, &secret, "acme/site", true),
            ("kinds = [\"secret\"]", EventKind::Opened, &unused, "acme/site", false),
            ("kinds = [\"secret\"]", EventKind::Reopened, &secret, "acme/site", true),
            ("severity = \"high\"", EventKind::Opened, &secret, "acme/site", true),
            ("severity = \"critical\"", EventKind::Opened, &secret, "acme/site", false),
            ("severity = \"medium\"", EventKind::Opened, &unrated, "acme/site", true),
            ("severity = \"high\"", EventKind::Opened, &unrated, "acme/site", false),
            ("repositories = [\"Acme/*\"]", EventKind::Opened, &secret, "acme/Site", true),
            ("repositories = [\"corp/*\"]", EventKind::Opened, &secret, "acme/site", false),
        ] {
            assert_eq!(told(rule).fits(event, finding, repository), expected, "{rule} {event:?} {finding:?}");
        }
    }
}
