//! A small HTTP server on loopback that answers what a test tells it, one request a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// The rest of a content from a byte on, as a server answers a question for a range.
pub fn rest(whole: &[u8], from: usize) -> Answer {
    let range = format!("Content-Range: bytes {from}-{}/{}", whole.len() - 1, whole.len());
    Answer { status: "206 Partial Content", headers: vec![range], ..Answer::ok(&whole[from..], "") }
}

/// One answer: status line, headers, body, and how much of the body is really sent.
pub struct Answer {
    pub status: &'static str,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    pub sent: usize,
    /// How long the connection stays open, silent, after what was sent.
    pub silent: Duration,
}

impl Answer {
    pub fn ok(body: &[u8], etag: &str) -> Self {
        Self {
            status: "200 OK",
            headers: vec![format!("ETag: {etag}")],
            body: body.to_vec(),
            sent: body.len(),
            silent: Duration::ZERO,
        }
    }

    pub fn status(status: &'static str) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), sent: 0, silent: Duration::ZERO }
    }
}

/// Serves the answers in order, then stops. Gives the address, and every request's head as it came.
pub fn serve(answers: Vec<Answer>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/feed", listener.local_addr().unwrap());
    let (send, requests) = channel();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = String::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap();
                if line.is_empty() {
                    break;
                }
                head.push_str(&line.to_ascii_lowercase());
                head.push('\n');
            }
            send.send(head).unwrap();
            let mut text =
                format!("HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: {}\r\n", answer.status, answer.body.len());
            for header in &answer.headers {
                text.push_str(&format!("{header}\r\n"));
            }
            stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
            stream.write_all(&answer.body[..answer.sent]).unwrap();
            // beside the next request, which may come meanwhile
            std::thread::spawn(move || {
                std::thread::sleep(answer.silent);
                drop(stream);
            });
        }
    });
    (address, requests)
}
