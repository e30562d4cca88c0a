//! The edge that asks providers whether a secret is live: behind the address guard, slowly, and with a memory that holds no secret.

use std::collections::{BTreeMap, HashMap};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, StatusCode};
use scanner::finding::Verified;
use scanner::secrets::verify::{Answer, Provider, Question};
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use url::Url;

use crate::config::Reach;
use crate::reach::Checked;

/// Between two questions to one host.
const PAUSE: Duration = Duration::from_millis(250);
/// Longest that one answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// So much of an answer is read.
const MOST_BODY: usize = 64 << 10;
/// What was learned holds for so long.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// Why providers cannot be asked as configured.
#[derive(Debug, thiserror::Error)]
pub enum AskerError {
    /// An entry of the endpoint list.
    #[error("the endpoint {0:?} is not of the form https://api.provider.com=https://host/base")]
    Endpoint(String),
    /// The memory.
    #[error("cannot read what was verified before, {path}: {reason}")]
    Memory {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// Asks providers. Build it inside a runtime; ask from a thread that may block.
pub struct Asker {
    runtime: Handle,
    reach: Reach,
    /// Provider's origin to the origins asked instead.
    endpoints: BTreeMap<String, Vec<String>>,
    hosts: Mutex<HashMap<String, Host>>,
    memory: Mutex<Memory>,
}

struct Host {
    client: Client,
    next: Instant,
    /// Asks no more in this run, and why.
    closed: Option<String>,
}

impl Asker {
    /// `endpoints` are lines `ORIGIN=URL`: whom to ask instead of a provider's own origin; several for one origin are all asked. Their
    /// hosts are within reach, for the configuration names them. `memory` is the file that keeps what was learned.
    ///
    /// # Errors
    /// [`AskerError`].
    pub fn open(mut reach: Reach, endpoints: &[String], memory: &Path) -> Result<Self, AskerError> {
        let mut list: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in endpoints {
            let wrong = || AskerError::Endpoint(line.clone());
            let (origin, instead) = line.split_once('=').ok_or_else(wrong)?;
            let url = Url::parse(instead).map_err(|_| wrong())?;
            let host = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")).ok_or_else(wrong)?;
            if !origin.starts_with("https://") || !url.username().is_empty() || url.query().is_some() {
                return Err(wrong());
            }
            reach.allow_hosts.push(host.to_owned());
            list.entry(origin.trim_end_matches('/').to_owned())
                .or_default()
                .push(instead.trim_end_matches('/').to_owned());
        }
        let memory = Mutex::new(Memory::open(memory)?);
        Ok(Self { runtime: Handle::current(), reach, endpoints: list, hosts: Mutex::default(), memory })
    }

    /// Waits for the host's turn; its client is bound to the addresses that passed the guard.
    fn client(&self, question: &Question) -> Result<(String, Client), String> {
        let url = Url::parse(&question.origin).map_err(|_| "not an address".to_owned())?;
        let host = url.host_str().ok_or("an address without a host")?.to_owned();
        let wait = {
            let mut hosts = lock(&self.hosts);
            if !hosts.contains_key(&host) {
                let client = self.guarded(&question.origin)?;
                hosts.insert(host.clone(), Host { client, next: Instant::now(), closed: None });
            }
            let Some(known) = hosts.get_mut(&host) else { return Err("no client".to_owned()) };
            if let Some(reason) = &known.closed {
                return Err(reason.clone());
            }
            let now = Instant::now();
            let turn = known.next.max(now);
            known.next = turn + PAUSE;
            (turn - now, known.client.clone())
        };
        std::thread::sleep(wait.0);
        Ok((host, wait.1))
    }

    fn guarded(&self, origin: &str) -> Result<Client, String> {
        let builder = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIMEOUT)
            .user_agent(concat!("secretarybird/", env!("CARGO_PKG_VERSION")));
        let builder = match self.reach.check_url(origin).map_err(|error| error.to_string())? {
            Checked::Fine => builder,
            Checked::Resolve { host, port } => {
                let addresses: Vec<SocketAddr> = (host.as_str(), port)
                    .to_socket_addrs()
                    .map_err(|error| format!("{host} cannot be resolved: {error}"))?
                    .collect();
                for address in &addresses {
                    self.reach.check_address(&host, address.ip()).map_err(|error| error.to_string())?;
                }
                builder.resolve_to_addrs(&host, &addresses)
            }
        };
        builder.build().map_err(|error| error.without_url().to_string())
    }

    async fn send(client: Client, question: &Question) -> Result<Answer, String> {
        let told = |error: reqwest::Error| error.without_url().to_string();
        let method = if question.method == "POST" { Method::POST } else { Method::GET };
        let mut request = client.request(method.clone(), question.url.as_str());
        for (name, value) in &question.headers {
            let mut value = reqwest::header::HeaderValue::from_str(value).map_err(|_| "does not fit into a header")?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if method == Method::POST {
            request = request.body(question.body.to_string());
        }
        let mut response = request.send().await.map_err(told)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            body.extend_from_slice(&chunk[..chunk.len().min(MOST_BODY - body.len())]);
            if body.len() == MOST_BODY {
                break;
            }
        }
        Ok(Answer { status, body })
    }
}

impl Provider for Asker {
    fn endpoints(&self, origin: &str) -> Vec<String> {
        self.endpoints.get(origin).cloned().unwrap_or_default()
    }

    fn ask(&self, question: &Question) -> Result<Answer, String> {
        let (host, client) = self.client(question)?;
        let answer = self.runtime.block_on(Self::send(client, question));
        let refused = match &answer {
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS.as_u16() => Some("it asks for fewer requests"),
            Err(_) => Some("it did not answer before"),
            Ok(_) => None,
        };
        if let (Some(reason), Some(host)) = (refused, lock(&self.hosts).get_mut(&host)) {
            host.closed = Some(reason.to_owned());
        }
        answer
    }

    fn known(&self, key: &str) -> Option<Verified> {
        lock(&self.memory).get(key, Timestamp::now())
    }

    fn learned(&self, key: &str, verified: Verified) {
        if let Err(error) = lock(&self.memory).put(key, verified, Timestamp::now()) {
            tracing::warn!(%error, "what was verified cannot be kept; it will be asked again");
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Verdicts by key, in a file that only its owner reads.
struct Memory {
    path: PathBuf,
    entries: BTreeMap<String, Entry>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    verified: Verified,
    at: Timestamp,
}

impl Memory {
    fn open(path: &Path) -> Result<Self, AskerError> {
        let wrong = |reason: String| AskerError::Memory { path: path.to_owned(), reason };
        let entries = match std::fs::read(path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        Ok(Self { path: path.to_owned(), entries })
    }

    fn get(&self, key: &str, now: Timestamp) -> Option<Verified> {
        let entry = self.entries.get(key)?;
        (now.duration_since(entry.at) < REMEMBERED).then_some(entry.verified)
    }

    fn put(&mut self, key: &str, verified: Verified, now: Timestamp) -> std::io::Result<()> {
        self.entries.retain(|_, entry| now.duration_since(entry.at) < REMEMBERED);
        self.entries.insert(key.to_owned(), Entry { verified, at: now });
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, &self.entries)?;
        file.persist(&self.path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn endpoints_are_checked() {
        let folder = tempfile::tempdir().expect("folder");
        let open = |line: &str| Asker::open(Reach::default(), &[line.to_owned()], &folder.path().join("verified.json"));
        for line in
            ["", "https://a.example", "https://a.example=ftp://b", "http://a=https://b", "https://a=https://u:p@b"]
        {
            assert!(matches!(open(line), Err(AskerError::Endpoint(_))), "{line}");
        }
        let asker = open("https://api.github.com=https://git.corp.example/api/v3/").expect("asker");
        assert_eq!(asker.endpoints("https://api.github.com"), ["https://git.corp.example/api/v3"]);
        assert!(asker.endpoints("https://gitlab.com").is_empty());
    }

    #[tokio::test]
    async fn the_guard_holds_and_the_memory_forgets() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("verified.json");
        let asker = Asker::open(Reach::default(), &[], &path).expect("asker");
        let refused = asker.guarded("http://127.0.0.1:1").expect_err("refused");
        assert!(refused.contains("loopback"), "{refused}");
        assert!(asker.guarded("http://169.254.169.254").is_err());
        asker.learned("key", Verified::Live);
        let again = Asker::open(Reach::default(), &[], &path).expect("asker");
        assert_eq!(again.known("key"), Some(Verified::Live));
        let later = Timestamp::now() + SignedDuration::from_hours(25);
        assert_eq!(lock(&again.memory).get("key", later), None);
        std::fs::write(&path, "{").expect("write");
        assert!(matches!(Asker::open(Reach::default(), &[], &path), Err(AskerError::Memory { .. })));
    }
}
