//! The door for deliveries, whoever brings them: a forge's webhook, or our own look at what a forge could not deliver.
//!
//! A delivery is claimed by its id and by the digest of its body, in the transaction that queues what it asks for: the id is in a header
//! that no forge signs, so that a captured delivery under a new id would otherwise count as a new one.

mod plan;
pub mod replay;

use axum::http::HeaderMap;
use jiff::Timestamp;

use crate::config::Webhooks;
use crate::forges::{Event, ForgeKind, Forges, Refusal};
use crate::reach::Guard;
use crate::store::record::{JobId, Tenant};
use crate::store::{Delivery, Store, StoreError};

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable, and what it asks for is done or queued.
    Accepted,
    /// It was taken before; nothing changed.
    Duplicate,
    /// It is fine, and asks for nothing.
    Ignored,
}

/// What became of a delivery, with the jobs it made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// What became of it.
    pub outcome: Outcome,
    /// The jobs that it queued or joined.
    pub jobs: Vec<JobId>,
    /// In words, where nothing was queued.
    pub reason: Option<String>,
}

/// Why a delivery is not let in.
#[derive(Debug, thiserror::Error)]
pub enum Turned {
    /// No secret is configured for this forge.
    #[error("no webhook secret is configured for {0}")]
    NotConfigured(ForgeKind),
    /// The delivery itself.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// A delivery that was let in.
#[derive(Debug)]
pub struct LetIn {
    /// From which forge.
    pub forge: ForgeKind,
    /// What it says.
    pub event: Event,
    id: String,
    digest: String,
}

/// The door.
#[derive(Debug, Clone)]
pub struct Door {
    store: Store,
    tenant: Tenant,
    webhooks: Webhooks,
    guard: Guard,
    forges: Forges,
}

impl Door {
    /// A door to a store.
    #[must_use]
    pub fn new(store: Store, tenant: Tenant, webhooks: Webhooks, guard: Guard, forges: Forges) -> Self {
        Self { store, tenant, webhooks, guard, forges }
    }

    /// Verifies a delivery, then reads it; nothing of the body is looked at before.
    ///
    /// # Errors
    /// [`Turned`].
    pub fn verify(&self, forge: ForgeKind, headers: &HeaderMap, body: &[u8]) -> Result<LetIn, Turned> {
        let secrets = self.webhooks.secrets(forge);
        if secrets.is_empty() {
            return Err(Turned::NotConfigured(forge));
        }
        forge.webhooks().verify(headers, body, secrets, Timestamp::now().as_second())?;
        Ok(Self::read(forge, headers, body)?)
    }

    /// Reads a delivery that the forge itself gave us over its REST, so that it needs no signature.
    ///
    /// # Errors
    /// [`Refusal`].
    fn read(forge: ForgeKind, headers: &HeaderMap, body: &[u8]) -> Result<LetIn, Refusal> {
        let webhooks = forge.webhooks();
        let id = webhooks.delivery_id(headers)?;
        let event = webhooks.event(headers, body)?;
        // some forges say in a header alone what has happened: the same body may tell of two events
        let digest = blake3::Hasher::new().update(body).update(format!("{event:?}").as_bytes()).finalize();
        let digest = format!("body {}", digest.to_hex());
        Ok(LetIn { forge, event, id, digest })
    }

    /// Acts on a delivery, once.
    ///
    /// # Errors
    /// [`StoreError`]; then it can be delivered again.
    pub async fn take(&self, delivery: LetIn, request_id: &str) -> Result<Received, StoreError> {
        let LetIn { forge, event, id, digest } = delivery;
        let source = forge.to_string();
        for name in [&id, &digest] {
            if let Some(jobs) = self.store.jobs_of_delivery(&self.tenant, &source, name).await? {
                return Ok(Received { outcome: Outcome::Duplicate, jobs, reason: None });
            }
        }
        let planned = self.plan(forge, &event, request_id).await?;
        if planned.jobs.is_empty() && !planned.acted {
            return Ok(Received { outcome: Outcome::Ignored, jobs: vec![], reason: Some(planned.reason) });
        }
        let reason = planned.jobs.is_empty().then_some(planned.reason);
        let delivery = Delivery {
            tenant: self.tenant.clone(),
            source,
            id,
            also: vec![digest],
            request_id: request_id.to_owned(),
            jobs: planned.jobs,
        };
        let receipt = self.store.accept_delivery(delivery, Timestamp::now()).await?;
        let outcome = if receipt.duplicate { Outcome::Duplicate } else { Outcome::Accepted };
        Ok(Received { outcome, jobs: receipt.jobs, reason })
    }
}
