//! Values that are code: expressions, paths, names of files, holes of templates.

use std::ops::Range;

use super::words;

/// `sha512(request.form[`, `access_token[`: an expression, cut off where a quote began.
pub(super) fn is_begun_call(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte)).count();
    name >= 3
        && matches!(value.get(name), Some(b'(' | b'['))
        && !value[0].is_ascii_digit()
        && !value[name..].iter().any(|byte| b"!@#$%^&*?".contains(byte))
        && !words::is_rare(&value[..name])
}

/// `ask=options.ask_pass)`, `-Password (ConvertTo-SecureString …`: the last argument of a call, the first word of another.
pub(super) fn is_part_of_call(value: &[u8]) -> bool {
    let brackets = value.iter().rev().take_while(|byte| **byte == b')').count();
    let name = &value[..value.len() - brackets];
    let named = |byte: &u8| byte.is_ascii_alphabetic() || b"_.".contains(byte);
    let argument = brackets > 0 && name.len() >= 3 && name.iter().all(named);
    let verb = value.strip_prefix(b"(").is_some_and(|verb| {
        verb.len() >= 4 && verb.contains(&b'-') && verb.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'-')
    });
    (argument || verb) && words::is_wordy(value)
}

/// `$asciiHex`: what a shell fills in, where no quotes keep it from that.
pub(super) fn is_variable(value: &[u8]) -> bool {
    value.strip_prefix(b"$").is_some_and(|name| {
        name.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    })
}

/// `pwd: result.pwd`: the part of something that has the name.
pub(super) fn is_member_of_the_name(lower: &[u8], name: &[u8]) -> bool {
    let lower = lower.strip_suffix(b",").unwrap_or(lower);
    let Some(dot) = memchr::memrchr(b'.', lower).filter(|dot| *dot > 0) else { return false };
    let member = &lower[dot + 1..];
    member.len() >= 3
        && name.ends_with(member)
        && lower[..dot].iter().all(|byte| byte.is_ascii_lowercase() || b"._".contains(byte))
}

/// Ends of names of files.
const FILES: &[&str] = &[
    ".key",
    ".pem",
    ".json",
    ".crt",
    ".txt",
    ".yml",
    ".yaml",
    ".py",
    ".js",
    ".pub",
    ".p12",
    ".pfx",
    ".jks",
    ".cer",
    ".der",
    ".ini",
    ".conf",
    ".cfg",
    ".toml",
    ".xml",
    ".html",
    ".php",
    ".env",
    ".log",
    ".csv",
    ".asc",
    ".gpg",
    ".keystore",
    ".sqlite",
    ".so",
    ".dll",
    ".dylib",
    ".exe",
    ".jar",
    ".zip",
    ".tgz",
    ".png",
    ".svg",
];

/// Paths, URLs, dotted names, calls, format strings, dates, versions.
pub(super) fn is_code(value: &[u8]) -> bool {
    let starts = |head: &[u8]| value.starts_with(head);
    let has = |needle: &[u8]| memchr::memmem::find(value, needle).is_some();
    let identifier = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_');
    let dotted = value.contains(&b'.')
        && value
            .split(|byte| *byte == b'.')
            .all(|part| !part.is_empty() && part.iter().all(identifier) && !part[0].is_ascii_digit())
        && !words::is_rare(value);
    let path =
        (starts(b"/") || starts(b"./") || starts(b"../") || starts(b"~/") || starts(b"C:\\")) && !words::is_rare(value);
    let path = path || starts(b"..") && value.contains(&b'\\');
    let call = value.ends_with(b")") && value.contains(&b'(')
        || value.ends_with(b"()")
        || has(b"->")
        || has(b"=>")
        || has(b"::");
    let list = value.contains(&b',')
        && value.split(|byte| *byte == b',').all(|part| part.len() <= 8 && part.iter().all(u8::is_ascii_alphanumeric));
    let validation = value.contains(&b'|')
        && [&b"required"[..], b"nullable", b"sometimes", b"confirmed", b"string|"].iter().any(|word| starts(word));
    let file = FILES.iter().any(|end| value.ends_with(end.as_bytes()));
    let constant =
        value.strip_prefix(b"0x").is_some_and(|digits| digits.len() <= 8 && digits.iter().all(u8::is_ascii_hexdigit));
    // an object identifier of SNMP's, whatever is behind it
    let object = starts(b"1.3.6.1.");
    let numbers = value.iter().all(|byte| byte.is_ascii_digit() || b".-:/ T+Z_,".contains(byte))
        && (value.len() < 6 || value.iter().any(|byte| b".-:/ ,_".contains(byte)));
    has(b"://") && !has(b"@")
        || starts(b"http") && has(b"://")
        || dotted
        || path
        || call
        || list
        || validation
        || file
        || numbers
        || constant
        || object
        || starts(b"urn:")
        || starts(b"data:")
        || has(b"==") && value.len() < 12
        || starts(b"--")
        || starts(b"[")
        || starts(b"{\"")
}

/// `<put your word here>`, of which a blank cut off the rest; `{token}` and what else braces hold.
pub(super) fn is_begun_hole(bytes: &[u8], value: &Range<usize>) -> bool {
    let line = &bytes[value.start..bytes.len().min(value.end + 60)];
    let line = &line[..memchr::memchr(b'\n', line).unwrap_or(line.len())];
    let closed = |sign: u8| memchr::memchr(sign, line).is_some();
    match line {
        [b'<', first, ..] => (first.is_ascii_alphabetic() || *first == b'/') && closed(b'>'),
        [b'{', first, ..] => (first.is_ascii_alphabetic() || b"_`(".contains(first)) && closed(b'}'),
        _ => false,
    }
}

/// What a minified script has behind a name that nobody put in quotes: operators, the end of a call, more names with their values.
pub(super) fn is_script(value: &[u8]) -> bool {
    let has = |needle: &[u8]| memchr::memmem::find(value, needle).is_some();
    let named = |part: &[u8]| {
        let name = part.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_$.".contains(byte)).count();
        name > 0 && !part[0].is_ascii_digit() && matches!(part.get(name), Some(b':' | b'='))
    };
    let listed = value.split(|byte| *byte == b',').skip(1).filter(|part| named(part)).count();
    let negated = value.strip_prefix(b"!").is_some_and(|rest| {
        let rest = rest.strip_prefix(b"!").unwrap_or(rest);
        rest.starts_with(b"0,")
            || rest.starts_with(b"1,")
            || rest.len() > 3 && rest.iter().all(|byte| byte.is_ascii_alphabetic() || b"_.(".contains(byte))
    });
    // `MYSQL_PASS,sql_db=MYSQL_DB`: the next argument
    let first = value.split(|byte| *byte == b',').next().unwrap_or_default();
    let argument = first.len() >= 3 && first.iter().all(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    listed >= if argument { 1 } else { 2 }
        || negated
        || [&b"),"[..], b"},", b"||", b"&&", b"===", b"))}", b"+\":\"+", b"+':'+"].iter().any(|sign| has(sign))
}

/// `{{ lookup('x', password=name) }}`: what has no quotes between such braces is a name.
pub(super) fn in_braces(bytes: &[u8], value: &Range<usize>) -> bool {
    let head = &bytes[value.start.saturating_sub(200)..value.start];
    let head = &head[memchr::memrchr(b'\n', head).map_or(0, |newline| newline + 1)..];
    memchr::memmem::rfind(head, b"{{").is_some_and(|open| memchr::memmem::find(&head[open..], b"}}").is_none())
}

/// YAML's tags: `!Ref`, `!Sub`, `!secret`, `!encrypted/pkcs1-oaep` and what follows is filled in elsewhere.
pub(super) fn is_tag(value: &[u8]) -> bool {
    let Some(name) = value.strip_prefix(b"!") else { return false };
    let simple = name.len() < 15 && name.iter().all(u8::is_ascii_alphabetic);
    let named = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"/-_".contains(byte);
    simple || name.contains(&b'/') && name.len() < 32 && name.iter().all(named)
}
