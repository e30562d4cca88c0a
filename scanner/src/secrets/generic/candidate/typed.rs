//! What a language puts between a name and the sign behind it: types, bounds, accessors.

use super::cursor::{Cursor, contains};
use crate::secrets::text::Syntax;

/// `var password string = …`, `Dim password As String = …`: passes the type.
pub(super) fn type_between(cursor: &mut Cursor<'_>, syntax: Syntax, tight: bool) {
    if tight || !matches!(syntax, Syntax::Code | Syntax::Unknown) {
        return;
    }
    let mut ahead = Cursor { ..*cursor };
    ahead.word(b"as ");
    let kind = ahead
        .rest()
        .iter()
        .take(24)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.*[]<>".contains(byte))
        .count();
    ahead.at += kind;
    let gap = ahead.at;
    ahead.skip(b" ");
    if kind > 0 && ahead.at > gap && ahead.peek() == Some(b'=') && !ahead.rest().starts_with(b"==") {
        cursor.at = ahead.at;
    }
}

/// `public string Password { get; set; } = …`: passes what C# writes behind the name of a property.
pub(super) fn accessors(cursor: &mut Cursor<'_>) {
    let rest = &cursor.rest()[..cursor.rest().len().min(60)];
    let inner = rest.strip_prefix(b"{").and_then(|rest| Some((memchr::memchr(b'}', rest)?, rest)));
    let Some((close, inner)) = inner else { return };
    let words = inner[..close].iter().all(|byte| byte.is_ascii_lowercase() || b"; ".contains(byte));
    if words && contains(&inner[..close], b"get;") {
        cursor.at += close + 2;
        cursor.skip(b" ");
    }
}

/// `char password[] = …`, `password[32] = …`
pub(super) fn array_bounds(cursor: &mut Cursor<'_>) {
    let rest = cursor.rest();
    if rest.first() == Some(&b'[') {
        let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if rest.get(1 + digits) == Some(&b']') {
            cursor.at += 2 + digits;
        }
    }
}

/// How long a type and the sign of assignment behind it are: ` str =`, ` &'a str =`, ` "Optional[str]" =`.
pub(super) fn annotation(rest: &[u8]) -> usize {
    let rest = &rest[..rest.len().min(48)];
    let blank = rest.iter().take_while(|byte| **byte == b' ').count();
    let mut length = match rest.get(blank) {
        // a string is a type only where it is closed before the sign: `token: 'Qz8='`
        Some(quote @ (b'"' | b'\'')) => {
            let inner = &rest[blank + 1..];
            let close = inner.iter().position(|byte| byte == quote).unwrap_or(inner.len());
            let kind = inner[..close].iter().all(|byte| byte.is_ascii_alphanumeric() || b" [],|_.".contains(byte));
            if !kind {
                return 0;
            }
            (blank + close + 2).min(rest.len())
        }
        _ => rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b" &'[]<>|_.?".contains(byte)).count(),
    };
    length += rest[length..].iter().take_while(|byte| **byte == b' ').count();
    let after = rest.get(length + 1..).map_or(&b""[..], <[u8]>::trim_ascii_start);
    let assigned =
        length > 0 && rest.get(length) == Some(&b'=') && after.first().is_some_and(|byte| !b"=\n".contains(byte));
    if assigned { length + 1 } else { 0 }
}
