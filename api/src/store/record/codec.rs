//! Records as bytes: one byte of form, two of schema version, four of checksum, then JSON.
//!
//! A flipped byte or a newer schema is told apart from an absent record; both name the row.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The schema version that this program writes.
pub const SCHEMA: u16 = 2;

const FORM: u8 = b'J';
const HEADER: usize = 7;

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The checksum, form or JSON is wrong.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Written by a newer program.
    #[error("has schema version {found}, and this program knows up to {SCHEMA}: start a newer secretarybird")]
    Newer {
        /// The version found.
        found: u16,
    },
}

/// Writes a record.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn encode<T: Serialize>(record: &T) -> Result<Vec<u8>, CodecError> {
    let mut bytes = vec![0; HEADER];
    serde_json::to_writer(&mut bytes, record).map_err(|error| CodecError::Damaged(error.to_string()))?;
    seal(&mut bytes);
    Ok(bytes)
}

/// Wraps raw bytes (a chunk of a report) in the same header.
#[must_use]
pub fn encode_raw(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER];
    bytes.extend_from_slice(content);
    seal(&mut bytes);
    bytes
}

fn seal(bytes: &mut [u8]) {
    let checksum = crc32fast::hash(&bytes[HEADER..]);
    bytes[0] = FORM;
    bytes[1..3].copy_from_slice(&SCHEMA.to_be_bytes());
    bytes[3..HEADER].copy_from_slice(&checksum.to_be_bytes());
}

/// Checks the header and gives the content.
///
/// # Errors
/// [`CodecError`].
pub fn decode_raw(bytes: &[u8]) -> Result<&[u8], CodecError> {
    open(bytes).map(|(_, content)| content)
}

/// Checks the header and gives the schema version and the content.
///
/// # Errors
/// [`CodecError`].
pub fn open(bytes: &[u8]) -> Result<(u16, &[u8]), CodecError> {
    let Some((&[form, v1, v2, c1, c2, c3, c4], content)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(CodecError::Damaged(format!("{} bytes are too few", bytes.len())));
    };
    if form != FORM {
        return Err(CodecError::Damaged(format!("unknown form {form:#04x}")));
    }
    // the checksum first: a flipped byte in the version must not read as "newer"
    if crc32fast::hash(content) != u32::from_be_bytes([c1, c2, c3, c4]) {
        return Err(CodecError::Damaged("the checksum does not fit".to_owned()));
    }
    let found = u16::from_be_bytes([v1, v2]);
    if found > SCHEMA {
        return Err(CodecError::Newer { found });
    }
    Ok((found, content))
}

/// Reads a record of a table; one of an older version is brought forward.
///
/// # Errors
/// [`CodecError`].
pub fn decode<T: DeserializeOwned>(table: Option<u8>, bytes: &[u8]) -> Result<T, CodecError> {
    let (version, content) = open(bytes)?;
    let content = super::upgrade::content(table, version, content)?;
    serde_json::from_slice(&content).map_err(|error| CodecError::Damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_content_bit_is_noticed() {
        let bytes = encode(&("a record", 12_u32)).unwrap();
        assert_eq!(decode::<(String, u32)>(None, &bytes).unwrap(), ("a record".to_owned(), 12));
        for index in (0..bytes.len()).filter(|index| !(1..3).contains(index)) {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[index] ^= 1 << bit;
                assert!(
                    matches!(decode::<(String, u32)>(None, &flipped), Err(CodecError::Damaged(_))),
                    "byte {index} bit {bit}"
                );
            }
        }
    }

    #[test]
    fn a_newer_schema_is_refused_by_name() {
        let mut bytes = encode(&1).unwrap();
        bytes[1..3].copy_from_slice(&(SCHEMA + 1).to_be_bytes());
        assert!(matches!(decode::<u32>(None, &bytes), Err(CodecError::Newer { found }) if found == SCHEMA + 1));
        assert!(matches!(decode::<u32>(None, b"J"), Err(CodecError::Damaged(_))));
    }
}
