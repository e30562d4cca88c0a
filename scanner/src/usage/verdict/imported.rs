//! What the code imports and no manifest declares, or declares for another purpose.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::{PackageName, Severity};

use super::part::{Part, part};
use super::wording::{declared_at, finding, provides, stand_at};
use super::{Judge, Use, top};
use crate::finding::{Confidence, Detail, Finding, Kind};
use crate::inventory::Format;
use crate::usage::first_party::Origin;
use crate::usage::modules::{Distribution, Knowledge};
use crate::usage::projects::{Declared, Project};
use crate::usage::remedy;

impl Judge<'_> {
    pub(super) fn judge_imports(
        &self,
        project: &Project,
        projects: &[Project],
        owners: &HashMap<&str, Option<&String>>,
        known: &[(&Declared, Distribution)],
        findings: &mut Vec<Finding>,
    ) {
        if project.declared.is_empty() || !project.declared.iter().any(|declared| declared.main) {
            return;
        }
        let mut misplaced: BTreeMap<&PackageName, (&Declared, &Distribution, &Use<'_>)> = BTreeMap::new();
        let mut undeclared: BTreeMap<String, Vec<&Use<'_>>> = BTreeMap::new();
        let above: Vec<&Declared> = projects
            .iter()
            .filter(|other| {
                !project.whole
                    && other.directory != project.directory
                    && (other.holds(&project.directory) || other.directory.is_empty())
            })
            .flat_map(|other| &other.declared)
            .collect();
        let inherited: Vec<Distribution> =
            above.iter().map(|declared| self.names.distribution(&declared.name, declared.version.as_ref())).collect();
        // modules beside a script run with its declarations
        let scripts = projects.iter().filter_map(|other| Some((self.beside_script(other)?, &other.declared)));
        let scripts: Vec<(&str, Vec<Distribution>)> = scripts
            .map(|(directory, declared)| {
                let names = |declared: &Declared| self.names.distribution(&declared.name, declared.version.as_ref());
                (directory, declared.iter().map(names).collect())
            })
            .collect();
        let lent = |place: &Use<'_>| {
            let beside = scripts.iter().filter(|(directory, _)| place.path.starts_with(directory));
            beside
                .flat_map(|(_, lent)| lent)
                .any(|distribution| place.modules.iter().any(|module| distribution.provides(module)))
        };
        let mut by_top: HashMap<String, Vec<&(&Declared, Distribution)>> = HashMap::new();
        for one in known {
            let tops: BTreeSet<String> = one.1.modules.iter().map(|module| top(module)).collect();
            tops.into_iter().for_each(|top| by_top.entry(top).or_default().push(one));
        }
        let judged = self.uses.iter().filter(|place| !is_build_script(place.path) && place.origin != Origin::Regular);
        for place in judged.filter(|place| owners.get(place.path) == Some(&Some(&project.directory))) {
            // what a package wants that was copied here is its own affair
            if self.files.vendored.iter().any(|directory| place.path.starts_with(directory)) {
                continue;
            }
            let alike = place.modules.first().and_then(|module| by_top.get(&top(module)));
            let providers: Vec<&(&Declared, Distribution)> = alike
                .into_iter()
                .flatten()
                .copied()
                .filter(|(_, distribution)| place.modules.iter().any(|module| distribution.provides(module)))
                .collect();
            if providers.is_empty() {
                let inherited = inherited
                    .iter()
                    .any(|distribution| place.modules.iter().any(|module| distribution.provides(module)));
                let module = place.modules.first().map_or("", String::as_str);
                let likely = known.iter().any(|(declared, distribution)| {
                    distribution.knowledge == Knowledge::Guess && self.may_provide(&declared.name, module)
                });
                let excused = inherited || likely || lent(place) || self.absent.contains(&top(module));
                if place.origin == Origin::Outside && place.needed && !excused {
                    undeclared.entry(top(module)).or_default().push(place);
                }
            } else if place.needed
                && !place.conditional
                && part(place.path) == Part::Product
                && providers.iter().all(|(declared, _)| declared.dev)
            {
                let (declared, distribution) = providers[0];
                misplaced.entry(&declared.name).or_insert((declared, distribution, place));
            }
        }
        for (declared, distribution, place) in misplaced.into_values() {
            let evidence = vec![
                declared_at(declared),
                provides(distribution),
                format!("imported by the product at {}:{}", place.path, place.line),
            ];
            let title = format!("{} is imported at run time, but declared for development only", declared.name);
            let confidence =
                if distribution.knowledge == Knowledge::Guess { Confidence::Low } else { Confidence::Medium };
            let mut misplaced = finding(
                Kind::Misplaced,
                declared,
                title,
                confidence,
                Severity::Medium,
                evidence,
                distribution.modules.clone(),
            );
            stand_at(&mut misplaced, place);
            findings.push(misplaced);
        }
        for (module, places) in undeclared {
            findings.extend(self.undeclared(project, &module, &places, known));
        }
    }

    /// A module of this repository, though not from a root above the file.
    fn is_here(&self, place: &Use<'_>) -> bool {
        place.modules.iter().any(|module| self.own.ends_a_path(module))
    }

    /// A module of ours is called like an imported one, and none of the places wraps that.
    fn is_named_here(&self, module: &str, places: &[&Use<'_>]) -> bool {
        let first = module.split('.').next().unwrap_or(module);
        let wraps =
            |place: &&Use<'_>| place.path.split('/').any(|part| part.strip_suffix(".py").unwrap_or(part) == first);
        self.own.has_module_or_package(first) && !places.iter().any(wraps)
    }

    /// `missing` or `transitive`, by whether a lock or a declared package brings a provider of the module.
    fn undeclared(
        &self,
        project: &Project,
        module: &str,
        places: &[&Use<'_>],
        known: &[(&Declared, Distribution)],
    ) -> Option<Finding> {
        // found by a `PYTHONPATH` that is set elsewhere
        let places: Vec<&Use<'_>> = places.iter().copied().filter(|place| !self.is_here(place)).collect();
        let place = places.iter().find(|place| part(place.path) == Part::Product).or(places.first())?;
        let full = place.modules.first()?;
        let brought = |name: &PackageName| {
            known.iter().any(|(_, host)| host.requires.contains(name))
                || self.packages.get(name).into_iter().flatten().any(|package| !package.direct)
        };
        let mut candidates = self.names.providers(full);
        if candidates.is_empty() && self.is_named_here(full, &places) {
            return None;
        }
        let locked = self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
        candidates.extend(
            locked
                .filter(|package| self.names.distribution(&package.name, package.version.as_ref()).provides(full))
                .map(|package| package.name.clone()),
        );
        let transitive = candidates.iter().find(|name| brought(name));
        let guess = PackageName::new(&module.replace('_', "-")).ok();
        let package = transitive.or(candidates.first()).cloned().or(guess)?;
        if project.declared.iter().any(|declared| declared.name == package) || is_asked_for(&package, known) {
            return None;
        }
        let kind = if transitive.is_some() { Kind::Transitive } else { Kind::Missing };
        // a file nobody ships says little about what the product needs
        let product = part(place.path) == Part::Product;
        let confidence = match (candidates.is_empty(), product) {
            (false, true) => Confidence::High,
            (true, true) | (false, false) => Confidence::Medium,
            (true, false) => Confidence::Low,
        };
        let nearest = nearest(project)?;
        let title = match kind {
            Kind::Transitive => format!("{package} is imported, but only there through another package"),
            _ => format!("{package} is imported, but not declared"),
        };
        let evidence = vec![
            format!("module {full} imported in {} places, first at {}:{}", places.len(), place.path, place.line),
            format!("no package declared in {} provides it", nearest.manifest),
        ];
        let declared = Declared { name: package, line: None, ..nearest.clone() };
        let severity = if kind == Kind::Missing && product { Severity::Medium } else { Severity::Low };
        let mut finding = finding(kind, &declared, title, confidence, severity, evidence, vec![module.to_owned()]);
        if let Detail::Usage(detail) = &mut finding.detail {
            detail.remedy = Some(remedy::add(&declared, self.inventory));
        }
        stand_at(&mut finding, place);
        Some(finding)
    }
}

/// `server[gevent]` declares gevent too.
fn is_asked_for(package: &PackageName, known: &[(&Declared, Distribution)]) -> bool {
    known.iter().filter(|(declared, _)| declared.main).any(|(declared, host)| {
        let brings = |extra: &String| host.extras.get(extra).is_some_and(|brought| brought.contains(package));
        declared.requested_extras.iter().any(|extra| extra == package.as_str() && brings(extra))
    })
}

/// Where a package is best declared: of several lists of requirements, the plainest one.
fn nearest(project: &Project) -> Option<&Declared> {
    let first = project.declared.iter().find(|declared| declared.main)?;
    let alike = project.declared.iter().filter(|declared| declared.main && declared.format == first.format);
    match first.format {
        Format::Requirements => alike.min_by_key(|declared| declared.manifest.len()),
        _ => Some(first),
    }
}

/// A build reads it in an environment of its own, from `[build-system]`.
fn is_build_script(path: &str) -> bool {
    path == "setup.py" || path.ends_with("/setup.py")
}
