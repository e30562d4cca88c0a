//! The store: whole decisions, one durable transaction each.
//!
//! [`Store`] is the only door (`door/`, by subject). Each decision is written once, over ordered rows ([`rows`]): `queue` for deliveries and
//! jobs, `findings` for scans and findings, `outbox` for what is to be told, [`life`] for what becomes of a finding. A backend brings rows,
//! atomicity and durability: `sled.rs`, embedded, with one writer; `postgres/`, for any number of processes.

mod decision;
mod door;
mod edition;
mod error;
mod exchange;
mod findings;
mod format;
pub(crate) mod fresh;
mod gate;
mod keys;
pub mod life;
mod operate;
mod outbox;
mod overlay;
mod postgres;
mod presence;
mod query;
mod queue;
pub mod record;
mod repositories;
mod retention;
pub mod rows;
mod sled;
mod triage;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;

pub use decision::{Change, Claim, Committed, Delivery, Idempotency, Receipt, ScanCommit, SweepStep};
pub use edition::Edition;
pub use error::StoreError;
pub use gate::CommitFacts;
pub use life::TriageRefused;
pub use operate::{Problem, Sizes, Totals, Verified};
pub use query::{FindingsPage, FindingsQuery};
pub use repositories::Observed;
pub use retention::Retention;
use rows::{Read, Write};

/// The open store; clones share it.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
}

#[derive(Debug, Clone)]
enum Backend {
    Sled(Arc<sled::Sled>),
    Postgres(Arc<postgres::Postgres>),
}

/// Opens the store that the configuration names, and brings what an older program wrote forward.
///
/// # Errors
/// [`StoreError`], naming the directory or the database; never the credentials in its address.
pub async fn open(config: &crate::config::ServerConfig) -> Result<Store, StoreError> {
    let store = if config.embedded() {
        let directory = config.data_dir.join("store");
        blocking(move || Store::open(&directory)).await?
    } else {
        Store::connect(config.store.expose()).await?
    };
    store.bring_forward().await?;
    Ok(store)
}

impl Store {
    /// Opens (or makes) the embedded store in `directory`. Blocks: call it before serving, or on a blocking thread.
    ///
    /// # Errors
    /// [`StoreError`], naming the directory.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let sled = sled::Sled::open(directory)?;
        sled.read(format::refuse_newer)?;
        Ok(Self { backend: Backend::Sled(Arc::new(sled)) })
    }

    /// Connects to a PostgreSQL database and brings its tables up to date. Any number of processes may.
    ///
    /// # Errors
    /// [`StoreError`], without the credentials of the address.
    pub async fn connect(address: &str) -> Result<Self, StoreError> {
        let store = Self { backend: Backend::Postgres(postgres::Postgres::connect(address).await?) };
        store.read(format::refuse_newer).await?;
        Ok(store)
    }

    /// Whether what is asked of it will be done: readiness.
    ///
    /// # Errors
    /// Embedded: after any failure of the disk or the storage engine. PostgreSQL: while the database does not answer.
    pub fn healthy(&self) -> Result<(), StoreError> {
        match &self.backend {
            Backend::Sled(sled) => sled.healthy(),
            Backend::Postgres(postgres) => postgres.healthy(),
        }
    }

    /// Whether several processes may use the store at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self.backend, Backend::Postgres(_))
    }

    /// Runs a decision: all of its changes are durable when this returns, or none happened. It may run more than once.
    async fn write<T, F>(&self, decide: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut dyn Write) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sled(sled) => in_turn(Arc::clone(sled), decide).await,
            Backend::Postgres(postgres) => {
                let postgres = Arc::clone(postgres);
                blocking(move || postgres.decide(decide)).await
            }
        }
    }

    /// Looks at rows. It may run more than once.
    async fn read<T, F>(&self, mut read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&dyn Read) -> Result<T, StoreError> + Send + 'static,
    {
        match &self.backend {
            Backend::Sled(sled) => {
                let own = Arc::clone(sled);
                let (answer, mut read) = blocking(move || Ok((own.read(&mut read), read))).await?;
                match answer {
                    Err(StoreError::Index(_)) => in_turn(Arc::clone(sled), move |rows| read(rows)).await,
                    answer => answer,
                }
            }
            Backend::Postgres(postgres) => {
                let postgres = Arc::clone(postgres);
                blocking(move || postgres.read(read)).await
            }
        }
    }
}

/// Runs a decision among those of the embedded store's writer.
async fn in_turn<T, F>(sled: Arc<sled::Sled>, decide: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnMut(&mut dyn Write) -> Result<T, StoreError> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let decision = Box::new(Decide { decide, answer: None, reply });
    blocking(move || sled.decide(decision)).await?;
    answer.await.unwrap_or_else(|_| Err(StoreError::gone()))
}

struct Decide<T, F> {
    decide: F,
    answer: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> sled::Decision for Decide<T, F>
where
    T: Send,
    F: FnMut(&mut dyn Write) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, rows: &mut dyn Write) -> Result<(), StoreError> {
        let answer = (self.decide)(rows);
        let kept = answer.as_ref().map(|_| ()).map_err(Clone::clone);
        self.answer = Some(answer);
        kept
    }

    fn settled(self: Box<Self>, durable: Result<(), StoreError>) {
        let Self { answer, reply, .. } = *self;
        let answer = durable.and_then(|()| answer.unwrap_or_else(|| Err(StoreError::gone())));
        // whoever asked may have gone away; what was decided stands
        let _ = reply.send(answer);
    }
}

async fn blocking<T, F>(work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, StoreError> + Send + 'static,
{
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(StoreError::gone()))
}

#[cfg(test)]
mod contract;
