//! The channels: a signed webhook, Slack's, e-mail.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use reqwest::Client;
use serde_json::Value;

use super::{Content, Rule};
use crate::config::{EmailChannel, Notifications, Told};
use crate::credential::Credential;
use crate::forges::standard_webhooks;
use crate::reach::{Guard, Redirects};

const TIMEOUT: Duration = Duration::from_secs(30);

/// Why a channel cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("notifications.{channel}: {reason}")]
pub struct ChannelError {
    channel: &'static str,
    reason: String,
}

/// Why a message was not delivered. Never holds the channel's address, which may be a secret.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct SendError {
    /// Trying again cannot help.
    pub lasting: bool,
    reason: String,
}

impl SendError {
    /// Trying again cannot help.
    pub fn lasting(reason: impl Into<String>) -> Self {
        Self { lasting: true, reason: reason.into() }
    }

    fn passing(reason: impl Into<String>) -> Self {
        Self { lasting: false, reason: reason.into() }
    }
}

enum Sender {
    Webhook { http: Http, url: Credential, secret: Credential },
    Slack { http: Http, url: Credential },
    Email(Box<Mail>),
}

/// E-mail to one receiver.
struct Mail {
    smtp: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Mailbox,
}

/// One channel with its rule.
pub struct Channel {
    /// Its name in the store: what the configuration calls it, and of e-mail the receiver. A server that refuses one receiver then keeps
    /// the message from none of the others.
    pub name: String,
    /// What the configuration calls it.
    pub kind: &'static str,
    /// What it is told.
    pub rule: Rule,
    sender: Sender,
}

impl fmt::Debug for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Channel").field("name", &self.name).field("rule", &self.rule).finish_non_exhaustive()
    }
}

/// HTTP under the guard: a notification never follows a redirect.
#[derive(Clone)]
struct Http {
    client: Client,
    guard: Guard,
}

impl Http {
    async fn post(
        &self,
        url: &Credential,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<(), SendError> {
        // an address without a name never meets the guard's resolver
        let checked = self.guard.check(url.expose()).await;
        checked.map_err(|error| match error {
            crate::reach::OutOfReach::Unresolved { .. } => SendError::passing(error.to_string()),
            error => SendError::lasting(error.to_string()),
        })?;
        let mut request = self.client.post(url.expose()).header("content-type", "application/json").body(body);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.map_err(|error| SendError::passing(error.without_url().to_string()))?;
        let status = response.status();
        match status.as_u16() {
            200..300 => Ok(()),
            // Standard Webhooks: the receiver is gone for good
            410 => Err(SendError::lasting("it answers 410: nobody listens there any more")),
            300..400 => Err(SendError::lasting(format!("it answers {status}; redirects are not followed"))),
            _ => Err(SendError::passing(format!("it answers {status}"))),
        }
    }
}

impl Channel {
    /// Every configured channel.
    ///
    /// # Errors
    /// [`ChannelError`].
    pub fn all(configured: &Notifications, guard: &Guard) -> Result<Vec<Self>, ChannelError> {
        let failed = |channel: &'static str| move |reason: String| ChannelError { channel, reason };
        let client = guard
            .client(
                Client::builder().timeout(TIMEOUT).user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION"))),
                Redirects::Refused,
            )
            .map_err(|error| failed("webhook")(error.to_string()))?;
        let http = Http { client, guard: guard.clone() };
        let mut channels = Vec::new();
        let mut add = |kind: &'static str, name: String, told: &Told, sender: Sender| -> Result<(), ChannelError> {
            let rule = Rule::new(told).map_err(failed(kind))?;
            channels.push(Self { name, kind, rule, sender });
            Ok(())
        };
        if let Some(url) = &configured.webhook.url {
            let secret = configured.webhook.secret.clone();
            let secret = secret.ok_or_else(|| failed("webhook")("secret is missing".to_owned()))?;
            let sender = Sender::Webhook { http: http.clone(), url: url.clone(), secret };
            add("webhook", "webhook".to_owned(), &configured.webhook.told, sender)?;
        }
        if let Some(url) = &configured.slack.url {
            let sender = Sender::Slack { http: http.clone(), url: url.clone() };
            add("slack", "slack".to_owned(), &configured.slack.told, sender)?;
        }
        if let Some(url) = &configured.email.smtp_url {
            for (to, sender) in email(&configured.email, url).map_err(failed("email"))? {
                add("email", format!("email {to}"), &configured.email.told, sender)?;
            }
        }
        Ok(channels)
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError`].
    pub async fn send(&self, id: &str, content: &Content, now: Timestamp) -> Result<(), SendError> {
        match &self.sender {
            Sender::Webhook { http, url, secret } => {
                let body = bytes(&content.webhook())?;
                let time = now.as_second();
                let headers = vec![
                    ("webhook-id", id.to_owned()),
                    ("webhook-timestamp", time.to_string()),
                    ("webhook-signature", standard_webhooks::sign(secret, id, time, &body)),
                ];
                http.post(url, headers, body).await
            }
            Sender::Slack { http, url } => http.post(url, vec![], bytes(&content.slack())?).await,
            Sender::Email(mail) => {
                let message = Message::builder()
                    .from(mail.from.clone())
                    .to(mail.to.clone())
                    .subject(content.subject())
                    .message_id(Some(format!("<{id}@secretarybird>")));
                let message = message.body(content.text()).map_err(|error| SendError::lasting(error.to_string()))?;
                match mail.smtp.send(message).await {
                    Ok(_) => Ok(()),
                    Err(error) if error.is_permanent() => Err(SendError::lasting(error.to_string())),
                    Err(error) => Err(SendError::passing(error.to_string())),
                }
            }
        }
    }
}

fn bytes(body: &Value) -> Result<Vec<u8>, SendError> {
    serde_json::to_vec(body).map_err(|error| SendError::lasting(error.to_string()))
}

/// The mail server is the configuration's own word, and commonly inside: the guard does not ask about it.
fn email(configured: &EmailChannel, url: &Credential) -> Result<Vec<(String, Sender)>, String> {
    // its errors may repeat the address with its password
    let smtp = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
        .map_err(|_| "smtp_url is none of smtps://, smtp:// with a host".to_owned())?
        .timeout(Some(TIMEOUT))
        .build();
    let mailbox = |text: &String| text.parse::<Mailbox>().map_err(|error| error.to_string());
    let from = mailbox(&configured.from)?;
    let sender = |text: &String| {
        let to = mailbox(text)?;
        let mail = Mail { smtp: smtp.clone(), from: from.clone(), to };
        Ok((mail.to.email.to_string(), Sender::Email(Box::new(mail))))
    };
    configured.to.iter().map(sender).collect()
}
