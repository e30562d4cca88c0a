//! Commands and module paths in configuration that is no Python: container files, process lists, workflows, unit files, ini.

use crate::usage::evidence::{features, manuals, options, shell, templates, toml, urls};
use crate::usage::imports::is_dotted;
use crate::usage::mention::{Mention, Named, is_module_path};

/// The kinds of files that are read for mentions, by what decides where a command may stand in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Dockerfile, Containerfile
    Container,
    /// `name: command` lines
    Procfile,
    /// Every line is a command.
    Shell,
    /// Recipe lines of make and just.
    Recipes,
    /// Compose files, workflows, pre-commit, mkdocs
    Yaml,
    /// ini, cfg, unit files, tox.ini, alembic.ini, supervisor
    Ini,
    /// pyproject.toml and other TOML
    Toml,
    /// `.env` and the like
    Environment,
    /// Django and Jinja templates
    Template,
    /// README, documentation
    Manual,
}

/// Which kind a path is, if usage reads it.
#[must_use]
pub fn kind_of(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let lower = name.to_ascii_lowercase();
    let extension = lower.rsplit_once('.').map_or("", |(_, extension)| extension);
    Some(match lower.as_str() {
        _ if lower.starts_with("dockerfile") || lower.starts_with("containerfile") || extension == "dockerfile" => {
            Kind::Container
        }
        _ if lower.starts_with("procfile") => Kind::Procfile,
        "makefile" | "gnumakefile" | "justfile" => Kind::Recipes,
        _ if matches!(extension, "mk" | "just") => Kind::Recipes,
        _ if matches!(extension, "sh" | "bash" | "zsh" | "bat" | "ps1") || lower == "crontab" => Kind::Shell,
        _ if matches!(extension, "yml" | "yaml" | "sls") => Kind::Yaml,
        _ if lower.starts_with(".env") || matches!(extension, "env") => Kind::Environment,
        _ if matches!(extension, "ini" | "cfg" | "conf" | "service" | "timer")
            || matches!(lower.as_str(), ".flake8" | ".pylintrc" | ".coveragerc" | ".isort.cfg") =>
        {
            Kind::Ini
        }
        "uv.lock" | "poetry.lock" | "pdm.lock" | "pylock.toml" => return None,
        _ if extension == "toml" => Kind::Toml,
        _ if manuals::is_manual(&lower) => Kind::Manual,
        _ if matches!(extension, "html" | "htm" | "djhtml" | "jinja" | "jinja2" | "j2" | "mjml") => Kind::Template,
        _ if extension == "txt" && path.split('/').any(|part| part == "templates") => Kind::Template,
        _ => return None,
    })
}

/// Everything a configuration file names.
#[must_use]
pub fn read(path: &str, kind: Kind, text: &str) -> Vec<Mention> {
    let mut into = Vec::new();
    match kind {
        Kind::Container => container(path, text, &mut into),
        Kind::Procfile => each_line(text, |line, number| {
            if let Some((_, command)) = line.split_once(':') {
                commands(path, number, command, "process command", &mut into);
            }
        }),
        Kind::Shell => continued(text, |line, number| commands(path, number, line, "command", &mut into)),
        Kind::Recipes => continued(text, |line, number| {
            if line.starts_with(['\t', ' ']) {
                commands(path, number, line.trim(), "recipe", &mut into);
            }
        }),
        Kind::Yaml => {
            yaml(path, text, &mut into);
            manual(path, text, &mut into);
            states(path, text, &mut into);
        }
        Kind::Ini => ini(path, text, &mut into),
        Kind::Toml => toml::read(path, text, &mut into),
        Kind::Template => templates::read(path, text, &mut into),
        Kind::Manual => manuals::read(path, text, &mut into),
        Kind::Environment => each_line(text, |line, number| {
            if let Some((_, value)) = line.split_once('=') {
                value_words(path, number, value, "setting", &mut into);
            }
        }),
    }
    if matches!(kind, Kind::Template | Kind::Manual) {
        return into;
    }
    for (driver, line) in urls::drivers(text) {
        into.push(Mention {
            named: Named::Package(driver.to_owned()),
            path: path.to_owned(),
            line,
            how: "URL scheme",
            tooling: false,
        });
    }
    options::read(path, text, &mut into);
    into
}

pub(super) fn each_line(text: &str, mut read: impl FnMut(&str, u32)) {
    for (at, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if !trimmed.is_empty() && !trimmed.starts_with(['#', ';']) {
            read(line, u32::try_from(at + 1).unwrap_or(u32::MAX));
        }
    }
}

/// Lines with their backslash continuations, numbered by the first.
fn continued(text: &str, mut read: impl FnMut(&str, u32)) {
    let (mut whole, mut first) = (String::new(), 0);
    for (at, line) in text.lines().enumerate() {
        if whole.is_empty() {
            first = u32::try_from(at + 1).unwrap_or(u32::MAX);
        } else if line.trim_start().starts_with('#') {
            continue;
        }
        match line.trim_end().strip_suffix('\\') {
            Some(start) => {
                whole.push_str(start);
                whole.push(' ');
            }
            None => {
                whole.push_str(line);
                read(&whole, first);
                whole.clear();
            }
        }
    }
    if !whole.is_empty() {
        read(&whole, first);
    }
}

pub(super) fn commands(path: &str, line: u32, command: &str, how: &'static str, into: &mut Vec<Mention>) {
    let mentions = shell::named_in(command).into_iter();
    into.extend(mentions.map(|named| Mention { named, path: path.to_owned(), line, how, tooling: false }));
}

/// Module paths among the words of a value.
pub(super) fn value_words(path: &str, line: u32, value: &str, how: &'static str, into: &mut Vec<Mention>) {
    let words = value.split(|char: char| {
        char.is_whitespace() || matches!(char, '"' | '\'' | ',' | '[' | ']' | '=' | '(' | ')' | '{' | '}')
    });
    for word in words.filter(|word| is_module_path(word)) {
        let named = Named::Module(word.replacen(':', ".", 1));
        into.push(Mention { named, path: path.to_owned(), line, how, tooling: false });
        // the engine of a database or a cache, by its path
        for package in features::of_literal(word) {
            let named = Named::Package((*package).to_owned());
            into.push(Mention { named, path: path.to_owned(), line, how: "backend chosen by name", tooling: false });
        }
    }
}

fn container(path: &str, text: &str, into: &mut Vec<Mention>) {
    continued(text, |line, number| {
        let line = line.trim();
        let (instruction, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match instruction.to_ascii_uppercase().as_str() {
            "RUN" | "CMD" | "ENTRYPOINT" | "HEALTHCHECK" => {
                let rest = rest.strip_prefix("CMD").unwrap_or(rest).trim();
                let run = match serde_json::from_str::<Vec<String>>(rest) {
                    Ok(words) => words.join(" "),
                    Err(_) => {
                        rest.split_whitespace().skip_while(|word| word.starts_with("--")).collect::<Vec<_>>().join(" ")
                    }
                };
                commands(path, number, &run, "container command", into);
            }
            "ENV" | "ARG" => value_words(path, number, rest, "container environment", into),
            _ => {}
        }
    });
}

/// Keys under which YAML files carry commands.
const COMMAND_KEYS: &[&str] = &[
    "command",
    "entrypoint",
    "run",
    "script",
    "before_script",
    "after_script",
    "args",
    "cmd",
    "cmds",
    "commands",
    "entry",
    "exec",
    "test",
    "install",
    "startcommand",
    "buildcommand",
    "initialdeploycommand",
    "predeploycommand",
    "release",
    "web",
    "worker",
    "post_install",
    "pre_install",
    "build",
];
/// Keys under which they name modules or plugins.
const MODULE_KEYS: &[&str] =
    &["plugins", "markdown_extensions", "extensions", "class", "handler", "()", "factory", "backend"];

/// A reading of YAML by lines and indentation: templates and half-valid files are common, and only commands under known keys count.
fn yaml(path: &str, text: &str, into: &mut Vec<Mention>) {
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut vector: Option<(usize, u32, String)> = None;
    each_line(text, |line, number| {
        let indent = line.len() - line.trim_start().len();
        let content = line.trim();
        let (item, content) = match content.strip_prefix("- ") {
            Some(rest) => (true, rest.trim()),
            None => (false, content),
        };
        let depth = indent + usize::from(item) * 2;
        // a sequence may stand at its key's own indentation
        open.retain(|(at, _)| *at < indent || (item && *at == indent && !open_is_item(line)));
        let under = |keys: &[&str]| open.iter().rev().take(2).any(|(_, key)| keys.contains(&key.as_str()));
        let plain = unquoted(content);
        let key = content
            .split_once(':')
            .filter(|(key, rest)| (rest.is_empty() || rest.starts_with(' ')) && !key.contains(' '));
        if vector.as_ref().is_some_and(|(at, ..)| !item || *at != indent)
            && let Some((_, first, words)) = vector.take()
        {
            commands(path, first, &words, "command", into);
        }
        match key {
            Some((key, value)) => {
                let key = unquoted(key).to_ascii_lowercase();
                let value = value.trim();
                let is_block = value.is_empty() || value.starts_with(['|', '>']);
                if COMMAND_KEYS.contains(&key.as_str()) && !is_block {
                    let words = value.trim_matches(['[', ']']).replace("\", \"", " ").replace("', '", " ");
                    commands(path, number, unquoted(&words), "command", into);
                } else if !is_block {
                    if MODULE_KEYS.contains(&key.as_str()) && is_dotted(unquoted(value)) {
                        module(path, number, unquoted(value), into);
                    }
                    if under(COMMAND_KEYS) {
                        commands(path, number, content, "command", into);
                    }
                    value_words(path, number, value, "setting", into);
                }
                if under(MODULE_KEYS) && is_dotted(&key.replace('-', "_")) {
                    plugin(path, number, &key, into);
                }
                open.push((depth.max(indent), key));
            }
            None if under(COMMAND_KEYS) => {
                if item && !plain.contains(' ') {
                    let (_, _, words) = vector.get_or_insert((indent, number, String::new()));
                    words.push_str(plain);
                    words.push(' ');
                } else {
                    commands(path, number, plain, "command", into);
                }
            }
            None if item && under(MODULE_KEYS) => plugin(path, number, plain, into),
            None if item => value_words(path, number, plain, "setting", into),
            None => {}
        }
    });
    if let Some((_, first, words)) = vector {
        commands(path, first, &words, "command", into);
    }
}

/// The program that Read the Docs builds a manual with, by its section in `.readthedocs.yaml`.
fn manual(path: &str, text: &str, into: &mut Vec<Mention>) {
    let file = path.rsplit('/').next().unwrap_or(path);
    if !matches!(file, ".readthedocs.yaml" | ".readthedocs.yml" | "readthedocs.yml") {
        return;
    }
    each_line(text, |line, number| {
        if let Some(program) = ["sphinx", "mkdocs"].into_iter().find(|program| line.trim_end() == format!("{program}:"))
        {
            let named = Named::Package(program.to_owned());
            into.push(Mention {
                named,
                path: path.to_owned(),
                line: number,
                how: "builder of the manual",
                tooling: true,
            });
        }
    });
}

/// Salt reads `.sls`; its states of AWS, `boto_elb.present`, are made with boto and boto3.
fn states(path: &str, text: &str, into: &mut Vec<Mention>) {
    if !path.ends_with(".sls") {
        return;
    }
    let mut say = |package: &str, line: u32, how: &'static str| {
        let named = Named::Package(package.to_owned());
        into.push(Mention { named, path: path.to_owned(), line, how, tooling: false });
    };
    say("salt", 1, "states that it reads");
    each_line(text, |line, number| {
        if ["boto_", "boto3_"].iter().any(|start| line.trim_start().starts_with(start)) {
            say("boto", number, "state that needs it");
            say("boto3", number, "state that needs it");
        }
    });
}

fn open_is_item(line: &str) -> bool {
    line.trim_start().starts_with("- ") && line.trim_start()[2..].trim_start().starts_with("- ")
}

fn unquoted(text: &str) -> &str {
    text.trim().trim_matches(['"', '\''])
}

fn module(path: &str, line: u32, text: &str, into: &mut Vec<Mention>) {
    into.push(Mention {
        named: Named::Module(text.to_owned()),
        path: path.to_owned(),
        line,
        how: "module in configuration",
        tooling: false,
    });
}

/// A plugin by its short name: `mkdocs.yml` says `mermaid2` for mkdocs-mermaid2-plugin, pylint and mypy say the module.
fn plugin(path: &str, line: u32, name: &str, into: &mut Vec<Mention>) {
    let name = unquoted(name).trim_end_matches(':');
    if is_dotted(&name.replace('-', "_")) {
        module(path, line, name, into);
        let name = name.replace(['_', '.'], "-");
        let packages = if path.contains("mkdocs") {
            vec![format!("mkdocs-{name}"), format!("mkdocs-{name}-plugin"), name]
        } else {
            vec![name]
        };
        for package in packages {
            into.push(Mention {
                named: Named::Package(package),
                path: path.to_owned(),
                line,
                how: "plugin",
                tooling: true,
            });
        }
    }
}

/// Files whose sections name development tools.
const TOOL_FILES: &[&str] =
    &["setup.cfg", "tox.ini", "pytest.ini", "mypy.ini", ".flake8", ".pylintrc", ".coveragerc", ".isort.cfg"];

/// Sections of development tools, `[flake8]` or `[tool:pytest]`, name the tool; keys of commands are commands.
fn ini(path: &str, text: &str, into: &mut Vec<Mention>) {
    let mut in_commands = false;
    each_line(text, |line, number| {
        let content = line.trim();
        if let Some(section) = content.strip_prefix('[').and_then(|line| line.split(']').next()) {
            let tool = section.strip_prefix("tool:").unwrap_or(section).split([':', '-']).next().unwrap_or_default();
            // in any other file a section `[redis]` is the application's own
            if TOOL_FILES.contains(&path.rsplit('/').next().unwrap_or(path)) {
                let named = Named::Package(tool.to_ascii_lowercase());
                into.push(Mention {
                    named,
                    path: path.to_owned(),
                    line: number,
                    how: "configuration section",
                    tooling: true,
                });
            }
            in_commands = false;
            return;
        }
        let value = match content.split_once('=') {
            Some((key, value)) if !line.starts_with([' ', '\t']) => {
                let key = key.trim().to_ascii_lowercase();
                in_commands =
                    key.starts_with("command") || key.starts_with("exec") || key == "daemon" || key == "attach-daemon";
                value
            }
            _ => content,
        };
        if in_commands {
            commands(path, number, value.trim().trim_start_matches(['-', '+', '!', '@']), "command", into);
        }
        value_words(path, number, value, "setting", into);
    });
}
