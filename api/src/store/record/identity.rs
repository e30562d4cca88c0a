//! Identities.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Whose data it is: the first part of every key, so that one tenant's rows never stand between another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

/// Why a text is no tenant.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{0}` is not a tenant: 1 to 64 of the characters a-z, 0-9, `-`, `_` and `.`")]
pub struct InvalidTenant(String);

impl Tenant {
    /// Checks a name.
    ///
    /// # Errors
    /// When it is empty, longer than 64 bytes or has other characters than `a-z0-9-_.`.
    pub fn new(text: &str) -> Result<Self, InvalidTenant> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.".contains(&byte);
        if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
            return Err(InvalidTenant(text.chars().take(80).collect()));
        }
        Ok(Self(text.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// The tenant of an installation that has one only.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl TryFrom<String> for Tenant {
    type Error = InvalidTenant;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(&text)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A repository's identity: 32 hexadecimal digits derived from tenant and normalised URL, so that registering twice is one repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RepositoryId(String);

impl RepositoryId {
    /// The identity of `url` (normalised, see [`super::normalise_url`]) in `tenant`.
    #[must_use]
    pub fn of(tenant: &Tenant, url: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(tenant.as_str());
        hash.update([0]);
        hash.update(url);
        Self(hex::encode(&hash.finalize()[..16]))
    }

    /// An identity as it came in; whether it exists is the store's answer.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A UUID of version 7, or 4 where time would tell something.
macro_rules! uuid_identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one, sorting after those made in earlier milliseconds.
            #[must_use]
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }

            /// The bytes, which sort like the identities.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// From its bytes.
            #[must_use]
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// As a UUID.
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    };
}

uuid_identity!(
    /// A job.
    JobId
);
uuid_identity!(
    /// A committed scan.
    ScanId
);
uuid_identity!(
    /// A sweep.
    SweepId
);
uuid_identity!(
    /// An event of the outbox.
    EventId
);
uuid_identity!(
    /// A message on its way to a channel.
    MessageId
);
uuid_identity!(
    /// Fences a claim: only who holds the job's current lease token may heartbeat, finish or commit for it.
    LeaseToken
);
