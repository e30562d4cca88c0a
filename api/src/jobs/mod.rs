//! Jobs: the workers, the sweep, the schedule. The queue itself is the store's.

mod answer;
pub mod feeds;
pub mod git;
pub mod rematch;
pub mod retry;
pub mod schedule;
pub mod sweep;
mod upkeep;
pub mod way;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use advisories::FeedFact;
use jiff::Timestamp;
use scanner::package_index::PackageIndex;
use scanner::policy::Ignore;
use scanner::repository::CachedMirrors;
use scanner::{Report, Stop};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::answers::Links;
use crate::config::{JobLimits, ServerConfig};
use crate::deliveries::{Door, replay};
use crate::forges::Forges;
use crate::forges::client::{ForgeError, Patience};
use crate::knowledge::Advisories;
use crate::notify::{ChannelError, Notifier};
use crate::reach::Guard;
use crate::store::Store;
use crate::store::record::{RepositoryRecord, Tenant};
use git::{Prepared, RunError};
use schedule::{Schedule, ScheduleError};
use way::Way;

/// Jobs running at once on one host, beside the number of workers.
const HOST_CAP: usize = 4;

/// Why jobs cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The sweep's schedule cannot be kept.
    #[error("sweep: {0}")]
    Schedule(#[from] ScheduleError),
    /// A configured forge cannot be used.
    #[error("forges: {0}")]
    Forge(#[from] ForgeError),
    /// A configured notification channel cannot be used.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// git's way out cannot be opened.
    #[error("git's way out: {0}")]
    Way(#[from] std::io::Error),
}

/// With what a scan looks: two scans of one commit with equal digests have equal results.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digests {
    /// The rules in force.
    pub rules: String,
    /// The advisory snapshot.
    pub advisories: String,
}

/// The scanner as the jobs see it: one fetched commit in, one report out. It blocks.
pub trait Look: Send + Sync + 'static {
    /// With what it would look now.
    fn digests(&self) -> Digests;

    /// The feeds of its advisories, with their clocks as they stand now.
    fn feeds(&self) -> Vec<FeedFact>;

    /// Looks, until it is told to stop.
    ///
    /// # Errors
    /// When the commit cannot be opened at all, or when it was told to stop; everything less is a diagnostic of the report.
    fn look(
        &self,
        repository: &RepositoryRecord,
        prepared: &Prepared,
        now: Timestamp,
        stop: Stop<'_>,
    ) -> Result<Report, RunError>;

    /// What the commit's own configuration ignores, so that a re-match judges alike. A scanner without configurations ignores nothing.
    ///
    /// # Errors
    /// When the commit cannot be opened.
    fn ignores(&self, _: &Prepared, _: Timestamp) -> Result<Vec<Ignore>, RunError> {
        Ok(Vec::new())
    }
}

/// The running workers and the clock.
#[derive(Debug)]
pub struct Jobs {
    door: Door,
    draining: watch::Sender<bool>,
    cut_off: Arc<AtomicBool>,
    leads: watch::Receiver<bool>,
    store: Store,
    tasks: Vec<JoinHandle<()>>,
}

/// What all workers share.
struct Shop {
    store: Store,
    look: Arc<dyn Look>,
    mirrors: PathBuf,
    process: String,
    limits: JobLimits,
    cut_off: Arc<AtomicBool>,
    way: Way,
    config: Arc<ServerConfig>,
    links: Links,
    list_limit: Duration,
}

/// The address guard and the configured forges, as jobs and deliveries share them.
///
/// # Errors
/// A forge that cannot be used as configured.
pub fn connect(config: &ServerConfig) -> Result<(Guard, Forges), ForgeError> {
    let guard = Guard::new(config.reach.clone());
    let forges = Forges::open(&config.forges, &guard, Patience::default())?;
    Ok((guard, forges))
}

fn mirrors(config: &ServerConfig) -> PathBuf {
    config.data_dir.join("mirrors")
}

impl Jobs {
    /// Starts `config.workers` workers, the clock of the sweep and the upkeep of the store.
    ///
    /// # Errors
    /// [`JobsError`].
    pub fn start_with(config: &ServerConfig, store: Store, look: Arc<dyn Look>) -> Result<Self, JobsError> {
        let (guard, forges) = connect(config)?;
        let schedule = Schedule::new(&config.sweep.cron, &config.sweep.time_zone)?;
        let (draining, stop) = watch::channel(false);
        let cut_off = Arc::new(AtomicBool::new(false));
        let workers = config.workers.max(1);
        let door = Door::new(store.clone(), Tenant::default(), config.webhooks.clone(), guard.clone(), forges.clone());
        // git's connections end with the patience of whoever waits for them
        let silence = Duration::from_secs(config.sweep.list_seconds.clamp(1, 60));
        let links = Links::new(config.public_url.as_ref().map(url::Url::as_str));
        let notifier = Notifier::open(store.clone(), &config.notifications, &guard, links.clone())?;
        let process = process_name();
        let (leading, leads) = watch::channel(false);
        let shop = Arc::new(Shop {
            store: store.clone(),
            look,
            mirrors: mirrors(config),
            process: process.clone(),
            limits: config.jobs.clone(),
            cut_off: Arc::clone(&cut_off),
            way: Way::open(guard, forges, silence)?,
            links,
            config: Arc::new(config.clone()),
            list_limit: Duration::from_secs(config.sweep.list_seconds),
        });
        let mut tasks: Vec<_> = worker::least_urgent(workers)
            .into_iter()
            .enumerate()
            .map(|(number, least)| tokio::spawn(worker::run(Arc::clone(&shop), number, least, stop.clone())))
            .collect();
        tasks.push(tokio::spawn(upkeep::run(
            store.clone(),
            Tenant::default(),
            process,
            config.retention.retention(),
            leading,
            stop.clone(),
        )));
        tasks.push(tokio::spawn(replay::run(door.clone(), stop.clone())));
        tasks.push(tokio::spawn(notifier.run(stop.clone())));
        if let Some(schedule) = schedule {
            let jitter = config.sweep.jitter_seconds;
            tasks.push(tokio::spawn(upkeep::tick(store.clone(), Tenant::default(), schedule, jitter, stop)));
        }
        Ok(Self { door, draining, cut_off, leads, store, tasks })
    }

    /// Where deliveries come in.
    #[must_use]
    pub fn door(&self) -> Door {
        self.door.clone()
    }

    /// Keeps the advisories fresh and the stored inventories matched against them.
    pub fn keep_matched(&mut self, advisories: Arc<Advisories>, config: &ServerConfig, index: Option<PackageIndex>) {
        let stop = self.draining.subscribe();
        self.tasks.push(tokio::spawn(feeds::run(Arc::clone(&advisories), config.feeds.clone(), stop.clone())));
        let at_hand = rematch::AtHand { mirrors: CachedMirrors::new(mirrors(config)), index };
        let (store, leads) = (self.store.clone(), self.leads.clone());
        self.tasks.push(tokio::spawn(rematch::run(store, Tenant::default(), advisories, at_hand, leads, stop)));
    }

    /// Takes no new job and lets those under way end; after `drain` they are put back into the queue.
    pub async fn shutdown(self, drain: Duration) {
        self.draining.send_replace(true);
        let ended = async {
            for task in self.tasks {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a worker ended badly");
                }
            }
        };
        tokio::pin!(ended);
        if tokio::time::timeout(drain, &mut ended).await.is_err() {
            tracing::warn!("jobs under way go back into the queue");
            self.cut_off.store(true, Ordering::SeqCst);
            // putting back is one write a job
            if tokio::time::timeout(Duration::from_secs(5), ended).await.is_err() {
                tracing::warn!("some jobs did not stop; their leases will run out");
            }
        }
    }
}

/// Tells this process from all others on the store.
fn process_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_else(|_| "host".to_owned());
    format!("{}-{}-{:08x}", host.trim(), std::process::id(), random())
}

/// A random number for spreading; a system without randomness spreads nothing.
pub(crate) fn random() -> u32 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(error) => {
            tracing::warn!(%error, "no randomness");
            u32::MAX / 2
        }
    }
}

#[cfg(test)]
mod tests;
