//! How packages stand on their index: releases taken back (PEP 592), projects in quarantine, archived or deprecated (PEP 792), and
//! names one edit away from a far more popular one.
//!
//! - a release taken back is of kind `yanked`, low: it still installs where it is pinned, and its publisher advises against it;
//! - a project in quarantine is of kind `malicious`: the index believes it unsafe and offers its files no longer;
//! - archived and deprecated projects, and likely typosquats, are of kind `posture`, with the checks `archived-package`,
//!   `deprecated-package` and `typosquat`; only the last can fail a gate by default, and only where it is young.
//!
//! Packages that are not taken from the default index are not asked for there: a private name may be anybody's.

mod typosquat;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use advisories::{AdvisoryIndex, PackageName, Severity, Version};
use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Stage};
use crate::finding::{
    Confidence, Detail, Finding, FindingId, Fix, Kind, Location, PostureDetail, UseTier, VulnerabilityDetail,
};
use crate::fix::Releases;
use crate::inventory::{Inventory, Manifest, Package, Source};
use crate::package_index::{File, IndexError, PackageIndex, Project, ProjectStatus, Status, wait};

const QUARANTINED: &str = "quarantined";
const ARCHIVED: &str = "archived-package";
const DEPRECATED: &str = "deprecated-package";
const TYPOSQUAT: &str = "typosquat";

/// What the index answered about each package.
pub type Answers = BTreeMap<PackageName, Result<Project, IndexError>>;

impl Releases for Answers {
    fn is_usable(&self, name: &PackageName, version: &Version) -> Option<bool> {
        Some(is_usable(self.get(name)?.as_ref().ok()?, version))
    }

    fn next(&self, name: &PackageName, version: &Version, pre_releases: bool) -> Option<Version> {
        next(self.get(name)?.as_ref().ok()?, version, pre_releases)
    }
}

/// What the index answered to earlier scans, for whoever judges a stored inventory anew without asking.
#[derive(Debug)]
pub struct Kept {
    index: Option<PackageIndex>,
    read: RefCell<BTreeMap<PackageName, Option<Project>>>,
}

impl Kept {
    /// The answers that `index` keeps; `None` keeps nothing.
    #[must_use]
    pub fn new(index: Option<PackageIndex>) -> Self {
        Self { index, read: RefCell::default() }
    }

    fn of<T>(&self, name: &PackageName, answer: impl FnOnce(&Project) -> T) -> Option<T> {
        let mut read = self.read.borrow_mut();
        let kept = read.entry(name.clone()).or_insert_with(|| self.index.as_ref()?.kept_project(name));
        kept.as_ref().map(answer)
    }
}

impl Releases for Kept {
    fn is_usable(&self, name: &PackageName, version: &Version) -> Option<bool> {
        self.of(name, |project| is_usable(project, version))
    }

    fn next(&self, name: &PackageName, version: &Version, pre_releases: bool) -> Option<Version> {
        self.of(name, |project| next(project, version, pre_releases))?
    }
}

fn is_usable(project: &Project, version: &Version) -> bool {
    project.release(version).next().is_some() && project.yanked(version).is_none()
}

fn next(project: &Project, version: &Version, pre_releases: bool) -> Option<Version> {
    let published: BTreeSet<Version> = project.files.iter().filter_map(File::version).collect();
    published.into_iter().find(|other| {
        let early = other.pep440().is_none_or(pep440_rs::Version::any_prerelease);
        other > version && (pre_releases || !early) && project.yanked(other).is_none()
    })
}

/// Whether the index said it, and no advisory: it holds until the index is asked again.
#[must_use]
pub fn is_by_index(finding: &Finding) -> bool {
    match finding.kind {
        Kind::Yanked => true,
        Kind::Malicious => finding.rule == QUARANTINED,
        Kind::Posture => [ARCHIVED, DEPRECATED, TYPOSQUAT].contains(&finding.rule.as_str()),
        _ => false,
    }
}

/// What was found, and what could not be looked at.
#[derive(Debug, Default)]
pub struct Standing {
    /// `yanked`, `malicious` and `posture`.
    pub findings: Vec<Finding>,
    /// Remarks: these findings stand beside those of the advisories, whose completeness does not rest on an index.
    pub diagnostics: Vec<Diagnostic>,
}

/// Asks the index about every package with a version that is taken from it. Where it does not answer for the first one, it is asked no more.
pub fn ask(inventory: &Inventory, index: &PackageIndex) -> Result<Answers, String> {
    let mut names: BTreeSet<PackageName> = wanted(inventory).map(|(_, package)| package.name.clone()).collect();
    let Some(first) = names.pop_first() else { return Ok(Answers::new()) };
    let questions = async {
        let answer = index.project(&first).await;
        if let Err(error @ (IndexError::Unreachable { .. } | IndexError::Refused { .. })) = &answer {
            return Err(error.reason());
        }
        let mut answers = index.projects(names).await;
        answers.insert(first, answer);
        Ok(answers)
    };
    wait(questions).map_err(|error| error.to_string())?
}

fn wanted(inventory: &Inventory) -> impl Iterator<Item = (&Manifest, &Package)> {
    inventory.matchable().into_iter().filter(|(_, package)| package.source == Source::DEFAULT_INDEX)
}

/// What the answers mean for the inventory.
#[must_use]
pub fn judge(inventory: &Inventory, answers: &Answers, advisories: Option<&AdvisoryIndex>, now: Timestamp) -> Standing {
    let mut standing = Standing::default();
    let mut silent: BTreeMap<String, u32> = BTreeMap::new();
    for error in answers.values().filter_map(|answer| answer.as_ref().err()) {
        let why = match error {
            // a name that the index does not have is private, or gone; both are the resolver's business
            IndexError::Absent { .. } => continue,
            IndexError::Offline { .. } => "the network is switched off".to_owned(),
            error => error.reason(),
        };
        *silent.entry(why).or_default() += 1;
    }
    standing.diagnostics.extend(silent.iter().map(|(why, count)| not_looked(&format!("{count} packages"), why)));
    let mut seen: BTreeSet<FindingId> = BTreeSet::new();
    for (manifest, package) in wanted(inventory) {
        let (Some(Ok(project)), Some(version)) = (answers.get(&package.name), &package.version) else { continue };
        let about = About { inventory, manifest, package, version, project };
        let found = [about.yanked(answers, advisories), about.status(), about.typosquat(now)];
        standing.findings.extend(found.into_iter().flatten().filter(|finding| seen.insert(finding.id.clone())));
    }
    standing
}

/// Says that nothing was looked at, and why.
#[must_use]
pub fn not_looked(what: &str, why: &str) -> Diagnostic {
    let reason = format!(
        "{what}: yanked releases, quarantined and archived projects and look-alike names were not looked at: {why}"
    );
    Diagnostic::remark(Stage::PackageIndex, None, reason)
}

struct About<'a> {
    inventory: &'a Inventory,
    manifest: &'a Manifest,
    package: &'a Package,
    version: &'a Version,
    project: &'a Project,
}

impl About<'_> {
    fn yanked(&self, answers: &Answers, advisories: Option<&AdvisoryIndex>) -> Option<Finding> {
        let yanked = self.project.yanked(self.version)?;
        let reason = yanked.reason.filter(|reason| !reason.trim().is_empty());
        let evidence = match &reason {
            Some(reason) => format!("its publisher took it back: {}", one_line(reason)),
            None => "its publisher took it back, without a reason".to_owned(),
        };
        let title = format!("{} {} was yanked", self.package.name, self.version);
        let mut detail = self.detail("yanked", vec![evidence]);
        detail.fix = self.clear_release(answers, advisories).map(|version| {
            let bounds = crate::fix::Bounds::of(&self.inventory.manifests, self.manifest, self.package, &version);
            bounds.fix(version)
        });
        Some(self.finding(Kind::Yanked, Severity::Low, Confidence::High, title, "yanked", detail))
    }

    /// The lowest later release that can be had, no pre-release unless the one in use is, and clear of advisories.
    fn clear_release(&self, answers: &Answers, advisories: Option<&AdvisoryIndex>) -> Option<Version> {
        let early = self.version.pep440().is_some_and(pep440_rs::Version::any_prerelease);
        let mut candidate = self.version.clone();
        loop {
            candidate = answers.next(&self.package.name, &candidate, early)?;
            if advisories.is_none_or(|advisories| !advisories.is_affected(&self.package.name, &candidate)) {
                return Some(candidate);
            }
        }
    }

    fn status(&self) -> Option<Finding> {
        let ProjectStatus { status, reason } = &self.project.status;
        let why = reason.as_deref().map_or_else(String::new, |reason| format!(": {}", one_line(reason)));
        let name = &self.package.name;
        match status {
            Status::Quarantined => {
                let evidence = vec![format!("the index has it in quarantine{why}")];
                let title = format!("{name} is in quarantine: its index believes it unsafe");
                let detail = self.detail(QUARANTINED, evidence);
                Some(self.finding(Kind::Malicious, Severity::Critical, Confidence::Medium, title, QUARANTINED, detail))
            }
            Status::Archived => {
                let title = format!("{name} is archived: no more releases, nor fixes, are to be expected");
                Some(self.posture(
                    ARCHIVED,
                    Severity::Low,
                    Confidence::High,
                    title,
                    vec![format!("archived on its index{why}")],
                ))
            }
            Status::Deprecated => {
                let title = format!("{name} is deprecated by its maintainers");
                Some(self.posture(
                    DEPRECATED,
                    Severity::Low,
                    Confidence::High,
                    title,
                    vec![format!("deprecated on its index{why}")],
                ))
            }
            Status::Active | Status::Other(_) => None,
        }
    }

    fn typosquat(&self, now: Timestamp) -> Option<Finding> {
        let popular = typosquat::near(&self.package.name)?;
        // who is asked for by a well-known package is no slip of the keyboard
        let brought = self.manifest.packages.iter().any(|other| {
            other.dependencies.iter().any(|edge| edge.name == self.package.name) && typosquat::is_popular(&other.name)
        });
        if brought {
            return None;
        }
        let age = typosquat::Age::of(self.project, now)?;
        let confidence = age.suspicion()?;
        let evidence = vec![format!("one edit away from {popular}, which many projects use"), age.in_words()];
        let title = format!("{} looks like {popular}", self.package.name);
        Some(self.posture(TYPOSQUAT, Severity::High, confidence, title, evidence))
    }

    fn posture(
        &self,
        check: &str,
        severity: Severity,
        confidence: Confidence,
        title: String,
        evidence: Vec<String>,
    ) -> Finding {
        let detail = Detail::Posture(Box::new(PostureDetail { check: check.to_owned(), evidence }));
        self.with(Kind::Posture, severity, confidence, title, check, detail)
    }

    fn finding(
        &self,
        kind: Kind,
        severity: Severity,
        confidence: Confidence,
        title: String,
        rule: &str,
        detail: VulnerabilityDetail,
    ) -> Finding {
        self.with(kind, severity, confidence, title, rule, Detail::Vulnerability(Box::new(detail)))
    }

    fn with(
        &self,
        kind: Kind,
        severity: Severity,
        confidence: Confidence,
        title: String,
        rule: &str,
        detail: Detail,
    ) -> Finding {
        let path = self.package.declared_in.clone().unwrap_or_else(|| self.manifest.path.clone());
        Finding {
            id: FindingId::of(kind, &[&self.manifest.path, self.package.name.as_str(), rule]),
            kind,
            severity,
            confidence,
            title,
            rule: rule.to_owned(),
            location: Location { path: Some(path), line: self.package.line, ..Location::default() },
            detail,
            ignored: None,
        }
    }

    fn detail(&self, rule: &str, evidence: Vec<String>) -> VulnerabilityDetail {
        VulnerabilityDetail {
            package: self.package.name.clone(),
            version: Some(self.version.clone()),
            advisory: rule.to_owned(),
            aliases: Vec::new(),
            fixed_versions: Vec::new(),
            fix: None::<Fix>,
            cvss: None,
            epss: None,
            kev: None,
            used: UseTier::Unknown,
            symbols_at: Vec::new(),
            imported_at: None,
            would_resolve: false,
            direct: self.package.direct,
            main: self.package.main || (self.package.groups.is_empty() && self.package.extras.is_empty()),
            via: self.package.via.clone(),
            evidence,
            affected_symbols: Vec::new(),
            references: Vec::new(),
        }
    }
}

/// An index's words, on one line and of a readable length.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
