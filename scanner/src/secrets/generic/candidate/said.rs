//! Names and values as people put them down for each other: in a table, on the line below, in backticks.

use std::ops::Range;

use super::cursor::{Cursor, line_start};
use super::{Candidate, Join, Sort, VALUE, name};
use crate::secrets::generic::is_random;
use crate::secrets::text::{Syntax, Text};

/// Shorter words on a line of their own are words.
const SHORTEST_BELOW: usize = 16;
/// What stands before a name that is a heading.
const LONGEST_HEADING: usize = 60;

/// The value beside or below the name at `from..to`, where nothing but the layout joins the two.
pub(super) fn laid_out(text: &Text<'_>, from: usize, to: usize) -> Option<Range<usize>> {
    let head = &text.bytes[line_start(text.bytes, from)..from];
    let comment = [&b"#"[..], b"//", b"--"].iter().any(|mark| head.trim_ascii_start().starts_with(mark));
    if comment && text.syntax != Syntax::Prose {
        return below(text.bytes, head, to, true);
    }
    if !matches!(text.syntax, Syntax::Prose | Syntax::Unknown) {
        return None;
    }
    if head.trim_ascii_start().starts_with(b"|") {
        return in_table(text.bytes, to);
    }
    below(text.bytes, head, to, false).or_else(|| in_backticks(text.bytes, from, to))
}

/// The first value below the name, which is the head of a column: of a table in Markdown, or of a file with signs between its columns.
pub(super) fn in_column(text: &Text<'_>, from: usize, to: usize) -> Option<Range<usize>> {
    let (bytes, start) = (text.bytes, line_start(text.bytes, from));
    let around = |byte: &u8| b" \"'*`".contains(byte);
    let before = bytes[start..from].iter().rev().find(|byte| !around(byte)).copied();
    let mut cursor = Cursor::new(bytes, to, VALUE);
    let after = cursor.rest().iter().find(|byte| !around(byte)).copied();
    let sign = [before, after].into_iter().flatten().find(|sign| b",;\t|".contains(sign))?;
    let fits = |end: Option<u8>| end.is_none_or(|end| end == sign || b"\r\n".contains(&end));
    let read = match text.syntax {
        Syntax::Unknown => true,
        Syntax::Prose => sign == b'|',
        _ => false,
    };
    if !read || !fits(before) || !fits(after) {
        return None;
    }
    let sort = name::promise(&bytes[from..to]).filter(|sort| *sort != Sort::Key)?;
    let head = |cell: &[u8]| {
        let cell = cell.trim_ascii();
        // a row of names and numbers is no head
        (cell.is_empty() || cell.iter().any(u8::is_ascii_alphabetic))
            && cell.len() <= 40
            && cell.iter().all(|byte| byte.is_ascii_alphanumeric() || around(byte) || b"_-.\r".contains(byte))
    };
    let end = cursor.until(|byte| byte == b'\n').end;
    // the line may be the last
    if bytes.get(end) != Some(&b'\n') {
        return None;
    }
    let cells = || bytes[start..end].split(|byte| *byte == sign);
    if !cells().all(head) || cells().filter(|cell| !cell.trim_ascii().is_empty()).count() < 2 {
        return None;
    }
    let place = bytes[start..from].iter().filter(|byte| **byte == sign).count();
    let columns = bytes[start..end].iter().filter(|byte| **byte == sign).count();
    cursor.at = end + 1;
    // the rule below the head of a table
    if sign == b'|' {
        let rule = cursor.until(|byte| !b"|-: \t\r".contains(&byte));
        (bytes.get(rule.end) == Some(&b'\n')).then(|| cursor.at = rule.end + 1)?;
    }
    let row = cursor.until(|byte| byte == b'\n');
    if bytes[row.clone()].iter().filter(|byte| **byte == sign).count() != columns {
        return None;
    }
    let value = cell(bytes, row, sign, place)?;
    // of tokens a column has many, and most are words
    (sort == Sort::Password || is_random(&bytes[value.clone()])).then_some(value)
}

/// The cell in this place of a row, without blanks and quotes around it.
fn cell(bytes: &[u8], row: Range<usize>, sign: u8, place: usize) -> Option<Range<usize>> {
    let before: usize = bytes[row.clone()].split(|byte| *byte == sign).take(place).map(|cell| cell.len() + 1).sum();
    let cell = bytes.get(row.start + before..row.end)?.split(|byte| *byte == sign).next()?;
    let blank = |byte: &&u8| b" \"'*`\r".contains(*byte);
    let lead = cell.iter().take_while(blank).count();
    let tail = cell[lead..].iter().rev().take_while(blank).count();
    let start = row.start + before + lead;
    let length = cell.len() - lead - tail;
    (length > 0).then_some(start..start + length)
}

/// `mot de passe : value`. The cue is the name.
pub(super) fn behind_words(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, end, VALUE);
    cursor.skip(b"\"'* ");
    if !cursor.one_of(b":=") {
        return None;
    }
    cursor.skip(b"*= ");
    let value = match cursor.literal() {
        Some(value) => value,
        None => cursor.until(|byte| byte.is_ascii_whitespace() || b",;\"'`<".contains(&byte)),
    };
    (!value.is_empty()).then_some(Candidate { sort: Sort::Password, name: start..end, value, join: Join::Prose })
}

/// `| Access token | value |`, in Markdown.
fn in_table(bytes: &[u8], to: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    cursor.skip(b"*`\" ");
    if !cursor.take(b'|') {
        return None;
    }
    cursor.skip(b" *`\"");
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || b"|`".contains(&byte));
    cursor.at = value.end;
    cursor.skip(b" *`\"");
    let marks = bytes[value.clone()].iter().rev().take_while(|byte| b"*\"".contains(byte)).count();
    (cursor.peek() == Some(b'|') && value.len() > marks).then(|| value.start..value.end - marks)
}

/// A heading that ends with the name, and below it one word that a machine made; below a comment it is a literal that a variable is set to.
fn below(bytes: &[u8], head: &[u8], to: usize, is_comment: bool) -> Option<Range<usize>> {
    let words = |byte: &u8| byte.is_ascii_alphanumeric() || b" #*_-/.\t".contains(byte);
    // one word alone may be any of many below each other, such as the names in a program
    let heading =
        head.trim_ascii().contains(&b' ') || head.trim_ascii_end().len() < head.len() || bytes[to..].starts_with(b":");
    if head.len() > LONGEST_HEADING || !head.iter().all(words) || !heading {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    cursor.skip(b"*: \t\r");
    if !cursor.take(b'\n') {
        return None;
    }
    cursor.skip(b" \t`\r\n");
    if is_comment {
        return assigned(&mut cursor);
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || byte == b'`');
    cursor.at = value.end;
    cursor.skip(b"` \t\r");
    let alone = cursor.peek().is_none_or(|byte| byte == b'\n');
    (alone && value.len() >= SHORTEST_BELOW && is_random(&bytes[value.clone()])).then_some(value)
}

/// Ends of names that are about something else than the comment above them.
const SAYS_ITSELF: &[&str] = &[
    "id", "ids", "uuid", "url", "uri", "host", "name", "user", "hash", "sum", "checksum", "digest", "sha", "path",
    "file", "version",
];

/// `value = "…"`, a whole line of a program.
fn assigned(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let name = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_. \t".contains(&byte)));
    cursor.at = name.end;
    // `CLIENT_ID = …` below "the credentials" says itself what it is
    let words = name::words(&cursor.bytes[name.clone()]);
    let other = words.last().is_none_or(|word| SAYS_ITSELF.contains(&word.as_str()));
    if other || !cursor.one_of(b"=:") {
        return None;
    }
    cursor.skip(b"= \t");
    let value = cursor.literal()?;
    cursor.skip(b";, \t\r");
    let alone = cursor.peek().is_none_or(|byte| byte == b'\n');
    (alone && value.len() >= SHORTEST_BELOW && is_random(&cursor.bytes[value.clone()])).then_some(value)
}

/// ``with password `value` ``
fn in_backticks(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    // the verb, as in "pass `X_86` to it"
    if bytes[from..to].eq_ignore_ascii_case(b"pass") || !cursor.word(b" `") {
        return None;
    }
    let value = cursor.string(b'`', false)?;
    // ``the password `password1` `` is told by its weights; a name or a sentence is none
    let marked = bytes[value.clone()].iter().any(u8::is_ascii_digit);
    (marked && !bytes[value.clone()].contains(&b' ')).then_some(value)
}
