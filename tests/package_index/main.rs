//! The package index client against an index of ours on loopback: what it asks, what it keeps, and how it tells its failures apart.

#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod server;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use advisories::{PackageName, Version};
use scanner::package_index::{Contents, Credentials, IndexError, PackageIndex, Project, Settings, Status, wait};
use scanner::usage::index_names::IndexNames;
use scanner::usage::modules::{Knowledge, ModuleNames};
use server::{Fault, Resource, Server};
use sha2::{Digest, Sha256};

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn settings(server: &Server, cache: Option<&Path>) -> Settings {
    let mut settings = Settings::new(format!("{}/simple/", server.address).parse().unwrap());
    settings.cache = cache.map(Path::to_owned);
    settings
}

fn index(server: &Server, cache: Option<&Path>) -> PackageIndex {
    PackageIndex::new(settings(server, cache)).unwrap()
}

fn project(index: &PackageIndex, package: &str) -> Result<Project, IndexError> {
    wait(index.project(&name(package))).unwrap()
}

fn file(filename: &str, body: &[u8]) -> serde_json::Value {
    let hash = hex::encode(Sha256::digest(body));
    serde_json::json!({"filename": filename, "url": format!("/files/{filename}"), "hashes": {"sha256": hash}})
}

fn page(files: &[serde_json::Value]) -> Vec<u8> {
    serde_json::json!({"meta": {"api-version": "1.1"}, "files": files}).to_string().into_bytes()
}

/// A wheel with these members, deflated, and some weight in front so that it is larger than the first range.
fn wheel(members: &[(&str, &str)], weight: usize) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (path, text) in members {
        writer.start_file(*path, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(text.as_bytes()).unwrap();
    }
    writer.start_file("weight.bin", stored).unwrap();
    writer.write_all(&vec![7; weight]).unwrap();
    writer.finish().unwrap().into_inner()
}

const MEMBERS: &[(&str, &str)] = &[
    ("yaml/__init__.py", ""),
    ("_yaml/__init__.py", ""),
    ("thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nRequires-Dist: six\n\nlong description"),
    ("thing-1.0.dist-info/entry_points.txt", "[console_scripts]\nthing = yaml:main\n[pytest11]\nx = yaml\n"),
    ("thing-1.0.dist-info/top_level.txt", "yaml\n"),
];

const WHEEL: &str = "thing-1.0-py3-none-any.whl";

#[test]
fn a_page_is_asked_for_once_then_conditionally() {
    let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
    server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, b"x")])).etag("\"one\""));
    let first = index(&server, Some(cache.path()));
    assert_eq!(project(&first, "Thing").unwrap().files.len(), 1);
    let asked = server.asked();
    assert!(asked[0].contains("accept: application/vnd.pypi.simple.v1+json"), "{asked:?}");
    assert!(!asked[0].contains("if-none-match"), "{asked:?}");
    project(&first, "thing").unwrap();
    assert!(server.asked().is_empty(), "fresh, so not asked for again");

    let mut old = settings(&server, Some(cache.path()));
    old.fresh_for = Duration::ZERO;
    let old = PackageIndex::new(old).unwrap();
    assert_eq!(project(&old, "thing").unwrap().files.len(), 1);
    assert!(server.asked()[0].contains("if-none-match: \"one\""));
    server.put("/simple/thing/", Resource::ok(page(&[])).etag("\"two\""));
    assert_eq!(project(&old, "thing").unwrap().files.len(), 0);
    // the release is gone from the page, so that only the page can tell
    assert!(wait(old.listing(&name("thing"), Some(&Version::new("1.0")))).unwrap().unwrap().files.is_empty());
    server.asked();

    // what a kept page lists stays true
    server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, b"x")])));
    project(&old, "thing").unwrap();
    server.asked();
    wait(old.listing(&name("thing"), Some(&Version::new("1.0")))).unwrap().unwrap();
    assert!(server.asked().is_empty());
}

#[test]
fn absent_offline_refused_unreachable_and_malformed_are_five_answers() {
    let cache = tempfile::tempdir().unwrap();
    let server = Server::start();
    server.put("/simple/refused/", Resource::status("403 Forbidden"));
    server.put("/simple/html/", Resource::ok("<html><a href='x'>x</a></html>"));
    server.put("/simple/half/", Resource::ok(page(&[file(WHEEL, b"x")])).fault(Fault::BrokenOff));
    server.put("/simple/down/", Resource::status("503 Service Unavailable"));
    server.put("/simple/strange/", Resource::status("418 I'm a teapot"));
    server.put("/simple/kept/", Resource::ok(page(&[])));
    let online = index(&server, Some(cache.path()));
    for (package, expected) in [
        ("gone", "the index has no gone"),
        ("refused", "the index refused refused with status 403"),
        ("html", "the index's answer for html cannot be read: no PEP 691 JSON"),
        ("half", "the index did not answer for half: "),
        ("down", "the index did not answer for down: it answered 503"),
        ("strange", "the index's answer for strange cannot be read: it answered 418"),
    ] {
        let error = project(&online, package).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        assert_eq!(error.is_absent(), package == "gone");
    }
    project(&online, "kept").unwrap();
    server.asked();

    let mut settings = settings(&server, Some(cache.path()));
    settings.offline = true;
    let offline = PackageIndex::new(settings).unwrap();
    assert!(!project(&offline, "kept").unwrap().asked.is_empty());
    assert!(project(&offline, "gone").unwrap_err().is_absent(), "the kept answer is that there is none");
    for package in ["down", "never-asked"] {
        assert_eq!(project(&offline, package).unwrap_err(), IndexError::Offline { what: package.to_owned() });
    }
    assert!(server.asked().is_empty(), "offline asks nothing");
}

#[test]
fn a_short_trouble_is_tried_again_and_a_long_one_is_left_alone() {
    let server = Server::start();
    let trouble = Fault::FirstTimes(1, "502 Bad Gateway");
    server.put("/simple/thing/", Resource::ok(page(&[])).fault(trouble));
    assert!(project(&index(&server, None), "thing").is_ok());
    assert_eq!(server.asked().len(), 2);
    server.put("/simple/later/", Resource::status("429 Too Many Requests").header("Retry-After: 3600"));
    assert!(matches!(project(&index(&server, None), "later"), Err(IndexError::Unreachable { .. })));
    assert_eq!(server.asked().len(), 1, "an hour is not waited");

    server.put("/simple/down/", Resource::status("500 Internal Server Error"));
    let index = index(&server, None);
    for _ in 0..3 {
        assert!(matches!(project(&index, "down"), Err(IndexError::Unreachable { .. })));
    }
    server.asked();
    let left_alone = project(&index, "thing").unwrap_err().to_string();
    assert!(left_alone.contains("left alone for a minute"), "{left_alone}");
    assert!(server.asked().is_empty());
}

#[test]
fn credentials_go_to_the_index_and_nowhere_else() {
    let (server, elsewhere) = (Server::start(), Server::start());
    let body = wheel(MEMBERS, 0);
    let mut file = file(WHEEL, &body);
    file["url"] = format!("{}/files/{WHEEL}", elsewhere.address).into();
    server.put("/simple/thing/", Resource::ok(page(&[file])));
    elsewhere.put(&format!("/files/{WHEEL}"), Resource::ok(body));
    let password = ["sesame", "-", "open"].concat();
    let mut settings = settings(&server, None);
    settings.credentials = Some(Credentials::new("ada", &password));
    let index = PackageIndex::new(settings).unwrap();
    assert!(!format!("{index:?}").contains(&password));
    let project = project(&index, "thing").unwrap();
    wait(index.contents(&project.files[0])).unwrap().unwrap();
    assert!(server.asked()[0].contains("authorization: basic "));
    let there = elsewhere.asked();
    assert!(!there.is_empty() && there.iter().all(|head| !head.contains("authorization")), "{there:?}");
}

#[test]
fn a_wheel_is_read_by_ranges_and_kept_for_ever() {
    let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
    // METADATA lies before the first range in the second case
    for (weight, questions) in [(10, 1), (300_000, 4)] {
        let body = wheel(MEMBERS, weight);
        let path = format!("/files/{WHEEL}");
        server.put(&path, Resource::ok(body.clone()));
        server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, &body)])));
        let index = index(&server, Some(cache.path()));
        let project = {
            let mut settings = settings(&server, None);
            settings.fresh_for = Duration::ZERO;
            project(&PackageIndex::new(settings).unwrap(), "thing").unwrap()
        };
        server.asked();
        let contents = wait(index.contents(&project.files[0])).unwrap().unwrap();
        let asked = server.asked();
        assert_eq!(asked.len(), questions, "{asked:?}");
        assert!(asked.iter().all(|head| head.contains("range: bytes=") && head.contains("accept-encoding: identity")));
        assert_eq!(contents.metadata, "Metadata-Version: 2.1\nName: thing\nRequires-Dist: six");
        assert_eq!(contents.top_level, "yaml\n");
        assert!(contents.paths.contains(&"yaml/__init__.py".to_owned()));
        server.put(&path, Resource::status("500 Internal Server Error"));
        assert_eq!(wait(index.contents(&project.files[0])).unwrap().unwrap(), contents);
        assert!(server.asked().is_empty());
    }
}

fn contents(resource: Resource) -> Result<Contents, IndexError> {
    let server = Server::start();
    server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, &resource.body)])));
    server.put(&format!("/files/{WHEEL}"), resource);
    let index = index(&server, None);
    let project = project(&index, "thing").unwrap();
    wait(index.contents(&project.files[0])).unwrap()
}

#[test]
fn wheels_and_servers_that_are_not_as_they_should_be() {
    let body = wheel(MEMBERS, 100_000);
    assert_eq!(contents(Resource::ok(body.clone()).fault(Fault::NoRanges)).unwrap().top_level, "yaml\n");
    let large = Resource::ok(wheel(MEMBERS, 17 << 20)).fault(Fault::NoRanges);
    assert!(matches!(contents(large), Err(IndexError::Malformed { reason, .. }) if reason.contains("more than")));
    assert!(matches!(contents(Resource::ok("no zip")), Err(IndexError::Malformed { .. })));
    assert!(matches!(contents(Resource::ok("")), Err(IndexError::Malformed { .. })));
    assert!(matches!(contents(Resource::ok(&body[..body.len() - 40])), Err(IndexError::Malformed { .. })));
    // listed, and not there
    let server = Server::start();
    server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, &body)])));
    let index = index(&server, None);
    let listed = project(&index, "thing").unwrap();
    assert_eq!(wait(index.contents(&listed.files[0])).unwrap(), Err(IndexError::Absent { what: WHEEL.to_owned() }));
}

#[test]
fn metadata_beside_the_file_or_out_of_the_wheel() {
    let body = wheel(MEMBERS, 0);
    let beside = b"Metadata-Version: 2.4\nName: thing\nRequires-Dist: beside\n";
    let promised = hex::encode(Sha256::digest(beside));
    let good = || Resource::ok(&beside[..]);
    // what is beside the file, the promised hash, and whom the metadata then names
    for (resource, promise, expected) in [
        (Some(good()), None, Ok("beside")),
        (Some(good()), Some(promised.as_str()), Ok("beside")),
        (None, None, Ok("six")),
        (Some(good()), Some("0".repeat(64).as_str()), Err("its hash is not the one")),
        (Some(Resource::ok("<html>Sign in</html>")), None, Err("it is no core metadata")),
    ] {
        let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
        let mut file = file(WHEEL, &body);
        if let Some(promise) = promise {
            file["core-metadata"] = serde_json::json!({"sha256": promise});
        }
        server.put("/simple/thing/", Resource::ok(page(&[file])));
        server.put(&format!("/files/{WHEEL}"), Resource::ok(body.clone()));
        if let Some(resource) = resource {
            server.put(&format!("/files/{WHEEL}.metadata"), resource);
        }
        let index = index(&server, Some(cache.path()));
        let project = project(&index, "thing").unwrap();
        let read = wait(index.metadata(&project.files[0])).unwrap();
        match (read, expected) {
            (Ok(read), Ok(expected)) => assert_eq!(read.requires[0].name.as_str(), expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn yanked_releases_and_project_status() {
    let server = Server::start();
    let mut yanked = file("thing-1.0.tar.gz", b"x");
    yanked["yanked"] = "leaks memory".into();
    let body = serde_json::json!({
        "files": [yanked, file("thing-1.1.tar.gz", b"y")],
        "project-status": {"status": "quarantined", "reason": "malware"},
    });
    server.put("/simple/thing/", Resource::ok(body.to_string()));
    let index = index(&server, None);
    let answers: BTreeMap<_, _> = wait(index.projects([name("thing"), name("gone")])).unwrap();
    let project = answers[&name("thing")].as_ref().unwrap();
    assert_eq!((&project.status.status, project.status.reason.as_deref()), (&Status::Quarantined, Some("malware")));
    let reason = project.yanked(&Version::new("1.0")).unwrap().reason;
    assert_eq!(reason.as_deref(), Some("leaks memory"));
    assert_eq!(project.yanked(&Version::new("1.1")), None);
    assert!(answers[&name("gone")].as_ref().unwrap_err().is_absent());
}

#[test]
fn a_damaged_cache_is_asked_for_again() {
    let (server, cache) = (Server::start(), tempfile::tempdir().unwrap());
    server.put("/simple/thing/", Resource::ok(page(&[])));
    let index = index(&server, Some(cache.path()));
    project(&index, "thing").unwrap();
    let mut damaged = 0;
    for entry in walk(cache.path()) {
        std::fs::write(entry, b"{\"asked\":").unwrap();
        damaged += 1;
    }
    assert_eq!(damaged, 1);
    server.asked();
    project(&index, "thing").unwrap();
    assert_eq!(server.asked().len(), 1);
}

fn walk(directory: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[test]
fn import_names_by_wheel_and_what_stands_in() {
    let server = Server::start();
    let body = wheel(MEMBERS, 0);
    server.put("/simple/thing/", Resource::ok(page(&[file(WHEEL, &body)])));
    server.put(&format!("/files/{WHEEL}"), Resource::ok(body));
    // a wheel that cannot be read, with metadata beside it that names its modules
    let broken = "named-1.0-py3-none-any.whl";
    server.put("/simple/named/", Resource::ok(page(&[file(broken, b"no zip")])));
    server.put(&format!("/files/{broken}"), Resource::ok("no zip"));
    let metadata = "Metadata-Version: 2.5\nName: named\nImport-Name: other_name\nRequires-Dist: six\n";
    server.put(&format!("/files/{broken}.metadata"), Resource::ok(metadata));
    server.put("/simple/sdist-only/", Resource::ok(page(&[file("sdist_only-1.0.tar.gz", b"x")])));
    let wanted = ["thing", "named", "sdist-only", "gone", "pyyaml"].map(|text| (name(text), None));
    let names = wait(IndexNames::read(&index(&server, None), wanted)).unwrap();
    for (package, modules, knowledge) in [
        ("thing", &["_yaml", "yaml"][..], Knowledge::Wheel),
        ("named", &["other_name"], Knowledge::Metadata),
        ("sdist-only", &["sdist_only", "sdist.only"], Knowledge::Guess),
        ("pyyaml", &["_yaml", "yaml"], Knowledge::Table),
    ] {
        let distribution = names.distribution(&name(package), None);
        assert_eq!(
            (distribution.modules.as_slice(), distribution.knowledge),
            (&modules.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()[..], knowledge),
            "{package}"
        );
    }
    let thing = names.distribution(&name("thing"), None);
    assert_eq!(
        (thing.commands, thing.entry_points, thing.requires),
        (vec!["thing".to_owned()], vec!["pytest11".to_owned()], vec![name("six")])
    );
    let [said] = names.diagnostics.as_slice() else { panic!("{:?}", names.diagnostics) };
    assert!(
        said.reason.contains("the index has no file of them that tells") && said.reason.ends_with("gone, sdist-only"),
        "{said:?}"
    );
    assert!(!said.gap);
}

#[test]
fn one_piece_of_work_waits_so_long_in_all_and_what_is_kept_still_answers() {
    let server = Server::start();
    let names: Vec<PackageName> = (0..40).map(|number| name(&format!("slow-{number}"))).collect();
    for name in &names {
        let late = Resource::ok(page(&[])).fault(Fault::Late(Duration::from_millis(300)));
        server.put(&format!("/simple/{name}/"), late);
    }
    let cache = tempfile::tempdir().unwrap();
    let patience = Duration::from_millis(700);
    let index = PackageIndex::new(Settings { patience, ..settings(&server, Some(cache.path())) }).unwrap();
    let work = index.for_one_work();
    let begun = std::time::Instant::now();
    let answers = wait(work.projects(names)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let (reached, not): (Vec<_>, Vec<_>) = answers.iter().partition(|(_, answer)| answer.is_ok());
    assert!(!reached.is_empty() && !not.is_empty(), "{} {}", reached.len(), not.len());
    assert!(not.iter().all(|(_, answer)| matches!(answer, Err(IndexError::Unreachable { .. }))), "{not:?}");
    // its time is over, and it is not asked any more; another piece of work has its own
    // questions that were given up may still be on their way
    while !server.asked().is_empty() {
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(project(&work, reached[0].0.as_str()).is_ok());
    assert!(project(&work, not[0].0.as_str()).is_err());
    assert!(server.asked().is_empty());
    assert!(project(&index.for_one_work(), not[0].0.as_str()).is_ok());
}
