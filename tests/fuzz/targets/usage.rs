//! What has to hold of the names that any bytes mention.

use scanner::usage::evidence::text_files::{self, Kind};
use scanner::usage::imports::{PythonText, read_python};
use scanner::usage::notebook::read_notebook;

/// A module, and the same text as a stub.
pub fn python(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for stub in [false, true] {
        stands_in_its_lines(&read_python(&text, stub, None), lines(&text));
    }
}

/// A notebook; its lines count in cells, which are no longer than the file itself when every one ends with `\n`, written as two bytes.
pub fn notebook(bytes: &[u8]) {
    if let Ok((read, _)) = read_notebook(bytes) {
        stands_in_its_lines(&read, u32::try_from(bytes.len() + 1).unwrap_or(u32::MAX));
    }
}

/// The same text as every kind of file.
pub fn text_files(bytes: &[u8]) {
    const KINDS: [Kind; 10] = [
        Kind::Container,
        Kind::Procfile,
        Kind::Shell,
        Kind::Recipes,
        Kind::Yaml,
        Kind::Ini,
        Kind::Toml,
        Kind::Environment,
        Kind::Template,
        Kind::Manual,
    ];
    let text = String::from_utf8_lossy(bytes);
    for kind in KINDS {
        for mention in text_files::read("file", kind, &text) {
            assert!((1..=lines(&text)).contains(&mention.line), "{kind:?}: {mention:?}");
        }
    }
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.split(['\n', '\r']).count()).unwrap_or(u32::MAX)
}

fn stands_in_its_lines(read: &PythonText, lines: u32) {
    let imports = read.imports.iter().map(|import| import.line);
    let literals = read.literals.iter().map(|literal| literal.line);
    let all = imports.chain(literals).chain(read.references.values().copied());
    let problems = read.problems.iter().map(|problem| problem.line);
    for line in all.chain(problems) {
        assert!((1..=lines).contains(&line), "line {line} of {lines}: {read:?}");
    }
}
