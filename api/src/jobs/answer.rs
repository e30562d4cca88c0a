//! The job that tells a forge how a commit stands.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::git::RunError;
use super::{Shop, sweep};
use crate::answers::{self, AnswerError};
use crate::forges::client::Subject;
use crate::gate::{Gathered, gather};
use crate::store::StoreError;
use crate::store::record::{
    AnswerSpec, ErrorClass, JobKind, JobRecord, NewJob, Priority, RepositoryRecord, ScanId, ScanSpec, Trigger,
};

/// How often an answer waits for the scan of the commit that it is judged against: an hour in all.
const PUT_OFF: u32 = 240;
const PAUSE: SignedDuration = SignedDuration::from_secs(15);

/// The job that tells of a scan; `None` when nobody wants to know.
pub(super) fn job(
    shop: &Shop,
    repository: &RepositoryRecord,
    scan: ScanId,
    reference: Option<&str>,
    because: &JobRecord,
    now: Timestamp,
) -> Option<NewJob> {
    // a sweep looks at what was told at the push; what it finds new is told by notifications
    let told = because.sweep.is_none() && answers::wanted(shop.way.forges(), repository).is_some();
    let spec =
        AnswerSpec { repository: repository.id.clone(), scan, reference: reference.map(str::to_owned), put_off: 0 };
    told.then(|| new(repository, spec, &because.request_id, now))
}

fn new(repository: &RepositoryRecord, spec: AnswerSpec, request_id: &str, ready_at: Timestamp) -> NewJob {
    NewJob {
        tenant: repository.tenant.clone(),
        coalesce: Some(format!("answer|{}|{}", spec.scan, spec.reference.as_deref().unwrap_or_default())),
        kind: JobKind::Answer(spec),
        priority: Priority::Answer,
        organisation: repository.organisation.clone(),
        // the forge's REST has limits of its own; clones of the same host must not be held up
        host: format!("answers {}", repository.host),
        request_id: request_id.to_owned(),
        ready_at,
        sweep: None,
    }
}

/// Whether a scan's beginning and failure are told: not those of a sweep, nor of a commit that others are judged against.
fn subject(repository: &RepositoryRecord, job: &JobRecord, spec: &ScanSpec) -> Option<Subject> {
    let told = job.sweep.is_none() && matches!(spec.trigger, Trigger::Push | Trigger::PullRequest | Trigger::Rest);
    let commit = spec.commit.as_deref().filter(|_| told)?;
    Subject::of(repository, commit, spec.reference.as_deref())
}

/// Tells the forge that a scan begins. A forge that does not take it does not hold up the scan.
pub(super) async fn begin(shop: &Shop, job: &JobRecord, spec: &ScanSpec, repository: &RepositoryRecord) {
    let Some(connected) = answers::wanted(shop.way.forges(), repository).filter(|_| job.attempts == 1) else { return };
    let Some(subject) = subject(repository, job, spec) else { return };
    if let Err(error) = answers::begin(connected, &subject).await {
        tracing::warn!(%error, job = %job.id, "the forge does not take the pending status");
    }
}

/// Tells the forge that a scan was given up.
pub(super) async fn give_up(shop: &Shop, job: &JobRecord, spec: &ScanSpec, reason: &str) -> Result<(), StoreError> {
    let Some(repository) = shop.store.repository(&job.tenant, &spec.repository).await? else { return Ok(()) };
    let Some(connected) = answers::wanted(shop.way.forges(), &repository) else { return Ok(()) };
    let Some(subject) = subject(&repository, job, spec) else { return Ok(()) };
    if let Err(error) = answers::give_up(connected, &subject, reason).await {
        tracing::warn!(%error, job = %job.id, "the forge does not take the status of a scan that was given up");
    }
    Ok(())
}

/// Runs the job.
pub(super) async fn run(
    shop: &Arc<Shop>,
    job: &JobRecord,
    spec: &AnswerSpec,
) -> Result<Result<(), RunError>, StoreError> {
    let gone = |what: &str| Ok(Err(RunError::new(ErrorClass::NotFound, format!("the {what} was deleted"))));
    let Some(repository) = shop.store.repository(&job.tenant, &spec.repository).await? else {
        return gone("repository");
    };
    let Some(scan) = shop.store.scan(&job.tenant, spec.scan).await? else { return gone("scan") };
    let Some(connected) = answers::wanted(shop.way.forges(), &repository) else { return Ok(Ok(())) };
    let Some(commit) = scan.commit.as_deref() else { return Ok(Ok(())) };
    let Some(subject) = Subject::of(&repository, commit, spec.reference.as_deref()) else {
        let reason = format!("`{}` is no name of a repository on {}", repository.name, connected.kind);
        return Ok(Err(RunError::new(ErrorClass::Invalid, reason)));
    };
    let known = match gather(&shop.store, &shop.config, &repository, &scan, &shop.look.feeds()).await? {
        Gathered::Known(known) => known,
        Gathered::BaseNotScanned(base) if spec.put_off < PUT_OFF => {
            ask_for(shop, &repository, &base, &job.request_id).await?;
            let later = AnswerSpec { put_off: spec.put_off + 1, ..spec.clone() };
            let now = Timestamp::now();
            shop.store.enqueue(new(&repository, later, &job.request_id, now + PAUSE), now).await?;
            return Ok(Ok(()));
        }
        Gathered::BaseNotScanned(base) => {
            let reason = format!("the commit it is judged against, {base}, could not be scanned");
            let told = answers::give_up(connected, &subject, &reason).await;
            return Ok(told.map_err(RunError::from));
        }
    };
    let given = answers::give(connected, &shop.links, &subject, &scan, &known).await;
    Ok(match given {
        Ok(state) => {
            tracing::info!(repository = %repository.id, commit, ?state, "the forge was told");
            Ok(())
        }
        Err(AnswerError::Forge(error)) => Err(error.into()),
        Err(error @ AnswerError::Pack(_)) => Err(RunError::new(ErrorClass::Internal, error.to_string())),
    })
}

/// Asks once for the scan of a commit that others are judged against; asking again joins what waits.
async fn ask_for(shop: &Shop, repository: &RepositoryRecord, commit: &str, request_id: &str) -> Result<(), StoreError> {
    let spec = ScanSpec {
        repository: repository.id.clone(),
        reference: None,
        commit: Some(commit.to_owned()),
        base: None,
        trigger: Trigger::Base,
    };
    let job = NewJob {
        tenant: repository.tenant.clone(),
        kind: JobKind::Scan(spec),
        priority: Priority::Webhook,
        organisation: repository.organisation.clone(),
        host: repository.host.clone(),
        coalesce: Some(sweep::coalesce_key(repository, Some(commit))),
        request_id: request_id.to_owned(),
        ready_at: Timestamp::now(),
        sweep: None,
    };
    shop.store.enqueue(job, Timestamp::now()).await.map(drop)
}
