//! Rows in one transaction of PostgreSQL. Decisions do not know of tasks: they run on a blocking thread, and each look waits.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use deadpool_postgres::Transaction;
use tokio::runtime::Handle;
use tokio_postgres::types::ToSql;

use super::trouble::Trouble;
use crate::store::StoreError;
use crate::store::overlay::{Below, Changes};
use crate::store::rows::{Read, Row, Scope};

/// Longer than any statement of ours may take: the server is stuck.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Rows of one statement.
const CHUNK: usize = 5_000;
/// The slot that is written to only to see whether writing works.
pub const PROBE: i32 = 15;

const GET: &str = "SELECT value FROM secretarybird_rows WHERE key = $1";
const GET_MANY: &str = "SELECT key, value FROM secretarybird_rows WHERE key = ANY($1)";
const RANGE: &str = "SELECT key, value FROM secretarybird_rows WHERE key >= $1 AND key < $2 ORDER BY key LIMIT $3";
const COUNT: &str =
    "SELECT count(*) FROM (SELECT FROM secretarybird_rows WHERE key >= $1 AND key < $2 LIMIT $3) AS found";
const LOCK: &str = "SELECT FROM secretarybird_locks WHERE slot = $1 FOR UPDATE";
const WRITE: &str = "WITH gone AS (DELETE FROM secretarybird_rows WHERE key = ANY($3)), \
     kept AS (INSERT INTO secretarybird_rows (key, value) SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
     ON CONFLICT (key) DO UPDATE SET value = excluded.value) SELECT pg_current_xact_id()::text";

/// Waits for the database on this thread, within bounds.
pub fn wait<T, E: Into<Trouble>>(runtime: &Handle, answer: impl Future<Output = Result<T, E>>) -> Result<T, Trouble> {
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, answer).await }) {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(Trouble::Again(format!("PostgreSQL gave no answer in {} seconds", PATIENCE.as_secs()))),
    }
}

/// One transaction under way.
pub struct Session<'t> {
    runtime: &'t Handle,
    transaction: &'t Transaction<'t>,
    trouble: RefCell<Option<Trouble>>,
}

impl<'t> Session<'t> {
    /// Over a transaction that has begun.
    pub fn new(runtime: &'t Handle, transaction: &'t Transaction<'t>) -> Self {
        Self { runtime, transaction, trouble: RefCell::new(None) }
    }

    /// What went wrong with the database, whatever the decision made of it.
    pub fn trouble(self) -> Option<Trouble> {
        self.trouble.into_inner()
    }

    fn query(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let rows = wait(self.runtime, async {
            let statement = self.transaction.prepare_cached(sql).await?;
            self.transaction.query(&statement, values).await
        });
        rows.map_err(|trouble| {
            let said = match &trouble {
                Trouble::Again(reason) => StoreError::Failed(reason.clone()),
                Trouble::Refused(error) => error.clone(),
            };
            // the first one tells why; what follows it are refusals in an aborted transaction
            self.trouble.borrow_mut().get_or_insert(trouble);
            said
        })
    }

    /// Writes the changes; gives the transaction's number, by which its fate can be asked.
    pub fn write(&self, changes: &Changes) -> Result<String, StoreError> {
        let changes: Vec<_> = changes.iter().collect();
        let mut number = String::new();
        for chunk in changes.chunks(CHUNK) {
            let (mut keys, mut values, mut gone) = (Vec::new(), Vec::new(), Vec::new());
            for (key, value) in chunk {
                match value {
                    Some(value) => {
                        keys.push(key.as_slice());
                        values.push(value.as_slice());
                    }
                    None => gone.push(key.as_slice()),
                }
            }
            let rows = self.query(WRITE, &[&keys, &values, &gone])?;
            number = rows.first().map(|row| row.get(0)).unwrap_or_default();
        }
        Ok(number)
    }
}

fn limited(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

impl Read for Session<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.query(GET, &[&key])?.first().map(|row| row.get(0)))
    }

    fn get_many(&self, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, StoreError> {
        let mut found = HashMap::new();
        for chunk in keys.chunks(CHUNK) {
            let rows = self.query(GET_MANY, &[&chunk])?;
            found.extend(rows.into_iter().map(|row| (row.get::<_, Vec<u8>>(0), row.get::<_, Vec<u8>>(1))));
        }
        Ok(keys.iter().map(|key| found.get(key).cloned()).collect())
    }

    fn range(&self, from: &[u8], to: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        let rows = self.query(RANGE, &[&from, &to, &limited(limit)])?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    fn count(&self, from: &[u8], to: &[u8], limit: usize) -> Result<usize, StoreError> {
        let rows = self.query(COUNT, &[&from, &to, &limited(limit)])?;
        Ok(rows.first().map_or(0, |row| usize::try_from(row.get::<_, i64>(0)).unwrap_or(0)))
    }
}

impl Below for Session<'_> {
    fn lock(&self, scope: Scope<'_>) -> Result<(), StoreError> {
        let slot = i32::try_from(scope.slot()).unwrap_or(0);
        self.query(LOCK, &[&slot]).map(|_| ())
    }
}
