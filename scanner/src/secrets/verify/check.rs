//! How a rule's secret is asked about, as rule files say it.
//!
//! ```toml
//! [provider.rule.verify]
//! url = "https://api.example.com/v1/me"
//! headers = { Authorization = "Bearer {secret}" }
//! # basic = ["{companion}", "{secret}"]      instead of the header
//! # live = [200]  revoked = [401]            the defaults; other codes decide nothing
//! # live_if = ['"ok":true']                  and the body decides where the code does not
//! ```

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{Answer, Question, aws};
use crate::finding::Verified;
use crate::secrets::Secret;

/// The table as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CheckTable {
    url: String,
    #[serde(default)]
    method: Method,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    basic: Option<[String; 2]>,
    #[serde(default)]
    body: String,
    sign: Option<Sign>,
    #[serde(default = "ok")]
    live: Vec<u16>,
    #[serde(default = "unauthorized")]
    revoked: Vec<u16>,
    #[serde(default)]
    live_if: Vec<String>,
    #[serde(default)]
    revoked_if: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    #[default]
    Get,
    Post,
}

/// Requests that are signed instead of carrying the secret.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Sign {
    /// AWS's signature version 4 for STS; the companion is the key's id.
    AwsSts,
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn unauthorized() -> Vec<u16> {
    vec![401]
}

/// A checked table.
#[derive(Debug, Clone)]
pub struct Check {
    origin: String,
    /// Path and query, with `{secret}` and `{companion}` in it.
    path: String,
    method: &'static str,
    headers: Vec<(String, String)>,
    body: String,
    sign: Option<Sign>,
    live: Vec<u16>,
    revoked: Vec<u16>,
    live_if: Vec<String>,
    revoked_if: Vec<String>,
    needs_companion: bool,
}

impl Check {
    pub(crate) fn new(table: &CheckTable, has_companion: bool) -> Result<Self, String> {
        let scheme = table.url.find("://").ok_or("verify: the url has no scheme")? + 3;
        let end = table.url[scheme..].find('/').map_or(table.url.len(), |slash| scheme + slash);
        let (origin, path) = table.url.split_at(end);
        if url::Url::parse(origin).is_err() || origin.contains('{') || !origin.starts_with("https://") {
            return Err("verify: the url needs https and a fixed host".to_owned());
        }
        let mut headers: Vec<(String, String)> = table.headers.clone().into_iter().collect();
        if let Some([user, password]) = &table.basic {
            headers.push(("Authorization".to_owned(), format!("basic:{user}:{password}")));
        }
        let needs_companion = table.sign.is_some()
            || headers
                .iter()
                .map(|(_, value)| value)
                .chain([&table.body, &table.url])
                .any(|text| text.contains("{companion}"));
        if needs_companion && !has_companion {
            return Err("verify: {companion} without a companion expression".to_owned());
        }
        Ok(Self {
            origin: origin.to_owned(),
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            method: match table.method {
                Method::Get => "GET",
                Method::Post => "POST",
            },
            headers,
            body: table.body.clone(),
            sign: table.sign,
            live: table.live.clone(),
            revoked: table.revoked.clone(),
            live_if: table.live_if.clone(),
            revoked_if: table.revoked_if.clone(),
            needs_companion,
        })
    }

    /// The provider's own origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The request at `origin`; `None` where the other part of the credential is not known, or the secret does not fit into a request.
    pub(crate) fn question(
        &self,
        origin: &str,
        secret: &Secret,
        companion: Option<&Secret>,
        now: Timestamp,
    ) -> Option<Question> {
        if self.needs_companion && companion.is_none() {
            return None;
        }
        let secret = std::str::from_utf8(secret.expose()).ok()?;
        let companion = companion.map_or(Some(""), |companion| std::str::from_utf8(companion.expose()).ok())?;
        if [secret, companion].iter().any(|part| part.bytes().any(|byte| byte.is_ascii_control())) {
            return None;
        }
        let fill =
            |template: &str| Zeroizing::new(template.replace("{companion}", companion).replace("{secret}", secret));
        let mut question = Question {
            origin: origin.to_owned(),
            url: Zeroizing::new(format!("{origin}{}", *fill(&self.path))),
            method: self.method,
            headers: Vec::new(),
            body: fill(&self.body),
        };
        for (name, value) in &self.headers {
            let value = match value.strip_prefix("basic:") {
                Some(pair) => Zeroizing::new(format!("Basic {}", STANDARD.encode(fill(pair).as_bytes()))),
                None => fill(value),
            };
            question.headers.push((name.clone(), value));
        }
        if let Some(Sign::AwsSts) = self.sign {
            aws::sign_sts(&mut question, companion, secret, now)?;
        }
        Some(question)
    }

    /// What the answer means.
    #[must_use]
    pub fn judge(&self, answer: &Answer) -> Verified {
        let says =
            |words: &[String]| words.iter().any(|word| memchr::memmem::find(&answer.body, word.as_bytes()).is_some());
        if says(&self.revoked_if) {
            Verified::Revoked
        } else if says(&self.live_if) || self.live_if.is_empty() && self.live.contains(&answer.status) {
            Verified::Live
        } else if self.revoked.contains(&answer.status) {
            Verified::Revoked
        } else {
            Verified::Unknown
        }
    }
}
