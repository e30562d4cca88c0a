//! What a manual or a docstring shows is less sure than what a program runs with.

use scanner::finding::Confidence;
use scanner::secrets::{History, example};

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
    let confidence = |found| {
        let fingerprint = of(found, &key).fingerprint.clone();
        let same = |finding: &&scanner::finding::Finding| match &finding.detail {
            scanner::finding::Detail::Secret(detail) => detail.fingerprint == fingerprint,
            _ => false,
        };
        found.findings.iter().find(same).unwrap().confidence
    };
    assert_eq!(confidence(&all), confidence(&tree), "a history and a tree say the same");
    confidence(&all)
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
