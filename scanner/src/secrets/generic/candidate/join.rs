//! From the end of a name to its value.

use std::ops::Range;

use super::beside::{default_in_block, element, is_one_of_many, is_word_of_list, value_beside};
use super::cursor::{Cursor, contains, line_start};
use super::spaced::spaced;
use super::typed::{accessors, annotation, array_bounds, type_between};
use super::{Join, VALUE, call, scheme_length};
use crate::secrets::generic::is_random;
use crate::secrets::generic::words::{APP_PASSWORD, is_app_password};
use crate::secrets::text::{Syntax, Text};

/// The value that belongs to the name at `from..to`, if any is written there.
pub(super) fn joined(text: &Text<'_>, from: usize, to: usize) -> Option<(Range<usize>, Join)> {
    let bytes = text.bytes;
    if let Some(value) = element(bytes, from, to) {
        return Some((value, Join::Bare));
    }
    let mut cursor = Cursor::new(bytes, to, VALUE + 64);
    // a reference's default: `${db.password:value}`
    if bytes[..from].ends_with(b"${") && cursor.take(b':') {
        cursor.one_of(b"-=");
        let value = cursor.until(|byte| byte == b'}' || byte == b'\n');
        let closed = bytes.get(value.end) == Some(&b'}');
        let value = without_quotes(bytes, value);
        return (closed && !value.is_empty() && !is_part(&bytes[value.clone()])).then_some((value, Join::Quoted));
    }
    let quote_before = from.checked_sub(1).map(|before| bytes[before]).filter(|byte| b"\"'`".contains(byte));
    let escaped = cursor.take(b'\\');
    let quoted_name = quote_before.is_some_and(|quote| cursor.take(quote)) || cursor.one_of(b"\"'`");
    array_bounds(&mut cursor);
    let brackets = cursor.at;
    cursor.skip(b")]}");
    let near = cursor.at;
    // `Settings[password]: …` is a label
    if !quoted_name && bytes[brackets..near].starts_with(b"]") && cursor.peek() == Some(b':') {
        return None;
    }
    cursor.skip(b" \t");
    let tight = cursor.at == near;
    // `name: X` above `value: Y`; a bare word above (Python's `pass`) names nothing
    let head = bytes[line_start(bytes, from)..from].trim_ascii_end();
    let names = quoted_name || head.ends_with(b":") || head.ends_with(b"<") || head.ends_with(b">");
    if names && let Some(found) = value_beside(&mut Cursor { at: near, ..cursor }) {
        return Some(found);
    }
    if quoted_name && let Some(range) = default_in_block(&cursor) {
        return Some((range, Join::Quoted));
    }
    type_between(&mut cursor, text.syntax, tight);
    accessors(&mut cursor);
    let separator = separator(&mut cursor, text.syntax, quoted_name);
    // `ok ? "bg-pass" : "bg-fail"` chooses between two values
    if quote_before.is_some()
        && separator.sign == b':'
        && bytes[line_start(bytes, from - 1)..from - 1].trim_ascii_end().ends_with(b"?")
    {
        return None;
    }
    if !separator.found {
        return spaced(text, from, &cursor, tight, quoted_name);
    }
    // a sentence in a table ends in a full stop
    // `["--api-key", "value"]` is a command line
    // `get("password"), "value"` are two arguments
    let other = bytes[..to].ends_with(b".") || !matches!(text.syntax, Syntax::Code | Syntax::Unknown);
    let listed = separator.sign == b',' && (near > brackets || other && !bytes[from..].starts_with(b"--"));
    if listed {
        return None;
    }
    // `**Password:** value`
    if separator.sign == b':' && matches!(text.syntax, Syntax::Prose | Syntax::Unknown) {
        let mut ahead = Cursor { ..cursor };
        if (ahead.word(b"**") || ahead.word(b"__")) && ahead.peek() == Some(b' ') {
            cursor.at = ahead.at;
            cursor.skip(b" `");
        }
    }
    let gap = cursor.at;
    cursor.skip(b" \t");
    let gap = cursor.at > gap;
    if folded(&mut cursor) {
        cursor.skip(b" \t\r\n");
    } else if separator.sign != b',' && !literal_below(&mut cursor, text.syntax) {
        cursor.skip(b"([");
        cursor.skip(b" \t");
    }
    if separator.sign == b'='
        && let Some(value) = in_braces(&cursor)
    {
        return Some((value, Join::Quoted));
    }
    let wrapped = call::wrapped(&mut cursor);
    // `Password:\n` ends a line in a string
    let ends = cursor.rest().get(1).is_some_and(|next| b"nr".contains(next));
    let escaped = !ends && cursor.take(b'\\') || escaped;
    if separator.sign == b'=' {
        for _ in 0..names_before(bytes, from) {
            cursor.literal()?;
            cursor.skip(b" ,");
        }
    }
    if separator.sign == b'>' && cursor.word(b"<![CDATA[") {
        let end = memchr::memmem::find(cursor.rest(), b"]]>").filter(|end| *end > 0)?;
        return Some((cursor.at..cursor.at + end, Join::Quoted));
    }
    if separator.sign == b'>' {
        // an element around it may begin on the next line
        let mut ahead = Cursor { ..cursor };
        ahead.skip(b" \t\r\n");
        if ahead.rest().get(..7).is_some_and(|head| head.eq_ignore_ascii_case(b"<value>")) {
            cursor.at = ahead.at;
        }
    }
    // what says of which type a value of YAML is
    for tag in [&b"!unsafe "[..], b"!!str ", b"!str "] {
        if matches!(text.syntax, Syntax::Yaml | Syntax::Unknown) {
            cursor.word(tag);
        }
    }
    if separator.sign == b'>' && cursor.word(b"<value>") {
        let value = cursor.until(|byte| byte == b'<');
        return (!value.is_empty()).then_some((value, Join::Quoted));
    }
    // `def f(self, password):` and the docstring below
    let head = near > brackets && separator.sign == b':';
    if head && [&b"\"\"\""[..], b"'''"].iter().any(|mark| cursor.rest().starts_with(mark)) {
        return None;
    }
    if let Some(value) = in_entities(&mut cursor) {
        return Some((value, Join::Quoted));
    }
    if let Some(quote) = cursor.string_start() {
        let value = within_escaped(bytes, cursor.string(quote, escaped)?);
        let behind = Cursor { at: (value.end + 1).min(cursor.stop), ..cursor };
        let listed = match separator.sign {
            // `user`,`password`: columns of SQL; `"pass1", "bob@corp.net"`: what belongs to a user
            b',' if quote == b'`' || is_mail_address(&bytes[value.clone()]) => true,
            b',' => is_name(&bytes[value.clone()]) || is_one_of_many(&bytes[..from], &bytes[value.clone()], &behind),
            _ => is_word_of_list(bytes, &value, &behind),
        };
        let none = listed || is_signature(&behind) || quote == b'`' && is_evaluated(&bytes[value.clone()]);
        return (!none).then_some((value, Join::Quoted));
    }
    // `password.decode(encoding)`
    if wrapped {
        return None;
    }
    // `a === b` compares with an expression
    if cursor.bytes[near..cursor.at].windows(2).any(|pair| pair == b"==" || pair == b"!=") {
        return None;
    }
    if matches!(text.syntax, Syntax::Code | Syntax::Unknown)
        && let Some(value) = call::fallback(&cursor)
    {
        return Some((value, Join::Quoted));
    }
    bare(&cursor, text, from, &separator, tight && !gap)
}

fn is_mail_address(value: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'@', value).filter(|at| *at > 0) else { return false };
    let (user, host) = (&value[..at], &value[at + 1..]);
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-+".contains(byte);
    let end = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    user.iter().chain(host).all(part)
        && end.len() < host.len()
        && (2..=6).contains(&end.len())
        && end.iter().all(u8::is_ascii_lowercase)
}

/// `["confirm_password", "macaroon_id"]` lists names.
fn is_name(value: &[u8]) -> bool {
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    value.contains(&b'_')
        && digits <= 2
        && value[..value.len() - digits].iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_')
}

/// `$pass = "…" fullword ascii`: what YARA looks for in other people's programs.
fn is_signature(behind: &Cursor<'_>) -> bool {
    [&b" fullword"[..], b" wide", b" ascii", b" nocase"].iter().any(|word| {
        behind.rest().strip_prefix(*word).is_some_and(|rest| rest.first().is_none_or(u8::is_ascii_whitespace))
    })
}

/// `&quot;value&quot;`, a literal in the text of a page or an attribute.
fn in_entities(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let quote = [&b"&quot;"[..], b"&#34;", b"&#39;", b"&apos;"].into_iter().find(|quote| cursor.word(quote))?;
    let end = memchr::memmem::find(cursor.rest(), quote)?;
    let value = cursor.at..cursor.at + end;
    (end > 0 && !cursor.rest()[..end].contains(&b'\n')).then_some(value)
}

/// `"\"value\""`: a literal whose text is one itself, as Gradle's fields of a build are written.
fn within_escaped(bytes: &[u8], value: Range<usize>) -> Range<usize> {
    match &bytes[value.clone()] {
        [b'\\', b'"', .., b'\\', b'"'] if value.len() > 4 => value.start + 2..value.end - 2,
        _ => value,
    }
}

/// What a shell would run, or a template with something to fill in.
fn is_evaluated(value: &[u8]) -> bool {
    contains(value, b"${") || contains(value, b"$(") || value.contains(&b' ') && !is_app_password(value)
}

/// `token={"value"}`, as JSX has it.
fn in_braces(cursor: &Cursor<'_>) -> Option<Range<usize>> {
    let mut ahead = Cursor { ..*cursor };
    if !ahead.take(b'{') {
        return None;
    }
    let value = ahead.literal().filter(|value| !is_evaluated(&cursor.bytes[value.clone()]))?;
    ahead.take(b'}').then_some(value)
}

/// A string literal on a line of its own, in brackets or not: the cursor moves there. Where bare words are values, the value was empty.
fn literal_below(cursor: &mut Cursor<'_>, syntax: Syntax) -> bool {
    let mut ahead = Cursor { ..*cursor };
    ahead.skip(b"([ \t\r\n");
    let crosses = memchr::memchr(b'\n', &cursor.bytes[cursor.at..ahead.at]).is_some();
    let program = matches!(syntax, Syntax::Code | Syntax::Json | Syntax::Yaml | Syntax::Unknown);
    let there = crosses && program && Cursor { ..ahead }.string_start().is_some();
    if there {
        cursor.at = ahead.at;
    }
    there
}

/// `user, password = "bob", "value"`: how many names stand before this one.
fn names_before(bytes: &[u8], from: usize) -> usize {
    let head = bytes[line_start(bytes, from)..from].trim_ascii();
    let names = |byte: &u8| byte.is_ascii_alphanumeric() || b"_, .".contains(byte);
    if head.ends_with(b",") && head.iter().all(names) { head.iter().filter(|byte| **byte == b',').count() } else { 0 }
}

struct Separator {
    found: bool,
    sign: u8,
    /// `:=` and `?=`, which are assignments even in a makefile.
    assigns: bool,
}

fn separator(cursor: &mut Cursor<'_>, syntax: Syntax, quoted_name: bool) -> Separator {
    let second = cursor.rest().get(1).copied();
    let sign = match cursor.peek() {
        Some(sign @ (b'=' | b':')) => sign,
        Some(b'!' | b'+' | b'.') if second == Some(b'=') => b'=',
        Some(b'<') if second == Some(b'-') => b'=',
        // the full-width colon
        Some(0xef) if cursor.rest().starts_with("：".as_bytes()) => {
            cursor.at += "：".len();
            return Separator { found: true, sign: b':', assigns: false };
        }
        Some(b'>') => b'>',
        Some(b',') if quoted_name => b',',
        // `password -> value` of people and of rules; in a program it reaches into something
        // `API key - value`
        Some(b'-') if second == Some(b' ') && matches!(syntax, Syntax::Prose | Syntax::Unknown) && is_made(cursor) => {
            b':'
        }
        Some(b'-')
            if second == Some(b'>')
                && cursor.rest().get(2) == Some(&b' ')
                && matches!(syntax, Syntax::Prose | Syntax::Config | Syntax::Unknown) =>
        {
            b'='
        }
        Some(b'?' | b'|') if matches!(second, Some(b'=' | b'|' | b'?' | b':')) => b'=',
        _ => return Separator { found: false, sign: 0, assigns: false },
    };
    let assigns = matches!(cursor.peek(), Some(b':' | b'?')) && second == Some(b'=');
    // `password=<sanitized>`: the bracket belongs to the value
    cursor.skip(match sign {
        b'>' | b',' => b">,",
        _ if cursor.peek() == Some(b'<') => b"<-",
        _ => b"=:>!?|+.-",
    });
    // `password: str = "…"`, `let token: &str = "…"`
    if sign == b':' && matches!(syntax, Syntax::Code | Syntax::Unknown) {
        cursor.at += annotation(cursor.rest());
    }
    Separator { found: true, sign, assigns }
}

/// What stands behind a dash is a word that a machine made, and the line ends with it.
fn is_made(cursor: &Cursor<'_>) -> bool {
    let rest = cursor.rest().get(2..).unwrap_or_default();
    let value = &rest[..rest.iter().take_while(|byte| !byte.is_ascii_whitespace()).count()];
    value.len() >= 16 && is_random(value) && matches!(rest.get(value.len()), None | Some(b'\r' | b'\n'))
}

fn folded(cursor: &mut Cursor<'_>) -> bool {
    let rest = cursor.rest();
    let marks = rest.iter().take_while(|byte| b"|>+-".contains(byte)).count();
    if (1..=2).contains(&marks) && matches!(rest[0], b'|' | b'>') && matches!(rest.get(marks), Some(b'\n' | b'\r')) {
        cursor.at += marks;
        return true;
    }
    false
}

/// Ends with the punctuation of the text around it: a comma, or a bracket that it did not open.
fn closes(value: &[u8]) -> bool {
    match value.last() {
        Some(b',' | b'.') => true,
        Some(b')') => !value.contains(&b'('),
        Some(b']') => !value.contains(&b'['),
        Some(b'}') => !value.contains(&b'{'),
        _ => false,
    }
}

/// A value without quotes.
fn bare(
    cursor: &Cursor<'_>,
    text: &Text<'_>,
    name: usize,
    separator: &Separator,
    tight: bool,
) -> Option<(Range<usize>, Join)> {
    let rest = cursor.rest();
    let data = matches!(text.syntax, Syntax::Config | Syntax::Yaml | Syntax::Dockerfile | Syntax::Unknown);
    let first_on_line = data && starts_line(text.bytes, name);
    let ends: &[u8] = match separator.sign {
        b'>' => b"<\n\r",
        // the whole line is the value: signs that end it elsewhere belong to it
        _ if first_on_line => b" \t\r\n",
        _ => b" \t\r\n\"'`;&<",
    };
    if first_on_line && rest.get(..APP_PASSWORD).is_some_and(is_app_password) && at_end(rest, APP_PASSWORD) {
        return Some((cursor.at..cursor.at + APP_PASSWORD, Join::Bare));
    }
    let scheme = scheme_length(rest);
    let mut length = scheme + rest[scheme..].iter().take_while(|byte| !ends.contains(byte)).count();
    if !first_on_line {
        length = within_its_place(&rest[..length], text.bytes[..name].ends_with(b"(")).len();
    }
    if separator.sign == b'>' {
        let closed = rest[length..].starts_with(b"</");
        return (closed && length > 0).then(|| (cursor.at..cursor.at + length, Join::Bare));
    }
    let after = rest.get(length).copied();
    if separator.sign == b':' && matches!(after, Some(b' ' | b'\'')) && is_outcome(text.bytes, name) {
        return None;
    }
    let comment = is_comment(text.bytes, name);
    let expression = rest[..length].iter().any(|byte| b"([{".contains(byte)) || after == Some(b'(');
    // in a program `password=x;` is an assignment; inside a string it is a connection string. Quotes of a minified line cannot be paired here.
    let code = matches!(text.syntax, Syntax::Code | Syntax::Markup | Syntax::Json);
    let within = within_string(text.bytes, name) && !is_long_line(text.bytes, name);
    let in_query = name.checked_sub(1).is_some_and(|before| b"?&;".contains(&text.bytes[before]))
        || is_argument_of_query(&rest[length..]);
    let inner = !first_on_line
        && tight
        && separator.sign == b'='
        && (!code || (within || in_query && !is_long_line(text.bytes, name)) && !expression)
        && (matches!(after, Some(b';' | b'&' | b'"' | b'\'' | b'`')) || within || in_query);
    let flow = data && memchr::memchr(b'{', &text.bytes[line_start(text.bytes, name)..name]).is_some();
    while length > 0 && (inner || flow || !data) && closes(&rest[..length]) {
        length -= 1;
    }
    if first_on_line && matches!(rest[..length].last(), Some(b';' | b',')) {
        length -= 1;
    }
    if length == 0 || separator.sign == b',' {
        return None;
    }
    let range = cursor.at..cursor.at + length;
    let join = match text.syntax {
        _ if inner => Join::Inner,
        _ if scheme > 0 => Join::Bare,
        _ if comment && (text.syntax != Syntax::Markup || in_note(text.bytes, name)) => Join::Prose,
        Syntax::Code | Syntax::Json | Syntax::Markup | Syntax::Lockfile => return None,
        Syntax::Config | Syntax::Yaml | Syntax::Dockerfile => Join::Bare,
        Syntax::Shell if tight || within || separator.assigns => Join::Bare,
        Syntax::Unknown if !expression && (tight || first_on_line || separator.sign == b':') => Join::Bare,
        Syntax::Unknown if !expression => Join::Prose,
        Syntax::Prose => Join::Prose,
        _ => return None,
    };
    Some((range, join))
}

/// `&cmd=…` behind a value: the next argument of a URL's query, whose string may have begun on another line.
fn is_argument_of_query(rest: &[u8]) -> bool {
    let Some(rest) = rest.strip_prefix(b"&") else { return false };
    let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte)).count();
    name > 0 && rest.get(name) == Some(&b'=') && rest.get(name + 1) != Some(&b'=')
}

/// The line has no more.
fn at_end(rest: &[u8], length: usize) -> bool {
    rest[length..].trim_ascii_start().is_empty() || matches!(rest[length], b'\r' | b'\n')
}

/// In a string that is written with escapes a line ends at `\n`; `(password=x)` ends where its bracket closes.
fn within_its_place(value: &[u8], in_brackets: bool) -> &[u8] {
    let escape = |pair: &[u8]| pair[0] == b'\\' && b"nrt".contains(&pair[1]);
    let value = value.windows(2).position(escape).map_or(value, |end| &value[..end]);
    let closed = memchr::memchr(b')', value).filter(|_| in_brackets);
    closed.map_or(value, |end| &value[..end])
}

/// Only the marks of a list, an export or an instruction stand before the name.
fn starts_line(bytes: &[u8], name: usize) -> bool {
    let head = bytes[line_start(bytes, name)..name].trim_ascii();
    head.is_empty()
        || [&b"-"[..], b"export", b"set", b"ENV", b"ARG", b"env", b"\"", b"'", b"- \"", b"- '"].contains(&head)
}

/// `0:8` of `${name:0:8}`, a part of what the variable holds.
fn is_part(rest: &[u8]) -> bool {
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b':')
}

/// `${NAME:-value}` and `${name:value}`: what holds when nobody sets it otherwise.
pub(super) fn default_of(bytes: &[u8], value: Range<usize>) -> Range<usize> {
    let text = &bytes[value.clone()];
    let Some(inner) = text.strip_prefix(b"${").and_then(|rest| rest.strip_suffix(b"}")) else { return value };
    let name = inner.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)).count();
    let shell = inner[..name].iter().all(|byte| *byte != b'-') || inner.get(name) == Some(&b':');
    let mark = match inner.get(name..) {
        Some([b':', b'-' | b'=', ..]) => 2,
        Some([b':', b'?' | b'+', ..]) => return value,
        Some([b':', rest @ ..]) if is_part(rest) => return value,
        Some([b':', ..]) => 1,
        _ => return value,
    };
    if !shell || name == 0 {
        return value;
    }
    without_quotes(bytes, value.start + 2 + name + mark..value.end - 1)
}

fn without_quotes(bytes: &[u8], value: Range<usize>) -> Range<usize> {
    match &bytes[value.clone()] {
        [b'"', .., b'"'] | [b'\'', .., b'\''] => value.start + 1..value.end - 1,
        _ => value,
    }
}

/// No line break in the last few hundred bytes: minified, or data.
pub(in crate::secrets::generic) fn is_long_line(bytes: &[u8], at: usize) -> bool {
    at >= 240 && memchr::memchr(b'\n', &bytes[at - 240..at]).is_none()
}

/// `"Pass: it does what it should"`: in a string it is the outcome of a test.
fn is_outcome(bytes: &[u8], name: usize) -> bool {
    let word = bytes.get(name..name + 5);
    word.is_some_and(|word| word.eq_ignore_ascii_case(b"pass:")) && within_string(bytes, name)
}

/// An odd number of quotes before it on its line.
fn within_string(bytes: &[u8], at: usize) -> bool {
    let line = &bytes[line_start(bytes, at)..at];
    [b'"', b'\''].iter().any(|quote| line.iter().filter(|byte| *byte == quote).count() % 2 == 1)
}

/// `<!-- password: value`
fn in_note(bytes: &[u8], at: usize) -> bool {
    bytes[line_start(bytes, at)..at].trim_ascii_start().starts_with(b"<!--")
}

pub(in crate::secrets::generic) fn is_comment(bytes: &[u8], at: usize) -> bool {
    let head = bytes[line_start(bytes, at)..at].trim_ascii_start();
    head.starts_with(b"#")
        || head.starts_with(b"//")
        || head.starts_with(b"* ")
        || head.starts_with(b"--")
        || head.starts_with(b"/*")
        || head.starts_with(b"<!--")
        || contains(head, b" # ")
        || contains(head, b" // ")
}
