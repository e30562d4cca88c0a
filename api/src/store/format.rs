//! The format of the whole store, and bringing an older one forward.

use super::error::row_name;
use super::record::{OutboxEvent, codec, upgrade};
use super::rows::{Key, Read, Scope, Write, decode, load, save, successor};
use super::{Store, StoreError, keys};

/// What this program writes. It grows with [`codec::SCHEMA`], and when keys or indexes change.
pub const FORMAT: u16 = 3;

const STEP: usize = 500;

/// Stands in the place of the format while an import is under way.
const IMPORTING: u16 = 0;

/// Where the format stands.
pub fn key() -> Key {
    keys::meta("format")
}

/// The format found; `None` for an empty store. The first one did not say so.
pub fn found(rows: &dyn Read) -> Result<Option<u16>, StoreError> {
    if let Some(format) = load::<u16>(rows, &key())? {
        return Ok(Some(format));
    }
    let empty = rows.range(b"A", b"{", 1)?.is_empty();
    Ok((!empty).then_some(1))
}

/// A store of a newer program is not touched.
pub fn refuse_newer(rows: &dyn Read) -> Result<(), StoreError> {
    match found(rows)? {
        Some(IMPORTING) => Err(StoreError::Failed(
            "an import into this store was cut off; remove it and import into an empty one".to_owned(),
        )),
        Some(found) if found > FORMAT => Err(StoreError::Newer { found, known: FORMAT }),
        _ => Ok(()),
    }
}

/// Marks the store as half imported.
pub fn begin_import(rows: &mut dyn Write) -> Result<(), StoreError> {
    save(rows, key(), &IMPORTING)
}

/// Whether an export of this format can be read.
pub fn admissible(value: &[u8]) -> Result<(), StoreError> {
    let found: u16 = decode(key().bytes(), value)?;
    if found > FORMAT { Err(StoreError::Newer { found, known: FORMAT }) } else { Ok(()) }
}

/// Everything is imported: the format is that of the export, which may be an older one.
pub fn end_import(rows: &mut dyn Write, format: Option<&[u8]>) -> Result<(), StoreError> {
    match format {
        Some(value) => rows.put(key().done(), value.to_vec()),
        None => rows.delete(key().done()),
    }
    Ok(())
}

impl Store {
    /// Brings what an older program wrote forward. Gives the format that was found; doing it again changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Newer`], or when a record is damaged.
    pub async fn bring_forward(&self) -> Result<Option<u16>, StoreError> {
        let found = self.read(|rows| refuse_newer(rows).and_then(|()| found(rows))).await?;
        if found == Some(FORMAT) {
            return Ok(found);
        }
        if let Some(old) = found {
            tracing::info!(from = old, to = FORMAT, "bringing the store forward");
            for &table in upgrade::REWRITTEN {
                let mut from = Key::table(table).done();
                while let Some(last) = self.write(move |rows| rewrite(rows, table, &from)).await? {
                    from = successor(&last);
                }
            }
            self.reindex().await?;
        }
        self.write(|rows| {
            rows.lock(Scope::Values)?;
            save(rows, key(), &FORMAT)
        })
        .await?;
        Ok(found)
    }

    /// The format that is found in the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn format(&self) -> Result<Option<u16>, StoreError> {
        self.read(found).await
    }
}

/// Writes the next rows of a table anew, under the keys that they have now. Gives the last key looked at.
fn rewrite(rows: &mut dyn Write, table: u8, from: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let found = rows.range(from, &Key::table(table).end(), STEP)?;
    for (key, bytes) in &found {
        let (version, _) = codec::open(bytes).map_err(|error| StoreError::record(key, &error))?;
        if version == codec::SCHEMA {
            continue;
        }
        let key_now = match table {
            keys::OUTBOX => {
                let event: OutboxEvent = decode(key, bytes)?;
                let key_now = keys::event(event.id);
                save(rows, key_now.clone(), &event)?;
                key_now.done()
            }
            _ => return Err(StoreError::Damaged { row: row_name(key), reason: "no way forward is known".to_owned() }),
        };
        if key_now != *key {
            rows.delete(key.clone());
        }
    }
    Ok(found.into_iter().next_back().map(|(key, _)| key))
}
