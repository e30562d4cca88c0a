//! A store as a file: checksummed lines of JSON, compressed; the same bytes whichever backend they come from.

use std::io::{BufRead, Write as _};

use serde::{Deserialize, Serialize};

use super::operate::{STEP, records};
use super::record::codec;
use super::rows::{Row, successor};
use super::{Store, StoreError, format, keys};

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// The row's key, hexadecimal.
    key: String,
    /// The row as stored, hexadecimal: header with schema version and checksum, then the record.
    value: String,
}

/// The last line of an export.
#[derive(Debug, Serialize, Deserialize)]
struct Trailer {
    rows: u64,
    blake3: String,
}

impl Store {
    /// Writes every record as checksummed lines, compressed. Gives how many.
    ///
    /// # Errors
    /// When the store or `out` fails.
    pub async fn export(&self, out: impl std::io::Write) -> Result<u64, StoreError> {
        let failed = |error: std::io::Error| StoreError::Failed(format!("export: {error}"));
        let mut packed = zstd::Encoder::new(out, 3).map_err(failed)?;
        let mut digest = blake3::Hasher::new();
        let (mut from, mut rows) = (vec![0], 0);
        loop {
            let start = from.clone();
            let step = self.read(move |rows| records(rows, &start)).await?;
            let Some((last, _)) = step.last() else { break };
            from = successor(last);
            for (key, value) in &step {
                decode_check(key, value)?;
                let line = Line { key: hex::encode(key), value: hex::encode(value) };
                let mut text = serde_json::to_vec(&line).map_err(|error| failed(error.into()))?;
                text.push(b'\n');
                digest.update(&text);
                packed.write_all(&text).map_err(failed)?;
                rows += 1;
            }
        }
        let trailer = Trailer { rows, blake3: digest.finalize().to_hex().to_string() };
        serde_json::to_writer(&mut packed, &trailer).map_err(|error| failed(error.into()))?;
        packed.write_all(b"\n").map_err(failed)?;
        packed.finish().and_then(|mut out| out.flush()).map_err(failed)?;
        Ok(rows)
    }

    /// Reads an export into this store, which must be empty, and makes the indexes. Gives how many records.
    ///
    /// # Errors
    /// When the export is damaged or cut short, or this store is not empty.
    pub async fn import(&self, input: impl std::io::Read) -> Result<u64, StoreError> {
        let failed = |reason: String| StoreError::Damaged { row: "the export".to_owned(), reason };
        let mark = format::key().done();
        if self.read(|rows| records(rows, &[0])).await?.iter().any(|(key, _)| *key != mark) {
            return Err(StoreError::Failed("import: this store is not empty".to_owned()));
        }
        self.write(format::begin_import).await?;
        let mut format = None;
        let packed = zstd::Decoder::new(input).map_err(|error| failed(error.to_string()))?;
        let mut digest = blake3::Hasher::new();
        let (mut rows, mut pending) = (0_u64, Vec::new());
        for text in std::io::BufReader::new(packed).lines() {
            let text = text.map_err(|error| failed(error.to_string()))?;
            if let Ok(trailer) = serde_json::from_str::<Trailer>(&text) {
                if trailer.rows != rows || trailer.blake3 != digest.finalize().to_hex().as_str() {
                    return Err(failed("the checksum does not fit; the store holds a part of it".to_owned()));
                }
                self.import_step(&mut pending).await?;
                self.reindex().await?;
                self.write(move |rows| format::end_import(rows, format.as_deref())).await?;
                self.bring_forward().await?;
                return Ok(rows);
            }
            digest.update(text.as_bytes());
            digest.update(b"\n");
            let line: Line = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
            let bytes = |text: &str| hex::decode(text).map_err(|error| failed(error.to_string()));
            let (key, value) = (bytes(&line.key)?, bytes(&line.value)?);
            decode_check(&key, &value)?;
            rows += 1;
            if key == mark {
                format::admissible(&value)?;
                format = Some(value);
            } else {
                pending.push((key, value));
            }
            if pending.len() >= STEP {
                self.import_step(&mut pending).await?;
            }
        }
        Err(failed("it is cut short".to_owned()))
    }

    async fn import_step(&self, pending: &mut Vec<Row>) -> Result<(), StoreError> {
        let step = std::mem::take(pending);
        self.write(move |rows| {
            for (key, value) in &step {
                rows.put(key.clone(), value.clone());
            }
            Ok(())
        })
        .await
    }
}

fn decode_check(key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    if !key.first().is_some_and(|table| keys::RECORDS.contains(table)) {
        return Err(StoreError::Damaged { row: hex::encode(key), reason: "no such table".to_owned() });
    }
    codec::decode_raw(value).map(|_| ()).map_err(|error| StoreError::record(key, &error))
}
