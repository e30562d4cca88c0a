//! Which SSH host keys are trusted: lines of `known_hosts` (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

/// Where trusted host keys come from.
#[derive(Debug, Clone, Default)]
pub enum HostKeys {
    /// The user's and the machine's own files.
    #[default]
    Machine,
    /// This text, in the form of `known_hosts`.
    Text(Arc<str>),
}

/// What is known about a key that a host shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// It is the host's.
    Known,
    /// The host has other keys of this kind: somebody may stand in between.
    Changed,
    /// Nothing is known about the host.
    Unknown,
    /// The key is marked as revoked.
    Revoked,
}

impl HostKeys {
    /// Judges the key, in its wire form, that `host` showed on `port`.
    #[must_use]
    pub fn trust(&self, host: &str, port: u16, key: &[u8]) -> Trust {
        match self {
            Self::Text(text) => judge(text, host, port, key),
            Self::Machine => judge(&machine_files(), host, port, key),
        }
    }
}

fn machine_files() -> String {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".ssh/known_hosts"));
    let files = home.into_iter().chain([PathBuf::from("/etc/ssh/ssh_known_hosts")]);
    // a file that is not there trusts nobody, which is what it says
    files.filter_map(|file| std::fs::read_to_string(file).ok()).collect::<Vec<_>>().join("\n")
}

fn judge(text: &str, host: &str, port: u16, key: &[u8]) -> Trust {
    let host = host.to_ascii_lowercase();
    let name = if port == 22 { host } else { format!("[{host}]:{port}") };
    let kind = kind_of(key);
    let mut trust = Trust::Unknown;
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let Some(first) = words.next().filter(|word| !word.starts_with('#')) else { continue };
        let (mark, names) = match first {
            mark if mark.starts_with('@') => (Some(mark), words.next().unwrap_or_default()),
            names => (None, names),
        };
        let (Some(known_kind), Some(encoded)) = (words.next(), words.next()) else { continue };
        if !names_fit(names, &name) {
            continue;
        }
        let same = STANDARD.decode(encoded).is_ok_and(|known| known == key);
        match mark {
            Some("@revoked") if same => return Trust::Revoked,
            // certificates are not checked here: their authority's line proves nothing about a plain key
            Some(_) => {}
            None if same => trust = Trust::Known,
            None if trust == Trust::Unknown && kind == Some(known_kind.as_bytes()) => trust = Trust::Changed,
            None => {}
        }
    }
    trust
}

/// The name of the key's kind, which its wire form begins with (RFC 4253, section 6.6).
fn kind_of(key: &[u8]) -> Option<&[u8]> {
    let (length, rest) = key.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn names_fit(names: &str, name: &str) -> bool {
    if let Some(hashed) = names.strip_prefix("|1|") {
        return hashed_fits(hashed, name).unwrap_or(false);
    }
    let mut fits = false;
    for pattern in names.split(',') {
        match pattern.strip_prefix('!') {
            Some(excluded) if pattern_fits(excluded, name) => return false,
            Some(_) => {}
            None => fits |= pattern_fits(pattern, name),
        }
    }
    fits
}

fn hashed_fits(hashed: &str, name: &str) -> Option<bool> {
    let (salt, hash) = hashed.split_once('|')?;
    let mut mac = Hmac::<Sha1>::new_from_slice(&STANDARD.decode(salt).ok()?).ok()?;
    mac.update(name.as_bytes());
    Some(mac.verify_slice(&STANDARD.decode(hash).ok()?).is_ok())
}

/// `*` and `?`, as ssh has them.
fn pattern_fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern.eq_ignore_ascii_case(name);
    }
    let plain: String = pattern
        .chars()
        .map(|letter| match letter {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            letter => regex::escape(&letter.to_string()),
        })
        .collect();
    regex::Regex::new(&format!("(?i)^{plain}$")).is_ok_and(|regex| regex.is_match(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, body: &[u8]) -> Vec<u8> {
        let mut key = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        key.extend(kind.as_bytes());
        key.extend(body);
        key
    }

    #[test]
    fn lines_of_known_hosts() {
        let (ours, other) = (key("ssh-ed25519", b"ours"), key("ssh-ed25519", b"other"));
        let rsa = key("ssh-rsa", b"another kind");
        let encoded = STANDARD.encode(&ours);
        let salt = b"twenty bytes of salt";
        let mut mac = Hmac::<Sha1>::new_from_slice(salt).unwrap();
        mac.update(b"git.example.org");
        let hashed = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(mac.finalize().into_bytes()));
        let line = |names: &str| format!("# a comment\n{names} ssh-ed25519 {encoded} remark\n");
        let cases = [
            (line("git.example.org"), "git.example.org", 22, &ours, Trust::Known),
            (line("git.example.org"), "GIT.example.org", 22, &ours, Trust::Known),
            (line("a,git.example.org"), "git.example.org", 22, &ours, Trust::Known),
            (line("git.example.org"), "git.example.org", 22, &other, Trust::Changed),
            (line("git.example.org"), "git.example.org", 22, &rsa, Trust::Unknown),
            (line("git.example.org"), "git.example.org", 2222, &ours, Trust::Unknown),
            (line("[git.example.org]:2222"), "git.example.org", 2222, &ours, Trust::Known),
            (line("*.example.org"), "git.example.org", 22, &ours, Trust::Known),
            (line("*.example.org,!git.example.org"), "git.example.org", 22, &ours, Trust::Unknown),
            (line(&hashed), "git.example.org", 22, &ours, Trust::Known),
            (line(&hashed), "git.example.com", 22, &ours, Trust::Unknown),
            (line("@revoked git.example.org"), "git.example.org", 22, &ours, Trust::Revoked),
            (line("@cert-authority git.example.org"), "git.example.org", 22, &ours, Trust::Unknown),
            (String::new(), "git.example.org", 22, &ours, Trust::Unknown),
        ];
        for (text, host, port, key, expected) in cases {
            assert_eq!(HostKeys::Text(text.as_str().into()).trust(host, port, key), expected, "{text} {host}:{port}");
        }
    }
}
