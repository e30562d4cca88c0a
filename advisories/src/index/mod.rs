//! The index: package names to what affects them. It is one image of bytes, in memory as in its snapshot file.

mod about;
mod build;
mod digest;
mod image;
mod row;

use std::sync::Arc;

pub use about::FeedFact;
pub use build::Ingredients;
pub use image::{FORMAT, MAGIC};

pub(crate) use about::About;
pub(crate) use image::{Bytes, Image};
#[cfg(test)]
pub(crate) use image::{HEADER, seal};
pub(crate) use row::{Kind, Position, Row};

use crate::advisory::Advisory;
use crate::range::Probe;
use crate::signals::Signals;
use crate::snapshot::SnapshotError;
use crate::{PackageName, Version};
use image::{HEAD, Item, PACKAGE, ROW, Section};

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

/// Everything known, ready to be asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AdvisoryIndex {
    image: Arc<Image>,
    about: About,
}

impl PartialEq for AdvisoryIndex {
    fn eq(&self, other: &Self) -> bool {
        self.about == other.about && self.bytes() == other.bytes()
    }
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

/// One record as the index keeps it; its text stays compressed until somebody reads it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    image: &'a Image,
    item: Item<'a>,
}

/// What the index has of one package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    image: &'a Image,
    item: Item<'a>,
}

impl AdvisoryIndex {
    /// Builds the index of records from one source; see [`Ingredients`] for all that can go into one.
    #[must_use]
    pub fn build(
        records: Vec<Advisory>,
        signals: Signals,
        problems: Vec<RecordProblem>,
        source: &str,
        built: &str,
    ) -> Self {
        Ingredients { records, signals, problems, source, built, ..Ingredients::default() }.build()
    }

    fn new(image: Image, about: About) -> Self {
        Self { image: Arc::new(image), about }
    }

    /// Opens an image; see [`crate::snapshot`].
    pub(crate) fn open(bytes: Bytes) -> Result<Self, SnapshotError> {
        let image = Image::open(bytes)?;
        let about = About::decode(image.section(Section::About))?;
        Ok(Self::new(image, about))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.image.bytes()
    }

    /// The same index, said to come from elsewhere: an archive's cached index is named by where the archive is now.
    #[must_use]
    pub fn named(mut self, source: &str) -> Self {
        self.about.source = source.to_owned();
        for feed in self.about.feeds.iter_mut().filter(|feed| feed.kind == "given") {
            feed.source = source.to_owned();
        }
        self
    }

    /// The same index with the feeds' present clocks, which go on while the content stays.
    #[must_use]
    pub fn with_feeds(mut self, feeds: Vec<FeedFact>) -> Self {
        self.about.feeds = feeds;
        self
    }

    /// How many records, withdrawn ones included.
    #[must_use]
    pub fn records(&self) -> usize {
        self.image.count(Section::Heads, HEAD)
    }

    /// The newest record's `modified`, RFC 3339.
    #[must_use]
    pub fn modified(&self) -> Option<&str> {
        self.about.modified.as_deref()
    }

    /// Where the records came from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.about.source
    }

    /// When the index was made, RFC 3339.
    #[must_use]
    pub fn built(&self) -> &str {
        &self.about.built
    }

    /// The feeds that went into it, each with its own clock.
    #[must_use]
    pub fn feeds(&self) -> &[FeedFact] {
        &self.about.feeds
    }

    /// Seconds since the newest record was modified; `None` when that is not known.
    #[must_use]
    pub fn age_seconds(&self, now: jiff::Timestamp) -> Option<i64> {
        moment(self.modified()).map(|then| now.as_second() - then.as_second())
    }

    /// What could not be read when the index was made.
    #[must_use]
    pub fn problems(&self) -> &[RecordProblem] {
        &self.about.problems
    }

    /// The signals of the feeds that were there, about CVEs that some record names.
    #[must_use]
    pub fn signals(&self) -> Signals {
        let image = &*self.image;
        let items = |section, size| (0..image.count(section, size)).map(move |at| image.item(section, size, at));
        let text = |item: Item<'_>, at| image.text(item.u32(at)).to_owned();
        let kev = items(Section::Kev, 8).map(|item| (text(item, 0), text(item, 4)));
        let epss = items(Section::Epss, 12).map(|item| (text(item, 0), f64::from_bits(item.u64(4))));
        Signals { kev: self.about.has_kev.then(|| kev.collect()), epss: self.about.has_epss.then(|| epss.collect()) }
    }

    /// Whether CISA lists one of the ids as exploited; `None` without the feed.
    pub(crate) fn kev<'a>(&self, mut ids: impl Iterator<Item = &'a str>) -> Option<bool> {
        let listed = |id| self.image.find(Section::Kev, 8, id).is_some();
        self.about.has_kev.then(|| ids.any(listed))
    }

    /// The highest EPSS probability of the ids; `None` without the feed, or when it has no score for them.
    pub(crate) fn epss<'a>(&self, ids: impl Iterator<Item = &'a str>) -> Option<f64> {
        let image = &self.image;
        let score = |id| image.find(Section::Epss, 12, id).map(|at| image.item(Section::Epss, 12, at).u64(4));
        ids.filter_map(score).map(f64::from_bits).max_by(f64::total_cmp)
    }

    /// Every package that some record names.
    pub fn packages(&self) -> impl Iterator<Item = PackageName> {
        self.all_named().filter_map(|named| PackageName::new(named.name()).ok())
    }

    pub(crate) fn all_named(&self) -> impl Iterator<Item = Named<'_>> {
        let image = &*self.image;
        let item = move |at| image.item(Section::Packages, PACKAGE, at);
        (0..image.count(Section::Packages, PACKAGE)).map(move |at| Named { image, item: item(at) })
    }

    pub(crate) fn package(&self, name: &PackageName) -> Option<Named<'_>> {
        let image = &*self.image;
        let at = image.find(Section::Packages, PACKAGE, name.as_str())?;
        Some(Named { image, item: image.item(Section::Packages, PACKAGE, at) })
    }

    /// The records (numbers, ascending) that affect the version. This is the fast question: it reads no record's text.
    #[must_use]
    pub fn affecting(&self, name: &PackageName, version: &Version) -> Vec<u32> {
        let Some(named) = self.package(name) else { return Vec::new() };
        let at = named.position(&Probe::new(version));
        let mut found: Vec<u32> = named.rows().filter(|row| row.contains(at)).map(|row| row.record).collect();
        found.dedup();
        found
    }

    /// Whether any record affects the version.
    #[must_use]
    pub fn is_affected(&self, name: &PackageName, version: &Version) -> bool {
        self.package(name).is_some_and(|named| {
            let at = named.position(&Probe::new(version));
            named.rows().any(|row| row.contains(at))
        })
    }

    /// The records (numbers, ascending) about a package at whatever version.
    #[must_use]
    pub fn about(&self, name: &PackageName) -> Vec<u32> {
        let mut found: Vec<u32> = self.package(name).into_iter().flat_map(Named::rows).map(|row| row.record).collect();
        found.dedup();
        found
    }

    /// The records that have a git range of the repository, which [`crate::git_pin::repository_key`] names.
    pub(crate) fn of_repository<'a>(&'a self, key: &'a str) -> impl Iterator<Item = u32> + 'a {
        let image = &*self.image;
        let first = image.find(Section::Repositories, 8, key);
        let numbers = first.into_iter().flat_map(move |first| first..image.count(Section::Repositories, 8));
        let items = numbers.map(move |at| image.item(Section::Repositories, 8, at));
        items.take_while(move |item| image.text(item.u32(0)) == key).map(|item| item.u32(4))
    }

    /// The record with this id, or the records that have it as an alias.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn find(&self, id: &str) -> Result<Vec<Advisory>, Damaged> {
        let same = |other: &str| other.eq_ignore_ascii_case(id);
        let own = self.heads().filter(|head| same(head.id()));
        let others = self.heads().filter(|head| !same(head.id()) && head.aliases().any(same));
        own.chain(others).map(Head::read).collect()
    }

    /// The record with this number.
    ///
    /// # Errors
    /// [`Damaged`]
    pub fn record(&self, number: u32) -> Result<Advisory, Damaged> {
        let damaged = || Damaged { id: format!("number {number}"), reason: "there is no such record".to_owned() };
        self.head(number).ok_or_else(damaged)?.read()
    }

    pub(crate) fn head(&self, number: u32) -> Option<Head<'_>> {
        let image = &*self.image;
        let item = image.item(Section::Heads, HEAD, number as usize);
        (!item.0.is_empty()).then_some(Head { image, item })
    }

    /// All records, sorted by id.
    pub(crate) fn heads(&self) -> impl Iterator<Item = Head<'_>> {
        (0..self.records()).filter_map(|number| self.head(u32::try_from(number).ok()?))
    }

    /// When the record with this id was first seen here, in seconds.
    pub(crate) fn first_seen(&self, id: &str) -> Option<i64> {
        let image = &*self.image;
        let at = image.find(Section::Heads, HEAD, id)?;
        Some(Head { image, item: image.item(Section::Heads, HEAD, at) }.first_seen())
    }
}

impl<'a> Head<'a> {
    pub(crate) fn id(self) -> &'a str {
        self.image.text(self.item.u32(0))
    }

    pub(crate) fn published(self) -> &'a str {
        self.image.text(self.item.u32(4))
    }

    pub(crate) fn first_seen(self) -> i64 {
        self.item.u64(8).cast_signed()
    }

    pub(crate) fn aliases(self) -> impl Iterator<Item = &'a str> {
        let (image, first) = (self.image, self.item.u32(20) as usize);
        let count = (self.item.u32(24) as usize).min(image.count(Section::Aliases, 4));
        (first..first.saturating_add(count)).map(move |at| image.text(image.item(Section::Aliases, 4, at).u32(0)))
    }

    /// Its own id and the others of the same problem.
    pub(crate) fn ids(self) -> impl Iterator<Item = &'a str> {
        self.aliases().chain([self.id()])
    }

    /// Tells whether the record's text is the same in another index.
    pub(crate) fn digest(self) -> (u32, u64) {
        (self.item.u32(36), self.item.u64(40))
    }

    fn read(self) -> Result<Advisory, Damaged> {
        const LIMIT: u64 = 256 << 20;
        let damaged = |error: &dyn std::fmt::Display| Damaged { id: self.id().to_owned(), reason: error.to_string() };
        let start = usize::try_from(self.item.u64(28)).unwrap_or(usize::MAX);
        let end = start.saturating_add(self.item.u32(36) as usize);
        let body = self.image.section(Section::Bodies).get(start..end).ok_or_else(|| damaged(&"it is cut off"))?;
        if image::digest_of(body) != self.item.u64(40) {
            return Err(damaged(&"the checksum does not fit"));
        }
        let decoder = zstd::stream::read::Decoder::new(body).map_err(|error| damaged(&error))?;
        let mut json = Vec::new();
        let mut limited = std::io::Read::take(decoder, LIMIT);
        std::io::Read::read_to_end(&mut limited, &mut json).map_err(|error| damaged(&error))?;
        serde_json::from_slice(&json).map_err(|error| damaged(&error))
    }
}

impl<'a> Named<'a> {
    pub(crate) fn name(self) -> &'a str {
        self.image.text(self.item.u32(0))
    }

    /// Where the version stands among those that the package's records name.
    pub(crate) fn position(self, probe: &Probe) -> Position {
        let public = self.place(probe.key(false));
        let full = if probe.has_local() { self.place(probe.key(true)) } else { public };
        Position { public, full }
    }

    fn place(self, key: &[u8]) -> u32 {
        let (first, count) = (self.item.u32(4), self.item.u32(8));
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = u32::midpoint(low, high);
            match self.key(first.saturating_add(middle)).cmp(key) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return middle.saturating_mul(2).saturating_add(1),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        low.saturating_mul(2)
    }

    fn key(self, number: u32) -> &'a [u8] {
        let offset = |number: usize| self.image.item(Section::KeyOffsets, 4, number).u32(0) as usize;
        let (start, end) = (offset(number as usize), offset(number as usize + 1));
        self.image.section(Section::Keys).get(start..end).unwrap_or_default()
    }

    pub(crate) fn rows(self) -> impl Iterator<Item = Row> + 'a {
        let start = (self.item.u32(12) as usize).saturating_mul(ROW);
        let end = start.saturating_add((self.item.u32(16) as usize).saturating_mul(ROW));
        self.image.section(Section::Rows).get(start..end).unwrap_or_default().chunks_exact(ROW).map(Row::read)
    }

    /// The end's text of a row.
    pub(crate) fn text(self, row: &Row) -> &'a str {
        self.image.text(row.text)
    }
}

/// A time of a record, where it is one.
pub(crate) fn moment(text: Option<&str>) -> Option<jiff::Timestamp> {
    text?.parse().ok()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
