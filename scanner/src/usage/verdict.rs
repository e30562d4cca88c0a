//! The verdict on every declared package and every import.

use std::collections::{BTreeMap, BTreeSet};

use advisories::{PackageName, Severity};

use super::first_party::{FirstParty, Origin};
use super::mention::{Mention, Named};
use super::modules::{Distribution, Knowledge, ModuleNames};
use super::projects::{Declared, Project};
use super::source_files::SourceFiles;
use super::{remedy, standard_library};
use crate::finding::{Confidence, Detail, Finding, FindingId, Kind, Location, Site, UsageClass, UsageDetail};
use crate::inventory::{Format, Inventory};

/// Where in a repository a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Product,
    Tests,
    Tooling,
}

fn part(path: &str) -> Part {
    let lower = path.to_ascii_lowercase();
    let (directory, file) = lower.rsplit_once('/').unwrap_or(("", &lower));
    let within = |names: &[&str]| directory.split('/').any(|part| names.contains(&part));
    let test_words = ["tests", "test", "testing", "e2e", "testsuite"];
    if directory.split(['/', '_', '-']).any(|word| test_words.contains(&word))
        || file.starts_with("test_")
        || ["_test.py", "_tests.py"].iter().any(|end| file.ends_with(end))
        || matches!(file, "conftest.py" | "tests.py" | "pytest.ini")
    {
        Part::Tests
    } else if within(&[
        "docs",
        "doc",
        "examples",
        "example",
        "benchmarks",
        "scripts",
        "tools",
        ".github",
        ".circleci",
        ".gitlab",
        "ci",
        "contrib",
        "dev",
        "release",
    ]) || matches!(
        file,
        "noxfile.py" | "setup.py" | "tasks.py" | "fabfile.py" | "tox.ini" | ".gitlab-ci.yml" | "azure-pipelines.yml"
    ) || file.starts_with(".pre-commit")
    {
        Part::Tooling
    } else {
        Part::Product
    }
}

/// Files of automation: what they run is no part of the product.
fn is_automation(path: &str) -> bool {
    path.starts_with(".github/")
        || path.starts_with(".circleci/")
        || path.starts_with(".gitlab")
        || path.contains(".pre-commit")
        || path.ends_with("tox.ini")
        || path.ends_with("noxfile.py")
}

/// One place that uses something outside the repository.
struct Use<'s> {
    /// Dotted candidates: the module, or module and name for `from module import name`.
    modules: Vec<String>,
    path: &'s str,
    line: u32,
    cell: Option<u32>,
    /// Neither optional nor for type checkers only.
    needed: bool,
    origin: Origin,
}

/// Everything the verdicts are reached from.
pub struct Judge<'s> {
    pub(super) inventory: &'s Inventory,
    pub(super) files: &'s SourceFiles,
    pub(super) names: &'s dyn ModuleNames,
    uses: Vec<Use<'s>>,
}

/// How a declared package is used.
#[derive(Default)]
struct Found {
    product: usize,
    tests: usize,
    tooling: usize,
    first: Option<String>,
}

impl<'s> Judge<'s> {
    /// Resolves every import once.
    pub fn new(inventory: &'s Inventory, files: &'s SourceFiles, names: &'s dyn ModuleNames) -> Self {
        let own = FirstParty::new(files.python.iter().map(|file| file.path.as_str()));
        let mut uses = Vec::new();
        for file in &files.python {
            for import in &file.text.imports {
                if import.level > 0 || import.module.is_empty() || standard_library::contains(&import.module) {
                    continue;
                }
                let origin = own.origin(&file.path, &import.module);
                let joined =
                    import.names.iter().filter(|name| *name != "*").map(|name| format!("{}.{name}", import.module));
                let mut modules: Vec<String> = joined.collect();
                if modules.is_empty() {
                    modules.push(import.module.clone());
                }
                let needed = !import.optional && !import.type_checking;
                uses.push(Use { modules, path: &file.path, line: import.line, cell: import.cell, needed, origin });
            }
        }
        Self { inventory, files, names, uses }
    }

    /// Where each package of the inventory is imported.
    pub fn imported_at(&self) -> BTreeMap<PackageName, Vec<Site>> {
        let packages: BTreeMap<&PackageName, _> = self
            .inventory
            .manifests
            .iter()
            .flat_map(|manifest| &manifest.packages)
            .map(|package| (&package.name, package.version.as_ref()))
            .collect();
        let mut by_top: BTreeMap<String, Vec<(&PackageName, Distribution)>> = BTreeMap::new();
        for (name, version) in packages {
            let distribution = self.names.distribution(name, version);
            let tops: BTreeSet<String> = distribution.modules.iter().map(|module| top(module)).collect();
            for top in tops {
                by_top.entry(top).or_default().push((name, distribution.clone()));
            }
        }
        let mut sites: BTreeMap<PackageName, BTreeSet<Site>> = BTreeMap::new();
        for place in self.uses.iter().filter(|place| place.origin != Origin::Regular) {
            for module in &place.modules {
                for (name, distribution) in by_top.get(&top(module)).into_iter().flatten() {
                    if distribution.provides(module) {
                        sites
                            .entry((*name).clone())
                            .or_default()
                            .insert(Site { path: place.path.to_owned(), line: place.line });
                    }
                }
            }
        }
        sites.into_iter().map(|(name, sites)| (name, sites.into_iter().collect())).collect()
    }

    /// All verdicts on all projects.
    pub fn findings(&self, projects: &[Project]) -> Vec<Finding> {
        let mut findings = Vec::new();
        for project in projects {
            let known: Vec<(&Declared, Distribution)> = project
                .declared
                .iter()
                .map(|declared| (declared, self.names.distribution(&declared.name, declared.version.as_ref())))
                .collect();
            self.judge_declared(project, projects, &known, &mut findings);
            self.judge_imports(project, projects, &known, &mut findings);
        }
        findings
    }

    fn judge_declared(
        &self,
        project: &Project,
        projects: &[Project],
        known: &[(&Declared, Distribution)],
        findings: &mut Vec<Finding>,
    ) {
        let mut judged = BTreeSet::new();
        for (declared, distribution) in known {
            if !declared.main || declared.dev || !judged.insert(&declared.name) {
                continue;
            }
            let mut found = self.found(project, projects, declared, distribution);
            if distribution.knowledge == Knowledge::Guess && found.product + found.tests + found.tooling == 0 {
                found = self.likely(project, declared, known);
            }
            if found.product > 0 {
                continue;
            }
            let class = if found.tests > 0 {
                Some(UsageClass::TestOnly)
            } else if found.tooling > 0 {
                findings.push(self.tool_at_run_time(declared, distribution, &found));
                None
            } else {
                self.unused_class(declared, distribution, known)
            };
            if let Some(class) = class {
                findings.push(self.unused(declared, distribution, class, &found, known));
            }
        }
    }

    /// All uses of a declared package in the files that its project answers for.
    fn found(
        &self,
        project: &Project,
        projects: &[Project],
        declared: &Declared,
        distribution: &Distribution,
    ) -> Found {
        let elsewhere: Vec<&Project> = projects
            .iter()
            .filter(|other| other.directory != project.directory && project.holds(&other.directory))
            .filter(|other| other.declared.iter().any(|theirs| theirs.name == declared.name))
            .collect();
        let ours = |path: &str| project.holds(path) && !elsewhere.iter().any(|other| other.holds(path));
        let mut found = Found::default();
        let mut count = |path: &str, line: u32, how: &str, tooling: bool| {
            match part(path) {
                _ if tooling => found.tooling += 1,
                Part::Tests => found.tests += 1,
                _ => found.product += 1,
            }
            found.first.get_or_insert_with(|| format!("{how} at {path}:{line}"));
        };
        for place in self.uses.iter().filter(|place| place.origin != Origin::Regular && ours(place.path)) {
            if place.modules.iter().any(|module| distribution.provides(module)) {
                count(place.path, place.line, "imported", false);
            }
        }
        for mention in self.files.mentions.iter().filter(|mention| ours(&mention.path)) {
            if names(mention, &declared.name, distribution) && !declares(mention, declared) {
                count(&mention.path, mention.line, mention.how, mention.tooling || is_automation(&mention.path));
            }
        }
        found
    }

    /// Imports that no declared package is known to provide and that look like this one, whose modules are not known.
    fn likely(&self, project: &Project, declared: &Declared, known: &[(&Declared, Distribution)]) -> Found {
        let mut found = Found::default();
        let unclaimed = |module: &String| !known.iter().any(|(_, distribution)| distribution.provides(module));
        for place in self.uses.iter().filter(|place| place.origin == Origin::Outside && project.holds(place.path)) {
            if place
                .modules
                .iter()
                .any(|module| Distribution::may_be_called(&declared.name, module) && unclaimed(module))
            {
                match part(place.path) {
                    Part::Tests => found.tests += 1,
                    _ => found.product += 1,
                }
                found.first.get_or_insert_with(|| format!("imported at {}:{}", place.path, place.line));
            }
        }
        found
    }

    /// The class of a package that nothing uses; `None` when another declared package uses it for us.
    fn unused_class(
        &self,
        declared: &Declared,
        distribution: &Distribution,
        known: &[(&Declared, Distribution)],
    ) -> Option<UsageClass> {
        let name = &declared.name;
        let others = || known.iter().filter(|(other, _)| other.name != *name);
        if let Some(described) = described_by_stub(name) {
            let beside = others().any(|(other, _)| other.name.as_str() == described)
                || self.imports_top(&described.replace('-', "_"));
            return (!beside).then_some(UsageClass::Stub);
        }
        let locked = |host: &PackageName| {
            let packages = self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
            packages
                .filter(|package| package.name == *host)
                .flat_map(|package| &package.dependencies)
                .any(|edge| edge.name == *name && !edge.marker.as_ref().is_some_and(|marker| marker.contains("extra")))
        };
        let needed_by = others().any(|(other, host)| {
            host.requires.contains(name) || host.knowledge == Knowledge::Guess && locked(&other.name)
        });
        if needed_by {
            return Some(UsageClass::Constraint);
        }
        let backend = others().any(|(_, host)| {
            host.extras.iter().any(|(extra, packages)| !is_dev_extra(extra) && packages.contains(name))
        });
        let plugin = distribution.entry_points.iter().any(|group| {
            let host =
                if group == "pytest11" { "pytest" } else { group.split(['.', '_', ':']).next().unwrap_or(group) };
            others().any(|(other, theirs)| other.name.as_str() == host || theirs.provides(host))
        });
        // plugins of hosts that find them by entry point, where the entry points are not known
        let named_plugin = distribution.knowledge == Knowledge::Guess
            && ["pytest", "flake8", "mkdocs", "sphinx", "sphinxcontrib", "pylint", "tox"]
                .iter()
                .any(|host| name.as_str().strip_prefix(host).is_some_and(|rest| rest.starts_with('-')));
        if backend || plugin || named_plugin {
            return None;
        }
        if others().any(|(other, _)| locked(&other.name)) {
            return Some(UsageClass::Constraint);
        }
        Some(UsageClass::Dead)
    }

    fn imports_top(&self, module: &str) -> bool {
        self.uses.iter().any(|place| place.modules.iter().any(|own| top(own) == module))
    }

    fn unused(
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
            let hosts: Vec<&str> = known
                .iter()
                .filter(|(_, host)| host.requires.contains(&declared.name))
                .map(|(other, _)| other.name.as_str())
                .collect();
            evidence.push(format!(
                "brought anyway by {}",
                if hosts.is_empty() { "another declared package".to_owned() } else { hosts.join(", ") }
            ));
        }
        let confidence = match (distribution.knowledge, class) {
            (Knowledge::Guess, _) => Confidence::Low,
            (_, UsageClass::Constraint) => Confidence::Medium,
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

    fn tool_at_run_time(&self, declared: &Declared, distribution: &Distribution, found: &Found) -> Finding {
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

    fn judge_imports(
        &self,
        project: &Project,
        projects: &[Project],
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
        for place in self
            .uses
            .iter()
            .filter(|place| place.origin != Origin::Regular && owner(projects, place.path) == Some(&project.directory))
        {
            let providers: Vec<&(&Declared, Distribution)> = known
                .iter()
                .filter(|(_, distribution)| place.modules.iter().any(|module| distribution.provides(module)))
                .collect();
            if providers.is_empty() {
                let inherited = inherited
                    .iter()
                    .any(|distribution| place.modules.iter().any(|module| distribution.provides(module)));
                let module = place.modules.first().map_or("", String::as_str);
                let likely = known.iter().any(|(declared, distribution)| {
                    distribution.knowledge == Knowledge::Guess && Distribution::may_be_called(&declared.name, module)
                });
                if place.origin == Origin::Outside && place.needed && !inherited && !likely {
                    undeclared.entry(top(module)).or_default().push(place);
                }
            } else if place.needed
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

    /// `missing` or `transitive`, by whether a lock or a declared package brings a provider of the module.
    fn undeclared(
        &self,
        project: &Project,
        module: &str,
        places: &[&Use<'_>],
        known: &[(&Declared, Distribution)],
    ) -> Option<Finding> {
        let place = places.iter().find(|place| part(place.path) == Part::Product).or(places.first())?;
        let full = place.modules.first()?;
        let brought = |name: &PackageName| {
            known.iter().any(|(_, host)| host.requires.contains(name))
                || self
                    .inventory
                    .manifests
                    .iter()
                    .flat_map(|manifest| &manifest.packages)
                    .any(|package| package.name == *name && !package.direct)
        };
        let mut candidates = self.names.providers(full);
        let locked = self.inventory.manifests.iter().flat_map(|manifest| &manifest.packages);
        candidates.extend(
            locked
                .filter(|package| self.names.distribution(&package.name, package.version.as_ref()).provides(full))
                .map(|package| package.name.clone()),
        );
        let transitive = candidates.iter().find(|name| brought(name));
        let guess = PackageName::new(&module.replace('_', "-")).ok();
        let package = transitive.or(candidates.first()).cloned().or(guess)?;
        if project.declared.iter().any(|declared| declared.name == package) {
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
        let nearest = project.declared.iter().find(|declared| declared.main)?;
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

fn stand_at(finding: &mut Finding, place: &Use<'_>) {
    finding.location =
        Location { path: Some(place.path.to_owned()), line: Some(place.line), cell: place.cell, ..Location::default() };
}

fn top(module: &str) -> String {
    module.split('.').next().unwrap_or(module).to_ascii_lowercase()
}

/// The deepest project that holds a path.
fn owner<'p>(projects: &'p [Project], path: &str) -> Option<&'p String> {
    projects
        .iter()
        .filter(|project| project.holds(path))
        .map(|project| &project.directory)
        .max_by_key(|directory| directory.len())
}

/// True when a mention names this distribution, one of its modules or one of its commands.
fn names(mention: &Mention, name: &PackageName, distribution: &Distribution) -> bool {
    match &mention.named {
        Named::Package(package) => package == name.as_str(),
        Named::Module(module) => distribution.provides(module),
        // of an unknown distribution `x`, `x-run` is likely a command too
        Named::Command(command) if distribution.knowledge == Knowledge::Guess => {
            command.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        }
        Named::Command(command) => distribution.commands.iter().any(|own| own == command),
    }
}

/// The mention is the declaration itself, or its neighbours in the manifest.
fn declares(mention: &Mention, declared: &Declared) -> bool {
    mention.path == declared.manifest && Some(mention.line) == declared.line
}

/// `types-x`, `x-stubs` → x
fn described_by_stub(name: &PackageName) -> Option<&str> {
    let name = name.as_str();
    name.strip_prefix("types-").or_else(|| name.strip_suffix("-stubs"))
}

fn is_dev_extra(extra: &str) -> bool {
    super::projects::is_dev_name(extra)
}

fn declared_at(declared: &Declared) -> String {
    match declared.line {
        Some(line) => format!("declared in {}:{line}", declared.manifest),
        None => format!("declared in {}", declared.manifest),
    }
}

fn provides(distribution: &Distribution) -> String {
    let source = match distribution.knowledge {
        Knowledge::Guess => "guessed from its name",
        Knowledge::Table => "by the offline table",
        Knowledge::Wheel => "by its wheel",
    };
    format!("provides modules {} ({source})", distribution.modules.join(", "))
}

fn finding(
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

/// Formats whose manifests have a command of their tool to change them.
pub(super) fn has_tool(format: Format) -> bool {
    matches!(format, Format::Pyproject | Format::Pipenv)
}
