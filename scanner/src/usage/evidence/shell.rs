//! Programs and modules that a shell command line runs.

use crate::usage::imports::{is_dotted, read_python};
use crate::usage::mention::{Named, is_module_path};

/// Programs that run what follows them, with the number of their own plain arguments.
const WRAPPERS: &[(&str, usize)] = &[
    ("sudo", 0),
    ("exec", 0),
    ("env", 0),
    ("time", 0),
    ("nohup", 0),
    ("nice", 0),
    ("xargs", 0),
    ("tini", 0),
    ("dumb-init", 0),
    ("command", 0),
    ("su-exec", 1),
    ("gosu", 1),
    ("setpriv", 0),
    ("timeout", 1),
    ("if", 0),
    ("then", 0),
    ("else", 0),
    ("elif", 0),
    ("while", 0),
    ("do", 0),
    ("until", 0),
    ("!", 0),
    ("{", 0),
    ("watchmedo", 0),
    ("coverage", 0),
    ("ddtrace-run", 0),
    ("newrelic-admin", 1),
    ("opentelemetry-instrument", 0),
    ("eval", 0),
    ("poetry", 1),
    ("uv", 1),
    ("pipenv", 1),
    ("pdm", 1),
    ("hatch", 1),
    ("rye", 1),
    ("with-contenv", 0),
    ("s6-setuidgid", 1),
    ("chpst", 0),
    ("uvx", 0),
    ("pipx", 1),
    // what is left of a makefile's `$(UV) run x`
    ("run", 0),
];
/// Runners of the list above that are a runner only with `run` after them.
const RUNNERS: &[&str] = &["poetry", "uv", "pipenv", "pdm", "hatch", "rye", "pipx", "coverage"];

/// Everything that one line, or several joined by `;`, `&&`, `|`, runs or names by dotted path.
#[must_use]
pub fn named_in(line: &str) -> Vec<Named> {
    let mut named = Vec::new();
    for words in simple_commands(line) {
        command(&words, &mut named);
    }
    named
}

/// Splits a line into the words of its simple commands.
fn simple_commands(line: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let mut quote = None;
    let mut characters = line.chars().peekable();
    let end_word = |word: &mut String, words: &mut Vec<String>| {
        if !word.is_empty() {
            words.push(std::mem::take(word));
        }
    };
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), other) => word.push(other),
            (None, '\'' | '"') => quote = Some(character),
            (None, '\\') => {
                characters.next();
            }
            (None, '#') if word.is_empty() => break,
            (None, '$') if characters.peek() == Some(&'(') => {
                characters.next();
                end_word(&mut word, &mut words);
                commands.push(std::mem::take(&mut words));
            }
            (None, ';' | '&' | '|' | '(' | ')' | '`' | '\n') => {
                end_word(&mut word, &mut words);
                commands.push(std::mem::take(&mut words));
            }
            (None, space) if space.is_whitespace() => end_word(&mut word, &mut words),
            (None, other) => word.push(other),
        }
    }
    end_word(&mut word, &mut words);
    commands.push(words);
    commands.retain(|words| !words.is_empty());
    commands
}

/// What a variable runs that keeps a command line for later: `COMMAND="uwsgi --ini a.ini"`, whose quotes are gone.
fn kept_for_later(word: &str) -> Vec<Named> {
    let kept = word.split_once('=').filter(|(name, value)| {
        is_dotted(name)
            && value.contains(' ')
            && name.split('_').any(|part| matches!(part.to_ascii_lowercase().as_str(), "cmd" | "command" | "exec"))
    });
    kept.map(|(_, line)| named_in(line)).unwrap_or_default()
}

fn command(words: &[String], named: &mut Vec<Named>) {
    let base = |word: &str| word.trim_start_matches(['@', '-', '+']).rsplit('/').next().unwrap_or_default().to_owned();
    let mut rest = words;
    let mut seen_runner = false;
    loop {
        let Some(first) = rest.first() else { return };
        let assignment = first.split_once('=').is_some_and(|(name, _)| is_dotted(name));
        named.extend(kept_for_later(first));
        if assignment || first.starts_with('-') && seen_runner || first == "--" {
            rest = &rest[1..];
            continue;
        }
        let program = base(first);
        let Some((_, arguments)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == program) else { break };
        if RUNNERS.contains(&program.as_str()) && rest.get(1).is_none_or(|word| word != "run") {
            break;
        }
        named.push(Named::Command(program));
        seen_runner = true;
        let mut skip = 1;
        let mut left = *arguments;
        while left > 0 && skip < rest.len() {
            left -= usize::from(!rest[skip].starts_with('-'));
            skip += 1;
        }
        rest = &rest[skip.min(rest.len())..];
    }
    let program = base(&rest[0]);
    let arguments = &rest[1..];
    // a shell runs the line behind `-c`, whose quotes are gone
    if matches!(program.as_str(), "sh" | "bash" | "ash" | "dash" | "zsh")
        && let Some(at) = arguments.iter().position(|word| word.starts_with('-') && word.ends_with('c'))
    {
        let line = arguments[at + 1..].join(" ");
        named.extend(named_in(&line));
    }
    let python = program.starts_with("python") || program.starts_with("pypy") || program == "py";
    if !program.is_empty() {
        named.push(Named::Command(program.clone()));
    }
    // a command of celery that another package brings
    if program == "celery" && arguments.iter().any(|word| word == "flower") {
        named.push(Named::Command("flower".to_owned()));
    }
    // `python -m celery`, `coverage run -m pytest`, `python -m coverage run -m pytest`
    if python || RUNNERS.contains(&program.as_str()) || seen_runner {
        let after = arguments.iter().zip(arguments.iter().skip(1)).filter(|(flag, _)| *flag == "-m");
        named.extend(after.filter(|(_, module)| is_dotted(module)).map(|(_, module)| Named::Module(module.clone())));
    }
    if python {
        // `python -mceleryd`, `python -c "import celery; …"`
        let glued =
            arguments.iter().take_while(|word| word.starts_with('-')).filter_map(|word| word.strip_prefix("-m"));
        named.extend(glued.filter(|module| is_dotted(module)).map(|module| Named::Module(module.to_owned())));
        if let Some(code) = arguments.iter().position(|word| word == "-c").and_then(|at| arguments.get(at + 1)) {
            let imports = read_python(code, false, None).imports;
            named.extend(
                imports.into_iter().filter(|import| import.level == 0).map(|import| Named::Module(import.module)),
            );
        }
    }
    for (at, word) in arguments.iter().enumerate() {
        let value = word.split_once('=').map_or(word.as_str(), |(_, value)| value);
        if is_module_path(value) {
            named.push(Named::Module(value.replacen(':', ".", 1)));
        }
        // gunicorn's and celery's worker kinds, pytest's plugins, by name alone
        let option = at.checked_sub(1).map(|before| arguments[before].as_str());
        let flag = word.split_once('=').map(|(flag, _)| flag);
        if matches!(
            flag.or(option),
            Some("-k" | "--worker-class" | "-P" | "--pool" | "--loop" | "--http" | "--ws" | "-p")
        ) && is_dotted(value)
        {
            named.push(Named::Module(value.to_owned()));
        }
    }
}
