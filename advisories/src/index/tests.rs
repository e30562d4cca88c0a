use proptest::prelude::*;

use super::*;
use crate::Affected;
use crate::range::{Event, Range, RangeKind, intervals};

fn advisory(id: &str, ranges: Vec<Range>, versions: Vec<String>) -> Advisory {
    let json = format!(r#"{{"id":"{id}"}}"#);
    let mut advisory = crate::osv::read(json.as_bytes()).unwrap().advisory;
    let package = Some("a".parse().unwrap());
    advisory.affected = vec![Affected { package, versions, ranges, symbols: Vec::new() }];
    advisory
}

/// What the record's own words say: a listed version equals, or an interval contains.
fn says(advisory: &Advisory, version: &Version) -> bool {
    let probe = Probe::new(version);
    let equal = |text: &String| {
        let listed = crate::range::Bound::version(text);
        probe.key(listed.local) == listed.key.as_slice()
    };
    advisory.affected.iter().any(|affected| {
        affected.versions.iter().any(equal)
            || affected.ranges.iter().flat_map(intervals).any(|interval| interval.contains(&probe))
    })
}

fn version() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just("2.6.0-NA".to_owned()),
        "[0-3](\\.[0-2])?(rc1|\\.post1|\\.dev1)?(\\+(local|cu118))?"
    ]
}

fn range() -> impl Strategy<Value = Range> {
    let event = (0..4, version()).prop_map(|(what, text)| match what {
        0 => Event::Introduced(text),
        1 => Event::Fixed(text),
        2 => Event::LastAffected(text),
        _ => Event::Limit(text),
    });
    prop::collection::vec(event, 0..6).prop_map(|events| Range { kind: RangeKind::Ecosystem, repo: None, events })
}

proptest! {
    #[test]
    fn positions_agree_with_the_records_own_words(
        records in prop::collection::vec((prop::collection::vec(range(), 0..3), prop::collection::vec(version(), 0..4)), 1..5),
        asked in prop::collection::vec(version(), 1..8),
    ) {
        let records: Vec<Advisory> = records
            .into_iter()
            .enumerate()
            .map(|(at, (ranges, versions))| advisory(&format!("X-{at}"), ranges, versions))
            .collect();
        let index = AdvisoryIndex::build(records.clone(), Signals::default(), Vec::new(), "", "");
        for version in asked.iter().map(|text| Version::new(text)) {
            let said: Vec<u32> =
                (0..).zip(&records).filter(|(_, record)| says(record, &version)).map(|(at, _)| at).collect();
            let name = "a".parse().unwrap();
            prop_assert_eq!(index.affecting(&name, &version), said.clone(), "{}", version);
            prop_assert_eq!(index.is_affected(&name, &version), !said.is_empty());
        }
        prop_assert!(index.affecting(&"b".parse().unwrap(), &Version::new("1")).is_empty());
    }
}

#[test]
fn who_was_seen_first_stands_for_the_group_whatever_comes_later() {
    let record = |id: &str, alias: &str, published: &str| {
        let json = format!(
            r#"{{"id":"{id}","aliases":["{alias}"],"published":"{published}","affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},"versions":["1"]}}]}}"#
        );
        crate::osv::read(json.as_bytes()).unwrap().advisory
    };
    let pysec = record("PYSEC-1", "CVE-1", "2024-02-01T00:00:00Z");
    // imported later, with an earlier date
    let ghsa = record("GHSA-1", "CVE-1", "2024-01-01T00:00:00Z");
    let made = |records: Vec<Advisory>, built, previous: Option<&AdvisoryIndex>| {
        Ingredients { records, built, previous, ..Ingredients::default() }.build()
    };
    let canonical = |index: &AdvisoryIndex| {
        let found = index.matches(&"a".parse().unwrap(), &Version::new("1")).unwrap();
        assert_eq!(found.len(), 1);
        found[0].canonical.clone()
    };
    let first = made(vec![pysec.clone()], "2024-03-01T00:00:00Z", None);
    let second = made(vec![ghsa.clone(), pysec.clone()], "2024-03-02T00:00:00Z", Some(&first));
    let third = made(vec![ghsa.clone(), pysec.clone()], "2024-03-03T00:00:00Z", Some(&second));
    assert_eq!([&first, &second, &third].map(canonical), ["PYSEC-1", "PYSEC-1", "PYSEC-1"]);
    // without a memory the publication decides, and what was withdrawn stands for nothing
    assert_eq!(canonical(&made(vec![ghsa.clone(), pysec], "", None)), "GHSA-1");
    assert_eq!(canonical(&made(vec![ghsa], "2024-03-04T00:00:00Z", Some(&third))), "GHSA-1");
}
