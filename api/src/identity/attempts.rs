//! Failed attempts by address, so that guessing is slow.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Counts failures by address in windows of a minute.
#[derive(Debug)]
pub struct Attempts {
    allowed: u32,
    by_address: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

/// Addresses remembered at most; when more than this many fail within a minute, all are forgotten rather than memory filled.
const REMEMBERED: usize = 10_000;

impl Attempts {
    /// `allowed` failures a minute.
    #[must_use]
    pub fn new(allowed: u32) -> Self {
        Self { allowed, by_address: Mutex::new(HashMap::new()) }
    }

    /// How many seconds this address must wait at `now`; `None` when it need not.
    #[must_use]
    pub fn must_wait(&self, address: IpAddr, now: i64) -> Option<u64> {
        let by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let (minute, failures) = by_address.get(&network(address)).copied()?;
        let left = u64::try_from((minute + 1) * 60 - now).ok()?;
        (minute == now.div_euclid(60) && failures >= self.allowed).then_some(left)
    }

    /// Remembers a failure.
    pub fn failed(&self, address: IpAddr, now: i64) {
        let minute = now.div_euclid(60);
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if by_address.len() >= REMEMBERED {
            by_address.retain(|_, (then, _)| *then == minute);
            if by_address.len() >= REMEMBERED {
                by_address.clear();
            }
        }
        let entry = by_address.entry(network(address)).or_insert((minute, 0));
        *entry = if entry.0 == minute { (minute, entry.1.saturating_add(1)) } else { (minute, 1) };
    }
}

/// An IPv6 caller usually holds a whole /64 and could use a fresh address for every guess.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_failures_wait_for_the_next_minute() {
        let attempts = Attempts::new(2);
        let address = IpAddr::from([192, 0, 2, 1]);
        assert_eq!(attempts.must_wait(address, 100), None);
        attempts.failed(address, 100);
        assert_eq!(attempts.must_wait(address, 100), None);
        attempts.failed(address, 110);
        assert_eq!(attempts.must_wait(address, 110), Some(10));
        assert_eq!(attempts.must_wait(IpAddr::from([192, 0, 2, 2]), 110), None);
        assert_eq!(attempts.must_wait(address, 120), None);
    }

    #[test]
    fn a_v6_network_counts_as_one() {
        let attempts = Attempts::new(1);
        attempts.failed("2001:db8::1".parse().expect("address"), 0);
        assert!(attempts.must_wait("2001:db8::ffff".parse().expect("address"), 1).is_some());
        assert!(attempts.must_wait("2001:db8:0:1::1".parse().expect("address"), 1).is_none());
    }
}
