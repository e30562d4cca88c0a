//! Static resolution by a real uv against a small index of ours on loopback (PEP 691 JSON, PEP 658 metadata, no wheel behind it).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use scanner::inventory::{self, Role};
use scanner::repository::MemorySnapshot;
use scanner::resolve::{ResolveError, Resolver};

/// Name, versions, requirements of each version.
const PROJECTS: [(&str, &[&str], &str); 3] =
    [("app", &["1.0", "1.5", "2.0"], "leaf>=1\n"), ("leaf", &["1.0", "1.1"], ""), ("sdistonly", &[], "")];

fn answer(path: &str) -> Option<(&'static str, String)> {
    let mut parts = path.trim_matches('/').split('/');
    match (parts.next()?, parts.next()?) {
        ("simple", name) => {
            let (_, versions, _) = PROJECTS.iter().find(|(project, ..)| *project == name)?;
            let file = |version: &&str| {
                format!(
                    r#"{{"filename":"{name}-{version}-py3-none-any.whl","url":"/files/{name}-{version}-py3-none-any.whl","hashes":{{}},"core-metadata":true,"yanked":false}}"#
                )
            };
            let mut files: Vec<String> = versions.iter().map(file).collect();
            if versions.is_empty() {
                files.push(format!(
                    r#"{{"filename":"{name}-1.0.tar.gz","url":"/files/{name}-1.0.tar.gz","hashes":{{}}}}"#
                ));
            }
            let body = format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"{name}","files":[{}]}}"#, files.join(","));
            Some(("application/vnd.pypi.simple.v1+json", body))
        }
        ("files", file) => {
            let mut parts = file.strip_suffix(".metadata")?.split('-');
            let (name, version) = (parts.next()?, parts.next()?);
            let (_, _, requires) = PROJECTS.iter().find(|(project, ..)| *project == name)?;
            let requires: String = requires.lines().map(|line| format!("Requires-Dist: {line}\n")).collect();
            Some(("text/plain", format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}")))
        }
        _ => None,
    }
}

fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let (status, (kind, body)) = match first.split(' ').nth(1).and_then(answer) {
        Some(found) => ("200 OK", found),
        None => ("404 Not Found", ("text/plain", String::new())),
    };
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn index() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // ends with the test's process
    std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| drop(serve(stream))));
    format!("http://{address}/simple/")
}

fn resolver(index: String) -> Resolver {
    let venv = std::env::var("SECRETARYBIRD_TEST_VENV").expect("SECRETARYBIRD_TEST_VENV: tests/run makes it");
    let uv = PathBuf::from(venv).join("bin/uv");
    Resolver { uv, index: Some(index), python: "3.12".to_owned(), timeout: Duration::from_secs(60) }
}

fn declared(dependencies: &str) -> inventory::Manifest {
    let text = format!("[project]\nname = \"x\"\nrequires-python = \">=3.11\"\ndependencies = [{dependencies}]\n");
    inventory::read(&MemorySnapshot::new([("pyproject.toml", text)])).manifests.remove(0)
}

#[test]
fn ranges_resolve_to_versions_with_who_asks_for_them() {
    let empty = tempfile::tempdir().unwrap();
    let manifest = declared("\"app<2\", \"local @ file:///etc/passwd\", \"g @ git+https://h.example.org/g\"");
    let (resolved, remarks) = resolver(index()).resolve(&manifest, empty.path()).unwrap();
    let rows: Vec<String> = resolved
        .packages
        .iter()
        .map(|p| format!("{} {} {} {:?}", p.name, p.version.as_ref().unwrap(), p.direct, p.via))
        .collect();
    assert_eq!(rows, ["app 1.5 true []", "leaf 1.1 false [[app, leaf]]"]);
    assert_eq!(resolved.role, Role::Resolved);
    assert!(remarks.iter().any(|remark| remark.reason.contains("g is not taken from an index")), "{remarks:?}");
}

#[test]
fn what_cannot_be_resolved_is_an_error_and_nothing_is_built() {
    let empty = tempfile::tempdir().unwrap();
    for wanted in ["\"app>=3\"", "\"nowhere\"", "\"sdistonly\""] {
        let outcome = resolver(index()).resolve(&declared(wanted), empty.path());
        assert!(matches!(outcome, Err(ResolveError::Unresolvable(_))), "{wanted}: {outcome:?}");
    }
    let missing = Resolver { uv: "/nowhere/uv".into(), ..resolver(index()) };
    assert!(matches!(missing.resolve(&declared("\"app\""), empty.path()), Err(ResolveError::Start(_))));
}
