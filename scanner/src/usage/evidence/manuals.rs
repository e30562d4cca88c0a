//! What manuals tell their readers to set and to start: backends by their dotted paths, and servers. The rest of a manual is talk.

use super::text_files::commands;
use crate::usage::evidence::features;
use crate::usage::mention::{Mention, Named, is_module_path};

/// How a manual names a backend.
pub const OFFERED_BY_A_MANUAL: &str = "backend that the manual offers";
/// Programs that serve or work for what stands in the repository, wherever it is installed.
const SERVERS: &[&str] =
    &["celery", "daphne", "granian", "gunicorn", "hypercorn", "uvicorn", "uwsgi", "waitress-serve"];

/// True for a page of a manual, and not for the story of the releases, where what was used once is named as well.
#[must_use]
pub fn is_manual(lower_name: &str) -> bool {
    const STORIES: &[&str] = &["change", "history", "news", "release", "whatsnew", "migrat", "upgrad"];
    let is_page = [".md", ".mdx", ".rst"].iter().any(|end| lower_name.ends_with(end));
    is_page && !STORIES.iter().any(|start| lower_name.starts_with(start))
}

/// Adds what a manual names.
pub fn read(path: &str, text: &str, into: &mut Vec<Mention>) {
    let mut fenced = false;
    for (line, number) in text.lines().zip(1u32..) {
        let content = line.trim();
        if content.starts_with("```") || content.starts_with("~~~") {
            fenced = !fenced;
        } else if fenced || line.starts_with("   ") && path.ends_with(".rst") {
            setting(path, number, content, true, into);
            server(path, number, content.trim_start_matches("$ "), into);
        } else if content.contains('`') {
            let spans = content.replace("``", "`");
            spans.split('`').skip(1).step_by(2).for_each(|span| setting(path, number, span, false, into));
        }
    }
}

/// `SOME_BACKEND = "package.module.Backend"`; in the middle of a sentence the path alone says as much.
fn setting(path: &str, line: u32, text: &str, is_block: bool, into: &mut Vec<Mention>) {
    let (key, value) = text.split_once(['=', ':']).unwrap_or(("", text));
    let is_key = |key: &str| {
        key.len() > 1 && key.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let key = key.trim().trim_start_matches("- ").trim_start_matches("export ").trim_matches(['"', '\'']);
    if !(is_key(key) || key.is_empty() && !is_block) {
        return;
    }
    let value = value.trim().trim_matches(['"', '\'', ',']);
    let class = value.rsplit('.').next().unwrap_or(value);
    let is_class = class.starts_with(char::is_uppercase) && class.contains(char::is_lowercase);
    if !is_class || !is_module_path(value) {
        return;
    }
    let mut say = |named, how| into.push(Mention { named, path: path.to_owned(), line, how, tooling: false });
    say(Named::Module(value.replacen(':', ".", 1)), OFFERED_BY_A_MANUAL);
    let needed = features::of_literal(value).iter();
    needed.for_each(|package| say(Named::Package((*package).to_owned()), OFFERED_BY_A_MANUAL));
}

fn server(path: &str, line: u32, text: &str, into: &mut Vec<Mention>) {
    let mut run = Vec::new();
    commands(path, line, text, "command of the manual", &mut run);
    into.extend(
        run.into_iter()
            .filter(|mention| matches!(&mention.named, Named::Command(program) if SERVERS.contains(&program.as_str()))),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(path: &str, text: &str) -> Vec<String> {
        let mut mentions = Vec::new();
        read(path, text, &mut mentions);
        let name = |mention: Mention| match mention.named {
            Named::Module(name) | Named::Command(name) | Named::Package(name) => name,
        };
        mentions.into_iter().map(name).collect()
    }

    #[test]
    fn a_manual_offers_backends_and_servers() {
        for (path, text, expected) in [
            ("a.md", "set it to `some_mail.SendBackend`", &["some_mail.SendBackend"][..]),
            ("a.rst", "set it to ``some_mail.SendBackend``", &["some_mail.SendBackend"]),
            ("a.md", "```\nMAIL_BACKEND=some_mail.SendBackend\n```", &["some_mail.SendBackend"]),
            (
                "a.md",
                "| `x` | `django.core.cache.backends.memcached.PyMemcacheCache` |",
                &["django.core.cache.backends.memcached.PyMemcacheCache", "pymemcache"],
            ),
            ("a.md", "```sh\n$ gunicorn app:app\n```", &["gunicorn"]),
            // code and talk
            ("a.md", "```python\nloader = yaml.SafeLoader\n```", &[]),
            ("a.md", "some_mail.SendBackend was taken out", &[]),
            ("a.md", "call `yaml.load` or `yaml.UTC`", &[]),
            ("a.md", "```sh\npip install gunicorn\nmkdocs serve\n```", &[]),
            ("a.md", "gunicorn app:app", &[]),
        ] {
            assert_eq!(named(path, text), expected, "{text}");
        }
    }

    #[test]
    fn the_story_of_releases_is_no_manual() {
        for (name, expected) in
            [("readme.md", true), ("setup.rst", true), ("changelog.md", false), ("history.rst", false), ("a.py", false)]
        {
            assert_eq!(is_manual(name), expected, "{name}");
        }
    }
}
