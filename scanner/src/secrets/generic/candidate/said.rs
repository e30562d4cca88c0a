//! Names and values as people put them down for each other: in a table, on the line below, in backticks.

use std::ops::Range;

use super::VALUE;
use super::cursor::{Cursor, line_start};
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
    below(text.bytes, head, to, false).or_else(|| in_backticks(text.bytes, to))
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
    if head.len() > LONGEST_HEADING || !head.iter().all(words) {
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

/// `value = "…"`, a whole line of a program.
fn assigned(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let name = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"_. \t".contains(&byte)));
    cursor.at = name.end;
    if name.is_empty() || !cursor.one_of(b"=:") {
        return None;
    }
    cursor.skip(b"= \t");
    let value = cursor.literal()?;
    cursor.skip(b";, \t\r");
    let alone = cursor.peek().is_none_or(|byte| byte == b'\n');
    (alone && value.len() >= SHORTEST_BELOW && is_random(&cursor.bytes[value.clone()])).then_some(value)
}

/// ``with password `value` ``
fn in_backticks(bytes: &[u8], to: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    if !cursor.word(b" `") {
        return None;
    }
    let value = cursor.string(b'`', false)?;
    // ``the password `password1` `` is told by its weights; a name or a sentence is none
    let marked = bytes[value.clone()].iter().any(u8::is_ascii_digit);
    (marked && !bytes[value.clone()].contains(&b' ')).then_some(value)
}
