//! Whether and how a declared package is used.

use std::collections::BTreeSet;

use advisories::PackageName;

use super::part::{Part, is_automation, part};
use super::{Judge, top};
use crate::finding::{Finding, UsageClass};
use crate::usage::first_party::Origin;
use crate::usage::mention::{Mention, Named};
use crate::usage::modules::{Distribution, Knowledge};
use crate::usage::projects::{Declared, Project, is_dev_name};

/// How a declared package is used.
#[derive(Default)]
pub(super) struct Found {
    product: usize,
    tests: usize,
    tooling: usize,
    pub(super) first: Option<String>,
}

impl Judge<'_> {
    pub(super) fn judge_declared(
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
            host.extras.iter().any(|(extra, packages)| !is_dev_name(extra) && packages.contains(name))
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
