//! What `secretarybird scan` accepts.

use std::convert::Infallible;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use scanner::export::Format;
use scanner::freshness::MaxAge;
use scanner::policy::{Aspect, PolicyLayer, Threshold};

use crate::cli::report_format;
use crate::credential::Credential;
use crate::package_index;

/// What to do when something could not be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Exit 3.
    Fail,
    /// Judge what could be looked at.
    Warn,
}

/// Looks at one repository or directory: inventory, advisories, secrets, unused packages; one report.
#[derive(Debug, Args)]
pub struct Arguments {
    /// A path or a git URL (https, ssh, git, file).
    #[arg(default_value = ".", env = "SECRETARYBIRD_TARGET")]
    pub target: String,

    /// A commit, tag or branch; HEAD when not given. A plain directory is scanned as it is.
    #[arg(long, env = "SECRETARYBIRD_REV")]
    pub rev: Option<String>,

    /// Secrets in the scanned tree only; the default reads every commit that any ref reaches.
    #[arg(long, env = "SECRETARYBIRD_NO_HISTORY", conflicts_with = "since")]
    pub no_history: bool,

    /// Secrets only in what REV does not reach.
    #[arg(long, value_name = "REV", env = "SECRETARYBIRD_SINCE")]
    pub since: Option<String>,

    /// Secrets in the staged change only, for a pre-commit hook.
    #[arg(long, env = "SECRETARYBIRD_STAGED", conflicts_with_all = ["rev", "since", "no_history"])]
    pub staged: bool,

    /// Look at these only: vulnerabilities, secrets, usage, posture.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', env = "SECRETARYBIRD_ONLY", conflicts_with = "skip")]
    pub only: Vec<Aspect>,

    /// Look at all but these.
    #[arg(long, value_name = "KINDS", value_delimiter = ',', env = "SECRETARYBIRD_SKIP")]
    pub skip: Vec<Aspect>,

    /// An OSV archive (zip), a directory of OSV files, a snapshot, or the URL of one; the synced cache when not given.
    #[arg(long, value_name = "PATH|URL", env = "SECRETARYBIRD_ADVISORIES")]
    pub advisories: Option<String>,

    /// Use the advisories as they were then (a day or an RFC 3339 time): the kept snapshot that was in force.
    #[arg(long, value_name = "DATE", value_parser = as_of, env = "SECRETARYBIRD_AS_OF", conflicts_with = "advisories")]
    pub as_of: Option<Timestamp>,

    /// Refuse advisory feeds that are older (7d, 36h), or whose age is not known: the scan is then incomplete.
    #[arg(long, value_name = "AGE", env = "SECRETARYBIRD_MAX_FEED_AGE")]
    pub max_feed_age: Option<MaxAge>,

    /// Say what manifests without a lockfile would resolve to today, by an installed uv that builds and runs nothing.
    #[arg(long, env = "SECRETARYBIRD_RESOLVE", conflicts_with = "offline")]
    pub resolve: bool,

    /// Check the plan of upgrades by really resolving it, with an installed uv that builds and runs nothing.
    #[arg(long, env = "SECRETARYBIRD_VERIFY_FIX", conflicts_with = "offline")]
    pub verify_fix: bool,

    /// The uv program that resolves.
    #[arg(long, value_name = "PATH", default_value = "uv", env = "SECRETARYBIRD_UV")]
    pub uv: PathBuf,

    /// No network at all.
    #[arg(long, env = "SECRETARYBIRD_OFFLINE")]
    pub offline: bool,

    /// Rule files of one's own, beside the product's rules.
    #[arg(long = "rules", value_name = "FILE", value_delimiter = ',', env = "SECRETARYBIRD_RULES")]
    pub rules: Vec<PathBuf>,

    /// Ask the providers whether the secrets are live: one read-only request a secret.
    #[arg(long, env = "SECRETARYBIRD_VERIFY_SECRETS", conflicts_with = "offline")]
    pub verify_secrets: bool,

    /// Ask URL instead of a provider's own ORIGIN (https://api.github.com=https://git.corp.example/api/v3); may be given several times.
    #[arg(
        long = "verify-endpoint",
        value_name = "ORIGIN=URL",
        value_delimiter = ',',
        env = "SECRETARYBIRD_VERIFY_ENDPOINTS",
        requires = "verify_secrets"
    )]
    pub verify_endpoints: Vec<String>,

    /// The package index that is asked for import names, and that `--resolve` and `--verify-fix` resolve against (PEP 691), with `user:password@` where it wants one; `none` for none.
    #[arg(long, value_name = "URL", default_value = package_index::DEFAULT, value_parser = credential, env = "SECRETARYBIRD_INDEX_URL", hide_env_values = true)]
    pub index_url: Credential,

    /// PEM certificates trusted for the package index beside the system's.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_INDEX_CA")]
    pub index_ca: Option<PathBuf>,

    /// How long the scan waits for all that it asks the package index about import names, and again about how packages stand.
    #[arg(long, value_name = "SECONDS", default_value_t = package_index::PATIENCE, env = "SECRETARYBIRD_INDEX_TIMEOUT")]
    pub index_timeout: u64,

    /// Where mirrors and advisories are kept; the user's cache directory when not given.
    #[arg(long, value_name = "DIR", env = "SECRETARYBIRD_CACHE_DIR")]
    pub cache_dir: Option<PathBuf>,

    /// The form of the report.
    #[arg(long, value_parser = report_format::parser(), default_value = "text", env = "SECRETARYBIRD_FORMAT")]
    pub format: Format,

    /// Write the report to a file instead of stdout.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_OUTPUT")]
    pub output: Option<PathBuf>,

    /// An earlier JSON report, or a revision to scan first: what it has is marked.
    #[arg(long, value_name = "FILE|REV", env = "SECRETARYBIRD_BASELINE")]
    pub baseline: Option<String>,

    /// Judge only what the baseline lacks.
    #[arg(long, requires = "baseline", env = "SECRETARYBIRD_NEW_ONLY")]
    pub new_only: bool,

    /// The severity from which a finding violates the policy: low, medium, high, critical, none. Default: what the repository's
    /// configuration says, or medium.
    #[arg(long, value_name = "SEVERITY", env = "SECRETARYBIRD_FAIL_ON")]
    pub fail_on: Option<Threshold>,

    /// An OpenVEX or CycloneDX document: findings that its statements close are marked and do not fail. May be repeated.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_VEX", value_delimiter = ',')]
    pub vex: Vec<PathBuf>,

    /// A configuration file instead of the repository's own.
    #[arg(long, value_name = "FILE", env = "SECRETARYBIRD_CONFIG")]
    pub config: Option<PathBuf>,

    /// What to do when something could not be looked at.
    #[arg(long, value_enum, default_value = "fail", env = "SECRETARYBIRD_ON_ERROR")]
    pub on_error: OnError,

    /// Exit 0 even when the policy is violated.
    #[arg(long, env = "SECRETARYBIRD_EXIT_ZERO")]
    pub exit_zero: bool,

    /// Layers of a policy below the repository's own, with their names.
    #[arg(skip)]
    pub layers: Vec<(String, PolicyLayer)>,
}

/// A time, or a day up to its end (UTC).
fn as_of(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let day: Date = text.parse().map_err(|_| "expected YYYY-MM-DD or an RFC 3339 time".to_owned())?;
    let end = day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
    Ok(end.timestamp())
}

fn credential(text: &str) -> Result<Credential, Infallible> {
    Ok(Credential::new(text))
}

impl Arguments {
    /// What is looked at, the repository's own `skip` included.
    pub fn aspects(&self, skipped_by_config: &[Aspect]) -> Vec<Aspect> {
        let wanted = |aspect: &Aspect| match self.only.as_slice() {
            [] => !self.skip.contains(aspect) && !skipped_by_config.contains(aspect),
            only => only.contains(aspect),
        };
        Aspect::ALL.into_iter().filter(wanted).collect()
    }
}
