//! How each forge is reached, what of it is watched, and what it is told.

use std::path::PathBuf;

use globset::Glob;
use serde::Deserialize;
use url::Url;

use super::layers::{ConfigError, Form};
use crate::credential::Credential;
use crate::forges::ForgeKind;

/// The forges as clients: one of each kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Forges {
    /// github.com or GitHub Enterprise Server.
    pub github: ForgeAccess,
    /// GitLab.
    pub gitlab: ForgeAccess,
    /// Gitea.
    pub gitea: ForgeAccess,
    /// Forgejo.
    pub forgejo: ForgeAccess,
    /// Bitbucket Cloud.
    pub bitbucket: ForgeAccess,
}

impl Forges {
    /// The access to one forge.
    #[must_use]
    pub fn of(&self, kind: ForgeKind) -> &ForgeAccess {
        match kind {
            ForgeKind::Github => &self.github,
            ForgeKind::Gitlab => &self.gitlab,
            ForgeKind::Gitea => &self.gitea,
            ForgeKind::Forgejo => &self.forgejo,
            ForgeKind::Bitbucket => &self.bitbucket,
        }
    }

    /// Checks what types alone cannot.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        ForgeKind::ALL.into_iter().try_for_each(|kind| self.of(kind).check(kind))
    }
}

/// Over which transport repositories of a forge are cloned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloneOver {
    /// HTTPS, with a token minted for each job.
    #[default]
    Https,
    /// SSH, with the key of `ssh_key_file`.
    Ssh,
}

/// What a forge is told about a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// A commit status.
    Status,
    /// A check run with annotations (GitHub App only).
    Check,
    /// One comment on the pull or merge request, kept up to date.
    Comment,
    /// The findings as SARIF for code scanning (GitHub only).
    CodeScanning,
}

/// How one forge is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForgeAccess {
    /// The REST address, with its version path. Known for github.com, gitlab.com and Bitbucket Cloud.
    pub api_url: Option<Url>,
    /// Where people see it and clone from; follows from `api_url` when not given.
    pub web_url: Option<Url>,
    /// A token: personal, of a group, of a workspace.
    pub token: Option<Credential>,
    /// The account that goes with the token, where the forge wants one (Bitbucket, SSH as another user than `git`).
    pub username: Option<String>,
    /// The id of a GitHub App, in place of a token.
    pub app_id: Option<u64>,
    /// The App's private key, PEM.
    pub private_key_file: Option<PathBuf>,
    /// Organisations, groups or workspaces whose repositories the sweep discovers.
    pub organisations: Vec<String>,
    /// Only repositories whose `owner/name` one of these globs matches; all when empty.
    pub include: Vec<String>,
    /// Not the repositories whose `owner/name` one of these globs matches.
    pub exclude: Vec<String>,
    /// Watch archived repositories too.
    pub archived: bool,
    /// Watch forks too.
    pub forks: bool,
    /// The transport of clones.
    pub clone_over: CloneOver,
    /// The private key for SSH clones, PEM or OpenSSH.
    pub ssh_key_file: Option<PathBuf>,
    /// Host keys that are trusted, in the form of `known_hosts`; the machine's own files when not given.
    pub known_hosts_file: Option<PathBuf>,
    /// What the forge is told about commits; nothing when empty.
    pub answers: Vec<Answer>,
    /// Tell of all findings, not only of those that the change brings.
    pub answer_all: bool,
    /// How often GitHub's list of deliveries is read for missed ones, in seconds; 0 for never.
    pub replay_seconds: u64,
}

impl Default for ForgeAccess {
    fn default() -> Self {
        Self {
            api_url: None,
            web_url: None,
            token: None,
            username: None,
            app_id: None,
            private_key_file: None,
            organisations: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            archived: false,
            forks: false,
            clone_over: CloneOver::Https,
            ssh_key_file: None,
            known_hosts_file: None,
            answers: Vec::new(),
            answer_all: false,
            replay_seconds: 300,
        }
    }
}

impl ForgeAccess {
    /// Whether there is anything to reach the forge with.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.token.is_some() || self.app_id.is_some() || self.api_url.is_some() || self.ssh_key_file.is_some()
    }

    fn check(&self, kind: ForgeKind) -> Result<(), ConfigError> {
        let wrong =
            |reason: &str| Err(ConfigError::Setting { setting: "forges", reason: format!("forges.{kind}: {reason}") });
        if self.app_id.is_some() != self.private_key_file.is_some() {
            return wrong("app_id and private_key_file belong together");
        }
        if self.app_id.is_some() && kind != ForgeKind::Github {
            return wrong("only GitHub has Apps; give a token");
        }
        let reaches = self.token.is_some() || self.app_id.is_some();
        if reaches && self.api_url.is_none() && matches!(kind, ForgeKind::Gitea | ForgeKind::Forgejo) {
            return wrong("api_url is needed, such as https://git.example.org/api/v1");
        }
        if !self.organisations.is_empty() && !reaches && self.api_url.is_none() {
            return wrong("organisations can only be listed with a token, an App or an api_url");
        }
        if self.answers.contains(&Answer::Check) && self.app_id.is_none() {
            return wrong("answers: check runs can only be made by a GitHub App (app_id, private_key_file)");
        }
        if self.answers.contains(&Answer::CodeScanning) && kind != ForgeKind::Github {
            return wrong("answers: only GitHub takes code_scanning uploads");
        }
        if !self.answers.is_empty() && !reaches {
            return wrong("answers need a token or an App");
        }
        if self.clone_over == CloneOver::Ssh && self.ssh_key_file.is_none() {
            return wrong("clone_over = \"ssh\" needs ssh_key_file");
        }
        for url in [&self.api_url, &self.web_url].into_iter().flatten() {
            let plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
            if !matches!(url.scheme(), "https" | "http") || !plain || url.host_str().is_none() {
                return wrong("api_url and web_url are http(s) addresses without credentials");
            }
        }
        for glob in self.include.iter().chain(&self.exclude) {
            if let Err(error) = Glob::new(glob) {
                return wrong(&format!("`{glob}` is no glob: {}", error.kind()));
            }
        }
        Ok(())
    }
}

macro_rules! settings_of {
    ($($kind:literal),*) => {
        &[$(
            (concat!("forges.", $kind, ".api_url"), Form::Text),
            (concat!("forges.", $kind, ".web_url"), Form::Text),
            (concat!("forges.", $kind, ".token"), Form::Text),
            (concat!("forges.", $kind, ".username"), Form::Text),
            (concat!("forges.", $kind, ".app_id"), Form::Number),
            (concat!("forges.", $kind, ".private_key_file"), Form::Text),
            (concat!("forges.", $kind, ".organisations"), Form::List),
            (concat!("forges.", $kind, ".include"), Form::List),
            (concat!("forges.", $kind, ".exclude"), Form::List),
            (concat!("forges.", $kind, ".archived"), Form::Flag),
            (concat!("forges.", $kind, ".forks"), Form::Flag),
            (concat!("forges.", $kind, ".clone_over"), Form::Text),
            (concat!("forges.", $kind, ".ssh_key_file"), Form::Text),
            (concat!("forges.", $kind, ".known_hosts_file"), Form::Text),
            (concat!("forges.", $kind, ".answers"), Form::List),
            (concat!("forges.", $kind, ".answer_all"), Form::Flag),
            (concat!("forges.", $kind, ".replay_seconds"), Form::Number),
        )*]
    };
}

/// Every setting of this section that the environment can give.
pub(super) const SETTINGS: &[(&str, Form)] = settings_of!("github", "gitlab", "gitea", "forgejo", "bitbucket");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combinations_that_cannot_work_are_named() {
        let access = |text: &str| toml::from_str::<ForgeAccess>(text).expect(text);
        for (kind, text, expected) in [
            (ForgeKind::Github, "app_id = 1", "belong together"),
            (ForgeKind::Gitlab, "app_id = 1\nprivate_key_file = \"k\"", "only GitHub has Apps"),
            (ForgeKind::Gitea, "token = \"t\"", "api_url is needed"),
            (ForgeKind::Github, "organisations = [\"acme\"]", "organisations can only be listed"),
            (ForgeKind::Github, "token = \"t\"\nanswers = [\"check\"]", "GitHub App"),
            (ForgeKind::Gitlab, "token = \"t\"\nanswers = [\"code_scanning\"]", "only GitHub takes"),
            (ForgeKind::Gitlab, "answers = [\"status\"]", "answers need a token"),
            (ForgeKind::Gitlab, "clone_over = \"ssh\"", "needs ssh_key_file"),
            (ForgeKind::Gitlab, "api_url = \"https://a:b@c/\"", "without credentials"),
            (ForgeKind::Gitlab, "api_url = \"ftp://c/\"", "http(s)"),
            (ForgeKind::Gitlab, "include = [\"[\"]", "no glob"),
        ] {
            let refused = access(text).check(kind).expect_err(text).to_string();
            assert!(refused.contains(expected) && refused.contains(kind.as_str()), "{text}: {refused}");
        }
        for (kind, text) in [
            (ForgeKind::Github, ""),
            (ForgeKind::Github, "token = \"t\"\norganisations = [\"acme\"]\nanswers = [\"status\", \"comment\"]"),
            (ForgeKind::Gitea, "token = \"t\"\napi_url = \"http://git.internal/api/v1\"\nexclude = [\"acme/old-*\"]"),
        ] {
            assert!(access(text).check(kind).is_ok(), "{text}");
        }
        assert!(toml::from_str::<ForgeAccess>("tokn = \"t\"").is_err(), "unknown keys are errors");
    }
}
