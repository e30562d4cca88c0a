//! The grammar of Python's configparser, in which `setup.cfg` and `tox.ini` are written, with the place of every line.
//!
//! Specification: <https://docs.python.org/3/library/configparser.html#supported-ini-file-structure>.

use crate::diagnostic::{Diagnostic, Stage};

/// The first faults tell where.
const MAX_FAULTS: usize = 10;

/// One line of a value, without its comment, and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub text: String,
    /// 1-based.
    pub number: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// One option: section, key, and its value's lines.
pub(super) type Setting = (String, String, Vec<Line>);

/// A key as it is compared: setuptools takes `-` for `_`.
pub(super) fn key(written: &str) -> String {
    written.trim().to_ascii_lowercase().replace('-', "_")
}

/// `[section]`, `key = value` or `key: value`, indented lines go on with the value, `#` and `;` begin comments. `first_line` is the line
/// the text begins on. Also gives the lines that are none of these.
pub(super) fn settings(text: &str, first_line: u32) -> (Vec<Setting>, Vec<Line>) {
    let (mut settings, mut stray): (Vec<Setting>, Vec<Line>) = (Vec::new(), Vec::new());
    let mut section = String::new();
    for (index, line) in text.lines().enumerate() {
        let number = u32::try_from(index).unwrap_or(u32::MAX).saturating_add(first_line);
        let trimmed = line.trim();
        // the place of a part of this line
        let place = |part: &str| {
            let before = line.len() - line.trim_start().len() + (trimmed.len() - part.len());
            let column = line.get(..before).unwrap_or_default().chars().count() + 1;
            let text = without_comment(part).to_owned();
            Line { text, number, column: u32::try_from(column).unwrap_or(u32::MAX) }
        };
        if trimmed.starts_with(['#', ';']) || trimmed.is_empty() {
            continue;
        }
        let is_indented = line.starts_with([' ', '\t']);
        if let (true, Some((_, _, lines))) = (is_indented, settings.last_mut()) {
            lines.push(place(trimmed));
        } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            section = name.trim().to_owned();
            // what is indented below a section's head belongs to nothing
            settings.push((section.clone(), String::new(), Vec::new()));
        } else if let Some(at) = trimmed.find(['=', ':']) {
            settings.push((section.clone(), key(&trimmed[..at]), vec![place(trimmed[at + 1..].trim_start())]));
        } else {
            stray.push(place(trimmed));
        }
    }
    (settings, stray)
}

/// What was expected where a line is neither a section nor an option.
pub(super) fn expected(path: &str, stray: &[Line]) -> Vec<Diagnostic> {
    let gap = |line: &Line| {
        let reason = "expected `[section]` or `key = value`; lines that go on with a value are indented";
        Diagnostic::gap(Stage::Inventory, path.to_owned(), reason).at(line.number, line.column)
    };
    stray.iter().take(MAX_FAULTS).map(gap).collect()
}

/// A comment behind a value, which setuptools and tox drop.
fn without_comment(text: &str) -> &str {
    text.split(" #").next().unwrap_or_default().trim()
}
