//! Notifications on the wire: where they go and how that went, and not what they say.

use serde::Serialize;
use utoipa::ToSchema;

use crate::store::record::MessageRecord;

/// A notification that is not delivered.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// Its identity; the receiver sees it as the id of the message.
    pub id: String,
    /// `webhook`, `slack`, or `email` with the receiver.
    pub channel: String,
    /// `ready`, `sending` or `dead`.
    pub state: String,
    /// The repository it is about.
    pub repository: Option<String>,
    /// Tries begun.
    pub attempts: u32,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub updated_at: String,
    /// It is not sent before this, RFC 3339.
    pub ready_at: String,
    /// Why it failed last.
    pub error: Option<String>,
}

impl From<MessageRecord> for Message {
    fn from(record: MessageRecord) -> Self {
        Self {
            id: record.id.to_string(),
            channel: record.channel,
            state: record.state.as_str().to_owned(),
            repository: record.content["repository"].as_str().map(str::to_owned),
            attempts: record.attempts,
            created_at: record.created_at.to_string(),
            updated_at: record.updated_at.to_string(),
            ready_at: record.ready_at.to_string(),
            error: record.error.map(|error| error.reason),
        }
    }
}
