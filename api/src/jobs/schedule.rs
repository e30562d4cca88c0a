//! When the nightly sweep is due.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
use croner::Cron;
use jiff::Timestamp;
use jiff::civil;
use jiff::tz::TimeZone;

/// A cron expression in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

/// Why there is no schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Not a cron expression.
    #[error("sweep.cron: `{expression}`: {reason}")]
    Cron {
        /// As given.
        expression: String,
        /// What is wrong.
        reason: String,
    },
    /// Not a time zone.
    #[error("sweep.time_zone: `{zone}`: {reason}")]
    Zone {
        /// As given.
        zone: String,
        /// What is wrong.
        reason: String,
    },
}

impl Schedule {
    /// Reads an expression of five fields; `None` for an empty one.
    ///
    /// # Errors
    /// [`ScheduleError`]
    pub fn new(expression: &str, zone: &str) -> Result<Option<Self>, ScheduleError> {
        if expression.trim().is_empty() {
            return Ok(None);
        }
        let cron = expression
            .parse::<Cron>()
            .map_err(|error| ScheduleError::Cron { expression: expression.to_owned(), reason: error.to_string() })?;
        let zone = TimeZone::get(zone)
            .map_err(|error| ScheduleError::Zone { zone: zone.to_owned(), reason: error.to_string() })?;
        Ok(Some(Self { cron, zone }))
    }

    /// The first time after `now`; `None` when there is none. The clock of the zone counts: an hour that is skipped in spring is made up
    /// for right after the gap, an hour that comes twice in autumn counts once.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        let mut from = as_utc(now.to_zoned(self.zone.clone()).datetime())?;
        // the second pass of a doubled hour names a time that has passed: then the one after it
        for _ in 0..3 {
            let due = self.cron.find_next_occurrence(&from, false).ok()?;
            let at = as_civil(due.naive_utc())?.to_zoned(self.zone.clone()).ok()?.timestamp();
            if at > now {
                return Some(at);
            }
            from = due;
        }
        None
    }
}

fn as_utc(time: civil::DateTime) -> Option<DateTime<Utc>> {
    let date = NaiveDate::from_ymd_opt(
        time.year().into(),
        u32::try_from(time.month()).ok()?,
        u32::try_from(time.day()).ok()?,
    )?;
    let part = |part: i8| u32::try_from(part).ok();
    Some(date.and_hms_opt(part(time.hour())?, part(time.minute())?, part(time.second())?)?.and_utc())
}

fn as_civil(time: NaiveDateTime) -> Option<civil::DateTime> {
    let part = |part: u32| i8::try_from(part).ok();
    let year = i16::try_from(time.year()).ok()?;
    let (month, day) = (part(time.month())?, part(time.day())?);
    civil::DateTime::new(year, month, day, part(time.hour())?, part(time.minute())?, part(time.second())?, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_zone_counts() {
        let cases = [
            ("0 2 * * *", "UTC", "2026-11-24T01:00:00Z", "2026-11-24T02:00:00Z"),
            ("0 2 * * *", "UTC", "2026-11-24T02:00:00Z", "2026-11-25T02:00:00Z"),
            ("0 2 * * *", "America/New_York", "2026-07-01T00:00:00Z", "2026-07-01T06:00:00Z"),
            ("0 2 * * *", "America/New_York", "2026-12-01T00:00:00Z", "2026-12-01T07:00:00Z"),
            // 02:30 does not exist in Berlin on this day: made up for at 03:30
            ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
            // 02:30 comes twice on this day; the second is not another night
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:31:00Z", "2026-10-26T01:30:00Z"),
            ("*/15 * * * 1-5", "UTC", "2026-11-27T23:50:00Z", "2026-11-30T00:00:00Z"),
        ];
        for (cron, zone, now, expected) in cases {
            let schedule = Schedule::new(cron, zone).unwrap().unwrap();
            let next = schedule.next(now.parse().unwrap());
            assert_eq!(next.map(|time| time.to_string()).as_deref(), Some(expected), "{cron} {zone} {now}");
        }
        assert!(Schedule::new("", "UTC").unwrap().is_none());
        assert!(Schedule::new("0 25 * * *", "UTC").is_err());
        assert!(Schedule::new("0 2 * * *", "Mars/Olympus").is_err());
    }
}
