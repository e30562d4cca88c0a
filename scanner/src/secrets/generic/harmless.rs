//! Values that are no secrets by their own form, whatever their names promise.

use super::words;

/// A hash with its name, a drawing, text of another script in escapes, a masked value, a regular expression, settings that hold the secret in
/// them, an attribute in a template, a requirement, the number of an issue, or what stands between two literals.
pub(super) fn is_harmless(value: &[u8]) -> bool {
    is_named_hash(value)
        || is_drawing(value)
        || is_escaped_text(value)
        || is_masked(value)
        || is_expression(value)
        || holds_settings(value)
        || is_attribute(value)
        || is_requirement(value)
        || is_issue(value)
        || is_between_literals(value)
        || is_bytes(value)
        || is_colour(value)
        || is_letter_of_icons(value)
        || is_annotation(value)
        || is_binding(value)
        || is_condition(value)
        || is_item(value)
        || is_encrypted_setting(value)
        || is_codec(value)
        || is_style(value)
        || is_signed(value)
        || is_mashed(value)
        || is_marked_message(value)
}

/// `sha256:` and its digits, at the end or as the whole.
fn is_named_hash(value: &[u8]) -> bool {
    let names = [&b"sha1:"[..], b"sha256:", b"sha384:", b"sha512:", b"md5:"];
    names.iter().any(|name| {
        memchr::memmem::find(value, name).is_some_and(|at| {
            let digits = &value[at + name.len()..];
            digits.len() >= 32 && digits.iter().all(u8::is_ascii_hexdigit)
        })
    })
}

/// The commands of an SVG path: `M3.27,4.27 L19.74,20.74`.
fn is_drawing(value: &[u8]) -> bool {
    matches!(value.first(), Some(b'M' | b'm'))
        && value.iter().filter(|byte| byte.is_ascii_digit()).count() >= 3
        && value.iter().any(|byte| matches!(byte, b',' | b' '))
        && value.iter().all(|byte| byte.is_ascii_digit() || b"MmLlHhVvCcSsQqTtAaZz.,- ".contains(byte))
}

/// `\u00e9`, `\u0001`: a letter beyond ASCII, so that this is text for people, or no letter at all. Unescaped it is judged once more.
fn is_escaped_text(value: &[u8]) -> bool {
    memchr::memmem::find_iter(value, b"\\u").any(|at| {
        let digits = value.get(at + 2..at + 6).and_then(|digits| std::str::from_utf8(digits).ok());
        let unit = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        unit.is_some_and(|unit| !(0x20..0x80).contains(&unit))
    })
}

/// What a report or a manual leaves of a secret: stars, or dots where it goes on.
fn is_masked(value: &[u8]) -> bool {
    memchr::memmem::find(value, b"***").is_some()
        || value.ends_with(b"...")
        || memchr::memmem::find(value, "…".as_bytes()).is_some()
}

/// `\x00`: a few bytes by their numbers, as protocols have them.
fn is_bytes(value: &[u8]) -> bool {
    value.len() < 32
        && value.len().is_multiple_of(4)
        && value
            .chunks(4)
            .all(|byte| matches!(byte, [b'\\', b'x', rest @ ..] if rest.iter().all(u8::is_ascii_hexdigit)))
}

/// The form of a secret in a rule, and no secret: `A-Za-z0-9+/]{86}==`.
fn is_expression(value: &[u8]) -> bool {
    let classes = [&b"A-Za-z"[..], b"a-zA-Z", b"A-Z0-9", b"a-z0-9", b"0-9a-f", b"0-9A-F"];
    let counted = |at: usize| value.get(at + 2).is_some_and(u8::is_ascii_digit);
    classes.iter().any(|class| memchr::memmem::find(value, class).is_some())
        // the brackets before it are passed like those of a list
        || value.starts_with(b"^") && value.contains(&b']')
        || memchr::memmem::find_iter(value, b"]{").any(counted)
}

/// `user=me&password=…`: the part that is the password is a candidate of its own.
fn holds_settings(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let names = [&b"user="[..], b"username=", b"password=", b"passwd=", b"pwd="];
    names
        .iter()
        .any(|name| memchr::memmem::find_iter(&lower, name).any(|at| at == 0 || b"&;? ".contains(&lower[at - 1])))
}

/// `$settings.MAIL_PASSWORD`, as Cheetah and Velocity write it.
fn is_attribute(value: &[u8]) -> bool {
    let Some(names) = value.strip_prefix(b"$") else { return false };
    let named = |part: &[u8]| {
        part.first().is_some_and(|first| first.is_ascii_alphabetic() || *first == b'_')
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
    };
    names.contains(&b'.') && names.strip_suffix(b"()").unwrap_or(names).split(|byte| *byte == b'.').all(named)
}

/// `SQLAlchemy-Utils>=0.33.5,<0.42.0`: a name with a version's bounds, PEP 508.
fn is_requirement(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.[]".contains(byte)).count();
    let bounds = &value[name..];
    let signs = [&b">="[..], b"<=", b"==", b"~=", b"!="];
    let version = |byte: &u8| byte.is_ascii_alphanumeric() || b".,<>=!~* ".contains(byte);
    name >= 2
        && signs.iter().any(|sign| bounds.starts_with(sign))
        && bounds.get(2).is_some_and(u8::is_ascii_digit)
        && bounds.contains(&b'.')
        && bounds.iter().all(version)
}

/// `#1952`.
fn is_issue(value: &[u8]) -> bool {
    value.strip_prefix(b"#").is_some_and(|digits| digits.len() < 7 && digits.iter().all(u8::is_ascii_digit))
}

/// `#aabbcc`.
fn is_colour(value: &[u8]) -> bool {
    matches!(value.len(), 4 | 5 | 7 | 9)
        && value.strip_prefix(b"#").is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// `\e034`, `F07F5`: a character of a font of icons, by its number in Unicode's areas for private use.
fn is_letter_of_icons(value: &[u8]) -> bool {
    let digits = &value[value.iter().take_while(|byte| **byte == b'\\').count()..];
    let number = std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
    (4..=5).contains(&digits.len())
        && number.is_some_and(|number| (0xe000..=0xf8ff).contains(&number) || (0xf0000..=0xfffff).contains(&number))
}

/// `auth_method=searchbind`: a setting of words, on which something else depends.
fn is_condition(value: &[u8]) -> bool {
    let Some(sign) = memchr::memchr(b'=', value) else { return false };
    let word = |part: &[u8]| part.len() >= 4 && part.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_');
    word(&value[..sign]) && word(&value[sign + 1..]) && words::is_wordy(&value[..sign])
}

/// `t[2]`: one of many.
fn is_item(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphabetic() || **byte == b'_').count();
    let digits = value[name..].strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    name > 0 && digits.is_some_and(|digits| (1..=2).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit))
}

/// `=fieldName`, `&onChange`: how a directive of Angular binds what its element hands over.
fn is_binding(value: &[u8]) -> bool {
    let name = value.get(1..).unwrap_or_default();
    value.first().is_some_and(|sign| b"=&<@".contains(sign))
        && name.iter().any(u8::is_ascii_lowercase)
        && name.iter().all(u8::is_ascii_alphabetic)
}

/// `utf-16LE`: how text is written down.
fn is_codec(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    [&b"utf"[..], b"latin", b"iso-8859", b"iso8859", b"windows-12", b"cp12"].iter().any(|family| {
        lower.strip_prefix(*family).is_some_and(|rest| {
            let rest = rest.strip_prefix(b"-").or_else(|| rest.strip_prefix(b"_")).unwrap_or(rest);
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || b"-_".contains(byte)).count();
            (1..=3).contains(&digits) && matches!(&rest[digits..], b"" | b"le" | b"be" | b"-sig" | b"sig")
        })
    })
}

/// `bg-[#214138]`, `border-[rgba(1,2,3,0.5)]`: a class of Tailwind's.
fn is_style(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_lowercase() || **byte == b'-').count();
    name >= 3 && value[..name].ends_with(b"-") && value.get(name) == Some(&b'[') && value.ends_with(b"]")
}

/// `ImFk…:1tQx2b:Kc0…`: a value that Django signed, which anybody may read.
fn is_signed(value: &[u8]) -> bool {
    let mut parts = value.rsplit(|byte| *byte == b':');
    let (Some(signature), Some(time), Some(data)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let url_safe = |part: &[u8]| part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    matches!(signature.len(), 27 | 43)
        && time.len() == 6
        && data.len() >= 4
        && [signature, time, data].into_iter().all(url_safe)
}

/// A hand on the home row of a keyboard.
fn is_mashed(value: &[u8]) -> bool {
    let home = value.iter().filter(|byte| b"asdfghjkl;".contains(&byte.to_ascii_lowercase())).count();
    let letters = value.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    value.len() >= 12 && letters >= 10 && home * 10 >= letters * 9
}

/// `crwdns24002:0crwdne24002:0`: what Crowdin puts in the place of a message, so that it can be translated where it is shown.
fn is_marked_message(value: &[u8]) -> bool {
    value.starts_with(b"crwdns") && memchr::memmem::find(value, b"crwdne").is_some()
}

/// Base64 of a key's length that was encrypted for a service: what `secret:` stands before in a setting of Codecov's.
fn is_encrypted_setting(value: &[u8]) -> bool {
    let bare = value.strip_suffix(b"==").or_else(|| value.strip_suffix(b"=")).unwrap_or(value);
    matches!(value.len(), 172 | 344 | 684)
        && bare.len() < value.len()
        && bare.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(byte))
}

/// `Optional[str]`, `str | None`: a type, as Python's annotations may have it in quotes.
fn is_annotation(value: &[u8]) -> bool {
    let name = value.iter().take_while(|byte| byte.is_ascii_alphabetic() || b"._".contains(byte)).count();
    let kind = value.iter().all(|byte| byte.is_ascii_alphabetic() || b" [],|_.".contains(byte));
    let generic = value.get(name) == Some(&b'[') && value.ends_with(b"]");
    kind && name >= 3 && (generic || memchr::memmem::find(value, b" | ").is_some())
}

/// `').encode('`: code from the end of one literal to the begin of the next.
fn is_between_literals(value: &[u8]) -> bool {
    matches!(value, [b')', b'.' | b',' | b')' | b':' | b']' | b' ', ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let digits = "0123456789abcdef".repeat(4);
        let cases = [
            (format!("sha256:{digits}"), true),
            (format!("image@sha256:{digits}"), true),
            (format!("sha256~{digits}"), false),
            ("sha256:short".to_owned(), false),
            ("M3.27,4.27 L19.74,20.74".to_owned(), true),
            ("M4st3r,C4st".to_owned(), false),
            ("jelsz\\u00f3".to_owned(), true),
            ("a\\u0026b7!".to_owned(), false),
            ("\\u0002\\u00010".to_owned(), true),
            ("nAH2VzKrMr***".to_owned(), true),
            ("a**b*c7".to_owned(), false),
            ("A-Za-z0-9+/]{86}==".to_owned(), true),
            ("x]{20,40}".to_owned(), true),
            ("xA-Zk9]{q".to_owned(), false),
            ("user=admin&amp;".to_owned(), true),
            ("Server=db;Pwd=x".to_owned(), true),
            ("superuser=7!x".to_owned(), false),
            ("$settings.MAIL_PASSWORD".to_owned(), true),
            ("$row.secret()".to_owned(), true),
            ("$row.9secret".to_owned(), false),
            ("$summer.!2".to_owned(), false),
            ("SQLAlchemy-Utils>=0.33.5,<0.42.0".to_owned(), true),
            ("passlib[bcrypt]~=1.7".to_owned(), true),
            ("ab>=7".to_owned(), false),
            ("Xy9>=q.z1".to_owned(), false),
            ("#1952".to_owned(), true),
            ("#1952a".to_owned(), false),
            (").encode(".to_owned(), true),
            (")k3y(".to_owned(), false),
            ("ATATT3xFfGF0...".to_owned(), true),
            ("a...b7!".to_owned(), false),
            ("#aabbcc".to_owned(), true),
            ("#aabbcz".to_owned(), false),
            ("#abcde".to_owned(), false),
            ("\\e034".to_owned(), true),
            ("\\\\f101".to_owned(), true),
            ("F07F5".to_owned(), true),
            ("7a7f5".to_owned(), false),
            ("auth_method=searchbind".to_owned(), true),
            ("qzrwx=hptvk".to_owned(), false),
            ("t[2]".to_owned(), true),
            ("t[2]x!".to_owned(), false),
            ("^\\x00]+".to_owned(), true),
            ("^x00+".to_owned(), false),
            ("=hzPasswordMatch".to_owned(), true),
            ("=hz7Match".to_owned(), false),
            (format!("{}=", "qZ7+".repeat(43).split_at(171).0), true),
            (format!("{}=", "qZ7+".repeat(30).split_at(111).0), false),
            ("Optional[str]".to_owned(), true),
            ("bytes | None".to_owned(), true),
            ("dict[str, Any]".to_owned(), true),
            ("a[b]9!".to_owned(), false),
            ("\\x00".to_owned(), true),
            ("\\x00k7!".to_owned(), false),
            ("utf-16LE".to_owned(), true),
            ("bg-[#214138]".to_owned(), true),
            ("bg-#214138]".to_owned(), false),
            (format!("ImFkbWluIg:1tQx2b:{}", "Kc0-xZ".repeat(5).split_at(27).0), true),
            ("user:secret:qZx9".to_owned(), false),
            ("asdlkjflaskdjflkajsdlfkj34543".to_owned(), true),
            ("alfalfasalads".to_owned(), true),
            ("kd8sjf7Qmvz2".to_owned(), false),
            ("crwdns24002:0crwdne24002:0".to_owned(), true),
            ("crwdns24002:0".to_owned(), false),
            ("utf8".to_owned(), true),
            ("iso-8859-15".to_owned(), true),
            ("utfk9-q7".to_owned(), false),
        ];
        for (value, expected) in cases {
            assert_eq!(is_harmless(value.as_bytes()), expected, "{value}");
        }
    }
}
