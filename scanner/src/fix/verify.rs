//! A plan, checked by really resolving it.
//!
//! For each manifest the resolver is asked for what the project declares, with every package of the plan at its new version and the other
//! locked versions as they are; where these do not go together, without them. For a list of pins it is asked whether the changed pins still
//! go together. What it answers must have none of the advisories that the plan clears.
//!
//! A plan that resolves as a whole resolves in each of its steps. One that does not is asked step by step, so that it is said which to leave
//! out; and it is the plan's fault only where what is declared resolves without it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use advisories::{AdvisoryIndex, Damaged, PackageName, Version};

use super::Bounds;
use super::plan::{FixPlan, Verification};
use crate::diagnostic::{Diagnostic, Stage};
use crate::inventory::requirement::Requirement;
use crate::inventory::{Manifest, Package, Role, Source};
use crate::resolve::{Asked, Request, Resolution, ResolveError, asked_by, lowest_python};

/// Answers what a request resolves to, within a time; [`crate::resolve::Resolver`] does, with an installed uv.
pub type Resolve<'a> = dyn Fn(&Request, Duration) -> Result<Resolution, ResolveError> + 'a;

/// What a plan is checked with.
pub struct Check<'a> {
    /// The manifests that the plan was made for.
    pub inventory: &'a [Manifest],
    /// The advisories that it was made from.
    pub index: &'a AdvisoryIndex,
    /// The resolver.
    pub resolve: &'a Resolve<'a>,
    /// The package index that it asks, without which it is uv's default.
    pub address: Option<&'a str>,
    /// How long the whole plan may take.
    pub patience: Duration,
}

/// Notes in the plan that it could not be checked, and why; gives what the report says of it.
pub fn could_not(plan: &mut FixPlan, why: &str) -> Vec<Diagnostic> {
    for place in plan.steps.iter_mut().flat_map(|step| &mut step.places) {
        (place.verification, place.verification_reason) = (Verification::CouldNotLook, Some(why.to_owned()));
    }
    for planned in &mut plan.manifests {
        planned.verification = Verification::CouldNotLook;
        planned.notes.push(why.to_owned());
    }
    sum_up(plan);
    plan.manifests.iter().map(|planned| gap(&planned.manifest, why)).collect()
}

fn gap(manifest: &str, why: &str) -> Diagnostic {
    Diagnostic::gap(Stage::Advisories, manifest.to_owned(), format!("its plan of upgrades was not verified: {why}"))
}

/// The steps' and the plan's own words, from those of their places.
fn sum_up(plan: &mut FixPlan) {
    for step in &mut plan.steps {
        step.verification = step.places.iter().map(|place| place.verification).max().unwrap_or_default();
    }
    plan.verification = plan.manifests.iter().map(|planned| planned.verification).max().unwrap_or_default();
}

/// Resolves every manifest of the plan, and notes in the plan what came of it; gives what could not be looked at.
///
/// # Errors
/// When the advisories are damaged.
pub fn verify(plan: &mut FixPlan, check: &Check<'_>) -> Result<Vec<Diagnostic>, Damaged> {
    let end = Instant::now() + check.patience;
    let mut gaps = Vec::new();
    let FixPlan { steps, manifests, .. } = &mut *plan;
    for planned in manifests {
        let Some(manifest) = check.inventory.iter().find(|manifest| manifest.path == planned.manifest) else {
            continue;
        };
        let mut asking = Asking { check, manifest, end, upgrades: BTreeMap::new() };
        for step in &*steps {
            for place in step.places.iter().filter(|place| place.manifest == manifest.path) {
                let is_it =
                    |package: &&Package| package.name == step.package && package.version.as_ref() == Some(&place.from);
                if let Some(package) = manifest.packages.iter().find(is_it) {
                    let upgrade = Upgrade { package, to: step.version.clone(), clears: step.clears.clone() };
                    asking.upgrades.entry(&package.name).or_default().push(upgrade);
                }
            }
        }
        let said = asking.whole()?;
        for step in &mut *steps {
            for place in step.places.iter_mut().filter(|place| place.manifest == manifest.path) {
                if let Some(said) = said.packages.get(&step.package) {
                    (place.verification, place.verification_reason) = (said.verification(), said.reason());
                }
            }
        }
        // what could not be looked at of one package is no success of the whole
        let parts = said.packages.values().map(Outcome::verification).max().unwrap_or_default();
        planned.verification = said.whole.verification().max(parts);
        planned.notes.extend(said.notes);
        planned.notes.extend(said.whole.reason());
        if planned.verification == Verification::CouldNotLook {
            let unknown = std::iter::once(&said.whole).chain(said.packages.values());
            let why =
                unknown.filter(|said| said.verification() == Verification::CouldNotLook).find_map(Outcome::reason);
            gaps.push(gap(&manifest.path, &why.unwrap_or_default()));
        }
    }
    sum_up(plan);
    Ok(gaps)
}

/// One package of a manifest at its new version.
struct Upgrade<'a> {
    package: &'a Package,
    to: Version,
    clears: Vec<String>,
}

#[derive(Debug, Clone)]
enum Outcome {
    Resolves,
    DoesNot(String),
    CouldNot(String),
}

impl Outcome {
    fn verification(&self) -> Verification {
        match self {
            Self::Resolves => Verification::Resolves,
            Self::DoesNot(_) => Verification::DoesNotResolve,
            Self::CouldNot(_) => Verification::CouldNotLook,
        }
    }

    fn reason(&self) -> Option<String> {
        match self {
            Self::Resolves => None,
            Self::DoesNot(reason) | Self::CouldNot(reason) => Some(reason.clone()),
        }
    }
}

/// What came of one manifest.
struct Said {
    whole: Outcome,
    packages: BTreeMap<PackageName, Outcome>,
    notes: Vec<String>,
}

struct Asking<'a> {
    check: &'a Check<'a>,
    manifest: &'a Manifest,
    end: Instant,
    /// By package: a lock may have several versions of one, which are upgraded together.
    upgrades: BTreeMap<&'a PackageName, Vec<Upgrade<'a>>>,
}

impl Asking<'_> {
    fn whole(&self) -> Result<Said, Damaged> {
        let mut packages = BTreeMap::new();
        let mut askable = Vec::new();
        for (name, upgrades) in &self.upgrades {
            match self.not_askable(upgrades) {
                Some(reason) => drop(packages.insert((*name).clone(), Outcome::CouldNot(reason))),
                None => askable.push(*name),
            }
        }
        let mut notes = Vec::new();
        if askable.is_empty() {
            return Ok(Said {
                whole: Outcome::CouldNot("nothing of it can be asked of an index".to_owned()),
                packages,
                notes,
            });
        }
        let mut whole = self.ask(&askable, &mut notes)?;
        if let Outcome::DoesNot(reason) = &whole {
            match self.ask(&[], &mut Vec::new())? {
                Outcome::Resolves if askable.len() == 1 => {}
                Outcome::Resolves => {
                    for name in &askable {
                        packages.insert((*name).clone(), self.ask(&[name], &mut Vec::new())?);
                    }
                }
                Outcome::DoesNot(now) | Outcome::CouldNot(now) => {
                    let words = if now == *reason { String::new() } else { format!("; with the upgrades: {reason}") };
                    whole = Outcome::CouldNot(format!("it does not resolve without the upgrades either: {now}{words}"));
                }
            }
        }
        for name in askable {
            packages.entry(name.clone()).or_insert_with(|| whole.clone());
        }
        Ok(Said { whole, packages, notes })
    }

    /// Why a package's upgrades cannot be put to a resolver.
    fn not_askable(&self, upgrades: &[Upgrade<'_>]) -> Option<String> {
        let mut same =
            self.manifest.packages.iter().filter(|package| upgrades.iter().any(|it| it.package.name == package.name));
        let name = &upgrades.first()?.package.name;
        let from_index = |package: &Package| match &package.source {
            Source::Index { url } => url.as_ref().is_none_or(|url| !url.starts_with("conda:")),
            _ => false,
        };
        if !upgrades.iter().all(|upgrade| from_index(upgrade.package)) {
            return Some(format!("{name} is not taken from a Python package index"));
        }
        let several = same.clone().count() > 1;
        (several && same.any(|package| package.marker.is_none()))
            .then(|| format!("{name} is there several times, and no marker tells for what"))
    }

    /// Asks for some packages' upgrades together.
    fn ask(&self, names: &[&PackageName], notes: &mut Vec<String>) -> Result<Outcome, Damaged> {
        let upgrades: Vec<&Upgrade<'_>> = names.iter().filter_map(|name| self.upgrades.get(*name)).flatten().collect();
        let Question { asked: Asked { request, left_out }, kept, locks } = self.question(&upgrades);
        notes.extend(left_out.into_iter().map(|said| said.reason));
        if request.requirements.is_empty() {
            return Ok(Outcome::CouldNot("nothing of it is taken from the index that is asked".to_owned()));
        }
        let with_kept = Request { constraints: [&request.constraints[..], &kept].concat(), ..request.clone() };
        let mut answer = self.resolve(&with_kept);
        if !kept.is_empty() && matches!(&answer, Err(error) if has_no_solution(error)) {
            answer = self.resolve(&request);
            if answer.is_ok() && !upgrades.is_empty() {
                notes.push("other locked packages have to move along".to_owned());
            }
        }
        match answer {
            Err(error) if refutes(&error) => Ok(Outcome::DoesNot(error.to_string())),
            Err(error) => Ok(Outcome::CouldNot(error.to_string())),
            Ok(resolution) => self.fulfils(&resolution, &upgrades, locks, notes),
        }
    }

    fn resolve(&self, request: &Request) -> Result<Resolution, ResolveError> {
        match self.end.saturating_duration_since(Instant::now()) {
            Duration::ZERO => Err(ResolveError::Timeout(self.check.patience)),
            left => (self.check.resolve)(request, left),
        }
    }

    /// What is to be resolved, and what of it cannot be asked.
    fn question(&self, upgrades: &[&Upgrade<'_>]) -> Question {
        let manifest = self.manifest;
        let answered_by_it = |other: &&Manifest| other.locked_by.as_deref() == Some(&manifest.path);
        let declared: Vec<&Manifest> = self.check.inventory.iter().filter(answered_by_it).collect();
        let locks = manifest.role == Role::Locked && !declared.is_empty();
        let mut asked = Asked::default();
        for source in if locks { declared } else { vec![manifest] } {
            let mut part = asked_by(source, self.check.address);
            // the members of a workspace have one lock, for the Pythons that all of them allow
            asked.request.python =
                [asked.request.python, part.request.python].into_iter().flatten().max_by_key(|python| minor(python));
            asked.request.requirements.append(&mut part.request.requirements);
            asked.request.constraints.append(&mut part.request.constraints);
            asked.request.overrides.append(&mut part.request.overrides);
            asked.left_out.append(&mut part.left_out);
        }
        if !locks {
            for upgrade in upgrades {
                let pins = asked.request.requirements.iter_mut().filter(|it| is_of(it, upgrade.package));
                pins.for_each(|pin| {
                    let (extras, marker) = (std::mem::take(&mut pin.extras), pin.marker.take());
                    *pin = Requirement { extras, marker, ..exact(upgrade.package, &upgrade.to) };
                });
            }
            return Question { asked, kept: Vec::new(), locks };
        }
        for upgrade in upgrades
            .iter()
            .filter(|upgrade| Bounds::of(self.check.inventory, manifest, upgrade.package, &upgrade.to).own_forbids)
        {
            // the range that the plan changes
            let own = asked.request.requirements.iter_mut().filter(|it| it.name == upgrade.package.name);
            own.for_each(|requirement| (requirement.version, requirement.specifier) = (None, None));
        }
        let several =
            |package: &Package| manifest.packages.iter().filter(|other| other.name == package.name).count() > 1;
        asked.request.constraints.extend(upgrades.iter().map(|upgrade| Requirement {
            marker: upgrade.package.marker.clone().filter(|_| several(upgrade.package)),
            ..exact(upgrade.package, &upgrade.to)
        }));
        // the locked versions stay where they can; forks of one name are the resolver's own business
        let moves = |package: &Package| upgrades.iter().any(|upgrade| upgrade.package.name == package.name);
        let stays =
            |package: &&Package| matches!(package.source, Source::Index { .. }) && !several(package) && !moves(package);
        let kept = manifest.packages.iter().filter(stays);
        let kept = kept.filter_map(|package| Some(exact(package, package.version.as_ref()?))).collect();
        Question { asked, kept, locks }
    }

    /// Whether what was resolved has what the upgrades are for.
    fn fulfils(
        &self,
        resolved: &Resolution,
        upgrades: &[&Upgrade<'_>],
        locks: bool,
        notes: &mut Vec<String>,
    ) -> Result<Outcome, Damaged> {
        for upgrade in upgrades {
            let name = &upgrade.package.name;
            if resolved.versions_of(name).next().is_none() {
                if !locks {
                    return Ok(Outcome::CouldNot(format!(
                        "{name} is not asked for in what was resolved, by its marker"
                    )));
                }
                notes.push(format!("{name} is no longer needed then"));
            }
            for version in resolved.versions_of(name) {
                let still = self.check.index.matches(name, version)?;
                if let Some(found) = still.iter().find(|found| upgrade.clears.contains(&found.canonical)) {
                    let reason = format!("it resolves to {name} {version}, which {} affects", found.canonical);
                    return Ok(Outcome::DoesNot(reason));
                }
            }
        }
        Ok(Outcome::Resolves)
    }
}

struct Question {
    asked: Asked,
    /// Locked versions that should stay.
    kept: Vec<Requirement>,
    /// A lockfile that answers for manifests, and no list of pins.
    locks: bool,
}

/// The minor version of Python 3 that a project needs at least.
fn minor(python: &str) -> Option<u32> {
    lowest_python(python)?.split_once('.')?.1.parse().ok()
}

fn is_of(requirement: &Requirement, package: &Package) -> bool {
    requirement.name == package.name && requirement.version == package.version
}

fn exact(package: &Package, version: &Version) -> Requirement {
    Requirement {
        name: package.name.clone(),
        extras: Vec::new(),
        specifier: None,
        version: Some(version.clone()),
        source: Source::DEFAULT_INDEX,
        marker: None,
    }
}

/// Whether the answer decides against the plan. That a release has no wheel, or that an index does not have the package, decides nothing:
/// nothing is built here, and the index may be another than the project's.
fn refutes(error: &ResolveError) -> bool {
    let undecided = ["no usable wheels", "building from source is disabled", "not found in the package registry"];
    let words = error.to_string();
    has_no_solution(error) && !undecided.iter().any(|reason| words.contains(reason))
}

/// uv's own word for it; any other failure is one of its way to the index.
fn has_no_solution(error: &ResolveError) -> bool {
    matches!(error, ResolveError::Unresolvable(words) if words.contains("No solution found"))
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
