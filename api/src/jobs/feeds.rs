//! The advisories stay fresh: feeds are asked from time to time, and a snapshot that somebody else wrote is taken into use.

use std::sync::Arc;
use std::time::Duration;

use advisories::feed::download::{Network, Retry, client};
use advisories::feed::sync::{Options, Outcome, sync};
use advisories::feed::{Feed, FeedKind};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::config::Feeds;
use crate::knowledge::Advisories;

/// How often the file is looked at.
const LOOKED_AT: Duration = Duration::from_secs(2);

/// Asks the feeds and takes what is new into use.
///
/// # Errors
/// In a sentence: the advisories are given and not synced, or another process is writing them, or nothing can be written.
pub async fn sync_now(advisories: &Advisories, feeds: &[Feed]) -> Result<Vec<(FeedKind, Outcome)>, String> {
    let state = advisories.synced().ok_or("the configuration names the advisories; replace that file instead")?;
    let client = client(&Network::default())?;
    let options = Options { accept_shrink: false, retry: Retry::default(), now: Timestamp::now() };
    sync(state, feeds, &client, &options).await.map_err(|error| error.to_string())
}

/// Runs until asked to stop.
pub(super) async fn run(advisories: Arc<Advisories>, config: Feeds, mut stop: watch::Receiver<bool>) {
    let every = Duration::from_secs(config.every_minutes.saturating_mul(60));
    let feeds = match config.parsed() {
        Ok(feeds) if !every.is_zero() && advisories.synced().is_some() => feeds,
        _ => Vec::new(),
    };
    let mut due = Instant::now() + every;
    while !*stop.borrow() {
        if !feeds.is_empty() && Instant::now() >= due {
            due = Instant::now() + every;
            say(sync_now(&advisories, &feeds).await);
        }
        let own = Arc::clone(&advisories);
        match tokio::task::spawn_blocking(move || own.refresh()).await {
            Ok(Ok(true)) => tracing::info!("new advisories are in force"),
            Ok(Ok(false)) => {}
            Ok(Err(reason)) => {
                tracing::error!(%reason, "the new advisories cannot be used; the old ones stay in force")
            }
            Err(error) => tracing::error!(%error, "the advisories cannot be looked at"),
        }
        let _ = tokio::time::timeout(LOOKED_AT, stop.changed()).await;
    }
}

fn say(outcomes: Result<Vec<(FeedKind, Outcome)>, String>) {
    match outcomes {
        Ok(outcomes) => {
            for (feed, outcome) in outcomes {
                let feed = feed.as_str();
                metrics::counter!("secretarybird_feed_syncs_total", "feed" => feed, "outcome" => word(&outcome))
                    .increment(1);
                match outcome {
                    Outcome::Unchanged => tracing::debug!(feed, "unchanged"),
                    Outcome::Updated { records } => tracing::info!(feed, records, "updated"),
                    Outcome::Failed { reason } => tracing::warn!(feed, %reason, "the old content stays"),
                }
            }
        }
        Err(reason) => tracing::warn!(%reason, "the feeds cannot be asked"),
    }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unchanged => "unchanged",
        Outcome::Updated { .. } => "updated",
        Outcome::Failed { .. } => "failed",
    }
}
