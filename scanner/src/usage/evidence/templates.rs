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
