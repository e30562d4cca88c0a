use proptest::prelude::*;

use super::*;

fn range(events: &[(&str, &str)]) -> Range {
    let event = |(what, text): &(&str, &str)| match *what {
        "introduced" => Event::Introduced((*text).to_owned()),
        "fixed" => Event::Fixed((*text).to_owned()),
        "last" => Event::LastAffected((*text).to_owned()),
        _ => Event::Limit((*text).to_owned()),
    };
    Range { kind: RangeKind::Ecosystem, repo: None, events: events.iter().map(event).collect() }
}

fn contains(range: &Range, version: &str) -> bool {
    let probe = Probe::new(&Version::new(version));
    intervals(range).iter().any(|interval| interval.contains(&probe))
}

/// OSV's evaluation as its specification writes it: one event after the other.
fn brute_force(range: &Range, version: &str) -> bool {
    let version = Version::new(version);
    let probe = Probe::new(&version);
    let limits: Vec<&str> = range.events.iter().filter_map(Event::limit).collect();
    let below = |text: &&str| {
        *text == "*" || {
            let b = Bound::version(text);
            probe.key(b.local) < b.key.as_slice()
        }
    };
    if !limits.is_empty() && !limits.iter().any(below) {
        return false;
    }
    let mut events: Vec<(Bound, u8)> = range.events.iter().filter_map(Event::ordered).collect();
    events.sort_by(|left, right| (&left.0.key, left.1).cmp(&(&right.0.key, right.1)));
    let mut vulnerable = false;
    for (bound, rank) in events {
        let key = probe.key(bound.local);
        match rank {
            Event::INTRODUCED if key >= bound.key.as_slice() => vulnerable = true,
            Event::FIXED if key >= bound.key.as_slice() => vulnerable = false,
            Event::LAST_AFFECTED if key > bound.key.as_slice() => vulnerable = false,
            _ => {}
        }
    }
    vulnerable
}

#[test]
fn ranges_by_table() {
    type Case =
        (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str], &'static [&'static str]);
    let cases: &[Case] = &[
        (
            "OSV: half open",
            &[("introduced", "0"), ("fixed", "1.5")],
            &["0.dev0", "1.4.99", "1.5rc1", "1.5.dev3"],
            &["1.5", "1.5.0", "1.5.post1", "2"],
        ),
        (
            "last_affected",
            &[("introduced", "1.0"), ("last", "1.2")],
            &["1.0", "1.2", "1.2.0", "1.2rc1"],
            &["0.9", "1.2.1", "1.2.post1", "1.0rc1"],
        ),
        ("never fixed", &[("introduced", "3")], &["3", "1!0"], &["2.9", "3rc1"]),
        (
            "two runs, unsorted",
            &[("fixed", "2.3"), ("introduced", "2.0"), ("fixed", "1.1"), ("introduced", "0")],
            &["1.0", "2.0", "2.2"],
            &["1.1", "1.9", "2.3"],
        ),
        (
            "two fixes: the first ends it",
            &[("introduced", "0"), ("fixed", "1.5"), ("fixed", "2.0")],
            &["1.0"],
            &["1.5", "1.7", "2.0"],
        ),
        (
            "at one version introduced comes after fixed",
            &[("introduced", "0"), ("fixed", "1.0"), ("introduced", "1.0")],
            &["0.9", "1.0", "1.1"],
            &[],
        ),
        (
            "at one version last_affected comes after introduced",
            &[("introduced", "1.0"), ("last", "1.0")],
            &["1.0", "1.0.0"],
            &["1.0.1", "0.9"],
        ),
        (
            "introduced twice",
            &[("introduced", "0"), ("introduced", "1.0"), ("fixed", "2.0")],
            &["0.5", "1.5"],
            &["2.0"],
        ),
        ("epochs", &[("introduced", "0"), ("fixed", "1!1.0")], &["2026.1", "1!0.9"], &["1!1.0"]),
        (
            "the dependency's local part is ignored",
            &[("introduced", "2.0"), ("fixed", "2.1")],
            &["2.0+cu118", "2.0.1+cpu"],
            &["2.1+cu118"],
        ),
        (
            "unless the advisory's version has one",
            &[("introduced", "0"), ("fixed", "2.1+patch.2")],
            &["2.1", "2.1+patch.1"],
            &["2.1+patch.2", "2.1.1"],
        ),
        (
            "a version that is none sorts below all",
            &[("introduced", "0"), ("fixed", "2.6.0-NA")],
            &["2.5.0-NA"],
            &["2.6.0-NA", "0.1", "2.6.0"],
        ),
        ("and is in what begins at 0", &[("introduced", "0"), ("fixed", "1.0")], &["2004d.x-q"], &[]),
        (
            "but not in what begins at a version",
            &[("introduced", "0.0"), ("fixed", "1.0")],
            &["0", "0.5"],
            &["2004d.x-q", "0.dev0"],
        ),
        ("limit", &[("introduced", "0"), ("limit", "2.0")], &["1.9"], &["2.0", "3"]),
        ("limit, star", &[("introduced", "0"), ("limit", "*")], &["1.9", "2.0"], &[]),
        (
            "limit, several",
            &[("introduced", "0"), ("fixed", "1"), ("introduced", "2"), ("limit", "1.5"), ("limit", "2.5")],
            &["0.5", "2.4"],
            &["1", "2.5"],
        ),
        ("a fix without a beginning", &[("fixed", "2.0")], &[], &["1.0", "2.0"]),
        ("no events", &[], &[], &["1.0"]),
    ];
    for (name, events, inside, outside) in cases {
        let range = range(events);
        for version in *inside {
            assert!(contains(&range, version), "{name}: {version} is affected");
        }
        for version in *outside {
            assert!(!contains(&range, version), "{name}: {version} is not affected");
        }
    }
}

#[test]
fn git_ranges_say_nothing_about_versions() {
    let range = Range { kind: RangeKind::Git, ..range(&[("introduced", "0")]) };
    assert!(intervals(&range).is_empty());
}

proptest! {
    #[test]
    fn intervals_agree_with_the_events_read_one_by_one(
        events in prop::collection::vec((prop_oneof![3 => Just("introduced"), 3 => Just("fixed"), 2 => Just("last"), 1 => Just("limit")],
            prop_oneof![Just("0".to_owned()), Just("2.6.0-NA".to_owned()), Just("1.0+local".to_owned()), "[0-3](\\.[0-2])?(rc1|\\.post1|\\.dev1)?"]), 0..8),
        version in prop_oneof![Just("0".to_owned()), Just("x.y-z".to_owned()), "[0-3](\\.[0-2])?(rc1|\\.post1|\\.dev1)?(\\+(local|cu118|a))?"],
    ) {
        let events: Vec<(&str, &str)> = events.iter().map(|(what, text)| (*what, text.as_str())).collect();
        let range = range(&events);
        prop_assert_eq!(contains(&range, &version), brute_force(&range, &version));
    }
}
