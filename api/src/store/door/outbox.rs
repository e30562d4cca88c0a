//! What is to be told. Events are written by the decisions that make them true. Whoever notifies reads them with [`Store::drain_outbox`],
//! turns them into messages for its channels with [`Store::route`], claims those one by one and ends each try.

use jiff::Timestamp;

use crate::store::record::{
    EventId, LeaseToken, MessageId, MessageRecord, MessageState, NewMessage, OutboxEvent, Outcome, Tenant,
};
use crate::store::{Claim, Store, StoreError, outbox};

impl Store {
    /// The oldest events that are not yet routed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn drain_outbox(&self, limit: usize) -> Result<Vec<OutboxEvent>, StoreError> {
        self.read(move |rows| outbox::events(rows, limit)).await
    }

    /// Turns events into messages, or drops them when there are none to be made; in one step, and each event once: false, and nothing
    /// changes, when another process has routed one of them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn route(
        &self,
        events: Vec<EventId>,
        messages: Vec<NewMessage>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |rows| outbox::route(rows, &events, &messages, now)).await
    }

    /// Takes the message that has been due for longest, under a lease. The caps of the claim are a job's and mean nothing here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn claim_message(&self, claim: Claim, now: Timestamp) -> Result<Option<MessageRecord>, StoreError> {
        if !self.read(move |rows| outbox::due(rows, now)).await? {
            return Ok(None);
        }
        self.write(move |rows| outbox::claim(rows, &claim, now)).await
    }

    /// Ends a try: [`Outcome::Done`] removes the message. `None` when the lease is lost, otherwise the state it is in now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn finish_message(
        &self,
        id: MessageId,
        token: LeaseToken,
        outcome: Outcome,
        now: Timestamp,
    ) -> Result<Option<MessageState>, StoreError> {
        self.write(move |rows| outbox::finish(rows, id, token, outcome.clone(), now)).await
    }

    /// Messages of one state, the newest first, those behind `after`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn messages(
        &self,
        tenant: &Tenant,
        state: MessageState,
        after: Option<MessageId>,
        limit: usize,
    ) -> Result<Vec<MessageRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| outbox::messages(rows, &tenant, state, after, limit)).await
    }

    /// A message of the tenant; `None` when it is delivered, too.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn message(&self, tenant: &Tenant, id: MessageId) -> Result<Option<MessageRecord>, StoreError> {
        let tenant = tenant.clone();
        self.read(move |rows| outbox::message(rows, &tenant, id)).await
    }

    /// Puts a message that was given up back. `None`: no such message; false: it was not given up.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn retry_message(
        &self,
        tenant: &Tenant,
        id: MessageId,
        now: Timestamp,
    ) -> Result<Option<bool>, StoreError> {
        let tenant = tenant.clone();
        self.write(move |rows| outbox::retry(rows, &tenant, id, now)).await
    }
}
