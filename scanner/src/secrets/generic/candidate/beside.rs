//! Values that stand in an element, an attribute or an entry of their own beside the name's.

use std::ops::Range;

use super::cursor::{Cursor, contains};
use super::{Join, NAME, VALUE};
use crate::secrets::generic::words;

/// `<password>value</password>`, also with attributes, over lines, and as CDATA.
pub(super) fn element(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let head = &bytes[from.saturating_sub(24)..from];
    let opening = memchr::memrchr(b'<', head)?;
    let space = &head[opening + 1..];
    let namespaced =
        space.is_empty() || space.ends_with(b":") && space[..space.len() - 1].iter().all(u8::is_ascii_alphanumeric);
    if !namespaced {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    if cursor.peek() == Some(b' ') {
        let close = memchr::memchr2(b'>', b'\n', &cursor.rest()[..cursor.rest().len().min(100)])?;
        if cursor.rest()[close] != b'>'
            || cursor.rest()[..close].ends_with(b"/")
            || contains(&cursor.rest()[..close], b"alue=")
        {
            return None;
        }
        cursor.at += close;
    }
    if !cursor.take(b'>') {
        return None;
    }
    cursor.skip(b" \t\r\n");
    if cursor.word(b"<![CDATA[") {
        let end = memchr::memmem::find(cursor.rest(), b"]]>")?;
        return Some(cursor.at..cursor.at + end);
    }
    let end = memchr::memchr(b'<', cursor.rest()).filter(|end| *end > 0)?;
    let value = &cursor.rest()[..end];
    (cursor.rest()[end..].starts_with(b"</")).then(|| cursor.at..cursor.at + value.trim_ascii_end().len())
}

/// `"name": "X", "value": "Y"` and `key="X" value="Y"`, on this line or the next.
pub(super) fn value_beside(cursor: &mut Cursor<'_>) -> Option<(Range<usize>, Join)> {
    // a property list: <key>name</key> <string>value</string>
    if cursor.word(b"</key>") {
        cursor.skip(b" \t\r\n");
        if !(cursor.word(b"<string>") || cursor.word(b"<value>")) {
            return None;
        }
        let value = cursor.until(|byte| byte == b'<');
        return (!value.is_empty()).then_some((value, Join::Quoted));
    }
    if cursor.rest().starts_with(b"</") {
        return in_next_element(cursor).map(|value| (value, Join::Bare));
    }
    let blank = cursor.rest().iter().take_while(|byte| byte.is_ascii_whitespace() || b",\"'".contains(byte)).count();
    cursor.at += blank;
    // `--password", default="X"` of a parser of arguments
    if blank > 0 && cursor.word(b"default=") {
        return cursor.literal().map(|value| (value, Join::Quoted));
    }
    // `<meta name="api-token" content="X">`
    if blank == 0 || !(cursor.word(b"value") || cursor.word(b"parametervalue") || cursor.word(b"content")) {
        return None;
    }
    cursor.skip(b"\"' \t");
    if !cursor.one_of(b":=") {
        return None;
    }
    cursor.skip(b" \t");
    if let Some(value) = cursor.literal() {
        return Some((value, Join::Quoted));
    }
    let value = cursor.until(|byte| byte.is_ascii_whitespace() || b"\"',}>".contains(&byte));
    // `value={name}` of JSX is an expression
    (!value.is_empty() && cursor.peek() != Some(b'{')).then_some((value, Join::Bare))
}

/// `<td>password</td> <td>value</td>`, `<string>password</string><string>value</string>`: two elements of one name.
fn in_next_element(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    cursor.word(b"</");
    let first = cursor.until(|byte| !byte.is_ascii_alphanumeric());
    cursor.at = first.end;
    let lower = cursor.bytes[first.clone()].to_ascii_lowercase();
    // not `span`, which colours the words of a program
    let cell = [&b"td"[..], b"string", b"stringprop", b"entry", b"cell", b"value"].contains(&&lower[..]);
    if !cell || !cursor.take(b'>') {
        return None;
    }
    cursor.skip(b" \t\r\n");
    let name = &cursor.bytes[first];
    let next = cursor.word(b"<") && cursor.word(name);
    let attributes = cursor.until(|byte| b"<>".contains(&byte));
    cursor.at = attributes.end;
    if !next || !cursor.take(b'>') {
        return None;
    }
    let value = cursor.until(|byte| byte == b'<');
    (!value.is_empty() && cursor.bytes[value.end..].starts_with(b"</")).then_some(value)
}

/// `"host", "user", "password", "from", "to"`, `["user", "password", "port9"]`: literals stand before the name, and behind the value one
/// more, or the end of the list where the value is a small word.
pub(super) fn is_one_of_many(before: &[u8], value: &[u8], behind: &Cursor<'_>) -> bool {
    let quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let head = before.trim_ascii_end();
    let head = head.strip_suffix(b"\"").or_else(|| head.strip_suffix(b"'")).unwrap_or(head).trim_ascii_end();
    let literal_before = head.strip_suffix(b",").is_some_and(|head| head.trim_ascii_end().last().is_some_and(quote));
    let rest = behind.rest();
    let rest = rest[..rest.len().min(NAME)].trim_ascii_start();
    let another = |rest: &[u8]| rest.trim_ascii_start().first().is_some_and(|byte| quote(byte) || *byte == b'[');
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let word = digits <= 2
        && value.len() <= 16
        && value.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        && !words::is_rare(value);
    literal_before && (rest.strip_prefix(b",").is_some_and(another) || word && rest.starts_with(b"]"))
}

/// `auth = ["ldap", "saml2"]`: a literal among others, and all of them words. `behind` stands behind the first.
pub(super) fn is_word_of_list(bytes: &[u8], first: &Range<usize>, behind: &Cursor<'_>) -> bool {
    let word = |value: &Range<usize>| {
        let value = &bytes[value.clone()];
        let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
        let sign = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.:/ ".contains(byte);
        value.len() <= 32 && digits <= 2 && value.iter().all(sign) && (value.len() < 4 || words::is_wordy(value))
    };
    let mut cursor = Cursor { ..*behind };
    let mut others = 0;
    while others < 4 {
        cursor.skip(b" \t\r\n");
        if !cursor.take(b',') {
            break;
        }
        cursor.skip(b" \t\r\n");
        let Some(other) = cursor.literal() else { break };
        if !word(&other) {
            return false;
        }
        // the next pair of names and values, not the next of the list
        cursor.skip(b" ");
        if matches!(cursor.peek(), Some(b':' | b'=')) {
            return false;
        }
        others += 1;
    }
    others > 0 && word(first)
}

/// `variable "db_password" { default = "value" }`, `ENV.fetch("DB_PASSWORD") { "value" }`
pub(super) fn default_in_block(cursor: &Cursor<'_>) -> Option<Range<usize>> {
    if cursor.peek() != Some(b'{') {
        return None;
    }
    let block = &cursor.rest()[..memchr::memchr(b'}', cursor.rest()).unwrap_or(cursor.rest().len())];
    let mut ahead = Cursor { at: cursor.at + 1, ..*cursor };
    ahead.skip(b" ");
    if let Some(value) = ahead.literal() {
        ahead.skip(b" ");
        return (ahead.peek() == Some(b'}')).then_some(value);
    }
    let mut ahead = Cursor { at: cursor.at + memchr::memmem::find(block, b"default")? + 7, ..*cursor };
    ahead.skip(b" ");
    if !ahead.take(b'=') {
        return None;
    }
    ahead.skip(b" ");
    ahead.literal()
}
