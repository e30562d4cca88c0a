//! Jobs and sweeps.

use jiff::Timestamp;

use super::{Service, id, not_found, page, page_size, word};
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::operations::WantedJobs;
use crate::http::wire::{Job, Page, Sweep};
use crate::identity::Identity;
use crate::jobs::sweep::report::{SweepReport, report};
use crate::store::record::{JobId, JobKind, JobRecord, JobState, NewJob, Priority, SweepId, SweepRecord};

impl Service {
    /// One page of jobs, the newest first.
    pub(in crate::http) async fn jobs(&self, identity: &Identity, wanted: &WantedJobs) -> Result<Page<Job>, ApiError> {
        let state = word("state", wanted.state.as_deref(), JobState::parse)?;
        let limit = page_size(wanted.limit)?;
        let (states, mut after) = position(state, wanted.after.as_deref())?;
        let mut found = Vec::new();
        for state in states {
            found.extend(self.store.jobs(&self.tenant, state, after.take(), limit - found.len()).await?);
            if found.len() == limit {
                break;
            }
        }
        let next = (found.len() == limit).then(|| found.last()).flatten();
        let next = next.map(|job| cursor::seal(&list(state), format!("{}.{}", job.state.as_str(), job.id).as_bytes()));
        found.retain(|job| sees(identity, job));
        Ok(page(found, next))
    }

    pub(super) async fn job_of(&self, identity: &Identity, text: &str) -> Result<JobRecord, ApiError> {
        let found = self.store.job(&self.tenant, id::<JobId>("job", text)?).await?;
        found.filter(|job| sees(identity, job)).ok_or_else(|| not_found("job", text))
    }

    /// Tries a job once more.
    pub(in crate::http) async fn retry(&self, identity: &Identity, id: &str) -> Result<Job, ApiError> {
        let job = self.job_of(identity, id).await?;
        if self.store.retry_job(&self.tenant, job.id, Timestamp::now()).await? != Some(true) {
            return Err(ApiError::Conflict("only a job that was given up or cancelled can be tried again".to_owned()));
        }
        Ok(self.job_of(identity, id).await?.into())
    }

    /// Cancels a job.
    pub(in crate::http) async fn cancel(&self, identity: &Identity, id: &str) -> Result<Job, ApiError> {
        let job = self.job_of(identity, id).await?;
        if self.store.cancel_job(&self.tenant, job.id, Timestamp::now()).await? != Some(true) {
            return Err(ApiError::Conflict("the job has already ended".to_owned()));
        }
        Ok(self.job_of(identity, id).await?.into())
    }

    /// Starts a sweep.
    pub(in crate::http) async fn start_sweep(&self, full: bool, request_id: &str) -> Result<Sweep, ApiError> {
        let now = Timestamp::now();
        let sweep = SweepRecord::begin(SweepId::fresh(), &self.tenant, full, now);
        let job = NewJob {
            tenant: self.tenant.clone(),
            kind: JobKind::Sweep { sweep: sweep.id },
            priority: Priority::Sweep,
            organisation: String::new(),
            host: String::new(),
            coalesce: None,
            request_id: request_id.to_owned(),
            ready_at: now,
            sweep: Some(sweep.id),
        };
        self.store.begin_sweep(sweep.clone(), job, now).await?;
        Ok(sweep.into())
    }

    /// How a sweep goes.
    pub(in crate::http) async fn sweep(&self, identity: &Identity, text: &str) -> Result<Sweep, ApiError> {
        // a sweep tells of repositories all over
        if identity.repositories.is_some() {
            return Err(not_found("sweep", text));
        }
        let found = self.store.sweep(&self.tenant, id::<SweepId>("sweep", text)?).await?;
        found.map(Sweep::from).ok_or_else(|| not_found("sweep", text))
    }

    /// What a sweep did about every repository.
    pub(in crate::http) async fn sweep_report(&self, identity: &Identity, text: &str) -> Result<SweepReport, ApiError> {
        // a sweep tells of repositories all over
        if identity.repositories.is_some() {
            return Err(not_found("sweep", text));
        }
        let found = self.store.sweep(&self.tenant, id::<SweepId>("sweep", text)?).await?;
        let sweep = found.ok_or_else(|| not_found("sweep", text))?;
        Ok(report(&sweep, self.store.swept(&self.tenant, sweep.id).await?))
    }

    /// The newest sweeps.
    pub(in crate::http) async fn sweeps(&self, identity: &Identity) -> Result<Page<Sweep>, ApiError> {
        let found = match identity.repositories {
            Some(_) => vec![],
            None => self.store.sweeps(&self.tenant, 100).await?,
        };
        Ok(page(found, None))
    }
}

/// Where in which states a page begins. The store lists one state after the other.
fn position(
    state: Option<JobState>,
    after: Option<&str>,
) -> Result<(impl Iterator<Item = JobState>, Option<JobId>), ApiError> {
    let wrong = || ApiError::Unprocessable("after: not a cursor of this list".to_owned());
    let cursor = after.map(|text| cursor::open_text(&list(state), text)).transpose()?;
    let cursor = cursor.as_deref().map(|text| text.split_once('.').ok_or_else(wrong)).transpose()?;
    let reached = cursor.map(|(word, _)| JobState::parse(word).ok_or_else(wrong)).transpose()?;
    let job = cursor.map(|(_, id)| id.parse::<JobId>().map_err(|_| wrong())).transpose()?;
    let wanted = move |one: &JobState| state.is_none_or(|state| state == *one);
    Ok((
        JobState::ALL.into_iter().skip_while(move |one| reached.is_some_and(|reached| reached != *one)).filter(wanted),
        job,
    ))
}

fn list(state: Option<JobState>) -> String {
    format!("jobs {}", state.map_or("", JobState::as_str))
}

/// Jobs about no repository concern all of them.
fn sees(identity: &Identity, job: &JobRecord) -> bool {
    match job.job.repository() {
        Some(repository) => identity.sees(repository.as_str()),
        None => identity.repositories.is_none(),
    }
}
