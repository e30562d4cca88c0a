//! What a webhook delivery asks for.

use jiff::Timestamp;

use super::Service;
use crate::forges::{Event, ForgeKind, PullRequest, Push, RemoteRepository, RepositoryChange};
use crate::http::error::ApiError;
use crate::http::webhooks::{Receipt, Taken};
use crate::store::Delivery;
use crate::store::record::{NewJob, NewRepository, Priority, RepositoryRecord, ScanSpec, Trigger};

/// The jobs that a delivery asks for; where there are none, why.
#[derive(Debug)]
pub(in crate::http) struct Planned {
    pub jobs: Vec<NewJob>,
    pub reason: String,
}

impl Planned {
    fn nothing(reason: impl Into<String>) -> Self {
        Self { jobs: vec![], reason: reason.into() }
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

impl Service {
    /// Turns an event into jobs.
    pub(in crate::http) async fn plan(
        &self,
        forge: ForgeKind,
        event: &Event,
        request_id: &str,
    ) -> Result<Planned, ApiError> {
        let wanted: Vec<Wanted<'_>> = match event {
            Event::Push { pushes } => pushes.iter().filter_map(pushed).collect(),
            Event::PullRequest(request) => proposed(request).into_iter().collect(),
            Event::Repository(event) if event.change == RepositoryChange::Deleted => {
                // kept until somebody forgets it: a forge's word alone deletes no history
                return Ok(Planned::nothing("the repository stays until it is deleted here"));
            }
            Event::Repository(_) | Event::Installation(_) => return Ok(Planned::nothing("the next sweep takes it up")),
            Event::Ping => return Ok(Planned::nothing("pong")),
            Event::Unhandled { name } => return Ok(Planned::nothing(format!("nothing is done about {name} events"))),
        };
        let mut jobs = Vec::new();
        let mut reason = "no ref that is scanned moved".to_owned();
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
                    jobs.push(self.scan_job(&repository, spec, Priority::Webhook, request_id));
                }
                Err(unregistered) => reason = unregistered,
            }
        }
        Ok(Planned { jobs, reason })
    }

    /// The repository of a delivery, registered if need be; else why not.
    async fn registered(
        &self,
        forge: ForgeKind,
        remote: &RemoteRepository,
    ) -> Result<Result<RepositoryRecord, String>, ApiError> {
        let new = NewRepository {
            tenant: self.tenant.clone(),
            url: remote.clone_url.clone(),
            default_branch: remote.default_branch.clone(),
            name: Some(remote.full_name.clone()),
            forge: Some(forge.to_string()),
        };
        let id = RepositoryRecord::register(&new, Timestamp::now()).id;
        if let Some(record) = self.store.repository(&self.tenant, &id).await? {
            return Ok(Ok(record));
        }
        if !self.config.webhooks.register_unknown {
            return Ok(Err("the repository is not registered".to_owned()));
        }
        // signed by the forge, and still a URL that somebody else chose
        if let Err(error) = self.config.reach.check_url(&new.url) {
            return Ok(Err(format!("the repository is out of reach: {error}")));
        }
        Ok(Ok(self.store.register(new, Timestamp::now()).await?.0))
    }

    /// Makes a delivery durable; its jobs are queued in the same transaction.
    pub(in crate::http) async fn accept(&self, delivery: Delivery) -> Result<Receipt, ApiError> {
        let accepted = self.store.accept_delivery(delivery, Timestamp::now()).await?;
        let outcome = if accepted.duplicate { Taken::Duplicate } else { Taken::Accepted };
        Ok(Receipt { outcome, jobs: accepted.jobs.iter().map(ToString::to_string).collect(), reason: None })
    }
}

/// Branches are scanned; a deleted one and tags are not.
fn pushed(push: &Push) -> Option<Wanted<'_>> {
    let commit = push.after.clone()?;
    push.reference.starts_with("refs/heads/").then(|| Wanted {
        repository: &push.repository,
        reference: push.reference.clone(),
        commit,
        base: push.before.clone(),
        trigger: Trigger::Push,
    })
}

/// The head of a request from the same repository came as a push already; a fork's is reached by the request's own ref.
fn proposed(request: &PullRequest) -> Option<Wanted<'_>> {
    let scanned = request.head_moved && request.base_commit.is_some();
    scanned.then(|| Wanted {
        repository: &request.repository,
        reference: format!("refs/pull/{}/head", request.number),
        commit: request.head_commit.clone(),
        base: request.base_commit.clone(),
        trigger: Trigger::PullRequest,
    })
}
