//! Reads the syntax around a cue: which name, which value, and how the two are joined. All in bounded windows on few lines.

use std::ops::Range;

use super::{Sort, name};
use crate::secrets::text::{Syntax, Text};

/// A name and the value that belongs to it.
pub(super) struct Candidate {
    pub(super) sort: Sort,
    pub(super) name: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) join: Join,
}

/// How the value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Join {
    /// A string literal.
    Quoted,
    /// A bare word where bare words are values.
    Bare,
    /// `name=value;` inside a string or a URL's query.
    Inner,
    /// In running text or in a comment.
    Prose,
    /// In a URL's user part or on a command line.
    Position,
}

const NAME: usize = 64;
const VALUE: usize = 400;

pub(super) fn at(text: &Text<'_>, start: usize, end: usize, done: &mut usize) -> Option<Candidate> {
    match &text.bytes[start..end] {
        b"://" => url(text.bytes, start, end),
        b" -p" | b" -P" => flag(text.bytes, end),
        b" -u" | b" -U" => user_flag(text.bytes, end),
        _ if start < *done => None,
        _ => named(text, start, end, done),
    }
}

fn named(text: &Text<'_>, start: usize, end: usize, done: &mut usize) -> Option<Candidate> {
    let bytes = text.bytes;
    let in_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || *byte >= 0x80;
    let from = start - bytes[start.saturating_sub(NAME)..start].iter().rev().take_while(|byte| in_name(byte)).count();
    let to = end + bytes[end..bytes.len().min(end + NAME)].iter().take_while(|byte| in_name(byte)).count();
    *done = to;
    if let Some(value) = login_pair(bytes, from, to) {
        return Some(Candidate { sort: Sort::Password, name: from..to, value, join: Join::Quoted });
    }
    let (value, join) = joined(text, from, to)?;
    let from = with_word_before(bytes, from);
    let sql = bytes[start..end].eq_ignore_ascii_case(b"identified by");
    // a part of a package's or a file's name: "@scope/auth-next", "src/password"
    if from > 0 && bytes[from - 1] == b'/' && !bytes[..from].ends_with(b"//") {
        return None;
    }
    let mut sort = if sql { Sort::Password } else { name::promise(&bytes[from..to])? };
    let (value, scheme) = after_scheme(bytes, value);
    if scheme && sort != Sort::Password {
        sort = Sort::Authorization;
    }
    if sort == Sort::Authorization && !scheme {
        return None;
    }
    if join == Join::Inner && sort == Sort::Password {
        sort = Sort::ConnectionString;
    }
    (!value.is_empty()).then_some(Candidate { sort, name: from..to, value, join })
}

/// `API key: …`, `client secret = …`: names of two words.
fn with_word_before(bytes: &[u8], from: usize) -> usize {
    let Some(end) = from.checked_sub(1).filter(|end| bytes[*end] == b' ') else { return from };
    let word = bytes[end.saturating_sub(12)..end].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let lower = bytes[end - word..end].to_ascii_lowercase();
    let known = [&b"api"[..], b"access", b"secret", b"client", b"auth", b"private", b"app", b"account", b"bearer"];
    if known.contains(&&lower[..]) { end - word } else { from }
}

/// `auth=("user", "password")` and `HTTPBasicAuth("user", "password")`.
fn login_pair(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    if !bytes[from..to].to_ascii_lowercase().ends_with(b"auth") {
        return None;
    }
    let mut cursor = Cursor { bytes, at: to, stop: bytes.len().min(to + VALUE) };
    cursor.skip(b"\"' =:");
    if !cursor.one_of(b"([") {
        return None;
    }
    cursor.skip(b" ");
    match string_start(&mut cursor) {
        Some(quote) => cursor.at = cursor.string(quote, false)?.end + 1,
        None => {
            cursor.at += bytes[cursor.at..cursor.stop]
                .iter()
                .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
                .count()
        }
    }
    cursor.skip(b" ");
    if !cursor.take(b',') {
        return None;
    }
    cursor.skip(b" ");
    let quote = string_start(&mut cursor)?;
    let value = cursor.string(quote, false)?;
    cursor.at = value.end + 1;
    cursor.skip(b" ");
    cursor.one_of(b")]").then_some(value)
}

/// `Bearer …`, `Basic …`, `Token …`: the secret is what follows.
fn after_scheme(bytes: &[u8], value: Range<usize>) -> (Range<usize>, bool) {
    match scheme_length(&bytes[value.clone()]) {
        0 => (value, false),
        length => (value.start + length..value.end, true),
    }
}

fn scheme_length(value: &[u8]) -> usize {
    for scheme in ["bearer ", "basic ", "token ", "apikey ", "bot ", "token="] {
        if value.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme.as_bytes())) {
            return scheme.len() + value[scheme.len()..].iter().take_while(|byte| **byte == b' ').count();
        }
    }
    0
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

/// Reads from the end of the name to the value.
fn joined(text: &Text<'_>, from: usize, to: usize) -> Option<(Range<usize>, Join)> {
    let bytes = text.bytes;
    let mut cursor = Cursor { bytes, at: to, stop: bytes.len().min(to + VALUE + 64) };
    let quote_before = from.checked_sub(1).map(|before| bytes[before]).filter(|byte| b"\"'`".contains(byte));
    let escaped = cursor.take(b'\\');
    let quoted_name = quote_before.is_some_and(|quote| cursor.take(quote)) || cursor.one_of(b"\"'`");
    cursor.skip(b")]}");
    let near = cursor.at;
    cursor.skip(b" \t");
    let tight = cursor.at == near;
    if let Some(range) = value_beside(&mut Cursor { bytes, at: near, stop: cursor.stop }) {
        return Some((range, Join::Quoted));
    }
    let separator = separator(&mut cursor, text.syntax, quoted_name);
    if !separator.found {
        return spaced(text, from, &cursor, tight, quoted_name);
    }
    if separator.sign == b',' && !matches!(text.syntax, Syntax::Code | Syntax::Unknown) {
        return None;
    }
    let gap = cursor.at;
    cursor.skip(b" \t");
    let gap = cursor.at > gap;
    // a line break after the separator: a folded YAML value, or a literal on its own line in brackets
    if separator.sign != b',' && cursor.peek() == Some(b'\n') || cursor.peek() == Some(b'\r') || folded(&mut cursor) {
        cursor.skip(b" \t\r\n(");
    }
    cursor.skip(b"([");
    cursor.skip(b" \t");
    let escaped = cursor.take(b'\\') || escaped;
    if let Some(quote) = string_start(&mut cursor) {
        return cursor.string(quote, escaped).map(|range| (range, Join::Quoted));
    }
    cursor.bare(text, from, &separator, tight && !gap)
}

/// `--password value`, `ENV PASSWORD value`, `password value` in .netrc, `PASSWORD 'value'` in SQL; `name: X` with `value: Y` on the next line.
fn spaced(
    text: &Text<'_>,
    from: usize,
    cursor: &Cursor<'_>,
    tight: bool,
    quoted: bool,
) -> Option<(Range<usize>, Join)> {
    let mut cursor = Cursor { ..*cursor };
    let bytes = text.bytes;
    if tight || quoted {
        return None;
    }
    let line = line_start(bytes, from);
    let head = bytes[line..from].trim_ascii();
    let option = bytes[from..].starts_with(b"--");
    let dockerfile = head.eq_ignore_ascii_case(b"env") || head.eq_ignore_ascii_case(b"arg");
    let netrc = bytes[from..cursor.at].trim_ascii() == b"password"
        && (contains(head, b"login ") || text.syntax == Syntax::Config);
    if let Some(quote @ b'\'') = cursor.peek() {
        cursor.at += 1;
        return cursor.string(quote, false).map(|range| (range, Join::Quoted));
    }
    if !(option || dockerfile || netrc) {
        return None;
    }
    if let Some(quote) = string_start(&mut cursor) {
        return cursor.string(quote, false).map(|range| (range, Join::Quoted));
    }
    let length = bytes[cursor.at..cursor.stop]
        .iter()
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'`;|,".contains(byte))
        .count();
    (length > 0).then(|| (cursor.at..cursor.at + length, if option { Join::Position } else { Join::Bare }))
}

/// `"name": "X", "value": "Y"` and `key="X" value="Y"`, on this line or the next.
fn value_beside(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    // a property list: <key>name</key> <string>value</string>
    if cursor.bytes[cursor.at..cursor.stop].starts_with(b"</key>") {
        cursor.at += 6;
        cursor.skip(b" \t\r\n");
        let value = cursor.bytes[cursor.at..cursor.stop].strip_prefix(b"<string>")?;
        let length = memchr::memchr(b'<', value).filter(|length| *length > 0)?;
        return Some(cursor.at + 8..cursor.at + 8 + length);
    }
    let blank = cursor.bytes[cursor.at..cursor.stop]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace() || b",\"'".contains(byte))
        .count();
    cursor.at += blank;
    let rest = &cursor.bytes[cursor.at..cursor.stop];
    if blank == 0 || !rest.get(..5)?.eq_ignore_ascii_case(b"value") {
        return None;
    }
    cursor.at += 5;
    cursor.skip(b"\"' \t");
    if !cursor.one_of(b":=") {
        return None;
    }
    cursor.skip(b" \t");
    if let Some(quote) = string_start(cursor) {
        return cursor.string(quote, false);
    }
    let length = cursor.bytes[cursor.at..cursor.stop]
        .iter()
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"',}>".contains(byte))
        .count();
    (length > 0).then(|| cursor.at..cursor.at + length)
}

struct Separator {
    found: bool,
    sign: u8,
}

fn separator(cursor: &mut Cursor<'_>, syntax: Syntax, quoted_name: bool) -> Separator {
    let start = cursor.at;
    let sign = match cursor.peek() {
        Some(sign @ (b'=' | b':')) => sign,
        Some(b'!') if cursor.bytes.get(start + 1) == Some(&b'=') => b'=',
        Some(b'>') => b'>',
        Some(b',') if quoted_name => b',',
        Some(b'?' | b'|')
            if cursor.bytes.get(start + 1) == Some(&b'=') || cursor.bytes.get(start + 1) == Some(&b'|') =>
        {
            b'='
        }
        _ => return Separator { found: false, sign: 0 },
    };
    cursor.skip(if sign == b'>' || sign == b',' { b">," } else { b"=:>!?|" });
    // `password: str = "…"`, `let token: &str = "…"`
    if sign == b':' && matches!(syntax, Syntax::Code | Syntax::Unknown) {
        let rest = &cursor.bytes[cursor.at..cursor.stop.min(cursor.at + 48)];
        let length =
            rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b" &'[]<>|_.?".contains(byte)).count();
        if length > 0 && rest.get(length) == Some(&b'=') && !rest[..length].contains(&b'\n') {
            cursor.at += length + 1;
        }
    }
    Separator { found: true, sign }
}

fn folded(cursor: &mut Cursor<'_>) -> bool {
    let rest = &cursor.bytes[cursor.at..cursor.stop];
    let marks = rest.iter().take_while(|byte| b"|>+-".contains(byte)).count();
    if (1..=2).contains(&marks) && matches!(rest[0], b'|' | b'>') && rest.get(marks) == Some(&b'\n') {
        cursor.at += marks;
        return true;
    }
    false
}

/// Passes a string's prefix and opening quote.
fn string_start(cursor: &mut Cursor<'_>) -> Option<u8> {
    let rest = &cursor.bytes[cursor.at..cursor.stop];
    let prefix = rest.iter().take_while(|byte| b"rbufRBUF@$".contains(byte)).count().min(2);
    let quote = *rest.get(prefix).filter(|byte| b"\"'`".contains(byte))?;
    let triple = rest.get(prefix..prefix + 3).is_some_and(|head| head.iter().all(|byte| *byte == quote));
    cursor.at += prefix + if triple { 3 } else { 1 };
    Some(quote)
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    stop: usize,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes[..self.stop].get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == Some(byte);
        self.at += usize::from(there);
        there
    }

    fn one_of(&mut self, bytes: &[u8]) -> bool {
        let there = self.peek().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(there);
        there
    }

    fn skip(&mut self, bytes: &[u8]) {
        self.at += self.bytes[self.at.min(self.stop)..self.stop]
            .iter()
            .take(32)
            .take_while(|byte| bytes.contains(byte))
            .count();
    }

    /// To the closing quote on the same line. Inside another string the quotes are escaped themselves.
    fn string(&self, quote: u8, escaped: bool) -> Option<Range<usize>> {
        let mut at = self.at;
        while at < self.stop {
            match self.bytes[at] {
                b'\n' => return None,
                b'\\' if escaped && self.bytes.get(at + 1) == Some(&quote) => return Some(self.at..at),
                b'\\' => at += 1,
                byte if byte == quote => return Some(self.at..at),
                _ => {}
            }
            at += 1;
        }
        None
    }

    fn bare(&self, text: &Text<'_>, name: usize, separator: &Separator, tight: bool) -> Option<(Range<usize>, Join)> {
        let rest = &self.bytes[self.at..self.stop];
        let ends: &[u8] = match separator.sign {
            b'>' => b"<\n\r",
            _ => b" \t\r\n\"'`;&<",
        };
        let scheme = scheme_length(rest);
        let mut length = scheme + rest[scheme..].iter().take_while(|byte| !ends.contains(byte)).count();
        let after = rest.get(length).copied();
        let comment = is_comment(self.bytes, name);
        let expression = rest[..length].iter().any(|byte| b"([{".contains(byte)) || after == Some(b'(');
        // in a program `password=x;` is an assignment; inside a string it is a connection string. Quotes of a minified line cannot be paired here.
        let code = matches!(text.syntax, Syntax::Code | Syntax::Markup | Syntax::Json);
        let within = within_string(self.bytes, name) && !is_long_line(self.bytes, name);
        let inner = tight
            && separator.sign == b'='
            && (!code || within && !expression)
            && (matches!(after, Some(b';' | b'&' | b'"' | b'\'' | b'`')) || within);
        if separator.sign == b'>' {
            let closed = rest[length..].starts_with(b"</");
            return (closed && length > 0).then(|| (self.at..self.at + length, Join::Bare));
        }
        let data = matches!(text.syntax, Syntax::Config | Syntax::Yaml);
        while length > 0 && (inner || !data) && closes(&rest[..length]) {
            length -= 1;
        }
        if length == 0 || separator.sign == b',' {
            return None;
        }
        let range = self.at..self.at + length;
        let join = match text.syntax {
            _ if inner => Join::Inner,
            _ if scheme > 0 => Join::Bare,
            _ if comment && !matches!(text.syntax, Syntax::Markup) => Join::Prose,
            Syntax::Code | Syntax::Json | Syntax::Markup | Syntax::Lockfile => return None,
            Syntax::Config | Syntax::Yaml | Syntax::Dockerfile => Join::Bare,
            Syntax::Shell if tight || within => Join::Bare,
            Syntax::Unknown if !expression => {
                if tight || separator.sign == b':' {
                    Join::Bare
                } else {
                    Join::Prose
                }
            }
            Syntax::Prose => Join::Prose,
            _ => return None,
        };
        Some((range, join))
    }
}

/// No line break in the last few hundred bytes: minified, or data.
pub(super) fn is_long_line(bytes: &[u8], at: usize) -> bool {
    at >= 240 && memchr::memchr(b'\n', &bytes[at - 240..at]).is_none()
}

/// An odd number of quotes before it on its line.
fn within_string(bytes: &[u8], at: usize) -> bool {
    let line = &bytes[line_start(bytes, at)..at];
    [b'"', b'\''].iter().any(|quote| line.iter().filter(|byte| *byte == quote).count() % 2 == 1)
}

fn is_comment(bytes: &[u8], at: usize) -> bool {
    let head = bytes[line_start(bytes, at)..at].trim_ascii_start();
    head.starts_with(b"#")
        || head.starts_with(b"//")
        || head.starts_with(b"* ")
        || head.starts_with(b"--")
        || head.starts_with(b"/*")
        || contains(head, b" # ")
        || contains(head, b" // ")
}

fn line_start(bytes: &[u8], at: usize) -> usize {
    let from = at.saturating_sub(240);
    memchr::memrchr(b'\n', &bytes[from..at]).map_or(from, |position| from + position + 1)
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(bytes, needle).is_some()
}

/// `scheme://user:password@host` and `scheme://token@host`.
fn url(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let scheme = bytes[start.saturating_sub(24)..start]
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
        .count();
    if scheme < 2 {
        return None;
    }
    let rest = &bytes[end..bytes.len().min(end + 300)];
    let stop =
        rest.iter().position(|byte| byte.is_ascii_whitespace() || b"\"'`<>\\,".contains(byte)).unwrap_or(rest.len());
    let host = memchr::memrchr(b'@', &rest[..stop])?;
    // a path that holds an at sign (`https://host/@user`) is no user part; a password may hold a slash when a colon came before it
    let colon = memchr::memchr(b':', &rest[..host]);
    let slash = memchr::memchr2(b'/', b'?', &rest[..host]);
    if slash.is_some_and(|slash| colon.is_none_or(|colon| slash < colon) || rest[host + 1..stop].is_empty())
        || slash.is_some_and(|slash| {
            rest[..slash].iter().rev().take_while(|byte| byte.is_ascii_digit()).count() >= 2
                && contains(&rest[..slash], b".")
        })
    {
        return None;
    }
    let name = start - scheme..stop + end;
    match colon {
        Some(colon) if colon + 1 < host => {
            Some(Candidate { sort: Sort::UrlPassword, name, value: end + colon + 1..end + host, join: Join::Position })
        }
        Some(0) => None,
        _ => {
            let user = colon.unwrap_or(host);
            Some(Candidate { sort: Sort::UrlToken, name, value: end..end + user, join: Join::Position })
        }
    }
}

const PASSWORD_COMMANDS: &[&[u8]] = &[
    b"docker login",
    b"podman login",
    b"helm registry login",
    b"mysql",
    b"mariadb",
    b"sshpass",
    b"mongo",
    b"az login",
    b"cf login",
    b"oc login",
    b"twine upload",
    b"ldapsearch",
    b"svn ",
];

/// `docker login -u me -p secret`, `mysql -psecret`, `sshpass -p secret`.
fn flag(bytes: &[u8], end: usize) -> Option<Candidate> {
    let line = line_start(bytes, end - 3);
    let command = PASSWORD_COMMANDS.iter().find(|command| contains(&bytes[line..end], command))?;
    let glued = bytes.get(end).is_some_and(|byte| !byte.is_ascii_whitespace());
    if glued && !(*command == b"mysql" || *command == b"mariadb" || *command == b"sshpass") {
        return None;
    }
    let value = argument(bytes, end)?;
    Some(Candidate { sort: Sort::CommandLine, name: line..end, value, join: Join::Position })
}

/// `curl -u user:password`.
fn user_flag(bytes: &[u8], end: usize) -> Option<Candidate> {
    let line = line_start(bytes, end - 3);
    if !(contains(&bytes[line..end], b"curl") || contains(&bytes[line..end], b"http ")) {
        return None;
    }
    let value = argument(bytes, end)?;
    let colon = memchr::memchr(b':', &bytes[value.clone()])?;
    Some(Candidate {
        sort: Sort::CommandLine,
        name: line..end,
        value: value.start + colon + 1..value.end,
        join: Join::Position,
    })
}

fn argument(bytes: &[u8], from: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor { bytes, at: from, stop: bytes.len().min(from + VALUE) };
    cursor.skip(b" ");
    if let Some(quote) = cursor.peek().filter(|byte| b"\"'".contains(byte)) {
        cursor.at += 1;
        return cursor.string(quote, false);
    }
    let length = bytes[cursor.at..cursor.stop]
        .iter()
        .take_while(|byte| !byte.is_ascii_whitespace() && !b"\"'`;|&,)".contains(byte))
        .count();
    (length > 0).then(|| cursor.at..cursor.at + length)
}
