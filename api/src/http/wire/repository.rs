//! Repositories on the wire.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::record::RepositoryRecord;

/// What registers a repository.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepository {
    /// The clone URL, without credentials.
    #[schema(
        example = "https://github.com/acme/site",
        max_length = 2000,
        pattern = "^(https?|ssh|git|file)://.+|^[^/:@]+@[^/:@]+:.+|^/.*"
    )]
    pub url: String,
    /// The branch that findings are kept for; the remote's HEAD when not given.
    #[schema(max_length = 200, pattern = "^[A-Za-z0-9_]+([/-][A-Za-z0-9_]+)*$")]
    pub default_branch: Option<String>,
}

/// A registered repository.
#[derive(Debug, Serialize, ToSchema)]
pub struct Repository {
    /// Its identity: the same URL always has the same.
    pub id: String,
    /// The clone URL.
    pub url: String,
    /// `owner/name`.
    pub name: String,
    /// The branch that findings are kept for.
    pub default_branch: Option<String>,
    /// The configured forge it belongs to.
    pub forge: Option<String>,
    /// RFC 3339.
    pub registered_at: String,
    /// The newest scan of the default branch.
    pub head_scan: Option<String>,
    /// The commit of that scan.
    pub head_commit: Option<String>,
    /// `active`, `archived`, `deleted` or `out_of_reach`; what is not active is not swept, and keeps its findings.
    pub standing: crate::store::record::Standing,
}

impl From<RepositoryRecord> for Repository {
    fn from(record: RepositoryRecord) -> Self {
        Self {
            id: record.id.to_string(),
            url: record.url,
            name: record.name,
            default_branch: record.default_branch,
            forge: record.forge,
            registered_at: record.registered_at.to_string(),
            head_scan: record.head_scan.map(|id| id.to_string()),
            head_commit: record.head_commit,
            standing: record.standing,
        }
    }
}
