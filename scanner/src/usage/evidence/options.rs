//! Options of test and documentation tools that only a plugin understands.

use crate::usage::mention::{Mention, Named};

/// A literal of the option's own syntax → the plugin. Looked for in ini, toml, workflow, recipe and shell texts.
const OPTIONS: &[(&str, &str)] = &[
    ("--cov", "pytest-cov"),
    ("asyncio_mode", "pytest-asyncio"),
    ("DJANGO_SETTINGS_MODULE", "pytest-django"),
    ("--reuse-db", "pytest-django"),
    ("--numprocesses", "pytest-xdist"),
    ("-n auto", "pytest-xdist"),
    ("--dist=", "pytest-xdist"),
    ("--timeout=", "pytest-timeout"),
    ("--reruns", "pytest-rerunfailures"),
    ("--benchmark-", "pytest-benchmark"),
    ("--html=", "pytest-html"),
    ("--randomly-", "pytest-randomly"),
    ("--snapshot-", "syrupy"),
    ("--mypy", "pytest-mypy"),
    ("setuptools_scm", "setuptools-scm"),
];

/// Adds a mention for every option in the text.
pub fn read(path: &str, text: &str, into: &mut Vec<Mention>) {
    for (option, package) in OPTIONS {
        if let Some(at) = text.find(option) {
            let line = u32::try_from(text[..at].matches('\n').count() + 1).unwrap_or(u32::MAX);
            let named = Named::Package((*package).to_owned());
            into.push(Mention { named, path: path.to_owned(), line, how: "option", tooling: true });
        }
    }
}
