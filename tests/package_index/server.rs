//! A package index on loopback: pages, files with ranges, and the faults a test asks for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is answered for a path.
#[derive(Clone)]
pub struct Resource {
    pub status: &'static str,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    pub fault: Fault,
}

/// How an answer goes wrong.
#[derive(Clone, Copy, PartialEq)]
pub enum Fault {
    None,
    /// The connection ends in the middle of the body.
    BrokenOff,
    /// Only the first so many questions are answered with the status; later ones are answered well.
    FirstTimes(usize, &'static str),
    /// `Range` is not understood.
    NoRanges,
    /// The answer comes after so long.
    Late(std::time::Duration),
}

impl Resource {
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: "200 OK", headers: Vec::new(), body: body.into(), fault: Fault::None }
    }

    pub fn status(status: &'static str) -> Self {
        Self { status, ..Self::ok("") }
    }

    pub fn etag(mut self, etag: &str) -> Self {
        self.headers.push(format!("ETag: {etag}"));
        self
    }

    pub fn header(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    pub fn fault(mut self, fault: Fault) -> Self {
        self.fault = fault;
        self
    }
}

type Log = Arc<Mutex<Vec<String>>>;

/// The running index; its threads end with the test's process.
pub struct Server {
    pub address: String,
    resources: Arc<Mutex<BTreeMap<String, Resource>>>,
    log: Log,
}

impl Server {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (resources, log): (Arc<Mutex<BTreeMap<String, Resource>>>, Log) = Default::default();
        let (shared, written) = (Arc::clone(&resources), Arc::clone(&log));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (shared, written) = (Arc::clone(&shared), Arc::clone(&written));
                std::thread::spawn(move || answer(&stream.unwrap(), &shared, &written));
            }
        });
        Self { address, resources, log }
    }

    pub fn put(&self, path: &str, resource: Resource) {
        self.resources.lock().unwrap().insert(path.to_owned(), resource);
    }

    /// The heads of all requests since the last question, in lower case.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }
}

fn answer(mut stream: &TcpStream, resources: &Mutex<BTreeMap<String, Resource>>, log: &Mutex<Vec<String>>) {
    let mut head = String::new();
    for line in BufReader::new(stream).lines() {
        match line {
            Ok(line) if !line.is_empty() => head.push_str(&format!("{}\n", line.to_ascii_lowercase())),
            _ => break,
        }
    }
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let found = resources.lock().unwrap().get(&path).cloned();
    let times = {
        let mut log = log.lock().unwrap();
        log.push(head.clone());
        log.iter().filter(|asked| asked.split(' ').nth(1) == Some(&path)).count()
    };
    let resource = found.unwrap_or_else(|| Resource::status("404 Not Found"));
    if let Fault::Late(pause) = resource.fault {
        std::thread::sleep(pause);
    }
    let header =
        |name: &str| head.lines().find_map(|line| line.strip_prefix(name)).map(|value| value.trim().to_owned());
    let etag = resource.headers.iter().find_map(|line| line.strip_prefix("ETag: "));
    let known = header("if-none-match:").is_some_and(|asked| etag == Some(asked.as_str()));
    let range = header("range: bytes=").filter(|_| resource.fault != Fault::NoRanges);
    let length = resource.body.len();
    let (status, extra, body) = match (resource.fault, range) {
        (Fault::FirstTimes(count, status), _) if times <= count => (status.to_owned(), String::new(), Vec::new()),
        _ if known => ("304 Not Modified".to_owned(), String::new(), Vec::new()),
        (_, Some(_)) if length == 0 && resource.status == "200 OK" => {
            ("416 Range Not Satisfiable".to_owned(), String::new(), Vec::new())
        }
        (_, Some(range)) if resource.status == "200 OK" => {
            let (from, to) = range.split_once('-').unwrap();
            let (from, to) = match (from.parse::<usize>(), to.parse::<usize>()) {
                (Ok(from), Ok(to)) => (from, (to + 1).min(length)),
                (Err(_), Ok(last)) => (length.saturating_sub(last), length),
                other => panic!("{range}: {other:?}"),
            };
            let content_range = format!("Content-Range: bytes {from}-{}/{length}\r\n", to - 1);
            ("206 Partial Content".to_owned(), content_range, resource.body[from..to].to_vec())
        }
        _ => (resource.status.to_owned(), String::new(), resource.body.clone()),
    };
    let headers: String = resource.headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head =
        format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n{headers}{extra}\r\n", body.len());
    let sent = if resource.fault == Fault::BrokenOff { body.len() / 2 } else { body.len() };
    // a client that has read enough hangs up
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..sent]));
}
