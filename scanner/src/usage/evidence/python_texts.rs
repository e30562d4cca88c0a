//! Uses in Python code that are no imports: dotted settings, argument vectors, URLs, features that need another package.

use advisories::PackageName;

use crate::usage::evidence::{features, shell, urls};
use crate::usage::imports::{Literal, PythonText, Role, is_dotted, is_program_path};
use crate::usage::mention::{Mention, Named, is_module_path};

/// Everything a Python text names without importing it.
#[must_use]
pub fn read(path: &str, text: &PythonText) -> Vec<Mention> {
    let mut into = Vec::new();
    let mention = |named, line, how| Mention { named, path: path.to_owned(), line, how, tooling: false };
    for literal in &text.literals {
        of_literal(literal, |named, how| into.push(mention(named, literal.line, how)));
    }
    for import in text.imports.iter().filter(|import| import.level == 0) {
        for package in features::of_module(&import.module) {
            into.push(mention(Named::Package(package), import.line, "module that needs it"));
        }
    }
    if let Some(server) = configures(path) {
        into.push(mention(Named::Package(server.to_owned()), 1, "its configuration file"));
    }
    let needing = text.references.iter().flat_map(|(reference, line)| {
        let attribute = reference
            .rsplit_once('.')
            .filter(|(owner, _)| !owner.is_empty())
            .map_or(reference.as_str(), |(_, last)| last);
        let attribute = attribute.strip_prefix('.').unwrap_or(attribute);
        let of_attribute: &'static [&'static str] =
            if reference.contains('.') { features::of_attribute(attribute) } else { &[] };
        let packages = features::of_reference(reference).iter().chain(of_attribute);
        packages.map(move |package| (reference, *line, *package))
    });
    let mut needing: Vec<_> = needing.collect();
    needing.sort_unstable();
    needing.dedup();
    let needed =
        |(_, line, package): (_, u32, &str)| mention(Named::Package(package.to_owned()), line, "feature that needs it");
    into.extend(needing.into_iter().map(needed));
    into
}

/// The server that a Python file configures, by the file's name.
fn configures(path: &str) -> Option<&'static str> {
    let file = path.rsplit('/').next().unwrap_or(path);
    let words: Vec<&str> = file.split(['.', '_', '-']).collect();
    let conf = words.iter().any(|word| matches!(*word, "conf" | "config"));
    ["gunicorn", "hypercorn", "uvicorn"].into_iter().find(|server| conf && words.contains(server))
}

/// The module in `name = package.module:attribute`, as setup.py writes entry points.
fn entry_point(text: &str) -> Option<&str> {
    let (name, target) = text.split_once('=')?;
    let target = target.split('[').next().unwrap_or(target).trim();
    let (module, attribute) = target.split_once(':')?;
    let named =
        |text: &str| !text.is_empty() && text.chars().all(|char| char.is_alphanumeric() || "-_. ".contains(char));
    (named(name) && is_dotted(module) && is_dotted(attribute)).then_some(module)
}

fn of_literal(literal: &Literal, mut say: impl FnMut(Named, &'static str)) {
    let text = literal.text.trim();
    match literal.role {
        Role::Program | Role::Shell => {
            shell::named_in(text).into_iter().for_each(|named| say(named, "command run by code"))
        }
        Role::Distribution => {
            if let Ok(package) = PackageName::new(text) {
                say(Named::Package(package.as_str().to_owned()), "distribution named by code");
            }
        }
        Role::ModuleList if is_dotted(text) => {
            say(Named::Module(text.to_owned()), "entry of a list of modules");
            if !text.contains('.') {
                features::of_module(text)
                    .into_iter()
                    .for_each(|package| say(Named::Package(package), "application that needs it"));
            }
        }
        Role::Argument if is_dotted(text) => say(Named::Module(text.to_owned()), "argument of a command run by code"),
        _ => {}
    }
    if literal.role == Role::Plain && is_program_path(text) {
        // an environment's own pip is not the declared one
        let is_other = |named: &Named| matches!(named, Named::Command(program) if !program.starts_with("pip"));
        let programs = shell::named_in(text).into_iter().filter(is_other);
        programs.for_each(|named| say(named, "path of a program"));
    }
    if is_module_path(text) {
        say(Named::Module(text.replacen(':', ".", 1)), "dotted path in a string");
        features::of_module(text).into_iter().for_each(|package| say(Named::Package(package), "setting that needs it"));
    }
    if let Some(module) = entry_point(text) {
        say(Named::Module(module.to_owned()), "entry point");
    }
    if literal.text.contains("://") || literal.text.contains('+') {
        for (package, _) in urls::drivers(&literal.text) {
            say(Named::Package(package.to_owned()), "URL scheme");
        }
    }
    // a bare word in a list of data chooses nothing; a dotted backend does wherever it stands
    for package in features::of_literal(text).iter().filter(|_| !literal.listed || text.contains('.')) {
        say(Named::Package((*package).to_owned()), "backend chosen by name");
    }
}
