//! What a scan asks of a package index, and how the verdicts say where their knowledge came from.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::command::{World, of_kind};
use crate::index_server::{Fault, Resource, Server};

/// An index with one project whose wheel cannot be read but whose metadata names its modules (PEP 794).
fn index() -> Server {
    let server = Server::start();
    let file = "odd_name-1.0-py3-none-any.whl";
    let page = format!(
        r#"{{"files":[{{"filename":"{file}","url":"/files/{file}","hashes":{{"sha256":"{}"}}}}]}}"#,
        "a".repeat(64)
    );
    server.put("/simple/odd-name/", Resource::ok(page));
    server.put(&format!("/files/{file}"), Resource::ok("no zip"));
    let metadata = "Metadata-Version: 2.5\nName: odd-name\nImport-Name: unlikely\n";
    server.put(&format!("/files/{file}.metadata"), Resource::ok(metadata));
    server
}

fn scan(world: &World, server: &Server, more: &[&str]) -> serde_json::Value {
    let files = [("requirements.txt", "odd-name==1.0\n"), ("app.py", "import unlikely\n")];
    let directory = world.files("repository", &files);
    let (advisories, cache) = (world.advisories(), world.path("cache"));
    let url = format!("{}/simple/", server.address);
    let path = |path: &std::path::Path| path.to_str().unwrap().to_owned();
    let (directory, advisories, cache) = (path(&directory), path(&advisories), path(&cache));
    let mut arguments =
        vec!["scan", &directory, "--advisories", &advisories, "--format", "json", "--cache-dir", &cache];
    arguments.extend(["--index-url", &url]);
    arguments.extend(more);
    world.run(&arguments).report()
}

#[test]
fn import_names_come_from_the_index_and_then_from_the_cache() {
    let (world, server) = (World::new(), index());
    // by its name alone the package looks unused, and the import undeclared
    let offline = scan(&world, &server, &["--offline"]);
    let [unused] = of_kind(&offline, "unused")[..] else { panic!("{offline}") };
    assert_eq!(unused["confidence"], "low");
    assert!(unused["evidence"].to_string().contains("guessed from its name"), "{unused}");
    assert!(server.asked().is_empty());

    let online = scan(&world, &server, &[]);
    assert!(of_kind(&online, "unused").is_empty() && of_kind(&online, "missing").is_empty(), "{online}");
    assert!(!server.asked().is_empty());

    let kept = scan(&world, &server, &["--offline"]);
    assert!(of_kind(&kept, "unused").is_empty(), "{kept}");
    assert!(server.asked().is_empty());
}

#[test]
fn an_index_that_does_not_answer_is_said_and_costs_no_verdict() {
    let (world, server) = (World::new(), Server::start());
    server.put("/simple/odd-name/", Resource::status("500 Internal Server Error"));
    let report = scan(&world, &server, &[]);
    assert_eq!(of_kind(&report, "unused").len(), 1);
    let said = report["diagnostics"].to_string();
    assert!(said.contains("did not answer") && said.contains("odd-name"), "{said}");
    assert_eq!(report["complete"], true, "the verdict's confidence says that its names are guessed");
}

/// The remarks about the index, of a scan of sixty pins that waits a second for each of its two pieces of work.
fn said_of_sixty(url: &str) -> (Vec<String>, Duration) {
    let world = World::new();
    let pins: String = (0..60).map(|number| format!("package-{number}==1.0\n")).collect();
    let directory = world.files("repository", &[("requirements.txt", &pins)]);
    let advisories = world.advisories();
    let fixed = ["scan", directory.to_str().unwrap(), "--advisories", advisories.to_str().unwrap(), "--format", "json"];
    let begun = Instant::now();
    let answer = world.run(&[&fixed[..], &["--index-url", url, "--index-timeout", "1", "--fail-on", "none"]].concat());
    let took = begun.elapsed();
    let report = answer.report();
    assert_eq!((answer.code, &report["complete"]), (0, &serde_json::Value::Bool(true)), "{}", report["diagnostics"]);
    let said = report["diagnostics"].as_array().unwrap().iter().map(|said| said["reason"].as_str().unwrap().to_owned());
    (said.filter(|reason| reason.contains("index")).collect(), took)
}

#[test]
fn an_index_that_never_answers_costs_a_bounded_time_and_two_remarks() {
    // accepts and never answers
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let (said, took) = said_of_sixty(&format!("http://{}/simple/", silent.local_addr().unwrap()));
    assert!(took < Duration::from_secs(15), "{took:?}");
    let starting = |words: &str| said.iter().filter(|reason| reason.starts_with(words)).collect::<Vec<_>>();
    let ([names], [standing]) =
        (&starting("import names not read")[..], &starting("all packages: yanked releases")[..])
    else {
        panic!("{said:#?}")
    };
    assert!(names.contains("the time for it, 1s in all, is over") && names.ends_with("and 55 more"), "{names}");
    assert!(standing.ends_with("the time for it, 1s in all, is over"), "{standing}");
}

#[test]
fn what_a_slow_index_answered_in_time_counts_and_the_rest_is_told_once() {
    let server = Server::start();
    for number in 0..60 {
        let page = Resource::ok(r#"{"files":[]}"#).fault(Fault::Late(Duration::from_millis(400)));
        server.put(&format!("/simple/package-{number}/"), page);
    }
    let (said, took) = said_of_sixty(&format!("{}/simple/", server.address));
    assert!(took < Duration::from_secs(15), "{took:?}");
    let standing: Vec<&String> = said.iter().filter(|reason| reason.contains("yanked releases")).collect();
    let [standing] = standing[..] else { panic!("{said:#?}") };
    let count: u32 = standing.split(' ').next().unwrap().parse().unwrap();
    assert!((1..60).contains(&count), "{standing}");
}
