use super::*;

type Piece = (usize, &'static str, &'static str);

fn all(text: &str) -> Vec<(usize, String, &'static str)> {
    fragments(text.as_bytes(), &[])
        .into_iter()
        .map(|found| (found.offset, String::from_utf8_lossy(&found.bytes).into_owned(), found.how))
        .collect()
}

#[test]
fn pieces() {
    let encoded = base64::engine::general_purpose::STANDARD.encode("password=orange-tree-9");
    let cases: Vec<(String, Vec<Piece>)> = vec![
        (format!("data: {encoded}\n"), vec![(6, "password=orange-tree-9", "base64")]),
        (format!("x={}", hex::encode("password=orange")), vec![(2, "password=orange", "hexadecimal")]),
        (format!("dsn = \"db://a:{}@h/\"", "b%40c"), vec![(7, "db://a:b@c@h/", "percent escapes")]),
        (r#"{"k": "a\u0042c"}"#.into(), vec![(0, "{\"k\": \"aBc\"}", "escapes")]),
        ("k = \"abc\" +\n    \"def\"\n".into(), vec![(0, "k = \"abcdef\"\n", "joined literals")]),
        ("k = ('abc'\n  f'def'\n  'ghi')\n".into(), vec![(0, "k = ('abcdefghi')\n", "joined literals")]),
        ("k = (\"a:\"\n  \"b: c\")\n".into(), vec![(0, "k = (\"a:b: c\")\n", "joined literals")]),
        // what looks encoded and is not
        ("\"one\": \"a\"\n\"two\": \"b\"\n".into(), vec![]),
        ("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into(), vec![]),
        ("integrity sha512-Uj2ZPrTnFDGbqQ9Y5wxXxBpiN1zsoCWtL4qUwb2nJ1m0Zs8RkQ==".into(), vec![]),
        ("a_rather_long_identifier_of_python_code()".into(), vec![]),
        ("50% of 100%".into(), vec![]),
        ("x = \"one\"\ny = \"two\"\n".into(), vec![]),
    ];
    for (text, expected) in cases {
        let expected: Vec<_> = expected.into_iter().map(|(at, bytes, how)| (at, bytes.to_owned(), how)).collect();
        assert_eq!(all(&text), expected, "{text}");
    }
}

#[test]
fn base64_that_is_broken_over_lines() {
    let plain = format!("{}password=orange-tree-9\n", "a line of words that goes on\n".repeat(9));
    let encoded = base64::engine::general_purpose::STANDARD.encode(&plain);
    for (width, indent, end) in [(64, "", "\n"), (76, "    ", "\n"), (76, "", "\r\n"), (60, "\t", "\n")] {
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(width).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let body: String = lines.iter().map(|line| format!("{indent}{line}{end}")).collect();
        let text = format!("body: !!binary |{end}{body}next: 1{end}");
        let at = text.find(lines[0]).unwrap();
        assert_eq!(all(&text), [(at, plain.clone(), "base64")], "{text}");
        // the last line ends the text
        let cut = text[..text.find("next").unwrap()].trim_end();
        assert_eq!(all(cut), [(at, plain.clone(), "base64")], "{cut}");
    }
    // each line is a text of its own
    let line = |text: &str| base64::engine::general_purpose::STANDARD.encode(text.repeat(5));
    let (one, other) = (line("some words a"), line("and others b"));
    assert_eq!(all(&format!("{one}\n  {other}\n")).len(), 2);
    // lines that begin like text and go on as anything else: each of them once, whatever their number
    let worthless = format!("cGFzc3dvcmQ9b3Jh{}\n", "+/7/".repeat(15));
    assert_eq!(all(&worthless.repeat(50_000)), []);
    let in_one_line = format!("{} ", worthless.trim());
    assert_eq!(all(&in_one_line.repeat(50_000)), []);
    // a certificate is none
    assert_eq!(all(&format!("{}\n{}\n", "MIIC7z+/".repeat(8), "qZ+/aB3x".repeat(8))), []);
}

proptest::proptest! {
    #[test]
    fn any_bytes_end_without_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
        for found in fragments(&bytes, &[]) {
            proptest::prop_assert!(found.offset <= bytes.len());
        }
    }

    #[test]
    fn a_beginning_is_what_the_decoder_says(bytes in proptest::collection::vec(proptest::num::u8::ANY, 9)) {
        for alphabet in [&STANDARD, &URL_SAFE] {
            let run = alphabet.encode(&bytes);
            proptest::prop_assert_eq!(&beginning(run.as_bytes().first_chunk().unwrap())[..], &bytes[..]);
        }
    }

    #[test]
    fn any_line_of_quotes_and_escapes_ends_without_panic(text in "[\"'\\\\+%u0-4\n a-c/=]{0,200}") {
        let _ = fragments(text.as_bytes(), &[]);
    }
}

#[test]
fn the_alphabet_is_the_same_by_table_and_by_arithmetic() {
    for byte in 0..=u8::MAX {
        for place in 0..64 {
            let mut block = [b'.'; 64];
            block[place] = byte;
            assert_eq!(alphabet(&block), u64::from(RUN[usize::from(byte)]) << place, "{byte:#04x} at {place}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn long_runs_are_those_of_a_plain_loop(parts in proptest::collection::vec((0..40usize, 0..40usize, 0..3usize), 0..12)) {
        let mut text = String::new();
        for (run, gap, long) in parts {
            text.push_str(&"aB3+/-_z".repeat(9 * long));
            text.push_str(&"x9".repeat(20)[..run]);
            text.push_str(&" .".repeat(20)[..gap]);
        }
        let (mut expected, mut at) = (Vec::new(), 0);
        for part in text.split_inclusive([' ', '.']) {
            let run = part.trim_end_matches([' ', '.']).len();
            expected.extend((run >= SHORTEST_BASE64).then_some(at..at + run));
            at += part.len();
        }
        let mut found = Vec::new();
        long_runs(text.as_bytes(), |run| found.push(run));
        proptest::prop_assert_eq!(found, expected);
    }
}
