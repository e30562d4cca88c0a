//! Logical lines as pip makes them: continuations joined, comments taken off (but kept, for `# via` stands there).
//!
//! Specification: pip's `req/req_file.py`, `join_lines` and `ignore_comments`.

/// A logical line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Without comments and surrounding blanks; empty for a line of comment only.
    pub text: String,
    /// The comment's text, without `#`.
    pub comment: Option<String>,
    /// 1-based number of the first physical line.
    pub number: u32,
    /// 1-based, in characters.
    pub column: u32,
}

/// Splits a file.
#[must_use]
pub fn logical(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut pending: Option<(String, u32)> = None;
    for (index, physical) in physical(text).into_iter().enumerate() {
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let is_comment = physical.trim_start().starts_with('#');
        let continued = physical.strip_suffix('\\').filter(|_| !is_comment);
        let (mut joined, first) = pending.take().unwrap_or((String::new(), number));
        match continued {
            Some(part) => {
                joined.push_str(part);
                pending = Some((joined, first));
            }
            None => {
                // pip: a comment ends a continuation, and needs a blank before it to be one
                if is_comment && !joined.is_empty() {
                    joined.push(' ');
                }
                joined.push_str(physical);
                lines.push(without_comment(&joined, first));
            }
        }
    }
    lines.extend(pending.map(|(joined, first)| without_comment(&joined, first)));
    lines
}

/// Lines as Python's `str.splitlines` parts them, for that is what pip calls: also at a lone carriage return and at form feeds.
fn physical(text: &str) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut start = 0;
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        let mut end = at + character.len_utf8();
        match character {
            '\r' => {
                if let Some((next, _)) = characters.next_if(|(_, next)| *next == '\n') {
                    end = next + 1;
                }
            }
            '\n' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}' => {}
            _ => continue,
        }
        lines.push(&text[start..at]);
        start = end;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// A `#` begins a comment at the start of a line or after a blank: `#egg=` in a URL does not.
fn without_comment(text: &str, number: u32) -> Line {
    let bytes = text.as_bytes();
    let begins = |&at: &usize| at == 0 || bytes[at - 1].is_ascii_whitespace();
    let at = memchr::memchr_iter(b'#', bytes).find(begins);
    let (before, comment) = at.map_or((text, None), |at| (&text[..at], Some(text[at + 1..].trim().to_owned())));
    let blank = text.chars().take_while(|character| character.is_whitespace()).count();
    let column = u32::try_from(blank + 1).unwrap_or(u32::MAX);
    Line { text: before.trim().to_owned(), comment, number, column }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_and_without_comments() {
        // (file, [(text, comment, number)]): the cases of pip's tests/unit/test_req_file.py where they are about lines
        type Expected = &'static [(&'static str, Option<&'static str>, u32)];
        let cases: [(&str, Expected); 9] = [
            ("a\rb\r\nc", &[("a", None, 1), ("b", None, 2), ("c", None, 3)]), // Python's str.splitlines
            ("a\x0cb\u{2028}c\n\n", &[("a", None, 1), ("b", None, 2), ("c", None, 3), ("", None, 4)]),
            ("req1\n\nreq2", &[("req1", None, 1), ("", None, 2), ("req2", None, 3)]),
            (
                "line 1\nline 2:1 \\\nline 2:2\nline 3:1 \\\nline 3:2 \\\nline 3:3\nline 4",
                &[
                    ("line 1", None, 1),
                    ("line 2:1 line 2:2", None, 2),
                    ("line 3:1 line 3:2 line 3:3", None, 4),
                    ("line 4", None, 7),
                ],
            ),
            ("req1 # comment", &[("req1", Some("comment"), 1)]),
            ("req1#egg=x", &[("req1#egg=x", None, 1)]),
            ("# line \\\na", &[("", Some("line \\"), 1), ("a", None, 2)]),
            ("a \\\n# c\nb", &[("a", Some("c"), 1), ("b", None, 3)]),
            ("a==1 \\\r\n    --hash=sha256:00 \\", &[("a==1     --hash=sha256:00", None, 1)]),
        ];
        for (text, expected) in cases {
            let found = logical(text);
            let found: Vec<_> = found.iter().map(|l| (l.text.as_str(), l.comment.as_deref(), l.number)).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }
}
