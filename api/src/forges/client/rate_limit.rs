//! What a forge's headers say about how often it may be asked.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use super::call::Reply;

fn number(headers: &HeaderMap, names: &[&str]) -> Option<u64> {
    names.iter().find_map(|name| headers.get(*name)?.to_str().ok()?.trim().parse().ok())
}

/// Requests that are left of the window.
pub(super) fn remaining(headers: &HeaderMap) -> Option<u64> {
    number(headers, &["x-ratelimit-remaining", "ratelimit-remaining"])
}

/// GitHub and GitLab name the second at which the window ends.
pub(super) fn until_reset(headers: &HeaderMap) -> Option<Duration> {
    let reset = number(headers, &["x-ratelimit-reset", "ratelimit-reset"])?;
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
    // one second more: the clocks are not the same
    Some(Duration::from_secs(reset.saturating_sub(now) + 1))
}

/// Whether an answer is a rate limit, and how long it lasts. GitHub answers 403 as well as 429.
pub(super) fn asked_to_wait(status: StatusCode, reply: &Reply) -> Option<Duration> {
    let after = number(&reply.headers, &["retry-after"]).map(Duration::from_secs);
    let used_up = remaining(&reply.headers) == Some(0);
    match status {
        StatusCode::TOO_MANY_REQUESTS => {}
        StatusCode::FORBIDDEN if after.is_some() || used_up || reply.words().contains("rate limit") => {}
        StatusCode::SERVICE_UNAVAILABLE if after.is_some() => {}
        _ => return None,
    }
    // without a word about it a minute, which GitHub's documentation gives for its secondary limit
    Some(after.or_else(|| until_reset(&reply.headers)).unwrap_or(Duration::from_secs(60)))
}
