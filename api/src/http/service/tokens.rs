//! API tokens, and the identity behind one.

use jiff::Timestamp;

use super::{Service, not_found, page, page_size};
use crate::config::Issuer;
use crate::http::cursor;
use crate::http::error::ApiError;
use crate::http::wire::{CreatedToken, NewToken, Page, Paging, TokenView};
use crate::identity::oidc::{self, Refusal};
use crate::identity::{self, Identity, Scope, Token, TokenRecord};
use crate::store::StoreError;
use crate::store::record::RepositoryId;
use crate::store::rows::Scope as Lock;

const LIST: &str = "tokens";
/// `last_used` is exact to this many seconds, so that a busy token is not a write for each request.
const USED_EXACT: i64 = 60;
/// What a usual token takes, remembered.
pub(super) const TOKEN_BYTES: usize = 500;

impl Service {
    /// Who sends this token; `None` when it opens nothing (any more).
    pub(in crate::http) async fn identity_of(
        &self,
        token: &Token,
        now: Timestamp,
    ) -> Result<Option<Identity>, ApiError> {
        let (hash, edition) = (self.tokens.hash(token), self.store.edition(Lock::Tokens));
        let found = match self.known_tokens.get(edition, &hash) {
            Some(known) => Some(known),
            None => {
                let found = self.store.token_by_hash(&hash).await?;
                if let Some(record) = &found {
                    self.known_tokens.put(edition, hash, record.clone(), TOKEN_BYTES);
                }
                found
            }
        };
        let Some(record) = found.filter(|record| record.valid_at(now.as_second())) else { return Ok(None) };
        if record.last_used.is_none_or(|last| now.as_second() - last >= USED_EXACT) {
            let (store, id) = (self.store.clone(), record.id.clone());
            // nobody waits for it
            tokio::spawn(async move {
                if let Err(error) = store.token_used(&id, now).await {
                    tracing::error!(%error, "the use of a token cannot be noted");
                }
            });
        }
        Ok(Some(Identity {
            actor: format!("token:{}", record.id),
            scopes: record.scopes,
            repositories: record.repositories,
        }))
    }

    /// Who sends this token of a CI system.
    pub(in crate::http) async fn identity_of_ci(
        &self,
        token: &str,
        now: Timestamp,
    ) -> Result<Result<Identity, Refusal>, ApiError> {
        let claimed = match oidc::claimed(token) {
            Ok(claimed) => claimed,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let own =
            |issuer: &&Issuer| issuer.issuer.as_str().trim_end_matches('/') == claimed.issuer.trim_end_matches('/');
        let Some(issuer) = self.config.auth.oidc.iter().find(own) else { return Ok(Err(Refusal::Issuer)) };
        let key = self.issuers.find(issuer, &claimed.key).await;
        let key = key.map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let Some(key) = key else { return Ok(Err(Refusal::Key)) };
        let audience = issuer.audience.as_deref().unwrap_or(&self.base_url);
        let verified = oidc::verify(token, &claimed, &key, issuer, audience, now.as_second());
        Ok(verified.and_then(|claims| oidc::identity(&claims, issuer, &self.tenant)))
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
        identity::issue(&self.store, &self.tokens, asked, Timestamp::now()).await.map(|(token, _)| Some(token))
    }

    /// Makes a token; its text is in the answer only.
    pub(in crate::http) async fn create_token(&self, asked: NewToken) -> Result<CreatedToken, ApiError> {
        let now = Timestamp::now();
        let expires = asked.expires_at.as_deref().map(moment).transpose()?;
        for id in asked.repositories.iter().flatten() {
            if self.store.repository(&self.tenant, &RepositoryId::from_text(id)).await?.is_none() {
                let id: String = id.chars().take(80).collect();
                return Err(ApiError::Unprocessable(format!("repositories: no repository {id:?}")));
            }
        }
        let asked =
            identity::NewToken { name: asked.name, scopes: asked.scopes, repositories: asked.repositories, expires };
        let asked = asked.checked(now.as_second()).map_err(|wrong| ApiError::Unprocessable(wrong.to_string()))?;
        let (token, record) = identity::issue(&self.store, &self.tokens, asked, now).await?;
        Ok(CreatedToken { token: token.expose().to_owned(), view: record.into() })
    }

    /// One page of the tokens, revoked ones too.
    pub(in crate::http) async fn tokens(&self, paging: &Paging) -> Result<Page<TokenView>, ApiError> {
        let limit = page_size(paging.limit)?;
        let after = paging.after.as_deref().map(|after| cursor::open_text(LIST, after)).transpose()?;
        let all = self.store.tokens().await?.into_iter();
        let behind = all.skip_while(|record| after.as_ref().is_some_and(|after| record.id <= *after));
        let found: Vec<TokenRecord> = behind.take(limit).collect();
        let last = found.last().filter(|_| found.len() == limit);
        let next = last.map(|record| cursor::seal(LIST, record.id.as_bytes()));
        Ok(page(found, next))
    }

    /// Ends a token.
    pub(in crate::http) async fn revoke_token(&self, id: &str) -> Result<(), ApiError> {
        let revoked = self.store.revoke_token(id, Timestamp::now().as_second()).await?;
        if revoked { Ok(()) } else { Err(not_found("token", id)) }
    }
}

fn moment(text: &str) -> Result<i64, ApiError> {
    let time = text.parse::<Timestamp>();
    time.map(Timestamp::as_second)
        .map_err(|_| ApiError::Unprocessable("expires_at: expected a time as of RFC 3339".to_owned()))
}
