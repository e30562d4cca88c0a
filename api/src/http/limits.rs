//! How much a caller may ask for: requests under way at once, seconds for one, requests a minute.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::ApiError;
use super::service::Service;
use crate::identity::Identity;

/// Requests of each identity a minute; a minute's worth may come at once.
#[derive(Debug)]
pub struct Pace(Option<DefaultKeyedRateLimiter<String>>);

/// From so many identities on, those that are quiet are forgotten.
const REMEMBERED: usize = 10_000;

impl Pace {
    /// At most `a_minute`; 0 for no limit.
    #[must_use]
    pub fn new(a_minute: u32) -> Self {
        Self(NonZeroU32::new(a_minute).map(|most| RateLimiter::keyed(Quota::per_minute(most))))
    }

    /// Counts a request of `actor`; the seconds to wait when it is one too many.
    ///
    /// # Errors
    /// The seconds.
    pub fn take(&self, actor: &str) -> Result<(), u64> {
        let Some(limiter) = &self.0 else { return Ok(()) };
        if limiter.len() > REMEMBERED {
            limiter.retain_recent();
        }
        limiter
            .check_key(&actor.to_owned())
            .map_err(|early| early.wait_time_from(DefaultClock::default().now()).as_secs() + 1)
    }
}

/// Answers 429 to an identity that asks faster than it may.
pub async fn paced(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let asked = request.extensions().get::<Identity>().map_or(Ok(()), |identity| service.pace.take(&identity.actor));
    match asked {
        Ok(()) => next.run(request).await,
        Err(seconds) => {
            ApiError::TooMany { reason: "this identity asks faster than the server allows", seconds }.into_response()
        }
    }
}

/// Answers 503 rather than queue without end.
pub async fn under_the_limit(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    match service.places.try_acquire() {
        Ok(_place) => next.run(request).await,
        Err(_) => ApiError::Unavailable("too many requests are under way".to_owned()).into_response(),
    }
}

/// Answers 504 when `limit` is over.
pub async fn in_time(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| ApiError::Timeout.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_identity_slows_down_and_another_does_not() {
        let pace = Pace::new(2);
        assert_eq!(pace.take("a"), Ok(()));
        assert_eq!(pace.take("a"), Ok(()));
        let wait = pace.take("a").expect_err("one too many");
        assert!((1..=31).contains(&wait), "{wait}");
        assert_eq!(pace.take("b"), Ok(()));
        let unlimited = Pace::new(0);
        assert!((0..10_000).all(|_| unlimited.take("a").is_ok()));
    }
}
