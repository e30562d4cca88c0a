//! What can go wrong with the database, and whether trying again can help.

use deadpool_postgres::PoolError;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::StoreError;

/// Why an attempt failed.
#[derive(Debug)]
pub enum Trouble {
    /// Nothing happened; the same attempt may succeed in a moment.
    Again(String),
    /// Trying again would not help.
    Refused(StoreError),
}

/// The same again may work: other transactions were in the way, or the server is going, away or coming.
const PASSING: &[SqlState] = &[
    SqlState::T_R_SERIALIZATION_FAILURE,
    SqlState::T_R_DEADLOCK_DETECTED,
    SqlState::LOCK_NOT_AVAILABLE,
    SqlState::QUERY_CANCELED,
    SqlState::ADMIN_SHUTDOWN,
    SqlState::CRASH_SHUTDOWN,
    SqlState::CANNOT_CONNECT_NOW,
    SqlState::TOO_MANY_CONNECTIONS,
    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
];

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.as_db_error() {
            Some(said) => {
                let reason = format!("PostgreSQL: {} ({})", said.message(), said.code().code());
                let passing = PASSING.contains(said.code()) || said.code().code().starts_with("08");
                if passing { Self::Again(reason) } else { Self::Refused(StoreError::Failed(reason)) }
            }
            // not an answer of the server: the connection is at fault. The address may hold a password and is not quoted
            None => Self::Again(format!("PostgreSQL does not answer: {}", innermost(&error))),
        }
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            PoolError::Timeout(_) => Self::Again("PostgreSQL does not answer: no connection in time".to_owned()),
            error => Self::Refused(StoreError::Failed(format!("connections to PostgreSQL: {error}"))),
        }
    }
}

/// `error connecting to server` says less than `connection refused`.
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
