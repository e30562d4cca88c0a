//! What a person reads as one word though it is written in parts: literals added on one line, and lines that a backslash continues.

use super::fragment::Fragment;

/// So far around a joint a line is read.
const AROUND: usize = 512;
/// Deeper, no line is indented.
const DEEPEST: usize = 64;
/// More lines continue one another in no secret.
const MOST_LINES: usize = 16;

pub(super) fn spliced(text: &[u8], found: &mut Vec<Fragment>) {
    added(text, found);
    continued(text, found);
}

/// `'abc' + 'def'`: the joint is taken out.
fn added(text: &[u8], found: &mut Vec<Fragment>) {
    let mut at = 0;
    while let Some(plus) = memchr::memchr(b'+', &text[at..]).map(|plus| at + plus) {
        at = plus + 1;
        if joint(text, plus).is_none() {
            continue;
        }
        let low = plus.saturating_sub(AROUND);
        let start = memchr::memrchr(b'\n', &text[low..plus]).map_or(low, |newline| low + newline + 1);
        let high = text.len().min(plus + AROUND);
        let end = memchr::memchr(b'\n', &text[plus..high]).map_or(high, |newline| plus + newline);
        let mut bytes = Vec::with_capacity(end - start);
        let mut from = start;
        for plus in memchr::memchr_iter(b'+', &text[start..end]).map(|plus| start + plus) {
            if let Some((before, after)) = joint(text, plus).filter(|(before, after)| *before >= from && *after <= end)
            {
                bytes.extend_from_slice(&text[from..before]);
                from = after;
            }
        }
        bytes.extend_from_slice(&text[from..end]);
        found.push(Fragment { offset: start, end, bytes, how: "joined literals" });
        at = end.max(at);
    }
}

/// From the quote that closes the one literal to behind the quote that opens the other.
fn joint(text: &[u8], plus: usize) -> Option<(usize, usize)> {
    let blank = |byte: &&u8| matches!(**byte, b' ' | b'\t');
    let before = plus.checked_sub(1 + text[..plus].iter().rev().take(8).take_while(blank).count())?;
    let after = plus + 1 + text[plus + 1..].iter().take(8).take_while(blank).count();
    let quote = *text.get(before)?;
    (b"\"'`".contains(&quote) && text.get(after) == Some(&quote)).then_some((before, after + 1))
}

/// `abc\` and `def` on the next line: one word. Properties and YAML leave out the blanks before it; a shell has a blank before the backslash
/// where the next line is another word.
fn continued(text: &[u8], found: &mut Vec<Fragment>) {
    let mut at = 0;
    while let Some(end) = memchr::memchr(b'\\', &text[at..]).map(|end| at + end) {
        at = end + 1;
        let Some(mut next) = next_part(text, end) else { continue };
        let low = end.saturating_sub(AROUND);
        let start = memchr::memrchr(b'\n', &text[low..end]).map_or(low, |newline| low + newline + 1);
        let mut bytes = text[start..end].to_vec();
        for _ in 0..MOST_LINES {
            let stop = memchr::memchr(b'\n', &text[next..]).map_or(text.len(), |newline| next + newline);
            let after = if text[next..stop].ends_with(b"\\") { next_part(text, stop - 1) } else { None };
            bytes.extend_from_slice(&text[next..stop - usize::from(after.is_some())]);
            at = (stop + 1).min(text.len());
            match after {
                Some(after) => next = after,
                None => break,
            }
        }
        bytes.push(b'\n');
        found.push(Fragment { offset: start, end: at.min(text.len()), bytes, how: "joined literals" });
    }
}

/// Where the rest of the word stands that is broken at a backslash.
fn next_part(text: &[u8], backslash: usize) -> Option<usize> {
    let word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-+/=".contains(byte);
    let before = backslash.checked_sub(1).and_then(|before| text.get(before))?;
    let behind = text.get(backslash + 1..)?.strip_prefix(b"\n")?;
    let indent = behind.iter().take(DEEPEST).take_while(|byte| b" \t".contains(byte)).count();
    (word(before) && behind.get(indent).is_some_and(word)).then_some(backslash + 2 + indent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_one() {
        let cases: [(&str, &[&str]); 9] = [
            ("x\nk = 'ab' + 'cd' + 'ef'\n", &["k = 'abcdef'"]),
            ("k = \"ab\"+\"cd\"", &["k = \"abcd\""]),
            ("k = 'ab' + \"cd\"", &[]),
            ("a + b", &[]),
            ("k=ab\\\ncd\\\nef\nx", &["k=abcdef\n"]),
            ("run a \\\n  --b", &[]),
            ("db.password=\\\n    ab\\\n  cd\nx", &["db.password=abcd\n"]),
            ("k: \"ab\\\n  cd\"\n", &["k: \"abcd\"\n"]),
            ("f(a,\\\n  b)", &[]),
        ];
        for (text, expected) in cases {
            let mut found = Vec::new();
            spliced(text.as_bytes(), &mut found);
            let told: Vec<_> = found.iter().map(|piece| String::from_utf8_lossy(&piece.bytes).into_owned()).collect();
            assert_eq!(told, expected, "{text}");
        }
    }
}
