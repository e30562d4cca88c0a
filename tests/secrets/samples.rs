//! What a manual or a docstring shows is less sure than what a program runs with.

use scanner::finding::{Confidence, Detail, Finding};
use scanner::secrets::{History, SecretsFound, example};

use super::git::Work;
use super::{of, scan};

/// How sure a key is that stands in these files, each made of a path and what is before and behind the key.
fn sure(files: &[(&str, &str, &str)]) -> Confidence {
    let key = example::fill("{hex:40}", "samples");
    let work = Work::new();
    let texts: Vec<(&str, String)> =
        files.iter().map(|(path, before, behind)| (*path, format!("{before}{key}{behind}"))).collect();
    let files: Vec<(&str, &str)> = texts.iter().map(|(path, text)| (*path, text.as_str())).collect();
    work.commit(&files, "first");
    let (all, tree) = (scan(&work, &History::All), scan(&work, &History::Tree));
    assert_eq!(confidence(&all, &key), confidence(&tree, &key), "a history and a tree say the same");
    confidence(&all, &key)
}

fn confidence(found: &SecretsFound, key: &str) -> Confidence {
    let fingerprint = of(found, key).fingerprint.clone();
    let same = |finding: &&Finding| match &finding.detail {
        Detail::Secret(detail) => detail.fingerprint == fingerprint,
        _ => false,
    };
    found.findings.iter().find(same).unwrap().confidence
}

#[test]
fn what_stands_in_a_test_now_is_judged_there() {
    let key = example::fill("{hex:40}", "moved");
    let setting = format!("API_TOKEN=\"{key}\"\n");
    let moved = |before: &str, now: Option<&str>| {
        let work = Work::new();
        work.commit(&[(before, &setting)], "first");
        let gone = (before, "# moved\n");
        let files = [&[gone][..], &now.map(|path| (path, setting.as_str())).into_iter().collect::<Vec<_>>()].concat();
        work.commit(&files, "second");
        confidence(&scan(&work, &History::All), &key)
    };
    assert_eq!(moved("app.py", None), Confidence::High);
    assert_eq!(moved("app.py", Some("client.py")), Confidence::High);
    assert_eq!(moved("app.py", Some("tests/client.py")), Confidence::Medium);
    assert_eq!(moved(".env", Some("tests/client.py")), Confidence::High, "something was set up by it");
}

#[test]
fn a_sample_of_the_manual_is_one_in_the_program() {
    let code = ("app.py", "API_TOKEN = \"", "\"\n");
    let manual = ("docs/use.md", "Set `API_TOKEN=", "` first.\n");
    let setting = (".env", "API_TOKEN=", "\n");
    assert_eq!(sure(&[code]), Confidence::High);
    assert_eq!(sure(&[manual]), Confidence::Medium);
    assert_eq!(sure(&[code, manual]), Confidence::Medium);
    assert_eq!(sure(&[setting, manual]), Confidence::High, "a program runs with it");
}

#[test]
fn a_key_that_a_test_has_is_that_tests() {
    let key = example::fill("{pem:RSA PRIVATE KEY}", "tested");
    let confidence_in = |paths: &[&str]| {
        let work = Work::new();
        let files: Vec<(&str, &str)> = paths.iter().map(|path| (*path, key.as_str())).collect();
        work.commit(&files, "first");
        // only the history has it
        let gone: Vec<(&str, &str)> = paths.iter().map(|path| (*path, "gone\n")).collect();
        work.commit(&gone, "second");
        confidence(&scan(&work, &History::All), &key)
    };
    assert_eq!(confidence_in(&["certs/server.key"]), Confidence::High);
    assert_eq!(confidence_in(&["certs/server.key", "tests/server.key"]), Confidence::Medium);
    assert_eq!(confidence_in(&["certs/server.key", "deploy/.env"]), Confidence::High);
}

#[test]
fn docstrings_and_entries_named_example() {
    let filler = "        Words about it that go on for a while.\n".repeat(20);
    let docstring = format!("def f():\n    \"\"\"Asks for it.\n\n{filler}\n        {{\"api_token\": \"");
    assert_eq!(sure(&[("app.py", &docstring, "\"}\n    \"\"\"\n")]), Confidence::Medium);
    let after = format!("def f():\n    \"\"\"Asks for it.\n\n{filler}    \"\"\"\n    api_token = \"");
    assert_eq!(sure(&[("app.py", &after, "\"\n")]), Confidence::High);
    let example = "paths:\n  x:\n    example:\n      api_token: ";
    assert_eq!(sure(&[("api.yml", example, "\n")]), Confidence::Medium);
}

#[test]
fn a_password_with_percent_escapes_is_told_once() {
    let work = Work::new();
    let password = example::fill("kV{alnum:8}%40{alnum:4}", "percent");
    work.commit(&[("app.py", &format!("URL = \"postgres://app:{password}@db.internal/app\"\n"))], "first");
    let found = scan(&work, &History::All);
    of(&found, &password);
    assert_eq!(found.findings.len(), 1, "{:#?}", found.findings);
}

#[test]
fn a_token_in_base64_is_told_as_that_token() {
    let work = Work::new();
    let token = example::fill("{github:ghp_}", "base64");
    let encoded = example::fill(&format!("{{b64of:{token}}}"), "");
    work.commit(&[("deploy.yml", &format!("data:\n  token: {encoded}\n"))], "first");
    let found = scan(&work, &History::All);
    of(&found, &token);
    assert_eq!(found.findings.len(), 1, "{:#?}", found.findings);
}

#[test]
fn the_line_now_and_the_line_then() {
    let work = Work::new();
    let token = example::fill("{github:ghp_}", "lines");
    work.commit(&[("app.py", &format!("x = 1\nTOKEN = \"{token}\"\n"))], "first");
    work.commit(&[("app.py", &format!("x = 1\ny = 2\nz = 3\nTOKEN = \"{token}\"\n"))], "second");
    let found = scan(&work, &History::All);
    let place = &of(&found, &token).occurrences[0];
    assert_eq!((place.line, place.line_in_commit, place.in_head), (Some(4), Some(2), true), "{place:?}");
}
