//! Uses in Python code that are no imports: dotted settings, argument vectors, URLs, features that need another package.

use crate::usage::evidence::{features, shell, urls};
use crate::usage::imports::{Literal, PythonText, Role, is_dotted};
use crate::usage::mention::{Mention, Named, is_module_path};

/// Everything a Python text names without importing it.
#[must_use]
pub fn read(path: &str, text: &PythonText) -> Vec<Mention> {
    let mut into = Vec::new();
    let mention = |named, line, how| Mention { named, path: path.to_owned(), line, how, tooling: false };
    for literal in &text.literals {
        of_literal(literal, |named, how| into.push(mention(named, literal.line, how)));
    }
    for (reference, line) in &text.references {
        let attribute = reference.rsplit_once('.').map(|(_, last)| format!(".{last}"));
        let both = features::of_reference(reference)
            .iter()
            .chain(attribute.iter().flat_map(|last| features::of_reference(last)));
        into.extend(both.map(|package| mention(Named::Package((*package).to_owned()), *line, "feature that needs it")));
    }
    into
}

fn of_literal(literal: &Literal, mut say: impl FnMut(Named, &'static str)) {
    let text = literal.text.trim();
    match literal.role {
        Role::Program | Role::Shell => {
            shell::named_in(text).into_iter().for_each(|named| say(named, "command run by code"))
        }
        Role::ModuleList if is_dotted(text) => say(Named::Module(text.to_owned()), "entry of a list of modules"),
        Role::Argument if is_dotted(text) => say(Named::Module(text.to_owned()), "argument of a command run by code"),
        _ => {}
    }
    if is_module_path(text) {
        say(Named::Module(text.replacen(':', ".", 1)), "dotted path in a string");
    }
    if literal.text.contains("://") || literal.text.contains('+') {
        for (package, _) in urls::drivers(&literal.text) {
            say(Named::Package(package.to_owned()), "URL scheme");
        }
    }
    for package in features::of_literal(text) {
        say(Named::Package((*package).to_owned()), "backend chosen by name");
    }
}
