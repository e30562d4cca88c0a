//! What an index says about itself: where it came from, when, and what could not be read.

use serde::{Deserialize, Serialize};

use super::RecordProblem;
use crate::snapshot::SnapshotError;

/// One feed that went into an index.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedFact {
    /// `osv`, `pypa`, `malicious`, `kev`, `epss`, `own`, or `given` for what a command line named.
    pub kind: String,
    /// Where it was taken from, without credentials.
    pub source: String,
    /// Records or scores.
    pub records: u64,
    /// When its content was taken, RFC 3339.
    pub fetched: Option<String>,
    /// When its server last said that this is the newest, RFC 3339.
    pub checked: Option<String>,
    /// Why the last attempt to renew it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl FeedFact {
    /// Seconds since its content was known to be the newest; `None` when nobody knows.
    #[must_use]
    pub fn age_seconds(&self, now: jiff::Timestamp) -> Option<i64> {
        let time = super::moment(self.checked.as_deref()).or_else(|| super::moment(self.fetched.as_deref()))?;
        Some(now.as_second() - time.as_second())
    }
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct About {
    pub source: String,
    pub built: String,
    pub modified: Option<String>,
    pub has_kev: bool,
    pub has_epss: bool,
    pub feeds: Vec<FeedFact>,
    pub problems: Vec<RecordProblem>,
}

impl About {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::new());
        out.text(&self.source);
        out.text(&self.built);
        out.option(self.modified.as_deref());
        out.0.extend([u8::from(self.has_kev), u8::from(self.has_epss)]);
        out.count(self.feeds.len());
        for feed in &self.feeds {
            out.text(&feed.kind);
            out.text(&feed.source);
            out.0.extend_from_slice(&feed.records.to_le_bytes());
            for text in [&feed.fetched, &feed.checked, &feed.error] {
                out.option(text.as_deref());
            }
        }
        out.count(self.problems.len());
        for problem in &self.problems {
            out.text(&problem.place);
            out.option(problem.id.as_deref());
            out.text(&problem.reason);
        }
        out.0
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let mut from = Reader(bytes);
        let (source, built, modified) = (from.text()?, from.text()?, from.option()?);
        let [has_kev, has_epss] = from.array()?;
        let feed = |from: &mut Reader<'_>| {
            Ok(FeedFact {
                kind: from.text()?,
                source: from.text()?,
                records: u64::from_le_bytes(from.array()?),
                fetched: from.option()?,
                checked: from.option()?,
                error: from.option()?,
            })
        };
        let feeds = from.list(feed)?;
        let problems =
            from.list(|from| Ok(RecordProblem { place: from.text()?, id: from.option()?, reason: from.text()? }))?;
        if !from.0.is_empty() {
            return Err(SnapshotError::Damaged("more bytes than it should have"));
        }
        Ok(Self { source, built, modified, has_kev: has_kev != 0, has_epss: has_epss != 0, feeds, problems })
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, count: usize) {
        // fewer than 2^32 of anything: a feed is at most 4 GiB
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.0.push(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(SnapshotError::Damaged("cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn text(&mut self) -> Result<String, SnapshotError> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        let (head, rest) = self.0.split_at_checked(length).ok_or(SnapshotError::Damaged("cut off"))?;
        self.0 = rest;
        String::from_utf8(head.to_vec()).map_err(|_| SnapshotError::Damaged("a text is not UTF-8"))
    }

    fn option(&mut self) -> Result<Option<String>, SnapshotError> {
        let [some] = self.array()?;
        if some != 0 { self.text().map(Some) } else { Ok(None) }
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T, SnapshotError>) -> Result<Vec<T>, SnapshotError> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        // every item has at least four bytes, so a false count asks for no more memory than the file has
        let mut items = Vec::with_capacity(count.min(self.0.len() / 4));
        for _ in 0..count {
            items.push(each(self)?);
        }
        Ok(items)
    }
}
