//! Servers that break, lie or stall, and proxies.

use std::time::Duration;

use advisories::feed::FeedKind;
use advisories::feed::download::Network;
use advisories::feed::state::StateDir;
use advisories::feed::sync::Outcome;
use sha2::{Digest, Sha256};

use crate::feeds::{affected, archive, run, run_over};
use crate::server::{Answer, rest, serve};

fn updated(records: usize) -> Vec<(FeedKind, Outcome)> {
    vec![(FeedKind::Osv, Outcome::Updated { records })]
}

fn reason(outcome: &[(FeedKind, Outcome)]) -> &str {
    match &outcome[0].1 {
        Outcome::Failed { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_silent_server_is_left_and_asked_for_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let whole = archive(50, "2.0");
    let silent = Answer { sent: 2_000, silent: Duration::from_secs(20), ..Answer::ok(&whole, "\"one\"") };
    let (url, requests) = serve(vec![silent, rest(&whole, 2_000)]);
    let network = Network { patience: Some(Duration::from_secs(1)), ..Network::default() };
    assert_eq!(run_over(&network, folder.path(), &[format!("osv={url}")], 1_000).unwrap(), updated(50));
    assert!(requests.iter().nth(1).unwrap().contains("range: bytes=2000-"));
}

#[test]
fn what_cannot_be_continued_begins_anew() {
    let whole = archive(50, "2.0");
    let broken = |etag: &str| Answer { sent: 1_000, ..Answer::ok(&whole, etag) };
    // (how it begins, what the server answers to the question for the rest)
    let cases = [
        ("no range any more", broken("\"one\""), Some(Answer::status("416 Range Not Satisfiable"))),
        ("another part than asked for", broken("\"one\""), Some(rest(&whole, 500))),
        ("the content changed meanwhile: the whole new one", broken("\"one\""), None),
        ("a weak validator joins nothing", broken("W/\"one\""), None),
    ];
    for (name, broken, middle) in cases {
        let folder = tempfile::tempdir().unwrap();
        let answers = [Some(broken), middle, Some(Answer::ok(&archive(60, "3.0"), "\"two\""))];
        let (url, _requests) = serve(answers.into_iter().flatten().collect());
        assert_eq!(run(folder.path(), &[format!("osv={url}")], 1_000).unwrap(), updated(60), "{name}");
        assert!(affected(folder.path(), "2.5"), "{name}");
    }
}

#[test]
fn a_pinned_digest_decides_and_a_server_that_never_answers_well_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let good = archive(5, "2.0");
    let digest = hex::encode(Sha256::digest(&good));
    let (url, _requests) = serve(vec![Answer::ok(&good, "\"a\""), Answer::ok(&archive(5, "9.0"), "\"b\"")]);
    let feeds = [format!("osv={url}#sha256={digest}")];
    assert_eq!(run(folder.path(), &feeds, 1_000).unwrap(), updated(5));
    let outcome = run(folder.path(), &feeds, 2_000).unwrap();
    assert!(reason(&outcome).contains("expected"), "{outcome:?}");
    assert!(!affected(folder.path(), "5.0"));

    let (url, requests) = serve(vec![
        Answer::status("500 Internal Server Error"),
        Answer::status("502 Bad Gateway"),
        Answer::status("503 Service Unavailable"),
    ]);
    let outcome = run(folder.path(), &[format!("osv={url}")], 3_000).unwrap();
    assert!(reason(&outcome).contains("503"), "{outcome:?}");
    assert_eq!(requests.iter().count(), 3, "as often as it may be tried");
    let state = StateDir::new(folder.path());
    let fact = &state.open().unwrap().feeds()[0].clone();
    assert_eq!((fact.records, fact.error.is_some()), (5, true), "a report says that renewing failed");
}

#[test]
fn a_proxy_is_asked_in_the_servers_place() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, requests) = serve(vec![Answer::ok(&archive(5, "2.0"), "\"a\"")]);
    let network = Network { proxy: Some(proxy), ..Network::default() };
    let feeds = ["osv=http://feeds.invalid/all.zip".to_owned()];
    assert_eq!(run_over(&network, folder.path(), &feeds, 1_000).unwrap(), updated(5));
    assert!(requests.recv().unwrap().starts_with("get http://feeds.invalid/all.zip"));
}
