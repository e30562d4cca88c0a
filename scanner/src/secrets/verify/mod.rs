//! Whether a secret is live: what to ask its provider and what the answer means. Who asks, how fast and over which network is the caller's
//! business ([`Provider`]); nothing here reaches out.

mod aws;
mod check;

use std::fmt;

use jiff::Timestamp;
use zeroize::Zeroizing;

pub use check::Check;
pub(crate) use check::CheckTable;

use crate::finding::Verified;
use crate::secrets::Secret;

/// One request. It holds the secret: its `Debug` shows the origin alone.
pub struct Question {
    /// Scheme, host and port; free of the secret.
    pub origin: String,
    /// The whole address.
    pub url: Zeroizing<String>,
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Names and values.
    pub headers: Vec<(String, Zeroizing<String>)>,
    /// Sent with `POST`.
    pub body: Zeroizing<String>,
}

impl fmt::Debug for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Question").field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// What a provider answered, as far as it is read.
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The beginning of the body.
    pub body: Vec<u8>,
}

/// The edge that asks: guarded, rate-limited, with a memory.
pub trait Provider: Sync {
    /// The origins to ask instead of the provider's own: none when there is no such list.
    fn endpoints(&self, origin: &str) -> Vec<String>;

    /// Sends the question.
    ///
    /// # Errors
    /// Why there is no answer, free of the secret.
    fn ask(&self, question: &Question) -> Result<Answer, String>;

    /// What was learned of this secret not long ago. `key` is made of fingerprint, rule and origins.
    fn known(&self, key: &str) -> Option<Verified>;

    /// Remembers what was learned.
    fn learned(&self, key: &str, verified: Verified);

    /// Now, for requests that are signed with the time.
    fn now(&self) -> Timestamp;
}

/// Asks about one secret at all its endpoints. Live at one is live; revoked only when all say so. The text is for the evidence.
pub(super) fn verify(
    provider: &dyn Provider,
    check: &Check,
    key: &str,
    secret: &Secret,
    companion: Option<&Secret>,
) -> (Verified, String) {
    let mut origins = provider.endpoints(check.origin());
    if origins.is_empty() {
        origins.push(check.origin().to_owned());
    }
    let places = origins.join(", ");
    let key = format!("{key} {places}");
    if let Some(known) = provider.known(&key) {
        return (known, format!("{} ({places}), as asked before", said(known)));
    }
    let mut verdict = Verified::Revoked;
    for origin in &origins {
        let Some(question) = check.question(origin, secret, companion, provider.now()) else {
            return (Verified::Unknown, "not asked: its other part was not found beside it".to_owned());
        };
        match provider.ask(&question) {
            Ok(answer) => match check.judge(&answer) {
                Verified::Live => {
                    verdict = Verified::Live;
                    break;
                }
                Verified::Revoked => {}
                _ => verdict = Verified::Unknown,
            },
            Err(reason) => return (Verified::Unknown, format!("no answer from {origin}: {reason}")),
        }
    }
    if verdict != Verified::Unknown {
        provider.learned(&key, verdict);
    }
    (verdict, format!("{} ({places})", said(verdict)))
}

fn said(verified: Verified) -> &'static str {
    match verified {
        Verified::Live => "the provider accepts it",
        Verified::Revoked => "the provider rejects it",
        Verified::Unknown | Verified::NotTried => "the provider's answer decides nothing",
    }
}

#[cfg(test)]
mod tests;
