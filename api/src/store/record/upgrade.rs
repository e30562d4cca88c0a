//! Records as older programs wrote them, read as the current ones.

use std::borrow::Cow;

use serde_json::{Value, json};
use uuid::Uuid;

use super::codec::{CodecError, SCHEMA};
use crate::store::keys;

/// Tables whose keys have changed, so that reading does not suffice: they are written anew.
pub const REWRITTEN: &[u8] = &[keys::OUTBOX];

/// The content of a row of `table`, written under schema version `found`, as the current version has it.
///
/// # Errors
/// When it is not what that version wrote.
pub fn content(table: Option<u8>, found: u16, content: &[u8]) -> Result<Cow<'_, [u8]>, CodecError> {
    if found == SCHEMA || table != Some(keys::OUTBOX) {
        return Ok(Cow::Borrowed(content));
    }
    let damaged = |error: serde_json::Error| CodecError::Damaged(error.to_string());
    let mut event: Value = serde_json::from_slice(content).map_err(damaged)?;
    // version 1 counted events
    let number = event.get("id").and_then(Value::as_u64);
    let number = number.ok_or_else(|| CodecError::Damaged("an event of version 1 without its number".to_owned()))?;
    if let Some(fields) = event.as_object_mut() {
        fields.insert("id".to_owned(), json!(Uuid::from_u128(u128::from(number))));
        fields.insert("scan".to_owned(), Value::Null);
    }
    serde_json::to_vec(&event).map(Cow::Owned).map_err(damaged)
}
