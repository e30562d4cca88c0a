//! The server's configuration: file < environment < flags. Unknown keys are errors; everything is checked once, here.
//!
//! What there is to set stands in this file; how the three layers are read and put over each other in `layers.rs`.

mod forges;
mod layers;
mod notifications;
mod oidc;
mod work;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use scanner::policy::PolicyLayer;
use serde::Deserialize;
use url::Url;

use crate::credential::Credential;
use crate::forges::ForgeKind;
use crate::package_index;
pub use forges::{Answer, CloneOver, ForgeAccess, Forges};
pub use layers::ConfigError;
pub use notifications::{EmailChannel, Notifications, SlackChannel, Told, WebhookChannel};
pub use oidc::{Issuer, Rule};
pub use work::{Feeds, JobLimits, Kept};

/// Everything the service needs to be told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerConfig {
    /// Where to listen. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// The embedded store, mirrors and keys live here.
    pub data_dir: PathBuf,
    /// `sled`, the embedded store under `data_dir`, or `postgres://…`, which any number of processes may share.
    pub store: Credential,
    /// How users reach the service, for links and as OIDC audience; `http://<listen>` when not given.
    pub public_url: Option<Url>,
    /// Advisories: an OSV archive, a directory, a snapshot or a URL; the synced cache when not given.
    pub advisories: Option<String>,
    /// Whether scans say what manifests without a lockfile would resolve to. On; where it is said to be on, what cannot be resolved (uv is
    /// not installed, say) leaves a report incomplete, and is a remark else.
    pub resolve: Option<bool>,
    /// The uv program that resolves.
    pub uv: PathBuf,
    /// The package index that scans ask for import names, and that `resolve` resolves against, with `user:password@` where it wants one; `none` for none.
    pub index_url: Credential,
    /// PEM certificates trusted for the package index beside the system's.
    pub index_ca: Option<PathBuf>,
    /// Jobs at a time in this process.
    pub workers: usize,
    /// Limits of jobs, which hold over all processes that share a store.
    pub jobs: JobLimits,
    /// What is kept for how long.
    pub retention: Kept,
    /// Where advisories come from, and how often they are asked for.
    pub feeds: Feeds,
    /// Limits of requests.
    pub limits: Limits,
    /// Who may ask.
    pub auth: Auth,
    /// Webhook secrets of each forge.
    pub webhooks: Webhooks,
    /// The forges as clients: what is listed, cloned and answered there.
    pub forges: Forges,
    /// Who is told what has happened.
    pub notifications: Notifications,
    /// The organisation-wide sweep.
    pub sweep: Sweep,
    /// Secrets: one's own rules, and whether providers are asked.
    pub secrets: Secrets,
    /// Logs on stderr.
    pub log: Log,
    /// What scans and outgoing calls may reach beside public addresses.
    pub reach: Reach,
    /// Which findings fail a gate, on the whole server.
    pub policy: PolicyLayer,
    /// What holds for one organisation, by the start of its repositories' addresses without scheme (`github.com/acme`).
    pub organisations: BTreeMap<String, Organisation>,
}

/// One organisation.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Its policy, over the server's.
    pub policy: PolicyLayer,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data_dir: PathBuf::from("secretarybird-data"),
            store: Credential::new("sled"),
            public_url: None,
            advisories: None,
            resolve: None,
            uv: PathBuf::from("uv"),
            index_url: Credential::new(package_index::DEFAULT),
            index_ca: None,
            workers: 1,
            jobs: JobLimits::default(),
            retention: Kept::default(),
            feeds: Feeds::default(),
            limits: Limits::default(),
            auth: Auth::default(),
            webhooks: Webhooks::default(),
            forges: Forges::default(),
            notifications: Notifications::default(),
            sweep: Sweep::default(),
            secrets: Secrets::default(),
            log: Log::default(),
            reach: Reach::default(),
            policy: PolicyLayer::default(),
            organisations: BTreeMap::new(),
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
    /// Requests a minute of one identity before 429; 0 for no limit.
    pub requests_a_minute: u32,
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
            requests_a_minute: 6000,
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
    /// CI systems whose own tokens are taken; in the file only.
    pub oidc: Vec<Issuer>,
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
    /// Longest that a sweep waits for the refs of one repository, in seconds.
    pub list_seconds: u64,
}

impl Default for Sweep {
    fn default() -> Self {
        Self { cron: "0 2 * * *".to_owned(), jitter_seconds: 900, time_zone: "UTC".to_owned(), list_seconds: 120 }
    }
}

/// How secrets are looked for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Secrets {
    /// Rule files of the organisation's own, beside the product's rules.
    pub rules: Vec<PathBuf>,
    /// Ask the providers whether a secret is live: one read-only request a secret.
    pub verify: bool,
    /// `ORIGIN=URL`: ask the URL instead of a provider's own origin.
    pub verify_endpoints: Vec<String>,
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

impl ServerConfig {
    /// The organisation that a repository's address belongs to, with its name: the one whose name says most.
    #[must_use]
    pub fn organisation(&self, address: &str) -> Option<(&str, &Organisation)> {
        let of = |name: &str| address.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let named = self.organisations.iter().filter(|(name, _)| of(name.trim_end_matches('/')));
        named.max_by_key(|(name, _)| name.len()).map(|(name, organisation)| (name.as_str(), organisation))
    }

    /// The address under which users reach the service; `bound` is where it really listens.
    #[must_use]
    pub fn base_url(&self, bound: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{bound}"),
        }
    }

    /// Whether the store is the embedded one.
    #[must_use]
    pub fn embedded(&self) -> bool {
        self.store.expose() == "sled"
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
        for issuer in &self.auth.oidc {
            issuer.check().map_err(|reason| ConfigError::Setting { setting: "auth.oidc", reason })?;
            let private =
                issuer.issuer.host_str().is_some_and(|host| self.reach.allow_hosts.iter().any(|one| one == host));
            if issuer.issuer.scheme() != "https" && !private {
                return wrong("auth.oidc", "an issuer without TLS needs its host in reach.allow_hosts");
            }
        }
        if self.workers == 0 {
            return wrong("workers", "at least one is needed");
        }
        if self.jobs.per_host == 0 || self.jobs.in_all == 0 || self.jobs.minutes == 0 {
            return wrong("jobs", "zero would let no job run");
        }
        self.feeds.parsed().map_err(|reason| ConfigError::Setting { setting: "feeds.sources", reason })?;
        let address = ["postgres://", "postgresql://"].iter().any(|start| self.store.expose().starts_with(start));
        if !self.embedded() && !address {
            return wrong("store", "either \"sled\" or the address of a PostgreSQL database, postgres://…");
        }
        if package_index::check(self.index_url.expose()).is_err() {
            return wrong(
                "index_url",
                "expected the address of a package index, such as https://pypi.org/simple/, or none",
            );
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
        self.forges.check()?;
        self.notifications.check()?;
        if self.limits.body_bytes == 0 || self.limits.webhook_bytes == 0 || self.limits.concurrent_requests == 0 {
            return wrong("limits", "zero would refuse every request");
        }
        Ok(self)
    }
}
