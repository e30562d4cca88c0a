//! Values that a list holds at the place of their names: columns of SQL, tuples, lists of keys.

use std::ops::Range;

use super::cursor::{Cursor, line_start};
use super::{Sort, VALUE, call, name};
use crate::secrets::generic::is_random;

/// `INSERT INTO users (name, password) VALUES ('bob', 'value')`: the value in the place of the column at `from..to`.
pub(super) fn inserted(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let head = bytes[line_start(bytes, from)..from].to_ascii_lowercase();
    let insert = memchr::memmem::rfind(&head, b"insert into ")?;
    let open = insert + memchr::memchr(b'(', &head[insert..])?;
    let before = &head[open + 1..];
    let column = |byte: &u8| byte.is_ascii_alphanumeric() || b"_`\"[], .\n\r\t".contains(byte);
    if !before.iter().all(column) {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    let columns = cursor.until(|byte| byte == b')');
    if !bytes[columns.clone()].iter().all(column) {
        return None;
    }
    cursor.at = columns.end + 1;
    cursor.skip(b" \t\r\n");
    if !cursor.word(b"values") {
        return None;
    }
    cursor.skip(b" \t\r\n");
    if !cursor.take(b'(') {
        return None;
    }
    let place = before.iter().filter(|byte| **byte == b',').count() + 1;
    let value = call::arguments(&mut cursor, place)?;
    // what a table keeps of a password
    let hash = value.len() >= 32 && bytes[value.clone()].iter().all(u8::is_ascii_hexdigit);
    (!hash).then_some(value)
}

/// `strcmp(password, "value")`, `hmac.compare_digest(password, "value")`.
pub(super) fn compared(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let head = &bytes[from.saturating_sub(24)..from];
    let calls = [&b"strcmp("[..], b"strncmp(", b"strcasecmp(", b"compare_digest(", b"hash_equals(", b"Objects.equals("];
    if !calls.iter().any(|call| head.ends_with(call)) {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    if !cursor.take(b',') {
        return None;
    }
    cursor.skip(b" ");
    cursor.literal()
}

/// `{password, "value"}`, a tuple of Erlang's.
pub(super) fn in_tuple(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    if !bytes[..from].ends_with(b"{") {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    if !cursor.take(b',') {
        return None;
    }
    cursor.skip(b" ");
    let value = cursor.literal()?;
    cursor.skip(b" ");
    (cursor.peek() == Some(b'}')).then_some(value)
}

/// `API_KEYS = ["value", …]`: what the name promises of each, where the first is something that a machine made.
pub(super) fn of_many(bytes: &[u8], named: &Range<usize>, value: &Range<usize>) -> Option<Sort> {
    let one = bytes[named.clone()].strip_suffix(b"s").or_else(|| bytes[named.clone()].strip_suffix(b"S"))?;
    let between = bytes.get(named.end..value.start)?;
    let list = between.iter().any(|byte| b"[({".contains(byte));
    let whole = value.len() >= 16 && is_random(&bytes[value.clone()]);
    if list && whole { name::promise(one).filter(|sort| *sort == Sort::Secret) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let cases = [
            ("INSERT INTO users (name, password) VALUES ('bob', 'v9!')", "password", Some("v9!")),
            ("insert into t (`password`, id)\nvalues ('v9!', 7)", "password", Some("v9!")),
            ("INSERT INTO users (name, password) SELECT a, 'b' FROM t", "password", None),
            ("(name, password) VALUES ('bob', 'v9!')", "password", None),
            ("INSERT INTO t (password) VALUES (?)", "password", None),
        ];
        for (text, name, expected) in cases {
            let at = text.find(name).unwrap();
            let found = inserted(text.as_bytes(), at, at + name.len());
            assert_eq!(found.map(|range| &text[range]), expected, "{text}");
        }
        for (text, expected) in
            [("{password, \"v9!\"}", Some("v9!")), ("{password, \"v9!\", 7}", None), ("(password, \"v9!\")", None)]
        {
            let found = in_tuple(text.as_bytes(), 1, 9);
            assert_eq!(found.map(|range| &text[range]), expected, "{text}");
        }
    }
}
