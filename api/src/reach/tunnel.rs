//! The way out for git over HTTP: a proxy on loopback, for this process alone, that connects to checked addresses only.
//!
//! libgit2 resolves names by itself, so that a check before the clone could be outwitted by a name that changes its address (DNS
//! rebinding), or by a redirect. Through the tunnel it resolves nothing: the address that was checked is the address that is connected to,
//! on every connection. TLS stays between libgit2 and the server. Silence ends a connection, so that a stalled server cannot hold a worker.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use super::Guard;

/// Largest head of a request: git's are far smaller.
const HEAD: usize = 16 << 10;
const CONNECT: Duration = Duration::from_secs(15);

/// The running tunnel; it ends when dropped.
#[derive(Debug)]
pub struct Tunnel {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tunnel {
    /// Listens on a free port of loopback. A connection on which nothing moves for `idle` is closed.
    ///
    /// # Errors
    /// When no port can be had.
    pub fn start(guard: Guard, idle: Duration) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        let guard = guard.clone();
                        tokio::spawn(async move {
                            if let Err(error) = carry(stream, &guard, idle).await {
                                tracing::debug!(%error, "a connection of git ended");
                            }
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "git's way out cannot take a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                }
            }
        });
        Ok(Self { address, task })
    }

    /// The proxy's address as libgit2 takes it.
    #[must_use]
    pub fn proxy_url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Where a request wants to go, and what is sent there first.
struct Asked {
    host: String,
    port: u16,
    /// `None` for a tunnel (`CONNECT`).
    first: Option<Vec<u8>>,
}

async fn carry(mut near: TcpStream, guard: &Guard, idle: Duration) -> io::Result<()> {
    let head = tokio::time::timeout(idle, read_head(&mut near)).await??;
    let Some(asked) = asked(&head) else { return refuse(&mut near, "400 Bad Request", "not a proxy request").await };
    let addresses = match guard.addresses(&asked.host).await {
        Ok(addresses) => addresses,
        Err(error) => return refuse(&mut near, "403 Forbidden", &error.to_string()).await,
    };
    let mut far = None;
    for address in addresses {
        if let Ok(Ok(stream)) = tokio::time::timeout(CONNECT, TcpStream::connect((address, asked.port))).await {
            far = Some(stream);
            break;
        }
    }
    let Some(mut far) = far else { return refuse(&mut near, "502 Bad Gateway", "the host does not answer").await };
    match asked.first {
        Some(first) => far.write_all(&first).await?,
        None => near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?,
    }
    exchange(near, far, idle).await
}

/// Reads up to the empty line; what came behind it stays in the buffer and is sent on.
async fn read_head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(1024);
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        if head.len() > HEAD || stream.read_buf(&mut head).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the request has no end of its head"));
        }
    }
    Ok(head)
}

fn asked(head: &[u8]) -> Option<Asked> {
    let line = head.split(|byte| *byte == b'\r').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method == "CONNECT" {
        let (host, port) = target.rsplit_once(':')?;
        return Some(Asked { host: host.to_owned(), port: port.parse().ok()?, first: None });
    }
    let url = Url::parse(target).ok().filter(|url| url.scheme() == "http")?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let mut first = format!("{method} {path} {version}").into_bytes();
    first.extend_from_slice(head.get(line.len()..)?);
    Some(Asked { host: url.host_str()?.to_owned(), port: url.port_or_known_default()?, first: Some(first) })
}

async fn refuse(stream: &mut TcpStream, status: &str, reason: &str) -> io::Result<()> {
    let body = format!("{reason}\n");
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Carries bytes both ways until both sides have ended, or nothing moved for `idle`.
async fn exchange(near: TcpStream, far: TcpStream, idle: Duration) -> io::Result<()> {
    let moved = AtomicU64::new(0);
    let (near_in, near_out) = near.into_split();
    let (far_in, far_out) = far.into_split();
    let silence = async {
        let mut last = 0;
        loop {
            tokio::time::sleep(idle).await;
            let now = moved.load(Ordering::Relaxed);
            if now == last {
                return io::Error::new(io::ErrorKind::TimedOut, "nothing moved for too long");
            }
            last = now;
        }
    };
    let both = async { tokio::try_join!(pump(near_in, far_out, &moved), pump(far_in, near_out, &moved)) };
    tokio::select! {
        ended = both => ended.map(drop),
        error = silence => Err(error),
    }
}

async fn pump(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, moved: &AtomicU64) -> io::Result<()> {
    let mut buffer = vec![0; 32 << 10];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        moved.fetch_add(read as u64, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_where_they_want_to_go() {
        let read = |text: &str| asked(text.as_bytes()).map(|asked| (asked.host, asked.port, asked.first));
        let tunnel = |host: &str, port| Some((host.to_owned(), port, None));
        assert_eq!(read("CONNECT git.example.org:443 HTTP/1.1\r\n\r\n"), tunnel("git.example.org", 443));
        assert_eq!(read("CONNECT [::1]:443 HTTP/1.1\r\n\r\n"), tunnel("[::1]", 443));
        let plain = read("GET http://h:8080/a/info/refs?service=x HTTP/1.1\r\nHost: h\r\n\r\n");
        let first = b"GET /a/info/refs?service=x HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
        assert_eq!(plain, Some(("h".to_owned(), 8080, Some(first))));
        for odd in ["GET / HTTP/1.1\r\n\r\n", "GET ftp://h/ HTTP/1.1\r\n\r\n", "CONNECT h HTTP/1.1\r\n\r\n", "\r\n\r\n"]
        {
            assert_eq!(read(odd), None, "{odd:?}");
        }
    }
}
