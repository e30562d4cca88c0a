//! Names that are one edit away from a far more popular one.
//!
//! Popularity is how many public repositories lock a package; `popular.tsv` is made by `scanner/examples/popular_names.rs`. A name that
//! stands in the table itself is nobody's look-alike, and a name that has been published for long, or often, is somebody's honest work:
//! real neighbours (`boto` and `boto3`, `jinja` and `jinja2`) are far more frequent than attacks.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use advisories::PackageName;
use jiff::{SignedDuration, Timestamp};

use crate::finding::Confidence;
use crate::package_index::{File, Project};

/// From so many repositories on a name is popular.
const POPULAR: u32 = 4;
/// Shorter names have too many honest neighbours.
const SHORTEST: usize = 5;
/// A project younger than this, with few releases, is suspicious; a much younger one is likely an attack.
const YOUNG_DAYS: i64 = 365;
const NEW_DAYS: i64 = 60;
const FEW: usize = 6;

/// Name to how many repositories lock it.
static TABLE: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| {
    let rows = include_str!("popular.tsv").lines().filter(|line| !line.starts_with('#'));
    rows.filter_map(|row| row.split_once('\t')).filter_map(|(name, count)| Some((name, count.parse().ok()?))).collect()
});

/// Whether many repositories lock it.
pub fn is_popular(name: &PackageName) -> bool {
    TABLE.get(name.as_str()).is_some_and(|count| *count >= POPULAR)
}

/// The most popular name that is one edit away, for a name that is in no repository of the table.
pub fn near(name: &PackageName) -> Option<&'static str> {
    let name = name.as_str();
    if TABLE.contains_key(name) {
        return None;
    }
    let neighbours = TABLE.iter().filter(|(popular, count)| **count >= POPULAR && popular.len() >= SHORTEST);
    neighbours
        .filter(|(popular, _)| one_edit(name, popular))
        .max_by_key(|(popular, count)| (**count, **popular))
        .map(|(popular, _)| *popular)
}

/// Whether one letter more, less or another, or two neighbours exchanged, make one name of the other. Digits do not count: `psycopg2` is a
/// version of `psycopg`. Nor do separators alone.
fn one_edit(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left == right {
        return false;
    }
    let start = left.iter().zip(right).take_while(|(a, b)| a == b).count();
    let (a, b) = (&left[start..], &right[start..]);
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
    let counts = |letter: &u8| letter.is_ascii_alphabetic();
    match (a, b) {
        ([one], []) | ([], [one]) => counts(one),
        ([one], [other]) => counts(one) && counts(other),
        ([one, two], [three, four]) => one == four && two == three && counts(one) && counts(two),
        _ => false,
    }
}

/// How long and how often a project has been published.
pub struct Age {
    days: i64,
    releases: usize,
    first: Timestamp,
}

impl Age {
    /// `None` where the index tells no times.
    pub fn of(project: &Project, now: Timestamp) -> Option<Self> {
        let times = project.files.iter().filter_map(|file| file.upload_time.as_deref()?.parse::<Timestamp>().ok());
        let first = times.min()?;
        let releases = project.files.iter().filter_map(File::version).collect::<BTreeSet<_>>().len();
        let days = now.duration_since(first).max(SignedDuration::ZERO).as_hours() / 24;
        Some(Self { days, releases, first })
    }

    /// How sure one is that it is an attack; `None` for an established project.
    pub fn suspicion(&self) -> Option<Confidence> {
        if self.releases > FEW || self.days > YOUNG_DAYS {
            return None;
        }
        Some(if self.days <= NEW_DAYS { Confidence::Medium } else { Confidence::Low })
    }

    pub fn in_words(&self) -> String {
        let day = self.first.to_string();
        format!("first published on {}, {} releases", day.get(..10).unwrap_or(&day), self.releases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_edit_and_no_more() {
        for (name, popular) in [
            ("reqeusts", "requests"),
            ("request", "requests"),
            ("requestss", "requests"),
            ("rwquests", "requests"),
            ("djago", "django"),
            ("urlib3", "urllib3"),
        ] {
            assert!(one_edit(name, popular), "{name}");
        }
        for (name, other) in [
            ("requests", "requests"),
            ("psycopg", "psycopg2"),
            ("boto", "boto3"),
            ("jinja", "jinja2"),
            ("py-yaml", "pyyaml"),
            ("requests-oauth", "requests"),
            ("requzstz", "requests"),
            ("seuqests", "requests"),
        ] {
            assert!(!one_edit(name, other), "{name} {other}");
        }
    }

    #[test]
    fn look_alikes_of_popular_names_and_honest_neighbours() {
        let near = |name: &str| near(&name.parse().unwrap());
        assert_eq!(near("reqeusts"), Some("requests"));
        assert_eq!(near("djngo"), Some("django"));
        // in the table themselves, too short, or nobody's neighbour
        for name in ["requests", "attrs", "django-filter", "six", "moock", "an-organisations-own-tool"] {
            assert_eq!(near(name), None, "{name}");
        }
    }
}
