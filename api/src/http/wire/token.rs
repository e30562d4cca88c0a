//! Tokens on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::identity::{Scope, TokenRecord};

/// What a token is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    /// What it allows.
    #[schema(min_items = 1)]
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to, by id; all when not given.
    pub repositories: Option<Vec<String>>,
    /// When it ends, RFC 3339; never when not given.
    #[schema(format = DateTime)]
    pub expires_at: Option<String>,
}

/// A token without its secret.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TokenView {
    /// Its public identity.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: Vec<Scope>,
    /// The repositories it is restricted to.
    pub repositories: Option<Vec<String>>,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339.
    pub expires_at: Option<String>,
    /// When it was last used, exact to a minute, RFC 3339.
    pub last_used_at: Option<String>,
    /// RFC 3339.
    pub revoked_at: Option<String>,
}

/// A new token, with the secret that is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedToken {
    /// The token itself.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub view: TokenView,
}

impl From<TokenRecord> for TokenView {
    fn from(record: TokenRecord) -> Self {
        let time = |seconds| Timestamp::from_second(seconds).ok().map(|time| time.to_string());
        Self {
            id: record.id,
            name: record.name,
            scopes: record.scopes,
            repositories: record.repositories,
            created_at: time(record.created).unwrap_or_default(),
            expires_at: record.expires.and_then(time),
            last_used_at: record.last_used.and_then(time),
            revoked_at: record.revoked.and_then(time),
        }
    }
}
