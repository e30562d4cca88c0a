//! What changed between two indexes, so that stored inventories are matched again for what changed only.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::PackageName;
use crate::index::{AdvisoryIndex, Head};
use crate::signals::Signals;

/// The packages whose answers may differ, each with the ids of the records that came, went or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delta {
    packages: HashMap<PackageName, BTreeSet<String>>,
}

impl Delta {
    /// Compares two indexes. A record counts as changed when its text, its KEV entry or its EPSS score did.
    #[must_use]
    pub fn between(old: &AdvisoryIndex, new: &AdvisoryIndex) -> Self {
        let changed = changed(old, new);
        let mut delta = Self::default();
        for index in [old, new] {
            let touched: Vec<bool> = index.heads().map(|head| changed.contains(head.id())).collect();
            for named in index.all_named() {
                let records = named.rows().map(|row| row.record);
                let ids: BTreeSet<String> = records
                    .filter(|record| touched.get(*record as usize).copied().unwrap_or_default())
                    .filter_map(|record| Some(index.head(record)?.id().to_owned()))
                    .collect();
                if let (false, Ok(name)) = (ids.is_empty(), PackageName::new(named.name())) {
                    delta.packages.entry(name).or_default().extend(ids);
                }
            }
        }
        delta
    }

    /// Whether the package's answers may differ.
    #[must_use]
    pub fn touches(&self, name: &PackageName) -> bool {
        self.packages.contains_key(name)
    }

    /// The packages and the records that changed, sorted by name.
    #[must_use]
    pub fn packages(&self) -> BTreeMap<&PackageName, &BTreeSet<String>> {
        self.packages.iter().collect()
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }
}

/// Ids of the records that came, went or changed. Both indexes have their records sorted by id.
fn changed<'a>(old: &'a AdvisoryIndex, new: &'a AdvisoryIndex) -> BTreeSet<&'a str> {
    let (before, after) = (old.signals(), new.signals());
    let mut changed = BTreeSet::new();
    let (mut left, mut right) = (old.heads().peekable(), new.heads().peekable());
    loop {
        match (left.peek().copied(), right.peek().copied()) {
            (None, None) => return changed,
            (Some(one), Some(other)) if one.id() == other.id() => {
                if one.digest() != other.digest() || signals_differ(other, &before, &after) {
                    changed.insert(other.id());
                }
                left.next();
                right.next();
            }
            (Some(one), other) if other.is_none_or(|other| one.id() < other.id()) => {
                changed.insert(one.id());
                left.next();
            }
            (_, Some(other)) => {
                changed.insert(other.id());
                right.next();
            }
            (Some(_), None) => {
                left.next();
            }
        }
    }
}

fn signals_differ(head: Head<'_>, old: &Signals, new: &Signals) -> bool {
    head.ids().any(|id| {
        let kev = |signals: &Signals| signals.kev.as_ref().is_some_and(|listed| listed.contains_key(id));
        let epss = |signals: &Signals| signals.epss.as_ref().and_then(|scores| scores.get(id).copied());
        kev(old) != kev(new) || epss(old) != epss(new)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(records: &[(&str, &str, &str)], kev: &[&str]) -> AdvisoryIndex {
        let read = |(id, package, fixed): &(&str, &str, &str)| {
            let json = format!(
                r#"{{"id":"{id}","affected":[{{"package":{{"ecosystem":"PyPI","name":"{package}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
            );
            crate::osv::read(json.as_bytes()).unwrap().advisory
        };
        let kev = kev.iter().map(|id| ((*id).to_owned(), String::new())).collect();
        let signals = Signals { kev: Some(kev), epss: None };
        AdvisoryIndex::build(records.iter().map(read).collect(), signals, Vec::new(), "", "")
    }

    #[test]
    fn came_went_changed_and_newly_exploited() {
        let old = index(
            &[("A-1", "same", "1"), ("A-2", "gone", "1"), ("A-3", "changed", "1"), ("A-4", "exploited", "1")],
            &[],
        );
        let new = index(
            &[("A-1", "same", "1"), ("A-3", "changed", "2"), ("A-4", "exploited", "1"), ("A-5", "new", "1")],
            &["A-4"],
        );
        let delta = Delta::between(&old, &new);
        let names: Vec<&str> = delta.packages().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["changed", "exploited", "gone", "new"]);
        assert!(!delta.touches(&"same".parse().unwrap()));
        assert!(Delta::between(&new, &new).is_empty());
    }
}
