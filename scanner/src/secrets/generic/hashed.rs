//! Hashes of passwords, which are no passwords.

/// Salted hashes in the modular crypt format: `$name$…`, `$name,parameters$…`.
const CRYPT_SCHEMES: &str = "1 1a 1c 2 2a 2b 2x 2y 5 6 7 y gy md5 sha1 P H S apr1 bcrypt scrypt pbkdf2 argon2 argon2i argon2d argon2id shiro1 ml krb5pa";

/// Salted hashes as they stand in password files: `$2b$…`, `pbkdf2_sha256$…`, `{SSHA}…`. They are no plaintext.
pub(super) fn is_hash_record(value: &[u8]) -> bool {
    let starts = |head: &[u8]| value.starts_with(head);
    // PostgreSQL's
    let md5 = value.strip_prefix(b"md5").is_some_and(|rest| rest.len() == 32 && rest.iter().all(u8::is_ascii_hexdigit));
    let mysql = starts(b"*") && value.len() == 41 && value[1..].iter().all(u8::is_ascii_hexdigit);
    // a dollar sign of a text for a shell or a template has a backslash before it
    let plain: Vec<u8> = value.iter().copied().filter(|byte| *byte != b'\\').collect();
    let crypt = plain.len() >= 20
        && plain.strip_prefix(b"$").is_some_and(|rest| {
            let scheme = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            matches!(rest.get(scheme), Some(b'$' | b',' | b'-'))
                && CRYPT_SCHEMES.split(' ').any(|known| known.as_bytes() == &rest[..scheme])
        });
    let ldap = value.first() == Some(&b'{')
        && [&b"{SHA"[..], b"{SSHA", b"{CRYPT}", b"{MD5}", b"{SMD5}", b"{PBKDF2", b"{BCRYPT}", b"{ARGON2}"]
            .iter()
            .any(|scheme| value.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    mysql
        || md5
        || crypt
        || ldap
        || starts(b"md5$")
        || starts(b"pbkdf2")
        || starts(b"scrypt:")
        || starts(b"bcrypt_sha256$")
        || starts(b"argon2$")
        || starts(b"SCRAM-SHA-")
        || starts(b"sha256:")
        || starts(b"sha512:")
        || starts(b"sha1$")
        || starts(b"sha256$")
        // what Huawei's routers print of a password they keep
        || [&b"%^%#"[..], b"%$%$", b"%@%@"].iter().any(|mark| starts(mark) && value.len() >= 24)
        || starts(b"ssh-rsa ")
        || starts(b"ssh-ed25519 ")
}

/// `salt$hash` in hexadecimal digits, `scheme$` before a salted hash, `sha1:salt:hash` as Jupyter has it.
pub(super) fn is_salted(value: &[u8]) -> bool {
    if let [b"sha1" | b"sha256" | b"sha512" | b"md5", salt, hash] =
        value.split(|byte| *byte == b':').collect::<Vec<_>>()[..]
    {
        return !salt.is_empty()
            && hash.len() >= 32
            && [salt, hash].iter().all(|part| part.iter().all(u8::is_ascii_hexdigit));
    }
    if value.strip_prefix(b"argon2:").is_some_and(is_hash_record) {
        return true;
    }
    let Some(dollar) = memchr::memchr(b'$', value).filter(|dollar| *dollar > 0) else { return false };
    let (head, rest) = (&value[..dollar], &value[dollar + 1..]);
    let hexadecimal = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    hexadecimal(head) && matches!(rest.len(), 32 | 40 | 64 | 96 | 128) && hexadecimal(rest)
        || head.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(byte))
            && (is_hash_record(rest) || is_hash_record(&value[dollar..]))
}

/// `user:` or `scheme|` and a salted hash; `user:x:0:`, whose hash stands elsewhere.
pub(super) fn of_password_file(value: &[u8]) -> bool {
    let user = value.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(byte)).count();
    let Some(hash) = value[user..].strip_prefix(b":").or_else(|| value[user..].strip_prefix(b"|")) else {
        return false;
    };
    let elsewhere = [&b"x:"[..], b"*:", b"!:", b"!!:"].iter().any(|mark| {
        hash.strip_prefix(*mark)
            .is_some_and(|rest| rest.first().is_none_or(|byte| byte.is_ascii_digit() || *byte == b':'))
    });
    // a compose file writes each dollar sign twice
    user > 0 && (elsewhere || is_hash_record(hash) || hash.starts_with(b"$$") && is_hash_record(&hash[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_password_files() {
        let hash = format!("$6${}", "Zq9x".repeat(8));
        for (value, expected) in [
            (format!("root:{hash}"), true),
            (format!("sha512|{hash}"), true),
            (format!("root:${hash}"), true),
            ("root:x:0:0:root:/root:/bin/sh".to_owned(), true),
            ("daemon:*:18375:0:99999:7:::".to_owned(), true),
            ("admin:x7:Kq9z".to_owned(), false),
            ("admin:Zq9x!rT".to_owned(), false),
            (hash.clone(), false),
        ] {
            assert_eq!(of_password_file(value.as_bytes()), expected, "{value}");
        }
        for (value, expected) in [
            (format!("a1b2${}", "0f".repeat(16)), true),
            (format!("bcrypt${hash}"), true),
            ("a1b2$0f0f".to_owned(), false),
            ("Zq9x$rT4v".to_owned(), false),
        ] {
            assert_eq!(is_salted(value.as_bytes()), expected, "{value}");
        }
    }
}
