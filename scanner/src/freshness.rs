//! How old the feeds of a report were, and whether that is too old.

use std::str::FromStr;

use advisories::FeedFact;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::diagnostic::{Diagnostic, Stage};
use crate::report::Report;

/// The age from which a feed is too old to be relied on; written `7d`, `36h`, `90m` or `45s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaxAge(i64);

impl TryFrom<String> for MaxAge {
    type Error = NoAge;

    fn try_from(text: String) -> Result<Self, NoAge> {
        text.parse()
    }
}

impl From<MaxAge> for String {
    fn from(age: MaxAge) -> Self {
        format!("{}s", age.0)
    }
}

/// A text that is no age.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no age: a number with d, h, m or s, such as 7d or 36h")]
pub struct NoAge(String);

impl FromStr for MaxAge {
    type Err = NoAge;

    fn from_str(text: &str) -> Result<Self, NoAge> {
        let no_age = || NoAge(text.chars().take(40).collect());
        let unit = text.chars().next_back().ok_or_else(no_age)?;
        let seconds = match unit {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            _ => return Err(no_age()),
        };
        let number: u32 = text[..text.len() - 1].parse().map_err(|_| no_age())?;
        Ok(Self(i64::from(number) * seconds))
    }
}

/// What is wrong with the age of feeds, in words: each one that is older than `limit`, or of unknown age. That there is no feed at all is
/// wrong, too.
#[must_use]
pub fn stale(feeds: &[FeedFact], now: Timestamp, limit: Option<MaxAge>) -> Vec<String> {
    let Some(MaxAge(limit)) = limit else { return Vec::new() };
    if feeds.is_empty() {
        return vec!["the age of the advisories is not known".to_owned()];
    }
    let each = feeds.iter().filter_map(|feed| {
        let said = match feed.age_seconds(now) {
            Some(age) if age <= limit => return None,
            Some(age) => format!("is {} old, more than the {} allowed", span(age), span(limit)),
            None => "is of unknown age".to_owned(),
        };
        let failed = feed.error.as_ref().map_or_else(String::new, |error| format!("; renewing it failed: {error}"));
        Some(format!("the advisory feed {} {said}{failed}", feed.kind))
    });
    each.collect()
}

/// Notes the feeds' ages in the report. A feed older than `limit`, or of unknown age, makes the report incomplete: what was published
/// since could not be looked for.
pub fn judge(report: &mut Report, now: Timestamp, limit: Option<MaxAge>) {
    for used in &mut report.advisories.feeds {
        used.age_seconds = used.feed.age_seconds(now);
    }
    // without advisories nothing was matched, which is said already
    if report.advisories.source.is_some() {
        let feeds: Vec<FeedFact> = report.advisories.feeds.iter().map(|used| used.feed.clone()).collect();
        let gap = |reason| Diagnostic::gap(Stage::Advisories, None, reason);
        report.add_diagnostics(stale(&feeds, now, limit).into_iter().map(gap));
    }
}

/// `45 seconds`, `3 hours`, `9 days`.
#[must_use]
pub fn span(seconds: i64) -> String {
    match seconds.max(0) {
        seconds if seconds < 120 => format!("{seconds} seconds"),
        seconds if seconds < 7_200 => format!("{} minutes", seconds / 60),
        seconds if seconds < 172_800 => format!("{} hours", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FeedUsed;

    const REPORT: &str = r#"{"schema_version":1,"tool":{"name":"","version":"","rules_digest":""},
        "target":{"kind":"directory","path":".","commit":null},"advisories":{"records":1,"modified":null,"source":"s"},
        "complete":true,"inventory":[],"findings":[],"diagnostics":[],
        "stats":{"blobs":0,"blob_bytes":0,"packages":0,"files":0,"duration_ms":{}}}"#;

    #[test]
    fn ages_are_read_or_refused() {
        for (text, seconds) in [("7d", Some(604_800)), ("36h", Some(129_600)), ("0s", Some(0)), ("90m", Some(5_400))] {
            assert_eq!(text.parse().ok(), seconds.map(MaxAge), "{text}");
        }
        for text in ["", "d", "7", "-1d", "7w", "7 d", "1.5d"] {
            assert!(text.parse::<MaxAge>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stale_feed_or_one_of_unknown_age_makes_the_report_incomplete() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let feed = |checked: Option<&str>| FeedUsed {
            feed: FeedFact { kind: "osv".to_owned(), checked: checked.map(str::to_owned), ..FeedFact::default() },
            age_seconds: None,
        };
        let (fresh, old) = (Some("2026-01-09T00:00:00Z"), Some("2026-01-01T00:00:00Z"));
        let week = "7d".parse().ok();
        // (feeds, limit, complete, a word)
        let cases = [
            (vec![feed(fresh)], week, true, ""),
            (vec![feed(fresh), feed(old)], week, false, "9 days old, more than the 7 days"),
            (vec![feed(None)], week, false, "unknown age"),
            (vec![], week, false, "not known"),
            (vec![feed(old), feed(None)], None, true, ""),
        ];
        for (feeds, limit, complete, word) in cases {
            let mut report: Report = serde_json::from_str(REPORT).unwrap();
            report.advisories.feeds = feeds;
            judge(&mut report, now, limit);
            assert_eq!(report.complete, complete, "{word}");
            assert!(report.diagnostics.iter().any(|said| said.reason.contains(word)) || word.is_empty(), "{word}");
            let ages: Vec<_> = report.advisories.feeds.iter().map(|used| used.age_seconds).collect();
            assert!(!ages.contains(&Some(0)), "{ages:?}");
        }
    }
}
