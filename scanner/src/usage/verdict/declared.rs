//! Whether and how a declared package is used.

use std::collections::BTreeSet;

use advisories::PackageName;

use super::part::{Part, is_automation, part};
use super::reach::Reach;
use super::{Judge, Use};
use crate::finding::{Finding, UsageClass};
use crate::usage::evidence::manuals::OFFERED_BY_A_MANUAL;
use crate::usage::evidence::python_texts::ATTRIBUTE_IN_A_STRING;
use crate::usage::evidence::urls;
use crate::usage::first_party::{Origin, parent};
use crate::usage::mention::{Mention, Named};
use crate::usage::modules::{Distribution, Knowledge};
use crate::usage::projects::{Declared, Project};

/// How a declared package is used.
#[derive(Default)]
pub(super) struct Found {
    pub(super) product: usize,
    pub(super) tests: usize,
    pub(super) tooling: usize,
    pub(super) first: Option<String>,
}

/// Servers, and the files of what they serve.
const SERVERS: &[(&str, &[&str])] = &[
    ("gunicorn", &["wsgi.py", "asgi.py"]),
    ("uwsgi", &["wsgi.py"]),
    ("pyuwsgi", &["wsgi.py"]),
    ("mod-wsgi", &["wsgi.py"]),
    ("waitress", &["wsgi.py"]),
    ("granian", &["wsgi.py", "asgi.py"]),
    ("uvicorn", &["asgi.py"]),
    ("daphne", &["asgi.py"]),
    ("hypercorn", &["asgi.py"]),
];

/// Tools of development: an extra that names one (`all` of many packages) makes no backend of it.
const DEV_TOOLS: &[&str] = &[
    "bandit",
    "black",
    "build",
    "coverage",
    "flake8",
    "isort",
    "mypy",
    "nox",
    "pre-commit",
    "pylint",
    "pyright",
    "pytest",
    "ruff",
    "tox",
    "twine",
];

pub(super) fn is_dev_tool(name: &PackageName) -> bool {
    DEV_TOOLS.contains(&name.as_str())
}

impl Judge<'_> {
    pub(super) fn judge_declared(
        &self,
        project: &Project,
        projects: &[Project],
        known: &[(&Declared, Distribution)],
        findings: &mut Vec<Finding>,
    ) {
        let reach = self.reach(project, projects);
        // few projects have a package that needs them
        let mut namespaces = None;
        let mut judged = BTreeSet::new();
        for (declared, distribution) in known {
            let of_extra = is_of_extra(declared);
            if !(declared.main || of_extra) || declared.dev || !judged.insert(&declared.name) {
                continue;
            }
            let mut found = self.found(project, &reach, projects, declared, distribution);
            if distribution.knowledge == Knowledge::Guess && found.product == 0 {
                // tests may name a guessed module that is not what the product imports
                let namespaces = namespaces.get_or_insert_with(|| self.namespaces(known));
                let likely = self.likely(&reach, declared, known, namespaces);
                if likely.product > 0 || found.tests + found.tooling == 0 {
                    found = likely;
                }
            }
            if found.product > 0 {
                continue;
            }
            let product =
                self.serves(&reach, declared, &mut found) || self.brings(&reach, declared, distribution, known);
            if product {
                continue;
            }
            // an extra may well bring what only tests or a development tool use
            let class = if of_extra && found.tests + found.tooling > 0 {
                None
            } else if found.tests > 0 {
                Some(UsageClass::TestOnly)
            } else if found.tooling > 0 && is_for_pytest(&declared.name, distribution) {
                // an option of pytest's set-up names it, and only tests run pytest
                Some(UsageClass::TestOnly)
            } else if found.tooling > 0 {
                findings.push(self.tool_at_run_time(declared, distribution, &found));
                None
            } else {
                let is_used = |other: &Declared, host: &Distribution| {
                    let mut found = self.found(project, &reach, projects, other, host);
                    found.product > 0 || self.serves(&reach, other, &mut found)
                };
                self.unused_class(declared, distribution, known, is_used)
            };
            if declared.of_conda && distribution.knowledge == Knowledge::Guess && found.tests == 0 {
                // `zlib`, `rust`: a name that is no distribution's says nothing of modules
                continue;
            }
            let is_told = |class: &UsageClass| {
                // the extra of another package may be what an extra here is for
                (!of_extra || *class == UsageClass::Dead)
                    && (*class != UsageClass::Constraint || !asks_for_more(declared, distribution, known))
                    && !self.is_used_unseen(project, projects, declared, distribution, *class)
                    && (*class != UsageClass::Dead || !self.is_adapted(&reach, declared, distribution))
            };
            if let Some(class) = class.filter(is_told) {
                findings.push(self.unused(declared, distribution, class, &found, known));
            }
        }
    }

    /// The code that uses it is not here, or not in the project.
    fn is_used_unseen(
        &self,
        project: &Project,
        projects: &[Project],
        declared: &Declared,
        distribution: &Distribution,
        class: UsageClass,
    ) -> bool {
        let elsewhere = class == UsageClass::Dead && !is_dev_tool(&declared.name);
        elsewhere && (self.runs_absent_code || self.is_copied(project, projects, declared))
            // its comment says so
            || declared.line.is_some_and(|line| self.files.for_absent.contains(&(declared.manifest.clone(), line)))
            || class == UsageClass::Dead && self.is_needed_by_word(project, declared)
            || self.is_used_around(project, projects, declared, distribution)
    }

    /// A comment says that another declared package needs it, which that one's own metadata does not tell.
    fn is_needed_by_word(&self, project: &Project, declared: &Declared) -> bool {
        let words = declared.line.and_then(|line| self.files.needed.get(&(declared.manifest.clone(), line)));
        words.is_some_and(|words| {
            let others = project.declared.iter().filter(|other| other.name != declared.name);
            others.into_iter().any(|other| words.iter().any(|word| word == other.name.as_str()))
        })
    }

    /// A server beside the module that it serves: how it is started is written down where it is deployed.
    fn serves(&self, reach: &Reach<'_>, declared: &Declared, found: &mut Found) -> bool {
        let (_, interfaces) = match SERVERS.iter().find(|(server, _)| *server == declared.name.as_str()) {
            Some(server) => server,
            None => return false,
        };
        let served = self.files.python.iter().find(|file| {
            let name = file.path.rsplit('/').next().unwrap_or(&file.path);
            reach.holds(&file.path) && interfaces.contains(&name) && part(&file.path) == Part::Product
        });
        found.product += usize::from(served.is_some());
        served.is_some()
    }

    /// The manifest came with code that was copied into a package of the project around it, which declares the same: nobody installs
    /// from it.
    fn is_copied(&self, project: &Project, projects: &[Project], declared: &Declared) -> bool {
        let around = projects
            .iter()
            .filter(|other| !other.script && other.directory != project.directory && other.holds(&project.directory));
        !project.script
            && self.own.is_in_package(parent(&project.directory))
            && around.flat_map(|other| &other.declared).any(|theirs| theirs.main && theirs.name == declared.name)
    }

    /// A list in a directory without code repeats what the project around it declares and uses: it is what a container is built with.
    fn is_used_around(
        &self,
        project: &Project,
        projects: &[Project],
        declared: &Declared,
        distribution: &Distribution,
    ) -> bool {
        let is_bare = !project.script && !project.whole && parent(&declared.manifest) != project.directory;
        let around = projects.iter().filter(|other| {
            other.whole && other.directory != project.directory && other.holds(&project.directory) && {
                other.declared.iter().any(|theirs| theirs.name == declared.name && !theirs.dev)
            }
        });
        is_bare
            && around.into_iter().any(|other| {
                let reach = self.reach(other, projects);
                self.found(other, &reach, &[], declared, distribution).product > 0
            })
    }

    /// The code imports something that is there only because this package brings it (`opentelemetry-exporter-otlp` and its parts):
    /// without the declaration the import fails.
    fn brings(
        &self,
        reach: &Reach<'_>,
        declared: &Declared,
        distribution: &Distribution,
        known: &[(&Declared, Distribution)],
    ) -> bool {
        let declared_too = |name: &PackageName| known.iter().any(|(other, _)| other.name == *name);
        let other_bringer = |name: &PackageName| {
            known.iter().any(|(other, host)| other.name != declared.name && host.requires.contains(name))
        };
        distribution.requires.iter().filter(|name| !declared_too(name) && !other_bringer(name)).any(|name| {
            // what shares nothing of the name is a dependency like any other, which the code should declare; a package without a module of
            // its own is there for nothing but its dependencies
            let is_empty = distribution.knowledge != Knowledge::Guess && distribution.modules.is_empty();
            (is_empty || name.as_str().starts_with(declared.name.as_str())) && {
                let brought = self.names.distribution(name, None);
                let is_outside = |place: &&Use<'_>| place.origin != Origin::Regular && part(place.path) != Part::Tests;
                let outside = self.uses.iter().filter(is_outside).filter(|place| reach.holds(place.path));
                // its own modules are no part of what it brings
                let others = outside.flat_map(|place| &place.modules).filter(|module| !distribution.provides(module));
                others.into_iter().any(|module| {
                    brought.provides(module)
                        || brought.knowledge == Knowledge::Guess && Distribution::may_be_called(name, module)
                })
            }
        })
    }

    /// All uses of a declared package in the files that its project answers for.
    fn found(
        &self,
        project: &Project,
        reach: &Reach<'_>,
        projects: &[Project],
        declared: &Declared,
        distribution: &Distribution,
    ) -> Found {
        let elsewhere: Vec<&Project> = projects
            .iter()
            .filter(|other| other.directory != project.directory && project.holds(&other.directory))
            // a bare list inside a project that is packed and installed takes nothing away from it
            .filter(|other| other.script || other.whole || !project.whole)
            // nor a plugin that stands in a package of ours and is packed with it, whatever its own manifest says
            .filter(|other| other.script || !self.own.is_in_package(parent(&other.directory)))
            .filter(|other| other.script || other.declared.iter().any(|theirs| theirs.name == declared.name))
            .collect();
        let beside = self.beside_script(project);
        let ours = |path: &str| {
            (reach.holds(path) || beside.is_some_and(|directory| path.starts_with(directory)))
                && !elsewhere.iter().any(|other| other.holds(path))
        };
        let mut found = Found::default();
        let mut count = |path: &str, line: u32, how: &str, tooling: bool| {
            match part(path) {
                _ if project.script => found.product += 1,
                _ if tooling => found.tooling += 1,
                Part::Tests => found.tests += 1,
                _ => found.product += 1,
            }
            found.first.get_or_insert_with(|| format!("{how} at {path}:{line}"));
        };
        for place in self.uses_of(distribution).filter(|place| place.origin != Origin::Regular && ours(place.path)) {
            if place.modules.iter().any(|module| distribution.provides(module)) {
                count(place.path, place.line, "imported", false);
            }
        }
        let is_ours =
            |mention: &&Mention| ours(&mention.path) || starts_part(mention, project, projects, &declared.name);
        for mention in self.mentions_of(&declared.name, distribution).filter(is_ours) {
            if names(mention, &declared.name, distribution)
                && !declares(mention, declared)
                // `cas:user` is hardly an attribute of `cas`
                && mention.how != ATTRIBUTE_IN_A_STRING
                && (!is_bootstrap(&mention.named) || mention.path.ends_with(".py"))
            {
                // a tool of development that a makefile or a container runs is none of the product for that
                let is_tool = matches!(mention.named, Named::Command(_)) && !mention.path.ends_with(".py");
                let tooling = mention.tooling || is_automation(&mention.path) || is_tool && is_dev_tool(&declared.name);
                count(&mention.path, mention.line, mention.how, tooling);
            }
        }
        found
    }

    /// The directory of a script, with its slash, if the script imports modules that stand there: they run with its declarations.
    pub(super) fn beside_script<'p>(&self, project: &'p Project) -> Option<&'p str> {
        let end = project.directory.rfind('/').filter(|_| project.script)? + 1;
        let mut own = self.uses.iter().filter(|place| place.path == project.directory);
        own.any(|place| place.origin == Origin::Regular).then_some(&project.directory[..end])
    }

    /// The class of a package that nothing uses; `None` when another declared package uses it for us.
    fn unused_class(
        &self,
        declared: &Declared,
        distribution: &Distribution,
        known: &[(&Declared, Distribution)],
        is_used: impl Fn(&Declared, &Distribution) -> bool,
    ) -> Option<UsageClass> {
        let name = &declared.name;
        let others = || known.iter().filter(|(other, _)| other.name != *name);
        // what a development tool brings is not there at run time
        let at_run_time = || others().filter(|(other, _)| !other.dev);
        let beside = |described: &str| {
            others().any(|(other, _)| other.name.as_str() == described)
                || self.imports_top(&described.replace('-', "_"))
        };
        if let Some(described) = described_by_stub(name) {
            return (!beside(described)).then_some(UsageClass::Stub);
        }
        // `celery-types`; alone such a name says nothing
        if name.as_str().strip_suffix("-types").is_some_and(beside) {
            return None;
        }
        let locked = |host: &PackageName| {
            let packages = self.packages.get(host).into_iter().flatten();
            packages
                .flat_map(|package| &package.dependencies)
                .any(|edge| edge.name == *name && !edge.marker.as_ref().is_some_and(|marker| marker.contains("extra")))
        };
        let needed_by = at_run_time().any(|(other, host)| {
            let asked_for = host.extras.iter().filter(|(extra, _)| other.requested_extras.contains(extra));
            host.requires.contains(name)
                || asked_for.flat_map(|(_, packages)| packages).any(|package| package == name)
                // a lock is of the version that is installed
                || locked(&other.name)
        });
        if needed_by {
            return Some(UsageClass::Constraint);
        }
        let backend = self.is_backend(name, known, is_used);
        let plugin = distribution.entry_points.iter().filter_map(|group| host_of(group)).any(|host| {
            others().any(|(other, theirs)| other.name.as_str() == host || theirs.provides(host))
                || self.own_names().any(|own| own.as_str() == host)
        });
        // plugins of hosts that find them by entry point, where the entry points are not known: of well-known ones, and of this project
        let named_plugin = distribution.knowledge == Knowledge::Guess
            && ["pytest", "flake8", "mkdocs", "sphinx", "sphinxcontrib", "pyexcel", "pylint", "tox"]
                .into_iter()
                .chain(self.own_names().map(PackageName::as_str))
                .any(|host| name.as_str().strip_prefix(host).is_some_and(|rest| rest.starts_with('-')));
        let is_plugin_of_pytest = name.as_str() != "pytest" && is_for_pytest(name, distribution);
        if is_plugin_of_pytest && !backend {
            // pytest finds it by itself, and only tests run pytest
            return Some(UsageClass::TestOnly);
        }
        if backend || plugin || named_plugin {
            return None;
        }
        if others().any(|(other, _)| locked(&other.name)) {
            return Some(UsageClass::Constraint);
        }
        Some(UsageClass::Dead)
    }

    /// What the projects of this repository are called.
    fn own_names(&self) -> impl Iterator<Item = &PackageName> {
        self.inventory.manifests.iter().filter_map(|manifest| manifest.project.as_ref()?.name.as_ref())
    }

    pub(super) fn imports_top(&self, module: &str) -> bool {
        self.uses_by_top.contains_key(module)
    }
}

/// Installed only by who asks for it. Which database's driver that is, is told where it is deployed.
fn is_of_extra(declared: &Declared) -> bool {
    !declared.main
        && !declared.extras.is_empty()
        && declared.groups.is_empty()
        && !urls::is_driver(declared.name.as_str())
}

/// `psycopg[binary]` asks for more than who needs psycopg brings.
fn asks_for_more(declared: &Declared, distribution: &Distribution, known: &[(&Declared, Distribution)]) -> bool {
    let is_there =
        |name: &PackageName| distribution.requires.contains(name) || known.iter().any(|(other, _)| other.name == *name);
    declared.requested_extras.iter().any(|extra| {
        let packages = distribution.extras.get(extra);
        packages.is_none_or(|packages| packages.iter().any(|package| !is_there(package)))
    })
}

/// True when a file outside of a part of the repository starts it: a unit, a Dockerfile or a makefile at the root runs a program that
/// nobody but the part declares; or a manual that stands beside it offers it.
fn starts_part(mention: &Mention, project: &Project, projects: &[Project], name: &PackageName) -> bool {
    let mut around = projects.iter().filter(|other| !other.script && other.holds(&mention.path));
    (matches!(mention.named, Named::Command(_)) || mention.how == OFFERED_BY_A_MANUAL)
        && !project.script
        && !project.directory.is_empty()
        && !mention.path.ends_with(".py")
        && around
            .all(|other| other.holds(&project.directory) && !other.declared.iter().any(|theirs| theirs.name == *name))
}

/// True when a mention names this distribution, one of its modules or one of its commands.
fn names(mention: &Mention, name: &PackageName, distribution: &Distribution) -> bool {
    match &mention.named {
        Named::Package(package) => package == name.as_str(),
        Named::Module(module) => distribution.provides(module),
        // of an unknown distribution `x`, `x-run` is likely a command too
        Named::Command(command) if distribution.knowledge == Knowledge::Guess => {
            distribution.commands.contains(command)
                || command.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with('-'))
        }
        // a program of the package's own name may be no console script and not listed, as compiled ones are
        Named::Command(command) => command == name.as_str() || distribution.commands.iter().any(|own| own == command),
    }
}

/// The entry point group in which pytest looks for its plugins.
const PYTEST_PLUGINS: &str = "pytest11";

fn is_for_pytest(name: &PackageName, distribution: &Distribution) -> bool {
    name.as_str() == "pytest"
        || distribution.entry_points.iter().any(|group| group == PYTEST_PLUGINS)
        || distribution.knowledge == Knowledge::Guess && name.as_str().starts_with("pytest-")
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

/// Who looks for plugins in an entry point group, by its name. Build backends load theirs when they build, which is no use at run time.
fn host_of(group: &str) -> Option<&str> {
    Some(match group {
        // of these one is chosen by its name: a result store by a setting, a command by a command line
        "celery.result_backends" | "celery.commands" => return None,
        "pytest11" => "pytest",
        // loaded by `opentelemetry-instrument`
        _ if group.starts_with("opentelemetry_") => "opentelemetry-distro",
        _ => {
            let host = group.split(['.', '_', ':']).next().unwrap_or(group);
            return (!matches!(host, "distutils" | "setuptools" | "egg")).then_some(host);
        }
    })
}

/// Part of every environment, declared or not: that a set-up runs them is no use of the declaration.
fn is_bootstrap(named: &Named) -> bool {
    matches!(named, Named::Command(command) if matches!(command.as_str(), "pip" | "pip3" | "wheel" | "easy_install"))
        || matches!(named, Named::Module(module) if matches!(module.as_str(), "pip" | "ensurepip"))
}
