//! Whether a package that the code does not name is there for the sake of another one: for an extra of it, as a part that it looks for, or
//! because the code takes from another package what is made for this one.

use advisories::PackageName;

use super::declared::is_dev_tool;
use super::part::{Part, part};
use super::reach::Reach;
use super::{Judge, Use};
use crate::usage::evidence::features;
use crate::usage::first_party::Origin;
use crate::usage::modules::{Distribution, letters};
use crate::usage::projects::{Declared, is_dev_name};

/// Packages that watch others: what an extra of them brings is what they watch, which the code has to use by itself.
const WATCHERS: &[&str] =
    &["ddtrace", "elastic-apm", "logfire", "newrelic", "openinference", "opentelemetry", "scout-apm", "sentry-sdk"];
/// Shorter names are words of anything.
const SHORTEST_ADAPTED: usize = 5;

impl Judge<'_> {
    /// An extra of a package that is there at run time brings it, or one uses it where it finds it.
    pub(super) fn is_backend(
        &self,
        name: &PackageName,
        known: &[(&Declared, Distribution)],
        is_used: impl Fn(&Declared, &Distribution) -> bool,
    ) -> bool {
        let at_run_time = known.iter().filter(|(other, _)| other.name != *name && !other.dev);
        let is_there = |package: &PackageName| {
            self.packages.contains_key(package) || known.iter().any(|(_, host)| host.requires.contains(package))
        };
        let is_probed = || {
            features::probed_by(name.as_str()).any(|host| {
                known.iter().any(|(other, _)| !other.dev && other.name.as_str() == host)
                    || self.imports_top(&host.replace('-', "_"))
            })
        };
        !is_dev_tool(name)
            && (at_run_time.filter(|(other, _)| !is_watcher(&other.name)).any(|(other, host)| {
                let names_it = host.extras.iter().any(|(extra, packages)| {
                    // who asks for some extras by name does not ask for others piece by piece
                    let is_usual = packages.len() == 1 || other.requested_extras.is_empty();
                    let is_wanted = is_collective(extra) || is_asked_for(packages, name, is_there);
                    !is_dev_name(extra) && packages.contains(name) && is_usual && is_wanted
                });
                // of two that nobody uses none is there for the other
                let is_needed = || known.iter().any(|(_, another)| another.requires.contains(&other.name));
                names_it && (is_needed() || is_used(other, host))
            }) || is_probed())
    }

    /// The code takes from another package what is called after this one: `HyperscanTokenizer`, `integrations.hyperscan`.
    pub(super) fn is_adapted(&self, reach: &Reach<'_>, declared: &Declared, distribution: &Distribution) -> bool {
        let names = called(declared.name.as_str());
        if names.is_empty() {
            return false;
        }
        let Adaptations { classes, parts } = self.adaptations.get_or_init(|| Adaptations::of(&self.uses));
        let by_class = classes.iter().filter(|(place, module)| {
            let module = &self.uses[*place].modules[*module];
            let class = module.rsplit('.').next().unwrap_or(module);
            names.iter().any(|name| is_class_of(class, name))
        });
        let by_part =
            parts.iter().filter(|(.., part)| names.contains(part)).map(|(place, module, _)| (*place, *module));
        by_class.copied().chain(by_part).any(|(place, module)| {
            let Use { path, modules, .. } = &self.uses[place];
            !distribution.provides(&modules[module]) && reach.holds(path) && part(path) == Part::Product
        })
    }
}

/// What the code takes from packages that may be called after another one: the place among the uses, and the module there.
#[derive(Default)]
pub(super) struct Adaptations {
    /// Their last part may be the name of a class.
    classes: Vec<(usize, usize)>,
    /// A part of theirs is what they adapt, in letters alone.
    parts: Vec<(usize, usize, String)>,
}

impl Adaptations {
    fn of(uses: &[Use<'_>]) -> Self {
        let mut found = Self::default();
        for (place, taken) in uses.iter().enumerate().filter(|(_, taken)| taken.origin == Origin::Outside) {
            for (number, module) in taken.modules.iter().enumerate() {
                if module.rsplit_once('.').is_some_and(|(_, last)| last.starts_with(char::is_uppercase)) {
                    found.classes.push((place, number));
                }
                found.parts.extend(adapters(module).map(|part| (place, number, letters(part))));
            }
        }
        found
    }
}

fn is_watcher(host: &PackageName) -> bool {
    WATCHERS
        .iter()
        .any(|watcher| host.as_str().strip_prefix(watcher).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

/// An extra that brings whatever there is: nobody has all of it.
fn is_collective(extra: &str) -> bool {
    let mut words = extra.split(['-', '_']);
    words.any(|word| matches!(word, "all" | "full" | "complete" | "standard" | "everything" | "recommended"))
}

/// Who declares a package for an extra of many declares the others as well: half of them at least, for some are of one platform.
fn is_asked_for(packages: &[PackageName], name: &PackageName, is_there: impl Fn(&PackageName) -> bool) -> bool {
    const FEW: usize = 3;
    let others = packages.iter().filter(|other| *other != name).count();
    let there = packages.iter().filter(|other| *other != name && is_there(other)).count();
    others < FEW || there * 2 >= others
}

/// The parts of a module behind one that says that they adapt something: `hyperscan` of `a.integrations.hyperscan.Scanner`.
fn adapters(module: &str) -> impl Iterator<Item = &str> {
    const WORDS: &[&str] = &[
        "adapters",
        "backends",
        "dialects",
        "drivers",
        "instrumentation",
        "integrations",
        "transports",
        "vectorstores",
    ];
    module
        .split('.')
        .skip(1)
        .zip(module.split('.').skip(2))
        .filter(|(word, _)| WORDS.contains(word))
        .map(|(_, next)| next)
}

/// What others call a package, in letters alone: as it is called, and without the word that says that it is one for Python
/// (`OpenSearchVectorSearch` needs opensearch-py).
fn called(name: &str) -> Vec<String> {
    let plain = ["-py", "-python"].iter().find_map(|word| name.strip_suffix(word));
    let names = [Some(name), plain].into_iter().flatten().map(letters);
    names.filter(|name| name.len() >= SHORTEST_ADAPTED).collect()
}

/// `HyperscanTokenizer` for hyperscan.
fn is_class_of(part: &str, name: &str) -> bool {
    let start = part.get(..name.len());
    let is_word = part.get(name.len()..).is_some_and(|rest| rest.starts_with(char::is_uppercase));
    part.starts_with(char::is_uppercase) && is_word && start.is_some_and(|start| start.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_called_after_a_package() {
        for (part, name, expected) in [
            ("HyperscanTokenizer", "hyperscan", true),
            ("PyMuPDFLoader", "pymupdf", true),
            ("Naturalise", "natural", false),
            ("natural_time", "natural", false),
            ("Natural", "natural", false),
            ("MyHyperscan", "hyperscan", false),
        ] {
            assert_eq!(is_class_of(part, name), expected, "{part}");
        }
    }

    #[test]
    fn a_package_is_called_without_the_word_for_python() {
        for (name, expected) in [
            ("hyperscan", &["hyperscan"][..]),
            ("opensearch-py", &["opensearchpy", "opensearch"]),
            ("opencv-python", &["opencvpython", "opencv"]),
            ("ldap-py", &["ldappy"]),
            ("python-magic", &["pythonmagic"]),
            ("lxml", &[]),
        ] {
            assert_eq!(called(name), expected, "{name}");
        }
    }

    #[test]
    fn a_part_that_adapts_something_says_what() {
        for (module, expected) in [
            ("a.integrations.hyperscan.Scanner", &["hyperscan"][..]),
            ("a.b.backends.hyperscan", &["hyperscan"]),
            ("a.hyperscan", &[]),
            ("integrations.hyperscan", &[]),
            ("a.contrib.humanize", &[]),
        ] {
            assert_eq!(adapters(module).collect::<Vec<_>>(), expected, "{module}");
        }
    }

    #[test]
    fn half_of_an_extra_is_there_where_somebody_asked_for_it() {
        let names = |names: &[&str]| names.iter().map(|name| PackageName::new(name).unwrap()).collect::<Vec<_>>();
        let wanted = PackageName::new("requests").unwrap();
        for (extra, there, expected) in [
            (&["requests"][..], &[][..], true),
            (&["requests", "a", "b"], &[], true),
            (&["requests", "a", "b", "c"], &["a", "b"], true),
            (&["requests", "a", "b", "c"], &["a", "requests"], false),
        ] {
            let there = names(there);
            assert_eq!(
                is_asked_for(&names(extra), &wanted, |name| there.contains(name)),
                expected,
                "{extra:?} {there:?}"
            );
        }
    }
}
