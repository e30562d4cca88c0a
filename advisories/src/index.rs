//! The index: package names to what affects them, in the form that the snapshot file has.

use std::collections::{BTreeMap, HashMap};

use crate::advisory::Advisory;
use crate::range::{Bound, End, Interval, Probe, intervals};
use crate::signals::Signals;
use crate::{PackageName, Version};

/// A record that could not be read, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordProblem {
    /// The file or archive member.
    pub place: String,
    /// The record's id, where it has one.
    pub id: Option<String>,
    /// In a sentence.
    pub reason: String,
}

impl std::fmt::Display for RecordProblem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.id {
            Some(id) => write!(out, "{}: {id}: {}", self.place, self.reason),
            None => write!(out, "{}: {}", self.place, self.reason),
        }
    }
}

/// One record as the index keeps it; the text stays compressed until somebody reads it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Head {
    pub id: String,
    pub aliases: Vec<String>,
    pub published: String,
    pub withdrawn: bool,
    /// The record as JSON, compressed with zstd.
    pub body: Vec<u8>,
}

/// Where one `affected` entry of a record says that a package is affected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Into the heads.
    pub record: u32,
    pub intervals: Vec<Interval>,
    /// Keys of versions listed one by one that no interval covers, sorted.
    pub listed: Vec<Vec<u8>>,
}

/// Everything known, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AdvisoryIndex {
    pub(crate) heads: Vec<Head>,
    pub(crate) packages: HashMap<PackageName, Vec<Entry>>,
    pub(crate) signals: Signals,
    pub(crate) modified: Option<String>,
    pub(crate) source: String,
    pub(crate) built: String,
    pub(crate) problems: Vec<RecordProblem>,
}

/// A record cannot be read back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored record {id} is damaged: {reason}")]
pub struct Damaged {
    /// Its id.
    pub id: String,
    /// In a sentence.
    pub reason: String,
}

impl AdvisoryIndex {
    /// Builds the index. A record that several feeds have counts once: the one modified last. `built` is the time, RFC 3339.
    #[must_use]
    pub fn build(
        records: Vec<Advisory>,
        signals: Signals,
        mut problems: Vec<RecordProblem>,
        source: &str,
        built: &str,
    ) -> Self {
        let mut newest: BTreeMap<String, Advisory> = BTreeMap::new();
        for record in records {
            match newest.get(&record.id) {
                Some(kept) if moment(kept.modified.as_deref()) >= moment(record.modified.as_deref()) => {}
                _ => drop(newest.insert(record.id.clone(), record)),
            }
        }
        let mut index = Self { source: source.to_owned(), built: built.to_owned(), ..Self::default() };
        for (id, record) in newest {
            let written = record.modified.as_deref();
            if moment(written) > moment(index.modified.as_deref()) {
                index.modified = record.modified.clone();
            }
            if let Err(reason) = index.add(&record) {
                problems.push(RecordProblem { place: source.to_owned(), id: Some(id), reason });
            }
        }
        problems.sort();
        problems.dedup();
        index.problems = problems;
        index.signals = index.wanted(signals);
        index
    }

    fn add(&mut self, record: &Advisory) -> Result<(), String> {
        let json = serde_json::to_vec(record).map_err(|error| error.to_string())?;
        let body = zstd::bulk::compress(&json, 3).map_err(|error| error.to_string())?;
        let at = u32::try_from(self.heads.len()).map_err(|_| "more records than the index holds".to_owned())?;
        self.heads.push(Head {
            id: record.id.clone(),
            aliases: record.aliases.clone(),
            published: record.published.clone().unwrap_or_default(),
            withdrawn: record.withdrawn.is_some(),
            body,
        });
        if record.withdrawn.is_some() {
            return Ok(());
        }
        for affected in &record.affected {
            let Some(package) = &affected.package else { continue };
            let found: Vec<Interval> = affected.ranges.iter().flat_map(intervals).collect();
            self.packages.entry(package.clone()).or_default().push(Entry {
                record: at,
                listed: uncovered(&affected.versions, &found),
                intervals: found,
            });
        }
        Ok(())
    }

    /// The signals about CVEs that some record names.
    fn wanted(&self, signals: Signals) -> Signals {
        let ids = self.heads.iter().flat_map(|head| head.aliases.iter().chain([&head.id]));
        let named: std::collections::HashSet<&str> = ids.map(String::as_str).collect();
        let Signals { mut kev, mut epss } = signals;
        if let Some(kev) = &mut kev {
            kev.retain(|cve, _| named.contains(cve.as_str()));
        }
        if let Some(epss) = &mut epss {
            epss.retain(|cve, _| named.contains(cve.as_str()));
        }
        Signals { kev, epss }
    }

    /// How many records, withdrawn ones included.
    #[must_use]
    pub fn records(&self) -> usize {
        self.heads.len()
    }

    /// The newest record's `modified`, RFC 3339.
    #[must_use]
    pub fn modified(&self) -> Option<&str> {
        self.modified.as_deref()
    }

    /// Where the records came from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// When the index was made, RFC 3339.
    #[must_use]
    pub fn built(&self) -> &str {
        &self.built
    }

    /// Seconds since the newest record was modified; `None` when that is not known.
    #[must_use]
    pub fn age_seconds(&self, now: jiff::Timestamp) -> Option<i64> {
        moment(self.modified()).map(|then| now.as_second() - then.as_second())
    }

    /// Whether the KEV and the EPSS feed were there.
    #[must_use]
    pub fn signals(&self) -> &Signals {
        &self.signals
    }

    /// What could not be read when the index was made.
    #[must_use]
    pub fn problems(&self) -> &[RecordProblem] {
        &self.problems
    }

    /// Every package that some record names.
    pub fn packages(&self) -> impl Iterator<Item = &PackageName> {
        self.packages.keys()
    }

    /// The records (numbers, ascending) that affect the version. This is the fast question: it reads no record's text.
    #[must_use]
    pub fn affecting(&self, name: &PackageName, version: &Version) -> Vec<u32> {
        let Some(entries) = self.packages.get(name) else { return Vec::new() };
        let probe = Probe::new(version);
        let mut found: Vec<u32> =
            entries.iter().filter(|entry| entry.contains(&probe)).map(|entry| entry.record).collect();
        found.dedup();
        found
    }

    /// Whether any record affects the version.
    #[must_use]
    pub fn is_affected(&self, name: &PackageName, version: &Version) -> bool {
        let probe = Probe::new(version);
        self.packages.get(name).is_some_and(|entries| entries.iter().any(|entry| entry.contains(&probe)))
    }

    /// The records (numbers, ascending) about a package at whatever version.
    #[must_use]
    pub fn about(&self, name: &PackageName) -> Vec<u32> {
        let entries = self.packages.get(name).map_or(&[][..], |entries| entries.as_slice());
        let mut found: Vec<u32> = entries.iter().map(|entry| entry.record).collect();
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The record with this id, or the records that have it as an alias.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn find(&self, id: &str) -> Result<Vec<Advisory>, Damaged> {
        let same = |other: &String| other.eq_ignore_ascii_case(id);
        let own = self.heads.iter().filter(|head| same(&head.id));
        let others = self.heads.iter().filter(|head| !same(&head.id) && head.aliases.iter().any(same));
        own.chain(others).map(Head::read).collect()
    }

    /// The record with this number.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn record(&self, number: u32) -> Result<Advisory, Damaged> {
        let damaged = || Damaged { id: format!("number {number}"), reason: "there is no such record".to_owned() };
        self.heads.get(number as usize).ok_or_else(damaged)?.read()
    }
}

impl Head {
    fn read(&self) -> Result<Advisory, Damaged> {
        const LIMIT: u64 = 256 << 20;
        let damaged = |error: &dyn std::fmt::Display| Damaged { id: self.id.clone(), reason: error.to_string() };
        let decoder = zstd::stream::read::Decoder::new(self.body.as_slice()).map_err(|error| damaged(&error))?;
        let mut json = Vec::new();
        let mut limited = std::io::Read::take(decoder, LIMIT);
        std::io::Read::read_to_end(&mut limited, &mut json).map_err(|error| damaged(&error))?;
        serde_json::from_slice(&json).map_err(|error| damaged(&error))
    }
}

impl Entry {
    pub(crate) fn contains(&self, probe: &Probe) -> bool {
        // a listed key with a local part equals only the full key, one without only the public key
        self.intervals.iter().any(|interval| interval.contains(probe)) || self.lists(probe)
    }

    pub(crate) fn lists(&self, probe: &Probe) -> bool {
        [probe.key(false), probe.key(true)]
            .into_iter()
            .any(|key| self.listed.binary_search_by(|listed| listed.as_slice().cmp(key)).is_ok())
    }
}

/// Keys of the listed versions that the intervals do not contain anyway.
fn uncovered(versions: &[String], found: &[Interval]) -> Vec<Vec<u8>> {
    let local = |bound: &Bound| bound.local;
    let has_local = found.iter().any(|interval| {
        local(&interval.start)
            || match &interval.end {
                End::Open => false,
                End::Fixed(end) | End::LastAffected(end) | End::Limit(end) => end.local,
            }
    });
    let mut keys: Vec<Vec<u8>> = versions
        .iter()
        .map(|text| Version::new(text))
        .filter(|version| {
            let local = version.pep440().is_some_and(|parsed| !parsed.local().is_empty());
            let probe = Probe::new(version);
            has_local || local || !found.iter().any(|interval| interval.contains(&probe))
        })
        .map(|version| crate::version_key::full(&version))
        .collect();
    keys.sort();
    keys.dedup();
    keys
}

/// A time of a record, where it is one.
pub(crate) fn moment(text: Option<&str>) -> Option<jiff::Timestamp> {
    text?.parse().ok()
}
