//! One download: conditional, resumed after a break, tried again with growing pauses, digested on the way.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use reqwest::header::{ETAG, HeaderMap, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::{pack, shown};

/// More than this is no feed.
const SIZE_LIMIT: u64 = 4 << 30;

/// What a server said to tell the content's version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Validators {
    /// `ETag`
    pub etag: Option<String>,
    /// `Last-Modified`
    pub last_modified: Option<String>,
}

/// The answer to a conditional request.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The content is the one we have.
    NotModified,
    /// New content stands in the file that was given.
    New {
        /// What to send the next time.
        validators: Validators,
        /// Hexadecimal.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
}

/// How often a download is tried.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// At most so many times.
    pub attempts: u32,
    /// The first pause; every further one is twice as long.
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self { attempts: 4, pause: Duration::from_secs(1) }
    }
}

/// How feeds are reached.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// PEM certificates trusted beside the system's.
    pub ca: Option<Vec<u8>>,
    /// A proxy for all feeds; without one the environment's (`HTTPS_PROXY`, `NO_PROXY`) counts.
    pub proxy: Option<String>,
    /// How long a server may be silent; a minute when not given.
    pub patience: Option<Duration>,
}

/// Why a download failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {reason}")]
pub struct DownloadError {
    /// Without credentials.
    pub url: String,
    /// In a sentence.
    pub reason: String,
    /// Whether another attempt may help.
    transient: bool,
    /// What the server asked us to wait.
    wait: Option<Duration>,
}

/// The client for feeds.
///
/// # Errors
/// When the certificates or the proxy's address are none.
pub fn client(network: &Network) -> Result<Client, String> {
    let mut builder = Client::builder()
        .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(network.patience.unwrap_or(Duration::from_secs(60)))
        // the bytes are digested and resumed as the server keeps them
        .no_gzip();
    if let Some(pem) = &network.ca {
        let certificates =
            reqwest::Certificate::from_pem_bundle(pem).map_err(|error| format!("CA certificates: {error}"))?;
        if certificates.is_empty() {
            return Err("CA certificates: the file has no PEM certificate".to_owned());
        }
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(proxy) = &network.proxy {
        builder = builder.proxy(reqwest::Proxy::all(proxy).map_err(|_| "the proxy's address is none".to_owned())?);
    }
    builder.build().map_err(|error| error.without_url().to_string())
}

/// Downloads to `part`. What an earlier attempt left there is continued when the server still has the same version.
///
/// # Errors
/// [`DownloadError`] after the last attempt.
pub async fn download(
    client: &Client,
    url: &Url,
    known: &Validators,
    part: &Path,
    retry: Retry,
) -> Result<Fetched, DownloadError> {
    if url.scheme() == "file" {
        return copy(url, part);
    }
    let mut resumable = Validators::default();
    let mut pause = retry.pause;
    let mut attempt = 1;
    loop {
        match attempt_once(client, url, known, &mut resumable, part).await {
            Ok(fetched) => return Ok(fetched),
            Err(error) if error.transient && attempt < retry.attempts => {
                tracing::warn!(%error, attempt, "the download is tried again");
                tokio::time::sleep(error.wait.unwrap_or(pause).min(Duration::from_secs(120))).await;
                pause *= 2;
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn copy(url: &Url, part: &Path) -> Result<Fetched, DownloadError> {
    let failed = |reason: String| DownloadError { url: shown(url), reason, transient: false, wait: None };
    let path = url.to_file_path().map_err(|()| failed("not a path of this machine".to_owned()))?;
    let taken = if path.is_dir() { pack::directory(&path, part) } else { std::fs::copy(path, part).map(drop) };
    taken.map_err(|error| failed(error.to_string()))?;
    let (sha256, bytes) = digest(part).map_err(|error| failed(error.to_string()))?;
    Ok(Fetched::New { validators: Validators::default(), sha256, bytes })
}

async fn attempt_once(
    client: &Client,
    url: &Url,
    known: &Validators,
    resumable: &mut Validators,
    part: &Path,
) -> Result<Fetched, DownloadError> {
    let failed = |reason: String, transient| DownloadError { url: shown(url), reason, transient, wait: None };
    let have = std::fs::metadata(part).map_or(0, |about| about.len());
    let mut request = client.get(url.clone());
    // only a strong validator makes it safe to join two halves
    let version = resumable.etag.clone().filter(|etag| !etag.starts_with("W/"));
    match version {
        Some(version) if have > 0 => {
            request = request.header(RANGE, format!("bytes={have}-")).header(IF_RANGE, version)
        }
        _ => {
            if let Some(etag) = &known.etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(time) = &known.last_modified {
                request = request.header(IF_MODIFIED_SINCE, time);
            }
        }
    }
    let response = request.send().await.map_err(|error| failed(chain(&error.without_url()), true))?;
    let status = response.status();
    if status == StatusCode::NOT_MODIFIED {
        return Ok(Fetched::NotModified);
    }
    let append = status == StatusCode::PARTIAL_CONTENT && continues_at(response.headers(), have);
    if !append && status != StatusCode::OK {
        let transient = status.is_server_error()
            || [
                StatusCode::TOO_MANY_REQUESTS,
                StatusCode::REQUEST_TIMEOUT,
                StatusCode::PARTIAL_CONTENT,
                StatusCode::RANGE_NOT_SATISFIABLE,
            ]
            .contains(&status);
        if status == StatusCode::PARTIAL_CONTENT || status == StatusCode::RANGE_NOT_SATISFIABLE {
            // the next attempt begins anew
            *resumable = Validators::default();
        }
        let wait =
            text(response.headers(), RETRY_AFTER.as_str()).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        return Err(DownloadError { wait, ..failed(format!("the server answered {status}"), transient) });
    }
    let validators = Validators {
        etag: text(response.headers(), ETAG.as_str()),
        last_modified: text(response.headers(), LAST_MODIFIED.as_str()),
    };
    *resumable = validators.clone();
    receive(response, part, append).await.map_err(|(reason, transient)| failed(reason, transient))?;
    let (sha256, bytes) = digest(part).map_err(|error| failed(error.to_string(), false))?;
    Ok(Fetched::New { validators, sha256, bytes })
}

async fn receive(mut response: Response, part: &Path, append: bool) -> Result<(), (String, bool)> {
    let disk = |error: std::io::Error| (format!("{}: {error}", part.display()), false);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).write(true).truncate(!append).append(append).open(part).map_err(disk)?;
    let announced = response.content_length();
    let mut received = 0_u64;
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                received += chunk.len() as u64;
                if received > SIZE_LIMIT {
                    return Err((format!("more than {SIZE_LIMIT} bytes"), false));
                }
                file.write_all(&chunk).map_err(disk)?;
            }
            Ok(None) => break,
            Err(error) => {
                return Err((format!("broken off after {received} bytes: {}", chain(&error.without_url())), true));
            }
        }
    }
    if announced.is_some_and(|announced| announced != received) {
        return Err((format!("broken off after {received} bytes"), true));
    }
    file.sync_all().map_err(disk)
}

/// Whether `Content-Range: bytes N-…` goes on where the part ends.
fn continues_at(headers: &HeaderMap, have: u64) -> bool {
    let range = text(headers, "content-range");
    let start =
        range.as_deref().and_then(|range| range.strip_prefix("bytes ")).and_then(|range| range.split('-').next());
    start.and_then(|start| start.parse().ok()) == Some(have)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(ToOwned::to_owned)
}

/// An error with its causes, which alone say "connection refused".
fn chain(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        said = format!("{said}: {error}");
        cause = error.source();
    }
    said
}

/// The SHA-256, hexadecimal, and the size of a file.
pub(super) fn digest(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = std::fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hex::encode(hash.finalize()), bytes));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}
