//! Notifications on their way, and those that were given up.

use jiff::Timestamp;

use super::{Service, id, not_found, page, page_size, word};
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::messages::WantedMessages;
use crate::http::wire::{Message, Page};
use crate::store::record::{MessageId, MessageState};

impl Service {
    /// One page of messages: state after state, the newest of each first.
    pub(in crate::http) async fn messages(&self, wanted: &WantedMessages) -> Result<Page<Message>, ApiError> {
        let wrong = || ApiError::Unprocessable("after: not a cursor of this list".to_owned());
        let state = word("state", wanted.state.as_deref(), MessageState::parse)?;
        let limit = page_size(wanted.limit)?;
        let list = format!("messages {}", state.map_or("", MessageState::as_str));
        let cursor = wanted.after.as_deref().map(|text| cursor::open_text(&list, text)).transpose()?;
        let cursor = cursor.as_deref().map(|text| text.split_once('.').ok_or_else(wrong)).transpose()?;
        let reached = cursor.map(|(word, _)| MessageState::parse(word).ok_or_else(wrong)).transpose()?;
        let mut after = cursor.map(|(_, id)| id.parse::<MessageId>().map_err(|_| wrong())).transpose()?;
        let states = MessageState::ALL.into_iter().skip_while(|one| reached.is_some_and(|reached| reached != *one));
        let mut found = Vec::new();
        for one in states.filter(|one| state.is_none_or(|state| state == *one)) {
            found.extend(self.store.messages(&self.tenant, one, after.take(), limit - found.len()).await?);
            if found.len() == limit {
                break;
            }
        }
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|last| cursor::seal(&list, format!("{}.{}", last.state.as_str(), last.id).as_bytes()));
        Ok(page(found, next))
    }

    /// Sends a message once more.
    pub(in crate::http) async fn retry_message(&self, text: &str) -> Result<Message, ApiError> {
        let id = id::<MessageId>("message", text)?;
        match self.store.retry_message(&self.tenant, id, Timestamp::now()).await? {
            Some(true) => {}
            Some(false) => return Err(ApiError::Conflict("only a message that was given up is sent again".to_owned())),
            None => return Err(not_found("message", text)),
        }
        // it may be delivered already
        let sent = self.store.message(&self.tenant, id).await?;
        sent.map(Message::from).ok_or_else(|| not_found("message", text))
    }
}
