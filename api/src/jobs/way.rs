//! The way to a repository: checked by the address guard, with credentials minted for one job.

use std::net::IpAddr;
use std::time::Duration;

use scanner::repository::Access;
use url::Url;

use super::git::RunError;
use crate::forges::Forges;
use crate::forges::client::ForgeError;
use crate::reach::{Guard, OutOfReach, Tunnel};
use crate::store::record::{ErrorClass, RepositoryRecord};

/// With one of these set, the machine's own proxy is the way out, and the one that resolves names.
const PROXIES: [&str; 6] = ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];

/// The guard, the forges, and git's way out.
#[derive(Debug)]
pub struct Way {
    guard: Guard,
    forges: Forges,
    tunnel: Option<Tunnel>,
}

impl From<ForgeError> for RunError {
    fn from(error: ForgeError) -> Self {
        Self::new(error.class(), error.to_string())
    }
}

impl From<OutOfReach> for RunError {
    fn from(error: OutOfReach) -> Self {
        let class = match &error {
            OutOfReach::Unresolved { .. } => ErrorClass::Transient,
            _ => ErrorClass::Invalid,
        };
        Self::new(class, error.to_string())
    }
}

impl Way {
    /// Opens git's way out, unless the machine has a proxy of its own. A connection on which nothing moves for `silence` is closed.
    ///
    /// # Errors
    /// When no port of loopback can be had.
    pub fn open(guard: Guard, forges: Forges, silence: Duration) -> std::io::Result<Self> {
        let own = PROXIES.iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let tunnel = if own { None } else { Some(Tunnel::start(guard.clone(), silence)?) };
        Ok(Self { guard, forges, tunnel })
    }

    /// The forges.
    #[must_use]
    pub fn forges(&self) -> &Forges {
        &self.forges
    }

    /// The guard.
    #[must_use]
    pub fn guard(&self) -> &Guard {
        &self.guard
    }

    /// The way to one repository.
    ///
    /// # Errors
    /// When its address is out of reach, or its forge gives no credentials.
    pub async fn to(&self, repository: &RepositoryRecord) -> Result<Access, RunError> {
        let address = repository.clone_url();
        let mut access = self.forges.access(repository).await?;
        // a path of this machine, which only somebody with its configuration can have registered
        let Ok(url) = Url::parse(address) else { return Ok(access) };
        self.guard.check(address).await?;
        match url.scheme() {
            "https" | "http" => access.proxy = self.tunnel.as_ref().map(Tunnel::proxy_url),
            "ssh" | "git" => access.pinned = Some(self.pin(&url).await?),
            _ => {}
        }
        Ok(access)
    }

    /// The address that is connected to: what was checked, and not what DNS says a moment later.
    async fn pin(&self, url: &Url) -> Result<IpAddr, RunError> {
        let host = url.host_str().unwrap_or_default();
        let addresses = self.guard.addresses(host).await?;
        // IPv4 first: a machine without IPv6 is more common than one without IPv4
        let first = addresses.iter().find(|address| address.is_ipv4()).or(addresses.first()).copied();
        first.ok_or_else(|| RunError::new(ErrorClass::Transient, format!("{host} has no address")))
    }
}
