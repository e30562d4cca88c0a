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
        let heads = |index: &AdvisoryIndex| -> BTreeMap<String, Head> {
            index.heads.iter().map(|head| (head.id.clone(), head.clone())).collect()
        };
        let (before, after) = (heads(old), heads(new));
        let same = |id: &String| match (before.get(id), after.get(id)) {
            (Some(one), Some(other)) => one.body == other.body && !signals_differ(other, &old.signals, &new.signals),
            _ => false,
        };
        let changed: BTreeSet<&String> = before.keys().chain(after.keys()).filter(|id| !same(id)).collect();
        let mut delta = Self::default();
        for index in [old, new] {
            for (name, entries) in &index.packages {
                let ids = entries.iter().filter_map(|entry| Some(&index.heads.get(entry.record as usize)?.id));
                for id in ids.filter(|id| changed.contains(id)) {
                    delta.packages.entry(name.clone()).or_default().insert(id.clone());
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

fn signals_differ(head: &Head, old: &Signals, new: &Signals) -> bool {
    let mut ids = head.aliases.iter().chain([&head.id]);
    ids.any(|id| {
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
