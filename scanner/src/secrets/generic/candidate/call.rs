//! Arguments of calls: `login("me", "secret")`, `setPassword("secret")`, `connect(host, "me", "secret")`.

use std::ops::Range;

use super::cursor::Cursor;
use super::{Candidate, Join, Sort, VALUE, name};

/// Calls whose arguments are a user and a password.
const LOGINS: &[&[u8]] = &[
    b"auth",
    b"credential",
    b"credentials",
    b"authentication",
    b"authenticate",
    b"login",
    b"log_in",
    b"logon",
    b"signin",
    b"sign_in",
];

/// Calls whose arguments are a place, a user and a password.
const CONNECTIONS: &[&[u8]] = &[
    b"mysqli_connect",
    b"mysql_connect",
    b"mysqli",
    b"pymysql.connect",
    b"mysqldb.connect",
    b"getconnection",
    b"pdo",
    b"odbc_connect",
];

/// `auth=("user", "password")`, `HTTPBasicAuth("user", "password")`, `smtp.login(USER, "password")`.
pub(super) fn login_pair(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    cursor.skip(b"\"' =:");
    if !cursor.one_of(b"([") {
        return None;
    }
    let lower = bytes[from..to].to_ascii_lowercase();
    if !LOGINS.iter().any(|name| lower.ends_with(name)) {
        return None;
    }
    // `auth: ("ldap", "saml2")` lists names
    // `SigV4Auth(credentials, "service", region)`
    let user = Cursor { ..cursor }.string_start().is_some();
    let value = arguments(&mut cursor, 2).filter(|value| value.len() >= 6)?;
    let lists = lower.ends_with(b"auth") && bytes[cursor.at - 1] == b',';
    // and what goes on behind the second is a list, too
    cursor.skip(b" \t\r\n");
    (!lists || user && cursor.literal().is_none()).then_some(value)
}

/// `CURLOPT_USERPWD, "user:password"`, `c.setopt(c.USERPWD, "user:password")`: the password in the literal.
pub(super) fn user_and_password(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let tail = &bytes[to.saturating_sub(7).max(from)..to];
    if !tail.eq_ignore_ascii_case(b"userpwd") {
        return None;
    }
    let mut cursor = Cursor::new(bytes, to, VALUE);
    // `["USERPWD"] = …`
    if !b", \t=".contains(&cursor.peek()?) {
        cursor.skip(b"\"']");
    }
    cursor.skip(b" \t,=>:");
    let login = cursor.literal()?;
    let colon = memchr::memchr(b':', &bytes[login.clone()])?;
    Some(login.start + colon + 1..login.end)
}

/// The third argument of a call that connects to a database. `open` is where its bracket stands.
pub(super) fn connection(bytes: &[u8], from: usize, open: usize) -> Option<Range<usize>> {
    let lower = bytes[from..open].to_ascii_lowercase();
    if !CONNECTIONS.iter().any(|name| lower.ends_with(name)) {
        return None;
    }
    arguments(&mut Cursor::new(bytes, open + 1, VALUE), 3)
}

/// The string that is the argument of this number; those before it may be strings or simple operands.
pub(super) fn arguments(cursor: &mut Cursor<'_>, number: usize) -> Option<Range<usize>> {
    for _ in 1..number {
        cursor.skip(b" \t\r\n");
        if cursor.literal().is_none() && !cursor.operand() {
            return None;
        }
        cursor.skip(b" \t");
        if !cursor.take(b',') {
            return None;
        }
    }
    cursor.skip(b" \t\r\n");
    wrapped(cursor);
    let value = cursor.literal()?;
    cursor.skip(b" \t\r\n");
    cursor.one_of(b")],.").then_some(value)
}

/// `('secret' | ConvertTo-SecureString -AsPlainText`: the literal before the bar. `start` is where the cmdlet's noun begins.
pub(super) fn piped_literal(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let head = &bytes[start.saturating_sub(VALUE.min(200))..start];
    let verb = head.len() - b"ConvertTo".len().min(head.len());
    let head = head[..verb].trim_ascii_end().strip_suffix(b"|")?.trim_ascii_end();
    let quote = *head.last().filter(|byte| b"\"'".contains(byte))?;
    let open = memchr::memrchr(quote, &head[..head.len() - 1])?;
    let from = start.saturating_sub(VALUE.min(200));
    (!head[open..].contains(&b'\n')).then_some(from + open + 1..from + head.len() - 1)
}

/// `jwt.sign({…}, "secret")`, `signWith(HS256, "secret")`, `Fernet(b"secret")`: the string that signs or encrypts. `call` ends behind its bracket.
pub(super) fn signing(bytes: &[u8], call: Range<usize>) -> Option<Candidate> {
    let mut cursor = Cursor::new(bytes, call.end, VALUE);
    let first =
        [&b"fernet("[..], b"hmac.new(", b"timedserializer(", b"totp(", b"hmac256(", b"hmac512(", b"secretkeyspec("]
            .iter()
            .any(|name| bytes[call.clone()].eq_ignore_ascii_case(name));
    cursor.skip(b" \t\r\n");
    if !first {
        let mut depth = 0usize;
        let length = cursor.rest().iter().take(160).position(|byte| {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            *byte == b',' && depth == 0
        })?;
        cursor.at += length + 1;
        cursor.skip(b" \t\r\n");
    }
    // the key of a cipher, and not its name or its start
    let cipher = bytes[call.clone()].eq_ignore_ascii_case(b"createcipheriv(");
    let value = cursor.literal().filter(|value| !cipher || value.len() >= 16)?;
    Some(Candidate { sort: Sort::Secret, name: call, value, join: Join::Quoted })
}

/// Words before which a call hands a secret over, instead of asking for one.
const GIVING: &[&str] = &["set", "with", "use", "add", "put", "basic", "new", "on"];

/// `setPassword("…")`, `.password("…")`, `password.equals("…")`, `PASSWORD('…')`.
pub(super) fn argument(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    let mut cursor = Cursor::new(bytes, to, VALUE);
    if !cursor.take(b'(') {
        return None;
    }
    let words = name::words(&bytes[from..to]);
    let gives = words.iter().any(|word| GIVING.contains(&word.as_str()));
    let plain = words.len() <= 2 && words.iter().all(|word| name::is_promise_word(word));
    let compares = matches!(words.last().map(String::as_str), Some("equals" | "eq" | "equalsignorecase"));
    if !(gives || plain || compares) {
        return None;
    }
    cursor.skip(b" \t\r\n");
    let value = cursor.literal()?;
    cursor.skip(b" \t\r\n");
    // `token("name", "value")` names something first
    (cursor.peek() != Some(b',') || gives).then_some(value)
}

/// Calls that wrap a literal without changing what it says: `SecretStr("…")`, `new String("…")`, `Buffer.from("…")`.
const WRAPPERS: &[&[u8]] = &[
    b"secretstr",
    b"secret",
    b"str",
    b"string",
    b"bytes",
    b"bytearray",
    b"buffer.from",
    b"b64decode",
    b"atob",
    b"fromstring",
    b"text",
    b"encode",
    b"decode",
    b"trim",
    b"some",
    b"optional.of",
    b"securestring",
    b"getbytes",
    b"stringvalue",
    b"aws.string",
    b"to_string",
    b"pointer.string",
    b"sensitive",
    b"unicode",
    b"string::from",
    b"utf8encode",
    b"quote",
    b"base64decode",
    b"encodebase64",
    b"byte",
];

/// Passes the name of a wrapper and its bracket, where there are such.
pub(super) fn wrapped(cursor: &mut Cursor<'_>) -> bool {
    let mut ahead = Cursor { ..*cursor };
    ahead.word(b"new ");
    // `[]byte("…")`, whose first bracket may be passed already
    if !ahead.word(b"[]") {
        ahead.word(b"]");
    }
    let start = ahead.at;
    ahead.at +=
        ahead.rest().iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || b"_.:".contains(byte)).count();
    let lower = ahead.bytes[start..ahead.at].to_ascii_lowercase();
    let wraps = !lower.is_empty() && WRAPPERS.iter().any(|known| lower.ends_with(known)) && ahead.take(b'(');
    if wraps {
        cursor.at = ahead.at;
    }
    wraps
}

/// `read("X") || "value"`, `x or "value"`, `a ?? "value"`: the literal an expression falls back to, on the same line.
pub(super) fn fallback(cursor: &Cursor<'_>) -> Option<Range<usize>> {
    let rest = cursor.rest();
    let line = &rest[..memchr::memchr2(b'\n', b';', rest).unwrap_or(rest.len()).min(160)];
    let chooses = memchr::memmem::find(line, b" ? ").is_some();
    for sign in [&b"|| "[..], b" or ", b"?? ", b"?: ", b" : "] {
        if sign == b" : " && !chooses {
            continue;
        }
        if let Some(at) = memchr::memmem::find(line, sign) {
            let mut ahead = Cursor { at: cursor.at + at + sign.len(), ..*cursor };
            ahead.skip(b" ");
            return ahead.literal();
        }
    }
    None
}
