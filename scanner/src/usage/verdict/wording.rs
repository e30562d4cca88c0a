//! A verdict in words.

use std::collections::BTreeSet;

use advisories::Severity;

use super::declared::Found;
use super::{Judge, Use};
use crate::finding::{Confidence, Detail, Finding, FindingId, Kind, Location, UsageClass, UsageDetail};
use crate::usage::modules::{Distribution, Knowledge};
use crate::usage::projects::Declared;
use crate::usage::remedy;

impl Judge<'_> {
    pub(super) fn unused(
        &self,
        declared: &Declared,
        distribution: &Distribution,
        class: UsageClass,
        found: &Found,
        known: &[(&Declared, Distribution)],
    ) -> Finding {
        let mut evidence = vec![declared_at(declared), provides(distribution)];
        match (class, &found.first) {
            (UsageClass::TestOnly, Some(first)) => evidence.push(format!("used only by tests ({first})")),
            _ => {
                evidence.push(format!("no import of them in {} files", self.files.python.len()));
                evidence.push(format!("not named in any of {} configuration files", self.files.configuration));
            }
        }
        if class == UsageClass::Constraint {
            let hosts: BTreeSet<&str> = known
                .iter()
                .filter(|(other, host)| !other.dev && host.requires.contains(&declared.name))
                .map(|(other, _)| other.name.as_str())
                .collect();
            let hosts: Vec<&str> = hosts.into_iter().collect();
            evidence.push(format!(
                "brought anyway by {}",
                if hosts.is_empty() { "another declared package".to_owned() } else { hosts.join(", ") }
            ));
        }
        if !declared.main {
            evidence.push(format!("installed only with the extra {}", declared.extras.join(", ")));
        }
        if !self.files.absent.is_empty() {
            evidence.push(format!("not looked at: the submodules {}", self.files.absent.join(", ")));
        }
        let confidence = match (distribution.knowledge, class) {
            _ if !self.files.absent.is_empty() => Confidence::Low,
            (Knowledge::Guess, _) => Confidence::Low,
            (_, UsageClass::Constraint) => Confidence::Medium,
            _ if !declared.main => Confidence::Medium,
            _ => Confidence::High,
        };
        let title = match class {
            UsageClass::Dead => format!("{} is declared and never used", declared.name),
            UsageClass::Constraint => format!("{} is declared, but only used through another package", declared.name),
            UsageClass::TestOnly => format!("{} is a runtime dependency that only tests use", declared.name),
            UsageClass::Stub => format!("{} describes a package that is not used", declared.name),
        };
        let mut finding =
            finding(Kind::Unused, declared, title, confidence, Severity::Low, evidence, distribution.modules.clone());
        if let Detail::Usage(detail) = &mut finding.detail {
            detail.usage_class = Some(class);
            detail.remedy = Some(remedy::remove(declared, self.inventory));
        }
        finding
    }

    pub(super) fn tool_at_run_time(&self, declared: &Declared, distribution: &Distribution, found: &Found) -> Finding {
        let mut evidence = vec![declared_at(declared), provides(distribution)];
        evidence.extend(found.first.iter().map(|first| format!("used only by development set-up ({first})")));
        let title = format!("{} is a development tool, declared for run time", declared.name);
        finding(
            Kind::Misplaced,
            declared,
            title,
            Confidence::Medium,
            Severity::Low,
            evidence,
            distribution.modules.clone(),
        )
    }
}

pub(super) fn stand_at(finding: &mut Finding, place: &Use<'_>) {
    finding.location =
        Location { path: Some(place.path.to_owned()), line: Some(place.line), cell: place.cell, ..Location::default() };
}

pub(super) fn declared_at(declared: &Declared) -> String {
    match declared.line {
        Some(line) => format!("declared in {}:{line}", declared.manifest),
        None => format!("declared in {}", declared.manifest),
    }
}

pub(super) fn provides(distribution: &Distribution) -> String {
    let source = match distribution.knowledge {
        Knowledge::Guess => "guessed from its name",
        Knowledge::Table => "by the offline table",
        Knowledge::Sdist => "by its source archive",
        Knowledge::Metadata => "by its metadata",
        Knowledge::Wheel => "by its wheel",
    };
    format!("provides modules {} ({source})", distribution.modules.join(", "))
}

pub(super) fn finding(
    kind: Kind,
    declared: &Declared,
    title: String,
    confidence: Confidence,
    severity: Severity,
    evidence: Vec<String>,
    modules: Vec<String>,
) -> Finding {
    let detail = UsageDetail {
        package: declared.name.clone(),
        manifest: declared.manifest.clone(),
        usage_class: None,
        evidence,
        modules,
        remedy: None,
    };
    Finding {
        id: FindingId::of(kind, &[&declared.manifest, declared.name.as_str()]),
        kind,
        severity,
        confidence,
        title,
        rule: kind.as_str().to_owned(),
        location: Location { path: Some(declared.manifest.clone()), line: declared.line, ..Location::default() },
        detail: Detail::Usage(Box::new(detail)),
        ignored: None,
    }
}
