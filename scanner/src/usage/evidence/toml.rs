//! What TOML files name: tasks, plugins, entry points and dotted settings, each under the keys that mean so.

use super::text_files::{commands, each_line, value_words};
use crate::usage::mention::{Mention, Named};

/// What the values of a key are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Commands,
    Modules,
    /// Names of modules that are looked at, formatted or left alone, which uses nothing.
    Nothing,
}

/// Tools whose settings name modules without using them.
const LOOKERS: &[&str] = &[
    "ruff",
    "isort",
    "black",
    "coverage",
    "deptry",
    "pyright",
    "basedpyright",
    "flake8",
    "bandit",
    "vulture",
    "importlinter",
    "pydocstyle",
    "codespell",
    "ty",
    "pyrefly",
    "fawltydeps",
    "creosote",
    "interrogate",
    "mutmut",
];

fn meaning(section: &str, key: &str, is_pyproject: bool) -> Meaning {
    let parts: Vec<&str> = section.split('.').map(|part| part.trim_matches(['"', '\''])).collect();
    let only = |keys: &[&str]| if keys.contains(&key) { Meaning::Modules } else { Meaning::Nothing };
    match parts.as_slice() {
        ["tool", "poetry", "scripts" | "plugins", ..] | ["project", "scripts" | "gui-scripts" | "entry-points", ..] => {
            Meaning::Modules
        }
        ["tool", "mypy"] => only(&["plugins"]),
        ["tool", "mypy", ..] => Meaning::Nothing,
        ["tool", "pytest", ..] => only(&["addopts", "required_plugins", "env", "plugins", "DJANGO_SETTINGS_MODULE"]),
        ["tool", "pylint", ..] => only(&["load-plugins", "load_plugins"]),
        ["tool", tool, ..] if LOOKERS.contains(tool) => only(&["plugins"]),
        ["tool", rest @ ..]
            if rest
                .iter()
                .any(|part| ["tasks", "scripts", "commands", "cmd"].iter().any(|word| part.contains(word))) =>
        {
            Meaning::Commands
        }
        ["tool", ..] => Meaning::Modules,
        _ if is_pyproject => Meaning::Nothing,
        _ => Meaning::Modules,
    }
}

/// Adds what a file names, and for pyproject.toml the tools that it has a section for.
pub fn read(path: &str, text: &str, into: &mut Vec<Mention>) {
    let is_pyproject = path.ends_with("pyproject.toml");
    let (mut section, mut key, mut in_array) = (String::new(), String::new(), false);
    each_line(text, |line, number| {
        let content = line.trim();
        if !in_array && content.starts_with('[') && content.ends_with(']') {
            section = content.trim_matches(['[', ']']).trim().to_owned();
            key.clear();
            let tool = section.strip_prefix("tool.").and_then(|rest| rest.split('.').next());
            if let Some(tool) = tool.filter(|_| is_pyproject) {
                into.push(Mention {
                    named: Named::Package(tool.trim_matches('"').replace('_', "-").to_ascii_lowercase()),
                    path: path.to_owned(),
                    line: number,
                    how: "configuration section",
                    tooling: true,
                });
            }
            return;
        }
        let value = match content.split_once('=') {
            Some((name, value)) if !in_array => {
                key = name.trim().trim_matches('"').to_owned();
                value.trim()
            }
            _ => content,
        };
        match meaning(&section, &key, is_pyproject) {
            Meaning::Commands => {
                for part in value.split(['"', '\'']).skip(1).step_by(2) {
                    commands(path, number, part, "task", into);
                }
                value_words(path, number, value, "setting", into);
            }
            Meaning::Modules => value_words(path, number, value, "setting", into),
            Meaning::Nothing => {}
        }
        in_array = if in_array {
            !value.ends_with(']') && !value.ends_with("],")
        } else {
            value.starts_with('[') && !value.contains(']')
        };
    });
}
