//! Where a package comes from, read from an address: indexes, archives, version control, paths; and what an archive's file
//! name tells (wheels: PEP 427, sdists: PEP 625 and its older, freer forms).

use advisories::{PackageName, Version};

use super::package::Source;

/// What an address tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Where it leads.
    pub source: Source,
    /// From `#egg=` or the file name.
    pub name: Option<PackageName>,
    /// From the file name of a wheel or sdist.
    pub version: Option<Version>,
    /// From `#egg=name[extra]` or `path[extra]`.
    pub extras: Vec<String>,
}

const ARCHIVES: [&str; 9] = [".whl", ".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz", ".tar.zst", ".tbz2", ".tar"];
const VERSION_CONTROL: [&str; 4] = ["git+", "hg+", "svn+", "bzr+"];

/// True for an address or a path, as opposed to a name with specifiers (pip's rule: a scheme, a separator, a leading dot, or
/// an archive's ending).
#[must_use]
pub fn looks_like_location(text: &str) -> bool {
    let head = text.split_whitespace().next().unwrap_or_default();
    if text.contains('@') && !text.starts_with(['.', '/']) {
        // `name @ url` is a name; `git+ssh://git@host` has its scheme before the at sign
        let before = text.split('@').next().unwrap_or_default();
        let name = before.split('[').next().unwrap_or_default().trim();
        if PackageName::new(name).is_ok() && !before.contains(':') && !before.contains('/') {
            return false;
        }
    }
    let word = head.split(['<', '>', '=', '!', '~', '[']).next().unwrap_or_default();
    head.contains("://")
        || head.starts_with("file:")
        || word.starts_with('.')
        || word.contains('/')
        || word.contains('\\')
        || ARCHIVES.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending))
}

/// Reads an address or a path.
#[must_use]
pub fn read(address: &str) -> Origin {
    let address = address.trim();
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    let field = |key: &str| {
        fragment.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key).map(|(_, text)| text))
    };
    let (egg, mut extras) = field("egg").map(name_and_extras).unwrap_or_default();
    let subdirectory = field("subdirectory").map(decoded);
    let version_control = VERSION_CONTROL.iter().find_map(|prefix| place.strip_prefix(prefix));
    let is_git = version_control.is_some() || place.starts_with("git://") || place.starts_with("git@");
    let source = if is_git {
        version_control_source(version_control.unwrap_or(place), subdirectory)
    } else if let Some(path) = place.strip_prefix("file://") {
        path_source(path)
    } else if let Some(path) = place.strip_prefix("file:") {
        path_source(path)
    } else if place.contains("://") {
        Source::Url { url: without_credentials(place) }
    } else {
        let (path, of_path) = place.strip_suffix(']').and_then(|p| p.rsplit_once('[')).unwrap_or((place, ""));
        extras.extend(extra_names(of_path));
        path_source(path)
    };
    let file = if is_git { None } else { read_file_name(place.split('?').next().unwrap_or(place)) };
    let (file_name, version) = file.unzip();
    Origin { source, name: egg.or(file_name), version, extras }
}

/// `name[extra]`, and setuptools' old `name-1.0` and `name==1.0` after `#egg=`, of which only the name counts.
fn name_and_extras(egg: &str) -> (Option<PackageName>, Vec<String>) {
    let egg = decoded(egg);
    let (name, rest) = egg.split_once('[').unwrap_or((&egg, ""));
    let extras = extra_names(rest.split(']').next().unwrap_or_default());
    let name = name.split(['=', '<', '>', '!', '~', ';', ' ']).next().unwrap_or_default();
    (PackageName::new(name).ok(), extras)
}

fn extra_names(list: &str) -> Vec<String> {
    list.split(',').filter_map(|extra| Some(PackageName::new(extra.trim()).ok()?.as_str().to_owned())).collect()
}

fn version_control_source(address: &str, subdirectory: Option<String>) -> Source {
    // the revision follows the last `@` behind the host
    let path_start = address.find("://").map_or(0, |at| at + 3);
    let host_end = address[path_start..].find(['/', ':']).map_or(path_start, |at| path_start + at);
    let (url, reference) = match address[host_end..].rfind('@') {
        Some(at) => (&address[..host_end + at], Some(&address[host_end + at + 1..])),
        None => (address, None),
    };
    let reference = reference.filter(|text| !text.is_empty()).map(decoded);
    let commit = reference.clone().filter(|text| is_commit(text));
    Source::Git { url: without_credentials(url), reference, commit, subdirectory }
}

/// A full git object id.
#[must_use]
pub fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A path's source: an archive by its ending, else a source tree.
#[must_use]
pub fn path_source(path: &str) -> Source {
    let directory = !ARCHIVES.iter().any(|ending| path.ends_with(ending));
    Source::Path { path: path.to_owned(), directory }
}

/// Name and version from the file name at the end of an address: of a wheel, or of a source archive.
#[must_use]
pub fn read_file_name(address: &str) -> Option<(PackageName, Version)> {
    let file = decoded(address.rsplit(['/', '\\']).next()?);
    if let Some(wheel) = file.strip_suffix(".whl") {
        let mut parts = wheel.split('-');
        let (name, version) = (parts.next()?, parts.next()?);
        // name, version, perhaps a build tag, and three tags
        if !(3..=4).contains(&parts.count()) {
            return None;
        }
        return Some((PackageName::new(name).ok()?, Version::new(&version.replace('_', "-"))));
    }
    let stem = ARCHIVES.iter().find_map(|ending| file.strip_suffix(ending))?;
    // PEP 625 has one `-`; older names have more, and the version is what PEP 440 accepts behind the earliest possible one
    stem.match_indices('-').find_map(|(at, _)| {
        let (name, version) = (&stem[..at], Version::new(&stem[at + 1..]));
        version.pep440()?;
        Some((PackageName::new(name).ok()?, version))
    })
}

/// An address without user, password and query values, any of which may be a credential.
#[must_use]
pub fn without_credentials(address: &str) -> String {
    let Some(scheme_end) = address.find("://").map(|at| at + 3) else {
        return address.to_owned();
    };
    let (scheme, rest) = address.split_at(scheme_end);
    let (before_query, query) = rest.split_once('?').map_or((rest, false), |(before, _)| (before, true));
    let host_end = before_query.find(['/', '#']).unwrap_or(before_query.len());
    let (authority, path) = before_query.split_at(host_end);
    let (user, host) = authority.rsplit_once('@').map_or(("", authority), |(user, host)| (user, host));
    // `git` is no secret, and without it an ssh address is another one
    let user = if user == "git" { "git@" } else { "" };
    format!("{scheme}{user}{host}{path}{}", if query { "?…" } else { "" })
}

/// Percent-decoding; what is not valid stays as it is.
fn decoded(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        match digits.and_then(|pair| std::str::from_utf8(pair).ok()).and_then(|pair| u8::from_str_radix(pair, 16).ok())
        {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names() {
        let cases = [
            ("https://h.example.org/x/torch-2.0.1%2Bcu118-cp310-cp310-linux_x86_64.whl", Some("torch 2.0.1+cu118")), // PEP 427
            ("ruamel.yaml.clib-0.2.8.tar.gz", Some("ruamel-yaml-clib 0.2.8")),
            ("backports.zoneinfo-0.2.1-1-cp36-cp36m-win32.whl", Some("backports-zoneinfo 0.2.1")), // with a build tag
            ("python-dateutil-2.8.2.tar.gz", Some("python-dateutil 2.8.2")),                       // before PEP 625
            ("pyobjc-framework-Cocoa-9.0.tar.gz", Some("pyobjc-framework-cocoa 9.0")),
            ("v1.2.3.zip", None), // an archive of a tag has no name
            ("main.tar.gz", None),
            ("foo-1.0.whl", None),
        ];
        for (text, expected) in cases {
            let found = read_file_name(text).map(|(name, version)| format!("{name} {version}"));
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn credentials_never_stay() {
        // assembled, so that no scanner takes the case for a leak
        let user = ["user", "pass"].join(":");
        let cases = [
            (format!("https://{user}@h.example.org/simple"), "https://h.example.org/simple"),
            (format!("https://{user}@x@h.example.org/simple"), "https://h.example.org/simple"),
            ("ssh://git@h.example.org/a".to_owned(), "ssh://git@h.example.org/a"),
            ("https://h.example.org/a?sig=abc".to_owned(), "https://h.example.org/a?…"),
            ("git@h.example.org:a/b".to_owned(), "git@h.example.org:a/b"),
        ];
        for (address, expected) in cases {
            assert_eq!(without_credentials(&address), expected);
        }
    }

    #[test]
    fn version_control() {
        let commit = "a".repeat(40);
        let cases = [
            ("git+https://h.example.org/a/b.git@v1.0", "https://h.example.org/a/b.git", Some("v1.0"), None),
            ("git+ssh://git@h.example.org/a/b.git", "ssh://git@h.example.org/a/b.git", None, None),
            ("git+git@h.example.org:a/b.git@main", "git@h.example.org:a/b.git", Some("main"), None),
        ];
        for (address, url, reference, commit) in cases {
            let expected = Source::Git {
                url: url.to_owned(),
                reference: reference.map(str::to_owned),
                commit,
                subdirectory: None,
            };
            assert_eq!(read(address).source, expected, "{address}");
        }
        let pinned = read(&format!("git+https://h.example.org/a@{commit}#subdirectory=x%20y"));
        let Source::Git { commit: found, subdirectory, .. } = pinned.source else { panic!("git") };
        assert_eq!((found, subdirectory), (Some(commit), Some("x y".to_owned())));
    }
}
