//! The address of the database, and how its server is trusted.

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio_postgres::NoTls;
use tokio_postgres::config::{Config, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::store::StoreError;

/// Connections of one process.
const CONNECTIONS: usize = 16;

/// A pool for the address, not yet connected.
pub fn pool(address: &str) -> Result<Pool, StoreError> {
    let failed = |reason: String| StoreError::Failed(reason);
    let mut config: Config = address.parse().map_err(|_| {
        // the parser's own words may quote a part of the password
        failed("`store` is no PostgreSQL address, such as postgres://user:password@host:5432/database".to_owned())
    })?;
    config.application_name("secretarybird");
    config.connect_timeout(Duration::from_secs(5));
    config.tcp_user_timeout(Duration::from_secs(30));
    config.keepalives_idle(Duration::from_secs(30));
    let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = if config.get_ssl_mode() == SslMode::Disable {
        Manager::from_config(config, NoTls, manager)
    } else {
        Manager::from_config(config, MakeRustlsConnect::new(trust()?), manager)
    };
    let pool = Pool::builder(manager)
        .max_size(CONNECTIONS)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(Duration::from_secs(10)))
        .create_timeout(Some(Duration::from_secs(10)));
    pool.build().map_err(|error| failed(format!("connections to PostgreSQL: {error}")))
}

/// The certificates that this machine trusts.
fn trust() -> Result<ClientConfig, StoreError> {
    let failed = |error: rustls::Error| StoreError::Failed(format!("TLS for PostgreSQL: {error}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(failed)?;
    Ok(config.with_platform_verifier().map_err(failed)?.with_no_client_auth())
}
