//! Whether and when a failed run is tried again. The time and the randomness come in.

use jiff::{SignedDuration, Timestamp};

use crate::store::record::{ErrorClass, JobError, Outcome};

/// Runs after which a job is given up.
pub const MAX_ATTEMPTS: u32 = 5;
const LONGEST_SECONDS: u64 = 15 * 60;

/// Decides about a run that failed: `attempts` counts it, `random` is spread over all of its values.
#[must_use]
pub fn after(error: JobError, attempts: u32, random: u32) -> Outcome {
    let first_seconds = match error.class {
        ErrorClass::NotFound | ErrorClass::Forbidden | ErrorClass::Invalid => return Outcome::Dead(error),
        ErrorClass::RateLimited => 60,
        ErrorClass::Transient | ErrorClass::TimedOut | ErrorClass::Lost | ErrorClass::Internal => 5,
    };
    if attempts >= MAX_ATTEMPTS {
        return Outcome::Dead(error);
    }
    let doubled = first_seconds << attempts.saturating_sub(1).min(16);
    let millis = doubled.min(LONGEST_SECONDS) * 1000;
    // from one half to three halves, so that what failed together does not come back together
    let spread = millis / 2 + millis * u64::from(random) / u64::from(u32::MAX);
    let at: Timestamp = error.at + SignedDuration::from_millis(i64::try_from(spread).unwrap_or(i64::MAX / 2));
    Outcome::Retry { at, error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_pass_is_tried_again_later_and_later() {
        let now = Timestamp::UNIX_EPOCH;
        let wait = |class, attempts, random| {
            let error = JobError { class, reason: "x".into(), at: now };
            match after(error, attempts, random) {
                Outcome::Retry { at, .. } => Some(at.as_millisecond()),
                Outcome::Dead(_) => None,
                other => panic!("{other:?}"),
            }
        };
        let cases = [
            (ErrorClass::NotFound, 1, 0, None),
            (ErrorClass::Forbidden, 1, 0, None),
            (ErrorClass::Invalid, 1, 0, None),
            (ErrorClass::Transient, 1, 0, Some(2_500)),
            (ErrorClass::Transient, 1, u32::MAX, Some(7_500)),
            (ErrorClass::TimedOut, 2, 0, Some(5_000)),
            (ErrorClass::Internal, 4, 0, Some(20_000)),
            (ErrorClass::Transient, MAX_ATTEMPTS, 0, None),
            (ErrorClass::RateLimited, 1, 0, Some(30_000)),
            (ErrorClass::RateLimited, 4, u32::MAX, Some(720_000)),
        ];
        for (class, attempts, random, expected) in cases {
            assert_eq!(wait(class, attempts, random), expected, "{class:?} {attempts} {random}");
        }
    }
}
