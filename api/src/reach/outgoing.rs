//! Outgoing calls under the address guard: every name is checked as it is resolved for the connection itself, every redirect before it
//! is followed.
//!
//! What the guard cannot promise: behind a proxy of the machine's own (`https_proxy` and its kin) it is the proxy that resolves names.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder};
use url::Url;

use super::{Checked, OutOfReach};
use crate::config::Reach;

/// The addresses of a host.
pub type Addresses = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Who knows the addresses of names.
pub trait Names: Send + Sync + fmt::Debug {
    /// Every address that `host` has now.
    fn addresses(&self, host: String) -> Addresses;
}

/// The machine's own resolver.
#[derive(Debug)]
pub struct SystemNames;

impl Names for SystemNames {
    fn addresses(&self, host: String) -> Addresses {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Where redirects may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Nowhere: the answer is the redirect.
    Refused,
    /// To the same scheme, host and port, for calls that carry a credential.
    SameOrigin,
}

/// The guard: what may be reached, and who resolves names. Clones share it.
#[derive(Debug, Clone)]
pub struct Guard {
    reach: Arc<Reach>,
    names: Arc<dyn Names>,
}

impl Guard {
    /// A guard over the machine's resolver.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self::with_names(reach, Arc::new(SystemNames))
    }

    /// A guard over another resolver.
    #[must_use]
    pub fn with_names(reach: Reach, names: Arc<dyn Names>) -> Self {
        Self { reach: Arc::new(reach), names }
    }

    /// What may be reached.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The checked addresses of a host, to be connected to as they are: asking DNS again could give others.
    ///
    /// # Errors
    /// [`OutOfReach`], also when only one of several addresses is out of reach.
    pub async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, OutOfReach> {
        if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            return self.reach.check_address(host, address).map(|()| vec![address]);
        }
        let unresolved = |reason: String| OutOfReach::Unresolved { host: host.to_owned(), reason };
        let found = self.names.addresses(host.to_owned()).await.map_err(|error| unresolved(error.to_string()))?;
        if found.is_empty() {
            return Err(unresolved("it has no address".to_owned()));
        }
        found.iter().try_for_each(|address| self.reach.check_address(host, *address))?;
        Ok(found)
    }

    /// Checks a URL and every address that its host has now.
    ///
    /// # Errors
    /// [`OutOfReach`].
    pub async fn check(&self, url: &str) -> Result<(), OutOfReach> {
        match self.reach.check_url(url)? {
            Checked::Fine => Ok(()),
            Checked::Resolve { host, .. } => self.addresses(&host).await.map(drop),
        }
    }

    /// An HTTP client that cannot leave the guard. A request to an address without a name must pass [`Guard::check`] first, for such
    /// an address is never resolved.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn client(&self, builder: ClientBuilder, redirects: Redirects) -> reqwest::Result<Client> {
        let policy = match redirects {
            Redirects::Refused => Policy::none(),
            Redirects::SameOrigin => self.same_origin(),
        };
        builder.dns_resolver(Arc::new(self.clone())).redirect(policy).build()
    }

    fn same_origin(&self) -> Policy {
        let reach = Arc::clone(&self.reach);
        Policy::custom(move |attempt| {
            let stays = attempt.previous().first().is_some_and(|first| origin(first) == origin(attempt.url()));
            if attempt.previous().len() > 5 {
                attempt.error("more than five redirects")
            } else if !stays {
                attempt.error("redirected to another host, which gets no credentials")
            } else {
                match reach.check_url(attempt.url().as_str()) {
                    Ok(_) => attempt.follow(),
                    Err(error) => attempt.error(error),
                }
            }
        })
    }
}

/// Scheme, host and port: what two addresses share that may share a credential.
#[must_use]
pub fn origin(url: &Url) -> (&str, Option<&str>, Option<u16>) {
    (url.scheme(), url.host_str(), url.port_or_known_default())
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::reach::Tunnel;

    /// Answers each question with the next list of addresses, and the last one for ever.
    #[derive(Debug)]
    struct Changing(Mutex<Vec<Vec<IpAddr>>>);

    impl Names for Changing {
        fn addresses(&self, _: String) -> Addresses {
            let mut lists = self.0.lock().unwrap();
            let next = if lists.len() > 1 { lists.remove(0) } else { lists[0].clone() };
            Box::pin(async move { Ok(next) })
        }
    }

    fn guard(lists: &[&[&str]], allow: &[&str]) -> Guard {
        let lists = lists.iter().map(|list| list.iter().map(|one| one.parse().unwrap()).collect()).collect();
        let reach = Reach { allow_hosts: allow.iter().map(|one| (*one).to_owned()).collect(), ..Reach::default() };
        Guard::with_names(reach, Arc::new(Changing(Mutex::new(lists))))
    }

    #[tokio::test]
    async fn every_address_of_a_name_counts() {
        for (addresses, allow, within) in [
            (&["140.82.121.3"][..], &[][..], true),
            (&["140.82.121.3", "2606:50c0::1"], &[], true),
            (&["140.82.121.3", "10.0.0.1"], &[], false),
            (&["::ffff:10.0.0.1"], &[], false),
            (&["64:ff9b::7f00:1"], &[], false),
            (&["64:ff9b:1::1"], &[], false),
            (&["2002:7f00:1::"], &[], false),
            (&["169.254.169.254"], &[], false),
            (&["10.0.0.1"], &["git.internal"], true),
            (&["10.0.0.1"], &["10.0.0.1"], true),
            (&["10.0.0.2"], &["10.0.0.1"], false),
            (&[], &[], false),
        ] {
            let found = guard(&[addresses], allow).addresses("git.internal").await;
            assert_eq!(found.is_ok(), within, "{addresses:?} {allow:?}: {found:?}");
        }
    }

    #[tokio::test]
    async fn a_name_that_turns_inwards_after_the_check_is_not_followed() {
        let guard = guard(&[&["140.82.121.3"], &["127.0.0.1"]], &[]);
        let inside = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = inside.local_addr().unwrap().port();
        let url = format!("http://rebinding.example:{port}/");
        assert_eq!(guard.check(&url).await, Ok(()), "at first it is a public address");
        let client = guard.client(Client::builder().no_proxy(), Redirects::Refused).unwrap();
        let refused = client.get(&url).send().await.unwrap_err();
        let mut cause: &dyn std::error::Error = &refused;
        while let Some(inner) = cause.source() {
            cause = inner;
        }
        assert!(cause.to_string().contains("loopback"), "{cause}");
        let silent = tokio::time::timeout(Duration::from_millis(200), inside.accept()).await;
        assert!(silent.is_err(), "nobody came");
    }

    #[tokio::test]
    async fn the_way_of_git_connects_to_checked_addresses_only() {
        let echo = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = echo.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = echo.accept().await {
                let mut bytes = [0; 4];
                if stream.read_exact(&mut bytes).await.is_ok() {
                    let _ = stream.write_all(&bytes).await;
                }
            }
        });
        for (allow, request, expected) in [
            (&[][..], format!("CONNECT inside.example:{port} HTTP/1.1\r\n\r\n"), "403"),
            (&[], format!("CONNECT 127.0.0.1:{port} HTTP/1.1\r\n\r\n"), "403"),
            (&[], format!("GET http://inside.example:{port}/ HTTP/1.1\r\n\r\n"), "403"),
            (&["inside.example"], format!("CONNECT inside.example:{port} HTTP/1.1\r\n\r\nping"), "200"),
            (&[], "GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ] {
            let tunnel = Tunnel::start(guard(&[&["127.0.0.1"]], allow), Duration::from_secs(5)).unwrap();
            let address = tunnel.proxy_url().replace("http://", "");
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = vec![0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer[9..], expected.as_bytes(), "{request}");
        }
        // silence ends a connection
        let tunnel = Tunnel::start(guard(&[&["127.0.0.1"]], &["inside.example"]), Duration::from_millis(100)).unwrap();
        let mut stream = tokio::net::TcpStream::connect(tunnel.proxy_url().replace("http://", "")).await.unwrap();
        stream.write_all(format!("CONNECT inside.example:{port} HTTP/1.1\r\n\r\n").as_bytes()).await.unwrap();
        let mut all = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut all)).await;
        assert!(ended.is_ok(), "it ended by itself");
    }
}
