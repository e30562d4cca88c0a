//! Ordered rows in one transaction: all that the decisions ask of a backend.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::record::codec;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Looks at rows, as of one moment.
pub trait Read {
    /// The value under `key`.
    ///
    /// # Errors
    /// When the backend fails; an absent row is `None`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// At most `limit` rows from `from` (with it) to `to` (without), ascending.
    ///
    /// # Errors
    /// When the backend fails.
    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;
}

/// Changes rows; all of one decision's changes happen, or none.
pub trait Write: Read {
    /// Sets a row.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);

    /// Removes a row, if it is there.
    fn delete(&mut self, key: Vec<u8>);
}

/// Builds a key whose byte order is the order of its parts.
#[derive(Debug, Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// Begins with the table's letter.
    #[must_use]
    pub fn table(letter: u8) -> Self {
        Self(vec![letter])
    }

    /// A text of any length: NUL is escaped, and a terminator keeps `"a"` below `"ab"` and apart from what follows.
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        for &byte in part.as_bytes() {
            self.0.push(byte);
            if byte == 0 {
                self.0.push(0xff);
            }
        }
        self.0.extend([0, 0]);
        self
    }

    /// Bytes of a fixed length.
    #[must_use]
    pub fn fixed(mut self, part: &[u8]) -> Self {
        self.0.extend_from_slice(part);
        self
    }

    /// Bytes of a fixed length, the greatest first.
    #[must_use]
    pub fn inverted(mut self, part: &[u8]) -> Self {
        self.0.extend(part.iter().map(|byte| !byte));
        self
    }

    /// A number, big-endian.
    #[must_use]
    pub fn number(self, part: u64) -> Self {
        self.fixed(&part.to_be_bytes())
    }

    /// A time in milliseconds, earlier ones first.
    #[must_use]
    pub fn time(self, part: jiff::Timestamp) -> Self {
        self.number(u64::try_from(part.as_millisecond()).unwrap_or(0))
    }

    /// The bytes.
    #[must_use]
    pub fn done(self) -> Vec<u8> {
        self.0
    }

    /// The first key behind all that begin with this one.
    #[must_use]
    pub fn end(&self) -> Vec<u8> {
        let mut end = self.0.clone();
        while let Some(last) = end.pop() {
            if last < 0xff {
                end.push(last + 1);
                return end;
            }
        }
        vec![0xff; 64]
    }

    /// The bytes so far.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads a record.
///
/// # Errors
/// When the backend fails or the record is damaged; the message names the row.
pub fn load<T: DeserializeOwned>(rows: &(impl Read + ?Sized), key: &Key) -> Result<Option<T>, StoreError> {
    rows.get(key.bytes())?.map(|bytes| decode(key.bytes(), &bytes)).transpose()
}

/// Reads the bytes of a record.
///
/// # Errors
/// When it is damaged; the message names the row.
pub fn decode<T: DeserializeOwned>(key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    codec::decode(bytes).map_err(|error| StoreError::record(key, &error))
}

/// Writes a record.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn save<T: Serialize>(rows: &mut (impl Write + ?Sized), key: Key, record: &T) -> Result<(), StoreError> {
    let bytes = codec::encode(record).map_err(|error| StoreError::record(key.bytes(), &error))?;
    rows.put(key.done(), bytes);
    Ok(())
}

/// All records under a prefix, at most `limit`, behind `after` if given.
///
/// # Errors
/// When the backend fails or a record is damaged.
pub fn list<T: DeserializeOwned>(
    rows: &(impl Read + ?Sized),
    prefix: &Key,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let from = after.map_or_else(|| prefix.bytes().to_vec(), successor);
    let rows = rows.range(&from, &prefix.end(), limit)?;
    rows.into_iter().map(|(key, bytes)| decode(&key, &bytes).map(|record| (key, record))).collect()
}

/// The least key greater than `key`.
#[must_use]
pub fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_like_their_parts() {
        let pair = |left: &str, right: &str| Key::table(b'x').text(left).text(right).done();
        let ordered = [("", "z"), ("a", ""), ("a", "b"), ("a\0", ""), ("ab", ""), ("b", "")];
        for window in ordered.windows(2) {
            assert!(pair(window[0].0, window[0].1) < pair(window[1].0, window[1].1), "{window:?}");
        }
        let prefix = Key::table(b'x').text("a");
        for (left, right) in ordered {
            let key = pair(left, right);
            let inside = key.as_slice() >= prefix.bytes() && key < prefix.end();
            assert_eq!(inside, left == "a", "{left:?}");
        }
    }
}
