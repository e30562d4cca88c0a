//! Decisions about events and messages: an event is routed once, a message is sent under a lease until it is delivered or given up.

use jiff::Timestamp;

use super::keys;
use super::record::{
    EventId, EventKind, FindingRecord, LeaseToken, MessageId, MessageRecord, MessageState, NewMessage, OutboxEvent,
    Outcome, ScanId, ScanRecord, Tenant,
};
use super::rows::{Key, Read, Scope, Write, decode, load, load_many, save, successor};
use super::{Claim, StoreError};

/// Tells what happened to a finding; what is ignored is not told.
pub fn tell(
    rows: &mut dyn Write,
    event: Option<EventKind>,
    record: &FindingRecord,
    scan: Option<ScanId>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(event) = event.filter(|_| record.finding.ignored.is_none()) else { return Ok(()) };
    let id = EventId::fresh();
    let (tenant, repository) = (record.tenant.clone(), record.repository.clone());
    let event = OutboxEvent { id, tenant, repository, event, finding: Some(record.summary()), scan, at: now };
    save(rows, keys::event(id), &event)
}

/// Tells that a commit was scanned.
pub fn tell_scanned(rows: &mut dyn Write, scan: &ScanRecord, now: Timestamp) -> Result<(), StoreError> {
    let event = OutboxEvent {
        id: EventId::fresh(),
        tenant: scan.tenant.clone(),
        repository: scan.repository.clone(),
        event: EventKind::Scanned,
        finding: None,
        scan: Some(scan.id),
        at: now,
    };
    save(rows, keys::event(event.id), &event)
}

/// The oldest events that were not yet routed.
pub fn events(rows: &dyn Read, limit: usize) -> Result<Vec<OutboxEvent>, StoreError> {
    let table = Key::table(keys::OUTBOX);
    let events = rows.range(table.bytes(), &table.end(), limit)?;
    events.into_iter().map(|(key, bytes)| decode(&key, &bytes)).collect()
}

/// Turns events into messages. False when one of them is no longer there: somebody else routed it, and nothing changes.
pub fn route(
    rows: &mut dyn Write,
    events: &[EventId],
    messages: &[NewMessage],
    now: Timestamp,
) -> Result<bool, StoreError> {
    rows.lock(Scope::Messages)?;
    let keys: Vec<_> = events.iter().map(|id| keys::event(*id).done()).collect();
    if rows.get_many(&keys)?.iter().any(Option::is_none) {
        return Ok(false);
    }
    for key in keys {
        rows.delete(key);
    }
    for message in messages {
        put(rows, None, &MessageRecord::queued(message.clone(), now))?;
    }
    Ok(true)
}

fn put(rows: &mut dyn Write, before: Option<&MessageRecord>, message: &MessageRecord) -> Result<(), StoreError> {
    forget_derived(rows, before);
    for key in derived(message) {
        rows.put(key, message.id.as_bytes().to_vec());
    }
    save(rows, keys::message(message.id), message)
}

fn forget_derived(rows: &mut dyn Write, message: Option<&MessageRecord>) {
    for key in message.into_iter().flat_map(derived) {
        rows.delete(key);
    }
}

/// The index rows of a message.
pub fn derived(message: &MessageRecord) -> Vec<Vec<u8>> {
    let mut rows = vec![keys::message_by_state(&message.tenant, message.state).inverted(message.id.as_bytes()).done()];
    let due = match (message.state, &message.lease) {
        (MessageState::Ready, _) => Some(message.ready_at),
        (MessageState::Sending, Some(lease)) => Some(lease.until),
        _ => None,
    };
    rows.extend(due.map(|due| Key::table(keys::MESSAGE_DUE).time(due).fixed(message.id.as_bytes()).done()));
    rows
}

fn id_of(bytes: &[u8]) -> Result<MessageId, StoreError> {
    let bytes = <[u8; 16]>::try_from(bytes).map_err(|_| StoreError::index("a message's identity has not 16 bytes"))?;
    Ok(MessageId::from_bytes(bytes))
}

/// Whether a message is due.
pub fn due(rows: &dyn Read, now: Timestamp) -> Result<bool, StoreError> {
    let table = Key::table(keys::MESSAGE_DUE);
    let end = table.clone().time(now).end();
    Ok(!rows.range(table.bytes(), &end, 1)?.is_empty())
}

/// Takes the message that has been due for longest. What a dead sender held is put back, or given up.
pub fn claim(rows: &mut dyn Write, claim: &Claim, now: Timestamp) -> Result<Option<MessageRecord>, StoreError> {
    rows.lock(Scope::Messages)?;
    let table = Key::table(keys::MESSAGE_DUE);
    let end = table.clone().time(now).end();
    // each pass takes one message or gives one up
    while let Some((_, id)) = rows.range(table.bytes(), &end, 1)?.into_iter().next() {
        let id = id_of(&id)?;
        let before: MessageRecord =
            load(rows, &keys::message(id))?.ok_or_else(|| StoreError::index("a due message that is not there"))?;
        let mut after = before.clone();
        if after.state == MessageState::Sending {
            after.expire(claim.max_attempts, now);
        }
        let ready = after.state == MessageState::Ready;
        if ready {
            after.lease(claim.token, &claim.worker, claim.lease, now);
        }
        put(rows, Some(&before), &after)?;
        if ready {
            return Ok(Some(after));
        }
    }
    Ok(None)
}

/// Ends a try. `None` when the lease is lost.
pub fn finish(
    rows: &mut dyn Write,
    id: MessageId,
    token: LeaseToken,
    outcome: Outcome,
    now: Timestamp,
) -> Result<Option<MessageState>, StoreError> {
    rows.lock(Scope::Messages)?;
    let found = load::<MessageRecord>(rows, &keys::message(id))?;
    let Some(before) = found.filter(|message| message.held_by(token)) else { return Ok(None) };
    let mut after = before.clone();
    after.end(outcome, now);
    if after.state == MessageState::Sent {
        forget_derived(rows, Some(&before));
        rows.delete(keys::message(id).done());
    } else {
        put(rows, Some(&before), &after)?;
    }
    Ok(Some(after.state))
}

/// A message of the tenant.
pub fn message(
    rows: &(impl Read + ?Sized),
    tenant: &Tenant,
    id: MessageId,
) -> Result<Option<MessageRecord>, StoreError> {
    let found = load::<MessageRecord>(rows, &keys::message(id))?;
    Ok(found.filter(|message| message.tenant == *tenant))
}

/// Puts a message that was given up back. `None`: no such message; false: it was not given up.
pub fn retry(rows: &mut dyn Write, tenant: &Tenant, id: MessageId, now: Timestamp) -> Result<Option<bool>, StoreError> {
    rows.lock(Scope::Messages)?;
    let Some(before) = message(rows, tenant, id)? else { return Ok(None) };
    let mut after = before.clone();
    if !after.retry(now) {
        return Ok(Some(false));
    }
    put(rows, Some(&before), &after)?;
    Ok(Some(true))
}

/// Messages of one state, the newest first.
pub fn messages(
    rows: &dyn Read,
    tenant: &Tenant,
    state: MessageState,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Vec<MessageRecord>, StoreError> {
    let prefix = keys::message_by_state(tenant, state);
    let from = match after {
        Some(id) => successor(prefix.clone().inverted(id.as_bytes()).bytes()),
        None => prefix.bytes().to_vec(),
    };
    let found = rows.range(&from, &prefix.end(), limit)?;
    let ids = found.iter().map(|(_, id)| id_of(id)).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<_> = ids.into_iter().map(|id| keys::message(id).done()).collect();
    let absent = || StoreError::index("a listed message that is not there");
    load_many(rows, &keys)?.into_iter().map(|message| message.ok_or_else(absent)).collect()
}
