//! Chains of edits: looking at the changes finds exactly what looking at everything finds.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::secrets::engine::KEY_BLOCK;
use crate::secrets::example::fill;
use crate::secrets::look::{is_divisible, look};
use crate::secrets::{RuleSet, Text};

/// Their expressions are compiled once.
static RULES: LazyLock<RuleSet> = LazyLock::new(|| RuleSet::builtin().unwrap());

/// Numbers from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// Lines that hold secrets, lines that nearly do, and what may stand beside them and change the verdict.
const LINES: &[&str] = &[
    "password = \"hunter{digit:3}!{alnum:6}\"",
    "DB_PASSWORD={alnum:14}",
    "api_key: {alnum:32}",
    "secret_token = '{alnum:24}'",
    "token",
    "  = \"{hex:40}\"",
    "x = \"{github:ghp_}\"",
    "datadog_api_key = \"{hex:32}\"",
    "datadog",
    "key: {hex:32}",
    "url = \"postgres://admin:{alnum:12}@db.internal/x\"",
    "data: {b64of:password=orange-tree-9}",
    "dsn = \"postgres://me:a%40{alnum:9}@db.internal/x\"",
    "100% of %20 and %41",
    "{\"k\": \"a\\u0042c\", \"password\": \"Zx9!{alnum:8}\"}",
    "text = \"{\\\"password\\\": \\\"Qx7!{alnum:8}\\\"}\"",
    "print(\"one\\n\")",
    "k = \"ghp_\" \\",
    "k = \"password=Xy7!{alnum:4}\" +",
    "    \"{alnum:6}\" +",
    "    \"{alnum:30}\"",
    "# secretarybird: ignore[generic-password] a test",
    "",
    "import os",
    "def function(argument, another):",
    "a rather long line of words that mean nothing to anybody and go on for a while, as lines in documents do, to the end of it",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "{b64:64}",
    "{pem:RSA PRIVATE KEY}",
    "curl -u me:{alnum:12} https://example.org",
    "aws_secret_access_key = {b64:40}",
];

fn lines(random: &mut Random, count: usize) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..count {
        let line = random.one_of(LINES);
        let seed = random.below(1000).to_string();
        text.push_str(&fill(line, &seed));
        text.push_str(random.one_of::<&str>(&["\n", "\n", "\n", "\r\n", " ", ""]));
        if random.below(12) == 0 {
            // further than any verdict looks
            text.push_str(&"nothing to see here;\n".repeat(random.below(120)));
        }
    }
    text.into_bytes()
}

/// Long lines of code with such lines in them, and some of a usual length between.
fn long_lines(random: &mut Random) -> Vec<u8> {
    let mut text = Vec::new();
    for _ in 0..1 + random.below(3) {
        text.extend(lines(random, 3));
        let length = random.below(3 * LONGEST);
        let end = text.len() + length;
        while text.len() < end {
            text.extend(format!("f{}(a,b);", random.below(1 << 20)).bytes());
            if random.below(200) == 0 {
                text.extend(lines(random, 1).into_iter().filter(|byte| *byte != b'\n'));
            }
        }
        text.push(b'\n');
    }
    text
}

/// A version made from another by a few edits, and how.
fn edited(random: &mut Random, base: &[u8]) -> (Vec<u8>, Changes) {
    let mut made = Vec::new();
    let mut copies = Vec::new();
    let mut copy = |made: &mut Vec<u8>, range: Range<usize>| {
        copies.push((made.len(), range.start, range.len()));
        made.extend_from_slice(&base[range]);
    };
    let mut at = 0;
    for _ in 0..random.below(5) {
        let next = at + random.below(base.len() - at + 1);
        copy(&mut made, at..next);
        at = next;
        match random.below(5) {
            // put in
            0 => made.extend(lines(random, 1)),
            1 => made.extend(lines(random, 4)),
            2 => {
                made.extend_from_slice(random.one_of::<&[u8]>(&[b"x", b"\n", b"\"", b"\\", b"%", b"key", b" = ", b"!"]))
            }
            // cut out
            3 => at = (at + random.below(400)).min(base.len()),
            // copy what stands elsewhere
            _ => {
                let from = random.below(base.len() + 1);
                let to = (from + random.below(3000)).min(base.len());
                copy(&mut made, from..to);
            }
        }
    }
    copy(&mut made, at..base.len());
    let changes = Changes::from_copies(base.len(), made.len(), &copies);
    (made, changes)
}

/// What a look saw, as it is told.
fn told(rules: &RuleSet, looked: &Looked) -> Vec<String> {
    let sightings = looked.sightings.iter().map(|seen| {
        let rule = &rules.get(seen.rule).unwrap().id;
        let secret = blake3::hash(seen.secret.expose()).to_hex();
        let (point, ignored) = (seen.point, seen.ignored.is_some());
        format!("{point:?} {rule} {secret} {:?} {:?} {ignored} {:?}", seen.confidence, seen.place, seen.evidence)
    });
    sightings.collect()
}

const PATHS: [Option<&str>; 6] =
    [None, Some("a.py"), Some("deploy/values.yml"), Some("tests/.env"), Some("uv.lock"), Some("README.md")];

/// More of them by `SECRETARYBIRD_CASES`.
fn cases() -> u32 {
    std::env::var("SECRETARYBIRD_CASES").map_or(24, |cases| cases.parse().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn changes_show_what_everything_shows(seed in any::<u64>()) {
        let engine = Engine::new(&RULES);
        let bounds = Bounds::default();
        let mut random = Random(seed);
        let count = 5 + random.below(60);
        let mut bytes = if random.below(4) == 0 { long_lines(&mut random) } else { lines(&mut random, count) };
        let mut seen = Seen::in_full(&engine, &bytes, &bounds).ok().unwrap();
        for _ in 0..5 {
            let full = Seen::in_full(&engine, &bytes, &bounds).ok().unwrap();
            let mut met = Vec::new();
            engine.meet(&bytes, 0..bytes.len(), &mut met);
            met.sort();
            prop_assert_eq!(&seen.anchors, &met);
            for path in PATHS {
                let judged = |seen: &Seen| told(&RULES, &look_again(&engine, &seen.placed(&bytes), path, &bounds));
                prop_assert_eq!(judged(&seen), judged(&full), "{:?}", path);
            }
            // under a path a look at the whole file may see more than any reading without one does
            let spots = told(&RULES, &look_again(&engine, &seen.placed(&bytes), None, &bounds));
            prop_assert_eq!(spots, told(&RULES, &look(&engine, &bytes, None, &bounds)));
            let (made, changes) = edited(&mut random, &bytes);
            if !is_divisible(&made) {
                break;
            }
            let by_changes = Seen::by_changes(&engine, &made, &seen, &changes, &bounds);
            seen = by_changes.or_else(|| Seen::in_full(&engine, &made, &bounds).ok()).unwrap();
            bytes = made;
        }
    }

    /// A verdict is the same when everything further away than it may look is cut off.
    #[test]
    fn verdicts_depend_on_what_is_near(seed in any::<u64>()) {
        let engine = Engine::new(&RULES);
        let mut random = Random(seed);
        let bytes = lines(&mut random, 60);
        let all = 0..bytes.len();
        for hit in engine.scan_within(&Text::new(&bytes, None), all).hits {
            let mut met = Vec::new();
            engine.meet(&bytes, hit.anchor..hit.anchor + 1, &mut met);
            // of several anchors at one place, any may have led to it
            let mut reach = met.iter().map(|met| engine.reach(*met)).max_by_key(|reach| reach.after).unwrap();
            if RULES.get(hit.rule).unwrap().family == "private-keys" {
                reach.after = KEY_BLOCK;
            }
            let start = hit.anchor.saturating_sub(reach.before);
            let end = bytes.len().min(hit.anchor + reach.after);
            let near = Text::new(&bytes[start..end], None);
            let again = engine.scan_within(&near, hit.anchor - start..hit.anchor - start + 1).hits;
            let found = again.iter().any(|other| {
                other.rule == hit.rule
                    && other.secret == (hit.secret.start - start..hit.secret.end - start)
                    && other.confidence == hit.confidence
            });
            prop_assert!(found, "{:?}", hit);
        }
    }
}

/// A file inside a piece of a line has lines of its own; what is found in it, or said of it, belongs to the line that holds it.
#[test]
fn a_file_inside_a_line() {
    use base64::Engine as _;
    use std::io::Write as _;
    let engine = Engine::new(&RULES);
    let bounds = Bounds::default();
    let inner = format!("{}{}", "nothing\n".repeat(300), fill("DB_PASSWORD={alnum:14}\n", "inner"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(inner.as_bytes()).unwrap();
    let mut packed = packed.finish().unwrap();
    for damaged in [false, true] {
        if damaged {
            packed.truncate(packed.len() - 12);
        }
        let encoded = base64::engine::general_purpose::STANDARD.encode(&packed);
        let text = format!("one: 1\ntwo: 2\ndata: {encoded}\nfour: 4\n");
        let seen = Seen::in_full(&engine, text.as_bytes(), &bounds).ok().unwrap();
        let again = look_again(&engine, &seen.placed(text.as_bytes()), None, &bounds);
        let full = look(&engine, text.as_bytes(), None, &bounds);
        assert_eq!(told(&RULES, &again), told(&RULES, &full));
        assert_eq!(again.diagnostics, full.diagnostics);
        assert_eq!((full.sightings.len(), full.diagnostics.len()), if damaged { (0, 1) } else { (1, 0) });
    }
}

/// In a line that is too long to be decoded as a whole, what was found in a row of it is found again by that row alone.
#[test]
fn a_piece_of_a_very_long_line() {
    let engine = Engine::new(&RULES);
    let bounds = Bounds::default();
    let noise: String = (0..LONGEST / 8).map(|number| format!("f{number}(a,b);")).collect();
    let pieces = [
        "x=\"db_p\\u0061ssword=\\\"{alnum:14}!\\\"\";",
        "y=\"{b64of:DB_PASSWORD=Sommer2024!xQ}\";",
        "\"postgres%3A%2F%2Fme%3Aa7{alnum:9}%40db.internal%2Fx\";",
    ];
    for piece in pieces {
        let piece = fill(piece, "long");
        let text = format!("one\n{noise}{piece}{noise}\nthree\n");
        let seen = Seen::in_full(&engine, text.as_bytes(), &bounds).ok().unwrap();
        let again = look_again(&engine, &seen.placed(text.as_bytes()), None, &bounds);
        let full = look(&engine, text.as_bytes(), None, &bounds);
        assert_eq!(told(&RULES, &again), told(&RULES, &full), "{piece}");
        assert!(full.sightings.iter().any(|seen| seen.place.is_some()), "{piece}");
        assert!(seen.kept < 64 << 10, "{piece}");
    }
}

#[test]
fn parts_of_a_changed_file() {
    let engine = Engine::new(&RULES);
    let line = "a token is not here, nothing at all.\n";
    let base = line.repeat(1000).into_bytes();
    let seen = Seen::in_full(&engine, &base, &Bounds::default()).ok().unwrap();
    // three bytes put in, in the middle of line 501
    let mut bytes = base.clone();
    bytes.splice(18510..18510, *b"key");
    let changes = Changes::from_copies(base.len(), bytes.len(), &[(0, 0, 18510), (18513, 18510, base.len() - 18510)]);
    let mut all = Vec::new();
    engine.meet(&bytes, 0..bytes.len(), &mut all);
    all.sort();
    let anchors = anchors_of(&engine, &bytes, &seen, &changes);
    assert_eq!(anchors, all);
    assert_eq!(anchors.len(), seen.anchors.len() + 1);
    // judged again are those that can see the change
    let changed: Vec<Range<usize>> = changes.changed().collect();
    let near = near_changes(&engine, &anchors, &changed, &[]);
    let sees = |met: &&Met| {
        let reach = engine.reach(**met);
        met.start() <= 18513 + reach.before && 18510 <= met.start() + reach.after
    };
    assert_eq!(near, all.iter().filter(sees).copied().collect::<Vec<_>>());
    assert!(near.len() > 10 && near.len() < 50, "{}", near.len());
    // the line, one before and one behind it
    let pieces = changed_rows(&bytes, &LongLines::default(), &changed, (&LongLines::default(), &changes));
    assert_eq!(pieces.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>(), [(499 * 37, 502 * 37 + 2)]);
}
