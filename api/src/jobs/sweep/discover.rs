//! Which repositories there are, by the forges' own lists: new ones are registered, renamed ones followed, missing ones marked.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::Sweeper;
use crate::forges::client::Choice;
use crate::forges::{Connected, RemoteRepository};
use crate::store::record::{Did, NewRepository, RepositoryId, Shown, Standing, Swept, Tenant};
use crate::store::{Observed, StoreError};

/// Lines that are kept in one step.
const STEP: usize = 100;

impl Sweeper<'_> {
    /// Reads every configured organisation's list. False when told to stop, or the lease is lost.
    pub(super) async fn discover(&mut self, stop: &AtomicBool) -> Result<bool, StoreError> {
        let forges = self.shop.way.forges().clone();
        for connected in forges.iter() {
            for organisation in &connected.organisations {
                let name = format!("{} {organisation}", connected.kind);
                let known = self.sweep.organisations.contains(&name)
                    || self.sweep.unlisted.iter().any(|(unlisted, _)| *unlisted == name);
                if known {
                    continue;
                }
                if stop.load(Ordering::Relaxed) || !self.read_organisation(connected, organisation, name).await? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    async fn read_organisation(
        &mut self,
        connected: &Connected,
        organisation: &str,
        name: String,
    ) -> Result<bool, StoreError> {
        let listed = match connected.forge.repositories(organisation).await {
            Ok(listed) => listed,
            Err(error) => {
                // what is known already is swept all the same
                tracing::warn!(%error, organisation, "the repositories of an organisation cannot be listed");
                self.sweep.unlisted.push((name, error.to_string()));
                return self.keep(None, None, vec![]).await;
            }
        };
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for repository in &listed {
            self.sweep.seen += 1;
            let (id, line) = self.take_up(connected, repository).await?;
            seen.extend(id);
            lines.extend(line);
            if lines.len() >= STEP && !self.keep(None, None, std::mem::take(&mut lines)).await? {
                return Ok(false);
            }
        }
        if let Some(doubt) = self.mark_missing(connected, organisation, &seen).await? {
            self.sweep.unlisted.push((name, doubt));
        } else {
            self.sweep.organisations.push(name);
        }
        self.keep(None, None, lines).await
    }

    /// One listed repository: its identity here, and a line of the report where it is not watched.
    async fn take_up(
        &mut self,
        connected: &Connected,
        repository: &RemoteRepository,
    ) -> Result<(Option<RepositoryId>, Option<Swept>), StoreError> {
        let choice = connected.selection.choose(repository);
        let reason = match self.shop.way.guard().reach().check_url(&repository.clone_url) {
            Ok(_) => (choice != Choice::Watched).then(|| choice.as_str().to_owned()),
            Err(error) => Some(format!("out of reach: {error}")),
        };
        let shown = shown(&self.job.tenant, connected, repository);
        let observed = self.shop.store.observe(shown, reason.is_none(), Timestamp::now()).await?;
        match &observed {
            Some(Observed::New(_)) => self.sweep.new += 1,
            Some(Observed::Renamed { record, from }) => {
                tracing::info!(repository = %record.id, from, to = record.name, "renamed");
                self.sweep.renamed += 1;
            }
            Some(Observed::Known(_)) | None => {}
        }
        let id = observed.map(|observed| observed.record().id.clone());
        let Some(reason) = reason else { return Ok((id, None)) };
        // a known one that is archived is met again, and counted, when the refs are listed
        if id.is_some() && choice == Choice::Archived {
            return Ok((id, None));
        }
        self.sweep.skip(&reason);
        let line = Swept {
            name: repository.full_name.clone(),
            repository: id.clone(),
            did: Did::Skipped { reason },
            at: Timestamp::now(),
        };
        Ok((id, Some(line)))
    }

    /// Marks what the forge no longer shows. An empty list of an organisation that had repositories is rather a loss of permission:
    /// then nothing is marked, and the answer says so.
    async fn mark_missing(
        &mut self,
        connected: &Connected,
        organisation: &str,
        seen: &HashSet<RepositoryId>,
    ) -> Result<Option<String>, StoreError> {
        let store = &self.shop.store;
        let (mut missing, mut after) = (Vec::new(), None);
        loop {
            let page = store.repositories(&self.job.tenant, after.as_ref(), 500).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            missing.extend(page.into_iter().filter(|repository| {
                repository.forge_id.is_some()
                    && repository.forge.as_deref() == Some(connected.kind.as_str())
                    && repository.standing != Standing::Deleted
                    && belongs(&repository.name, organisation)
                    && !seen.contains(&repository.id)
            }));
        }
        if !missing.is_empty() && seen.is_empty() {
            return Ok(Some("it shows no repository any more; nothing was marked as deleted".to_owned()));
        }
        for repository in missing {
            tracing::info!(repository = %repository.id, name = repository.name, "no longer on its forge");
            self.sweep.gone += 1;
            store.stand(&self.job.tenant, &repository.id, Standing::Deleted, Timestamp::now()).await?;
        }
        Ok(None)
    }
}

/// A listed repository as the store takes it.
pub fn shown(tenant: &Tenant, connected: &Connected, repository: &RemoteRepository) -> Shown {
    Shown {
        new: NewRepository {
            tenant: tenant.clone(),
            url: repository.clone_url.clone(),
            default_branch: repository.default_branch.clone(),
            name: Some(repository.full_name.clone()),
            forge: Some(connected.kind.to_string()),
        },
        forge_id: repository.forge_id.clone(),
        ssh_url: connected.ssh_url(repository),
        // one that is watched although archived is scanned like any other
        standing: match connected.selection.choose(repository) {
            Choice::Archived => Standing::Archived,
            _ => Standing::Active,
        },
    }
}

/// Whether `group/sub/name` lies in `group` or `group/sub`.
fn belongs(full_name: &str, organisation: &str) -> bool {
    let (full_name, organisation) = (full_name.to_lowercase(), organisation.to_lowercase());
    full_name.strip_prefix(&organisation).is_some_and(|rest| rest.starts_with('/'))
}
