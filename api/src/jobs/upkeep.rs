//! What has to happen from time to time: the sweep's tick, acceptances that end, retention, figures.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::random;
use super::schedule::Schedule;
use crate::store::record::{JobKind, NewJob, Priority, SweepId, Tenant};
use crate::store::{Delivery, Retention, Store, StoreError};

const EVERY: Duration = Duration::from_secs(30);
const RETENTION: Retention = Retention {
    records: SignedDuration::from_hours(24 * 90),
    scans: 50,
    fixed: SignedDuration::from_hours(24 * 365),
    events: SignedDuration::from_hours(24 * 7),
};

/// Runs until asked to stop.
pub(super) async fn run(store: Store, tenant: Tenant, mut stop: watch::Receiver<bool>) {
    let mut pruned: Option<tokio::time::Instant> = None;
    while !*stop.borrow() {
        let now = Timestamp::now();
        if let Err(error) = store.expire_acceptances(now, 1000).await {
            tracing::error!(%error, "acceptances cannot be ended");
        }
        if pruned.is_none_or(|at| at.elapsed() > Duration::from_secs(24 * 3600)) {
            pruned = Some(tokio::time::Instant::now());
            if let Err(error) = store.retain(&tenant, RETENTION, now).await {
                tracing::error!(%error, "old records cannot be removed");
            }
        }
        match store.sizes(&tenant).await {
            Ok(sizes) => {
                metrics::gauge!("secretarybird_store_bytes").set(sizes.bytes as f64);
                metrics::gauge!("secretarybird_outbox_events").set(sizes.events as f64);
                for (state, count) in sizes.jobs {
                    metrics::gauge!("secretarybird_jobs", "state" => state.as_str()).set(count as f64);
                }
                for (state, count) in sizes.messages {
                    metrics::gauge!("secretarybird_messages", "state" => state.as_str()).set(count as f64);
                }
            }
            Err(error) => tracing::error!(%error, "the store cannot be measured"),
        }
        let _ = tokio::time::timeout(EVERY, stop.changed()).await;
    }
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
