//! Ordered rows in one transaction: all that the decisions ask of a backend.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::StoreError;
use super::record::{RepositoryId, Tenant, codec};

/// Bytes of a text that stand in a key as they are.
const LONGEST_TEXT: usize = 400;

/// A key and its value.
pub type Row = (Vec<u8>, Vec<u8>);

/// Looks at rows, as of one moment.
pub trait Read {
    /// The value under `key`.
    ///
    /// # Errors
    /// When the backend fails; an absent row is `None`.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The values under `keys`, one for each in their order.
    ///
    /// # Errors
    /// When the backend fails.
    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        keys.iter().map(|key| self.get(key)).collect()
    }

    /// At most `limit` rows from `from` (with it) to `to` (without), ascending.
    ///
    /// # Errors
    /// When the backend fails.
    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError>;

    /// How many rows stand between `from` and `to`, counted up to `limit`.
    ///
    /// # Errors
    /// When the backend fails.
    fn count(&self, from: &[u8], to: &[u8], limit: usize) -> Result<usize, StoreError> {
        self.range(from, to, limit).map(|found| found.len())
    }
}

/// What decisions get in each other's way about. A decision locks before it reads what it decides by; one that needs several scopes takes
/// the repository before the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'s> {
    /// Deliveries, jobs, leases and turns.
    Queue,
    /// Messages to be sent.
    Messages,
    /// Tokens.
    Tokens,
    /// Named values and the processes at work.
    Values,
    /// A repository with its findings, scans and packages.
    Repository(&'s Tenant, &'s RepositoryId),
    /// A remembered request.
    Request(&'s Tenant, &'s str),
}

/// How many slots there are for scopes.
pub const SLOTS: usize = 1024;
/// Slots of the scopes that there is one of each.
const SINGLE: usize = 16;

impl Scope<'_> {
    /// Where the scope stands among all; two may share a slot, and then get in each other's way without need. The same in every process.
    #[must_use]
    pub fn slot(self) -> usize {
        let hashed = |parts: &[&str]| SINGLE + crc32fast::hash(parts.join("\0").as_bytes()) as usize % (SLOTS - SINGLE);
        match self {
            Scope::Queue => 0,
            Scope::Messages => 1,
            Scope::Tokens => 2,
            Scope::Values => 3,
            Scope::Repository(tenant, id) => hashed(&["repository", tenant.as_str(), id.as_str()]),
            Scope::Request(tenant, key) => hashed(&["request", tenant.as_str(), key]),
        }
    }
}

/// Changes rows; all of one decision's changes happen, or none.
pub trait Write: Read {
    /// Sets a row.
    fn put(&mut self, key: Vec<u8>, value: Vec<u8>);

    /// Removes a row, if it is there.
    fn delete(&mut self, key: Vec<u8>);

    /// Forgets every change that this decision has made so far.
    fn discard(&mut self);

    /// Keeps other decisions of the scope out until this one has ended. With one writer there is nobody to keep out.
    ///
    /// # Errors
    /// When the backend fails.
    fn lock(&mut self, scope: Scope<'_>) -> Result<(), StoreError>;
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

    /// A text of any length: NUL is escaped, and a terminator keeps `"a"` below `"ab"` and apart from what follows. Of a very long one a
    /// digest stands for the end: an index page of PostgreSQL takes 2.7 KB.
    #[must_use]
    pub fn text(mut self, part: &str) -> Self {
        let (start, digest) = match part.as_bytes().split_at_checked(LONGEST_TEXT) {
            Some((start, rest)) if !rest.is_empty() => (start, blake3::hash(rest).to_hex().to_string()),
            _ => (part.as_bytes(), String::new()),
        };
        for &byte in start.iter().chain(digest.as_bytes()) {
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
    codec::decode(key.first().copied(), bytes).map_err(|error| StoreError::record(key, &error))
}

/// Reads the records under `keys`, one for each in their order.
///
/// # Errors
/// When the backend fails or a record is damaged.
pub fn load_many<T: DeserializeOwned>(
    rows: &(impl Read + ?Sized),
    keys: &[Vec<u8>],
) -> Result<Vec<Option<T>>, StoreError> {
    let values = rows.get_many(keys)?;
    keys.iter().zip(values).map(|(key, value)| value.map(|bytes| decode(key, &bytes)).transpose()).collect()
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

    #[test]
    fn very_long_texts_are_told_apart_in_a_bounded_key() {
        let long = |end: &str| Key::table(b'x').text(&format!("{}{end}", "r".repeat(9000))).done();
        assert!(long("a") != long("b") && long("a") == long("a"));
        assert!(long("a").len() < 600);
        let fits = "r".repeat(LONGEST_TEXT);
        assert_eq!(Key::table(b'x').text(&fits).done()[1..=LONGEST_TEXT], *fits.as_bytes());
    }
}
