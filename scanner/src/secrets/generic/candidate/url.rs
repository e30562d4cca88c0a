//! Credentials in URLs.

use super::cursor::contains;
use super::{Candidate, Join, Sort};

/// `scheme://user:password@host` and `scheme://token@host`.
pub(super) fn url(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
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
    // one URL behind another: `https://user:password@host;https://…`
    let stop = memchr::memmem::find(&rest[..stop], b"://").filter(|next| rest[..*next].contains(&b'@')).unwrap_or(stop);
    let host = memchr::memrchr(b'@', &rest[..stop])?;
    // a path that holds an at sign (`https://host/@user`) is no user part; a password may hold a slash when a colon came before it
    let colon = memchr::memchr(b':', &rest[..host]);
    let slash = memchr::memchr2(b'/', b'?', &rest[..host]);
    let in_path = slash.is_some_and(|slash| colon.is_none_or(|colon| slash < colon) || is_port(&rest[..slash]));
    if in_path || rest[host + 1..stop].is_empty() {
        return None;
    }
    let name = start - scheme..stop + end;
    let named = &bytes[start - scheme..start];
    match colon {
        // `git://github.com:team/project@main`, half a URL and half what scp takes
        Some(colon) if of_git(named) && is_host(&rest[..colon]) && rest[colon..host].contains(&b'/') => None,
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

fn of_git(scheme: &[u8]) -> bool {
    [&b"git"[..], b"ssh", b"http", b"https"].iter().any(|end| scheme.ends_with(end))
}

/// `github.com`.
fn is_host(user: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', user).filter(|dot| *dot > 0) else { return false };
    (2..=6).contains(&(user.len() - dot - 1))
        && user[dot + 1..].iter().all(u8::is_ascii_lowercase)
        && user.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
}

/// `host.name:8080` before the first slash: what follows is a path.
fn is_port(authority: &[u8]) -> bool {
    let digits = authority.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let host = &authority[..authority.len() - digits];
    let letters = |byte: &u8| byte.is_ascii_lowercase() || *byte == b'-';
    let named = host.strip_suffix(b":").is_some_and(|name| !name.is_empty() && name.iter().all(letters));
    digits >= 2 && host.ends_with(b":") && (contains(host, b".") || named && (4..=5).contains(&digits))
        || authority.ends_with(b":port")
}

/// `jdbc:oracle:thin:scott/tiger@host`: the cue is `thin:`.
pub(super) fn thin(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let rest = &bytes[end..bytes.len().min(end + 120)];
    let stop =
        rest.iter().position(|byte| byte.is_ascii_whitespace() || b"\"'`<>".contains(byte)).unwrap_or(rest.len());
    let host = memchr::memchr(b'@', &rest[..stop])?;
    let slash = memchr::memchr(b'/', &rest[..host]).filter(|slash| *slash > 0)?;
    let value = end + slash + 1..end + host;
    Some(Candidate { sort: Sort::UrlPassword, name: start..end + stop, value, join: Join::Position })
}

/// `user:password@tcp(host:3306)/db`, the data source of Go's MySQL driver: the cue is `@tcp(`.
pub(super) fn driver(bytes: &[u8], start: usize, end: usize) -> Option<Candidate> {
    let low = start.saturating_sub(100);
    let from = bytes[low..start]
        .iter()
        .rposition(|byte| byte.is_ascii_whitespace() || b"\"'`=/".contains(byte))
        .map_or(low, |at| low + at + 1);
    let colon = memchr::memchr(b':', &bytes[from..start]).filter(|colon| *colon > 0)?;
    let value = from + colon + 1..start;
    (!value.is_empty()).then_some(Candidate { sort: Sort::UrlPassword, name: from..end, value, join: Join::Position })
}
