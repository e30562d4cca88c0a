//! What a message says, and its form in each channel.

use std::fmt::Write as _;

use jiff::Timestamp;
use scanner::finding::Location;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answers::Links;
use crate::store::record::{OutboxEvent, RepositoryRecord, ScanFinding};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// `opened`, `reopened` or `fixed`.
    pub event: String,
    /// The finding's identity.
    pub id: String,
    /// Its kind.
    pub kind: String,
    /// Its severity.
    pub severity: String,
    /// One line for a person.
    pub title: String,
    /// From the repository's root.
    pub path: Option<String>,
    /// 1-based.
    pub line: Option<u32>,
    /// Where it is described.
    pub link: Option<String>,
    /// When it happened, RFC 3339.
    pub at: String,
}

/// A message about one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The repository's identity.
    pub repository: String,
    /// Its name.
    pub name: String,
    /// Its address, without credentials.
    pub url: String,
    /// When the message was made, RFC 3339.
    pub at: String,
    /// What happened.
    pub items: Vec<Item>,
}

fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Item {
    /// What an event tells.
    #[must_use]
    pub fn new(event: &OutboxEvent, finding: &ScanFinding, location: Option<&Location>, links: &Links) -> Self {
        Self {
            event: word(event.event),
            id: finding.id.to_string(),
            kind: finding.kind.to_string(),
            severity: word(finding.severity),
            title: finding.title.clone(),
            path: location.and_then(|location| location.path.clone()),
            line: location.and_then(|location| location.line),
            link: links.finding(&finding.id),
            at: event.at.to_string(),
        }
    }

    fn place(&self) -> String {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => format!(" ({path}:{line})"),
            (Some(path), None) => format!(" ({path})"),
            _ => String::new(),
        }
    }
}

impl Content {
    /// A message.
    #[must_use]
    pub fn new(repository: &RepositoryRecord, items: Vec<Item>, now: Timestamp) -> Self {
        Self {
            repository: repository.id.to_string(),
            name: repository.name.clone(),
            url: repository.url.clone(),
            at: now.to_string(),
            items,
        }
    }

    /// One line for a person.
    #[must_use]
    pub fn subject(&self) -> String {
        let count = |event: &str| self.items.iter().filter(|item| item.event == event).count();
        let (new, fixed) = (count("opened") + count("reopened"), count("fixed"));
        let mut parts = Vec::new();
        if new > 0 {
            parts.push(format!("{new} new"));
        }
        if fixed > 0 {
            parts.push(format!("{fixed} fixed"));
        }
        // a header has one line
        let name: String = self.name.chars().filter(|letter| !letter.is_control()).collect();
        format!("Secretarybird: {} in {name}", parts.join(", "))
    }

    /// The body of a Standard Webhooks message.
    #[must_use]
    pub fn webhook(&self) -> Value {
        json!({"type": "findings.changed", "timestamp": self.at, "data": self})
    }

    /// Slack's markup, in which three characters are escaped.
    #[must_use]
    pub fn slack(&self) -> Value {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let mut text = format!("*{}*", escape(&self.subject()));
        for item in &self.items {
            let title = escape(&item.title.replace(['\n', '\r'], " "));
            let title = match &item.link {
                Some(link) => format!("<{}|{}>", escape(link), title.replace('|', "/")),
                None => title,
            };
            // writing to a String does not fail
            let _ =
                write!(text, "\n• {} {} {}: {title}{}", item.event, item.severity, item.kind, escape(&item.place()));
        }
        json!({"text": text})
    }

    /// Plain text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n{}\n", self.subject(), self.url);
        for item in &self.items {
            let title = item.title.replace(['\n', '\r'], " ");
            let _ = write!(text, "\n{} {} {}: {title}{}\n", item.event, item.severity, item.kind, item.place());
            if let Some(link) = &item.link {
                let _ = writeln!(text, "  {link}");
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_message() {
        let item = |event: &str, title: &str| Item {
            event: event.into(),
            id: "f1".into(),
            kind: "secret".into(),
            severity: "high".into(),
            title: title.into(),
            path: Some("a<b>.py".into()),
            line: Some(3),
            link: Some("https://s/f1".into()),
            at: "2026-01-01T00:00:00Z".into(),
        };
        let content = Content {
            repository: "r".into(),
            name: "acme/site\r\nBcc: x".into(),
            url: "https://h/acme/site".into(),
            at: "2026-01-01T00:00:00Z".into(),
            items: vec![item("opened", "A <!channel> & token | more"), item("fixed", "another")],
        };
        assert_eq!(content.subject(), "Secretarybird: 1 new, 1 fixed in acme/siteBcc: x", "one line");
        let slack = content.slack()["text"].as_str().unwrap().to_owned();
        assert!(!slack.contains("<!channel>") && slack.contains("&lt;!channel&gt; &amp; token / more"), "{slack}");
        assert!(slack.contains("<https://s/f1|") && slack.contains("a&lt;b&gt;.py:3"), "{slack}");
        let webhook = content.webhook();
        assert_eq!(webhook["type"], "findings.changed");
        assert_eq!(webhook["data"]["items"][0]["line"], 3);
        assert!(content.text().contains("fixed high secret: another (a<b>.py:3)"));
    }
}
