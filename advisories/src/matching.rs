//! (name, version) to matches: the records that affect it, joined over their aliases.
//!
//! The canonical id of a group is the id of the record that this installation saw first; among those of one sync, of the record that was
//! published first; at equal times by source (MAL, PYSEC, GHSA, CVE). An alias that a feed adds later, or a record that comes later, even with
//! an earlier date, does not change it. (An index made from an archive alone has seen all at once, and goes by publication.)
//!
//! Severity, in this order: malicious is critical; else the highest CVSS vector of a record, whatever its version (v4, v3.1, v3.0, v2), by the
//! specification's table; else the source's own word; else unknown. Of a group, the record that is rated highest counts and is named. KEV and EPSS stand beside it and do not
//! change it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::advisory::{Advisory, Affected, id_order};
use crate::git_pin::{self, Ancestry, Decision, Pin, repository_key};
use crate::index::{AdvisoryIndex, Damaged, Head, Kind, moment};
use crate::range::{Event, Probe, RangeKind};
use crate::{PackageName, Rating, Severity, Version};

/// One problem of one version of a package, whatever number of records describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// The id that stands for the group.
    pub canonical: String,
    /// Ids of the records that match.
    pub records: Vec<String>,
    /// All ids of the group, aliases included, sorted as text.
    pub ids: Vec<String>,
    /// One line.
    pub title: String,
    /// The whole text of the canonical record, Markdown.
    pub details: String,
    /// The highest of the group's levels.
    pub severity: Severity,
    /// Who rated it so: `GHSA-…: CVSS 3.1 vector`, `PYSEC-…: its source's word`.
    pub severity_source: Option<String>,
    /// The highest CVSS base score of the group.
    pub cvss: Option<Rating>,
    /// The highest EPSS probability of its CVEs; `None` without the feed, or when it has no score for them.
    pub epss: Option<f64>,
    /// Listed by CISA as exploited; `None` without the feed.
    pub kev: Option<bool>,
    /// The package is reported as malicious.
    pub malicious: bool,
    /// Every fixed version that the group names for the package, ascending.
    pub fixed_versions: Vec<Version>,
    /// The lowest fixed version that ends the interval the version is in, the highest of these over the group.
    pub closing_fix: Option<Version>,
    /// Functions and modules named as affected.
    pub symbols: Vec<String>,
    /// Links.
    pub references: Vec<String>,
    /// What was said by whom, where the sources disagree or a reader may wonder.
    pub evidence: Vec<String>,
    /// When the first record was published, RFC 3339.
    pub published: Option<String>,
}

/// What affects a package that is pinned to a commit.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pinned {
    /// As [`AdvisoryIndex::matches`] answers; each says what was decided by the commit and what by the version.
    pub matches: Vec<Match>,
    /// Why advisories that the version would match do not.
    pub cleared: Vec<String>,
    /// Ids and aliases of records whose commits did not tell, for want of the repository's history.
    pub open: Vec<String>,
}

/// The package that is asked about.
#[derive(Clone, Copy)]
struct Asked<'a> {
    name: &'a PackageName,
    version: Option<&'a Version>,
}

impl AdvisoryIndex {
    /// Everything that affects the version, the worst first. An empty answer means that no record does.
    ///
    /// # Errors
    /// [`Damaged`] when a record that matches cannot be read back.
    pub fn matches(&self, name: &PackageName, version: &Version) -> Result<Vec<Match>, Damaged> {
        self.described(Asked { name, version: Some(version) }, &self.affecting(name, version))
    }

    /// The same for a package taken from a repository: the commit decides where an advisory names commits of it, the version where it
    /// does not or where the commits do not tell.
    ///
    /// # Errors
    /// As [`AdvisoryIndex::matches`].
    pub fn matches_pinned(
        &self,
        name: &PackageName,
        version: Option<&Version>,
        pin: &Pin<'_>,
        ancestry: &dyn Ancestry,
    ) -> Result<Pinned, Damaged> {
        let mut affecting: BTreeSet<u32> =
            version.map(|version| self.affecting(name, version)).into_iter().flatten().collect();
        let mut notes: Vec<(u32, String)> = Vec::new();
        let mut by_commit: BTreeSet<u32> = BTreeSet::new();
        let mut cleared: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut open: BTreeSet<String> = BTreeSet::new();
        let by_version = affecting.clone();
        for number in self.of_repository(&repository_key(pin.url)) {
            let record = self.record(number)?;
            match git_pin::decide(&record, name, pin, ancestry) {
                Some(Decision::Affected(why)) => {
                    affecting.insert(number);
                    by_commit.insert(number);
                    notes.push((number, why));
                }
                Some(Decision::Clear(why)) => {
                    affecting.remove(&number);
                    cleared.insert(why, record.aliases.iter().chain([&record.id]).cloned().collect());
                }
                Some(Decision::Open(why)) => {
                    open.extend(record.aliases.iter().chain([&record.id]).cloned());
                    notes.push((number, why));
                }
                None => {}
            }
        }
        let (mut kept, mut told) = (Vec::new(), BTreeSet::new());
        let asked_for: Vec<u32> = affecting.union(&by_version).copied().collect();
        for group in self.groups(&asked_for) {
            let ids: BTreeSet<&str> = group.iter().filter_map(|&at| self.head(at)).flat_map(Head::ids).collect();
            // a record of the same problem without commits knows less than the one that clears this commit
            let clears = cleared.iter().filter(|(_, cleared)| cleared.iter().any(|id| ids.contains(id.as_str())));
            let clears: Vec<&String> = clears.map(|(why, _)| why).collect();
            if clears.is_empty() || group.iter().any(|number| by_commit.contains(number)) {
                kept.extend(group.into_iter().filter(|number| affecting.contains(number)));
            } else {
                told.extend(clears.into_iter().cloned());
            }
        }
        let mut matches = self.described(Asked { name, version }, &kept)?;
        for (number, note) in notes {
            let Some(head) = self.head(number) else { continue };
            let of_record = |found: &&mut Match| found.records.iter().any(|id| id == head.id());
            if let Some(found) = matches.iter_mut().find(of_record) {
                found.evidence.push(note);
            }
        }
        Ok(Pinned { matches, cleared: told.into_iter().collect(), open: open.into_iter().collect() })
    }

    fn described(&self, asked: Asked<'_>, records: &[u32]) -> Result<Vec<Match>, Damaged> {
        let groups = self.groups(records);
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            found.push(self.describe(asked, &group)?);
        }
        found.sort_by(|a, b| {
            b.severity.cmp(&a.severity).then_with(|| id_order(&a.canonical).cmp(&id_order(&b.canonical)))
        });
        Ok(found)
    }

    /// Joins records that share an id or an alias, transitively.
    #[must_use]
    pub fn groups(&self, records: &[u32]) -> Vec<Vec<u32>> {
        let mut groups: Vec<Vec<u32>> = Vec::new();
        let mut group_of: HashMap<&str, usize> = HashMap::new();
        for &record in records {
            let Some(head) = self.head(record) else { continue };
            let joined: BTreeSet<usize> = head.ids().filter_map(|id| group_of.get(id).copied()).collect();
            let target = joined.first().copied().unwrap_or(groups.len());
            if target == groups.len() {
                groups.push(Vec::new());
            }
            for &other in joined.iter().skip(1) {
                let moved = std::mem::take(&mut groups[other]);
                groups[target].extend(moved);
                group_of.values_mut().filter(|group| **group == other).for_each(|group| *group = target);
            }
            groups[target].push(record);
            group_of.extend(head.ids().map(|id| (id, target)));
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// The number of the record that stands for the group.
    fn canonical(&self, group: &[u32]) -> Option<u32> {
        group.iter().copied().min_by_key(|&record| {
            let head = self.head(record);
            let time = head.and_then(|head| moment(Some(head.published())));
            (head.map(Head::first_seen), time.is_none(), time, head.map(|head| id_order(head.id())))
        })
    }

    fn describe(&self, asked: Asked<'_>, group: &[u32]) -> Result<Match, Damaged> {
        let first = self.canonical(group);
        let mut records = group.iter().map(|&record| self.record(record)).collect::<Result<Vec<Advisory>, _>>()?;
        if let Some(at) = group.iter().position(|&record| Some(record) == first) {
            records.swap(0, at);
        }
        let ids: BTreeSet<&String> =
            records.iter().flat_map(|record| record.aliases.iter().chain([&record.id])).collect();
        let rated = records.iter().max_by(|a, b| a.severity().cmp(&b.severity()));
        let ratings = records.iter().flat_map(|record| &record.ratings);
        let unique = |texts: Vec<&String>| -> Vec<String> {
            let mut seen = BTreeSet::new();
            texts.into_iter().filter(|text| seen.insert(*text)).cloned().collect()
        };
        let affected = || records.iter().flat_map(|record| record.affected_of(asked.name));
        let mut fixed: Vec<Version> = affected()
            .flat_map(|affected| &affected.ranges)
            .filter(|range| range.kind != RangeKind::Git)
            .flat_map(|range| &range.events)
            .filter_map(|event| if let Event::Fixed(text) = event { Some(Version::new(text)) } else { None })
            .collect();
        fixed.sort();
        fixed.dedup();
        Ok(Match {
            canonical: records.first().map(|record| record.id.clone()).unwrap_or_default(),
            records: records.iter().map(|record| record.id.clone()).collect(),
            title: records.iter().map(title).find(|title| !title.is_empty()).unwrap_or_default(),
            details: records.iter().map(|it| &it.details).find(|text| !text.is_empty()).cloned().unwrap_or_default(),
            severity: rated.map(Advisory::severity).unwrap_or_default(),
            severity_source: rated.and_then(severity_source),
            cvss: ratings.max_by(|a, b| a.score.total_cmp(&b.score)).cloned(),
            epss: self.epss(ids.iter().map(|id| id.as_str())),
            kev: self.kev(ids.iter().map(|id| id.as_str())),
            malicious: records.iter().any(Advisory::is_malicious),
            fixed_versions: fixed,
            closing_fix: self.closing_fix(asked, group),
            symbols: unique(affected().flat_map(|affected| &affected.symbols).collect()),
            references: unique(records.iter().flat_map(|record| &record.references).collect()),
            evidence: self.disagreements(asked, group, &records, &ids)?,
            published: records.first().and_then(|record| record.published.clone()),
            ids: ids.into_iter().cloned().collect(),
        })
    }

    fn closing_fix(&self, asked: Asked<'_>, group: &[u32]) -> Option<Version> {
        let named = self.package(asked.name)?;
        let at = named.position(&Probe::new(asked.version?));
        let rows =
            named.rows().filter(|row| row.kind == Kind::Fixed && group.contains(&row.record) && row.contains(at));
        rows.map(|row| Version::new(named.text(&row))).max()
    }

    /// What the sources of one problem say differently about the package, each in its words; and who does not count the version.
    fn disagreements(
        &self,
        asked: Asked<'_>,
        group: &[u32],
        records: &[Advisory],
        ids: &BTreeSet<&String>,
    ) -> Result<Vec<String>, Damaged> {
        let Some((named, version)) = self.package(asked.name).zip(asked.version) else { return Ok(Vec::new()) };
        let at = named.position(&Probe::new(version));
        let mut said = BTreeSet::new();
        let mut silent: BTreeSet<u32> = BTreeSet::new();
        for row in named.rows() {
            let Some(head) = self.head(row.record) else { continue };
            if group.contains(&row.record) {
                if row.kind == Kind::Listed && row.contains(at) {
                    said.insert(format!("{} lists {version} itself, outside its ranges", head.id()));
                }
            } else if head.ids().any(|id| ids.contains(&id.to_owned())) {
                silent.insert(row.record);
            }
        }
        let silent = silent.into_iter().map(|number| self.record(number)).collect::<Result<Vec<_>, _>>()?;
        let ranges: BTreeSet<(String, &str)> = records
            .iter()
            .chain(&silent)
            .map(|record| {
                (
                    record.affected_of(asked.name).map(Affected::spelled).collect::<Vec<_>>().join(" or "),
                    record.id.as_str(),
                )
            })
            .collect();
        if ranges.iter().map(|(spelled, _)| spelled).collect::<BTreeSet<_>>().len() > 1 {
            said.extend(ranges.iter().map(|(spelled, id)| format!("{id} says {spelled}")));
        }
        said.extend(
            silent.iter().map(|it| format!("{}, of the same problem, does not count {version} as affected", it.id)),
        );
        Ok(said.into_iter().collect())
    }
}

/// The summary, or the beginning of the text.
fn title(record: &Advisory) -> String {
    let text = if record.summary.trim().is_empty() { &record.details } else { &record.summary };
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let sentence = line.split_once(". ").map_or(line.as_str(), |(first, _)| first);
    if sentence.chars().count() <= 140 {
        return sentence.to_owned();
    }
    sentence.chars().take(139).chain(['…']).collect()
}

fn severity_source(record: &Advisory) -> Option<String> {
    if record.is_malicious() {
        return Some(format!("{}: malicious", record.id));
    }
    match record.ratings.iter().max_by_key(|rating| rating.level()) {
        Some(rating) => Some(format!("{}: CVSS {} vector", record.id, rating.version)),
        None => record.word.map(|word| format!("{}: its source's word, {}", record.id, word.as_str())),
    }
}

#[cfg(test)]
#[path = "matching_tests.rs"]
mod tests;
