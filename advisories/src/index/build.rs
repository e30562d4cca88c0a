//! From checked records to the image.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::about::{About, FeedFact};
use super::image::{self, Image};
use super::row::{Kind, Row};
use super::{AdvisoryIndex, RecordProblem, moment};
use crate::advisory::Advisory;
use crate::range::{Bound, End, Interval, Probe, intervals};
use crate::signals::Signals;
use crate::{PackageName, Version, git_pin};

/// What an index is made from.
#[derive(Debug, Default)]
pub struct Ingredients<'a> {
    /// Of all feeds. A record that several have counts once: the one modified last.
    pub records: Vec<Advisory>,
    /// KEV and EPSS.
    pub signals: Signals,
    /// What could not be read.
    pub problems: Vec<RecordProblem>,
    /// Where the records came from.
    pub source: &'a str,
    /// The present time, RFC 3339.
    pub built: &'a str,
    /// The feeds, each with its clock.
    pub feeds: Vec<FeedFact>,
    /// The index that this one replaces: it knows which records were seen first, on which canonical ids rest.
    pub previous: Option<&'a AdvisoryIndex>,
}

impl Ingredients<'_> {
    /// Makes the index.
    #[must_use]
    pub fn build(self) -> AdvisoryIndex {
        let Ingredients { records, signals, mut problems, source, built, feeds, previous } = self;
        let mut newest: BTreeMap<String, Advisory> = BTreeMap::new();
        for record in records {
            match newest.get(&record.id) {
                Some(kept) if moment(kept.modified.as_deref()) >= moment(record.modified.as_deref()) => {}
                _ => drop(newest.insert(record.id.clone(), record)),
            }
        }
        let now = moment(Some(built)).map_or(0, jiff::Timestamp::as_second);
        let mut writing = Writing::default();
        let mut modified: Option<&str> = None;
        for (id, record) in &newest {
            if moment(record.modified.as_deref()) > moment(modified) {
                modified = record.modified.as_deref();
            }
            let seen = previous.and_then(|index| index.first_seen(id)).unwrap_or(now);
            if let Err(reason) = writing.record(record, seen) {
                problems.push(RecordProblem { place: source.to_owned(), id: Some(id.clone()), reason });
            }
        }
        writing.packages();
        writing.signals(&signals, &newest);
        problems.sort();
        problems.dedup();
        let about = About {
            source: source.to_owned(),
            built: built.to_owned(),
            modified: modified.map(str::to_owned),
            has_kev: signals.kev.is_some(),
            has_epss: signals.epss.is_some(),
            feeds,
            problems,
        };
        AdvisoryIndex::new(writing.assemble(&about), about)
    }
}

/// The sections while they are written.
#[derive(Default)]
struct Writing {
    texts: Vec<u8>,
    known: HashMap<String, u32>,
    named: BTreeMap<PackageName, Vec<(u32, Entry)>>,
    repositories: BTreeSet<(String, u32)>,
    heads: Vec<u8>,
    aliases: Vec<u8>,
    bodies: Vec<u8>,
    packages: Vec<u8>,
    key_offsets: Vec<u8>,
    keys: Vec<u8>,
    rows: Vec<u8>,
    kev: Vec<u8>,
    epss: Vec<u8>,
}

/// Where one `affected` entry of a record says that a package is affected.
struct Entry {
    intervals: Vec<Interval>,
    /// Versions listed one by one that no interval covers.
    listed: Vec<Bound>,
}

fn number(count: usize) -> u32 {
    // offsets and counts of an index stay below 2^32: its texts are what a feed of at most 4 GiB has
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Writing {
    fn text(&mut self, text: &str) -> u32 {
        if let Some(&at) = self.known.get(text) {
            return at;
        }
        let at = number(self.texts.len());
        self.texts.extend_from_slice(&number(text.len()).to_le_bytes());
        self.texts.extend_from_slice(text.as_bytes());
        self.known.insert(text.to_owned(), at);
        at
    }

    fn record(&mut self, record: &Advisory, seen: i64) -> Result<(), String> {
        let json = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        let body = zstd::bulk::compress(&json, 3).map_err(|error| error.to_string())?;
        let at = number(self.heads.len() / image::HEAD);
        let (id, published) = (self.text(&record.id), self.text(record.published.as_deref().unwrap_or_default()));
        let first_alias = number(self.aliases.len() / 4);
        for alias in &record.aliases {
            let alias = self.text(alias);
            self.aliases.extend_from_slice(&alias.to_le_bytes());
        }
        for number in [id, published] {
            self.heads.extend_from_slice(&number.to_le_bytes());
        }
        self.heads.extend_from_slice(&seen.to_le_bytes());
        for number in [u32::from(record.withdrawn.is_some()), first_alias, number(record.aliases.len())] {
            self.heads.extend_from_slice(&number.to_le_bytes());
        }
        self.heads.extend_from_slice(&(self.bodies.len() as u64).to_le_bytes());
        self.heads.extend_from_slice(&number(body.len()).to_le_bytes());
        self.heads.extend_from_slice(&image::digest_of(&body).to_le_bytes());
        self.bodies.extend_from_slice(&body);
        if record.withdrawn.is_some() {
            return Ok(());
        }
        for affected in &record.affected {
            let repositories = affected.ranges.iter().filter_map(|range| range.repo.as_deref());
            self.repositories.extend(repositories.map(|url| (git_pin::repository_key(url), at)));
            let Some(package) = &affected.package else { continue };
            let found: Vec<Interval> = affected.ranges.iter().flat_map(intervals).collect();
            let listed = uncovered(&affected.versions, &found);
            self.named.entry(package.clone()).or_default().push((at, Entry { intervals: found, listed }));
        }
        Ok(())
    }

    fn packages(&mut self) {
        for (name, entries) in std::mem::take(&mut self.named) {
            let keys = sorted_keys(&entries);
            let first_key = number(self.key_offsets.len() / 4);
            for key in &keys {
                self.key_offsets.extend_from_slice(&number(self.keys.len()).to_le_bytes());
                self.keys.extend_from_slice(key);
            }
            let first_row = number(self.rows.len() / image::ROW);
            let mut rows = 0;
            for (record, entry) in &entries {
                for (row, text) in rows_of(*record, entry, &keys) {
                    let text = text.map_or(0, |text| self.text(text));
                    row.with_text(text).write(&mut self.rows);
                    rows += 1;
                }
            }
            let name = self.text(name.as_str());
            for number in [name, first_key, number(keys.len()), first_row, rows] {
                self.packages.extend_from_slice(&number.to_le_bytes());
            }
        }
        self.key_offsets.extend_from_slice(&number(self.keys.len()).to_le_bytes());
    }

    /// The signals about CVEs that some record names.
    fn signals(&mut self, signals: &Signals, records: &BTreeMap<String, Advisory>) {
        let ids = records.values().flat_map(|record| record.aliases.iter().chain([&record.id]));
        let named: BTreeSet<&str> = ids.map(String::as_str).collect();
        for (cve, day) in signals.kev.iter().flatten().filter(|(cve, _)| named.contains(cve.as_str())) {
            let (cve, day) = (self.text(cve), self.text(day));
            self.kev.extend_from_slice(&cve.to_le_bytes());
            self.kev.extend_from_slice(&day.to_le_bytes());
        }
        for (cve, score) in signals.epss.iter().flatten().filter(|(cve, _)| named.contains(cve.as_str())) {
            let cve = self.text(cve);
            self.epss.extend_from_slice(&cve.to_le_bytes());
            self.epss.extend_from_slice(&score.to_le_bytes());
        }
    }

    fn assemble(mut self, about: &About) -> Image {
        let mut repositories = Vec::new();
        for (url, record) in std::mem::take(&mut self.repositories) {
            repositories.extend_from_slice(&self.text(&url).to_le_bytes());
            repositories.extend_from_slice(&record.to_le_bytes());
        }
        // in the order of `Section`
        image::assemble([
            about.encode(),
            self.texts,
            self.packages,
            self.key_offsets,
            self.keys,
            self.rows,
            self.heads,
            self.aliases,
            repositories,
            self.kev,
            self.epss,
            self.bodies,
        ])
    }
}

fn bounds(entry: &Entry) -> impl Iterator<Item = &Bound> {
    let ends = entry.intervals.iter().flat_map(|interval| {
        let end = match &interval.end {
            End::Open => None,
            End::Fixed(end) | End::LastAffected(end) | End::Limit(end) => Some(end),
        };
        [Some(&interval.start), end].into_iter().flatten()
    });
    ends.chain(&entry.listed)
}

/// Every version that some record of the package names, once; `introduced: "0"` needs none.
fn sorted_keys(entries: &[(u32, Entry)]) -> Vec<Vec<u8>> {
    let all = entries.iter().flat_map(|(_, entry)| bounds(entry)).map(|bound| &bound.key);
    let sorted: BTreeSet<&Vec<u8>> = all.filter(|key| !key.is_empty()).collect();
    sorted.into_iter().cloned().collect()
}

/// The rows of one entry, each with the text that its end has.
fn rows_of<'a>(record: u32, entry: &'a Entry, keys: &[Vec<u8>]) -> Vec<(Row, Option<&'a str>)> {
    // the position of a key that is in the list: below it are even numbers, at it is an odd one
    let at = |bound: &Bound| match keys.binary_search(&bound.key) {
        Ok(place) => number(2 * place + 1),
        Err(_) => 0,
    };
    let row = |kind, start: u32, end: u32, start_local, end_local| Row {
        record,
        start,
        end,
        text: 0,
        kind,
        start_local,
        end_local,
    };
    let mut rows = Vec::with_capacity(entry.intervals.len() + entry.listed.len());
    for interval in &entry.intervals {
        let start = if interval.start.key.is_empty() { 0 } else { at(&interval.start) };
        let (kind, end, bound) = match &interval.end {
            End::Open => (Kind::Open, u32::MAX, None),
            End::Fixed(bound) => (Kind::Fixed, at(bound), Some(bound)),
            End::LastAffected(bound) => (Kind::LastAffected, at(bound) + 1, Some(bound)),
            End::Limit(bound) => (Kind::Limit, at(bound), Some(bound)),
        };
        let end_local = bound.is_some_and(|bound| bound.local);
        rows.push((row(kind, start, end, interval.start.local, end_local), bound.map(|bound| bound.text.as_str())));
    }
    for listed in &entry.listed {
        let place = at(listed);
        rows.push((row(Kind::Listed, place, place + 1, listed.local, listed.local), Some(&listed.text)));
    }
    if rows.is_empty() {
        rows.push((row(Kind::Nothing, 1, 0, false, false), None));
    }
    rows
}

/// The listed versions that the intervals do not contain anyway.
fn uncovered(versions: &[String], found: &[Interval]) -> Vec<Bound> {
    let has_local = found.iter().any(|interval| {
        interval.start.local
            || match &interval.end {
                End::Open => false,
                End::Fixed(end) | End::LastAffected(end) | End::Limit(end) => end.local,
            }
    });
    let mut listed: Vec<Bound> = versions
        .iter()
        .filter(|text| {
            let probe = Probe::new(&Version::new(text));
            has_local || probe.has_local() || !found.iter().any(|interval| interval.contains(&probe))
        })
        .map(|text| Bound::version(text))
        .collect();
    listed.sort_by(|a, b| a.key.cmp(&b.key));
    listed.dedup_by(|a, b| a.key == b.key);
    listed
}
