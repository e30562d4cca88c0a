//! tox: `tox.ini`, `tox.toml`, `[tool.tox]` of a `pyproject.toml`, and the sections of a `setup.cfg` that has a `[tox:tox]`.
//!
//! Specification: <https://tox.wiki/en/latest/config.html>, and tox's `config/loader/ini` for factors, substitutions and references. `deps` are
//! lines of a requirements file; what holds for some environments only (`py39: x`) is taken, too. An environment is a group of its own,
//! called `tox` and its name, for it is installed beside the project's own and may contradict it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use toml::de::{DeTable, DeValue};

use super::follow::{Declared, List, Listed};
use super::ini_file;
use super::package::{Format, Manifest, Role};
use super::pyproject::Serves;
use super::requirement::shortened;
use super::text::SourceText;
use super::toml_file::{self, Value};
use crate::diagnostic::{Diagnostic, Stage};

/// The group of what every environment has.
pub const GROUP: &str = "tox";
/// Environments that one list is counted to, and lists that one takes in.
const MAX_LINKS: usize = 64;
/// Substitutions inside substitutions.
const MAX_DEPTH: usize = 8;

/// True for the group of one of tox's environments.
#[must_use]
pub fn is_environment(group: &str) -> bool {
    group.strip_prefix(GROUP).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// A list's section and key.
type Key = (String, String);

/// One list of requirements.
#[derive(Default)]
struct Lines {
    own: Vec<Listed>,
    /// Lists it takes in, and where.
    references: Vec<(Key, u32, u32)>,
    /// The environment it belongs to; `None` for one that only others take in.
    environment: Option<String>,
}

type Lists = HashMap<Key, Lines>;

/// Reads `tox.ini`; `None` when no environment installs anything.
pub fn read_ini(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let mut lists = Lists::new();
    diagnostics.extend(ini(&file.path, &file.text, 1, &mut lists));
    declared(file, settled(&file.path, &lists, diagnostics))
}

/// Reads `tox.toml`; `None` when no environment installs anything.
pub fn read_toml(file: &SourceText, diagnostics: &mut Vec<Diagnostic>) -> Option<Declared> {
    let root = toml_file::parse(file, diagnostics);
    let lists = of_table(file, &root, diagnostics);
    declared(file, lists)
}

fn declared(file: &SourceText, lists: Vec<List>) -> Option<Declared> {
    let manifest = Manifest::new(&file.path, Format::Dockerfile, Role::Declared);
    (!lists.is_empty()).then(|| Declared { manifest, follows: Vec::new(), lists })
}

/// What the tables of `tox.toml`, which are those of `[tool.tox]`, ask for.
pub(super) fn of_table(file: &SourceText, root: &DeTable<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<List> {
    let mut lists = Lists::new();
    if let Some(value) = root.get("legacy_tox_ini")
        && let Some(text) = value.get_ref().as_str()
    {
        // a text of several lines begins below its quotes
        let opening = file.text.get(value.span()).unwrap_or_default().trim_start_matches(['"', '\'']);
        let first = file.line(value.span().start) + u32::from(opening.starts_with(['\n', '\r']));
        diagnostics.extend(ini(&file.path, text, first, &mut lists));
    }
    let mut add = |section: &str, table: &DeTable<'_>, key: &str, environment: String| {
        if let Some(value) = table.get(key) {
            let lines = Lines { environment: Some(environment), ..of_value(file, value, diagnostics) };
            lists.insert((section.to_owned(), key.to_owned()), lines);
        }
    };
    add("", root, "requires", GROUP.to_owned());
    for base in ["env_run_base", "env_pkg_base"] {
        if let Some(table) = toml_file::table(root, &[base]) {
            add(base, table, "deps", GROUP.to_owned());
        }
    }
    for (name, _, value) in toml_file::table(root, &["env"]).map_or_else(Vec::new, toml_file::in_order) {
        if let Some(table) = value.get_ref().as_table() {
            add(&format!("env.{name}"), table, "deps", format!("{GROUP}-{name}"));
        }
    }
    settled(&file.path, &lists, diagnostics)
}

/// A text of lines, or an array of texts and of tables that stand for other values.
fn of_value(file: &SourceText, value: &Value<'_>, diagnostics: &mut Vec<Diagnostic>) -> Lines {
    let mut lines = Lines::default();
    let items = value.get_ref().as_array().map_or(std::slice::from_ref(value), |array| array);
    for item in items {
        let (line, column) = file.position(item.span().start);
        let text = match item.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            DeValue::Table(table) => {
                if let Some(key) = reference(table) {
                    lines.references.push((key, line, column));
                    continue;
                }
                toml_file::text(table, "default")
            }
            _ => None,
        };
        match text {
            Some(text) => text.lines().for_each(|text| lines.add(Listed { text: text.to_owned(), line, column })),
            None => diagnostics.push(file.gap(item.span().start, "expected a requirement, a text")),
        }
    }
    lines
}

/// `{ replace = "ref", of = ["env_run_base", "deps"] }`, and `{ replace = "ref", env = "lint", key = "deps" }`.
fn reference(table: &DeTable<'_>) -> Option<Key> {
    if toml_file::text(table, "replace") != Some("ref") {
        return None;
    }
    if let (Some(environment), Some(key)) = (toml_file::text(table, "env"), toml_file::text(table, "key")) {
        return Some((format!("env.{environment}"), key.to_owned()));
    }
    let way: Vec<&str> = toml_file::texts(table, "of").into_iter().map(|(part, _)| part).collect();
    let (key, sections) = way.split_last()?;
    // in a pyproject.toml the way begins at its root
    let sections = sections.strip_prefix(&["tool", "tox"]).unwrap_or(sections);
    Some((sections.join("."), (*key).to_owned()))
}

/// Takes in the lists of an ini text, and says what in it is no ini.
fn ini(path: &str, text: &str, first_line: u32, lists: &mut Lists) -> Vec<Diagnostic> {
    let (settings, stray) = ini_file::settings(text, first_line);
    of_ini(settings, "tox", lists);
    ini_file::expected(path, &stray)
}

/// What the sections of a `setup.cfg` ask for, where `[tox:tox]` says that they are tox's.
pub(super) fn of_setup_cfg(path: &str, settings: &[ini_file::Setting], diagnostics: &mut Vec<Diagnostic>) -> Vec<List> {
    let core = "tox:tox";
    if !settings.iter().any(|(section, ..)| section == core) {
        return Vec::new();
    }
    let mut lists = Lists::new();
    of_ini(settings.to_vec(), core, &mut lists);
    settled(path, &lists, diagnostics)
}

/// Takes in the lists of sections, of which `core` is tox's own.
fn of_ini(settings: Vec<ini_file::Setting>, core: &str, lists: &mut Lists) {
    for (section, key, lines) in settings {
        let environment = match (section.as_str(), key.as_str()) {
            ("testenv", "deps") => Some(GROUP.to_owned()),
            (section, "requires") if section == core => Some(GROUP.to_owned()),
            (section, "deps") => section.strip_prefix("testenv:").map(|name| format!("{GROUP}-{name}")),
            // what another section may take in
            _ => None,
        };
        let list = lists.entry((section, key)).or_default();
        list.environment = environment;
        let mut open: Option<Listed> = None;
        for line in lines {
            let begun = open.take().unwrap_or(Listed { text: String::new(), line: line.number, column: line.column });
            let (part, goes_on) = line.text.strip_suffix('\\').map_or((line.text.as_str(), false), |part| (part, true));
            let whole = Listed { text: begun.text + part, ..begun };
            if goes_on { open = Some(whole) } else { list.add(whole) }
        }
        if let Some(rest) = open {
            list.add(rest);
        }
    }
}

impl Lines {
    /// Adds a line: without its factors, and to the references when it is one (`{[base]deps}`).
    fn add(&mut self, line: Listed) {
        let text = without_factors(line.text.trim());
        let inner = text.strip_prefix("{[").and_then(|rest| rest.strip_suffix('}'));
        match inner.and_then(|inner| inner.split_once(']')).filter(|(_, key)| !key.contains(['{', '}'])) {
            Some((section, key)) => {
                self.references.push(((section.trim().to_owned(), ini_file::key(key)), line.line, line.column));
            }
            None if text.is_empty() => {}
            None => self.own.push(Listed { text: text.to_owned(), ..line }),
        }
    }

    fn constraints(&self) -> impl Iterator<Item = &Listed> {
        self.own.iter().filter(|line| line.text.starts_with("-c") || line.text.starts_with("--constraint"))
    }
}

/// What stands behind `py{38,39}-django42,lint:`.
fn without_factors(text: &str) -> &str {
    let is_factor = |character: char| character.is_alphanumeric() || "_{}.!,-".contains(character);
    match text.split_once(':') {
        Some((factors, rest))
            if !factors.is_empty()
                && factors.chars().all(is_factor)
                && (rest.is_empty() || rest.starts_with(char::is_whitespace)) =>
        {
            rest.trim()
        }
        _ => text,
    }
}

/// The lists that an environment has, itself or by a reference, each once with all environments that have it.
fn settled(path: &str, lists: &Lists, diagnostics: &mut Vec<Diagnostic>) -> Vec<List> {
    let mut gap = |line: u32, column: u32, reason: String| {
        diagnostics.push(Diagnostic::gap(Stage::Inventory, path.to_owned(), reason).at(line, column));
    };
    let mut environments: BTreeMap<&Key, BTreeSet<&str>> = BTreeMap::new();
    for (key, lines) in lists {
        let Some(environment) = &lines.environment else { continue };
        for taken in taken_in(key, lists, &mut gap) {
            let of = environments.entry(taken).or_default();
            if of.len() < MAX_LINKS {
                of.insert(environment);
            }
        }
    }
    let mut settled = Vec::new();
    for (key, groups) in environments {
        let Some(of) = lists.get(key).filter(|lines| !lines.own.is_empty()) else { continue };
        // a bound among the lines that are taken in holds for all of them
        let bounds = taken_in(key, lists, &mut |_, _, _| {}).into_iter().skip(1);
        let bounds = bounds.filter_map(|taken| lists.get(taken)).flat_map(Lines::constraints);
        let mut lines = Vec::new();
        for line in of.own.iter().chain(bounds) {
            match substituted(&line.text, MAX_DEPTH) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => lines.push(Listed { text: text.trim().to_owned(), ..*line }),
                Err(unknown) => gap(
                    line.line,
                    line.column,
                    format!(
                        "expected a requirement, found `{{{}}}`, which only a run of tox tells",
                        shortened(&unknown)
                    ),
                ),
            }
        }
        let groups = groups.into_iter().map(str::to_owned).collect();
        settled.push(List { lines, serves: Serves { groups, ..Serves::default() } });
    }
    settled.sort_by_key(|list| list.lines.first().map(|line| (line.line, line.column)));
    settled
}

/// A list, and those that it takes in, each once.
fn taken_in<'l>(from: &'l Key, lists: &'l Lists, gap: &mut dyn FnMut(u32, u32, String)) -> Vec<&'l Key> {
    let mut taken = vec![from];
    let mut at = 0;
    while let Some(key) = taken.get(at).copied() {
        at += 1;
        for (to, line, column) in lists.get(key).map_or(&[][..], |lines| &lines.references) {
            match lists.get_key_value(to) {
                Some((to, _)) if taken.contains(&to) => {}
                Some(_) if taken.len() >= MAX_LINKS => {
                    gap(*line, *column, format!("expected no more than {MAX_LINKS} lists, one taken in by the other"));
                }
                Some((to, _)) => taken.push(to),
                None => gap(*line, *column, format!("expected a list that exists, found [{}] {}", to.0, to.1)),
            }
        }
    }
    taken
}

/// The text with what tox puts in for `{…}`.
///
/// # Errors
/// What stands between the braces, when only a run of tox tells it.
fn substituted(text: &str, depth: usize) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let Some(length) = closing(&rest[open..]) else { break };
        out.push_str(&rest[..open]);
        out.push_str(&value_of(&rest[open + 1..open + length], depth)?);
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// Where the brace that a text begins with is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn value_of(inner: &str, depth: usize) -> Result<String, String> {
    let unknown = || inner.to_owned();
    let depth = depth.checked_sub(1).ok_or_else(unknown)?;
    let default = match inner.split_once(':') {
        // tox writes the separators of paths and of lists so
        _ if inner == "/" || inner == ":" => return Ok(inner.to_owned()),
        None if matches!(inner, "toxinidir" | "tox_root") => return Ok(".".to_owned()),
        None if inner == "posargs" => return Ok(String::new()),
        Some(("posargs", default)) => default,
        Some(("env", variable)) => variable.split_once(':').ok_or_else(unknown)?.1,
        _ => return Err(unknown()),
    };
    substituted(default, depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tox_puts_in() {
        // tox, docs/config.rst and tests/config/loader/ini/replace
        let cases = [
            ("-r{toxinidir}/requirements.txt", Ok("-r./requirements.txt")),
            ("-r{tox_root}{/}a.txt", Ok("-r./a.txt")),
            ("a{posargs}", Ok("a")),
            ("{env:X:a==1}", Ok("a==1")),
            ("-c{env:X:{toxinidir}/c.txt}", Ok("-c./c.txt")),
            ("{env:X:}", Ok("")),
            ("{env:X}", Err("env:X")),
            ("a=={envname}", Err("envname")),
            ("a{b", Ok("a{b")),
            ("a}b", Ok("a}b")),
        ];
        for (text, expected) in cases {
            assert_eq!(substituted(text, MAX_DEPTH), expected.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
        let deep = format!("{}{}", "{env:X:".repeat(5000), "}".repeat(5000));
        assert!(substituted(&deep, MAX_DEPTH).is_err());
    }

    #[test]
    fn factors() {
        let cases = [
            ("py38: a", "a"),
            ("py{38,39}-django42,!lint: a", "a"),
            ("py38:a", "py38:a"), // tox wants a blank
            ("https://h.example.org/a-1.zip", "https://h.example.org/a-1.zip"),
            ("a @ https://h.example.org: x", "a @ https://h.example.org: x"),
            ("lint:", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(without_factors(text), expected, "{text}");
        }
    }
}
