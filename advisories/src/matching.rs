//! (name, version) to matches: the records that affect it, joined over their aliases.
//!
//! The canonical id of a group is the id of the record that was published first; at equal times by source (MAL, PYSEC, GHSA, CVE).
//! An alias that a feed adds later, or a record that another source publishes later, does not change it.

use std::collections::{BTreeSet, HashMap};

use crate::advisory::{Advisory, id_order};
use crate::index::{AdvisoryIndex, Damaged, moment};
use crate::range::{End, Event, Probe, RangeKind};
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

impl AdvisoryIndex {
    /// Everything that affects the version, the worst first. An empty answer means that no record does.
    ///
    /// # Errors
    /// [`Damaged`] when a record that matches cannot be read back.
    pub fn matches(&self, name: &PackageName, version: &Version) -> Result<Vec<Match>, Damaged> {
        let groups = self.groups(&self.affecting(name, version));
        let mut found = Vec::with_capacity(groups.len());
        for group in groups {
            found.push(self.describe(name, version, &group)?);
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
            let Some(head) = self.heads.get(record as usize) else { continue };
            let ids = || head.aliases.iter().chain([&head.id]).map(String::as_str);
            let joined: BTreeSet<usize> = ids().filter_map(|id| group_of.get(id).copied()).collect();
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
            group_of.extend(ids().map(|id| (id, target)));
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// The number of the record that stands for the group.
    fn canonical(&self, group: &[u32]) -> Option<u32> {
        group.iter().copied().min_by_key(|&record| {
            let head = self.heads.get(record as usize);
            let time = head.and_then(|head| moment(Some(&head.published)));
            (time.is_none(), time, head.map(|head| id_order(&head.id)))
        })
    }

    fn describe(&self, name: &PackageName, version: &Version, group: &[u32]) -> Result<Match, Damaged> {
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
        let affected =
            || records.iter().flat_map(|record| &record.affected).filter(|it| it.package.as_ref() == Some(name));
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
            epss: self
                .signals
                .epss
                .as_ref()
                .and_then(|scores| ids.iter().filter_map(|id| scores.get(*id).copied()).max_by(f64::total_cmp)),
            kev: self.signals.kev.as_ref().map(|listed| ids.iter().any(|id| listed.contains_key(*id))),
            malicious: records.iter().any(Advisory::is_malicious),
            fixed_versions: fixed,
            closing_fix: self.closing_fix(name, version, group),
            symbols: unique(affected().flat_map(|affected| &affected.symbols).collect()),
            references: unique(records.iter().flat_map(|record| &record.references).collect()),
            evidence: self.disagreements(name, version, group, &ids),
            published: records.first().and_then(|record| record.published.clone()),
            ids: ids.into_iter().cloned().collect(),
        })
    }

    fn closing_fix(&self, name: &PackageName, version: &Version, group: &[u32]) -> Option<Version> {
        let probe = Probe::new(version);
        let entries = self.packages.get(name)?.iter().filter(|entry| group.contains(&entry.record));
        let intervals = entries.flat_map(|entry| &entry.intervals).filter(|interval| interval.contains(&probe));
        let ends =
            intervals.filter_map(|interval| if let End::Fixed(end) = &interval.end { Some(&end.text) } else { None });
        ends.map(|text| Version::new(text)).max()
    }

    /// Records of the same problem that name the package and do not match, and fixes that differ.
    fn disagreements(
        &self,
        name: &PackageName,
        version: &Version,
        group: &[u32],
        ids: &BTreeSet<&String>,
    ) -> Vec<String> {
        let Some(entries) = self.packages.get(name) else { return Vec::new() };
        let probe = Probe::new(version);
        let mut said = Vec::new();
        let mut fixes: BTreeSet<(Option<Version>, String)> = BTreeSet::new();
        let mut silent: BTreeSet<&str> = BTreeSet::new();
        for entry in entries {
            let Some(head) = self.heads.get(entry.record as usize) else { continue };
            if !group.contains(&entry.record) {
                if head.aliases.iter().chain([&head.id]).any(|id| ids.contains(id)) {
                    silent.insert(&head.id);
                }
            } else if entry.contains(&probe) {
                fixes.insert((self.closing_fix(name, version, &[entry.record]), head.id.clone()));
                if entry.lists(&probe) {
                    said.push(format!("{} lists {version} itself, outside its ranges", head.id));
                }
            }
        }
        said.extend(silent.iter().map(|id| format!("{id}, of the same problem, does not count {version} as affected")));
        let different: BTreeSet<&Option<Version>> = fixes.iter().map(|(fix, _)| fix).collect();
        if different.len() > 1 {
            said.extend(fixes.iter().map(|(fix, id)| match fix {
                Some(fix) => format!("{id} says it is fixed in {fix}"),
                None => format!("{id} names no fix for {version}"),
            }));
        }
        said.sort();
        said.dedup();
        said
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
