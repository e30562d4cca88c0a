//! Scans, the gate, and the difference of two commits.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use scanner::Report;
use scanner::policy::Threshold;

use super::repositories::check_commit;
use super::{Service, not_found};
use crate::gate::{Asked, InForce, Lacking, State, ask, held, layers, report_of};
use crate::http::error::ApiError;
use crate::http::etag::Tagged;
use crate::http::scans::Question;
use crate::http::wire::{Comparison, Gate, Layer, NewScan, Policy, Scan};
use crate::identity::{Identity, Scope};
use crate::store::record::{JobKind, JobRecord, JobState, RepositoryId, RepositoryRecord, ScanId, ScanRecord};

/// A scan with other rules or advisories than those in force is asked for again after this long.
const AGAIN: SignedDuration = SignedDuration::from_secs(60);

/// An answer of the gate.
pub(in crate::http) struct Answer {
    /// Nothing but the state need be looked at to wait for another.
    pub pending: bool,
    pub told: Tagged,
}

impl Answer {
    fn new(gate: &Gate) -> Result<Self, ApiError> {
        Ok(Self { pending: gate.state == State::Pending, told: Tagged::json(gate)? })
    }
}

/// A question that cannot be answered yet.
struct Lack<'q> {
    identity: &'q Identity,
    repository: &'q RepositoryRecord,
    question: &'q Question,
    lacking: &'q Lacking,
    request_id: &'q str,
}

/// The scan to ask for. One that is made again keeps what it is judged against, else the same facts would be judged differently.
fn wanted(question: &Question, lacking: &Lacking) -> NewScan {
    let commit = Some(lacking.commit.clone());
    match &lacking.outdated {
        Some(scan) => NewScan { commit, reference: scan.reference.clone(), base: scan.base.clone() },
        None if lacking.is_base => NewScan { commit, ..NewScan::default() },
        None => NewScan { commit, reference: question.reference.clone(), base: question.base.clone() },
    }
}

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

    /// What the server judges a repository's commits by, beside what the repository says itself.
    pub(in crate::http) async fn policy(&self, identity: &Identity, id: &str) -> Result<Policy, ApiError> {
        let repository = self.repository(identity, id).await?;
        let layers = layers(&self.config, &repository).into_iter();
        let layers = layers.map(|(name, policy)| Layer { name: name.to_owned(), policy: policy.clone() });
        Ok(Policy { layers: layers.collect() })
    }

    /// Judges a commit on what is known now.
    pub(in crate::http) async fn gate(
        &self,
        identity: &Identity,
        id: &str,
        question: &Question,
        request_id: &str,
    ) -> Result<Answer, ApiError> {
        check_commit(&question.commit)?;
        let fail_on = question.fail_on.as_deref().map(str::parse::<Threshold>).transpose();
        let fail_on = fail_on.map_err(|error| ApiError::Invalid(format!("fail_on: {error}")))?;
        let commit = question.commit.to_ascii_lowercase();
        let about = held::Question {
            tenant: self.tenant.clone(),
            repository: RepositoryId::from_text(id),
            commit: commit.clone(),
            fail_on: question.fail_on.clone().unwrap_or_default(),
        };
        let open = match self.verdicts.of(about, &self.store, self.look.digests()) {
            Ok(told) if identity.sees(id) => return Ok(Answer { pending: false, told }),
            Ok(_) => return Err(not_found("repository", id)),
            Err(open) => open,
        };
        let repository = self.repository(identity, id).await?;
        let digests = || self.look.digests();
        let now_in_force = InForce { digests: &digests, feeds: &self.feeds.feeds() };
        let asked = ask(&self.store, &self.config, &repository, &commit, fail_on, &now_in_force).await?;
        let known = match asked {
            Asked::Known(known) => known,
            Asked::Lacking(lacking) => {
                let asked = Lack { identity, repository: &repository, question, lacking: &lacking, request_id };
                return Answer::new(&self.lacking(asked).await?);
            }
        };
        let verdict = known.judge();
        let answer = Answer::new(&Gate {
            state: verdict.state,
            complete: known.scan.complete && known.gaps.is_empty(),
            commit,
            base: known.scan.base.clone(),
            scan: Some(known.scan.id.to_string()),
            new: verdict.new.into_iter().cloned().collect(),
            reasons: verdict.reasons,
        })?;
        self.verdicts.keep(*open, &known, answer.told.clone(), answer.told.bytes());
        Ok(answer)
    }

    /// The answer where a scan is lacking: pending while one is on its way (asked for where the identity may), incomplete once the scan
    /// was given up.
    async fn lacking(&self, asked: Lack<'_>) -> Result<Gate, ApiError> {
        let Lack { identity, repository, question, lacking, request_id } = asked;
        let gate = |state, reason: String| {
            let mut reasons = vec![reason];
            if lacking.is_base {
                reasons.push(format!("{} is the commit that the one asked about is judged against", lacking.commit));
            }
            let base = lacking.is_base.then(|| lacking.commit.clone());
            let commit = question.commit.to_ascii_lowercase();
            Ok(Gate { state, complete: false, commit, base, scan: None, new: vec![], reasons })
        };
        if let Some(job) = self.store.scan_on_its_way(&self.tenant, &repository.id, &lacking.commit).await? {
            let reason = match &job.error {
                Some(error) => format!("the scan failed and will be tried again: {}", error.reason),
                None => format!("the scan is {}", job.state.as_str()),
            };
            return gate(State::Pending, reason);
        }
        if let Some(job) = self.given_up(repository, lacking).await? {
            let reason = job.error.map_or_else(|| "no reason was kept".to_owned(), |error| error.reason);
            return gate(State::Incomplete, format!("{} could not be scanned: {reason}", lacking.commit));
        }
        let why = match &lacking.outdated {
            Some(scan) if Timestamp::now().duration_since(scan.committed_at) < AGAIN => {
                // workers that look with something else than this process would be asked without end
                return gate(
                    State::Pending,
                    "it was just scanned with other rules or advisories than those in force".to_owned(),
                );
            }
            Some(_) => "it was scanned with older rules or advisories",
            None => "it was not scanned yet",
        };
        if !identity.may(Scope::Scan) {
            return gate(State::Pending, format!("{why}, and this token may not ask for a scan"));
        }
        self.ask_for_scan(identity, repository.id.as_str(), wanted(question, lacking), request_id).await?;
        self.record(
            identity,
            "scan asked for by the gate",
            &format!("{} {}", repository.id, lacking.commit),
            request_id,
        )
        .await?;
        gate(State::Pending, format!("{why}; a scan was asked for"))
    }

    /// The scan of the commit that was given up since the last one that ended.
    async fn given_up(&self, repository: &RepositoryRecord, lacking: &Lacking) -> Result<Option<JobRecord>, ApiError> {
        let about = |job: &JobRecord| matches!(&job.job, JobKind::Scan(spec) if spec.repository == repository.id && spec.commit.as_deref() == Some(lacking.commit.as_str()));
        let newer = |job: &JobRecord| lacking.outdated.as_ref().is_none_or(|scan| job.updated_at > scan.committed_at);
        let dead = self.store.jobs(&self.tenant, JobState::Dead, None, 1000).await?;
        Ok(dead.into_iter().find(|job| about(job) && newer(job)))
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
