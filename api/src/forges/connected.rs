//! The configured forges, opened: which repository belongs to which, and what its clone needs.

use std::sync::Arc;

use scanner::repository::{Access, Credentials, HostKeys};
use url::Url;
use zeroize::Zeroizing;

use super::client::{self, Forge, ForgeError, Patience, Selection, Subject};
use super::{ForgeKind, RemoteRepository};
use crate::config::{Answer, CloneOver, ForgeAccess, Forges as Configured};
use crate::reach::{Guard, origin};
use crate::store::record::RepositoryRecord;

/// One configured forge.
#[derive(Debug)]
pub struct Connected {
    /// Which kind.
    pub kind: ForgeKind,
    /// Its client.
    pub forge: Box<dyn Forge>,
    /// Organisations whose repositories are discovered.
    pub organisations: Vec<String>,
    /// Which of them are watched.
    pub selection: Selection,
    /// What it is told about commits.
    pub answers: Vec<Answer>,
    /// Tell of all findings, not only of new ones.
    pub answer_all: bool,
    /// How often missed deliveries are looked for, in seconds.
    pub replay_seconds: u64,
    web: Option<Url>,
    clone_over: CloneOver,
    ssh_key: Option<Zeroizing<String>>,
    ssh_user: Option<String>,
    host_keys: HostKeys,
}

/// All configured forges. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Forges(Arc<Vec<Connected>>);

impl Forges {
    /// Opens what the configuration gives.
    ///
    /// # Errors
    /// [`ForgeError::Configuration`], naming the forge and the file.
    pub fn open(configured: &Configured, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let wanted = ForgeKind::ALL.into_iter().filter(|kind| configured.of(*kind).is_configured());
        let opened = wanted.map(|kind| Connected::open(kind, configured.of(kind), guard, patience));
        Ok(Self(Arc::new(opened.collect::<Result<_, _>>()?)))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Connected> {
        self.0.iter()
    }

    /// The forge of a kind.
    #[must_use]
    pub fn of(&self, kind: ForgeKind) -> Option<&Connected> {
        self.iter().find(|connected| connected.kind == kind)
    }

    /// The forge that a repository lies on. Its address decides, so that credentials of a forge never go elsewhere, whatever a
    /// delivery claimed.
    #[must_use]
    pub fn of_repository(&self, repository: &RepositoryRecord) -> Option<&Connected> {
        self.iter().find(|connected| connected.holds(&repository.url))
    }

    /// What a clone of a repository needs, minted for one job.
    ///
    /// # Errors
    /// When the forge gives none.
    pub async fn access(&self, repository: &RepositoryRecord) -> Result<Access, ForgeError> {
        match self.of_repository(repository) {
            Some(connected) => connected.access(repository).await,
            None => Ok(Access::default()),
        }
    }
}

impl Connected {
    fn open(kind: ForgeKind, access: &ForgeAccess, guard: &Guard, patience: Patience) -> Result<Self, ForgeError> {
        let failed = |reason: String| ForgeError::Configuration { kind, reason };
        let file = |path: &Option<std::path::PathBuf>| {
            path.as_ref()
                .map(|path| {
                    std::fs::read_to_string(path).map_err(|error| failed(format!("{}: {error}", path.display())))
                })
                .transpose()
        };
        Ok(Self {
            kind,
            forge: client::open(kind, access, guard, patience)?,
            organisations: access.organisations.clone(),
            selection: Selection::new(access).map_err(|error| failed(error.to_string()))?,
            answers: access.answers.clone(),
            answer_all: access.answer_all,
            replay_seconds: access.replay_seconds,
            web: web(kind, access),
            clone_over: access.clone_over,
            ssh_key: file(&access.ssh_key_file)?.map(Zeroizing::new),
            ssh_user: access.username.clone(),
            host_keys: match file(&access.known_hosts_file)? {
                Some(text) => HostKeys::Text(text.into()),
                None => HostKeys::Machine,
            },
        })
    }

    /// Whether an address leads to this forge: by HTTP(S) to the same place as its pages, by SSH to the same host.
    #[must_use]
    pub fn holds(&self, address: &str) -> bool {
        let (Some(web), Ok(url)) = (&self.web, Url::parse(address)) else { return false };
        match url.scheme() {
            "ssh" => url.host_str() == web.host_str(),
            _ => origin(&url) == origin(web),
        }
    }

    /// Where a repository of a name is cloned from.
    #[must_use]
    pub fn clone_url(&self, full_name: &str) -> Option<String> {
        let web = self.web.as_ref()?.as_str().trim_end_matches('/');
        Some(format!("{web}/{full_name}.git"))
    }

    /// The SSH address of a repository, when clones go over SSH.
    #[must_use]
    pub fn ssh_url(&self, repository: &RemoteRepository) -> Option<String> {
        (self.clone_over == CloneOver::Ssh).then(|| repository.ssh_url.clone()).flatten()
    }

    async fn access(&self, repository: &RepositoryRecord) -> Result<Access, ForgeError> {
        let over_ssh = repository.clone_url().starts_with("ssh:");
        let credentials = match &self.ssh_key {
            Some(key) if over_ssh => {
                Credentials { username: self.ssh_user.clone(), ssh_key: Some(key.clone()), ..Credentials::default() }
            }
            _ if over_ssh => Credentials { ssh_agent: true, ..Credentials::default() },
            _ => self.forge.clone_credentials(&repository.name, repository.forge_id.as_deref()).await?,
        };
        Ok(Access { credentials, host_keys: self.host_keys.clone(), ..Access::default() })
    }
}

/// Where a forge's pages are, and with them its clones.
fn web(kind: ForgeKind, access: &ForgeAccess) -> Option<Url> {
    if let Some(web) = &access.web_url {
        return Some(web.clone());
    }
    match (&access.api_url, kind) {
        (None, ForgeKind::Github) => Url::parse("https://github.com/").ok(),
        (None, ForgeKind::Gitlab) => Url::parse("https://gitlab.com/").ok(),
        (None, ForgeKind::Bitbucket) => Url::parse("https://bitbucket.org/").ok(),
        (None, ForgeKind::Gitea | ForgeKind::Forgejo) => None,
        (Some(api), _) => {
            let mut web = api.clone();
            // below the version path: /api/v3, /api/v4, /api/v1; an installation under a path keeps it
            let path = api.path().split("/api/").next().unwrap_or("/").to_owned();
            web.set_path(&path);
            match (kind, api.host_str()) {
                (ForgeKind::Github, Some("api.github.com")) => Url::parse("https://github.com/").ok(),
                (ForgeKind::Bitbucket, Some("api.bitbucket.org")) => Url::parse("https://bitbucket.org/").ok(),
                _ => Some(web),
            }
        }
    }
}

impl Subject {
    /// A commit of a repository; `None` for a name that could lead to another place of the forge's REST.
    #[must_use]
    pub fn of(repository: &RepositoryRecord, commit: &str, reference: Option<&str>) -> Option<Self> {
        let plain = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.~".contains(letter))
        };
        let fits = repository.name.contains('/') && repository.name.split('/').all(plain);
        let number = |id: &String| id.chars().all(|letter| letter.is_ascii_digit());
        fits.then(|| Self {
            full_name: repository.name.clone(),
            forge_id: repository.forge_id.clone().filter(number),
            commit: commit.to_owned(),
            reference: reference.map(str::to_owned),
            pull_request: reference.and_then(super::pull_request_of),
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::config::Reach;
    use crate::store::record::{NewRepository, Tenant};

    fn repository(url: &str, name: &str) -> RepositoryRecord {
        let new = NewRepository {
            tenant: Tenant::default(),
            url: url.to_owned(),
            default_branch: None,
            name: Some(name.to_owned()),
            forge: None,
        };
        RepositoryRecord::register(&new, Timestamp::UNIX_EPOCH)
    }

    fn forges(text: &str) -> Forges {
        let configured: Configured = toml::from_str(text).expect("configuration");
        Forges::open(&configured, &Guard::new(Reach::default()), Patience::default()).expect("forges")
    }

    #[tokio::test]
    async fn credentials_go_to_their_own_forge_only() {
        let forges = forges(
            "[github]\ntoken = \"hub\"\n[gitlab]\ntoken = \"lab\"\napi_url = \"https://lab.example.org/git/api/v4\"\n\
             [gitea]\ntoken = \"tea\"\napi_url = \"http://tea.internal:3000/api/v1\"\n",
        );
        for (url, expected) in [
            ("https://github.com/acme/site", Some("hub")),
            ("https://api.github.com/acme/site", None),
            ("http://github.com/acme/site", None),
            ("https://github.com:8443/acme/site", None),
            ("https://github.com.evil.example/acme/site", None),
            ("https://lab.example.org/git/acme/site", Some("lab")),
            ("http://tea.internal:3000/acme/site", Some("tea")),
            ("http://tea.internal/acme/site", None),
            ("https://elsewhere.example/acme/site", None),
        ] {
            let access = forges.access(&repository(url, "acme/site")).await.expect(url);
            assert_eq!(access.credentials.password.as_deref().map(String::as_str), expected, "{url}");
        }
    }

    #[test]
    fn names_that_could_lead_elsewhere_make_no_subject() {
        for (name, fits) in [
            ("acme/site", true),
            ("group/sub/site.py", true),
            ("site", false),
            ("acme/../orgs", false),
            ("acme/site?x", false),
            ("acme/site#x", false),
            ("acme//site", false),
            ("acme/%2e%2e", false),
        ] {
            let subject = Subject::of(&repository("https://h/a/b", name), "c0ffee", Some("refs/pull/7/head"));
            assert_eq!(subject.is_some(), fits, "{name}");
            assert!(subject.is_none_or(|subject| subject.pull_request == Some(7)));
        }
    }
}
