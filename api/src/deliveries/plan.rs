//! What an event asks for: scans, and changes of what is known about a repository. The changes may be made twice without harm.

use jiff::Timestamp;

use super::Door;
use crate::forges::client::Choice;
use crate::forges::{
    Event, ForgeKind, Installation, InstalledRepository, PullRequest, Push, RemoteRepository, RepositoryChange,
    RepositoryEvent, pull_request_ref,
};
use crate::jobs::sweep::coalesce_key;
use crate::store::record::{
    JobKind, NewJob, NewRepository, Priority, RepositoryRecord, ScanSpec, Shown, Standing, Trigger,
};
use crate::store::{Observed, StoreError};

/// What an event asks for.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub jobs: Vec<NewJob>,
    /// Something was changed, although nothing is queued.
    pub acted: bool,
    pub reason: String,
}

impl Planned {
    fn nothing(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    fn acted(reason: impl Into<String>) -> Self {
        Self { acted: true, ..Self::nothing(reason) }
    }
}

/// A scan that an event asks for, before the repository is looked up.
struct Wanted<'e> {
    repository: &'e RemoteRepository,
    reference: String,
    commit: String,
    base: Option<String>,
    trigger: Trigger,
}

impl Door {
    pub(super) async fn plan(&self, forge: ForgeKind, event: &Event, request_id: &str) -> Result<Planned, StoreError> {
        match event {
            Event::Push { pushes } => self.scans(forge, pushes.iter().filter_map(pushed), request_id).await,
            Event::PullRequest(request) if elsewhere(forge, request) => Ok(Planned::nothing(format!(
                "the head of pull request {} is in another repository, and Bitbucket keeps no ref of it here: it is not scanned",
                request.number
            ))),
            Event::PullRequest(request) => self.scans(forge, proposed(forge, request).into_iter(), request_id).await,
            Event::Repository(event) => self.repository_changed(forge, event, request_id).await,
            Event::Installation(installation) => self.installed(forge, installation, request_id).await,
            Event::Ping => Ok(Planned::nothing("pong")),
            Event::Unhandled { name } => Ok(Planned::nothing(format!("nothing is done about {name} events"))),
        }
    }

    async fn scans(
        &self,
        forge: ForgeKind,
        wanted: impl Iterator<Item = Wanted<'_>>,
        request_id: &str,
    ) -> Result<Planned, StoreError> {
        let mut planned = Planned::nothing("no ref that is scanned moved");
        for scan in wanted {
            match self.registered(forge, scan.repository).await? {
                Ok(repository) => {
                    let spec = ScanSpec {
                        repository: repository.id.clone(),
                        reference: Some(scan.reference),
                        commit: Some(scan.commit),
                        base: scan.base,
                        trigger: scan.trigger,
                    };
                    planned.jobs.push(self.scan(&repository, spec, request_id));
                }
                Err(unregistered) => planned.reason = unregistered,
            }
        }
        Ok(planned)
    }

    fn scan(&self, repository: &RepositoryRecord, spec: ScanSpec, request_id: &str) -> NewJob {
        let what = spec.reference.as_deref().or(spec.commit.as_deref());
        NewJob {
            tenant: self.tenant.clone(),
            coalesce: Some(coalesce_key(repository, what)),
            kind: JobKind::Scan(spec),
            priority: Priority::Webhook,
            organisation: repository.organisation.clone(),
            host: repository.host.clone(),
            request_id: request_id.to_owned(),
            ready_at: Timestamp::now(),
            sweep: None,
        }
    }

    /// The scan of a repository that came within reach.
    fn first_scan(&self, repository: &RepositoryRecord, request_id: &str) -> NewJob {
        let spec = ScanSpec {
            repository: repository.id.clone(),
            reference: None,
            commit: None,
            base: None,
            trigger: Trigger::Push,
        };
        self.scan(repository, spec, request_id)
    }

    /// The repository of a delivery, registered if need be; else why not.
    async fn registered(
        &self,
        forge: ForgeKind,
        remote: &RemoteRepository,
    ) -> Result<Result<RepositoryRecord, String>, StoreError> {
        let refused = self.refusal(forge, remote);
        let shown = self.shown(forge, remote, self.standing(forge, remote));
        let observed = self.store.observe(shown, refused.is_none(), Timestamp::now()).await?;
        Ok(match (observed, refused) {
            (Some(observed), _) => Ok(observed.record().clone()),
            (None, refused) => Err(refused.unwrap_or_else(|| "the repository is not registered".to_owned())),
        })
    }

    /// Why a repository that is not known is not registered; `None` when it may be.
    fn refusal(&self, forge: ForgeKind, remote: &RemoteRepository) -> Option<String> {
        if !self.webhooks.register_unknown {
            return Some("the repository is not registered".to_owned());
        }
        // signed by the forge, and still a URL that somebody else chose
        if let Err(error) = self.guard.reach().check_url(&remote.clone_url) {
            return Some(format!("the repository is out of reach: {error}"));
        }
        let choice = self.forges.of(forge).map(|connected| connected.selection.choose(remote));
        choice.filter(|choice| *choice != Choice::Watched).map(|choice| format!("not watched: {}", choice.as_str()))
    }

    fn standing(&self, forge: ForgeKind, remote: &RemoteRepository) -> Standing {
        let watched =
            self.forges.of(forge).is_some_and(|connected| connected.selection.choose(remote) == Choice::Watched);
        if remote.archived && !watched { Standing::Archived } else { Standing::Active }
    }

    fn shown(&self, forge: ForgeKind, remote: &RemoteRepository, standing: Standing) -> Shown {
        Shown {
            new: NewRepository {
                tenant: self.tenant.clone(),
                url: remote.clone_url.clone(),
                default_branch: remote.default_branch.clone(),
                name: Some(remote.full_name.clone()),
                forge: Some(forge.to_string()),
            },
            forge_id: remote.forge_id.clone(),
            ssh_url: self.forges.of(forge).and_then(|connected| connected.ssh_url(remote)),
            standing,
        }
    }

    async fn repository_changed(
        &self,
        forge: ForgeKind,
        event: &RepositoryEvent,
        request_id: &str,
    ) -> Result<Planned, StoreError> {
        let Some(remote) = self.with_address(forge, &event.repository) else {
            return Ok(Planned::nothing("the event names no address to clone from; the next sweep takes it up"));
        };
        let now = Timestamp::now();
        let standing = match &event.change {
            RepositoryChange::Created => {
                return Ok(match self.registered(forge, &remote).await? {
                    Ok(repository) => {
                        let jobs = vec![self.first_scan(&repository, request_id)];
                        Planned { jobs, acted: true, reason: String::new() }
                    }
                    Err(reason) => Planned::nothing(reason),
                });
            }
            RepositoryChange::Renamed => self.standing(forge, &remote),
            RepositoryChange::Archived => Standing::Archived,
            RepositoryChange::Unarchived => Standing::Active,
            RepositoryChange::Deleted => {
                let known = self.store.repository_of_forge(&self.tenant, forge.as_str(), &remote.forge_id).await?;
                let known = match known {
                    Some(known) => Some(known),
                    None => self.store.repository_at(&self.tenant, &remote.clone_url).await?,
                };
                let Some(known) = known else { return Ok(Planned::nothing("the repository is not registered")) };
                // its findings stay until somebody forgets it: a forge's word alone deletes no history
                self.store.stand(&self.tenant, &known.id, Standing::Deleted, now).await?;
                return Ok(Planned::acted("marked as deleted"));
            }
            RepositoryChange::Other(name) => {
                return Ok(Planned::nothing(format!("nothing is done about a repository's {name}")));
            }
        };
        let observed = self.store.observe(self.shown(forge, &remote, standing), false, now).await?;
        Ok(match observed {
            Some(Observed::Renamed { from, record }) => Planned::acted(format!("{from} is now {}", record.name)),
            Some(observed) => Planned::acted(format!("it is {}", observed.record().standing.as_str())),
            None => Planned::nothing("the repository is not registered"),
        })
    }

    /// GitLab's project events carry no address, but it follows from the path.
    fn with_address(&self, forge: ForgeKind, remote: &RemoteRepository) -> Option<RemoteRepository> {
        if !remote.clone_url.is_empty() {
            return Some(remote.clone());
        }
        let clone_url = self.forges.of(forge)?.clone_url(&remote.full_name)?;
        Some(RemoteRepository { clone_url, ..remote.clone() })
    }

    async fn installed(
        &self,
        forge: ForgeKind,
        installation: &Installation,
        request_id: &str,
    ) -> Result<Planned, StoreError> {
        let now = Timestamp::now();
        let mut planned = Planned::nothing("no repository came within reach or went out of it");
        for gone in &installation.removed {
            let known = self.store.repository_of_forge(&self.tenant, forge.as_str(), &gone.forge_id).await?;
            let known = match (known, self.address(forge, gone)) {
                (None, Some(address)) => self.store.repository_at(&self.tenant, &address).await?,
                (known, _) => known,
            };
            if let Some(known) = known.filter(|known| known.standing != Standing::Deleted) {
                self.store.stand(&self.tenant, &known.id, Standing::OutOfReach, now).await?;
                planned.acted = true;
                planned.reason = "marked as out of reach".to_owned();
            }
        }
        for added in &installation.added {
            let Some(clone_url) = self.address(forge, added) else {
                planned.reason = "the next sweep takes it up".to_owned();
                continue;
            };
            let remote = RemoteRepository {
                forge_id: added.forge_id.clone(),
                full_name: added.full_name.clone(),
                clone_url,
                ssh_url: None,
                default_branch: None,
                archived: false,
                fork: false,
            };
            match self.registered(forge, &remote).await? {
                Ok(repository) => planned.jobs.push(self.first_scan(&repository, request_id)),
                Err(reason) => planned.reason = reason,
            }
        }
        Ok(planned)
    }

    fn address(&self, forge: ForgeKind, repository: &InstalledRepository) -> Option<String> {
        match (self.forges.of(forge), forge) {
            (Some(connected), _) => connected.clone_url(&repository.full_name),
            (None, ForgeKind::Github) => Some(format!("https://github.com/{}.git", repository.full_name)),
            (None, _) => None,
        }
    }
}

/// Branches are scanned; a deleted one and tags are not.
fn pushed(push: &Push) -> Option<Wanted<'_>> {
    let commit = push.after.clone()?;
    let branch = push.reference.strip_prefix("refs/heads/")?;
    // what an earlier push brought to a branch is still new to the default branch
    let default = push.repository.default_branch.as_deref() == Some(branch);
    Some(Wanted {
        repository: &push.repository,
        reference: push.reference.clone(),
        commit,
        base: push.before.clone().filter(|_| default),
        trigger: Trigger::Push,
    })
}

/// Whether the repository itself does not have the head. Of other forges it has: they keep a ref for each request.
fn elsewhere(forge: ForgeKind, request: &PullRequest) -> bool {
    forge == ForgeKind::Bitbucket && request.from_fork
}

/// The head of a request from the same repository came as a push already: then its scan is known, and only the answer is another.
fn proposed(forge: ForgeKind, request: &PullRequest) -> Option<Wanted<'_>> {
    request.head_moved.then(|| Wanted {
        repository: &request.repository,
        reference: pull_request_ref(forge, request.number),
        commit: request.head_commit.clone(),
        // GitLab names the branch only; the mirror knows its commit
        base: Some(request.base_commit.clone().unwrap_or_else(|| format!("refs/heads/{}", request.base_branch))),
        trigger: Trigger::PullRequest,
    })
}
