//! Gitea's and Forgejo's deliveries: GitHub's words, signatures of their own.
//! <https://docs.gitea.com/usage/webhooks>, <https://forgejo.org/docs/latest/user/webhooks/>

use axum::http::HeaderMap;

use super::{Event, Refusal, Webhooks, github, header, verify_hex_hmac};
use crate::credential::Credential;

/// Gitea or Forgejo: they differ in the names of three headers.
pub struct Gitea {
    signature: &'static str,
    delivery: &'static str,
    event: &'static str,
}

/// Gitea.
pub const GITEA: Gitea = Gitea { signature: "x-gitea-signature", delivery: "x-gitea-delivery", event: "x-gitea-event" };

/// Forgejo, which sends Gitea's headers beside its own.
pub const FORGEJO: Gitea =
    Gitea { signature: "x-forgejo-signature", delivery: "x-forgejo-delivery", event: "x-forgejo-event" };

impl Webhooks for Gitea {
    fn verify(&self, headers: &HeaderMap, body: &[u8], secrets: &[Credential], _now: i64) -> Result<(), Refusal> {
        verify_hex_hmac(headers, self.signature, "", body, secrets)
    }

    fn delivery_id(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        header(headers, self.delivery).map(str::to_owned)
    }

    fn event(&self, headers: &HeaderMap, body: &[u8]) -> Result<Event, Refusal> {
        match header(headers, self.event)? {
            // a moved head is an event of its own here, with the body of a pull request
            "pull_request" | "pull_request_sync" => github::event("pull_request", body),
            // Gitea has no installations: an app's event under its address is none of its own
            name @ ("push" | "repository") => github::event(name, body),
            name => Ok(Event::Unhandled { name: name.to_owned() }),
        }
    }
}
