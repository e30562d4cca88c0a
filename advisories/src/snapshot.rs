//! The index as a file: versioned, checksummed, read in one go; opening it parses no JSON.
//!
//! `SBADVIDX`, the format's number (u32), BLAKE3 of the body (32 bytes), the body. Numbers are little-endian, texts and byte strings carry
//! their length (u32) in front.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::Path;

use crate::PackageName;
use crate::index::{AdvisoryIndex, Entry, Head, RecordProblem};
use crate::range::{Bound, End, Interval};
use crate::signals::Signals;

/// How a snapshot begins.
pub const MAGIC: &[u8] = b"SBADVIDX";
/// The format that is written, and the only one that is read.
pub const FORMAT: u32 = 1;
const HEADER: usize = 8 + 4 + 32;

/// Why a snapshot cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk says no.
    #[error("{0}")]
    Io(std::io::Error),
    /// Another kind of file.
    #[error("not an advisory snapshot")]
    NotOne,
    /// Written by another version of the program.
    #[error("snapshot format {0}, this program reads {FORMAT}")]
    Format(u32),
    /// The checksum or the structure does not hold.
    #[error("the snapshot is damaged: {0}")]
    Damaged(&'static str),
}

/// Opens a snapshot file.
///
/// # Errors
/// [`SnapshotError`]
pub fn open(path: &Path) -> Result<AdvisoryIndex, SnapshotError> {
    decode(&std::fs::read(path).map_err(SnapshotError::Io)?)
}

/// Writes a snapshot beside `path` and moves it there in one step.
///
/// # Errors
/// [`SnapshotError::Io`]
pub fn write(index: &AdvisoryIndex, path: &Path) -> Result<(), SnapshotError> {
    write_atomically(path, &encode(index)).map_err(SnapshotError::Io)
}

/// Replaces the file at `path` in one step: a reader sees the old content or the new.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// The bytes of a snapshot. Equal indexes give equal bytes.
#[must_use]
pub fn encode(index: &AdvisoryIndex) -> Vec<u8> {
    let mut body = Writer(Vec::with_capacity(16 << 20));
    body.text(&index.source);
    body.text(&index.built);
    body.option(index.modified.as_deref());
    body.list(&index.problems, |body, problem| {
        body.text(&problem.place);
        body.option(problem.id.as_deref());
        body.text(&problem.reason);
    });
    body.list(&index.heads, |body, head| {
        body.text(&head.id);
        body.list(&head.aliases, |body, alias| body.text(alias));
        body.text(&head.published);
        body.flag(head.withdrawn);
        body.bytes(&head.body);
    });
    let sorted: BTreeMap<&PackageName, &Vec<Entry>> = index.packages.iter().collect();
    body.count(sorted.len());
    for (name, entries) in sorted {
        body.text(name.as_str());
        body.list(entries, Writer::entry);
    }
    body.flag(index.signals.kev.is_some());
    body.list(&pairs(index.signals.kev.as_ref()), |body, (cve, day)| {
        body.text(cve);
        body.text(day);
    });
    body.flag(index.signals.epss.is_some());
    body.list(&pairs(index.signals.epss.as_ref()), |body, (cve, score)| {
        body.text(cve);
        body.0.extend_from_slice(&score.to_le_bytes());
    });
    let mut file = Vec::with_capacity(HEADER + body.0.len());
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&FORMAT.to_le_bytes());
    file.extend_from_slice(blake3::hash(&body.0).as_bytes());
    file.extend_from_slice(&body.0);
    file
}

fn pairs<T>(map: Option<&BTreeMap<String, T>>) -> Vec<(&String, &T)> {
    map.into_iter().flatten().collect()
}

/// Reads the bytes of a snapshot.
///
/// # Errors
/// [`SnapshotError`]
pub fn decode(file: &[u8]) -> Result<AdvisoryIndex, SnapshotError> {
    let rest = file.strip_prefix(MAGIC).ok_or(SnapshotError::NotOne)?;
    let (format, rest) = rest.split_first_chunk::<4>().ok_or(SnapshotError::Damaged("cut off"))?;
    let format = u32::from_le_bytes(*format);
    if format != FORMAT {
        return Err(SnapshotError::Format(format));
    }
    let (digest, body) = rest.split_first_chunk::<32>().ok_or(SnapshotError::Damaged("cut off"))?;
    if blake3::hash(body) != *digest {
        return Err(SnapshotError::Damaged("the checksum does not fit"));
    }
    let mut body = Reader(body);
    let (source, built) = (body.text()?, body.text()?);
    let modified = body.option()?;
    let problems =
        body.list(|body| Ok(RecordProblem { place: body.text()?, id: body.option()?, reason: body.text()? }))?;
    let heads = body.list(|body| {
        Ok(Head {
            id: body.text()?,
            aliases: body.list(Reader::text)?,
            published: body.text()?,
            withdrawn: body.flag()?,
            body: body.bytes()?.to_vec(),
        })
    })?;
    let packages = body.list(|body| {
        let name = PackageName::new(&body.text()?).map_err(|_| SnapshotError::Damaged("a package name"))?;
        Ok((name, body.list(|body| body.entry(heads.len()))?))
    })?;
    let has_kev = body.flag()?;
    let kev: BTreeMap<_, _> = body.list(|body| Ok((body.text()?, body.text()?)))?.into_iter().collect();
    let has_epss = body.flag()?;
    let epss: BTreeMap<_, _> =
        body.list(|body| Ok((body.text()?, f64::from_le_bytes(body.array()?))))?.into_iter().collect();
    if !body.0.is_empty() {
        return Err(SnapshotError::Damaged("more bytes than it should have"));
    }
    let packages: HashMap<PackageName, Vec<Entry>> = packages.into_iter().collect();
    let signals = Signals { kev: has_kev.then_some(kev), epss: has_epss.then_some(epss) };
    Ok(AdvisoryIndex { heads, packages, signals, modified, source, built, problems })
}

struct Writer(Vec<u8>);

impl Writer {
    fn count(&mut self, count: usize) {
        // an index has fewer than 2^32 of anything: records are numbered by u32, texts are at most 64 MiB
        self.0.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn flag(&mut self, flag: bool) {
        self.0.push(u8::from(flag));
    }

    fn option(&mut self, text: Option<&str>) {
        self.flag(text.is_some());
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn list<T>(&mut self, items: &[T], each: impl Fn(&mut Self, &T)) {
        self.count(items.len());
        for item in items {
            each(self, item);
        }
    }

    fn bound(&mut self, bound: &Bound) {
        self.bytes(&bound.key);
        self.flag(bound.local);
        self.text(&bound.text);
    }

    fn entry(&mut self, entry: &Entry) {
        self.count(entry.record as usize);
        self.list(&entry.intervals, |body, interval| {
            body.bound(&interval.start);
            let (kind, end) = match &interval.end {
                End::Open => (0, None),
                End::Fixed(end) => (1, Some(end)),
                End::LastAffected(end) => (2, Some(end)),
                End::Limit(end) => (3, Some(end)),
            };
            body.0.push(kind);
            if let Some(end) = end {
                body.bound(end);
            }
        });
        self.list(&entry.listed, |body, key| body.bytes(key));
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(SnapshotError::Damaged("cut off"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn count(&mut self) -> Result<usize, SnapshotError> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn bytes(&mut self) -> Result<&'a [u8], SnapshotError> {
        let count = self.count()?;
        let (head, rest) = self.0.split_at_checked(count).ok_or(SnapshotError::Damaged("cut off"))?;
        self.0 = rest;
        Ok(head)
    }

    fn text(&mut self) -> Result<String, SnapshotError> {
        String::from_utf8(self.bytes()?.to_vec()).map_err(|_| SnapshotError::Damaged("a text is not UTF-8"))
    }

    fn flag(&mut self) -> Result<bool, SnapshotError> {
        let [byte] = self.array()?;
        Ok(byte != 0)
    }

    fn option(&mut self) -> Result<Option<String>, SnapshotError> {
        if self.flag()? { self.text().map(Some) } else { Ok(None) }
    }

    fn list<T>(&mut self, each: impl Fn(&mut Self) -> Result<T, SnapshotError>) -> Result<Vec<T>, SnapshotError> {
        let count = self.count()?;
        // every item has at least one byte, so a false count cannot ask for more memory than the file has
        let mut items = Vec::with_capacity(count.min(self.0.len() / 4).min(1 << 16));
        for _ in 0..count {
            items.push(each(self)?);
        }
        Ok(items)
    }

    fn bound(&mut self) -> Result<Bound, SnapshotError> {
        Ok(Bound { key: self.bytes()?.to_vec(), local: self.flag()?, text: self.text()? })
    }

    fn entry(&mut self, heads: usize) -> Result<Entry, SnapshotError> {
        let record = self.count()?;
        let record =
            u32::try_from(record).ok().filter(|_| record < heads).ok_or(SnapshotError::Damaged("a record's number"))?;
        let intervals = self.list(|body| {
            let start = body.bound()?;
            let end = match body.array()? {
                [0] => End::Open,
                [1] => End::Fixed(body.bound()?),
                [2] => End::LastAffected(body.bound()?),
                [3] => End::Limit(body.bound()?),
                _ => return Err(SnapshotError::Damaged("an interval's end")),
            };
            Ok(Interval { start, end })
        })?;
        Ok(Entry { record, intervals, listed: self.list(|body| body.bytes().map(<[u8]>::to_vec))? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> AdvisoryIndex {
        let text = br#"{"id":"PYSEC-1","aliases":["CVE-1"],"affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["9"],
            "ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1"},{"introduced":"2"},{"last_affected":"3"},{"introduced":"5"},{"limit":"7"}]}]}]}"#;
        let read = crate::osv::read(text).unwrap();
        let signals = Signals { kev: Some(BTreeMap::new()), epss: Some([("CVE-1".to_owned(), 0.25)].into()) };
        let problem = RecordProblem { place: "x.json".into(), id: None, reason: "not JSON".into() };
        AdvisoryIndex::build(vec![read.advisory], signals, vec![problem], "s", "2026-01-01T00:00:00Z")
    }

    #[test]
    fn an_index_survives_the_file() {
        let index = sample();
        assert_eq!(decode(&encode(&index)).unwrap(), index);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.snapshot");
        write(&index, &path).unwrap();
        assert_eq!(open(&path).unwrap(), index);
    }

    #[test]
    fn every_damage_is_noticed() {
        let good = encode(&sample());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            assert!(decode(&bad).is_err(), "byte {at}");
            assert!(decode(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn a_forged_body_with_a_good_checksum_does_not_panic() {
        let good = encode(&sample());
        for at in HEADER..good.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut bad = good.clone();
                bad[at] = value;
                let digest = blake3::hash(&bad[HEADER..]);
                bad[12..HEADER].copy_from_slice(digest.as_bytes());
                if let Ok(index) = decode(&bad) {
                    let _ = index.matches(&"a".parse().unwrap(), &crate::Version::new("2.5"));
                }
            }
        }
    }
}
