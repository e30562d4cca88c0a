//! What an index did not answer, and why.

/// "Not there" and "could not look" are different answers; so are the reasons for the second.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The index answered that it has none.
    #[error("the index has no {what}")]
    Absent {
        /// What was asked for.
        what: String,
    },
    /// Nothing was asked, because the network is switched off, and nothing is kept.
    #[error("{what} is not in the cache, and the network is switched off")]
    Offline {
        /// What would have been asked for.
        what: String,
    },
    /// The index wants other credentials than the configured ones.
    #[error("the index refused {what} with status {status}; check its credentials")]
    Refused {
        /// What was asked for.
        what: String,
        /// 401, 403 or 407.
        status: u16,
    },
    /// No answer, or one that says to come back later.
    #[error("the index did not answer for {what}: {reason}")]
    Unreachable {
        /// What was asked for.
        what: String,
        /// In a sentence, without credentials.
        reason: String,
    },
    /// An answer that is not what an index answers, or larger than any that is.
    #[error("the index's answer for {what} cannot be read: {reason}")]
    Malformed {
        /// What was asked for.
        what: String,
        /// In a sentence.
        reason: String,
    },
}

impl IndexError {
    /// True when the index did answer, and the answer is that there is no such thing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }

    /// The reason without what was asked for, so that what fails alike can be told together.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Absent { .. } => "the index has none".to_owned(),
            Self::Offline { .. } => "not in the cache, and the network is switched off".to_owned(),
            Self::Refused { status, .. } => format!("the index refused with status {status}; check its credentials"),
            Self::Unreachable { reason, .. } => format!("the index did not answer: {reason}"),
            Self::Malformed { reason, .. } => format!("the index's answer cannot be read: {reason}"),
        }
    }

    pub(super) fn absent(what: &str) -> Self {
        Self::Absent { what: what.to_owned() }
    }

    pub(super) fn malformed(what: &str, reason: impl ToString) -> Self {
        Self::Malformed { what: what.to_owned(), reason: reason.to_string() }
    }
}
