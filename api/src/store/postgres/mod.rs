//! The shared backend: PostgreSQL, for any number of processes.
//!
//! Rows stand in one table in the order of their keys. A decision is one transaction: it locks its scopes as rows of a second table, so that
//! what it reads afterwards is committed and stays, and writes its changes in one statement. Claims are dealt out under the queue's lock and
//! not with SKIP LOCKED: caps and turns are judged over all jobs that run. Nothing depends on LISTEN, NOTIFY or session locks.

mod address;
mod migrations;
mod session;
mod trouble;

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use deadpool_postgres::{Client, Object, Pool};
use tokio::runtime::Handle;
use tokio_postgres::IsolationLevel;

use super::StoreError;
use super::overlay::{Changes, Overlay};
use super::rows::{Read, Write};
use session::{PROBE, Session, wait};
use trouble::Trouble;

/// How long an answer waits for a database that is away, or for transactions that are in the way. A forge waits for ten seconds.
const PERSISTENCE: Duration = Duration::from_secs(8);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const PROBED_EVERY: Duration = Duration::from_secs(1);

/// Connections to the database.
#[derive(Debug)]
pub struct Postgres {
    pool: Pool,
    runtime: Handle,
    /// Why it does not answer, while it does not.
    down: Mutex<Option<String>>,
}

/// What became of a transaction whose commit was not answered.
enum Fate {
    Committed,
    Aborted,
}

impl Postgres {
    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    /// When the database does not answer, refuses, or has tables of a newer program.
    pub async fn connect(address: &str) -> Result<Arc<Self>, StoreError> {
        let pool = address::pool(address)?;
        let postgres = Arc::new(Self { pool, runtime: Handle::current(), down: Mutex::new(None) });
        let own = Arc::clone(&postgres);
        super::blocking(move || own.persist(|| own.migrate())).await?;
        tokio::spawn(probe(Arc::downgrade(&postgres)));
        Ok(postgres)
    }

    fn migrate(&self) -> Result<(), Trouble> {
        let mut client = self.client()?;
        wait(&self.runtime, migrations::run(&mut client))
    }

    /// Whether it answers.
    ///
    /// # Errors
    /// While it does not.
    pub fn healthy(&self) -> Result<(), StoreError> {
        match &*self.down.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(reason) => Err(StoreError::Failed(reason.clone())),
            None => Ok(()),
        }
    }

    fn answered(&self, down: Option<String>) {
        let before = std::mem::replace(&mut *self.down.lock().unwrap_or_else(PoisonError::into_inner), down.clone());
        match (before, down) {
            (None, Some(reason)) => tracing::error!(%reason, "the store does not answer"),
            (Some(_), None) => tracing::info!("the store answers again"),
            _ => {}
        }
    }

    /// Decides in one transaction, as often as it takes. Blocks.
    ///
    /// # Errors
    /// The decision's own, or when the database does not answer.
    pub fn decide<T>(&self, mut decide: impl FnMut(&mut dyn Write) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.persist(|| self.attempt(&mut decide))
    }

    /// Looks at rows as of one moment. Blocks.
    ///
    /// # Errors
    /// The look's own, or when the database does not answer.
    pub fn read<T>(&self, mut read: impl FnMut(&dyn Read) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.persist(|| {
            let mut client = self.client()?;
            let begun = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
            let transaction = wait(&self.runtime, begun.start())?;
            let session = Session::new(&self.runtime, &transaction);
            let answer = read(&session);
            if let Some(trouble) = session.trouble() {
                return Err(trouble);
            }
            wait(&self.runtime, transaction.commit())?;
            answer.map_err(Trouble::Refused)
        })
    }

    /// Bytes on the disk.
    ///
    /// # Errors
    /// When the database does not answer.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.persist(|| {
            let client = self.client()?;
            let asked = client.query_one("SELECT pg_total_relation_size('secretarybird_rows')", &[]);
            let row = wait(&self.runtime, asked)?;
            Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
        })
    }

    fn client(&self) -> Result<Client, Trouble> {
        wait(&self.runtime, self.pool.get())
    }

    fn attempt<T>(&self, decide: &mut impl FnMut(&mut dyn Write) -> Result<T, StoreError>) -> Result<T, Trouble> {
        let mut client = self.client()?;
        // a look after a lock sees what was committed before the lock was given
        let begun = client.build_transaction().isolation_level(IsolationLevel::ReadCommitted);
        let transaction = wait(&self.runtime, begun.start())?;
        let session = Session::new(&self.runtime, &transaction);
        let mut rows = Overlay::over(&session);
        let answer = decide(&mut rows);
        let changes: Changes = rows.into_changes();
        let written = match &answer {
            Ok(_) if !changes.is_empty() => session.write(&changes).ok(),
            _ => None,
        };
        if let Some(trouble) = session.trouble() {
            return Err(trouble);
        }
        let Some(number) = written else {
            wait(&self.runtime, transaction.rollback())?;
            return answer.map_err(Trouble::Refused);
        };
        if let Err(trouble) = wait(&self.runtime, transaction.commit()) {
            // it may have been done and only the answer lost; doing it twice would be wrong
            drop(Object::take(client));
            match (trouble, self.fate(&number)?) {
                (_, Fate::Committed) => {}
                (trouble, Fate::Aborted) => return Err(trouble),
            }
        }
        answer.map_err(Trouble::Refused)
    }

    /// Asks until it is known.
    fn fate(&self, number: &str) -> Result<Fate, Trouble> {
        let begun = Instant::now();
        loop {
            let asked = self.client().and_then(|client| {
                let sql = "SELECT pg_xact_status($1::text::xid8)";
                let row = wait(&self.runtime, client.query_one(sql, &[&number]))?;
                Ok(row.get::<_, Option<String>>(0))
            });
            match asked {
                Ok(Some(status)) if status == "committed" => return Ok(Fate::Committed),
                Ok(Some(status)) if status == "aborted" => return Ok(Fate::Aborted),
                Ok(_) | Err(Trouble::Again(_)) if begun.elapsed() < PERSISTENCE * 4 => {
                    std::thread::sleep(LONGEST_PAUSE / 4);
                }
                Ok(_) | Err(Trouble::Again(_)) => {
                    let reason = "PostgreSQL went away in the middle of a commit, and does not say whether it was done";
                    return Err(Trouble::Refused(StoreError::Failed(reason.to_owned())));
                }
                Err(refused) => return Err(refused),
            }
        }
    }

    /// Tries until it works, trying again would not help, or too much time has passed.
    fn persist<T>(&self, mut attempt: impl FnMut() -> Result<T, Trouble>) -> Result<T, StoreError> {
        let begun = Instant::now();
        let mut pause = Duration::from_millis(4);
        loop {
            match attempt() {
                Ok(answer) => {
                    if self.healthy().is_err() {
                        self.answered(None);
                    }
                    return Ok(answer);
                }
                Err(Trouble::Again(reason)) if begun.elapsed() < PERSISTENCE => {
                    tracing::debug!(%reason, "trying again");
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(Trouble::Again(reason)) => {
                    self.answered(Some(reason.clone()));
                    return Err(StoreError::Failed(reason));
                }
                Err(Trouble::Refused(error)) => {
                    if matches!(error, StoreError::Failed(_)) {
                        self.answered(Some(error.to_string()));
                    }
                    return Err(error);
                }
            }
        }
    }
}

/// Sees whether a database that did not answer can be written to again.
async fn probe(postgres: Weak<Postgres>) {
    loop {
        tokio::time::sleep(PROBED_EVERY).await;
        let Some(postgres) = postgres.upgrade() else { return };
        if postgres.healthy().is_ok() {
            continue;
        }
        let written = async {
            let client = postgres.pool.get().await.ok()?;
            let probe = client.execute("UPDATE secretarybird_locks SET slot = slot WHERE slot = $1", &[&PROBE]);
            tokio::time::timeout(session::PATIENCE, probe).await.ok()?.ok()
        };
        if written.await.is_some() {
            postgres.answered(None);
        }
    }
}
