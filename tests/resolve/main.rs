//! Static resolution by a real uv against a small index of ours on loopback (PEP 691 JSON, PEP 658 metadata, no wheel behind it).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use advisories::AdvisoryIndex;
use scanner::fix::NoReleases;
use scanner::fix::plan::{self, FixPlan, Verification};
use scanner::fix::verify::{Check, verify};
use scanner::inventory::requirement::Requirement;
use scanner::inventory::{self, Inventory, Role};
use scanner::repository::MemorySnapshot;
use scanner::resolve::{Request, Resolution, ResolveError, Resolver, unlocked};
use scanner::{Stop, vulnerabilities};

/// Name, versions, requirements of each version.
const PROJECTS: [(&str, &[&str], &str); 4] = [
    ("app", &["1.0", "1.5", "2.0"], "leaf>=1\n"),
    ("leaf", &["1.0", "1.1"], ""),
    ("strict", &["1.0"], "leaf<1.1\n"),
    ("sdistonly", &[], ""),
];

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
    Resolver { uv: PathBuf::from(venv).join("bin/uv"), index: Some(index), ..Resolver::default() }
}

fn project(dependencies: &str) -> Inventory {
    let text = format!("[project]\nname = \"x\"\nrequires-python = \">=3.11\"\ndependencies = [{dependencies}]\n");
    inventory::read(&MemorySnapshot::new([("pyproject.toml", text)]))
}

fn requirements(texts: &[&str]) -> Vec<Requirement> {
    texts.iter().map(|text| Requirement::parse(text).unwrap()).collect()
}

#[test]
fn ranges_resolve_to_versions_with_who_asks_for_them() {
    let inventory = project("\"app<2\", \"local @ file:///etc/passwd\", \"g @ git+https://h.example.org/g\"");
    let found = unlocked(&inventory, &resolver(index()), Stop::default());
    let rows: Vec<String> = found.manifests[0]
        .packages
        .iter()
        .map(|p| format!("{} {} {} {:?} {:?}", p.name, p.version.as_ref().unwrap(), p.direct, p.via, p.line))
        .collect();
    assert_eq!(rows, ["app 1.5 true [] Some(4)", "leaf 1.1 false [[app, leaf]] None"]);
    assert_eq!((found.manifests[0].role, found.manifests[0].path.as_str()), (Role::Resolved, "pyproject.toml"));
    let said: Vec<_> = found.diagnostics.iter().map(|said| (said.reason.contains("g is left out"), said.gap)).collect();
    assert_eq!(said, [(true, false)]);
}

#[test]
fn constraints_and_overrides_bound_the_choice() {
    let chosen = |constraints: &[&str], overrides: &[&str]| {
        let request = Request {
            requirements: requirements(&["app"]),
            constraints: requirements(constraints),
            overrides: requirements(overrides),
            python: Some(">=3.10".to_owned()),
        };
        let resolution = resolver(index()).resolve(&request, Stop::default()).unwrap();
        resolution.packages.iter().map(|p| format!("{} {}", p.name, p.version.as_ref().unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[], &[]), ["app 2.0", "leaf 1.1"]);
    assert_eq!(chosen(&["app<2", "sdistonly"], &[]), ["app 1.5", "leaf 1.1"]);
    assert_eq!(chosen(&[], &["leaf==1.0"]), ["app 2.0", "leaf 1.0"]);
    assert_eq!(resolver(index()).resolve(&Request::default(), Stop::default()).unwrap(), Resolution::default());
}

#[test]
fn what_cannot_be_resolved_is_an_error_and_nothing_is_built() {
    for wanted in ["app>=3", "nowhere", "sdistonly"] {
        let request = Request { requirements: requirements(&[wanted]), ..Request::default() };
        let outcome = resolver(index()).resolve(&request, Stop::default());
        assert!(matches!(outcome, Err(ResolveError::Unresolvable(_))), "{wanted}: {outcome:?}");
        let found = unlocked(&project(&format!("\"{wanted}\"")), &resolver(index()), Stop::default());
        assert!(found.manifests.is_empty());
        let [said] = found.diagnostics.as_slice() else { panic!("{:?}", found.diagnostics) };
        assert!(said.gap && said.reason.starts_with("not resolved: uv found no resolution"), "{}", said.reason);
    }
}

#[test]
fn a_missing_uv_is_named_and_a_slow_index_is_given_up() {
    let request = Request { requirements: requirements(&["app"]), ..Request::default() };
    let missing = Resolver { uv: "/nowhere/uv".into(), ..resolver(index()) };
    let Err(error @ ResolveError::NoUv(_)) = missing.resolve(&request, Stop::default()) else { panic!("uv ran") };
    assert!(error.to_string().contains("`/nowhere/uv` is not installed"), "{error}");
    // accepts and never answers
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let slow = Resolver { timeout: Duration::from_millis(700), ..resolver(format!("http://{address}/simple/")) };
    let outcome = slow.resolve(&request, Stop::default());
    assert!(matches!(outcome, Err(ResolveError::Timeout(_))), "{outcome:?}");
    // told to stop, it does so long before its time is over
    let patient = Resolver { timeout: Duration::from_secs(600), ..slow };
    let told = AtomicBool::new(false);
    let outcome = std::thread::scope(|scope| {
        let resolving = scope.spawn(|| patient.resolve(&request, Stop::when(&told)));
        std::thread::sleep(Duration::from_millis(300));
        told.store(true, Ordering::Relaxed);
        resolving.join().unwrap()
    });
    assert!(matches!(outcome, Err(ResolveError::Stopped)), "{outcome:?}");
}

#[test]
fn credentials_of_the_index_stay_out_of_errors() {
    let word = ["pass", "phrase"].concat();
    let nobody = format!("http://someone:{word}@127.0.0.1:9/simple/");
    let request = Request { requirements: requirements(&["app"]), ..Request::default() };
    let error = resolver(nobody).resolve(&request, Stop::default()).unwrap_err();
    assert!(matches!(error, ResolveError::Index(_)), "{error:?}");
    let said = format!("{error} {error:?}");
    assert!(said.contains("app") && !said.contains(&word), "{said}");
}

/// The plan for some pins, of which `leaf` is fixed in 1.1, checked against an index.
fn verified(pins: &str, resolver: &Resolver) -> (FixPlan, Vec<scanner::Diagnostic>) {
    let json = br#"{"id":"X-1","affected":[{"package":{"ecosystem":"PyPI","name":"leaf"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1.1"}]}]}]}"#;
    let record = advisories::osv::read(json).unwrap().advisory;
    let index = AdvisoryIndex::build(vec![record], Default::default(), Vec::new(), "", "");
    let snapshot = MemorySnapshot::new([("requirements.txt", pins)]);
    let inventory = inventory::read(&snapshot);
    let findings = vulnerabilities::find(&inventory, &index, None).unwrap();
    let mut plan = plan::of(&inventory, &snapshot, &findings, &index, &NoReleases).unwrap();
    let cache = tempfile::tempdir().unwrap();
    let resolve = |request: &Request, timeout: Duration| {
        Resolver { timeout, cache: Some(cache.path().to_owned()), ..resolver.clone() }.resolve(request, Stop::default())
    };
    let check = Check {
        inventory: &inventory.manifests,
        index: &index,
        resolve: &resolve,
        address: resolver.index.as_deref(),
        patience: Duration::from_secs(30),
    };
    let gaps = verify(&mut plan, &check).unwrap();
    (plan, gaps)
}

#[test]
fn a_plan_is_checked_by_resolving_it() {
    use Verification::{CouldNotLook, DoesNotResolve, Resolves};
    let at_work = resolver(index());
    let missing = Resolver { uv: "/nowhere/uv".into(), ..at_work.clone() };
    let unreachable = resolver("http://127.0.0.1:9/simple/".to_owned());
    // (pins, resolver, the plan's word, a word of the reason)
    let cases = [
        ("leaf==1.0\napp==1.0\n", &at_work, Resolves, ""),
        ("leaf==1.0\nstrict==1.0\n", &at_work, DoesNotResolve, "depend on leaf<1.1"),
        // what was there does not go together either
        ("leaf==1.0\nstrict==9.0\n", &at_work, CouldNotLook, "does not resolve without the upgrades either"),
        ("leaf==1.0\nnowhere==1.0\n", &at_work, CouldNotLook, "nowhere was not found"),
        ("leaf==1.0\n", &missing, CouldNotLook, "`/nowhere/uv` is not installed"),
        ("leaf==1.0\n", &unreachable, CouldNotLook, "Connection refused"),
    ];
    for (pins, resolver, expected, word) in cases {
        let (plan, gaps) = verified(pins, resolver);
        let place = &plan.steps[0].places[0];
        assert_eq!((plan.verification, place.verification), (expected, expected), "{pins}: {place:?}");
        assert!(place.verification_reason.as_deref().unwrap_or_default().contains(word), "{pins}: {place:?}");
        assert_eq!(gaps.len(), usize::from(expected == CouldNotLook), "{gaps:?}");
    }
}
