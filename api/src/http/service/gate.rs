//! Scans, the gate, and the difference of two commits.

use std::collections::BTreeSet;

use scanner::Report;
use scanner::policy::Threshold;

use super::repositories::check_commit;
use super::{Service, not_found};
use crate::gate::{Gathered, State, gather, report_of};
use crate::http::error::ApiError;
use crate::http::wire::{Comparison, Gate, NewScan, Scan};
use crate::identity::{Identity, Scope};
use crate::store::record::{JobKind, JobRecord, JobState, RepositoryRecord, ScanId, ScanRecord};

impl Service {
    async fn scan_record(&self, identity: &Identity, text: &str) -> Result<Option<ScanRecord>, ApiError> {
        let Ok(id) = text.parse::<ScanId>() else { return Ok(None) };
        let found = self.store.scan(&self.tenant, id).await?;
        Ok(found.filter(|record| identity.sees(record.repository.as_str())))
    }

    /// A scan, by its own id or by its job's.
    pub(in crate::http) async fn scan(&self, identity: &Identity, text: &str) -> Result<Scan, ApiError> {
        if let Some(record) = self.scan_record(identity, text).await? {
            return Ok(record.into());
        }
        let job = self.job_of(identity, text).await.map_err(|error| match error {
            ApiError::NotFound { .. } => not_found("scan", text),
            other => other,
        })?;
        match job.scan {
            Some(scan) => match self.store.scan(&self.tenant, scan).await? {
                Some(record) => Ok(record.into()),
                None => Ok(job.into()),
            },
            None => Ok(job.into()),
        }
    }

    /// The report of a scan.
    pub(in crate::http) async fn report(&self, identity: &Identity, text: &str) -> Result<Report, ApiError> {
        let scan = self.scan_record(identity, text).await?.ok_or_else(|| not_found("scan", text))?;
        Ok(report_of(&self.store, &self.tenant, &scan).await?)
    }

    /// Judges a commit on what is known now.
    pub(in crate::http) async fn gate(
        &self,
        identity: &Identity,
        id: &str,
        commit: &str,
        fail_on: Option<Threshold>,
        request_id: &str,
    ) -> Result<Gate, ApiError> {
        check_commit(commit)?;
        let commit = commit.to_ascii_lowercase();
        let repository = self.repository(identity, id).await?;
        let Some(scan) = self.store.scan_of_commit(&self.tenant, &repository.id, &commit).await? else {
            return self.not_scanned(identity, &repository, commit, request_id).await;
        };
        let known = match gather(&self.store, &self.config, &repository, &scan, fail_on).await? {
            Gathered::Known(known) => known,
            Gathered::BaseNotScanned(base) => {
                let mut gate = self.not_scanned(identity, &repository, base.clone(), request_id).await?;
                gate.reasons.push("this is the commit that the one asked about is judged against".to_owned());
                gate.commit = commit;
                gate.base = Some(base);
                return Ok(gate);
            }
        };
        let verdict = known.judge();
        Ok(Gate {
            state: verdict.state,
            complete: scan.complete,
            commit,
            base: scan.base.clone(),
            scan: Some(scan.id.to_string()),
            new: verdict.new.into_iter().cloned().collect(),
            reasons: verdict.reasons,
        })
    }

    /// The job about a commit that matters most for an answer: one under way, else one that was given up.
    async fn job_of_commit(&self, repository: &RepositoryRecord, commit: &str) -> Result<Option<JobRecord>, ApiError> {
        for state in [JobState::Running, JobState::Ready, JobState::Dead] {
            let jobs = self.store.jobs(&self.tenant, state, None, 1000).await?;
            let about = |job: &JobRecord| matches!(&job.job, JobKind::Scan(spec) if spec.repository == repository.id && spec.commit.as_deref() == Some(commit));
            if let Some(job) = jobs.into_iter().find(about) {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    /// The answer about a commit without a scan: pending while one is on its way (asked for where the identity may), incomplete once
    /// the scan was given up.
    async fn not_scanned(
        &self,
        identity: &Identity,
        repository: &RepositoryRecord,
        commit: String,
        request_id: &str,
    ) -> Result<Gate, ApiError> {
        let gate = |state, reason: String| Gate {
            state,
            complete: false,
            commit: commit.clone(),
            base: None,
            scan: None,
            new: vec![],
            reasons: vec![reason],
        };
        let job = self.job_of_commit(repository, &commit).await?;
        match job {
            Some(job) if !job.state.is_final() => {
                let reason = match &job.error {
                    Some(error) => format!("the scan failed and will be tried again: {}", error.reason),
                    None => format!("the scan is {}", job.state.as_str()),
                };
                Ok(gate(State::Pending, reason))
            }
            Some(job) if job.state == JobState::Dead => {
                let reason = job.error.map_or_else(|| "no reason was kept".to_owned(), |error| error.reason);
                Ok(gate(State::Incomplete, format!("{commit} could not be scanned: {reason}")))
            }
            _ if identity.may(Scope::Scan) => {
                let asked = NewScan { commit: Some(commit.clone()), ..NewScan::default() };
                self.ask_for_scan(identity, repository.id.as_str(), asked, request_id).await?;
                Ok(gate(State::Pending, "a scan was asked for".to_owned()))
            }
            _ => Ok(gate(State::Pending, "the commit was not scanned, and this token may not ask for it".to_owned())),
        }
    }

    /// Compares two scanned commits.
    pub(in crate::http) async fn compare(
        &self,
        identity: &Identity,
        id: &str,
        base: &str,
        head: &str,
    ) -> Result<Comparison, ApiError> {
        let repository = self.repository(identity, id).await?;
        let mut scans = Vec::with_capacity(2);
        for commit in [base, head] {
            check_commit(commit)?;
            let commit = commit.to_ascii_lowercase();
            let scan = self.store.scan_of_commit(&self.tenant, &repository.id, &commit).await?;
            scans.push(scan.ok_or_else(|| not_found("scan of commit", &commit))?);
        }
        let [before, after] = &scans[..] else {
            return Err(ApiError::Internal("two commits make two scans".to_owned()));
        };
        let ids = |scan: &ScanRecord| scan.findings.iter().map(|finding| finding.id.clone()).collect::<BTreeSet<_>>();
        let (old, new) = (ids(before), ids(after));
        let (unchanged, added) = after.findings.iter().cloned().partition(|finding| old.contains(&finding.id));
        let fixed = before.findings.iter().filter(|finding| !new.contains(&finding.id)).cloned().collect();
        Ok(Comparison {
            base: base.to_owned(),
            head: head.to_owned(),
            complete: before.complete && after.complete,
            new: added,
            fixed,
            unchanged,
        })
    }
}
