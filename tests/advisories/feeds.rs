use std::path::Path;
use std::time::Duration;

use advisories::Version;
use advisories::feed::download::{Network, Retry, client};
use advisories::feed::state::StateDir;
use advisories::feed::sync::{Options, Outcome, SyncError, sync};
use advisories::feed::{Feed, FeedKind, bundle};
use jiff::Timestamp;

use crate::server::{Answer, rest, serve};

pub fn record(number: usize, fixed: &str) -> String {
    format!(
        r#"{{"id":"PYSEC-2024-{number}","aliases":["CVE-2024-{number}"],"modified":"2024-01-01T00:00:00Z","affected":[{{"package":{{"ecosystem":"PyPI","name":"pkg{number}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{fixed}"}}]}}]}}]}}"#
    )
}

pub fn archive(count: usize, fixed: &str) -> Vec<u8> {
    let members: Vec<String> = (0..count).map(|number| record(number, fixed)).collect();
    format!("[{}]", members.join(",")).into_bytes()
}

pub fn run(state: &Path, feeds: &[String], time: i64) -> Result<Vec<(FeedKind, Outcome)>, SyncError> {
    run_over(&Network::default(), state, feeds, time)
}

pub fn run_over(
    network: &Network,
    state: &Path,
    feeds: &[String],
    time: i64,
) -> Result<Vec<(FeedKind, Outcome)>, SyncError> {
    let feeds: Vec<Feed> = feeds.iter().map(|feed| feed.parse().unwrap()).collect();
    let retry = Retry { attempts: 3, pause: Duration::from_millis(5) };
    let options = Options { accept_shrink: false, retry, now: Timestamp::from_second(time).unwrap() };
    let client = client(network).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sync(&StateDir::new(state), &feeds, &client, &options))
}

pub fn affected(state: &Path, version: &str) -> bool {
    StateDir::new(state).open().unwrap().is_affected(&"pkg1".parse().unwrap(), &Version::new(version))
}

#[test]
fn conditional_requests_and_kept_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let (url, requests) = serve(vec![
        Answer::ok(&archive(5, "2.0"), "\"one\""),
        Answer::status("304 Not Modified"),
        Answer::ok(&archive(6, "3.0"), "\"two\""),
    ]);
    let feeds = [format!("osv={url}")];
    assert_eq!(run(folder.path(), &feeds, 1_000).unwrap(), [(FeedKind::Osv, Outcome::Updated { records: 5 })]);
    assert!(!requests.recv().unwrap().contains("if-none-match"));
    assert_eq!(run(folder.path(), &feeds, 2_000).unwrap(), [(FeedKind::Osv, Outcome::Unchanged)]);
    assert!(requests.recv().unwrap().contains("if-none-match: \"one\""));
    assert!(affected(folder.path(), "1.0") && !affected(folder.path(), "2.5"));
    assert_eq!(run(folder.path(), &feeds, 3_000).unwrap(), [(FeedKind::Osv, Outcome::Updated { records: 6 })]);
    assert!(affected(folder.path(), "2.5"));

    let state = StateDir::new(folder.path());
    // each feed has its clock: asked last at 3000, and its content is of then
    let clock =
        |index: &advisories::AdvisoryIndex| index.feeds()[0].age_seconds(Timestamp::from_second(3_600).unwrap());
    assert_eq!(clock(&state.open().unwrap()), Some(600));
    let then = state.as_of(Timestamp::from_second(2_500).unwrap()).unwrap().unwrap();
    let then = advisories::snapshot::open(&then).unwrap();
    assert_eq!((then.records(), clock(&then)), (5, Some(2_600)));
    assert_eq!(state.as_of(Timestamp::from_second(999).unwrap()).unwrap(), None);
}

#[test]
fn a_broken_download_is_continued_and_a_busy_server_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let whole = archive(50, "2.0");
    let broken = Answer { sent: 1_000, ..Answer::ok(&whole, "\"one\"") };
    let (url, requests) = serve(vec![Answer::status("503 Service Unavailable"), broken, rest(&whole, 1_000)]);
    assert_eq!(
        run(folder.path(), &[format!("osv={url}")], 1_000).unwrap(),
        [(FeedKind::Osv, Outcome::Updated { records: 50 })]
    );
    let heads: Vec<String> = requests.iter().collect();
    assert!(heads[2].contains("range: bytes=1000-") && heads[2].contains("if-range: \"one\""), "{}", heads[2]);
}

#[test]
fn what_is_not_good_does_not_replace_what_is() {
    let malformed: Vec<String> =
        (0..40).map(|at| if at < 20 { record(at, "9") } else { r#"{"id":7}"#.to_owned() }).collect();
    // (what the server sends, a word of the reason)
    let cases: Vec<(Answer, &str)> = vec![
        (Answer::ok(&archive(20, "9"), "\"x\""), "shrank from 40 to 20"),
        (Answer::ok(b"<html>maintenance</html>", "\"x\""), "neither a zip archive"),
        (Answer::ok(b"PK\x03\x04 cut off", "\"x\""), "zip"),
        (Answer::ok(format!("[{}]", malformed.join(",")).as_bytes(), "\"x\""), "problems in"),
        (Answer::ok(b"[]", "\"x\""), "not a single record"),
        (Answer::status("404 Not Found"), "404"),
    ];
    for (answer, word) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (url, _requests) = serve(vec![Answer::ok(&archive(40, "2.0"), "\"one\""), answer]);
        let feeds = [format!("osv={url}")];
        run(folder.path(), &feeds, 1_000).unwrap();
        let outcome = run(folder.path(), &feeds, 2_000).unwrap();
        assert!(matches!(&outcome[0].1, Outcome::Failed { reason } if reason.contains(word)), "{word}: {outcome:?}");
        let state = StateDir::new(folder.path()).state(FeedKind::Osv).unwrap().unwrap();
        assert_eq!((state.records, state.failures), (40, 1), "{word}");
        assert!(affected(folder.path(), "1.0") && !affected(folder.path(), "2.5"), "{word}");
    }
}

#[test]
fn an_index_that_cannot_be_opened_is_replaced_and_said_so() {
    // (what stands in its place, a word of what is said)
    let cases: [(&[u8], Option<&str>); 3] = [
        (b"no snapshot at all", Some("not an advisory snapshot")),
        (b"", Some("not an advisory snapshot")),
        (b"-", None),
    ];
    for (bytes, said) in cases {
        let folder = tempfile::tempdir().unwrap();
        let (url, _requests) =
            serve(vec![Answer::ok(&archive(5, "2.0"), "\"one\""), Answer::ok(&archive(6, "3.0"), "\"two\"")]);
        let feeds = [format!("osv={url}")];
        run(folder.path(), &feeds, 1_000).unwrap();
        let current = StateDir::new(folder.path()).current();
        // one that is not there has nothing to say
        if said.is_some() { std::fs::write(&current, bytes) } else { std::fs::remove_file(&current) }.unwrap();
        run(folder.path(), &feeds, 2_000).unwrap();
        let index = StateDir::new(folder.path()).open().unwrap();
        let problems: Vec<String> = index.problems().iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), usize::from(said.is_some()), "{problems:?}");
        assert!(
            said.is_none_or(|word| problems[0].contains(word) && problems[0].contains("begins anew")),
            "{problems:?}"
        );
        assert!(affected(folder.path(), "2.5"));
    }
}

#[test]
fn one_bad_feed_does_not_stop_the_others_and_signals_stand_beside() {
    let folder = tempfile::tempdir().unwrap();
    let (osv, _a) = serve(vec![Answer::ok(&archive(5, "2.0"), "\"a\"")]);
    let (kev, _b) = serve(vec![Answer::ok(
        br#"{"vulnerabilities":[{"cveID":"CVE-2024-1","dateAdded":"2024-02-01"},{"cveID":"CVE-1999-1"}]}"#,
        "\"a\"",
    )]);
    let (epss, _c) = serve(vec![Answer::status("404 Not Found")]);
    let outcome =
        run(folder.path(), &[format!("epss={epss}"), format!("osv={osv}"), format!("kev={kev}")], 1_000).unwrap();
    assert!(matches!(outcome[0].1, Outcome::Failed { .. }), "{outcome:?}");
    let index = StateDir::new(folder.path()).open().unwrap();
    let found = index.matches(&"pkg1".parse().unwrap(), &Version::new("1.0")).unwrap();
    assert_eq!((found[0].kev, found[0].epss), (Some(true), None));
    assert_eq!(index.signals().kev.as_ref().unwrap().len(), 1, "only CVEs that a record names are kept");
}

#[test]
fn a_state_crosses_an_air_gap_in_one_file_and_a_forged_one_does_not() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = here.path().join("own.json");
    std::fs::write(&source, archive(5, "2.0")).unwrap();
    run(here.path(), &[format!("own=file://{}", source.display())], 1_000).unwrap();
    let file = there.path().join("advisories.bundle");
    assert_eq!(bundle::export(&StateDir::new(here.path()), &file).unwrap(), 1);

    let state = StateDir::new(&there.path().join("state"));
    let now = Timestamp::from_second(5_000).unwrap();
    assert_eq!(bundle::import(&state, &file, now).unwrap(), [FeedKind::Own]);
    assert!(affected(state.root(), "1.0"));

    std::fs::write(here.path().join("feeds/own/content"), archive(5, "9.0")).unwrap();
    bundle::export(&StateDir::new(here.path()), &file).unwrap();
    let refused = bundle::import(&state, &file, now).unwrap_err().to_string();
    assert!(refused.contains("SHA-256"), "{refused}");
    assert!(!affected(state.root(), "2.5"));
    std::fs::write(&file, b"nonsense").unwrap();
    assert!(bundle::import(&state, &file, now).is_err());
}

#[test]
fn nothing_at_all_is_an_error_and_not_an_empty_index() {
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("osv=file://{}/missing.zip", folder.path().display());
    let outcome = run(folder.path(), &[missing], 1_000);
    assert!(matches!(outcome, Err(SyncError::Nothing)), "{outcome:?}");
}
