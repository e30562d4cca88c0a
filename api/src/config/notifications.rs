//! Who is told what has happened, beside the forges.

use globset::Glob;
use serde::Deserialize;

use super::layers::{ConfigError, Form};
use crate::credential::Credential;

/// The channels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notifications {
    /// A signed webhook (Standard Webhooks).
    pub webhook: WebhookChannel,
    /// An incoming webhook of Slack, or of what speaks its language (Mattermost, Rocket.Chat, Discord's /slack).
    pub slack: SlackChannel,
    /// E-mail.
    pub email: EmailChannel,
}

/// What a channel is told.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Told {
    /// Kinds of findings, such as secret and vulnerability; all when empty.
    pub kinds: Vec<String>,
    /// The least severity: low, medium, high or critical. What nobody rated counts as medium.
    pub severity: String,
    /// Globs of repositories' names; all when empty.
    pub repositories: Vec<String>,
    /// What has to have happened: opened, reopened, fixed.
    pub events: Vec<String>,
}

impl Default for Told {
    fn default() -> Self {
        Self {
            kinds: Vec::new(),
            severity: "low".to_owned(),
            repositories: Vec::new(),
            events: vec!["opened".to_owned(), "reopened".to_owned()],
        }
    }
}

/// A signed webhook.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookChannel {
    /// Where to; the channel is off without it.
    pub url: Option<Credential>,
    /// The key that messages are signed with, `whsec_…`.
    pub secret: Option<Credential>,
    /// What is told.
    pub told: Told,
}

/// A Slack-compatible webhook.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SlackChannel {
    /// Where to; it is a secret by itself. The channel is off without it.
    pub url: Option<Credential>,
    /// What is told.
    pub told: Told,
}

/// E-mail.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EmailChannel {
    /// `smtps://user:password@host:465`, `smtp://host:587?tls=required` or `smtp://host:25`. The channel is off without it.
    pub smtp_url: Option<Credential>,
    /// The sender's address.
    pub from: String,
    /// The receivers' addresses.
    pub to: Vec<String>,
    /// What is told.
    pub told: Told,
}

impl Notifications {
    /// Checks what types alone cannot.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let wrong = |channel: &str, reason: &str| {
            Err(ConfigError::Setting { setting: "notifications", reason: format!("notifications.{channel}: {reason}") })
        };
        for (channel, url) in [("webhook", &self.webhook.url), ("slack", &self.slack.url)] {
            let Some(url) = url else { continue };
            let fits = url::Url::parse(url.expose())
                .is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.password().is_none());
            if !fits {
                return wrong(channel, "url is no http(s) address, or carries a password");
            }
        }
        let long = self.webhook.secret.as_ref().is_some_and(|secret| secret.expose().len() >= 16);
        if self.webhook.url.is_some() && !long {
            return wrong("webhook", "secret needs at least 16 characters");
        }
        if self.email.smtp_url.is_some() {
            let address = |text: &String| text.parse::<lettre::message::Mailbox>().is_ok();
            if !address(&self.email.from) {
                return wrong("email", "from is no address");
            }
            if self.email.to.is_empty() || !self.email.to.iter().all(address) {
                return wrong("email", "to needs at least one address, and nothing else");
            }
        }
        for (channel, told) in
            [("webhook", &self.webhook.told), ("slack", &self.slack.told), ("email", &self.email.told)]
        {
            let kind = |text: &String| serde_json::from_value::<scanner::Kind>(text.as_str().into()).is_ok();
            if let Some(odd) = told.kinds.iter().find(|word| !kind(word)) {
                return wrong(channel, &format!("told.kinds: no finding is a {odd:?}"));
            }
            if !matches!(told.severity.as_str(), "low" | "medium" | "high" | "critical") {
                return wrong(channel, "told.severity is one of low, medium, high, critical");
            }
            if told.events.iter().any(|word| !matches!(word.as_str(), "opened" | "reopened" | "fixed")) {
                return wrong(channel, "told.events are opened, reopened, fixed");
            }
            if told.repositories.iter().any(|glob| Glob::new(glob).is_err()) {
                return wrong(channel, "told.repositories: not a glob");
            }
        }
        Ok(())
    }
}

macro_rules! told_by {
    ($($channel:literal),*) => {
        &[
            ("notifications.webhook.url", Form::Text),
            ("notifications.webhook.secret", Form::Text),
            ("notifications.slack.url", Form::Text),
            ("notifications.email.smtp_url", Form::Text),
            ("notifications.email.from", Form::Text),
            ("notifications.email.to", Form::List),
            $(
                (concat!("notifications.", $channel, ".told.kinds"), Form::List),
                (concat!("notifications.", $channel, ".told.severity"), Form::Text),
                (concat!("notifications.", $channel, ".told.repositories"), Form::List),
                (concat!("notifications.", $channel, ".told.events"), Form::List),
            )*
        ]
    };
}

/// Every setting of this section that the environment can give.
pub(super) const SETTINGS: &[(&str, Form)] = told_by!("webhook", "slack", "email");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_that_cannot_work_are_named() {
        let read = |text: &str| toml::from_str::<Notifications>(text).expect(text).check();
        let word = ["sw", "ordfish"].concat();
        for (text, expected) in [
            ("[webhook]\nurl = \"ftp://x/\"", "no http(s) address"),
            ("[webhook]\nurl = \"https://x/\"\nsecret = \"short\"", "at least 16"),
            (&format!("[slack]\nurl = \"https://u:{word}@x/\""), "carries a password"),
            ("[email]\nsmtp_url = \"smtp://x\"\nfrom = \"nobody\"", "from is no address"),
            ("[email]\nsmtp_url = \"smtp://x\"\nfrom = \"a@x.example\"", "to needs"),
            ("[slack.told]\nkinds = [\"leak\"]", "no finding is a \"leak\""),
            ("[slack.told]\nseverity = \"often\"", "told.severity is"),
            ("[slack.told]\nevents = [\"seen\"]", "told.events are"),
            ("[slack.told]\nrepositories = [\"[\"]", "not a glob"),
        ] {
            let refused = read(text).expect_err(text).to_string();
            assert!(refused.contains(expected) && !refused.contains(&word), "{text}: {refused}");
        }
        for text in [
            "",
            "[webhook]\nurl = \"https://x/\"\nsecret = \"a secret that is long\"\n[webhook.told]\nkinds = [\"secret\"]",
            "[email]\nsmtp_url = \"smtp://x\"\nfrom = \"Bird <a@x.example>\"\nto = [\"b@x.example\"]",
        ] {
            assert!(read(text).is_ok(), "{text}");
        }
    }
}
