//! Repositories, and the deliveries about them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{JobId, RepositoryId, ScanId, Tenant};

/// What registers a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRepository {
    /// Whose.
    pub tenant: Tenant,
    /// The clone URL; credentials in it are not kept.
    pub url: String,
    /// The branch that findings are kept for; `None` follows the remote's HEAD.
    pub default_branch: Option<String>,
    /// `owner/name` or the like, as the forge says it.
    pub name: Option<String>,
    /// Which configured forge it belongs to, if any.
    pub forge: Option<String>,
}

/// A registered repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryRecord {
    /// Its identity.
    pub id: RepositoryId,
    /// Whose.
    pub tenant: Tenant,
    /// The clone URL, normalised and without credentials.
    pub url: String,
    /// For people.
    pub name: String,
    /// The host that is cloned from; caps apply per host.
    pub host: String,
    /// The owner on the host; jobs are dealt out fairly between organisations.
    pub organisation: String,
    /// The branch that findings are kept for; `None` follows the remote's HEAD.
    pub default_branch: Option<String>,
    /// Which configured forge it belongs to.
    pub forge: Option<String>,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// Ref name → commit, as last listed by a sweep or reported by a scan.
    pub refs: BTreeMap<String, String>,
    /// When the refs were last listed.
    pub listed_at: Option<Timestamp>,
    /// The newest committed scan of the default branch.
    pub head_scan: Option<ScanId>,
    /// The commit of that scan.
    pub head_commit: Option<String>,
    /// The forge's own lasting id of it, which survives a rename.
    #[serde(default)]
    pub forge_id: Option<String>,
    /// Where it is cloned from in place of `url`, when clones go over SSH.
    #[serde(default)]
    pub ssh_url: Option<String>,
    /// Whether it is there and changes.
    #[serde(default)]
    pub standing: Standing,
    /// Since when it stands so, where that was noticed.
    #[serde(default)]
    pub standing_since: Option<Timestamp>,
}

/// Whether a repository is there and changes. Its findings stay whatever it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is.
    #[default]
    Active,
    /// Read-only on its forge.
    Archived,
    /// Gone from its forge.
    Deleted,
    /// The forge no longer shows it to us.
    OutOfReach,
}

impl Standing {
    /// The word in REST and reports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archived => "archived",
            Self::Deleted => "deleted",
            Self::OutOfReach => "out_of_reach",
        }
    }
}

/// A repository as its forge shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// What registers it, if it is new.
    pub new: NewRepository,
    /// The forge's own lasting id.
    pub forge_id: String,
    /// Where it is cloned from in place of its address.
    pub ssh_url: Option<String>,
    /// Whether it is there and changes.
    pub standing: Standing,
}

impl RepositoryRecord {
    /// Where it is cloned from.
    #[must_use]
    pub fn clone_url(&self) -> &str {
        self.ssh_url.as_deref().unwrap_or(&self.url)
    }

    /// Sets where it stands.
    pub fn stand(&mut self, standing: Standing, now: Timestamp) {
        if self.standing != standing {
            self.standing = standing;
            self.standing_since = Some(now);
        }
    }

    /// Takes over what the forge shows. Its identity stays, and with it its findings, although name and address may be others.
    pub fn follow(&mut self, shown: &Shown, now: Timestamp) {
        let fresh = Self::register(&shown.new, now);
        self.url = fresh.url;
        self.name = fresh.name;
        self.host = fresh.host;
        self.organisation = fresh.organisation;
        self.default_branch = fresh.default_branch.or(self.default_branch.take());
        self.forge = fresh.forge;
        self.forge_id = Some(shown.forge_id.clone());
        self.ssh_url.clone_from(&shown.ssh_url);
        self.stand(shown.standing, now);
    }

    /// The record of a fresh registration.
    #[must_use]
    pub fn register(new: &NewRepository, now: Timestamp) -> Self {
        let url = normalise_url(&new.url);
        let (host, path) = host_and_path(&url);
        let organisation = path.rsplit_once('/').map_or_else(|| host.clone(), |(owner, _)| format!("{host}/{owner}"));
        Self {
            id: RepositoryId::of(&new.tenant, &url),
            tenant: new.tenant.clone(),
            name: new.name.clone().unwrap_or_else(|| if path.is_empty() { url.clone() } else { path }),
            host,
            organisation,
            url,
            default_branch: new.default_branch.clone(),
            forge: new.forge.clone(),
            registered_at: now,
            refs: BTreeMap::new(),
            listed_at: None,
            head_scan: None,
            head_commit: None,
            forge_id: None,
            ssh_url: None,
            standing: Standing::Active,
            standing_since: None,
        }
    }
}

/// A clone URL in the one form that identifies a repository: no credentials, query or fragment, host in lower case, no `.git` or `/` at the end.
/// `git@host:path` becomes `ssh://git@host/path`. A path of this machine stays what it is: no server adds the `.git` to it.
#[must_use]
pub fn normalise_url(text: &str) -> String {
    let text = text.trim();
    let scp = (!text.contains("://")).then(|| text.split_once(':')).flatten();
    let text = match scp {
        Some((host, path)) if !host.contains('/') && host.len() > 1 => {
            format!("ssh://{host}/{}", path.trim_start_matches('/'))
        }
        _ => text.to_owned(),
    };
    let text = match Url::parse(&text) {
        Ok(url) if url.scheme() == "file" => return text.trim_end_matches('/').to_owned(),
        Ok(mut url) if url.has_host() => {
            // the user of ssh is part of the address, a password never is; neither call can fail on a URL with a host
            let _ = url.set_password(None);
            if url.scheme() != "ssh" {
                let _ = url.set_username("");
            }
            url.set_query(None);
            url.set_fragment(None);
            url.to_string()
        }
        _ => text,
    };
    let text = text.trim_end_matches('/');
    text.strip_suffix(".git").filter(|rest| !rest.ends_with('/')).unwrap_or(text).to_owned()
}

fn host_and_path(url: &str) -> (String, String) {
    match Url::parse(url) {
        Ok(parsed) => {
            let host = match (parsed.host_str().unwrap_or("localhost"), parsed.port()) {
                (host, Some(port)) => format!("{host}:{port}"),
                (host, None) => host.to_owned(),
            };
            (host, parsed.path().trim_matches('/').to_owned())
        }
        Err(_) => ("localhost".to_owned(), url.trim_matches('/').to_owned()),
    }
}

/// A webhook delivery that was accepted: its identity is claimed, so that a redelivery does nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Whose.
    pub tenant: Tenant,
    /// Who sent it: the forge's name, or `schedule` for a tick of the clock.
    pub source: String,
    /// The sender's delivery id.
    pub id: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The request that brought it.
    pub request_id: String,
    /// The jobs that it made or joined.
    pub jobs: Vec<JobId>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_repository_has_one_url() {
        let cases = [
            ("https://GitHub.com/acme/site.git", "https://github.com/acme/site"),
            ("https://user:pw@github.com/acme/site/", "https://github.com/acme/site"),
            ("https://token@github.com/acme/site?x=1#y", "https://github.com/acme/site"),
            ("git@github.com:acme/site.git", "ssh://git@github.com/acme/site"),
            ("ssh://git@host:2222/acme/site.git", "ssh://git@host:2222/acme/site"),
            ("file:///srv/git/site.git/", "file:///srv/git/site.git"),
            ("/srv/git/site", "/srv/git/site"),
            ("/srv/work/.git", "/srv/work/.git"),
        ];
        for (given, expected) in cases {
            assert_eq!(normalise_url(given), expected, "{given}");
            assert_eq!(normalise_url(expected), expected, "normalising again changes nothing");
        }
    }

    #[test]
    fn organisation_and_host_come_from_the_url() {
        let of = |url: &str| {
            let new = NewRepository {
                tenant: Tenant::default(),
                url: url.to_owned(),
                default_branch: None,
                name: None,
                forge: None,
            };
            let record = RepositoryRecord::register(&new, Timestamp::UNIX_EPOCH);
            (record.host, record.organisation, record.name)
        };
        let owned = |host: &str, organisation: &str, name: &str| (host.into(), organisation.into(), name.into());
        assert_eq!(of("https://github.com/acme/site"), owned("github.com", "github.com/acme", "acme/site"));
        assert_eq!(of("git@gitlab.corp:a/b/c.git"), owned("gitlab.corp", "gitlab.corp/a/b", "a/b/c"));
        assert_eq!(of("http://h:8080/x"), owned("h:8080", "h:8080", "x"));
        assert_eq!(of("file:///srv/git/x"), owned("localhost", "localhost/srv/git", "srv/git/x"));
    }
}
