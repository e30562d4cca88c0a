//! Reading the configuration: the file, the environment over it, the flags over both.
//!
//! The file is TOML. Every setting has an environment twin: `SECRETARYBIRD_` and its path in capitals joined by `_`
//! (`webhooks.github.secrets` is `SECRETARYBIRD_WEBHOOKS_GITHUB_SECRETS`); lists are separated by commas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::ServerConfig;

/// Why the configuration cannot be used. Never quotes a value, which may be a credential.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no TOML, or has an unknown key or a wrong type.
    #[error("{path}:{line}: {reason}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// What is wrong.
        reason: String,
    },
    /// An environment variable cannot be used.
    #[error("environment variable {name}: {reason}")]
    Environment {
        /// Which.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting's value makes no sense.
    #[error("{setting}: {reason}")]
    Setting {
        /// Its path, such as `sweep.cron`.
        setting: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// How the text of an environment variable becomes a value.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Text,
    Number,
    Flag,
    List,
}

/// Every setting that the environment can give.
const SETTINGS: &[(&str, Form)] = &[
    ("listen", Form::Text),
    ("data_dir", Form::Text),
    ("store", Form::Text),
    ("public_url", Form::Text),
    ("advisories", Form::Text),
    ("resolve", Form::Flag),
    ("uv", Form::Text),
    ("index_url", Form::Text),
    ("index_ca", Form::Text),
    ("workers", Form::Number),
    ("jobs.per_host", Form::Number),
    ("jobs.in_all", Form::Number),
    ("jobs.minutes", Form::Number),
    ("retention.days", Form::Number),
    ("retention.scans", Form::Number),
    ("retention.fixed_days", Form::Number),
    ("retention.event_days", Form::Number),
    ("retention.audit_days", Form::Number),
    ("feeds.sources", Form::List),
    ("feeds.every_minutes", Form::Number),
    ("limits.body_bytes", Form::Number),
    ("limits.webhook_bytes", Form::Number),
    ("limits.request_seconds", Form::Number),
    ("limits.gate_wait_seconds", Form::Number),
    ("limits.concurrent_requests", Form::Number),
    ("limits.failures_a_minute", Form::Number),
    ("limits.requests_a_minute", Form::Number),
    ("limits.drain_seconds", Form::Number),
    ("auth.open_on_loopback", Form::Flag),
    ("webhooks.register_unknown", Form::Flag),
    ("webhooks.github.secrets", Form::List),
    ("webhooks.gitlab.secrets", Form::List),
    ("webhooks.gitea.secrets", Form::List),
    ("webhooks.forgejo.secrets", Form::List),
    ("webhooks.bitbucket.secrets", Form::List),
    ("sweep.cron", Form::Text),
    ("sweep.jitter_seconds", Form::Number),
    ("sweep.time_zone", Form::Text),
    ("secrets.rules", Form::List),
    ("secrets.verify", Form::Flag),
    ("secrets.verify_endpoints", Form::List),
    ("sweep.list_seconds", Form::Number),
    ("log.format", Form::Text),
    ("log.filter", Form::Text),
    ("reach.allow_hosts", Form::List),
    ("reach.allow_directories", Form::List),
];

/// Sections whose variables are the server's alone, so that a misspelt one can be told from another command's.
const SECTIONS: &[&str] = &[
    "JOBS_",
    "RETENTION_",
    "FEEDS_",
    "LIMITS_",
    "AUTH_",
    "WEBHOOKS_",
    "FORGES_",
    "NOTIFICATIONS_",
    "SWEEP_",
    "SECRETS_",
    "LOG_",
    "REACH_",
];

fn settings() -> impl Iterator<Item = &'static (&'static str, Form)> {
    SETTINGS.iter().chain(super::forges::SETTINGS).chain(super::notifications::SETTINGS)
}

fn variable(setting: &str) -> String {
    format!("SECRETARYBIRD_{}", setting.replace('.', "_").to_uppercase())
}

impl ServerConfig {
    /// Puts the three layers over each other and checks the result. `flags` are dotted setting paths with their values, such as
    /// `("listen", Value::String("127.0.0.1:0"))`.
    ///
    /// # Errors
    /// [`ConfigError`], naming the file and line, the variable or the setting.
    pub fn load(
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Self, ConfigError> {
        let mut table = file.map(read_file).transpose()?.unwrap_or_default();
        for (path, value) in environment_layer(environment)?.into_iter().chain(flags) {
            put(&mut table, path, value);
        }
        let reason = |error: toml::de::Error| ConfigError::Setting {
            setting: "configuration",
            reason: without_values(error.message()),
        };
        let config: Self = table.try_into().map_err(reason)?;
        config.checked()
    }
}

fn read_file(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })?;
    let content = |error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ConfigError::Content { path: path.to_owned(), line, reason: without_values(error.message()) }
    };
    // read as the configuration too, only for errors with a line
    toml::from_str::<ServerConfig>(&text).map_err(content)?;
    text.parse::<Table>().map_err(content)
}

/// serde quotes a value of the wrong type (`invalid type: string "…", expected …`); it may be a credential.
fn without_values(message: &str) -> String {
    let quoted = ["invalid type:", "invalid value:"].iter().any(|start| message.starts_with(start));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if quoted => format!("wrong type or value, expected {expected}"),
        _ => message.trim().to_owned(),
    }
}

fn environment_layer(environment: &BTreeMap<String, String>) -> Result<Vec<(&'static str, Value)>, ConfigError> {
    let mut layer = Vec::new();
    for (name, text) in environment {
        let Some(rest) = name.strip_prefix("SECRETARYBIRD_") else { continue };
        match settings().find(|(path, _)| variable(path) == *name) {
            Some((path, form)) => {
                let value = parse(*form, text)
                    .map_err(|reason| ConfigError::Environment { name: name.clone(), reason: reason.to_owned() })?;
                layer.push((*path, value));
            }
            None if SECTIONS.iter().any(|section| rest.starts_with(section)) => {
                return Err(ConfigError::Environment { name: name.clone(), reason: "no such setting".to_owned() });
            }
            None => {}
        }
    }
    Ok(layer)
}

fn parse(form: Form, text: &str) -> Result<Value, &'static str> {
    Ok(match form {
        Form::Text => Value::String(text.to_owned()),
        Form::Number => Value::Integer(text.parse().map_err(|_| "expected a whole number")?),
        Form::Flag => Value::Boolean(text.parse().map_err(|_| "expected true or false")?),
        Form::List => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        }
    })
}

fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((section, rest)) => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            // the file was read as a configuration before, so that a section is a table
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(file.path(), text).expect("write");
        file
    }

    #[test]
    fn flags_win_over_environment_over_file() {
        let file = file("listen = \"127.0.0.1:1\"\nworkers = 2\n[limits]\nbody_bytes = 7\nrequest_seconds = 8\n");
        let environment =
            environment(&[("SECRETARYBIRD_WORKERS", "3"), ("SECRETARYBIRD_LIMITS_BODY_BYTES", "9"), ("HOME", "/")]);
        let flags = vec![("workers", Value::Integer(4))];
        let config = ServerConfig::load(Some(file.path()), &environment, flags).expect("config");
        assert_eq!(config.listen.port(), 1);
        assert_eq!((config.workers, config.limits.body_bytes, config.limits.request_seconds), (4, 9, 8));
    }

    #[test]
    fn an_organisation_is_the_start_of_an_address() {
        let file =
            file("[organisations.\"forge.example/a\".policy]\nfail-on = \"low\"\n[organisations.\"forge.example\"]\n");
        let config = ServerConfig::load(Some(file.path()), &environment(&[]), vec![]).expect("config");
        let name = |address: &str| config.organisation(address).map(|(name, _)| name.to_owned());
        for (address, expected) in [
            ("forge.example/a/site", Some("forge.example/a")),
            ("forge.example/ab/site", Some("forge.example")),
            ("forge.example.org/a/site", None),
        ] {
            assert_eq!(name(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn the_example_of_deploy_is_a_configuration() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/server.toml");
        let config = ServerConfig::load(Some(&example), &environment(&[]), vec![]).expect("the example");
        assert_eq!(config.auth.oidc.len(), 1);
        assert_eq!(config.feeds.parsed().map(|feeds| feeds.len()), Ok(4));
        // what it leaves as comments is one, too
        let text = std::fs::read_to_string(&example).expect("the example");
        let bare = text.lines().map(|line| line.strip_prefix("# ").filter(|rest| rest.contains(" = ")).unwrap_or(line));
        let whole = file(&bare.map(|line| format!("{line}\n")).collect::<String>());
        ServerConfig::load(Some(whole.path()), &environment(&[]), vec![])
            .expect("with everything taken out of comments");
    }

    #[test]
    fn what_is_wrong_is_named_and_no_value_quoted() {
        let secret = ["sw", "ordfish-sw", "ordfish"].concat();
        let quoted = format!("[webhooks.github]\nsecrets = \"{secret}\"\n");
        for (text, expected) in [
            ("\nlisten = \"127.0.0.1:1\"\nlissten = 1\n", ":3: unknown field `lissten`"),
            ("[limits]\nbody = 1\n", ":2: unknown field `body`"),
            ("listen = \n", ":1: "),
            (quoted.as_str(), ":2: wrong type or value, expected a sequence"),
            ("workers = 0", "workers: at least one"),
            ("[auth]\nopen_on_loopback = true\n[sweep]\ncron = \"often\"\n", "sweep.cron: "),
            ("listen = \"0.0.0.0:1\"\n[auth]\nopen_on_loopback = true\n", "auth.open_on_loopback: only possible"),
            ("store = \"mysql://x\"", "sled"),
            ("[sweep]\ntime_zone = \"Mars/Olympus\"", "sweep.time_zone: no IANA"),
            ("[webhooks.github]\nsecrets = [\"short\"]\n", "webhooks: a webhook secret needs"),
            ("index_url = \"pypi.org\"\n", "index_url: expected the address of a package index"),
        ] {
            let file = file(text);
            let error = ServerConfig::load(Some(file.path()), &environment(&[]), vec![]).expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
            assert!(!error.contains(&secret), "{error}");
        }
        let missing = ServerConfig::load(Some(Path::new("/nowhere/x.toml")), &environment(&[]), vec![]);
        assert!(missing.expect_err("missing").to_string().contains("/nowhere/x.toml"));
    }

    #[test]
    fn every_setting_has_a_working_variable() {
        for (path, form) in settings() {
            // settings that only make sense together have their own table in `forges`
            let apart = path.starts_with("forges.") || path.starts_with("notifications.");
            if apart && !path.ends_with("web_url") {
                continue;
            }
            let text = match (*path, form) {
                ("listen", _) => "127.0.0.1:0",
                ("public_url", _) | (_, Form::Text) if path.ends_with("_url") => "https://secretarybird.example",
                ("store", _) => "sled",
                ("feeds.sources", _) => "osv",
                ("index_url", _) => "https://pypi.org/simple/",
                ("sweep.cron", _) => "0 3 * * *",
                ("sweep.time_zone", _) => "Europe/Berlin",
                ("log.format", _) => "json",
                (_, Form::Number) => "5",
                (_, Form::Flag) => "true",
                _ => "a text that is long enough",
            };
            let environment = environment(&[(&variable(path), text)]);
            let loaded = ServerConfig::load(None, &environment, vec![]);
            assert!(loaded.is_ok(), "{path}: {loaded:?}");
        }
        for (name, value, expected) in [
            ("SECRETARYBIRD_LIMITS_BODYBYTES", "1", "no such setting"),
            ("SECRETARYBIRD_WORKERS", "many", "expected a whole number"),
        ] {
            let error = ServerConfig::load(None, &environment(&[(name, value)]), vec![]).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(expected), "{error}");
        }
    }
}
