//! What templates take from packages: tag libraries that they load, and files of a package's own directory.

use crate::usage::imports::is_dotted;
use crate::usage::mention::{Mention, Named};

/// Tag libraries of Django itself, of which some are called like a distribution.
const DJANGO: &[&str] =
    &["humanize", "i18n", "l10n", "static", "staticfiles", "tz", "cache", "admin_urls", "log", "flatpages"];

/// Adds the libraries of `{% load x %}` and the packages of `{% static "x/…" %}`, `{% include %}`, `{% extends %}` and `{% import %}`.
pub fn read(path: &str, text: &str, into: &mut Vec<Mention>) {
    let (mut from, mut line) = (0, 1);
    for at in memchr::memmem::find_iter(text.as_bytes(), b"{%") {
        let Some(length) = memchr::memmem::find(&text.as_bytes()[at..], b"%}") else { return };
        line += u32::try_from(memchr::memchr_iter(b'\n', &text.as_bytes()[from..at]).count()).unwrap_or(0);
        from = at;
        let tag = text[at + 2..at + length].trim_matches(['-', '+', ' ', '\t', '\n']);
        let mut say = |module: &str, how: &'static str| {
            if is_dotted(module) {
                into.push(Mention {
                    named: Named::Module(module.to_owned()),
                    path: path.to_owned(),
                    line,
                    how,
                    tooling: false,
                });
            }
        };
        let mut words = tag.split_whitespace();
        match words.next() {
            Some("load") => {
                let words: Vec<&str> = words.collect();
                // `{% load tag from library %}`
                let libraries = match words.iter().position(|word| *word == "from") {
                    Some(at) => &words[at + 1..],
                    None => &words[..],
                };
                let own = libraries.iter().filter(|library| !DJANGO.contains(library));
                own.for_each(|library| say(library, "tag library of a template"));
            }
            Some("static" | "include" | "extends" | "import" | "from") => {
                let quoted = tag.split(['"', '\'']).nth(1).and_then(|path| path.split_once('/'));
                if let Some((package, _)) = quoted {
                    say(package, "file named by a template");
                }
            }
            _ => {}
        }
    }
}

/// Python code as a template of it says it: tags are taken out, and what is filled in becomes a name. Lines keep their numbers.
#[must_use]
pub fn of_code(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("{") {
        let (before, tag) = rest.split_at(at);
        code.push_str(before);
        let (close, filled) = match tag.as_bytes().get(1) {
            Some(b'%') => ("%}", ""),
            Some(b'#') => ("#}", ""),
            Some(b'{') => ("}}", "_"),
            _ => {
                code.push('{');
                rest = &tag[1..];
                continue;
            }
        };
        let end = tag.find(close).map_or(tag.len(), |end| end + close.len());
        code.push_str(filled);
        code.extend(tag[..end].chars().filter(|char| *char == '\n'));
        rest = &tag[end..];
    }
    code.push_str(rest);
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_of_code_is_read_without_its_tags() {
        for (template, expected) in [
            ("import a\n", "import a\n"),
            ("{% if x %}\nimport a\n{% endif %}\n", "\nimport a\n\n"),
            ("x = \"{{ name }}\"\n", "x = \"_\"\n"),
            ("{# two\nlines #}import a", "\nimport a"),
            ("x = {'a': 1}", "x = {'a': 1}"),
            ("x = {{ unfinished", "x = _"),
            ("{", "{"),
        ] {
            assert_eq!(of_code(template), expected, "{template}");
        }
    }
}
