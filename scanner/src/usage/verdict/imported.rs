//! What the code imports and no manifest declares, or declares for another purpose.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use advisories::{PackageName, Severity};

use super::part::{Part, is_automation, part};
use super::wording::{declared_at, finding, provides, stand_at};
use super::{Judge, Use, top};
use crate::finding::{Confidence, Detail, Finding, Kind};
use crate::inventory::{Format, Package};
use crate::usage::first_party::Origin;
use crate::usage::modules::{Distribution, Knowledge};
use crate::usage::projects::{Declared, Project};
use crate::usage::remedy;
use crate::usage::standard_library;

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
        let mut undeclared: BTreeMap<(String, Option<PackageName>), Vec<&Use<'_>>> = BTreeMap::new();
        let lenders = self.lenders(project, projects);
        let mut by_top: HashMap<String, Vec<&(&Declared, Distribution)>> = HashMap::new();
        for one in known {
            let tops: BTreeSet<String> = one.1.modules.iter().map(|module| top(module)).collect();
            tops.into_iter().for_each(|top| by_top.entry(top).or_default().push(one));
        }
        let judged = self.uses.iter().filter(|place| self.is_answered_for(place));
        for place in judged.filter(|place| owners.get(place.path) == Some(&Some(&project.directory))) {
            let alike = place.modules.first().and_then(|module| by_top.get(&top(module)));
            let providers: Vec<&(&Declared, Distribution)> = alike
                .into_iter()
                .flatten()
                .copied()
                .filter(|(_, distribution)| place.modules.iter().any(|module| distribution.provides(module)))
                .collect();
            if providers.is_empty() {
                if place.origin == Origin::Outside && place.needed && !self.is_excused(place, known, &lenders) {
                    let module = place.modules.first().map_or("", String::as_str);
                    // a namespace has parts of several packages
                    let provider = self.names.providers(module).into_iter().next();
                    undeclared.entry((top(module), provider)).or_default().push(place);
                }
            } else if place.needed
                && !place.conditional
                && part(place.path) == Part::Product
                && !is_run_by_developers(place.path)
                && providers.iter().all(|(declared, _)| declared.dev)
            {
                let (declared, distribution) = providers[0];
                misplaced.entry(&declared.name).or_insert((declared, distribution, place));
            }
        }
        findings.extend(
            misplaced
                .into_values()
                .map(|(declared, distribution, place)| needed_at_run_time(declared, distribution, place)),
        );
        let parts: BTreeSet<String> =
            undeclared.keys().filter(|(_, provider)| provider.is_some()).map(|(module, _)| module.clone()).collect();
        // beside a part that is known, nothing tells whose the others are
        let told = undeclared
            .into_iter()
            .filter(|((module, provider), _)| provider.is_some() || !parts.contains(module))
            .filter_map(|((module, _), places)| self.undeclared(project, &module, &places, known, &lenders));
        findings.extend(one_a_package(told));
    }

    /// True for an import that the project has to declare something for.
    fn is_answered_for(&self, place: &Use<'_>) -> bool {
        !is_build_script(place.path)
            && place.origin != Origin::Regular
            // a workflow installs what its scripts need
            && !is_automation(place.path)
            // what a package wants that was copied here is its own affair
            && !self.files.vendored.iter().any(|directory| place.path.starts_with(directory))
    }

    /// Who else declares something for the files of a project.
    fn lenders<'p>(&self, project: &Project, projects: &'p [Project]) -> Lenders<'p> {
        let names = |declared: &Declared| self.names.distribution(&declared.name, declared.version.as_ref());
        let above = projects.iter().filter(|other| {
            !project.whole
                && other.directory != project.directory
                && (other.holds(&project.directory) || other.directory.is_empty())
        });
        let inherited = above.flat_map(|other| &other.declared).map(|declared| (declared, names(declared))).collect();
        // modules beside a script run with its declarations
        let scripts = projects.iter().filter_map(|other| Some((self.beside_script(other)?, &other.declared)));
        let scripts = scripts.map(|(directory, declared)| (directory, declared.iter().map(names).collect())).collect();
        Lenders { inherited, scripts }
    }

    /// An import that no known package of the project provides, and that is nevertheless declared, or may be.
    fn is_excused(&self, place: &Use<'_>, known: &[(&Declared, Distribution)], lenders: &Lenders<'_>) -> bool {
        let provides = |distribution: &Distribution| place.modules.iter().any(|module| distribution.provides(module));
        let module = place.modules.first().map_or("", String::as_str);
        let may_be_of = |(declared, distribution): &(&Declared, Distribution)| {
            distribution.knowledge == Knowledge::Guess && self.may_be_of(declared, distribution, module, known)
        };
        let mut beside = lenders.scripts.iter().filter(|(directory, _)| place.path.starts_with(directory));
        lenders.inherited.iter().any(|lent| provides(&lent.1) || may_be_of(lent))
            || known.iter().any(may_be_of)
            || beside.any(|(_, lent)| lent.iter().any(provides))
            || self.absent.contains(&top(module))
            || standard_library::is_given_by_host(module)
            || self
                .files
                .unnamed
                .iter()
                .any(|(directory, name)| place.path.starts_with(directory) && Distribution::may_be_called(name, module))
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
        lenders: &Lenders<'_>,
    ) -> Option<Finding> {
        // found by a `PYTHONPATH` that is set elsewhere
        let places: Vec<&Use<'_>> = places.iter().copied().filter(|place| !self.is_here(place)).collect();
        let full = places.first()?.modules.first()?.clone();
        let mut candidates = self.names.providers(&full);
        if candidates.is_empty() && (self.is_named_here(&full, &places) || self.is_ours_elsewhere(module)) {
            return None;
        }
        let locked = || self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
        let names = |package: &Package| self.names.distribution(&package.name, package.version.as_ref());
        candidates
            .extend(locked().filter(|package| names(package).provides(&full)).map(|package| package.name.clone()));
        let is_known = !candidates.is_empty();
        if !is_known {
            let alike = locked().filter(|package| {
                !package.direct
                    && names(package).knowledge == Knowledge::Guess
                    && Distribution::may_be_called(&package.name, &full)
            });
            candidates.extend(alike.map(|package| package.name.clone()).min_by_key(|name| name.as_str().len()));
        }
        let transitive =
            candidates.iter().find(|name| self.is_brought(name, known) || self.is_brought(name, &lenders.inherited));
        let guess = PackageName::new(&module.replace('_', "-")).ok();
        let package = transitive.or(candidates.first()).cloned().or(guess)?;
        if project.declared.iter().any(|declared| declared.name == package)
            || is_asked_for(&package, known)
            || self.is_of_umbrella(&package, known)
        {
            return None;
        }
        let kind = if transitive.is_some() { Kind::Transitive } else { Kind::Missing };
        if kind == Kind::Missing && self.is_tried(module) && places.iter().all(|place| place.lazy) {
            return None;
        }
        self.told_undeclared(project, kind, package, is_known, module, &places)
    }

    fn told_undeclared(
        &self,
        project: &Project,
        kind: Kind,
        package: PackageName,
        is_known: bool,
        module: &str,
        places: &[&Use<'_>],
    ) -> Option<Finding> {
        let place = places.iter().find(|place| part(place.path) == Part::Product).or(places.first())?;
        let full = place.modules.first()?;
        // a file nobody ships says little about what the product needs
        let product = part(place.path) == Part::Product;
        let confidence = match (is_known, product) {
            (true, true) => Confidence::High,
            (false, true) | (true, false) => Confidence::Medium,
            (false, false) => Confidence::Low,
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

    /// A declared package or a lock brings it.
    pub(super) fn is_brought(&self, name: &PackageName, known: &[(&Declared, Distribution)]) -> bool {
        known.iter().any(|(_, host)| host.requires.contains(name))
            || self.packages.get(name).into_iter().flatten().any(|package| !package.direct)
    }

    /// Other files import modules of ours under this name: `shop` is ours in `shop/tests/tree.py` too, where the module is gone. Or it is
    /// kept in another repository or image: git is told to ignore it, a container file copies it in.
    fn is_ours_elsewhere(&self, module: &str) -> bool {
        let places = self.uses_by_top.get(module).into_iter().flatten();
        self.files.elsewhere.contains(module) || places.map(|at| &self.uses[*at]).any(|place| self.is_here(place))
    }

    /// Somewhere the import may fail, so that the program knows whether the package is there.
    fn is_tried(&self, module: &str) -> bool {
        let places = self.uses_by_top.get(module).into_iter().flatten();
        places.map(|at| &self.uses[*at]).any(|place| place.optional)
    }

    /// A part of a declared package that is there for nothing but its parts (`opentelemetry-exporter-otlp`): the code imports nothing
    /// else of it.
    fn is_of_umbrella(&self, package: &PackageName, known: &[(&Declared, Distribution)]) -> bool {
        known.iter().filter(|(declared, host)| declared.main && host.requires.contains(package)).any(
            |(declared, host)| {
                package.as_str().strip_prefix(declared.name.as_str()).is_some_and(|rest| rest.starts_with('-'))
                    && !self.uses_of(host).any(|place| place.modules.iter().any(|module| host.provides(module)))
            },
        )
    }
}

/// What others declare for the files of a project.
struct Lenders<'p> {
    /// Of the projects around a bare list of requirements.
    inherited: Vec<(&'p Declared, Distribution)>,
    /// Of scripts with declarations of their own, by the directory that they stand in.
    scripts: Vec<(&'p str, Vec<Distribution>)>,
}

fn needed_at_run_time(declared: &Declared, distribution: &Distribution, place: &Use<'_>) -> Finding {
    let evidence = vec![
        declared_at(declared),
        provides(distribution),
        format!("imported by the product at {}:{}", place.path, place.line),
    ];
    let title = format!("{} is imported at run time, but declared for development only", declared.name);
    let confidence = if distribution.knowledge == Knowledge::Guess { Confidence::Low } else { Confidence::Medium };
    let modules = distribution.modules.clone();
    let mut finding = finding(Kind::Misplaced, declared, title, confidence, Severity::Medium, evidence, modules);
    stand_at(&mut finding, place);
    finding
}

/// Several modules of one package are one finding.
fn one_a_package(findings: impl Iterator<Item = Finding>) -> Vec<Finding> {
    let mut told: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = told.iter_mut().find(|other| other.id == finding.id);
        match (same.map(|same| &mut same.detail), finding.detail) {
            (Some(Detail::Usage(same)), Detail::Usage(more)) => {
                same.modules.extend(more.modules);
                same.evidence.extend(more.evidence.into_iter().take(1));
            }
            (_, detail) => told.push(Finding { detail, ..finding }),
        }
    }
    told
}

/// Makers of data for tests that stand beside the models, and commands of Django's, each of which is loaded when somebody calls it.
fn is_run_by_developers(path: &str) -> bool {
    path.contains("management/commands/") || path.split('/').any(|part| matches!(part, "factories" | "factories.py"))
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
