use super::*;

#[test]
fn a_whole_record() {
    let read = read(
        br#"{"id":"GHSA-x","aliases":["CVE-2024-1"],"summary":"s","details":"d","published":"2024-01-01T00:00:00Z","modified":"2024-02-01T00:00:00Z",
        "severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}],"database_specific":{"severity":"HIGH","cwe_ids":["CWE-79"]},
        "references":[{"type":"WEB","url":"https://example.org/a"}],
        "affected":[{"package":{"ecosystem":"PyPI","name":"Zope.Interface"},"versions":["1.0"],
          "ranges":[{"type":"GIT","repo":"https://example.org/r","events":[{"introduced":"0"},{"fixed":"abc"}]},{"type":"ECOSYSTEM","events":[{"introduced":"0","fixed":"2"}]}],
          "ecosystem_specific":{"affected_functions":["", "zope.interface.verify"]}},
         {"package":{"ecosystem":"npm","name":"@a/b"}}]}"#,
    )
    .unwrap();
    assert_eq!(read.problems, Vec::<String>::new());
    let advisory = read.advisory;
    assert_eq!(advisory.severity(), Severity::Medium, "the vector counts before the word");
    assert_eq!(advisory.cwes, ["CWE-79"]);
    assert_eq!(advisory.affected.len(), 1);
    let affected = &advisory.affected[0];
    assert_eq!(affected.package.as_ref().unwrap().as_str(), "zope-interface");
    assert_eq!(affected.symbols, ["zope.interface.verify"]);
    assert_eq!(affected.ranges[1].events, [Event::Introduced("0".into()), Event::Fixed("2".into())]);
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_counts() {
    // (record, id kept, affected entries kept, a word of the problem)
    let cases: &[(&str, Option<usize>, &str)] = &[
        ("{", None, "not JSON"),
        ("[]", None, "object"),
        (r#"{"aliases":[]}"#, None, "no `id`"),
        (r#"{"id":7}"#, None, "no `id`"),
        (r#"{"id":""}"#, None, "empty"),
        (r#"{"id":"X-1\u001b[2J"}"#, None, "letters"),
        (r#"{"id":"X-1","affected":{}}"#, None, "not a list"),
        (
            r#"{"id":"X-1","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":[1.0]},{"package":{"ecosystem":"PyPI","name":"b"}}]}"#,
            Some(1),
            "affected[0]",
        ),
        (r#"{"id":"X-1","affected":[{"package":{"ecosystem":"PyPI","name":"a b"}}]}"#, Some(0), "not a package name"),
        (
            r#"{"id":"X-1","affected":[{"package":{"ecosystem":"PyPI","name":"a"},"ranges":[{"type":"MOON","events":[]}]}]}"#,
            Some(1),
            "MOON",
        ),
        (
            r#"{"id":"X-1","severity":"bad","affected":[{"package":{"ecosystem":"PyPI","name":"a"}}]}"#,
            Some(1),
            "`severity`",
        ),
        (r#"{"id":"X-1","severity":[{"type":"CVSS_V3","score":"nonsense"}]}"#, Some(0), "CVSS vector"),
        (r#"{"id":"X-1","aliases":["a b"]}"#, Some(0), "no id"),
        (r#"{"id":"X-1","references":5}"#, Some(0), "`references`"),
    ];
    for (text, kept, word) in cases {
        match (read(text.as_bytes()), kept) {
            (Ok(read), Some(kept)) => {
                assert_eq!(read.advisory.affected.len(), *kept, "{text}");
                assert!(read.problems.iter().any(|problem| problem.contains(word)), "{text}: {:?}", read.problems);
            }
            (Err(malformed), None) => assert!(malformed.reason.contains(word), "{text}: {malformed}"),
            (read, _) => panic!("{text}: {read:?}"),
        }
    }
}

#[test]
fn nulls_are_empty_lists_and_a_strange_withdrawal_is_one() {
    let read_one = |text: &str| read(text.as_bytes()).unwrap();
    let plain =
        read_one(r#"{"id":"X-1","aliases":null,"affected":null,"references":null,"severity":null,"withdrawn":null}"#);
    assert_eq!(plain.problems, Vec::<String>::new());
    assert_eq!(plain.advisory.withdrawn, None);
    assert!(read_one(r#"{"id":"X-1","withdrawn":true}"#).advisory.withdrawn.is_some());
}

/// Flips, cuts and repeats bytes of a good record, with a fixed seed: whatever comes out, the reader answers and never panics.
#[test]
fn mutated_records_are_read_or_refused() {
    let good = br#"{"id":"X-1","aliases":["CVE-1"],"severity":[{"type":"CVSS_V4","score":"CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N"}],"affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["1.0","2.0+x","1.0-NA"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1!2.0rc1"}]}]}]}"#;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut readable = 0;
    for _ in 0..20_000 {
        let mut bytes = good.to_vec();
        for _ in 0..=next(3) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = next(256) as u8,
                1 => bytes.truncate(at.max(1)),
                2 => bytes.insert(at, b"\"{}[]:,0\\"[next(9)]),
                _ => {
                    let piece = bytes[at..(at + 12).min(bytes.len())].to_vec();
                    let to = next(bytes.len());
                    bytes.splice(to..to, piece);
                }
            }
        }
        if let Ok(read) = read(&bytes) {
            readable += 1;
            for range in read.advisory.affected.iter().flat_map(|affected| &affected.ranges) {
                let _ = crate::range::intervals(range);
            }
        }
    }
    assert!(readable > 1_000, "the mutations leave something to read: {readable}");
}
