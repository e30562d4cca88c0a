//! The bytes of a feed, read.

use std::collections::BTreeMap;
use std::io::Read;

use super::FeedKind;
use crate::load::{Records, read_records};
use crate::signals::{read_epss, read_kev};

/// More than this does not come out of a compressed feed.
const INFLATED_LIMIT: u64 = 1 << 30;

/// What a feed says.
#[derive(Debug)]
pub enum Content {
    /// Advisories.
    Records(Records),
    /// CVE → day.
    Kev(BTreeMap<String, String>),
    /// CVE → probability.
    Epss(BTreeMap<String, f64>),
}

impl Content {
    /// How many records or scores.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Records(records) => records.advisories.len(),
            Self::Kev(listed) => listed.len(),
            Self::Epss(scores) => scores.len(),
        }
    }

    /// Whether it says nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Reads a feed's content.
///
/// # Errors
/// In a sentence: when it cannot be read, has no record, or more than a tenth of its records are malformed.
pub fn read(kind: FeedKind, bytes: &[u8]) -> Result<Content, String> {
    let content = match kind {
        FeedKind::Kev => Content::Kev(read_kev(&inflated(bytes)?)?),
        FeedKind::Epss => {
            let text = String::from_utf8(inflated(bytes)?).map_err(|_| "the scores are not UTF-8".to_owned())?;
            Content::Epss(read_epss(&text)?)
        }
        _ => Content::Records(records(bytes, kind)?),
    };
    if content.is_empty() {
        return Err("there is not a single record in it".to_owned());
    }
    if let Content::Records(records) = &content {
        let (bad, good) = (records.problems.len(), records.advisories.len());
        if bad > 10 && bad * 10 > good {
            return Err(format!("{bad} problems in {good} records, the first: {}", records.problems[0]));
        }
    }
    Ok(content)
}

fn records(bytes: &[u8], kind: FeedKind) -> Result<Records, String> {
    read_records(bytes, kind.as_str(), &|name| kind.folder().is_none_or(|folder| name.contains(folder)))
        .map_err(|error| error.to_string())
}

fn inflated(bytes: &[u8]) -> Result<Vec<u8>, String> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes.to_vec());
    }
    let mut out = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(INFLATED_LIMIT + 1);
    reader.read_to_end(&mut out).map_err(|error| format!("gzip: {error}"))?;
    if out.len() as u64 > INFLATED_LIMIT { Err(format!("more than {INFLATED_LIMIT} bytes")) } else { Ok(out) }
}
