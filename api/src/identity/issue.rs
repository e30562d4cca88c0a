//! Making a token: drawn, hashed, kept; its text is handed to whoever asked and is nowhere else.

use jiff::Timestamp;
use uuid::Uuid;

use super::{NewToken, Token, TokenKey, TokenRecord, random};
use crate::store::{Store, StoreError};

/// Makes a token that was [checked](NewToken::checked).
///
/// # Errors
/// When the store fails or the operating system has no random bits.
pub async fn issue(
    store: &Store,
    key: &TokenKey,
    asked: NewToken,
    now: Timestamp,
) -> Result<(Token, TokenRecord), StoreError> {
    let bits = random().map_err(|error| StoreError::Failed(format!("no random bits: {error}")))?;
    let token = Token::from_random(&bits);
    let record = TokenRecord::new(Uuid::now_v7().to_string(), key.hash(&token), asked, now.as_second());
    store.put_token(record.clone()).await?;
    Ok((token, record))
}
