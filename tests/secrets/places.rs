//! Inside of files: notebooks, encodings, archives, comments that ignore, bombs.

use std::collections::BTreeSet;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::content::{gzip, tarred, utf16, zipped};
use super::git::Work;
use super::{of, scan, token};
use scanner::secrets::History;

#[test]
fn what_a_kubernetes_secret_holds_is_the_same_secret_elsewhere() {
    let work = Work::new();
    let secret = format!("Kw7{}!", &token(221)[8..20]);
    let encoded = STANDARD.encode(&secret);
    work.write("app.env", format!("DB_PASSWORD={secret}\n").as_bytes());
    work.write("k8s/secret.yml", format!("kind: Secret\ndata:\n  db-password: {encoded}\n").as_bytes());
    work.commit(&[], "both");
    let found = scan(&work, &History::All);
    assert_eq!(found.findings.len(), 1, "{:#?}", found.findings);
    assert_eq!(of(&found, &secret).occurrences.len(), 2);
}

#[test]
fn encodings_and_archives() {
    let work = Work::new();
    let secret = token;
    let plain = |seed: u32| format!("x = 1\nkey = {}\n", secret(seed));
    let (front, back) = (secret(209)[..20].to_owned(), secret(209)[20..].to_owned());
    let files: Vec<(u32, &str, Vec<u8>, u32)> = vec![
        (200, "k8s.yaml", format!("kind: Secret\ndata:\n  key: {}\n", STANDARD.encode(secret(200))).into(), 3),
        (201, "nested.txt", STANDARD.encode(format!("a={}", STANDARD.encode(plain(201)))).into(), 1),
        (202, "hex.txt", format!("\n\n{}\n", hex::encode(plain(202))).into(), 3),
        (203, "percent.txt", format!("u=%3Ftoken%3D{}\n", secret(203).replace('_', "%5F")).into(), 1),
        (204, "unicode.json", format!("{{\"a\": 1,\n\"k\": \"{}\"}}\n", secret(204).replace('_', "\\u005f")).into(), 2),
        (205, "wide.txt", utf16(&plain(205)), 2),
        (206, "a.txt.gz", gzip(plain(206).as_bytes()), 2),
        (207, "a.whl", zipped("pkg/settings.py", plain(207).as_bytes()), 2),
        (208, "a.tar.gz", gzip(&tarred("inner.zip", &zipped("deep/x.py", plain(208).as_bytes()))), 2),
        (209, "joined.py", format!("k = ('{front}'\n     '{back}')\n").into(), 1),
        (210, "binary.bin", [&[0, 1, 2, 3][..], secret(210).as_bytes(), &[0, 9]].concat(), 1),
    ];
    for (_, path, content, _) in &files {
        work.write(path, content);
    }
    work.commit(&[], "all");
    let found = scan(&work, &History::All);
    assert!(found.diagnostics.is_empty(), "{:?}", found.diagnostics);
    for (seed, path, _, line) in files {
        let place = &of(&found, &secret(seed)).occurrences[0];
        assert_eq!((place.path.as_deref(), place.line), (Some(path), Some(line)), "{place:?}");
    }
    let place = of(&found, &secret(208)).occurrences[0].place.clone().unwrap();
    assert_eq!(place, "gzip, archive member inner.zip, archive member deep/x.py");
}

#[test]
fn compiled_python() {
    let work = Work::new();
    let secret = token(220);
    // PEP 552 header, then two short strings as marshal writes them: the second one's type byte stands against the first one's end
    let mut file = vec![0xcb, 0x0d, b'\r', b'\n', 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    for text in [secret.as_str(), "zebra and more"] {
        file.extend([b'z', text.len() as u8]);
        file.extend(text.as_bytes());
    }
    work.write("a.pyc", file);
    work.commit(&[], "all");
    let found = scan(&work, &History::All);
    assert_eq!(of(&found, &secret).occurrences[0].place.as_deref(), Some("compiled Python"));
}

#[test]
fn notebooks_give_cell_and_line() {
    let work = Work::new();
    let (source, output) = (token(230), token(231));
    let (front, back) = source.split_at(15);
    let notebook = format!(
        "{{\n \"cells\": [\n  {{\"cell_type\": \"markdown\", \"source\": \"# x\"}},\n  {{\"cell_type\": \"code\",\n   \"source\": [\n    \
         \"import os\\n\",\n    \"k = ('{front}'\\n\",\n    \"  '{back}')\\n\"\n   ],\n   \"outputs\": [{{\"text\": [\n    \
         \"{output}\\n\"]}}]}}\n ], \"nbformat\": 4}}\n"
    );
    work.commit(&[("a.ipynb", &notebook)], "all");
    let found = scan(&work, &History::All);
    let place = &of(&found, &source).occurrences[0];
    assert_eq!((place.cell, place.line), (Some(1), Some(7)), "{place:?}");
    let place = &of(&found, &output).occurrences[0];
    assert_eq!(place.line, Some(11), "{place:?}");
}

#[test]
fn comments_that_ignore_hold_for_their_place_alone() {
    let work = Work::new();
    let (once, twice) = (token(240), token(241));
    let found_rule = {
        work.commit(&[("a.py", &format!("a = '{once}'\n"))], "first");
        scan(&work, &History::All).findings[0].rule.clone()
    };
    let work = Work::new();
    let text = format!(
        "a = '{once}'  # secretarybird: ignore[{found_rule}] a sample\nb = '{twice}'  # gitleaks:allow\nc = '{twice}'\n"
    );
    work.commit(&[("a.py", &text)], "first");
    let found = scan(&work, &History::All);
    let ignored: Vec<_> = found.findings.iter().filter_map(|finding| finding.ignored.as_ref()).collect();
    assert_eq!(ignored.len(), 1, "{:#?}", found.findings);
    assert_eq!((ignored[0].by.as_str(), ignored[0].reason.as_str()), ("inline", "a sample"));
}

#[test]
fn what_is_elsewhere_is_said() {
    let work = Work::new();
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n", "ab".repeat(32));
    work.commit(&[("model.bin", &pointer)], "lfs");
    let found = scan(&work, &History::All);
    assert!(found.findings.is_empty());
    let said = &found.diagnostics[0];
    assert!(!said.gap && said.path.as_deref() == Some("model.bin") && said.reason.contains("LFS"), "{said:?}");
}

#[test]
fn bombs_end_with_a_word() {
    let work = Work::new();
    let zeros = vec![0; 24 << 20];
    let mut bomb = gzip(&zeros);
    for _ in 0..8 {
        bomb = gzip(&bomb);
    }
    work.write("deep.gz", &bomb);
    let archive = {
        let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        for number in 0..6 {
            archive.start_file(format!("{number}"), zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(&zeros).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    work.write("wide.zip", archive);
    let mut nested = "password=x".to_owned();
    for _ in 0..12 {
        nested = STANDARD.encode(nested);
    }
    work.write("nested.txt", nested);
    work.commit(&[], "bombs");
    let found = scan(&work, &History::All);
    let gaps: BTreeSet<_> =
        found.diagnostics.iter().filter(|said| said.gap).filter_map(|said| said.path.as_deref()).collect();
    assert_eq!(gaps, BTreeSet::from(["deep.gz", "nested.txt", "wide.zip"]), "{:?}", found.diagnostics);
}
