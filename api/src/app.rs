//! The one place where the service is wired together from its configuration, and where it stops.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::ServerConfig;
use crate::http::{Parts, Service};
use crate::identity::{Token, TokenKey};
use crate::jobs::retry::MAX_ATTEMPTS;
use crate::jobs::{Jobs, JobsError, Look};
use crate::knowledge::Advisories;
use crate::look::{LookError, Scanner};
use crate::store::{self, Store, StoreError};

/// Why the service does not start, in a sentence that names the thing.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process listens there.
    #[error("cannot listen on {address}: another process does; stop it or choose another address with --listen")]
    Occupied {
        /// Where.
        address: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The data directory cannot be made or written.
    #[error("cannot use the data directory {path}: {source}")]
    DataDirectory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store does not open; it says which directory is in use, damaged or newer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another process of the same store has other keys: what one of them writes, the other could not compare.
    #[error("{} is not the key that this store was begun with: copy it from the first process's data directory", .0.display())]
    OtherKey(PathBuf),
    /// Only a shared store takes further processes.
    #[error("`worker` needs a PostgreSQL store: an embedded one has one process, and `serve` runs its workers")]
    NotShared,
    /// The scanner lacks its rules or its key.
    #[error("cannot start the scanner: {0}")]
    Scanner(#[from] LookError),
    /// No client for outgoing calls can be made.
    #[error("cannot make a client for outgoing calls: {0}")]
    Client(String),
    /// The API's description cannot be written.
    #[error("cannot describe the API: {0}")]
    Description(String),
    /// The jobs cannot run as configured.
    #[error(transparent)]
    Jobs(#[from] JobsError),
}

/// The service while it runs. Dropping it does not stop the service; [`RunningServer::shutdown`] does.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// How users reach it.
    pub base_url: String,
    /// The admin token of a first start, to be shown once.
    pub first_token: Option<Token>,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
    drain: Duration,
}

impl RunningServer {
    /// Stops: no new connections, readiness off; requests and jobs under way get `limits.drain_seconds`, jobs that need longer go
    /// back into the queue. True when everything ended in time.
    pub async fn shutdown(mut self) -> bool {
        self.stop.send_replace(true);
        // twice the time: requests and jobs may each take the whole of it
        match tokio::time::timeout(self.drain * 2 + Duration::from_secs(5), &mut self.served).await {
            Ok(ended) => ended.is_ok(),
            Err(_) => {
                self.served.abort();
                false
            }
        }
    }
}

/// Starts the service and returns once it answers.
///
/// # Errors
/// [`StartError`].
pub async fn start(config: ServerConfig) -> Result<RunningServer, StartError> {
    // the port first: it is the cheapest to be refused
    let listener = listen(config.listen).await?;
    let address = listener.local_addr().map_err(|source| StartError::Listen { address: config.listen, source })?;
    let data = |source| StartError::DataDirectory { path: config.data_dir.clone(), source };
    std::fs::create_dir_all(&config.data_dir).map_err(data)?;
    let store = store::open(&config).await?;
    let tokens = TokenKey::open(&config.data_dir).map_err(data)?;
    let known = open_advisories(config.clone()).await?;
    let look = Arc::new(Scanner::open(&config, Arc::clone(&known))?);
    agree_on_keys(&store, &config.data_dir, &["token.key", "fingerprint.key"]).await?;
    let (stop, stopping) = watch::channel(false);
    let drain = Duration::from_secs(config.limits.drain_seconds);
    let base_url = config.base_url(address);
    store.take_over(MAX_ATTEMPTS, jiff::Timestamp::now()).await?;
    // what jobs count before somebody listens would be lost
    crate::telemetry::metrics_handle();
    // last: from here on jobs run
    let mut jobs = Jobs::start_with(&config, store.clone(), Arc::clone(&look) as Arc<dyn Look>)?;
    jobs.keep_matched(Arc::clone(&known), &config, look.index());
    let door = jobs.door();
    let parts = Parts {
        config,
        store,
        tokens,
        advisories: known,
        look,
        base_url: base_url.clone(),
        stopping: stopping.clone(),
        door,
    };
    let service = Service::new(parts);
    let service = Arc::new(service.map_err(|error| StartError::Client(error.to_string()))?);
    let first_token = service.first_token().await?;
    let routes = crate::http::router(service).map_err(|error| StartError::Description(error.to_string()))?;
    let served = tokio::spawn(serve_until(listener, routes, jobs, stopping, drain));
    tracing::info!(%address, "the service answers");
    Ok(RunningServer { address, base_url, first_token, stop, served, drain })
}

/// Runs until SIGTERM or SIGINT, then drains. `announce` is told when the service answers.
///
/// # Errors
/// [`StartError`].
pub async fn serve(config: ServerConfig, announce: impl FnOnce(&RunningServer)) -> Result<bool, StartError> {
    let server = start(config).await?;
    announce(&server);
    asked_to_stop().await;
    tracing::info!("asked to stop; draining");
    Ok(server.shutdown().await)
}

/// Runs jobs without serving, until SIGTERM or SIGINT, then drains. `announce` is told when work begins.
///
/// # Errors
/// [`StartError`].
pub async fn work(config: ServerConfig, announce: impl FnOnce()) -> Result<(), StartError> {
    if config.embedded() {
        return Err(StartError::NotShared);
    }
    let data = |source| StartError::DataDirectory { path: config.data_dir.clone(), source };
    std::fs::create_dir_all(&config.data_dir).map_err(data)?;
    let store = store::open(&config).await?;
    let known = open_advisories(config.clone()).await?;
    let look = Arc::new(Scanner::open(&config, Arc::clone(&known))?);
    agree_on_keys(&store, &config.data_dir, &["fingerprint.key"]).await?;
    let index = look.index();
    let mut jobs = Jobs::start_with(&config, store, look)?;
    jobs.keep_matched(known, &config, index);
    announce();
    asked_to_stop().await;
    tracing::info!("asked to stop; draining");
    jobs.shutdown(Duration::from_secs(config.limits.drain_seconds)).await;
    Ok(())
}

/// The store remembers which keys its hashes were made with, as digests that give nothing away.
async fn agree_on_keys(store: &Store, data_dir: &Path, names: &[&str]) -> Result<(), StartError> {
    for name in names {
        let path = data_dir.join(name);
        let bytes = std::fs::read(&path).map_err(|source| StartError::DataDirectory { path: path.clone(), source })?;
        let digest =
            hex::encode(blake3::derive_key("secretarybird 2026-11-25 which key a store was begun with", &bytes));
        if store.agree(&format!("digest of {name}"), &digest).await? != digest {
            return Err(StartError::OtherKey(path));
        }
    }
    Ok(())
}

async fn open_advisories(config: ServerConfig) -> Result<Arc<Advisories>, StartError> {
    let opened = tokio::task::spawn_blocking(move || Arc::new(Advisories::open(&config))).await;
    opened.map_err(|error| StoreError::Failed(error.to_string()).into())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::Occupied { address },
        _ => StartError::Listen { address, source },
    })
}

async fn serve_until(
    listener: TcpListener,
    routes: axum::Router,
    jobs: Jobs,
    stopping: watch::Receiver<bool>,
    drain: Duration,
) {
    let stopped = |mut stopping: watch::Receiver<bool>| async move {
        // an error means that the handle was dropped, so that nobody can ask any more: run on
        if stopping.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    let graceful = axum::serve(listener, routes).with_graceful_shutdown(stopped(stopping.clone()));
    let overdue = async {
        stopped(stopping).await;
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        ended = graceful => if let Err(error) = ended { tracing::error!(%error, "serving ended") },
        () = overdue => tracing::warn!("requests under way were cut off at the end of the drain time"),
    }
    jobs.shutdown(drain).await;
}

/// Returns at the first SIGTERM or SIGINT.
pub async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be handled on this system; only a kill will stop the service");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
