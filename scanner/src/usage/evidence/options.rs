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

/// A configuration file that only one tool reads → the tool.
const FILES: &[(&str, &str)] = &[
    ("mkdocs.yml", "mkdocs"),
    ("mkdocs.yaml", "mkdocs"),
    (".pre-commit-config.yaml", "pre-commit"),
    ("pytest.ini", "pytest"),
    ("mypy.ini", "mypy"),
    (".flake8", "flake8"),
    (".pylintrc", "pylint"),
    (".coveragerc", "coverage"),
    (".isort.cfg", "isort"),
    ("tox.ini", "tox"),
    ("ruff.toml", "ruff"),
    (".ruff.toml", "ruff"),
    ("alembic.ini", "alembic"),
    ("scrapy.cfg", "scrapy"),
    ("babel.cfg", "babel"),
];

/// Adds a mention for the tool that the file belongs to, and for every option in the text.
pub fn read(path: &str, text: &str, into: &mut Vec<Mention>) {
    let file = path.rsplit('/').next().unwrap_or(path);
    for (_, tool) in FILES.iter().filter(|(name, _)| *name == file) {
        let named = Named::Package((*tool).to_owned());
        let product = matches!(*tool, "alembic" | "scrapy" | "babel");
        into.push(Mention { named, path: path.to_owned(), line: 1, how: "its configuration file", tooling: !product });
    }
    for (option, package) in OPTIONS {
        if let Some(at) = text.find(option) {
            let line = u32::try_from(text[..at].matches('\n').count() + 1).unwrap_or(u32::MAX);
            let named = Named::Package((*package).to_owned());
            into.push(Mention { named, path: path.to_owned(), line, how: "option", tooling: true });
        }
    }
}
