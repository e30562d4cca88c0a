//! What has to happen from time to time: the sweep's tick, acceptances that end, retention, figures.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

use super::random;
use super::schedule::Schedule;
use crate::store::record::{JobKind, NewJob, Priority, SweepId, Tenant};
use crate::store::{Delivery, Retention, Store, StoreError};

const EVERY: Duration = Duration::from_secs(5);
/// How long a process counts as working, and leading, after it was last heard of.
const PRESENT: SignedDuration = SignedDuration::from_secs(30);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What takes a walk over the store is measured less often.
const WALK: Duration = Duration::from_secs(600);

/// Something that is done every so often.
struct Every(Duration, Option<Instant>);

impl Every {
    fn is_due(&mut self) -> bool {
        let due = self.1.is_none_or(|last| last.elapsed() >= self.0);
        if due {
            self.1 = Some(Instant::now());
        }
        due
    }
}

/// Runs until asked to stop. Of several processes one leads, and does what is done once for all.
pub(super) async fn run(
    store: Store,
    tenant: Tenant,
    process: String,
    kept: Retention,
    leading: watch::Sender<bool>,
    mut stop: watch::Receiver<bool>,
) {
    let (mut measured, mut walked, mut pruned) = (Every(EVERY * 6, None), Every(WALK, None), Every(DAY, None));
    while !*stop.borrow() {
        let now = Timestamp::now();
        let leads = match store.attend(&process, PRESENT, now).await {
            Ok(leads) => leads,
            Err(error) => {
                tracing::error!(%error, "this process cannot say that it works");
                false
            }
        };
        leading.send_if_modified(|before| std::mem::replace(before, leads) != leads);
        metrics::gauge!("secretarybird_leader").set(if leads { 1.0 } else { 0.0 });
        if leads {
            complain(store.expire_acceptances(now, 1000).await, "acceptances cannot be ended");
            if pruned.is_due() {
                complain(store.retain(&tenant, kept, now).await, "old records cannot be removed");
            }
        }
        if measured.is_due() {
            complain(measure(&store, &tenant, now).await, "the store cannot be measured");
        }
        if leads && walked.is_due() {
            complain(walk(&store, &tenant).await, "the store cannot be counted");
        }
        let _ = tokio::time::timeout(EVERY, stop.changed()).await;
    }
    complain(store.leave(&process).await, "this process cannot say that it ends");
}

fn complain<T>(done: Result<T, StoreError>, what: &'static str) {
    if let Err(error) = done {
        tracing::error!(%error, "{what}");
    }
}

async fn measure(store: &Store, tenant: &Tenant, now: Timestamp) -> Result<(), StoreError> {
    let sizes = store.sizes(tenant).await?;
    metrics::gauge!("secretarybird_store_bytes").set(sizes.bytes as f64);
    metrics::gauge!("secretarybird_outbox_events").set(sizes.events as f64);
    for (state, count) in sizes.jobs {
        metrics::gauge!("secretarybird_jobs", "state" => state.as_str()).set(count as f64);
    }
    for (state, count) in sizes.messages {
        metrics::gauge!("secretarybird_messages", "state" => state.as_str()).set(count as f64);
    }
    metrics::gauge!("secretarybird_processes").set(store.at_work(now).await?.len() as f64);
    Ok(())
}

async fn walk(store: &Store, tenant: &Tenant) -> Result<(), StoreError> {
    let totals = store.totals(tenant).await?;
    metrics::gauge!("secretarybird_repositories").set(totals.repositories as f64);
    metrics::gauge!("secretarybird_scans").set(totals.scans as f64);
    for (state, count) in totals.findings {
        metrics::gauge!("secretarybird_findings", "state" => state.as_str()).set(count as f64);
    }
    Ok(())
}

/// Asks for a sweep whenever one is due. Any number of processes may do so: a tick is a delivery, and is accepted once.
pub(super) async fn tick(
    store: Store,
    tenant: Tenant,
    schedule: Schedule,
    jitter_seconds: u64,
    mut stop: watch::Receiver<bool>,
) {
    while !*stop.borrow() {
        let Some(due) = schedule.next(Timestamp::now()) else { return };
        // short naps instead of one long sleep: the clock may be set, the machine may be suspended
        while Timestamp::now() < due && !*stop.borrow() {
            let _ = tokio::time::timeout(Duration::from_secs(20), stop.changed()).await;
        }
        if *stop.borrow() {
            return;
        }
        let spread = jitter_seconds.saturating_mul(u64::from(random())) / u64::from(u32::MAX);
        let ready_at = due + SignedDuration::from_secs(i64::try_from(spread).unwrap_or(0));
        if let Err(error) = ask(&store, &tenant, due, ready_at).await {
            tracing::error!(%error, "the sweep cannot be queued");
        }
    }
}

async fn ask(store: &Store, tenant: &Tenant, due: Timestamp, ready_at: Timestamp) -> Result<(), StoreError> {
    let sweep = SweepId::fresh();
    let request_id = format!("schedule {due}");
    let job = NewJob {
        tenant: tenant.clone(),
        kind: JobKind::Sweep { sweep },
        priority: Priority::Sweep,
        organisation: String::new(),
        host: String::new(),
        coalesce: Some("sweep".to_owned()),
        request_id: request_id.clone(),
        ready_at,
        sweep: Some(sweep),
    };
    let delivery = Delivery {
        tenant: tenant.clone(),
        source: "schedule".to_owned(),
        id: due.to_string(),
        also: vec![],
        request_id,
        jobs: vec![job],
    };
    store.accept_delivery(delivery, Timestamp::now()).await.map(|_| ())
}
