//! What a distribution whose modules are not known may be imported as.

use std::collections::{BTreeSet, HashMap};

use advisories::PackageName;

use super::declared::Found;
use super::part::{Part, part};
use super::reach::Reach;
use super::{Judge, top};
use crate::usage::evidence::python_texts::{ATTRIBUTE_IN_A_STRING, PATH_IN_A_STRING};
use crate::usage::first_party::Origin;
use crate::usage::mention::{Mention, Named};
use crate::usage::modules::{Distribution, letters};
use crate::usage::projects::Declared;
use crate::usage::standard_library;

impl Judge<'_> {
    /// True when `module` may well be of a distribution whose modules are not known. The same modules are imported all over.
    pub(super) fn may_provide(&self, name: &PackageName, module: &str) -> bool {
        let known = |asked: &HashMap<PackageName, HashMap<String, bool>>| asked.get(name)?.get(module).copied();
        if let Some(answer) = known(&self.asked.borrow()) {
            return answer;
        }
        let answer = self.is_alike(name, module);
        self.asked.borrow_mut().entry(name.clone()).or_default().insert(module.to_owned(), answer);
        answer
    }

    /// The same, and where another package is known to provide the module, more than a word has to be alike: web-babel has no `babel`
    /// beside its own module, though a build of it (`babel-nightly`) has.
    pub(super) fn may_be_of(
        &self,
        declared: &Declared,
        distribution: &Distribution,
        module: &str,
        known: &[(&Declared, Distribution)],
    ) -> bool {
        let name = &declared.name;
        self.may_provide(name, module) && {
            let providers = self.names.providers(module);
            let is_build_of = |provider: &PackageName| name.as_str().starts_with(provider.as_str());
            let imports_it = || {
                self.uses_of(distribution).any(|place| place.modules.iter().any(|module| distribution.provides(module)))
            };
            let is_nothing_else =
                || !declared.dev && !imports_it() && !providers.iter().any(|provider| self.is_brought(provider, known));
            providers.is_empty()
                || Distribution::is_called_like(name, module)
                || providers.iter().any(is_build_of)
                || is_nothing_else()
        }
    }

    fn is_alike(&self, name: &PackageName, module: &str) -> bool {
        let nobody_does = || self.names.providers(module).is_empty();
        // `boto3` has a provider, and it is not boto
        let is_numbered = module.split('.').next().is_some_and(|top| {
            let unnumbered = top.trim_end_matches(|char: char| char.is_ascii_digit());
            unnumbered.len() < top.len() && unnumbered == name.as_str()
        });
        Distribution::may_be_called(name, module) && (!is_numbered || nobody_does())
            || Distribution::shares_a_word(name, module) && nobody_does()
    }

    /// Top-level modules whose parts are packages each: imports spell out at least two declared ones (`aws_cdk.core` and
    /// `aws_cdk.aws_s3`). There the first word alone says nothing of one of them.
    pub(super) fn namespaces(&self, known: &[(&Declared, Distribution)]) -> BTreeSet<String> {
        let by_letters: HashMap<String, &PackageName> =
            known.iter().map(|(declared, _)| (letters(declared.name.as_str()), &declared.name)).collect();
        let mut parts: HashMap<String, BTreeSet<&PackageName>> = HashMap::new();
        let outside = self.uses.iter().filter(|place| place.origin != Origin::Regular);
        for module in outside.flat_map(|place| &place.modules).collect::<BTreeSet<_>>() {
            let mut so_far = String::new();
            for (depth, part) in module.split('.').enumerate() {
                so_far.push_str(&letters(part));
                if let Some(name) = by_letters.get(&so_far).filter(|_| depth > 0) {
                    parts.entry(top(module)).or_default().insert(name);
                }
            }
        }
        parts.into_iter().filter(|(_, names)| names.len() > 1).map(|(top, _)| top).collect()
    }

    /// Imports, and modules named in settings, that no declared package is known to provide and that look like this one, whose modules
    /// are not known.
    pub(super) fn likely(
        &self,
        reach: &Reach<'_>,
        declared: &Declared,
        known: &[(&Declared, Distribution)],
        namespaces: &BTreeSet<String>,
    ) -> Found {
        let mut found = Found::default();
        let fits = |module: &str| {
            self.may_provide(&declared.name, module)
                && !is_of_another_part(&declared.name, module, namespaces)
                && !known.iter().any(|(_, distribution)| distribution.provides(module))
        };
        let mut count = |path: &str, line: u32, how: &str| {
            match part(path) {
                Part::Tests => found.tests += 1,
                _ => found.product += 1,
            }
            found.first.get_or_insert_with(|| format!("{how} at {path}:{line}"));
        };
        for place in self.uses.iter().filter(|place| reach.holds(place.path)) {
            // a module that imports its own name means another one, and an installed package goes before a directory somewhere; where
            // little more than a word is alike, neither says enough
            let alike = |module: &String| {
                is_module_of(place.path, module)
                    || place.origin == Origin::Elsewhere && Distribution::may_be_called(&declared.name, module)
            };
            let outside =
                place.origin == Origin::Outside || place.origin != Origin::Regular && place.modules.iter().any(alike);
            if outside && place.modules.iter().any(|module| fits(module)) {
                count(place.path, place.line, "imported");
            }
        }
        for mention in self.files.mentions.iter().filter(|mention| reach.holds(&mention.path) && !mention.tooling) {
            if let Named::Module(module) = &mention.named
                && (is_code(&mention.path) || is_of_command(mention))
                && says_enough(mention, module, &declared.name)
                && !standard_library::contains(module)
                && fits(module)
                && !self.own.has_module(&top(module))
                && self.own.origin(&mention.path, module) == Origin::Outside
            {
                count(&mention.path, mention.line, mention.how);
            }
        }
        found
    }
}

/// `aws_cdk.aws_s3` is no import of aws-cdk-aws-sqs.
fn is_of_another_part(name: &PackageName, module: &str, namespaces: &BTreeSet<String>) -> bool {
    let top = top(module);
    namespaces.contains(&top)
        && letters(name.as_str()).starts_with(&letters(&top))
        && !Distribution::is_spelt_out(name.as_str(), module)
}

/// A dotted text may be anything, `data.rows` or `cas:user`: more than one word of it has to be alike, or it has to name a class. A list of
/// modules names modules.
fn says_enough(mention: &Mention, module: &str, name: &PackageName) -> bool {
    match mention.how {
        ATTRIBUTE_IN_A_STRING => false,
        PATH_IN_A_STRING | "setting" | "command" | "process command" | "container command" => {
            let is_class = module.rsplit('.').next().is_some_and(|last| last.starts_with(char::is_uppercase));
            is_class || Distribution::is_called_like(name, module) || top(module).trim_matches('_').contains('_')
        }
        _ => true,
    }
}

/// A class or a module that a program is told to load: `celery -S redbeat.RedBeatScheduler`.
fn is_of_command(mention: &Mention) -> bool {
    matches!(mention.how, "command" | "process command" | "container command")
}

/// Python code, or a template of it.
fn is_code(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|file| file.ends_with(".py") || file.contains(".py."))
}

/// `a/x.py` for `x.y`
fn is_module_of(path: &str, module: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".py").is_some_and(|stem| stem == module.split('.').next().unwrap_or(module))
}
