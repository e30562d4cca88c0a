//! What a forge could not deliver: its list of deliveries is read at the start and from time to time, and what nobody took comes in
//! through the same door. GitHub does not deliver again by itself, and keeps its list for three days.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Door, Outcome};
use crate::forges::client::{DeliveryLog, ForgeError};
use crate::forges::{Connected, ForgeKind, Refusal};
use crate::store::StoreError;
use crate::telemetry::metric;

const KEPT: SignedDuration = SignedDuration::from_hours(72);
/// Deliveries may stand in the list a little later than they were made.
const OVERLAP: SignedDuration = SignedDuration::from_mins(15);

/// Why missed deliveries could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The forge.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What one look found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries in the list.
    pub listed: usize,
    /// Of these, missed, and taken now.
    pub taken: usize,
    /// Missed, and asking for nothing or known already.
    pub nothing: usize,
    /// Missed, and not readable.
    pub refused: usize,
}

/// Looks until asked to stop: at once, then every `replay_seconds` of each forge that keeps a list.
pub async fn run(door: Door, mut stop: watch::Receiver<bool>) {
    let mut due = HashMap::<ForgeKind, tokio::time::Instant>::new();
    while !*stop.borrow() {
        for connected in door.forges.iter().filter(|connected| connected.replay_seconds > 0) {
            let Some(log) = connected.forge.delivery_log() else { continue };
            let now = tokio::time::Instant::now();
            if due.get(&connected.kind).is_some_and(|due| *due > now) {
                continue;
            }
            due.insert(connected.kind, now + Duration::from_secs(connected.replay_seconds));
            match look(&door, connected, log).await {
                Ok(found) if found.taken + found.refused > 0 => tracing::warn!(?found, "deliveries had been missed"),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "missed deliveries cannot be looked for"),
            }
        }
        let _ = tokio::time::timeout(Duration::from_secs(5), stop.changed()).await;
    }
}

/// Looks once.
///
/// # Errors
/// [`ReplayError`]; the next look begins where this one did.
pub async fn look(door: &Door, connected: &Connected, log: &dyn DeliveryLog) -> Result<Replayed, ReplayError> {
    let name = format!("deliveries of {} read until", connected.kind);
    let begun = Timestamp::now();
    let last = door.store.meta(&name).await?.and_then(|text| text.parse::<Timestamp>().ok());
    let since = last.map_or(begun - KEPT, |last| (last - OVERLAP).max(begun - KEPT));
    let listed = log.since(since).await?;
    let taken: HashSet<&str> =
        listed.iter().filter(|attempt| attempt.taken).map(|attempt| attempt.id.as_str()).collect();
    let mut found = Replayed { listed: listed.len(), ..Replayed::default() };
    let mut seen = HashSet::new();
    // the oldest first, as they were made
    for attempt in listed.iter().rev().filter(|attempt| !taken.contains(attempt.id.as_str())) {
        let source = connected.kind.as_str();
        let known = door.store.jobs_of_delivery(&door.tenant, source, &attempt.id).await?.is_some();
        if known || !seen.insert(attempt.id.as_str()) {
            continue;
        }
        let content = log.content(attempt.number).await?;
        let outcome = match Door::read(connected.kind, &as_headers(&content.headers), &content.body) {
            Ok(delivery) => {
                let received = door.take(delivery, &format!("replay {}", attempt.id)).await?;
                match received.outcome {
                    Outcome::Accepted => {
                        found.taken += 1;
                        "replayed"
                    }
                    Outcome::Duplicate | Outcome::Ignored => {
                        found.nothing += 1;
                        "ignored"
                    }
                }
            }
            Err(refusal) => {
                found.refused += 1;
                tracing::warn!(%refusal, delivery = attempt.id, "a missed delivery cannot be read");
                Refusal::label(&refusal)
            }
        };
        let labels = [("forge", source), ("event", "replay"), ("outcome", outcome)];
        metrics::counter!(metric::DELIVERIES, &labels).increment(1);
    }
    door.store.put_meta(&name, &begun.to_string()).await?;
    Ok(found)
}

fn as_headers(pairs: &[(String, String)]) -> HeaderMap {
    let pair = |(name, value): &(String, String)| {
        Some((HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_str(value).ok()?))
    };
    pairs.iter().filter_map(pair).collect()
}
