//! Packages pinned to a commit, against advisories that name commits.
//!
//! Where the repository's history is at hand, OSV's evaluation over the graph decides. Where it is not, only a commit that the
//! advisory itself names can be decided; any other is left open, and the version decides.

use crate::PackageName;
use crate::advisory::Advisory;
use crate::range::{Event, Range, RangeKind};

/// A package taken from a repository at a commit.
#[derive(Debug, Clone, Copy)]
pub struct Pin<'a> {
    /// The clone URL.
    pub url: &'a str,
    /// Hexadecimal, whole or abbreviated.
    pub commit: &'a str,
}

/// Who knows the history of repositories.
pub trait Ancestry {
    /// Whether `ancestor` is `commit` itself or reached from it; `None` when the history is not at hand or lacks one of them.
    fn reaches(&self, url: &str, commit: &str, ancestor: &str) -> Option<bool>;
}

/// No history is at hand.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHistory;

impl Ancestry for NoHistory {
    fn reaches(&self, _url: &str, _commit: &str, _ancestor: &str) -> Option<bool> {
        None
    }
}

/// What an advisory's commits say about a pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Affected, and why.
    Affected(String),
    /// Not affected, and why.
    Clear(String),
    /// The commits do not tell, and why.
    Open(String),
}

/// Host and path in lower case, without scheme, account, `.git` and trailing slash: spellings of one repository are equal.
#[must_use]
pub fn repository_key(url: &str) -> String {
    let url = url.trim().trim_start_matches("git+");
    let place = url.split(['#', '?']).next().unwrap_or_default();
    let (place, short) = place.split_once("://").map_or((place, true), |(_, rest)| (rest, false));
    let (authority, path) = match place.split_once(if short { ':' } else { '/' }) {
        Some(parts) => parts,
        None => place.split_once('/').unwrap_or((place, "")),
    };
    let host = authority.rsplit('@').next().unwrap_or_default();
    let path = path.trim_matches('/').trim_end_matches(".git").trim_end_matches('/');
    format!("{host}/{path}").to_ascii_lowercase()
}

/// What the record's commits say about the package at the pin; `None` when it names no commit of that repository for the package.
#[must_use]
pub fn decide(record: &Advisory, name: &PackageName, pin: &Pin<'_>, ancestry: &dyn Ancestry) -> Option<Decision> {
    let key = repository_key(pin.url);
    let of_package = record.affected.iter().filter(|it| it.package.as_ref().is_none_or(|package| package == name));
    let mut decided: Option<Decision> = None;
    for affected in of_package {
        let ranges = affected.ranges.iter().filter(|range| range.kind == RangeKind::Git);
        for range in ranges.filter(|range| range.repo.as_deref().is_some_and(|repo| repository_key(repo) == key)) {
            let enumerated = affected.versions.iter().any(|version| is_commit(version) && same(version, pin.commit));
            let said = if enumerated {
                Decision::Affected(format!("{} lists the commit {}", record.id, short(pin.commit)))
            } else {
                of_range(&record.id, range, pin, ancestry)
            };
            // the union of the ranges decides, and what is open is not clear
            decided = Some(match (decided, said) {
                (Some(Decision::Affected(why)), _) | (_, Decision::Affected(why)) => Decision::Affected(why),
                (Some(Decision::Open(why)), _) | (_, Decision::Open(why)) => Decision::Open(why),
                (_, clear) => clear,
            });
        }
    }
    decided
}

fn of_range(id: &str, range: &Range, pin: &Pin<'_>, ancestry: &dyn Ancestry) -> Decision {
    let commit = short(pin.commit);
    let named = |wanted: fn(&Event) -> Option<&str>| {
        range.events.iter().filter_map(wanted).any(|event| same(event, pin.commit))
    };
    if named(fixed) {
        return Decision::Clear(format!("the commit {commit} is the one that fixes {id}"));
    }
    if named(limit) {
        return Decision::Clear(format!("the commit {commit} is the limit of {id}"));
    }
    if named(introduced) {
        return Decision::Affected(format!("the commit {commit} is the one that introduced {id}"));
    }
    if named(last_affected) {
        return Decision::Affected(format!("the commit {commit} is the last one affected by {id}"));
    }
    match by_history(range, pin, ancestry) {
        Some(true) => Decision::Affected(format!("by the repository's history, {commit} is affected by {id}")),
        Some(false) => Decision::Clear(format!("by the repository's history, {commit} is not affected by {id}")),
        None => Decision::Open(format!(
            "the version decides: {commit} is none of the commits that {id} names, and the repository's history is not at hand"
        )),
    }
}

/// OSV's evaluation over the graph: reached from an introducing commit, and no end of it is reached.
fn by_history(range: &Range, pin: &Pin<'_>, ancestry: &dyn Ancestry) -> Option<bool> {
    let reaches = |commit: &str, ancestor: &str| ancestry.reaches(pin.url, commit, ancestor);
    for limit in range.events.iter().filter_map(limit).filter(|limit| *limit != "*") {
        if !reaches(limit, pin.commit)? {
            return Some(false);
        }
    }
    let ends = || range.events.iter().filter_map(|event| fixed(event).or(last_affected(event)));
    for start in range.events.iter().filter_map(introduced) {
        if start != "0" && !reaches(pin.commit, start)? {
            continue;
        }
        let mut ended = false;
        for end in ends() {
            // an end belongs to this beginning when it comes after it
            ended |= reaches(pin.commit, end)? && (start == "0" || reaches(end, start)?);
        }
        if !ended {
            return Some(true);
        }
    }
    Some(false)
}

fn introduced(event: &Event) -> Option<&str> {
    if let Event::Introduced(text) = event { Some(text) } else { None }
}

fn fixed(event: &Event) -> Option<&str> {
    if let Event::Fixed(text) = event { Some(text) } else { None }
}

fn last_affected(event: &Event) -> Option<&str> {
    if let Event::LastAffected(text) = event { Some(text) } else { None }
}

fn limit(event: &Event) -> Option<&str> {
    if let Event::Limit(text) = event { Some(text) } else { None }
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether a pin, perhaps abbreviated, is the commit.
fn same(commit: &str, pin: &str) -> bool {
    is_commit(pin) && commit.len() >= pin.len() && commit[..pin.len()].eq_ignore_ascii_case(pin)
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_repository() {
        for url in [
            "https://github.com/Owner/Name",
            "https://github.com/owner/name.git",
            "git+https://user@github.com/owner/name.git/",
            "git@github.com:owner/name.git",
            "ssh://git@github.com/owner/name#egg=x",
        ] {
            assert_eq!(repository_key(url), "github.com/owner/name", "{url}");
        }
        assert_ne!(repository_key("https://github.com/owner/other"), "github.com/owner/name");
    }

    /// A straight history, oldest first; what is not in it is not at hand.
    struct Line(&'static [&'static str]);

    impl Ancestry for Line {
        fn reaches(&self, _url: &str, commit: &str, ancestor: &str) -> Option<bool> {
            let at = |wanted: &str| self.0.iter().position(|it| *it == wanted);
            Some(at(commit)? >= at(ancestor)?)
        }
    }

    #[test]
    fn commits_are_decided_by_name_then_by_history_and_else_left_open() {
        const HISTORY: Line = Line(&["aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd", "eeeeeee"]);
        let intro_fix = r#"{"introduced":"bbbbbbb"},{"fixed":"ddddddd"}"#;
        let from_start = r#"{"introduced":"0"},{"fixed":"ccccccc"}"#;
        let last = r#"{"introduced":"0"},{"last_affected":"ccccccc"}"#;
        let limited = r#"{"introduced":"bbbbbbb"},{"limit":"ddddddd"}"#;
        // (events, commit, without history, with it)
        let cases = [
            (intro_fix, "aaaaaaa", "open", "clear"),
            (intro_fix, "bbbbbbb", "affected", "affected"),
            (intro_fix, "ccccccc", "open", "affected"),
            (intro_fix, "ddddddd", "clear", "clear"),
            (intro_fix, "eeeeeee", "open", "clear"),
            (intro_fix, "fffffff", "open", "open"),
            (from_start, "aaaaaaa", "open", "affected"),
            (from_start, "eeeeeee", "open", "clear"),
            (last, "ccccccc", "affected", "affected"),
            (last, "ddddddd", "open", "clear"),
            (limited, "ccccccc", "open", "affected"),
            (limited, "ddddddd", "clear", "clear"),
            (limited, "eeeeeee", "open", "clear"),
        ];
        let word = |decision: Option<Decision>| match decision {
            Some(Decision::Affected(_)) => "affected",
            Some(Decision::Clear(_)) => "clear",
            Some(Decision::Open(_)) => "open",
            None => "none",
        };
        for (events, commit, bare, with) in cases {
            let json = format!(
                r#"{{"id":"X-1","affected":[{{"package":{{"ecosystem":"PyPI","name":"a"}},"versions":["9999999"],"ranges":[{{"type":"GIT","repo":"https://h.example.org/a","events":[{events}]}}]}}]}}"#
            );
            let record = crate::osv::read(json.as_bytes()).unwrap().advisory;
            let name = "a".parse().unwrap();
            let pin = |url, commit| Pin { url, commit };
            let here = pin("git@h.example.org:a.git", commit);
            assert_eq!(word(decide(&record, &name, &here, &NoHistory)), bare, "{events} {commit}");
            assert_eq!(word(decide(&record, &name, &here, &HISTORY)), with, "{events} {commit}, with history");
            let elsewhere = pin("https://h.example.org/fork/a", commit);
            assert_eq!(decide(&record, &name, &elsewhere, &HISTORY), None);
            assert_eq!(decide(&record, &"b".parse().unwrap(), &here, &HISTORY), None);
            assert_eq!(word(decide(&record, &name, &pin(here.url, "9999999"), &NoHistory)), "affected");
        }
    }
}
