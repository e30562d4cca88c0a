//! Decisions of people about findings, and their end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use scanner::FindingId;

use super::findings::{finding, put};
use super::life::{self, TriageRefused};
use super::record::{FindingRecord, FindingState, Tenant, Triage};
use super::rows::{Key, Scope, Write, successor};
use super::{StoreError, keys, outbox};

/// A finding whose repository is locked.
fn locked(rows: &mut dyn Write, tenant: &Tenant, id: &str) -> Result<Option<FindingRecord>, StoreError> {
    let Some(seen) = finding(rows, tenant, id)? else { return Ok(None) };
    rows.lock(Scope::Repository(tenant, &seen.repository))?;
    finding(rows, tenant, id)
}

/// Decides about a finding. `None` when it is not there.
pub fn decide(
    rows: &mut dyn Write,
    tenant: &Tenant,
    id: &str,
    asked: &Triage,
) -> Result<Option<Result<FindingRecord, TriageRefused>>, StoreError> {
    let Some(before) = locked(rows, tenant, id)? else { return Ok(None) };
    let after = match life::decide(before.clone(), asked.clone()) {
        Ok(after) => after,
        Err(refused) => return Ok(Some(Err(refused))),
    };
    put(rows, Some(&before), &after)?;
    Ok(Some(Ok(after)))
}

/// Accepts those that are open still, each for its reason; gives them.
pub fn accept(
    rows: &mut dyn Write,
    tenant: &Tenant,
    reasons: &BTreeMap<FindingId, String>,
    (actor, at): (&str, Timestamp),
) -> Result<Vec<FindingId>, StoreError> {
    let mut accepted = Vec::new();
    for (id, reason) in reasons {
        let Some(before) = locked(rows, tenant, id.as_str())? else { continue };
        if !before.state.is_open() {
            continue;
        }
        let (reason, actor) = (reason.clone(), actor.to_owned());
        let triage = Triage { state: FindingState::Accepted, reason, until: None, actor, at };
        if let Ok(after) = life::decide(before.clone(), triage) {
            put(rows, Some(&before), &after)?;
            accepted.push(id.clone());
        }
    }
    Ok(accepted)
}

/// Reopens what was accepted until a time that has come. Gives how many.
pub fn expire(rows: &mut dyn Write, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let start = Key::table(keys::BY_EXPIRY);
    let end = start.clone().time(now);
    let due = rows.range(start.bytes(), &successor(&end.end()), limit)?;
    let mut expired = 0;
    for (key, id) in due {
        let tenant = tenant_of(&key)?;
        let Some(before) = locked(rows, &tenant, &String::from_utf8_lossy(&id))? else { continue };
        if let Some((after, event)) = life::expire(before.clone(), now) {
            put(rows, Some(&before), &after)?;
            outbox::tell(rows, event, &after, None, now)?;
            expired += 1;
        }
    }
    Ok(expired)
}

fn tenant_of(key: &[u8]) -> Result<Tenant, StoreError> {
    let text = key.get(9..).and_then(|rest| rest.split(|byte| *byte == 0).next()).unwrap_or_default();
    Tenant::new(&String::from_utf8_lossy(text)).map_err(|_| StoreError::index("an expiry without its tenant"))
}
