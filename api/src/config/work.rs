//! How much works at once, what is kept, and how fresh the advisories are.

use advisories::feed::{Feed, InvalidFeed};
use jiff::SignedDuration;
use serde::Deserialize;

use crate::store::Retention;

/// Limits of jobs, over all processes that share a store.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobLimits {
    /// Jobs running at once on one host that is cloned from.
    pub per_host: usize,
    /// Jobs running at once in all.
    pub in_all: usize,
    /// Longest that a job may run, in minutes.
    pub minutes: u64,
}

impl Default for JobLimits {
    fn default() -> Self {
        Self { per_host: 4, in_all: 256, minutes: 30 }
    }
}

/// What is kept for how long. Open findings are kept for ever.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kept {
    /// Days that ended jobs, deliveries, remembered answers, messages that were given up and older scans are kept.
    pub days: u32,
    /// Scans of each repository that are kept however old.
    pub scans: usize,
    /// Days that fixed findings are kept.
    pub fixed_days: u32,
    /// Days that events wait for somebody to tell them.
    pub event_days: u32,
    /// Days that the audit trail is kept.
    pub audit_days: u32,
}

impl Default for Kept {
    fn default() -> Self {
        Self { days: 90, scans: 50, fixed_days: 365, event_days: 7, audit_days: 730 }
    }
}

impl Kept {
    /// As the store asks for it.
    #[must_use]
    pub fn retention(&self) -> Retention {
        let days = |days: u32| SignedDuration::from_hours(24 * i64::from(days));
        Retention {
            records: days(self.days),
            scans: self.scans,
            fixed: days(self.fixed_days),
            events: days(self.event_days),
            audit: days(self.audit_days),
        }
    }
}

/// Where advisories come from where `advisories` names none.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Feeds {
    /// As of `secretarybird advisories sync`: `osv`, `pypa`, `kev`, … or `KIND=URL`.
    pub sources: Vec<String>,
    /// Minutes between two times of asking; 0 for never.
    pub every_minutes: u64,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { sources: vec!["osv".to_owned()], every_minutes: 60 }
    }
}

impl Feeds {
    /// The feeds as they are asked.
    ///
    /// # Errors
    /// A source that is none, in a sentence.
    pub fn parsed(&self) -> Result<Vec<Feed>, String> {
        self.sources.iter().map(|text| text.parse().map_err(|error: InvalidFeed| error.to_string())).collect()
    }
}
