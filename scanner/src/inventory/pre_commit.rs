//! pre-commit: what `.pre-commit-config.yaml` and `.pre-commit-hooks.yaml` install beside a hook (`additional_dependencies`).
//!
//! Specification: <https://pre-commit.com/#config-additional_dependencies>; for Python the list is handed to `pip install`. Which language a
//! hook is written in stands in the hook's own repository, so that here it is told from the dependencies where nothing else says it.

use super::conda;
use super::follow::{Declared, List, Listed};
use super::package::{Format, Manifest, Role};
use super::pyproject::Serves;
use super::text::SourceText;
use super::yaml_file::{self, Content, Node};
use crate::diagnostic::Diagnostic;

/// Hooks of other languages whose dependencies may be bare names.
const NOT_PYTHON: [&str; 14] = [
    "eslint",
    "prettier",
    "stylelint",
    "tslint",
    "csslint",
    "jshint",
    "scss-lint",
    "commitlint",
    "markdownlint",
    "markdownlint-cli2",
    "fixjsstyle",
    "rubocop",
    "puppet-lint",
    "renovate-config-validator",
];

/// Reads a configuration; `None` when no hook of it installs anything.
pub fn read(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let documents = yaml_file::parse(file, diagnostics);
    let root = documents.first()?;
    let mut expected = |node: &Node, what: &str| {
        diagnostics.push(file.gap(0, format!("expected {what}")).at(node.line, node.column));
    };
    // what a repository offers is a list of hooks, what it uses a list of repositories
    let lists: Vec<&Node> = match (&root.content, root.get("repos")) {
        (Content::Sequence(_), _) => vec![root],
        (_, Some(repos)) => {
            if !matches!(repos.content, Content::Sequence(_)) {
                expected(repos, "a list of repositories");
            }
            for repo in repos.items() {
                let hooks = repo.get("hooks");
                if !hooks.is_some_and(|hooks| matches!(hooks.content, Content::Sequence(_))) {
                    expected(hooks.unwrap_or(repo), "a repository with `hooks`, a list");
                }
            }
            repos.items().iter().filter_map(|repo| repo.get("hooks")).collect()
        }
        _ => {
            expected(root, "`repos`, a list");
            Vec::new()
        }
    };
    let mut declared = Declared::from(Manifest::new(&file.path, Format::Dockerfile, Role::Declared));
    for hook in lists.into_iter().flat_map(Node::items) {
        let Some(dependencies) = hook.get("additional_dependencies") else { continue };
        if !matches!(dependencies.content, Content::Sequence(_)) {
            expected(dependencies, "a list of dependencies");
            continue;
        }
        for item in dependencies.items().iter().filter(|item| item.text().is_none()) {
            expected(item, "a dependency, a text");
        }
        let texts = dependencies.items().iter().filter_map(|item| Some((item.text()?.trim(), item)));
        let serves = Serves::group(hook.field("id").unwrap_or("pre-commit"));
        match language(hook, dependencies) {
            Language::Python => {
                let listed = |(text, item): (&str, &std::rc::Rc<Node>)| Listed {
                    text: text.to_owned(),
                    line: item.line,
                    column: item.column,
                };
                declared.lists.push(List { lines: texts.map(listed).collect(), serves });
            }
            Language::Conda => {
                for (text, item) in texts {
                    match conda::match_spec(text, "defaults") {
                        Some(mut package) => {
                            serves.mark(&mut package);
                            package.line = Some(item.line);
                            declared.manifest.packages.push(package);
                        }
                        None => expected(item, "a conda match specification"),
                    }
                }
            }
            Language::Other => {}
        }
    }
    (!declared.lists.is_empty() || !declared.manifest.packages.is_empty()).then_some(declared)
}

enum Language {
    Python,
    Conda,
    Other,
}

fn language(hook: &Node, dependencies: &Node) -> Language {
    match hook.field("language") {
        Some("python" | "python_venv") => return Language::Python,
        Some("conda") => return Language::Conda,
        Some(_) => return Language::Other,
        None => {}
    }
    let is_foreign = hook.field("id").is_some_and(|id| NOT_PYTHON.contains(&id))
        || dependencies.items().iter().filter_map(|item| item.text()).any(is_of_another_language);
    if is_foreign { Language::Other } else { Language::Python }
}

/// `eslint@8.1`, `@scope/plugin` (node), `example.org/tool@v1` (Go), `cli:name` (Rust), `name:1.0` (Ruby). A requirement has a blank before its
/// address, or a scheme in it.
fn is_of_another_language(text: &str) -> bool {
    let plain = text.split([' ', ';']).next().unwrap_or_default();
    let is_address = text.contains(" @ ") || plain.contains("://") || plain.starts_with(['-', '.', '/']);
    !is_address && plain.contains(['@', ':'])
}
