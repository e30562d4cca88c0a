//! Reads the syntax around a cue: which name, which value, and how the two are joined. All in bounded windows on few lines.

mod beside;
mod call;
mod command;
mod cursor;
mod join;
mod listed;
mod said;
mod spaced;
mod typed;
mod url;

use std::ops::Range;

use super::{Sort, name};
use crate::secrets::text::{Syntax, Text};
use cursor::{Cursor, line_start};
pub(super) use join::{is_comment, is_long_line};

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

/// Longer cues are parts of names.
const LONGEST_CUE: usize = 16;

/// What stands at a cue.
pub(super) enum Cue {
    /// A part of a name.
    Name(Name),
    /// A mark of a URL, a command line or a call, and what is read there.
    Mark(Option<Candidate>),
}

/// A name that holds a cue. What it leads to depends on nothing else, so that cues in one name lead to one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    range: Range<usize>,
    /// `identified by`.
    sql: bool,
}

pub(super) fn at(text: &Text<'_>, start: usize, end: usize) -> Cue {
    let bytes = text.bytes;
    let mut lower = [0; LONGEST_CUE];
    let Some(lower) = lower.get_mut(..end - start) else { return Cue::Name(name_around(bytes, start, end)) };
    lower.copy_from_slice(&bytes[start..end]);
    lower.make_ascii_lowercase();
    let found = match &*lower {
        b"://" => url::url(bytes, start, end),
        b"thin:" => url::thin(bytes, start, end),
        b" -p" | b"\"-p" | b"'-p" | b" -u" | b" -a" | b" -w" | b" -k" => command::flag(bytes, end),
        b"-user" => command::user_option(bytes, end),
        b"@tcp(" | b"@unix(" => url::driver(bytes, start, end),
        b"-securestring " => {
            let mut cursor = Cursor::new(bytes, end, VALUE);
            cursor.word(b"-string ");
            let value = cursor.literal().or_else(|| call::piped_literal(bytes, start));
            value.map(|value| password_argument(start..end, value))
        }
        b"htpasswd -" => command::htpasswd(bytes, start, end),
        b"wpa_passphrase " | b" add_user " => command::second_argument(bytes, start, end),
        b"net use " => command::net_use(bytes, start, end),
        b": psk " => Cursor::new(bytes, end, VALUE).literal().map(|value| password_argument(start + 2..end - 1, value)),
        b"createuser " => command::snmp_user(bytes, start, end),
        b"send \"" | b"send -- \"" => command::sent(bytes, start, end),
        b"vault login " => command::vault_login(bytes, start, end),
        b"jwt.sign(" | b"jwt.encode(" | b"signwith(" | b"fernet(" | b"hmac.new(" | b"createhmac("
        | b"timedserializer(" | b"totp(" | b"hmac256(" | b"hmac512(" | b"secretkeyspec(" | b"createcipheriv(" => {
            call::signing(bytes, start..end)
        }
        b"bind_s(" => {
            call::arguments(&mut Cursor::new(bytes, end, VALUE), 2).map(|value| password_argument(start..end, value))
        }
        b"mot de passe" => said::behind_words(bytes, start, end),
        b"login: " => spaced::user_and_password(bytes, start, end),
        b"sqlplus " => command::sqlplus(bytes, start, end),
        b"chpasswd" | b"passwd --stdin" | b"password-stdin" | b"sudo -s" => {
            command::piped(bytes, start).or_else(|| command::cloud_users(bytes, start, end))
        }
        b"login(" => call::login_pair(bytes, start, end - 1).map(|value| password_argument(start..end, value)),
        b"connect(" | b"connection(" | b"pdo(" | b"sqli(" => {
            let from =
                start - bytes[start.saturating_sub(NAME)..start].iter().rev().take_while(|byte| in_name(byte)).count();
            call::connection(bytes, from, end - 1).map(|value| password_argument(from..end, value))
        }
        // the cue holds the sign behind the name
        [b'p', b'w', ..] => return Cue::Name(name_around(bytes, start, start + 2)),
        [b'p', b's', b'k', b'='] => return Cue::Name(name_around(bytes, start, start + 3)),
        [b'p', b'a', b't', ..] => return Cue::Name(name_around(bytes, start, start + 3)),
        _ => return Cue::Name(name_around(bytes, start, end)),
    };
    Cue::Mark(found)
}

fn password_argument(name: Range<usize>, value: Range<usize>) -> Candidate {
    Candidate { sort: Sort::Password, name, value, join: Join::Quoted }
}

fn in_name(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.') || *byte >= 0x80
}

fn name_around(bytes: &[u8], start: usize, end: usize) -> Name {
    let from = start - bytes[start.saturating_sub(NAME)..start].iter().rev().take_while(|byte| in_name(byte)).count();
    let to = end + bytes[end..bytes.len().min(end + NAME)].iter().take_while(|byte| in_name(byte)).count();
    // the full-width colon parts name and value
    let to = memchr::memmem::find(&bytes[start..to], "：".as_bytes()).map_or(to, |colon| start + colon);
    Name { range: from..to, sql: bytes[start..end].eq_ignore_ascii_case(b"identified by") }
}

/// What may stand behind a name that a value belongs to: its end in quotes or brackets, a blank, a line's end, a separator, a call.
const LEADS_ON: &[u8] = b"\\\"'`[)]} \t\r\n=:!+.<>,?|(\xef";

/// The value that belongs to a name.
pub(super) fn named(text: &Text<'_>, name: &Name) -> Option<Candidate> {
    let bytes = text.bytes;
    let (from, to) = (name.range.start, name.range.end);
    let next = *bytes.get(to).filter(|next| LEADS_ON.contains(next))?;
    if let Some(value) = call::login_pair(bytes, from, to).or_else(|| call::user_and_password(bytes, from, to)) {
        return Some(password_argument(from..to, value));
    }
    if bytes[from..to].to_ascii_lowercase().ends_with(b"credentials")
        && let Some(found) = spaced::user_and_password(bytes, from, to)
    {
        return Some(found);
    }
    if let Some(value) = call::argument(bytes, from, to) {
        let sort = name::promise(without_verb(&bytes[from..to]))?;
        let join = Join::Quoted;
        return (sort != Sort::Key && sort != Sort::Authorization).then_some(Candidate {
            sort,
            name: from..to,
            value,
            join,
        });
    }
    if next == b'(' {
        return None;
    }
    if let Some(value) = scheme_alone(bytes, from, to) {
        return Some(Candidate { sort: Sort::Authorization, name: from..to, value, join: Join::Bare });
    }
    // `files.host.pw:8080/a`: a host and a port
    let port = next == b':' && bytes.get(to + 1).is_some_and(u8::is_ascii_digit) && bytes[from..to].ends_with(b".pw");
    if port {
        return None;
    }
    // `$(pwd):/data`: a command; `…QuPw==`: the end of base64
    if next == b')' && bytes[..from].ends_with(b"$(") || bytes[to..].starts_with(b"==\"") {
        return None;
    }
    if next == b')' && is_hashed(&bytes[from.saturating_sub(12)..from]) {
        return None;
    }
    let (value, join) = placed(text, from, to).or_else(|| join::joined(text, from, to))?;
    let value = join::default_of(bytes, value);
    let value = in_sed(bytes, from, value);
    let from = with_word_before(bytes, from);
    // a part of a package's or a file's name: "@scope/auth-next", "src/password"
    let flag = matches!(text.syntax, Syntax::Shell | Syntax::Unknown) && bytes[..from].ends_with(b" /");
    let value = match behind_user(bytes, from, &value) {
        Some(password) => password,
        None if from > 0 && bytes[from - 1] == b'/' && !bytes[..from].ends_with(b"//") && !flag => return None,
        None => value,
    };
    let promised =
        || name::promise(without_verb(&bytes[from..to])).or_else(|| listed::of_many(bytes, &(from..to), &value));
    let mut sort = if name.sql { Sort::Password } else { promised()? };
    let (value, scheme) = after_scheme(bytes, value);
    if scheme && sort != Sort::Password {
        sort = Sort::Authorization;
    }
    if sort == Sort::Authorization && !scheme {
        sort = Sort::Secret;
    }
    if join == Join::Inner && sort == Sort::Password {
        sort = Sort::ConnectionString;
    }
    (!value.is_empty()).then_some(Candidate { sort, name: from..to, value, join })
}

/// The value in the place that a list, a table or the layout of a text gives it.
fn placed(text: &Text<'_>, from: usize, to: usize) -> Option<(Range<usize>, Join)> {
    let in_list = || {
        listed::inserted(text.bytes, from, to)
            .or_else(|| listed::in_tuple(text.bytes, from, to))
            .or_else(|| listed::compared(text.bytes, from, to))
    };
    match in_list() {
        Some(value) => Some((value, Join::Quoted)),
        None => match said::in_column(text, from, to) {
            Some(value) => Some((value, Join::Bare)),
            None => said::laid_out(text, from, to).map(|value| (value, Join::Prose)),
        },
    }
}

/// `sed "s|PASSWORD=.*|PASSWORD=value|"`: the value ends where the replacement does.
fn in_sed(bytes: &[u8], from: usize, value: Range<usize>) -> Range<usize> {
    let head = &bytes[line_start(bytes, from)..from];
    let Some(sed) = memchr::memmem::find(head, b"sed ") else { return value };
    let sign = [b'|', b'/', b'#', b'~', b','].into_iter().find(|sign| cursor::contains(&head[sed..], &[b's', *sign]));
    let end = sign.and_then(|sign| memchr::memchr(sign, &bytes[value.clone()]));
    value.start..end.map_or(value.end, |end| value.start + end)
}

/// `user/password: bob/value`: the part behind the user. `None` where the name is not said to be that of both.
fn behind_user(bytes: &[u8], from: usize, value: &Range<usize>) -> Option<Range<usize>> {
    let head = bytes[..from].strip_suffix(b"/")?;
    let word = head.iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let word = head[head.len() - word..].to_ascii_lowercase();
    let both = [&b"user"[..], b"username", b"login", b"email"].contains(&&word[..]);
    let slash = memchr::memchr(b'/', &bytes[value.clone()])?;
    both.then_some(value.start + slash + 1..value.end)
}

/// `md5($password) === "…"`: what is compared is a hash. `head` is what stands before the name.
fn is_hashed(head: &[u8]) -> bool {
    let sigils = head.iter().rev().take_while(|byte| b"$&@ ".contains(byte)).count();
    let lower = head[..head.len() - sigils].to_ascii_lowercase();
    [&b"md5("[..], b"sha1(", b"sha256(", b"sha512(", b"hash(", b"crypt("].iter().any(|call| lower.ends_with(call))
}

/// `password.equals` is about the password.
fn without_verb(name: &[u8]) -> &[u8] {
    [&b".equals"[..], b".equalsIgnoreCase", b".eq"].iter().find_map(|verb| name.strip_suffix(*verb)).unwrap_or(name)
}

/// `API key: …`, `client secret = …`: names of two words.
fn with_word_before(bytes: &[u8], from: usize) -> usize {
    let Some(end) = from.checked_sub(1).filter(|end| bytes[*end] == b' ') else { return from };
    let word = bytes[end.saturating_sub(12)..end].iter().rev().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let lower = bytes[end - word..end].to_ascii_lowercase();
    let known = [&b"api"[..], b"access", b"secret", b"client", b"auth", b"private", b"app", b"account", b"bearer"];
    if known.contains(&&lower[..]) { end - word } else { from }
}

/// `Bearer …` with no name before it, as in `"X-Auth": …` of a log or in a call's argument.
fn scheme_alone(bytes: &[u8], from: usize, to: usize) -> Option<Range<usize>> {
    if !bytes[from..to].eq_ignore_ascii_case(b"bearer") || bytes.get(to) != Some(&b' ') {
        return None;
    }
    let cursor = Cursor::new(bytes, to + 1, VALUE);
    let value = cursor.until(|byte| !(byte.is_ascii_alphanumeric() || b"-._~+/=|:".contains(&byte)));
    (value.len() >= 16).then_some(value)
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
