//! The plan for a repository: the fewest upgrades that clear the most advisories, the greatest risk first.
//!
//! One step is one package at one new version, in every manifest that needs it: a manifest that could do with a lower version joins the
//! step of another where it stays in its major version and its constraints allow it. Steps are ordered by: exploited (KEV), severity,
//! EPSS, imported, direct, how many advisories it clears, and then the smaller jump.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use advisories::{AdvisoryIndex, Damaged, PackageName, Severity, Version};
use serde::{Deserialize, Serialize};

use super::commands::{self, Change, Edit};
use super::{Bounds, Releases, partial};
use crate::finding::{Detail, Finding, Kind, VulnerabilityDetail};
use crate::inventory::{Inventory, Manifest, Package};
use crate::repository::Snapshot;

/// What to do about a repository's advisories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FixPlan {
    /// Upgrades, the most urgent first.
    pub steps: Vec<Step>,
    /// How to take all steps at once, manifest by manifest, and whether that was checked.
    pub manifests: Vec<ManifestPlan>,
    /// What no upgrade clears.
    pub unfixed: Vec<Unfixed>,
    /// Whether an index was asked which versions can be had: published and not taken back. Otherwise they are those that advisories name.
    #[serde(default)]
    pub releases_known: bool,
    /// Whether all of it was checked by resolving it: the worst of its manifests.
    #[serde(default)]
    pub verification: Verification,
}

/// How far a version is from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Jump {
    /// The first two parts stay.
    Patch,
    /// The first part stays.
    Minor,
    /// The first part, or the epoch, changes.
    Major,
}

/// One package to one version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Which package.
    pub package: PackageName,
    /// To which version.
    pub version: Version,
    /// The farthest of its places.
    pub jump: Jump,
    /// The worst of what it clears.
    pub severity: Severity,
    /// One of them is known to be exploited.
    pub kev: bool,
    /// The highest probability of exploitation.
    pub epss: Option<f64>,
    /// Canonical ids of what it clears.
    pub clears: Vec<String>,
    /// Canonical ids of what stays, for which no fix is known.
    pub remains: Vec<String>,
    /// Where.
    pub places: Vec<Place>,
    /// Whether it was checked by resolving it: the worst of its places.
    #[serde(default)]
    pub verification: Verification,
}

/// One manifest in which a step is taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// The lockfile or manifest.
    pub manifest: String,
    /// The version there now.
    pub from: Version,
    /// Asked for by the project itself.
    pub direct: bool,
    /// Whether every range that the manifest knows allows the new version; `None` when it knows none.
    pub allowed_by_constraints: Option<bool>,
    /// Who blocks it.
    pub blocked_by: Vec<String>,
    /// The commands that take this step alone; empty where an edit does.
    pub commands: Vec<String>,
    /// The line to change, where no tool does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<Edit>,
    /// What a reader should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether it was checked by resolving it: with all other steps of the manifest, and by itself where these do not resolve together.
    #[serde(default)]
    pub verification: Verification,
    /// Why it does not resolve (the resolver's own words), or could not be looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_reason: Option<String>,
}

/// Whether an upgrade was checked by resolving it; the worst last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// It resolves, and what it resolves to has none of the advisories that it clears.
    Resolves,
    /// Not asked for.
    #[default]
    NotTried,
    /// It was to be checked, and could not be.
    CouldNotLook,
    /// It does not resolve, or an advisory stays.
    DoesNotResolve,
}

/// All steps in one manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManifestPlan {
    /// The lockfile or manifest.
    pub manifest: String,
    /// The commands that take all its steps.
    pub commands: Vec<String>,
    /// Whether that was checked.
    #[serde(default)]
    pub verification: Verification,
    /// Why it does not resolve or could not be looked at, and what else a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A package that no upgrade clears.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfixed {
    /// Which.
    pub package: PackageName,
    /// At which version; `None` for one that is known by its commit only.
    pub version: Option<Version>,
    /// Where.
    pub manifest: String,
    /// Canonical ids.
    pub advisories: Vec<String>,
    /// Why, and what there is to do.
    pub reason: String,
}

impl Unfixed {
    /// The package, and its version where that is known.
    #[must_use]
    pub fn what(&self) -> String {
        self.version.as_ref().map_or_else(|| self.package.to_string(), |version| format!("{} {version}", self.package))
    }
}

type Said<'a> = Vec<(&'a Finding, &'a VulnerabilityDetail)>;

/// A package that needs an upgrade, or has none.
struct Need<'a> {
    manifest: &'a Manifest,
    package: &'a Package,
    version: &'a Version,
    said: Said<'a>,
    to: Version,
    remains: Vec<String>,
}

/// Makes the plan for the findings that count.
///
/// # Errors
/// When the index is damaged.
pub fn of(
    inventory: &Inventory,
    snapshot: &dyn Snapshot,
    findings: &[Finding],
    index: &AdvisoryIndex,
    releases: &dyn Releases,
) -> Result<FixPlan, Damaged> {
    let (mut needs, unfixed) = needs(inventory, findings, index, releases)?;
    merge(&mut needs, &inventory.manifests, index);
    let mut steps: BTreeMap<(&PackageName, &Version), Vec<&Need<'_>>> = BTreeMap::new();
    for need in &needs {
        steps.entry((&need.package.name, &need.to)).or_default().push(need);
    }
    let context = commands::Context { inventory, snapshot };
    let mut ranked: Vec<(Risk, Step)> = steps.into_values().map(|needs| step(&needs, &context)).collect();
    ranked.sort_by(|(a, one), (b, other)| a.cmp(b).then_with(|| one.package.cmp(&other.package)));
    let steps: Vec<Step> = ranked.into_iter().map(|(_, step)| step).collect();
    let manifests = by_manifest(&steps, &needs, &context);
    let releases_known = steps.iter().all(|step| releases.is_usable(&step.package, &step.version).is_some());
    Ok(FixPlan { steps, manifests, unfixed, releases_known, verification: Verification::NotTried })
}

fn needs<'a>(
    inventory: &'a Inventory,
    findings: &'a [Finding],
    index: &AdvisoryIndex,
    releases: &dyn Releases,
) -> Result<(Vec<Need<'a>>, Vec<Unfixed>), Damaged> {
    let mut said: BTreeMap<(&str, &PackageName, &Version), Said<'a>> = BTreeMap::new();
    let mut pinned: BTreeMap<(&str, &PackageName), Said<'a>> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.ignored.is_none()) {
        let (Detail::Vulnerability(detail), Some(path)) = (&finding.detail, &finding.location.path) else { continue };
        if !matches!(finding.kind, Kind::Vulnerability | Kind::Malicious) {
            continue;
        }
        match &detail.version {
            Some(version) => said.entry((path, &detail.package, version)).or_default().push((finding, detail)),
            None => pinned.entry((path, &detail.package)).or_default().push((finding, detail)),
        }
    }
    let mut needs = Vec::new();
    let mut unfixed: Vec<Unfixed> =
        pinned.into_iter().map(|((path, package), said)| by_commit(path, package, &said)).collect();
    for (manifest, package) in inventory.matchable() {
        let Some(version) = &package.version else { continue };
        let place = package.declared_in.as_deref().unwrap_or(&manifest.path);
        // one release may stand several times in a lock, by platform
        let Some(said) = said.remove(&(place, &package.name, version)) else { continue };
        let advisories = || said.iter().map(|(_, detail)| detail.advisory.clone()).collect();
        let without_fix = |reason: &str, advisories| Unfixed {
            package: package.name.clone(),
            version: Some(version.clone()),
            manifest: manifest.path.clone(),
            advisories,
            reason: reason.to_owned(),
        };
        if said.iter().any(|(finding, _)| finding.kind == Kind::Malicious) {
            unfixed.push(without_fix(MALICIOUS, advisories()));
            continue;
        }
        let whole = said.iter().find_map(|(_, detail)| detail.fix.as_ref()).map(|fix| fix.version.clone());
        let target = match whole {
            Some(version) => Some((version, Vec::new())),
            None => partial(package, &index.matches(&package.name, version)?, index, releases)?,
        };
        match target {
            Some((to, remains)) => {
                if !remains.is_empty() {
                    unfixed.push(without_fix("no fixed version of it is known", remains.clone()));
                }
                needs.push(Need { manifest, package, version, said, to, remains });
            }
            None => unfixed.push(without_fix("no fixed version of it is known", advisories())),
        }
    }
    Ok((needs, unfixed))
}

const MALICIOUS: &str = "it is malicious: remove it, no version of it is to be trusted";

/// A package that is pinned to a commit: which later one has the fix is for its own history to say.
fn by_commit(path: &str, package: &PackageName, said: &Said<'_>) -> Unfixed {
    let malicious = said.iter().any(|(finding, _)| finding.kind == Kind::Malicious);
    let reason = if malicious { MALICIOUS } else { "it is pinned to a commit: move the pin to one that has the fix" };
    Unfixed {
        package: package.clone(),
        version: None,
        manifest: path.to_owned(),
        advisories: said.iter().map(|(_, detail)| detail.advisory.clone()).collect(),
        reason: reason.to_owned(),
    }
}

/// Lets places join the higher target of another place of the same package, so that fewer versions are to be looked at.
fn merge(needs: &mut [Need<'_>], inventory: &[Manifest], index: &AdvisoryIndex) {
    let mut targets: BTreeMap<PackageName, BTreeSet<Version>> = BTreeMap::new();
    for need in needs.iter().filter(|need| need.remains.is_empty()) {
        targets.entry(need.package.name.clone()).or_default().insert(need.to.clone());
    }
    for need in needs.iter_mut().filter(|need| need.remains.is_empty()) {
        let higher = targets.get(&need.package.name).into_iter().flatten().rev().find(|target| {
            **target > need.to
                && jump(&need.to, target) < Jump::Major
                && !super::unwanted(target, need.package)
                && !index.is_affected(&need.package.name, target)
                && Bounds::of(inventory, need.manifest, need.package, target).blocked_by.len()
                    <= Bounds::of(inventory, need.manifest, need.package, &need.to).blocked_by.len()
        });
        if let Some(target) = higher {
            need.to = target.clone();
        }
    }
}

/// In the order of the module's text; the smallest comes first.
type Risk = (Reverse<(bool, Severity, u32, bool, bool, usize)>, Jump);

fn step(needs: &[&Need<'_>], context: &commands::Context<'_>) -> (Risk, Step) {
    let details = || needs.iter().flat_map(|need| need.said.iter());
    let remains: BTreeSet<&String> = needs.iter().flat_map(|need| &need.remains).collect();
    let cleared = || details().filter(|(_, detail)| !remains.contains(&detail.advisory));
    let clears: BTreeSet<String> = cleared().map(|(_, detail)| detail.advisory.clone()).collect();
    let severity = cleared().map(|(finding, _)| finding.severity).max().unwrap_or_default();
    let kev = cleared().any(|(_, detail)| detail.kev == Some(true));
    let epss = cleared().filter_map(|(_, detail)| detail.epss).max_by(f64::total_cmp);
    let imported = details().any(|(_, detail)| detail.imported_at.as_ref().is_some_and(|sites| !sites.is_empty()));
    let direct = needs.iter().any(|need| need.package.direct);
    let jump = needs.iter().map(|need| jump(need.version, &need.to)).max().unwrap_or(Jump::Patch);
    // EPSS has five decimal places
    let likely = epss.map_or(0, |score| (score * 100_000.0) as u32);
    let risk = (Reverse((kev, severity, likely, imported, direct, clears.len())), jump);
    let places = needs.iter().map(|need| place(need, context)).collect();
    let first = needs[0];
    let step = Step {
        package: first.package.name.clone(),
        version: first.to.clone(),
        jump,
        severity,
        kev,
        epss,
        clears: clears.into_iter().collect(),
        remains: remains.into_iter().cloned().collect(),
        places,
        verification: Verification::NotTried,
    };
    (risk, step)
}

fn place(need: &Need<'_>, context: &commands::Context<'_>) -> Place {
    let bounds = Bounds::of(&context.inventory.manifests, need.manifest, need.package, &need.to);
    let how = commands::how(context, need.manifest, &[change(need, &bounds)]);
    Place {
        manifest: need.manifest.path.clone(),
        from: need.version.clone(),
        direct: need.package.direct,
        allowed_by_constraints: bounds.known.then_some(bounds.allow()),
        blocked_by: bounds.blocked_by,
        commands: how.commands,
        edit: how.edits.into_iter().next(),
        note: how.note,
        verification: Verification::NotTried,
        verification_reason: None,
    }
}

fn change<'a>(need: &'a Need<'_>, bounds: &'a Bounds) -> Change<'a> {
    Change { package: need.package, to: &need.to, bounds }
}

fn by_manifest(steps: &[Step], needs: &[Need<'_>], context: &commands::Context<'_>) -> Vec<ManifestPlan> {
    let order =
        |need: &Need<'_>| steps.iter().position(|step| step.package == need.package.name && step.version == need.to);
    let mut of: BTreeMap<&str, Vec<&Need<'_>>> = BTreeMap::new();
    for need in needs {
        of.entry(&need.manifest.path).or_default().push(need);
    }
    of.into_iter()
        .map(|(path, mut needs)| {
            needs.sort_by_key(|need| order(need));
            let bounds: Vec<Bounds> = needs
                .iter()
                .map(|need| Bounds::of(&context.inventory.manifests, need.manifest, need.package, &need.to))
                .collect();
            let changes: Vec<Change<'_>> =
                needs.iter().zip(&bounds).map(|(need, bounds)| change(need, bounds)).collect();
            let how = commands::how(context, needs[0].manifest, &changes);
            ManifestPlan {
                manifest: path.to_owned(),
                commands: how.commands,
                verification: Verification::NotTried,
                notes: how.note.into_iter().collect(),
            }
        })
        .collect()
}

/// Which part of the version changes.
#[must_use]
pub fn jump(from: &Version, to: &Version) -> Jump {
    let (Some(from), Some(to)) = (from.pep440(), to.pep440()) else { return Jump::Major };
    let part = |version: &pep440_rs::Version, at: usize| version.release().get(at).copied().unwrap_or_default();
    if from.epoch() != to.epoch() || part(from, 0) != part(to, 0) {
        Jump::Major
    } else if part(from, 1) != part(to, 1) {
        Jump::Minor
    } else {
        Jump::Patch
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
