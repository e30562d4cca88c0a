//! The server's configuration: file < environment < flags. Unknown keys are errors; everything is checked once, here.
//!
//! The file is TOML. Every setting has an environment twin: `SECRETARYBIRD_` and its path in capitals joined by `_`
//! (`webhooks.github.secrets` is `SECRETARYBIRD_WEBHOOKS_GITHUB_SECRETS`); lists are separated by commas.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::{Table, Value};
use url::Url;

use crate::credential::Credential;
use crate::forges::ForgeKind;

/// Everything the service needs to be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The embedded store, mirrors and keys live here.
    pub data_dir: PathBuf,
    /// `sled`, the embedded store under `data_dir`; this version has no other.
    pub store: Credential,
    /// How users reach the service, for links and as OIDC audience; `http://<listen>` when not given.
    pub public_url: Option<Url>,
    /// Advisories: an OSV archive, a directory, a snapshot or a URL; the synced cache when not given.
    pub advisories: Option<String>,
    /// Scans at a time.
    pub workers: usize,
    /// Limits of requests.
    pub limits: Limits,
    /// Who may ask.
    pub auth: Auth,
    /// Webhook secrets of each forge.
    pub webhooks: Webhooks,
    /// The organisation-wide sweep.
    pub sweep: Sweep,
    /// Logs on stderr.
    pub log: Log,
    /// What scans and outgoing calls may reach beside public addresses.
    pub reach: Reach,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("secretarybird-data"),
            store: Credential::new("sled"),
            public_url: None,
            advisories: None,
            workers: 1,
            limits: Limits::default(),
            auth: Auth::default(),
            webhooks: Webhooks::default(),
            sweep: Sweep::default(),
            log: Log::default(),
            reach: Reach::default(),
        }
    }
}

/// Limits of requests.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest body of a REST request, in bytes.
    pub body_bytes: usize,
    /// Largest webhook body, in bytes. GitHub caps its own at 25 MiB.
    pub webhook_bytes: usize,
    /// Longest that a request may take, in seconds; `gate?wait=` may take as long as it asks for.
    pub request_seconds: u64,
    /// Longest `gate?wait=`, in seconds.
    pub gate_wait_seconds: u64,
    /// Requests under way at once; more are answered 503.
    pub concurrent_requests: usize,
    /// Failed authentications a minute and address before 429.
    pub failures_a_minute: u32,
    /// Longest that a shutdown waits for requests and jobs under way, in seconds.
    pub drain_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            webhook_bytes: 25 << 20,
            request_seconds: 30,
            gate_wait_seconds: 600,
            concurrent_requests: 512,
            failures_a_minute: 30,
            drain_seconds: 30,
        }
    }
}

/// Who may ask.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Requests from this machine may do everything without a token. Only with a loopback `listen`.
    pub open_on_loopback: bool,
}

/// Webhook secrets of each forge.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// github.com or GitHub Enterprise Server.
    pub github: Forge,
    /// GitLab.
    pub gitlab: Forge,
    /// Gitea.
    pub gitea: Forge,
    /// Forgejo.
    pub forgejo: Forge,
    /// Bitbucket Cloud.
    pub bitbucket: Forge,
    /// Whether a signed push of a repository that is not registered registers it.
    pub register_unknown: bool,
}

impl Default for Webhooks {
    fn default() -> Self {
        let none = Forge::default;
        Self {
            github: none(),
            gitlab: none(),
            gitea: none(),
            forgejo: none(),
            bitbucket: none(),
            register_unknown: true,
        }
    }
}

impl Webhooks {
    /// The secrets configured for one forge.
    #[must_use]
    pub fn secrets(&self, forge: ForgeKind) -> &[Credential] {
        let forge = match forge {
            ForgeKind::Github => &self.github,
            ForgeKind::Gitlab => &self.gitlab,
            ForgeKind::Gitea => &self.gitea,
            ForgeKind::Forgejo => &self.forgejo,
            ForgeKind::Bitbucket => &self.bitbucket,
        };
        &forge.secrets
    }
}

/// One forge.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forge {
    /// The webhook secrets that are accepted: two while one is being replaced.
    pub secrets: Vec<Credential>,
}

/// The organisation-wide sweep.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sweep {
    /// When, as a cron expression of five fields; empty for never.
    pub cron: String,
    /// The start is put off by a random time up to this many seconds.
    pub jitter_seconds: u64,
    /// The IANA time zone that `cron` is meant in.
    pub time_zone: String,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { cron: "0 2 * * *".to_owned(), jitter_seconds: 900, time_zone: "UTC".to_owned() }
    }
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Logs on stderr.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or machines.
    pub format: LogFormat,
    /// A level, or filter directives as of tracing-subscriber.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".to_owned() }
    }
}

/// What scans and outgoing calls may reach beside public addresses.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reach {
    /// Hosts (names or addresses) that may be private, loopback or link-local.
    pub allow_hosts: Vec<String>,
    /// Directories below which `file://` repositories may lie.
    pub allow_directories: Vec<PathBuf>,
}

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
enum Form {
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
    ("workers", Form::Number),
    ("limits.body_bytes", Form::Number),
    ("limits.webhook_bytes", Form::Number),
    ("limits.request_seconds", Form::Number),
    ("limits.gate_wait_seconds", Form::Number),
    ("limits.concurrent_requests", Form::Number),
    ("limits.failures_a_minute", Form::Number),
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
    ("log.format", Form::Text),
    ("log.filter", Form::Text),
    ("reach.allow_hosts", Form::List),
    ("reach.allow_directories", Form::List),
];

/// Sections whose variables are the server's alone, so that a misspelt one can be told from another command's.
const SECTIONS: &[&str] = &["LIMITS_", "AUTH_", "WEBHOOKS_", "SWEEP_", "LOG_", "REACH_"];

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

    /// The address under which users reach the service; `bound` is where it really listens.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }

    /// Checks what types alone cannot.
    ///
    /// # Errors
    /// [`ConfigError::Setting`].
    pub fn checked(self) -> Result<Self, ConfigError> {
        let wrong = |setting, reason: &str| Err(ConfigError::Setting { setting, reason: reason.to_owned() });
        if self.auth.open_on_loopback && !self.listen.ip().is_loopback() {
            return wrong("auth.open_on_loopback", "only possible when listen is a loopback address");
        }
        if self.workers == 0 {
            return wrong("workers", "at least one is needed");
        }
        if self.store.expose() != "sled" {
            return wrong("store", "this version keeps everything in \"sled\"; no other store is built in yet");
        }
        if !self.sweep.cron.is_empty() {
            let parsed = self.sweep.cron.parse::<croner::Cron>();
            parsed.map_err(|error| ConfigError::Setting { setting: "sweep.cron", reason: error.to_string() })?;
        }
        if jiff::tz::TimeZone::get(&self.sweep.time_zone).is_err() {
            return wrong("sweep.time_zone", "no IANA time zone has this name");
        }
        let secrets = ForgeKind::ALL.into_iter().flat_map(|forge| self.webhooks.secrets(forge));
        if secrets.into_iter().any(|secret| secret.expose().len() < 16) {
            return wrong("webhooks", "a webhook secret needs at least 16 characters");
        }
        if self.limits.body_bytes == 0 || self.limits.webhook_bytes == 0 || self.limits.concurrent_requests == 0 {
            return wrong("limits", "zero would refuse every request");
        }
        Ok(self)
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
        match SETTINGS.iter().find(|(path, _)| variable(path) == *name) {
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
        for (path, form) in SETTINGS {
            let text = match (*path, form) {
                ("listen", _) => "127.0.0.1:0",
                ("public_url", _) => "https://secretarybird.example",
                ("store", _) => "sled",
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
