//! Notifications: what has happened to findings, told to the channels of the configuration. Events come from the outbox, which is written
//! in the transaction that made them true; messages are kept until they are delivered or given up.
//!
//! No secret and nothing of a repository but path and line is ever sent.

mod channel;
mod message;
mod rule;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::answers::Links;
use crate::config::Notifications;
use crate::jobs::random;
use crate::reach::Guard;
use crate::store::record::{
    ErrorClass, JobError, LeaseToken, MessageRecord, NewMessage, OutboxEvent, Outcome, Priority, RepositoryId, Tenant,
};
use crate::store::{Claim, Store, StoreError};
pub use channel::{Channel, ChannelError, SendError};
pub use message::{Content, Item};
pub use rule::Rule;

/// Events that are looked at in one step.
const STEP: usize = 500;
/// Findings that one message tells of; more of one repository make more messages.
const ITEMS: usize = 50;
/// Tries of one message, over a day and a half.
const TRIES: u32 = 12;
const LEASE: SignedDuration = SignedDuration::from_secs(120);
/// Between two looks for something new.
const PAUSE: Duration = Duration::from_secs(2);

/// The channels over a store.
#[derive(Debug, Clone)]
pub struct Notifier {
    store: Store,
    channels: Arc<Vec<Channel>>,
    links: Links,
}

impl Notifier {
    /// Opens the configured channels.
    ///
    /// # Errors
    /// [`ChannelError`], naming the channel.
    pub fn open(store: Store, configured: &Notifications, guard: &Guard, links: Links) -> Result<Self, ChannelError> {
        Ok(Self { store, channels: Arc::new(Channel::all(configured, guard)?), links })
    }

    /// Routes and sends until asked to stop.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let busy = match self.step().await {
                Ok(busy) => busy,
                Err(error) => {
                    tracing::error!(%error, "notifications cannot be kept going");
                    false
                }
            };
            if !busy {
                let _ = tokio::time::timeout(PAUSE, stop.changed()).await;
            }
        }
    }

    /// Routes some events and sends one message. False when there was nothing to do.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn step(&self) -> Result<bool, StoreError> {
        let routed = self.route().await?;
        let sent = self.send_one().await?;
        Ok(routed || sent)
    }

    async fn route(&self) -> Result<bool, StoreError> {
        let events = self.store.drain_outbox(STEP).await?;
        if events.is_empty() {
            return Ok(false);
        }
        let now = Timestamp::now();
        let mut messages = Vec::new();
        for ((tenant, repository), events) in by_repository(&events) {
            messages.extend(self.messages(&tenant, &repository, &events, now).await?);
        }
        // false: another process has routed them, and that is as good
        self.store.route(events.iter().map(|event| event.id).collect(), messages, now).await?;
        Ok(true)
    }

    /// The messages about one repository.
    async fn messages(
        &self,
        tenant: &Tenant,
        repository: &RepositoryId,
        events: &[&OutboxEvent],
        now: Timestamp,
    ) -> Result<Vec<NewMessage>, StoreError> {
        // deleted in the meantime: nobody wants to know any more
        let Some(record) = self.store.repository(tenant, repository).await? else { return Ok(vec![]) };
        let mut messages = Vec::new();
        for channel in self.channels.iter() {
            let mut items = Vec::new();
            for event in events {
                let Some(finding) =
                    event.finding.as_ref().filter(|finding| channel.rule.fits(event.event, finding, &record.name))
                else {
                    continue;
                };
                let kept = self.store.finding(tenant, finding.id.as_str()).await?;
                let location = kept.map(|kept| kept.finding.location);
                items.push(Item::new(event, finding, location.as_ref(), &self.links));
            }
            for items in items.chunks(ITEMS) {
                let content = Content::new(&record, items.to_vec(), now);
                messages.push(NewMessage {
                    tenant: tenant.clone(),
                    channel: channel.name.clone(),
                    content: serde_json::to_value(content).map_err(|error| StoreError::Failed(error.to_string()))?,
                    ready_at: now,
                });
            }
        }
        Ok(messages)
    }

    async fn send_one(&self) -> Result<bool, StoreError> {
        let claim = Claim {
            worker: format!("{}-notifier", std::process::id()),
            token: LeaseToken::fresh(),
            lease: LEASE,
            least: Priority::Sweep,
            host_cap: 1,
            running_cap: 1,
            max_attempts: TRIES,
        };
        let token = claim.token;
        let Some(message) = self.store.claim_message(claim, Timestamp::now()).await? else { return Ok(false) };
        let sent = self.send(&message).await;
        let now = Timestamp::now();
        let result = if sent.is_ok() { "sent" } else { "failed" };
        // who reads the metrics need not know the receivers
        let channel = self.channels.iter().find(|channel| channel.name == message.channel);
        let channel = channel.map_or("unknown", |channel| channel.kind);
        metrics::counter!("secretarybird_notifications_total", "channel" => channel, "outcome" => result).increment(1);
        let outcome = match sent {
            Ok(()) => Outcome::Done,
            Err(error) => {
                tracing::warn!(channel = message.channel, %error, attempt = message.attempts, "a notification was not taken");
                after(error, message.attempts, now)
            }
        };
        self.store.finish_message(message.id, token, outcome, now).await?;
        Ok(true)
    }

    async fn send(&self, message: &MessageRecord) -> Result<(), SendError> {
        let channel = self.channels.iter().find(|channel| channel.name == message.channel);
        let channel = channel.ok_or_else(|| SendError::lasting("the channel is no longer configured"))?;
        let content: Content = serde_json::from_value(message.content.clone())
            .map_err(|error| SendError::lasting(format!("the message cannot be read: {error}")))?;
        // the same id at every try, so that the receiver can drop what it has
        channel.send(&message.id.to_string(), &content, Timestamp::now()).await
    }
}

/// Whether and when a message is tried again: from half a minute to three hours later.
fn after(error: SendError, attempts: u32, now: Timestamp) -> Outcome {
    let class = if error.lasting { ErrorClass::Invalid } else { ErrorClass::Transient };
    let kept = JobError { class, reason: error.to_string(), at: now };
    if error.lasting || attempts >= TRIES {
        return Outcome::Dead(kept);
    }
    let seconds = (30_i64 << attempts.saturating_sub(1).min(9)).min(3 * 3600);
    let spread = seconds * i64::from(random() % 1000) / 2000;
    Outcome::Retry { at: now + SignedDuration::from_secs(seconds + spread), error: kept }
}

fn by_repository(events: &[OutboxEvent]) -> BTreeMap<(Tenant, RepositoryId), Vec<&OutboxEvent>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for event in events {
        groups.entry((event.tenant.clone(), event.repository.clone())).or_default().push(event);
    }
    groups
}
