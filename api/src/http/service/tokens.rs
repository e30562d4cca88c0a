//! API tokens, and the identity behind one.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Service, not_found};
use crate::http::error::ApiError;
use crate::http::wire::{CreatedToken, NewToken, Page, TokenView};
use crate::identity::{self, Identity, Scope, Token, TokenRecord};
use crate::store::StoreError;

impl Service {
    /// Who sends this token; `None` when it opens nothing (any more).
    pub(in crate::http) async fn identity_of(
        &self,
        token: &Token,
        now: Timestamp,
    ) -> Result<Option<Identity>, ApiError> {
        let found = self.store.token_by_hash(&self.tokens.hash(token)).await?;
        let valid = found.filter(|record| record.valid_at(now.as_second()));
        Ok(valid.map(|record| Identity {
            actor: format!("token:{}", record.id),
            scopes: record.scopes,
            repositories: record.repositories,
        }))
    }

    /// The admin token of a first start: made when there is none at all and nobody else could come in.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn first_token(&self) -> Result<Option<Token>, StoreError> {
        if self.config.auth.open_on_loopback || !self.store.tokens().await?.is_empty() {
            return Ok(None);
        }
        let asked = identity::NewToken {
            name: "first start".to_owned(),
            scopes: vec![Scope::Admin],
            repositories: None,
            expires: None,
        };
        self.make_token(asked).await.map(|(token, _)| Some(token))
    }

    async fn make_token(&self, asked: identity::NewToken) -> Result<(Token, TokenRecord), StoreError> {
        let bits = identity::random().map_err(|error| StoreError::Failed(format!("no random bits: {error}")))?;
        let token = Token::from_random(&bits);
        let id = Uuid::now_v7().to_string();
        let record = TokenRecord::new(id, self.tokens.hash(&token), asked, Timestamp::now().as_second());
        self.store.put_token(record.clone()).await?;
        Ok((token, record))
    }

    /// Makes a token; its text is in the answer only.
    pub(in crate::http) async fn create_token(
        &self,
        identity: &Identity,
        asked: NewToken,
    ) -> Result<CreatedToken, ApiError> {
        let name = asked.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 200 {
            return Err(ApiError::Invalid("name: expected 1 to 200 characters".to_owned()));
        }
        if asked.scopes.is_empty() {
            return Err(ApiError::Invalid("scopes: at least one is needed".to_owned()));
        }
        let expires = asked.expires_at.as_deref().map(moment).transpose()?;
        let asked = identity::NewToken { name, scopes: asked.scopes, repositories: asked.repositories, expires };
        let (token, record) = self.make_token(asked).await?;
        self.audit(identity, "token.create", &record.id);
        Ok(CreatedToken { token: token.expose().to_owned(), view: view(record) })
    }

    /// Every token, revoked ones too.
    pub(in crate::http) async fn tokens(&self) -> Result<Page<TokenView>, ApiError> {
        let records = self.store.tokens().await?;
        Ok(Page { items: records.into_iter().map(view).collect(), next: None })
    }

    /// Ends a token.
    pub(in crate::http) async fn revoke_token(&self, identity: &Identity, id: &str) -> Result<(), ApiError> {
        let revoked = self.store.revoke_token(id, Timestamp::now().as_second()).await?;
        if !revoked {
            return Err(not_found("token", id));
        }
        self.audit(identity, "token.revoke", id);
        Ok(())
    }
}

fn moment(text: &str) -> Result<i64, ApiError> {
    let time = text.parse::<Timestamp>();
    time.map(Timestamp::as_second)
        .map_err(|_| ApiError::Invalid("expires_at: expected a time as of RFC 3339".to_owned()))
}

fn time(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|time| time.to_string())
}

fn view(record: TokenRecord) -> TokenView {
    TokenView {
        id: record.id,
        name: record.name,
        scopes: record.scopes,
        repositories: record.repositories,
        created_at: time(record.created).unwrap_or_default(),
        expires_at: record.expires.and_then(time),
        revoked_at: record.revoked.and_then(time),
    }
}
