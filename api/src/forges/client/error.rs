//! Why a forge did not do what it was asked.

use crate::forges::ForgeKind;
use crate::reach::OutOfReach;
use crate::store::record::ErrorClass;

/// Why a forge did not do what it was asked. Never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForgeError {
    /// The configuration cannot be used.
    #[error("{kind}: {reason}")]
    Configuration {
        /// Which forge.
        kind: ForgeKind,
        /// What is wrong.
        reason: String,
    },
    /// The address guard refused.
    #[error("{kind}: {reason}")]
    OutOfReach {
        /// Which forge.
        kind: ForgeKind,
        /// Why.
        reason: OutOfReach,
    },
    /// It was not reached, broke off or failed by itself.
    #[error("{kind}: {what} failed: {reason}")]
    Unreachable {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// What happened.
        reason: String,
    },
    /// It asks to wait longer than a job can.
    #[error("{kind}: the rate limit is used up; it asks to come back in {seconds} seconds")]
    RateLimited {
        /// Which forge.
        kind: ForgeKind,
        /// How long.
        seconds: u64,
    },
    /// It refused.
    #[error("{kind}: {what} was answered {status}: {reason}")]
    Refused {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// The status.
        status: u16,
        /// Its own words.
        reason: String,
    },
    /// It answered something that it does not document.
    #[error("{kind}: the answer to {what} cannot be read: {reason}")]
    Unreadable {
        /// Which forge.
        kind: ForgeKind,
        /// What was asked.
        what: String,
        /// What was expected.
        reason: String,
    },
    /// This kind of forge does not have it.
    #[error("{kind} has no {what}")]
    Unsupported {
        /// Which forge.
        kind: ForgeKind,
        /// What.
        what: &'static str,
    },
}

impl ForgeError {
    /// What sort of failure it is for a job.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Configuration { .. } | Self::Unsupported { .. } | Self::OutOfReach { .. } => ErrorClass::Invalid,
            Self::Unreachable { .. } | Self::Unreadable { .. } => ErrorClass::Transient,
            Self::RateLimited { .. } => ErrorClass::RateLimited,
            Self::Refused { status, .. } => match status {
                401 | 403 => ErrorClass::Forbidden,
                404 | 410 => ErrorClass::NotFound,
                _ => ErrorClass::Invalid,
            },
        }
    }

    /// The status that it was refused with.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }
}
